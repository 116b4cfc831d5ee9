//! Who is asking, and whether they may. Holding a [`Caller`] or an [`Admin`]
//! is the proof: nothing else makes one.

use std::sync::Arc;

use actix_web::HttpRequest;

use super::client_ip;
use super::request_id::RequestId;
use super::site::Site;
use crate::domain::identity::Identity;
use crate::fingerprint::pseudonym;
use crate::flow::admin::AdminGroups;
use crate::flow::sessions::{SessionError, SessionSecret, Sessions};
use crate::store::audit::Actor;
use crate::store::live::LiveSession;
use crate::store::sessions::StoredSession;

/// A signed-in user.
#[derive(Clone)]
pub struct Caller {
    secret: SessionSecret,
    live: Arc<LiveSession>,
}

impl Caller {
    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.live.session.identity
    }

    /// Their session.
    pub fn session(&self) -> &StoredSession {
        &self.live.session
    }

    /// Their session, as it is in memory.
    pub fn live(&self) -> &LiveSession {
        &self.live
    }

    /// For the audit log.
    pub fn actor(&self, request: &HttpRequest) -> Actor {
        let identity = self.identity();
        Actor {
            issuer: identity.issuer.clone(),
            subject: identity.subject.clone(),
            label: identity
                .username
                .clone()
                .unwrap_or_else(|| identity.subject.clone()),
            client_ip: client_ip::address(request).map(|address| address.to_string()),
            request_id: RequestId::of(request),
        }
    }

    /// The value of their cookie.
    pub fn secret(&self) -> &SessionSecret {
        &self.secret
    }
}

/// An administrator.
pub struct Admin(Caller);

impl Admin {
    /// For the audit log.
    pub fn actor(&self, request: &HttpRequest) -> Actor {
        self.0.actor(request)
    }
}

/// Why there is no proof.
#[derive(Debug)]
pub enum Barred {
    /// 401
    NotSignedIn,
    /// 403
    NotAdmin,
    /// 503, or worse
    Session(SessionError),
}

/// Who it is, if there is a live session, and not what they may do: their groups may
/// be too old.
pub async fn known(
    request: &HttpRequest,
    site: &Site,
    sessions: &Sessions,
) -> Result<Option<Caller>, SessionError> {
    let Some(secret) = site.session(request) else {
        return Ok(None);
    };
    let live = sessions.known(&secret).await?;
    Ok(live.map(|live| Caller { secret, live }))
}

/// The same caller with groups that may serve now; none when the session is over.
pub async fn confirmed(known: Caller, sessions: &Sessions) -> Result<Option<Caller>, SessionError> {
    let live = sessions.confirm(known.live).await?;
    let secret = known.secret;
    Ok(live.map(|live| Caller { secret, live }))
}

/// Demands a live session.
pub async fn signed_in(
    request: &HttpRequest,
    site: &Site,
    sessions: &Sessions,
) -> Result<Caller, Barred> {
    let found = known(request, site, sessions);
    let found = found.await.map_err(Barred::Session)?;
    let known = found.ok_or(Barred::NotSignedIn)?;
    let found = confirmed(known, sessions).await.map_err(Barred::Session)?;
    found.ok_or(Barred::NotSignedIn)
}

/// Demands an administrator.
pub async fn admin(
    request: &HttpRequest,
    site: &Site,
    sessions: &Sessions,
    groups: &AdminGroups,
) -> Result<Admin, Barred> {
    as_admin(signed_in(request, site, sessions).await?, groups)
}

/// Requires that the signed-in user is an administrator.
pub fn as_admin(caller: Caller, groups: &AdminGroups) -> Result<Admin, Barred> {
    if groups.include(caller.identity()) {
        Ok(Admin(caller))
    } else {
        tracing::info!(
            event = "admin_denied",
            subject = &*pseudonym(&caller.identity().subject)
        );
        Err(Barred::NotAdmin)
    }
}
