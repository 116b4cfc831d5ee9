//! `/auth/logout`, `/auth/signed-out`.
//!
//! The session is gone before the browser goes anywhere. The way to the
//! provider's own sign-out leads over a page of ours, because a form may not
//! redirect to another origin (`form-action 'self'`).

use actix_web::http::StatusCode;
use actix_web::{Error, HttpResponse, web};

use super::page::{self, Visitor};
use super::site::see_other;
use super::views::{Frame, ProviderSignOut, SignedOut};
use crate::flow::login::SignIn;
use crate::flow::sessions::Sessions;

/// POST `/auth/logout`, a form of our pages (LO-1).
pub async fn logout(
    visitor: Visitor,
    payload: web::Payload,
    sessions: web::Data<Sessions>,
    sign_in: web::Data<SignIn>,
) -> Result<HttpResponse, Error> {
    let _form = visitor.form(payload).await?;
    let caller = visitor.signed_in()?;
    let ended = sessions.end(caller.secret()).await;
    ended.map_err(|error| visitor.store_failed(&error))?;
    tracing::info!(event = "signed_out", subject = %caller.identity().subject);
    let site = visitor.site();
    let mut response = see_other(&site.to("/auth/signed-out"));
    response.cookie(site.session_removal());
    if let Some(sealed) = sign_in.seal_provider_sign_out(caller.session()) {
        response.cookie(site.sign_out_cookie(sealed));
    }
    Ok(response.finish())
}

/// GET `/auth/signed-out`: leads on to the provider once, and is where the
/// provider comes back to. Its query is not read (LO-3).
pub async fn signed_out(
    visitor: Visitor,
    sign_in: web::Data<SignIn>,
) -> Result<HttpResponse, Error> {
    let site = visitor.site();
    let sealed = site.sign_out(visitor.request());
    let url = sealed.and_then(|sealed| sign_in.open_provider_sign_out(sealed));
    let page = SignedOut {
        frame: Frame {
            person: None,
            ..visitor.frame()
        },
        provider: url.map(|url| ProviderSignOut {
            url,
            automatic: true,
        }),
    };
    let mut response = page::show(StatusCode::OK, &page);
    if sealed.is_some() {
        response
            .add_cookie(&site.sign_out_removal())
            .map_err(|_| visitor.refuse(super::views::Problem::Internal))?;
    }
    Ok(response)
}
