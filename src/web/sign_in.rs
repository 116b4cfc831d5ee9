//! `/auth/login`, `/auth/callback`: to the provider and back.

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};

use super::client_ip;
use super::form::{Form, NoText, Repeated};
use super::page::{self, Guest, Visitor};
use super::refusal::Refusal;
use super::request_id::RequestId;
use super::site::{ATTEMPTS_MAX, REMOVALS_MAX, see_other};
use super::user_agent;
use super::views::{Problem, SignInFailed, SignInFailure};
use crate::flow::attempt;
use crate::flow::login::{Answer, Failed, LoginError, SignIn};
use crate::flow::provider_error::{ProviderError, ProviderErrorKind};
use crate::flow::return_to::ReturnTo;
use crate::oidc::{InvalidAnswer, OidcError, Outage, TokenFlaw};
use crate::store::sessions::SignInOrigin;

/// What `as` may say: the provider is to ask who signs in.
const SOMEBODY_ELSE: &str = "somebody-else";

/// GET `/auth/login?return_to=&as=`: 303 to the provider. Nothing is written but
/// a cookie, so following the link unasked does no harm (LR-8).
pub async fn login(visitor: Guest, sign_in: web::Data<SignIn>) -> Result<HttpResponse, Error> {
    let query = visitor.query()?;
    let return_to = match query.one("return_to") {
        Ok(None | Some("")) => sign_in.return_to().home(),
        Ok(Some(text)) => {
            let checked = sign_in.return_to().check(text);
            checked.map_err(|_| visitor.refuse(Problem::InvalidRequest))?
        }
        Err(Repeated) => return Err(visitor.refuse(Problem::InvalidRequest)),
    };
    let somebody_else = match query.one("as") {
        Ok(None) => false,
        Ok(Some(SOMEBODY_ELSE)) => true,
        _ => return Err(visitor.refuse(Problem::InvalidRequest)),
    };
    let (url, attempt) = match sign_in.begin(&return_to, somebody_else).await {
        Ok(begun) => begun,
        Err(error) => {
            tracing::warn!(event = "sign_in_not_begun", reason = error.code(), %error);
            return Err(visitor.refuse_told(Problem::ProviderUnavailable));
        }
    };
    let site = visitor.site();
    let mut response = see_other(url.as_str());
    let under_way = site.attempts(visitor.request());
    let values: Vec<&str> = under_way.iter().map(|(_, value)| *value).collect();
    let surplus = sign_in.surplus_attempts(&values, ATTEMPTS_MAX - 1);
    for at in surplus.into_iter().take(REMOVALS_MAX) {
        response.cookie(site.removal(under_way[at].0));
    }
    Ok(response.cookie(site.attempt_cookie(&attempt)).finish())
}

/// GET `/auth/callback`: 303 to where the person wanted to go.
pub async fn callback(visitor: Guest, sign_in: web::Data<SignIn>) -> Result<HttpResponse, Error> {
    let query = Form::of_query(visitor.request());
    let answer = query.map_err(|NoText| Repeated);
    let Ok(answer) = answer.and_then(|query| parse(&query)) else {
        tracing::info!(event = "sign_in_failed", reason = "parameters");
        let home = sign_in.return_to().home();
        return Ok(failed(&visitor, &home, SignInFailure::AnswerRefused));
    };
    let site = visitor.site();
    let label = attempt::label(&answer.state);
    let sealed = site.attempt(visitor.request(), &label);
    let earlier = site.session(visitor.request());
    let origin = SignInOrigin {
        browser: Some(user_agent::words(visitor.request())),
        address: client_ip::address(visitor.request()),
    };
    let outcome = sign_in.finish(answer, sealed, earlier.as_ref(), &origin);
    let outcome = outcome.await;
    let mut response = match outcome {
        Ok(welcome) => {
            let seconds = (welcome.ends_at - sign_in.now()).num_seconds();
            let cookie = site.session_cookie(&welcome.secret, seconds);
            see_other(welcome.return_to.as_str())
                .cookie(cookie)
                .finish()
        }
        Err(failed) => refused(&visitor, &failed)?,
    };
    // Whatever came of it, the attempt is over. An attempt that is not this
    // browser's has no cookie here, and nothing is removed (CB-6).
    if sealed.is_some() {
        let removed = response.add_cookie(&site.attempt_removal(&label));
        if removed.is_err() {
            return Err(visitor.refuse(Problem::Internal));
        }
    }
    Ok(response)
}

