//! Sign-in and sign-out: `/auth/login` and `/auth/callback`, `/auth/logout`, `/auth/signed-out` and
//! `/auth/somebody-else`, and `/auth/backchannel-logout` for the provider.
//!
//! A sign-out deletes the session before the browser goes anywhere. The ways to the provider (to
//! its sign-out, or to a sign-in with another account) start from a page of ours, because a form
//! may not redirect to another origin (`form-action 'self'`).
//!
//! If the provider does not announce account choice, a sign-in as another user has four steps:
//! `/auth/somebody-else`, the provider's sign-out, `/auth/signed-out`, `/auth/login`. A cookie that
//! the third step removes leads to the fourth, so the steps cannot loop.

use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};

use super::error::{Answer, Refusal, problem_of_store};
use super::extract::{Page, SentForm, SessionCookie, SessionOnly, Submitted, Visitor};
use super::form::{Form, Repeated};
use super::oauth::authorize;
use super::page::show;
use super::site::{Site, see_other};
use super::views::problem::{self as problems, Problem};
use super::views::{Next, SignedOut};
use super::{body, client_ip, to_provider, user_agent};
use crate::domain::session::SignInOrigin;
use crate::fingerprint::pseudonym;
use crate::flow::attempt;
use crate::flow::back_channel::{BackChannel, BackChannelError};
use crate::flow::login::{
    CallbackQuery, InvalidAnswer, LoginError, NewSession, OidcError, Outage, ProviderError,
    ProviderErrorKind, SignIn, SignInFailed, SignInPrompt, TokenFlaw,
};
use crate::flow::oauth::authorize::Authorization;
use crate::flow::sign_out::{Onward, SignOut, Ticket};
use crate::flow::{EndedSession, LiveSession};

/// Value of the query's `as` and of a form's `then`: sign in with another account.
const SOMEBODY_ELSE: &str = "somebody-else";

/// GET `/auth/login?return_to=&as=`: 303 to the provider. It only sets a cookie, so a forged link
/// does no harm (LR-8).
pub async fn login(_: Visitor<SessionOnly>, page: Page, sign_in: web::Data<SignIn>) -> Answer {
    let invalid = || Refusal::new(problems::INVALID_REQUEST);
    let query = page.query()?;
    let return_to = match query.one("return_to")? {
        None | Some("") => sign_in.home(),
        Some(text) => sign_in.return_to(text).map_err(|_| invalid())?,
    };
    let other_account = match query.one("as")? {
        None => false,
        Some(SOMEBODY_ELSE) => true,
        Some(_) => return Err(invalid()),
    };
    let how = SignInPrompt {
        choose_account: other_account,
        ..SignInPrompt::default()
    };
    to_provider::begin(&page, &sign_in, &return_to, &how).await
}

/// GET `/auth/callback`: 303 to the page that the user wanted.
pub async fn callback(
    visitor: Visitor<SessionOnly>,
    page: Page,
    sign_in: web::Data<SignIn>,
    authorization: web::Data<Authorization>,
) -> Answer {
    let (request, site) = (page.request(), page.site());
    let query = Form::of_query(request).ok();
    let Some(answer) = query.and_then(|query| parse(&query).ok()) else {
        let code = problems::ANSWER_REFUSED.code;
        tracing::info!(event = "sign_in_failed", code, reason = "parameters");
        let home = sign_in.home();
        let refusal = Refusal::new(problems::ANSWER_REFUSED).returning_to(home.as_str());
        return Err(refusal.logged());
    };
    let label = attempt::label(&answer.state);
    let sealed = site.cookies().attempt(request, &label);
    let earlier = site.cookies().session(request);
    let origin = SignInOrigin {
        browser: Some(user_agent::words(request)),
        address: client_ip::address(request).map(|address| address.to_string()),
    };
    let outcome = sign_in.finish(answer, sealed, earlier.as_ref(), &origin);
    let answer = match outcome.await {
        Ok(NewSession::Browser {
            secret,
            ends_at,
            return_to,
        }) => {
            let seconds = (ends_at - sign_in.now()).num_seconds();
            let cookie = site.cookies().of_session(&secret, seconds);
            let mut response = see_other(return_to.as_str());
            Ok(response.cookie(cookie).finish())
        }
        Ok(NewSession::Device) => Ok(site.see_other("/device?done=device-connected")),
        // The back button after a sign-in, or another tab was faster: the user is signed in, so
        // this is not an error.
        Err(failed) if failed.error.is_over() && visitor.0.is_some() => {
            log(&failed.error);
            Ok(see_other(failed.return_to.as_str()).finish())
        }
        // A repeated request may succeed and needs the attempt's cookie: an attempt is spent only
        // by its first use in the database.
        Err(failed) if matches!(failed.error, LoginError::Store(_)) => {
            return Err(Refusal::new(log(&failed.error)).logged());
        }
        Err(failed) if failed.error.is_declined() => {
            let return_to = failed.return_to.clone();
            Err(authorize::declined(
                &page,
                &authorization,
                &return_to,
                failed.into(),
            ))
        }
        Err(failed) => Err(failed.into()),
    };
    // The attempt is over, whatever the outcome. If the attempt belongs to another browser, there
    // is no cookie here and nothing is removed (CB-6).
    if sealed.is_none() {
        return answer;
    }
    let removal = site.cookies().attempt_removal(&label);
    match answer {
        Ok(mut response) => {
            with_cookie(&mut response, &removal)?;
            Ok(response)
        }
        Err(refusal) => Err(refusal.cookie(&removal)),
    }
}

