//! `/oauth2/authorize` (RFC 6749 §4.1.1, RFC 7636, RFC 9207, RFC 9700) and the page that asks for consent.
//!
//! Until client and redirect URI are known, an error is a page; after that it goes back to the client. The answer is a 303,
//! so that a form is not sent on (RFC 9700 §4.12).

use std::collections::HashSet;

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, web};

use super::request::invalid;
use crate::domain::grant::Ask;
use crate::flow::login::{SignIn, SignInPrompt};
use crate::flow::oauth::authorize::{Authorization, CodeRequest, Destination, NoCode};
use crate::flow::return_to::ReturnTo;
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedForm, Session};
use crate::web::form::Form;
use crate::web::page;
use crate::web::security_headers::policy_for_forms_to;
use crate::web::site::see_other;
use crate::web::to_provider;
use crate::web::views::problem as problems;
use crate::web::views::{AskedWords, ConsentPage, Shown};
use secrecy::ExposeSecret;

/// The parameters that are read after a sign-in or a consent.
const KEPT: [&str; 8] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    "scope",
    "state",
];

/// An authorization request whose answer may go back to the client.
struct AuthorizationRequest<'a> {
    page: &'a Page,
    query: &'a Form,
    destination: Destination,
}

/// What `prompt` asks for (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prompt {
    Usual,
    None,
    Login,
    SelectAccount,
}

impl<'a> AuthorizationRequest<'a> {
    /// Finds client and address; anything wrong before that is a page.
    fn read(
        page: &'a Page,
        query: &'a Form,
        authorization: &Authorization,
    ) -> Result<Self, Refusal> {
        let mut names = HashSet::new();
        if query.names().any(|name| !names.insert(name)) {
            return Err(invalid(
                "The app that sent you here names something twice. Tell its author.",
            ));
        }
        let get = |name| query.one(name).ok().flatten().unwrap_or_default();
        let found = authorization.destination(get("client_id"), get("redirect_uri"));
        let found = found.map_err(|_| Refusal::stale())?;
        let destination = found.ok_or_else(|| Refusal::new(problems::UNKNOWN_CLIENT))?;
        Ok(Self {
            page,
            query,
            destination,
        })
    }

    fn get<'s>(&'s self, name: &'s str) -> Option<&'s str> {
        let value = self.query.one(name).ok().flatten();
        value.filter(|value| !value.is_empty())
    }

    /// Sends the browser back to the client with these parameters, `state` and `iss`.
    fn answer(&self, parameters: &[(&str, &str)]) -> HttpResponse {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        if let Some(state) = self.get("state") {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.page.site().issuer());
        let address = self.destination.address();
        let joint = if address.contains('?') { '&' } else { '?' };
        see_other(&format!("{address}{joint}{}", query.finish())).finish()
    }

    /// Sends the browser back to the client with the refusal.
    fn refuse(&self, error: &'static str, refusal: Refusal) -> Refusal {
        let description = problems::description(refusal.detail());
        let answer = self.answer(&[("error", error), ("error_description", &description)]);
        refusal.answered_by(answer)
    }

    /// The same for a refusal whose error is that of the token endpoint.
    fn refuse_as_token(&self, refusal: impl Into<Refusal>) -> Refusal {
        let refusal = refusal.into();
        let error = match refusal.oauth_error() {
            "invalid_grant" => "access_denied",
            error => error,
        };
        self.refuse(error, refusal)
    }

    fn parse(&self) -> Result<(CodeRequest, Prompt), Refusal> {
        let wrong = |error, sentence: &str| {
            self.refuse(
                error,
                Refusal::new(problems::INVALID_REQUEST).saying(sentence),
            )
        };
        if !self.destination.may_have_codes() {
            return Err(wrong(
                "unauthorized_client",
                "the client may not use authorization_code",
            ));
        }
        if self.get("request").is_some() {
            return Err(wrong("request_not_supported", "request is not supported"));
        }
        if self.get("request_uri").is_some() {
            return Err(wrong(
                "request_uri_not_supported",
                "request_uri is not supported",
            ));
        }
        match self.get("response_type") {
            Some("code") => {}
            None => return Err(wrong("invalid_request", "response_type is missing")),
            Some(_) => {
                return Err(wrong(
                    "unsupported_response_type",
                    "response_type must be code",
                ));
            }
        }
        if self
            .get("response_mode")
            .is_some_and(|mode| mode != "query")
        {
            return Err(wrong("invalid_request", "response_mode must be query"));
        }
        let challenge = self.get("code_challenge").unwrap_or_default();
        let is_challenge = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if challenge.len() != 43 || !challenge.bytes().all(is_challenge) {
            return Err(wrong(
                "invalid_request",
                "code_challenge must be 43 characters of base64url: PKCE is required",
            ));
        }
        if self.get("code_challenge_method") != Some("S256") {
            return Err(wrong(
                "invalid_request",
                "code_challenge_method must be S256",
            ));
        }
        let prompt = match self.get("prompt") {
            None => Prompt::Usual,
            Some("none") => Prompt::None,
            Some("login") => Prompt::Login,
            Some("select_account") => Prompt::SelectAccount,
            Some(_) => {
                return Err(wrong(
                    "invalid_request",
                    "prompt must be none, login or select_account",
                ));
            }
        };
        let ask = Ask::of_words(self.get("scope").unwrap_or_default());
        let ask = ask.map_err(|reason| {
            self.refuse(
                "invalid_scope",
                Refusal::new(problems::INVALID_SCOPE).saying(reason),
            )
        })?;
        let request = CodeRequest {
            ask,
            challenge: challenge.to_owned(),
        };
        Ok((request, prompt))
    }