/// The query as one type: each parameter once, and exactly one of `code` and
/// `error`. Tokens in an address were never asked for (CB-7, CB-8, CB-9).
fn parse(query: &Form) -> Result<Answer, Repeated> {
    let one = |name: &str| query.one(name).map(|value| value.map(str::to_owned));
    let state = one("state")?.filter(|state| !state.is_empty());
    let code = one("code")?.filter(|code| !code.is_empty());
    let error = one("error")?;
    one("error_description")?;
    let iss = one("iss")?;
    let fragment = ["id_token", "access_token", "token_type"];
    let tokens = fragment.iter().any(|name| query.all(name).next().is_some());
    let (Some(state), false) = (state, tokens) else {
        return Err(Repeated);
    };
    let outcome = match (code, error) {
        (Some(code), None) => Ok(code.into()),
        (None, Some(error)) => Err(ProviderError::parse(&error)),
        _ => return Err(Repeated),
    };
    Ok(Answer {
        state,
        outcome,
        iss,
    })
}

fn refused(visitor: &Visitor, Failed { error, return_to }: &Failed) -> Result<HttpResponse, Error> {
    match error {
        // Not the person's doing: the operator or the provider has to act.
        LoginError::Upstream(_) | LoginError::Store(_) | LoginError::Seal(_) => {
            tracing::warn!(event = "sign_in_failed", reason = error.code(), %error);
        }
        // Told where it was found, with whom it kept out.
        LoginError::Blocked => {}
        _ => tracing::info!(event = "sign_in_failed", reason = error.code()),
    }
    let over = matches!(
        error,
        LoginError::AttemptMissing | LoginError::AttemptSpent | LoginError::AttemptExpired
    );
    if over && visitor.caller().is_some() {
        // The back button after a sign-in, or another tab was faster: there is
        // nothing to repeat, and nothing to complain of.
        return Ok(see_other(return_to.as_str()).finish());
    }
    let failure = match error {
        LoginError::AttemptMissing => SignInFailure::CookieMissing,
        LoginError::StateForeign | LoginError::AttemptForeign => SignInFailure::AttemptUnknown,
        LoginError::AttemptExpired => SignInFailure::AttemptExpired,
        LoginError::AttemptSpent => SignInFailure::AttemptSpent,
        LoginError::Provider(said) => match said.kind {
            ProviderErrorKind::Declined => SignInFailure::Declined,
            ProviderErrorKind::Unfinished => SignInFailure::Unfinished(said.code),
            ProviderErrorKind::Busy => SignInFailure::ProviderBusy,
            ProviderErrorKind::Broken => SignInFailure::ProviderFailed,
            ProviderErrorKind::Settings => SignInFailure::Misconfigured(said.code),
            ProviderErrorKind::Unknown => SignInFailure::ProviderError,
        },
        LoginError::Upstream(OidcError::Refused(InvalidAnswer::IdToken(TokenFlaw::TooLarge))) => {
            SignInFailure::TokenTooLarge
        }
        LoginError::Upstream(OidcError::Refused(_)) => SignInFailure::AnswerRefused,
        LoginError::Upstream(OidcError::Unavailable(Outage::Resting)) => {
            SignInFailure::ProviderBusy
        }
        LoginError::Upstream(OidcError::Unavailable(_) | OidcError::Denied(..)) => {
            SignInFailure::ProviderFailed
        }
        LoginError::Blocked => SignInFailure::Blocked,
        LoginError::LoggedOut => SignInFailure::LoggedOut,
        LoginError::Store(error) => return Err(visitor.store_failed(error)),
        LoginError::Seal(_) => return Err(visitor.refuse_told(Problem::Internal)),
    };
    Ok(failed(visitor, return_to, failure))
}

fn failed(visitor: &Visitor, return_to: &ReturnTo, failure: SignInFailure) -> HttpResponse {
    let page = SignInFailed {
        frame: visitor.frame(),
        failure,
        return_to: return_to.as_str().to_owned(),
        reference: RequestId::of(visitor.request()),
    };
    let status = StatusCode::from_u16(failure.status());
    let page = page::show(status.unwrap_or(StatusCode::BAD_REQUEST), &page);
    Refusal::told("sign_in_failed").mark(page)
}
