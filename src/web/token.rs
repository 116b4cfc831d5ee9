//! `/api/session`, `/api/token`, `/api/logout`: what an app calls, and what it is answered,
//! member by member in the order of the product's documentation.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::auth::{log_signed_out, set_cookies};
use super::error::{Answer, Refusal};
use super::extract::{ProtectedEmpty, ProtectedJson, Session, SessionCookie};
use super::site::Site;
use crate::config::addresses::ServerUrl;
use crate::domain::grant::{Grant, Scope};
use crate::domain::lifetime::LimitedBy;
use crate::domain::members::Members;
use crate::domain::set::AnyOr;
use crate::domain::time::utc;
use crate::flow::admin::AdminGroups;
use crate::flow::exchange::{Exchange, Issued, Wish};
use crate::flow::sessions::Sessions;
use crate::flow::sign_out::SignOut;

/// Where the streaming server is, if that was configured.
#[derive(Debug, Clone)]
pub struct Red5Server(pub Option<ServerUrl>);

/// GET `/api/session`
pub async fn session(
    session: Session,
    sessions: web::Data<Sessions>,
    exchange: web::Data<Exchange>,
    admins: web::Data<AdminGroups>,
) -> Answer {
    let live = session.live();
    let row = &live.session;
    let identity = &row.identity;
    let entitlement = exchange.entitlement(live);
    let entitlement = entitlement.map_err(|_| Refusal::stale())?;
    Ok(HttpResponse::Ok().json(SessionAnswer {
        identity: IdentityAnswer {
            issuer: &identity.issuer,
            subject: &identity.subject,
            username: identity.username.as_deref(),
            name: identity.name.as_deref(),
            groups: identity.groups.listed().collect(),
        },
        administrator: admins.include(identity),
        entitlement: entitlement.grants(),
        groups_read_at: utc(row.groups_read_at),
        ends_at: utc(row.ends_at),
        idle_ends_at: utc(sessions.idle_ends_at(live).min(row.ends_at)),
    }))
}

/// POST `/api/token`
pub async fn token(
    request: ProtectedJson<Session>,
    exchange: web::Data<Exchange>,
    server: web::Data<Red5Server>,
) -> Answer {
    let wish = Wish::parse(Members::new(request.members))?;
    let issued = exchange.exchange(request.sender.live(), &wish)?;
    Ok(HttpResponse::Ok().json(TokenAnswer::new(&issued, server.0.as_ref())))
}

/// POST `/api/logout`: the session ends whatever the age of its groups; one that is over
/// already has ended. Without a cookie nothing ends: an app that sends none by mistake must hear
/// of it. The browser gets what the page behind `end_session_url` needs in a cookie.
pub async fn logout(
    request: ProtectedEmpty<SessionCookie>,
    site: web::Data<Site>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let SessionCookie { secret, session } = request.sender;
    // The row is deleted even if no session was found: one that is idle here may have been
    // used at another instance a moment ago.
    let ticket = sign_out.end(&secret).await?;
    if let Some(session) = session {
        log_signed_out(&session);
    }
    let end_session_url = ticket.as_ref().map(|_| site.to("/auth/signed-out"));
    let mut response = HttpResponse::Ok();
    set_cookies(&mut response, &site, ticket.as_ref());
    Ok(response.json(json!({ "end_session_url": end_session_url })))
}

/// GET `/api/session`
#[derive(Debug, Serialize)]
struct SessionAnswer<'a> {
    /// Who the provider says it is.
    identity: IdentityAnswer<'a>,
    /// Whether `BRIDGE_ADMIN_GROUPS` has one of the groups.
    administrator: bool,
    /// What may be asked for now.
    entitlement: Vec<Grant>,
    /// UTC.
    groups_read_at: String,
    /// The latest end; activity does not move it. UTC.
    ends_at: String,
    /// The end if nothing is done until then. UTC.
    idle_ends_at: String,
}

#[derive(Debug, Serialize)]
struct IdentityAnswer<'a> {
    /// `iss`
    issuer: &'a str,
    /// `sub`
    subject: &'a str,
    /// By `OIDC_USERNAME_CLAIM`.
    username: Option<&'a str>,
    /// By `OIDC_NAME_CLAIM`.
    name: Option<&'a str>,
    /// By `OIDC_GROUPS_CLAIM`.
    groups: Vec<&'a str>,
}

/// POST `/api/token` (RFC 8693 §2.2.1, and what an app needs besides).
#[derive(Debug, Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    issued_token_type: &'static str,
    expires_in: i64,
    expires_at: String,
    scope: String,
    roles: Vec<&'static str>,
    rooms: Vec<String>,
    transports: Vec<String>,
    ttl_limited_by: Option<&'static str>,
    left_out: &'a [Grant],
    red5: Red5Answer<'a>,
    mapping_version: i64,
}

impl<'a> TokenAnswer<'a> {
    /// What was issued, for `server` where one is configured.
    pub fn new(issued: &'a Issued, server: Option<&'a ServerUrl>) -> Self {
        let scope = &issued.scope;
        let roles: Vec<&'static str> = scope.roles.iter().map(|role| role.as_str()).collect();
        let rooms = scope.rooms.to_strings();
        let transports = scope.transports.to_strings();
        Self {
            access_token: &issued.token,
            token_type: "Bearer",
            issued_token_type: "urn:ietf:params:oauth:token-type:jwt",
            expires_in: issued.expires_in,
            expires_at: utc(issued.lifetime.expires_at),
            scope: scope.words(),
            roles,
            rooms,
            transports,
            ttl_limited_by: issued.lifetime.limited_by.map(LimitedBy::as_str),
            left_out: &issued.left_out,
            red5: Red5Answer {
                server: server.map(|server| ServerAnswer {
                    protocol: &server.protocol,
                    host: &server.host,
                    port: server.port,
                    app: app(server, scope),
                }),
                connection_params: ConnectionParams {
                    username: "jwt",
                    password: "jwt",
                    token: &issued.token,
                },
            },
            mapping_version: issued.mapping_version,
        }
    }
}

/// Spreads into the Red5 HTML5 SDK's `init` (Red5: client authentication).
#[derive(Debug, Serialize)]
struct Red5Answer<'a> {
    #[serde(flatten)]
    server: Option<ServerAnswer<'a>>,
    #[serde(rename = "connectionParams")]
    connection_params: ConnectionParams<'a>,
}

#[derive(Debug, Serialize)]
struct ServerAnswer<'a> {
    protocol: &'a str,
    host: &'a str,
    port: u16,
    app: String,
}

/// Both names must be there, with any value (Red5: client authentication).
#[derive(Debug, Serialize)]
struct ConnectionParams<'a> {
    username: &'static str,
    password: &'static str,
    token: &'a str,
}

/// `live/studio-1`, or `live` where the scope does not have exactly one room.
pub fn app(server: &ServerUrl, scope: &Scope) -> String {
    let mut rooms = scope.rooms.named().into_iter().flatten();
    match (&scope.rooms, rooms.next(), rooms.next()) {
        (AnyOr::Only(_), Some(room), None) => format!("{}/{room}", server.app),
        _ => server.app.clone(),
    }
}
