//! `/api/session`, `/api/token`, `/api/logout`: what an app calls.

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::answer::{GrantAnswer, IdentityAnswer, SessionAnswer, TokenAnswer, utc};
use super::body::{self, Members, TOKEN_BODY_MAX, together};
use super::csrf;
use super::error::ApiError;
use super::extract::{self, Barred, Caller};
use super::rate_limit::RateLimits;
use super::sign_out::{set_cookies, tell_signed_out};
use super::site::Site;
use super::wish::WishInput;
use crate::config::red5::ServerUrl;
use crate::flow::admin::AdminGroups;
use crate::flow::exchange::Exchange;
use crate::flow::sessions::Sessions;
use crate::flow::sign_out::SignOut;

/// Where the streaming server is, if that was configured.
#[derive(Debug, Clone)]
pub struct Red5Server(pub Option<ServerUrl>);

/// The caller, or 401 with where to sign in.
pub(super) async fn api_caller(
    request: &HttpRequest,
    site: &Site,
    sessions: &Sessions,
) -> Result<Caller, ApiError> {
    extract::signed_in(request, site, sessions)
        .await
        .map_err(|barred| barred_error(barred, request, site))
}

pub(super) fn barred_error(barred: Barred, request: &HttpRequest, site: &Site) -> ApiError {
    match barred {
        Barred::NotSignedIn if csrf::is_cross_site(request) && site.session(request).is_none() => {
            ApiError::CrossSite {
                login_url: site.to("/auth/login"),
            }
        }
        Barred::NotSignedIn => ApiError::NotSignedIn {
            login_url: site.to("/auth/login"),
        },
        Barred::NotAdmin => ApiError::NotAdmin,
        Barred::Session(error) => error.into(),
    }
}

/// Demands a body that says nothing.
pub(super) async fn require_empty_body(
    request: &HttpRequest,
    payload: web::Payload,
    limit: usize,
) -> Result<(), ApiError> {
    let members = body::require_empty(request, payload, limit).await?;
    together(Members::new(members).finish(), Ok(())).map_err(ApiError::Invalid)
}

/// GET `/api/session`
pub async fn session(
    request: HttpRequest,
    site: web::Data<Site>,
    sessions: web::Data<Sessions>,
    exchange: web::Data<Exchange>,
    admins: web::Data<AdminGroups>,
) -> HttpResponse {
    let answer = async {
        let caller = api_caller(&request, &site, &sessions).await?;
        let identity = caller.identity();
        let entitlement = exchange.entitlement(caller.live());
        let entitlement = entitlement.map_err(|_| ApiError::stale())?;
        let session = caller.session();
        let idle_ends_at = sessions.idle_ends_at(caller.live()).min(session.ends_at);
        let answer = SessionAnswer {
            identity: IdentityAnswer {
                issuer: &identity.issuer,
                subject: &identity.subject,
                username: identity.username.as_deref(),
                name: identity.name.as_deref(),
                groups: identity.groups.listed().collect(),
            },
            administrator: admins.include(identity),
            entitlement: entitlement.grants().iter().map(GrantAnswer::from).collect(),
            groups_read_at: utc(session.groups_read_at),
            ends_at: utc(session.ends_at),
            idle_ends_at: utc(idle_ends_at),
        };
        Ok::<_, ApiError>(HttpResponse::Ok().json(answer))
    };
    readable(&request, &site, answer.await)
}

/// POST `/api/token`: origin and header, then sign-in, then type and size,
/// then the request itself, then what is granted.
pub async fn token(
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
    sessions: web::Data<Sessions>,
    exchange: web::Data<Exchange>,
    server: web::Data<Red5Server>,
    limits: web::Data<RateLimits>,
) -> HttpResponse {
    let answer = async {
        csrf::check_api(&request, &site, true)?;
        let caller = api_caller(&request, &site, &sessions).await?;
        limits.check_token(&caller)?;
        let members = body::json(&request, payload, TOKEN_BODY_MAX).await?;
        let wish = WishInput::of_members(Members::new(members)).map_err(ApiError::Invalid)?;
        let issued = exchange.exchange(caller.live(), &wish)?;
        Ok::<_, ApiError>(HttpResponse::Ok().json(TokenAnswer::new(&issued, server.0.as_ref())))
    };
    readable(&request, &site, answer.await)
}

/// POST `/api/logout`: the session ends whatever the age of its groups; one that is over
/// already has ended. The browser gets what the page behind `end_session_url` needs in a cookie.
pub async fn logout(
    request: HttpRequest,
    payload: web::Payload,
    site: web::Data<Site>,
    sessions: web::Data<Sessions>,
    sign_out: web::Data<SignOut>,
) -> HttpResponse {
    let answer = async {
        csrf::check_api(&request, &site, true)?;
        let known = extract::known(&request, &site, &sessions).await?;
        // Without a cookie nothing ends. An app that sends none by mistake must hear of it.
        let secret = site
            .session(&request)
            .ok_or_else(|| barred_error(Barred::NotSignedIn, &request, &site))?;
        require_empty_body(&request, payload, TOKEN_BODY_MAX).await?;
        // The row is deleted even if no session was found: one that is idle here may have been
        // used at another instance a moment ago.
        let ticket = sign_out.end(&secret).await?;
        if let Some(caller) = known {
            tell_signed_out(&caller);
        }
        let end_session_url = ticket.as_ref().map(|_| site.to("/auth/signed-out"));
        let mut response = HttpResponse::Ok();
        set_cookies(&mut response, &site, ticket.as_ref());
        Ok::<_, ApiError>(response.json(json!({ "end_session_url": end_session_url })))
    };
    readable(&request, &site, answer.await)
}

/// OPTIONS of what is posted.
pub async fn preflight_post(request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    csrf::preflight(&request, &site, "POST")
}

/// OPTIONS of `/api/session`.
pub async fn preflight_session(request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    csrf::preflight(&request, &site, "GET")
}

/// An answer that allowed apps may read, refusals included.
fn readable(
    request: &HttpRequest,
    site: &Site,
    answer: Result<HttpResponse, ApiError>,
) -> HttpResponse {
    let mut response = answer.unwrap_or_else(|error| error.response());
    csrf::let_read(request, site, &mut response);
    response
}