/// Parses the query: each parameter once, and exactly one of `code` and `error`. Tokens in the URL
/// are ignored; the bridge never requests them (CB-7, CB-8, CB-9).
fn parse(query: &Form) -> Result<CallbackQuery, Repeated> {
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
    Ok(CallbackQuery {
        state,
        outcome,
        iss,
    })
}

impl From<SignInFailed> for Refusal {
    fn from(SignInFailed { error, return_to }: SignInFailed) -> Self {
        let refusal = Self::new(log(&error)).logged();
        refusal.returning_to(return_to.as_str())
    }
}

/// Logs the failure, and returns its problem for the user.
fn log(error: &LoginError) -> Problem {
    let problem = problem_of(error);
    let (code, reason) = (problem.code, error.reason());
    if matches!(error, LoginError::Blocked) {
        // Logged where the block was found, with the user.
    } else if error.is_for_operator() {
        tracing::warn!(event = "sign_in_failed", code, reason, %error);
    } else {
        tracing::info!(event = "sign_in_failed", code, reason);
    }
    problem
}

fn problem_of(error: &LoginError) -> Problem {
    match error {
        LoginError::CookieMissing => problems::COOKIE_MISSING,
        LoginError::StateForeign | LoginError::AttemptForeign => problems::ATTEMPT_UNKNOWN,
        LoginError::AttemptExpired => problems::ATTEMPT_EXPIRED,
        LoginError::AttemptSpent => problems::ATTEMPT_SPENT,
        LoginError::Provider(ProviderError { kind, code }) => match kind {
            ProviderErrorKind::Declined => problems::DECLINED,
            ProviderErrorKind::Unfinished => problems::UNFINISHED.coded(code),
            ProviderErrorKind::Busy => problems::PROVIDER_BUSY,
            ProviderErrorKind::Broken => problems::PROVIDER_FAILED,
            ProviderErrorKind::Settings => problems::MISCONFIGURED.coded(code),
            ProviderErrorKind::Unknown => problems::PROVIDER_ERROR,
        },
        LoginError::Oidc(error) => match error {
            OidcError::Unavailable(Outage::Resting) => problems::PROVIDER_BUSY,
            OidcError::Unavailable(_) | OidcError::Denied(..) => problems::PROVIDER_FAILED,
            OidcError::Refused(InvalidAnswer::IdToken(TokenFlaw::TooLarge)) => {
                problems::ID_TOKEN_TOO_LARGE
            }
            OidcError::Refused(_) => problems::ANSWER_REFUSED,
        },
        LoginError::Blocked => problems::BLOCKED,
        LoginError::LoggedOut => problems::LOGGED_OUT,
        LoginError::OtherPerson => problems::OTHER_PERSON,
        LoginError::DeviceGone => problems::DEVICE_GONE,
        LoginError::Store(error) => problem_of_store(error),
        LoginError::Seal(_) => problems::INTERNAL,
    }
}

/// POST `/auth/logout`, a form of the bridge's pages (LO-1).
pub async fn logout(
    sent: Result<SentForm<SessionCookie>, Refusal>,
    site: web::Data<Site>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let SentForm {
        sender: SessionCookie { secret, session },
        sent,
    } = match sent {
        Ok(sent) => sent,
        // Without a cookie there is no session to end.
        Err(refusal) if refusal.is(&problems::NOT_SIGNED_IN) => {
            return Ok(leave(&site, "/auth/signed-out", None));
        }
        Err(refusal) => return Err(refusal),
    };
    let Some(session) = session else {
        // A session that is idle here may have been used on another instance a moment ago. Its row
        // is deleted if the form belongs to the session.
        let ticket = match sent {
            Submitted::Now(_) => sign_out.end(&secret).await?,
            Submitted::Earlier(_) => None,
        };
        return Ok(leave(&site, "/auth/signed-out", ticket.as_ref()));
    };
    let Submitted::Now(form) = sent else {
        return Err(Refusal::new(problems::SESSION_CHANGED));
    };
    let (next, ended) = match form.one("then")? {
        None => ("/auth/signed-out", sign_out.end(&secret).await),
        Some(SOMEBODY_ELSE) => {
            let ended = sign_out.end_for_somebody_else(&secret).await;
            ("/auth/somebody-else", ended)
        }
        Some(_) => return Err(Refusal::new(problems::INVALID_REQUEST)),
    };
    let ticket = ended?;
    log_signed_out(&session);
    Ok(leave(&site, next, ticket.as_ref()))
}

