//! `/api/session`, `/api/token`: what an app calls.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use super::api_error::ApiError;
use super::body::{self, Members, TOKEN_BODY_MAX};
use super::guard::{self, AdminGroups, Barred, Caller};
use super::limits::RateLimits;
use super::origin;
use super::site::Site;
use super::wish::WishInput;
use crate::config::red5::ServerUrl;
use crate::domain::grant::{Grant, Scope};
use crate::domain::lifetime::{LimitedBy, SubjectEnd};
use crate::domain::set::AnyOr;
use crate::flow::exchange::{Exchange, Issued};
use crate::flow::sessions::Sessions;

/// Where the streaming server is, if that was configured.
#[derive(Debug, Clone)]
pub struct Red5Server(pub Option<ServerUrl>);

/// The caller, or 401 with where to sign in.
pub(super) async fn api_caller(
    request: &HttpRequest,
    site: &Site,
    sessions: &Sessions,
) -> Result<Caller, ApiError> {
    guard::signed_in(request, site, sessions)
        .await
        .map_err(|barred| barred_error(barred, site))
}

pub(super) fn barred_error(barred: Barred, site: &Site) -> ApiError {
    match barred {
        Barred::NotSignedIn => ApiError::NotSignedIn {
            login_url: site.to("/auth/login"),
        },
        Barred::NotAdmin => ApiError::NotAdmin,
        Barred::Session(error) => error.into(),
    }
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
        let entitlement = exchange.entitlement(identity);
        let entitlement = entitlement.map_err(|_| ApiError::stale())?;
        let session = caller.session();
        let utc =
            |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
        Ok::<_, ApiError>(json!({
            "identity": {
                "issuer": identity.issuer,
                "subject": identity.subject,
                "username": identity.username,
                "name": identity.name,
                "groups": identity.groups.listed().collect::<Vec<_>>(),
            },
            "administrator": admins.include(identity),
            "entitlement": entitlement.grants().iter().map(grant_json).collect::<Vec<_>>(),
            "groups_read_at": utc(session.groups_read_at),
            "ends_at": utc(session.ends_at),
            "idle_ends_at": utc(sessions.idle_ends_at(caller.live()).min(session.ends_at)),
        }))
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
        origin::check_api(&request, &site, true)?;
        let caller = api_caller(&request, &site, &sessions).await?;
        limits.check_token(&caller)?;
        let members = body::json(&request, payload, TOKEN_BODY_MAX).await?;
        let wish = WishInput::of_members(Members::new(members)).map_err(ApiError::Invalid)?;
        let end = SubjectEnd::Session(caller.session().ends_at);
        let issued = exchange.exchange(caller.identity(), end, &wish)?;
        Ok::<_, ApiError>(issued_json(&issued, server.0.as_ref()))
    };
    readable(&request, &site, answer.await)
}

/// OPTIONS of both.
pub async fn preflight_token(request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    origin::preflight(&request, &site, "POST")
}

/// OPTIONS of `/api/session`.
pub async fn preflight_session(request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    origin::preflight(&request, &site, "GET")
}

/// An answer that allowed apps may read, refusals included.
fn readable(request: &HttpRequest, site: &Site, answer: Result<Value, ApiError>) -> HttpResponse {
    let mut response = match answer {
        Ok(body) => HttpResponse::Ok()
            .content_type("application/json")
            .body(body.to_string()),
        Err(error) => error.response(),
    };
    origin::let_read(request, site, &mut response);
    response
}

fn grant_json(grant: &Grant) -> Value {
    json!({
        "roles": grant.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "transports": grant.transports.to_strings(),
        "rooms": grant.rooms.to_strings(),
    })
}

fn issued_json(issued: &Issued, server: Option<&ServerUrl>) -> Value {
    let scope = &issued.scope;
    let exp = issued.lifetime.expires_at;
    json!({
        "access_token": issued.token,
        "token_type": "Bearer",
        "issued_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "expires_in": issued.expires_in,
        "expires_at": exp.to_rfc3339_opts(SecondsFormat::Secs, true),
        "scope": scope_words(scope),
        "roles": scope.roles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "rooms": scope.rooms.to_strings(),
        "transports": scope.transports.to_strings(),
        "ttl_limited_by": issued.lifetime.limited_by.map(LimitedBy::as_str),
        "left_out": issued.left_out.iter().map(grant_json).collect::<Vec<_>>(),
        "red5": red5_json(issued, server),
        "mapping_version": issued.mapping_version,
    })
}

/// Roles as they are, `room:NAME`, `transport:NAME`.
fn scope_words(scope: &Scope) -> String {
    let roles = scope.roles.iter().map(ToString::to_string);
    let rooms = scope.rooms.to_strings();
    let transports = scope.transports.to_strings();
    let rooms = rooms.iter().map(|room| format!("room:{room}"));
    let transports = transports
        .iter()
        .map(|transport| format!("transport:{transport}"));
    roles
        .chain(rooms)
        .chain(transports)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Spreads into the Red5 HTML5 SDK's `init` (Red5: client authentication).
/// The room is in `app`, and only when the scope has exactly one.
fn red5_json(issued: &Issued, server: Option<&ServerUrl>) -> Value {
    let mut members = Map::new();
    if let Some(server) = server {
        members.insert("protocol".to_owned(), json!(server.protocol));
        members.insert("host".to_owned(), json!(server.host));
        members.insert("port".to_owned(), json!(server.port));
        members.insert("app".to_owned(), json!(app(server, &issued.scope)));
    }
    members.insert(
        "connectionParams".to_owned(),
        json!({ "username": "jwt", "password": "jwt", "token": issued.token }),
    );
    Value::Object(members)
}

/// `live/studio-1`, or `live` where the scope does not have exactly one room.
pub(super) fn app(server: &ServerUrl, scope: &Scope) -> String {
    let mut rooms = scope.rooms.named().into_iter().flatten();
    match (&scope.rooms, rooms.next(), rooms.next()) {
        (AnyOr::Only(_), Some(room), None) => format!("{}/{room}", server.app),
        _ => server.app.clone(),
    }
}
