//! The administrator's permission. A use case for administrators takes `&Admin`, also for reading.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::identity::{Actor, Identity};
use crate::fingerprint::pseudonym;
use crate::store::session_cache::LiveSession;

/// The administrators' groups (`BRIDGE_ADMIN_GROUPS`), compared exactly. Without any, there are no
/// administrators (AD-2, AD-3).
#[derive(Debug, Clone)]
pub struct AdminGroups(pub BTreeSet<String>);

/// Proof that the user is an administrator. For a request only [`AdminGroups::admit`] creates one (AD-1):
///
/// ```compile_fail,E0451
/// # use red5_bridge::flow::admin::Admin;
/// # fn forge(live: std::sync::Arc<red5_bridge::store::session_cache::LiveSession>, actor: red5_bridge::domain::identity::Actor) {
/// let admin = Admin { live: Some(live), actor };
/// # }
/// ```
///
/// Use cases for administrators require it:
///
/// ```
/// # use red5_bridge::flow::{admin::Admin, mappings::MappingEditor};
/// async fn all_tests(admin: &Admin, editor: &MappingEditor) {
///     let _ = editor.tests(admin).await;
/// }
/// ```
/// ```compile_fail,E0061
/// # use red5_bridge::flow::mappings::MappingEditor;
/// async fn all_tests(editor: &MappingEditor) {
///     let _ = editor.tests().await;
/// }
/// ```
pub struct Admin {
    live: Option<Arc<LiveSession>>,
    actor: Actor,
}

/// The user is signed in, but is not an administrator.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAdmin;

/// Where a request came from, for the audit log.
#[derive(Debug, Clone, Default)]
pub struct RequestOrigin {
    /// Address of the client.
    pub client_ip: Option<String>,
    /// The request id, as in the log.
    pub request_id: Option<String>,
}

impl AdminGroups {
    /// Whether the identity is in one of these groups; false under overage.
    pub fn include(&self, identity: &Identity) -> bool {
        identity.groups.listed().any(|group| self.0.contains(group))
    }

    /// Admits an administrator. The caller must have checked that the session's groups are fresh.
    pub fn admit(&self, live: Arc<LiveSession>, origin: RequestOrigin) -> Result<Admin, NotAdmin> {
        let identity = &live.session.identity;
        if !self.include(identity) {
            let subject = &*pseudonym(&identity.subject);
            tracing::info!(event = "admin_denied", code = "not_admin", subject);
            return Err(NotAdmin);
        }
        let actor = actor(identity, origin);
        Ok(Admin {
            live: Some(live),
            actor,
        })
    }
}

impl Admin {
    /// A user of the machine, audited as `cli:USER`: the address of the database is a right to more than
    /// any use case does.
    pub(crate) fn of_command_line(user: &str) -> Self {
        Self {
            live: None,
            actor: Actor::cli(user),
        }
    }

    /// The administrator as an actor for the audit log.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The administrator's own session; the command line has none.
    pub fn session(&self) -> Option<&LiveSession> {
        self.live.as_deref()
    }
}

/// A user as an actor for the audit log.
pub fn actor(identity: &Identity, origin: RequestOrigin) -> Actor {
    let username = identity.username.as_ref();
    Actor {
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        label: username.unwrap_or(&identity.subject).clone(),
        client_ip: origin.client_ip,
        request_id: origin.request_id,
    }
}