/// Redirects to the next page and removes the session's cookie.
pub(super) fn leave(site: &Site, next: &str, ticket: Option<&Ticket>) -> HttpResponse {
    let mut response = see_other(&site.to(next));
    set_cookies(&mut response, site, ticket);
    response.finish()
}

/// Removes the session's cookie, and sets the ticket if there is one.
pub(super) fn set_cookies(
    response: &mut HttpResponseBuilder,
    site: &Site,
    ticket: Option<&Ticket>,
) {
    response.cookie(site.cookies().session_removal());
    if let Some(ticket) = ticket {
        response.cookie(site.cookies().of_sign_out(ticket));
    }
}

/// Continues as after a sign-out if the user's own session is among those that the user ended.
pub(super) async fn leave_with(
    site: &Site,
    sign_out: &SignOut,
    own: &LiveSession,
    ended: impl IntoIterator<Item = EndedSession>,
) -> Option<HttpResponse> {
    let ticket = sign_out.after(own, ended).await?;
    Some(leave(site, "/auth/signed-out", ticket.as_ref()))
}

fn with_cookie(response: &mut HttpResponse, cookie: &Cookie<'_>) -> Result<(), Refusal> {
    let added = response.add_cookie(cookie);
    added.map_err(|_| Refusal::new(problems::INTERNAL))
}

/// Logs a sign-out that a user requested, by a page or by an app.
pub(super) fn log_signed_out(session: &SessionOnly) {
    let subject = &*pseudonym(&session.live().session.identity.subject);
    tracing::info!(event = "signed_out", subject);
}

/// GET `/auth/signed-out`: a page that continues at the provider's sign-out once, and to which the
/// provider returns. Its query is not read (LO-3).
pub async fn signed_out(
    visitor: Visitor<SessionOnly>,
    page: Page,
    site: web::Data<Site>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let ticket = site.cookies().sign_out(page.request());
    let removal = ticket.as_ref().map(|_| site.cookies().sign_out_removal());
    let mut response = if visitor.0.is_some() {
        // Signed in again meanwhile, perhaps in another tab: the page would be wrong.
        site.see_other("/")
    } else {
        let next = match &ticket {
            Some(ticket) if ticket.expose() == SOMEBODY_ELSE => Next::SomebodyElse,
            ticket => match sign_out.onward(ticket.as_ref()).await {
                Onward::Provider(url) => Next::Provider(url.into()),
                Onward::Nowhere => Next::Nowhere,
                Onward::ProviderStays => Next::ProviderStays,
            },
        };
        let frame = page.frame();
        show(&SignedOut { frame, next })
    };
    if let Some(removal) = removal {
        with_cookie(&mut response, &removal)?;
    }
    Ok(response)
}

/// GET `/auth/somebody-else`: a page that continues at a sign-in with another account, or first at
/// the provider's sign-out if the provider does not support account choice.
pub async fn somebody_else(
    visitor: Visitor<SessionOnly>,
    page: Page,
    site: web::Data<Site>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    if visitor.0.is_some() {
        return Ok(site.see_other("/"));
    }
    let cookies = site.cookies();
    let ticket = cookies.sign_out(page.request());
    let (next, cookie) = match sign_out.before_somebody_else(ticket.as_ref()).await {
        Onward::Provider(url) => (
            Next::ProviderThenSomebodyElse(url.into()),
            Some(cookies.of_next_step(SOMEBODY_ELSE)),
        ),
        Onward::Nowhere | Onward::ProviderStays => {
            let removal = ticket.map(|_| cookies.sign_out_removal());
            (Next::SomebodyElse, removal)
        }
    };
    let frame = page.frame();
    let mut response = show(&SignedOut { frame, next });
    if let Some(cookie) = cookie {
        with_cookie(&mut response, &cookie)?;
    }
    Ok(response)
}

/// POST `/auth/backchannel-logout` (OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8). The
/// provider calls it, not a browser, so there are no cookies and no origin to check; the token's
/// signature authenticates the request. 200 if none of the named sessions exists any more, also if
/// none did before; 400 for an invalid token; 503 if the provider should send it again.
pub async fn backchannel_logout(
    request: HttpRequest,
    payload: web::Payload,
    back_channel: web::Data<BackChannel>,
) -> Answer {
    let form = body::form(&request, payload).await?;
    let Ok(Some(token)) = form.one("logout_token") else {
        let refusal = Refusal::new(problems::INVALID_REQUEST);
        return Err(refusal.saying("logout_token must be there exactly once"));
    };
    let network = client_ip::network(&request);
    match back_channel.log_out(token, network).await {
        Ok(()) => Ok(HttpResponse::Ok().finish()),
        Err(BackChannelError::Token(no)) if no.is_to_be_sent_again() => {
            let refusal = Refusal::new(problems::UNAVAILABLE).logged();
            Err(refusal.saying("it cannot be done now; send it again"))
        }
        Err(BackChannelError::Token(no)) => {
            let refusal = Refusal::new(problems::INVALID_REQUEST).logged();
            Err(refusal.saying(no.to_string()))
        }
        Err(BackChannelError::Store(error)) => Err(error.into()),
    }
}
