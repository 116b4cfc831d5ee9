//! The answers of `/api/session` and `/api/token`, member by member, in the
//! order of the product's documentation.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::config::red5::ServerUrl;
use crate::domain::grant::{Grant, Scope};
use crate::domain::lifetime::LimitedBy;
use crate::domain::set::AnyOr;
use crate::flow::exchange::Issued;

/// One grant, patterns as they are.
#[derive(Debug, Serialize)]
pub struct GrantAnswer {
    roles: Vec<&'static str>,
    transports: Vec<String>,
    rooms: Vec<String>,
}

impl From<&Grant> for GrantAnswer {
    fn from(grant: &Grant) -> Self {
        Self {
            roles: grant.roles.iter().map(|role| role.as_str()).collect(),
            transports: grant.transports.to_strings(),
            rooms: grant.rooms.to_strings(),
        }
    }
}

/// A moment in UTC, whole seconds: `2026-11-24T15:04:05Z` (RFC 3339).
pub fn utc(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// GET `/api/session`
#[derive(Debug, Serialize)]
pub struct SessionAnswer<'a> {
    /// Who the provider says it is.
    pub identity: IdentityAnswer<'a>,
    /// Whether `BRIDGE_ADMIN_GROUPS` has one of the groups.
    pub administrator: bool,
    /// What may be asked for now.
    pub entitlement: Vec<GrantAnswer>,
    /// UTC.
    pub groups_read_at: String,
    /// The latest end; activity does not move it. UTC.
    pub ends_at: String,
    /// The end if nothing is done until then. UTC.
    pub idle_ends_at: String,
}

/// The identity of a session.
#[derive(Debug, Serialize)]
pub struct IdentityAnswer<'a> {
    /// `iss`
    pub issuer: &'a str,
    /// `sub`
    pub subject: &'a str,
    /// By `OIDC_USERNAME_CLAIM`.
    pub username: Option<&'a str>,
    /// By `OIDC_NAME_CLAIM`.
    pub name: Option<&'a str>,
    /// By `OIDC_GROUPS_CLAIM`.
    pub groups: Vec<&'a str>,
}

/// POST `/api/token` (RFC 8693 §2.2.1, and what an app needs besides).
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
    left_out: Vec<GrantAnswer>,
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
            scope: scope_words(&roles, &rooms, &transports),
            roles,
            rooms,
            transports,
            ttl_limited_by: issued.lifetime.limited_by.map(LimitedBy::as_str),
            left_out: issued.left_out.iter().map(GrantAnswer::from).collect(),
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

/// Roles as they are, `room:NAME`, `transport:NAME`.
fn scope_words(roles: &[&str], rooms: &[String], transports: &[String]) -> String {
    let mut words = roles.join(" ");
    for (kind, names) in [(" room:", rooms), (" transport:", transports)] {
        for name in names {
            words.push_str(kind);
            words.push_str(name);
        }
    }
    words
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
