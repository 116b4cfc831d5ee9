//! `/oauth2/device_authorization` for devices, and `/device` for the person who types their code (RFC 8628).
//!
//! An approval leads to the provider by a page of ours, because a form may not redirect to another origin, and comes back to
//! `/auth/callback`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::ExposeSecret;
use serde_json::json;

use super::request::{ClientRequest, invalid};
use crate::domain::device::{DEVICE_NAME_MAX, UserCode};
use crate::fingerprint::pseudonym;
use crate::flow::login::SignIn;
use crate::flow::oauth::device::{
    DeviceAuthorization, DeviceCodes, DeviceQuestion, NotAsked, POLL_INTERVAL_SECONDS, Typed,
    is_device_name,
};
use crate::flow::oauth::token::TokenEndpoint;
use crate::web::error::{Answer, Refusal};
use crate::web::extract::{Page, ProtectedForm, Session};
use crate::web::site::Site;
use crate::web::views::problem as problems;
use crate::web::views::{AskedWords, DeviceForm, DevicePage, Notice, Shown};
use crate::web::{client_ip, page, to_provider};

/// POST `/oauth2/device_authorization` (RFC 8628 §3.1).
pub async fn begin(
    sent: ClientRequest,
    endpoint: web::Data<TokenEndpoint>,
    devices: web::Data<DeviceAuthorization>,
    site: web::Data<Site>,
) -> Answer {
    let client = sent.prove(&endpoint)?;
    let device_name = sent.get("device_name");
    if !device_name.is_none_or(is_device_name) {
        return Err(invalid(format!(
            "device_name must have at most {DEVICE_NAME_MAX} characters, all of which can be seen"
        )));
    }
    let scope = sent.get("scope").unwrap_or_default();
    let address = client_ip::address(sent.http());
    let DeviceCodes {
        device_code,
        user_code,
        expires_in,
    } = devices.begin(&client, scope, device_name, address).await?;
    let verification_uri = site.to("/device");
    Ok(HttpResponse::Ok().json(json!({
        "device_code": device_code.expose_secret(),
        "user_code": user_code.to_string(),
        "verification_uri_complete": format!("{verification_uri}?user_code={user_code}"),
        "verification_uri": verification_uri,
        "expires_in": expires_in,
        "interval": POLL_INTERVAL_SECONDS,
    })))
}

/// GET `/device`: asks for the code that the device shows. One in the address is only shown for comparison: that the page was
/// opened proves nothing (RFC 8628 §5.4).
pub async fn ask(_: Session, page: Page) -> Answer {
    let query = page.query()?;
    let of_address = query.one("user_code")?.unwrap_or_default();
    Ok(page::show(&DeviceForm {
        of_address: UserCode::parse(of_address).map(|code| code.to_string()),
        typed: String::new(),
        is_wrong: false,
        done: Notice::of(&query),
        frame: page.frame(),
    }))
}

/// POST `/device`: asks the person about the request that the code names.
pub async fn confirm(
    sent: ProtectedForm<Session>,
    page: Page,
    devices: web::Data<DeviceAuthorization>,
) -> Answer {
    match find(&sent, &page, &devices).await? {
        Ok((code, question)) => Ok(page::show(&DevicePage {
            code: code.to_string(),
            refused: question
                .refused
                .map(|error| Refusal::from(error).detail().to_owned()),
            device_name: Some(question.request.device_name)
                .filter(|name| *name != question.client_name)
                .map(Shown),
            client_name: Shown(question.client_name),
            address: question.request.address,
            asked_at: question.request.created_at,
            asked: AskedWords::of(&question.ask),
            frame: page.frame(),
        })),
        Err(form) => Ok(page::render(StatusCode::UNPROCESSABLE_ENTITY, &form)),
    }
}

/// POST `/device/decide`: approves the request, which leads to the provider, or denies it.
pub async fn decide(
    sent: ProtectedForm<Session>,
    page: Page,
    devices: web::Data<DeviceAuthorization>,
    sign_in: web::Data<SignIn>,
) -> Answer {
    let (code, question) = match find(&sent, &page, &devices).await? {
        Ok(found) => found,
        Err(form) => return Ok(page::render(StatusCode::UNPROCESSABLE_ENTITY, &form)),
    };
    let live = sent.sender.live();
    match sent.form.one("decision") {
        Ok(Some("approve")) => {
            if let Some(error) = question.refused {
                return Err(error.into());
            }
            let client = &question.request.client;
            to_provider::begin_approval(&page, &sign_in, (&code, client), live).await
        }
        Ok(Some("deny")) => {
            let denied = devices.deny(&code).await?;
            if denied {
                let subject = &*pseudonym(&live.session.identity.subject);
                let client = question.request.client.as_str();
                tracing::warn!(event = "device_denied", client, subject);
            }
            Ok(page.see_other(if denied {
                "/device?done=device-denied"
            } else {
                "/device?done=device-gone"
            }))
        }
        _ => Err(Refusal::new(problems::INVALID_REQUEST)),
    }
}

/// The request that the form's code names, or the form again.
async fn find(
    sent: &ProtectedForm<Session>,
    page: &Page,
    devices: &DeviceAuthorization,
) -> Result<Result<(UserCode, DeviceQuestion), DeviceForm>, Refusal> {
    let typed = sent.form.text("user_code");
    let again = || DeviceForm {
        of_address: None,
        typed: typed.clone(),
        is_wrong: true,
        done: None,
        frame: page.frame(),
    };
    // Text that cannot be a code does not count as a wrong one.
    let Some(code) = UserCode::parse(&typed) else {
        return Ok(Err(again()));
    };
    let live = sent.sender.live();
    let network = client_ip::network(page.request());
    match devices.typed(&code, live, network).await? {
        Typed::Question(question) => Ok(Ok((code, *question))),
        Typed::Wrong => Ok(Err(again())),
        Typed::TooMany => {
            let subject = &*pseudonym(&live.session.identity.subject);
            tracing::warn!(
                event = "user_codes_refused",
                code = problems::RATE_LIMITED.code,
                subject
            );
            let refusal = Refusal::new(problems::RATE_LIMITED).logged();
            Err(refusal.saying(
                "Too many wrong codes were typed by you or from your network. Try again in an hour.",
            ))
        }
    }
}

impl From<NotAsked> for Refusal {
    fn from(error: NotAsked) -> Self {
        match error {
            NotAsked::Stale(_) => Self::stale(),
            NotAsked::Store(error) => error.into(),
        }
    }
}
