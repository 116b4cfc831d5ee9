//! `/api/session`, `/api/token`, `/api/logout`: the endpoints for apps. The members of the answers
//! are in the documented order.

use actix_web::{HttpResponse, web};
use serde::Serialize;
use serde_json::json;

use super::auth::{log_signed_out, set_cookies};
use super::error::{Answer, Refusal};
use super::extract::{ProtectedEmpty, ProtectedJson, Session, SessionCookie};
use super::site::Site;
use crate::config::addresses::ServerUrl;
use crate::config::red5::ServerKind;
use crate::domain::grant::{Grant, Scope};
use crate::domain::lifetime::LimitedBy;
use crate::domain::members::Members;
use crate::domain::names::{Role, Transport};
use crate::domain::set::AnyOr;
use crate::domain::time::utc;
use crate::flow::admin::AdminGroups;
use crate::flow::exchange::{Exchange, Issued, Wish};
use crate::flow::sessions::Sessions;
use crate::flow::sign_out::SignOut;

/// The streaming server, as far as it is configured.
#[derive(Debug, Clone)]
pub struct Red5Server {
    /// `RED5_SERVER_URL`
    pub url: Option<ServerUrl>,
    /// `RED5_SERVER_KIND`
    pub kind: ServerKind,
    /// `RED5_NODE_GROUP`
    pub node_group: Option<String>,
}

impl Red5Server {
    /// The node group, which only a Stream Manager has.
    pub fn node_group(&self) -> Option<&str> {
        let group = self.node_group.as_deref();
        group.filter(|_| self.kind == ServerKind::StreamManager)
    }
}

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
    Ok(HttpResponse::Ok().json(TokenAnswer::new(&issued, &server)))
}

/// POST `/api/logout`: ends the session, whatever the age of its groups; also succeeds for a
/// session that is over. Without a cookie it is refused, so that an app that forgot to send it
/// notices. A cookie contains the ticket for the page behind `end_session_url`.
pub async fn logout(
    request: ProtectedEmpty<SessionCookie>,
    site: web::Data<Site>,
    sign_out: web::Data<SignOut>,
) -> Answer {
    let SessionCookie { secret, session } = request.sender;
    // The row is deleted even if no session was found: a session that is idle here may have been
    // used on another instance a moment ago.
    let ticket = sign_out.end(&secret).await?;
    if let Some(session) = session {
        log_signed_out(&session);
    }
    let end_session_url = ticket.as_ref().map(|_| site.to("/auth/signed-out"));
    let mut response = HttpResponse::Ok();
    set_cookies(&mut response, &site, ticket.as_ref());
    Ok(response.json(json!({ "end_session_url": end_session_url })))
}

/// Answer of GET `/api/session`.
#[derive(Debug, Serialize)]
struct SessionAnswer<'a> {
    /// The user according to the provider.
    identity: IdentityAnswer<'a>,
    /// Whether one of the groups is in `BRIDGE_ADMIN_GROUPS`.
    administrator: bool,
    /// The grants that may be requested now.
    entitlement: Vec<Grant>,
    /// RFC 3339.
    groups_read_at: String,
    /// The absolute end, independent of use. RFC 3339.
    ends_at: String,
    /// The end if the session is not used again. RFC 3339.
    idle_ends_at: String,
}

#[derive(Debug, Serialize)]
struct IdentityAnswer<'a> {
    /// `iss`.
    issuer: &'a str,
    /// `sub`.
    subject: &'a str,
    /// From the claim of `OIDC_USERNAME_CLAIM`.
    username: Option<&'a str>,
    /// From the claim of `OIDC_NAME_CLAIM`.
    name: Option<&'a str>,
    /// From the claim of `OIDC_GROUPS_CLAIM`.
    groups: Vec<&'a str>,
}

/// Answer of POST `/api/token` and `/oauth2/token` (RFC 8693 §2.2.1, with further members for apps).
#[derive(Debug, Serialize)]
pub struct TokenAnswer<'a> {
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
    /// Of `/oauth2/token` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

impl<'a> TokenAnswer<'a> {
    /// The same under another type of RFC 8693 §3, where the client asked for it so.
    pub fn of_type(self, issued_token_type: &'static str) -> Self {
        Self {
            issued_token_type,
            ..self
        }
    }

    /// The same with the refresh token that comes with it.
    pub fn with_refresh_token(self, refresh_token: Option<&'a str>) -> Self {
        Self {
            refresh_token,
            ..self
        }
    }

    /// The answer for an issued token.
    pub fn new(issued: &'a Issued, server: &'a Red5Server) -> Self {
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
                server: server.url.as_ref().map(|url| ServerAnswer {
                    protocol: &url.protocol,
                    host: &url.host,
                    port: url.port,
                    app: app(url, scope),
                    endpoints: (server.kind == ServerKind::StreamManager)
                        .then(|| Endpoints::new(url, scope)),
                }),
                connection_params: ConnectionParams {
                    username: "jwt",
                    password: "jwt",
                    token: &issued.token,
                    node_group: server.node_group(),
                },
            },
            mapping_version: issued.mapping_version,
            refresh_token: None,
        }
    }
}

/// Can be spread into the Red5 HTML5 SDK's `init` (Red5: client authentication).
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
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoints: Option<Endpoints>,
}

/// Addresses at a Stream Manager 2.0, to which the app appends `/` and the stream's name. Only those
/// that the token can use.
#[derive(Debug, Serialize)]
struct Endpoints {
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscribe: Option<String>,
}

impl Endpoints {
    fn new(server: &ServerUrl, scope: &Scope) -> Self {
        let of = |role, transport, kind| {
            let usable = allows(scope, role, transport);
            usable.then(|| proxy_endpoint(server, kind, &app(server, scope)))
        };
        Self {
            publish: of(Role::Publisher, Transport::Whip, "whip"),
            subscribe: of(Role::Subscriber, Transport::Whep, "whep"),
        }
    }
}

/// Whether a scope has both; the pair must be possible.
pub fn allows(scope: &Scope, role: Role, transport: Transport) -> bool {
    scope.roles.contains(&role) && scope.transports.covers(Some(&transport))
}

/// Where a Stream Manager 2.0 takes or gives the streams of an application (Red5: Stream Manager
/// 2.0); `kind` is `whip` or `whep`.
pub fn proxy_endpoint(server: &ServerUrl, kind: &str, app: &str) -> String {
    format!("{}/as/v1/proxy/{kind}/{app}", server.origin())
}

/// Red5 requires both names, with any value (Red5: client authentication).
#[derive(Debug, Serialize)]
struct ConnectionParams<'a> {
    username: &'static str,
    password: &'static str,
    token: &'a str,
    #[serde(rename = "nodeGroup", skip_serializing_if = "Option::is_none")]
    node_group: Option<&'a str>,
}

/// `live/studio-1`, or `live` unless the scope has exactly one room.
pub fn app(server: &ServerUrl, scope: &Scope) -> String {
    let mut rooms = scope.rooms.named().into_iter().flatten();
    match (&scope.rooms, rooms.next(), rooms.next()) {
        (AnyOr::Only(_), Some(room), None) => format!("{}/{room}", server.app),
        _ => server.app.clone(),
    }
}