    /// The address of this request, without `prompt` and `login_hint`, which the person has answered.
    fn again(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(
            KEPT.iter()
                .filter_map(|name| Some((*name, self.get(name)?))),
        );
        self.page
            .site()
            .to(&format!("/oauth2/authorize?{}", query.finish()))
    }

    /// Begins a sign-in that comes back to this request.
    async fn sign_in(&self, sign_in: &SignIn, prompt: Prompt) -> Answer {
        let return_to = sign_in.return_to(&self.again());
        let return_to = return_to.map_err(|_| {
            self.refuse(
                "invalid_request",
                invalid("the request is too long: shorten state"),
            )
        })?;
        let how = SignInPrompt {
            choose_account: prompt == Prompt::SelectAccount,
            login: prompt == Prompt::Login,
            login_hint: self.get("login_hint").map(str::to_owned),
        };
        let begun = to_provider::begin(self.page, sign_in, &return_to, &how).await;
        begun.map_err(|refusal| self.refuse_as_token(refusal))
    }
}

/// GET `/oauth2/authorize`
pub async fn authorize(
    session: Result<Session, Refusal>,
    page: Page,
    authorization: web::Data<Authorization>,
    sign_in: web::Data<SignIn>,
) -> Answer {
    let query = page.query()?;
    let asked = AuthorizationRequest::read(&page, &query, &authorization)?;
    let (request, prompt) = asked.parse()?;
    let session = match session {
        Ok(session) => Some(session),
        Err(refusal) if refusal.is(&problems::NOT_SIGNED_IN) => None,
        // The person may sign in with another account, or again with this one.
        Err(_) if matches!(prompt, Prompt::Login | Prompt::SelectAccount) => None,
        Err(refusal) => return Err(asked.refuse_as_token(refusal)),
    };
    let Some(session) = session.filter(|_| matches!(prompt, Prompt::Usual | Prompt::None)) else {
        if prompt == Prompt::None {
            let refusal =
                Refusal::new(problems::NOT_SIGNED_IN).saying("the person is not signed in");
            return Err(asked.refuse("login_required", refusal));
        }
        return asked.sign_in(&sign_in, prompt).await;
    };
    match authorization
        .code(&asked.destination, &request, session.live())
        .await
    {
        Ok(code) => Ok(asked.answer(&[("code", code.expose_secret())])),
        Err(NoCode::ConsentRequired) if prompt == Prompt::None => {
            let refusal = Refusal::new(problems::CONSENT_REQUIRED);
            Err(asked.refuse("consent_required", refusal))
        }
        Err(NoCode::ConsentRequired) => Ok(ask_consent(&asked, &request)),
        Err(NoCode::NoToken(error)) => Err(asked.refuse_as_token(error)),
        Err(NoCode::Store(error)) => Err(asked.refuse_as_token(error)),
        Err(NoCode::NoRandomness) => Err(asked.refuse_as_token(Refusal::new(problems::INTERNAL))),
    }
}

/// The refusal of a sign-in that was declined at the provider. If a client's request needed it, the client hears of it
/// (RFC 6749 §4.1.2.1), after its address was checked again. Failures of another kind stay a page: the person can try again
/// there, and the client cannot help.
pub fn declined(
    page: &Page,
    authorization: &Authorization,
    return_to: &ReturnTo,
    refusal: Refusal,
) -> Refusal {
    let endpoint = page.site().to("/oauth2/authorize?");
    let query = return_to.as_str().strip_prefix(&endpoint);
    let Some(query) = query.and_then(|query| Form::parse(query.as_bytes()).ok()) else {
        return refusal;
    };
    match AuthorizationRequest::read(page, &query, authorization) {
        Ok(asked) => {
            let sentence = "the identity provider did not let the person in";
            asked.refuse("access_denied", refusal.saying(sentence))
        }
        Err(_) => refusal,
    }
}

/// The page that asks for consent, with a policy that lets its form lead to the client.
fn ask_consent(asked: &AuthorizationRequest<'_>, request: &CodeRequest) -> HttpResponse {
    let destination = &asked.destination;
    let mut shown = page::show(&ConsentPage {
        frame: asked.page.frame(),
        client_name: Shown(destination.client_name().to_owned()),
        address: Shown(destination.form_target()),
        asked: AskedWords::of(&request.ask),
        query: asked
            .again()
            .split_once('?')
            .map(|(_, query)| query.to_owned())
            .unwrap_or_default(),
    });
    let policy = policy_for_forms_to(&destination.form_target());
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        let headers = shown.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    shown
}

/// POST `/oauth2/consent`
pub async fn consent(
    sent: ProtectedForm<Session>,
    page: Page,
    authorization: web::Data<Authorization>,
) -> Answer {
    let query = Form::parse(sent.form.text("request").as_bytes())?;
    let asked = AuthorizationRequest::read(&page, &query, &authorization)?;
    let client = asked.destination.client_id().as_str();
    match sent.form.one("decision") {
        Ok(Some("allow")) => {
            authorization
                .consent(&asked.destination, sent.sender.live())
                .await?;
            tracing::info!(event = "consent_given", client);
            Ok(see_other(&asked.again()).finish())
        }
        Ok(Some("deny")) => {
            tracing::info!(event = "consent_denied", client);
            let refusal = Refusal::new(problems::CONSENT_DENIED);
            Err(asked.refuse("access_denied", refusal.logged()))
        }
        _ => Err(Refusal::new(problems::INVALID_REQUEST)),
    }
}
