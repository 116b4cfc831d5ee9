//! Who makes a change.

use super::block::PersonKey;

/// Who does it, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The provider's issuer, or `cli`.
    pub issuer: String,
    /// The provider's subject, or the user of the machine.
    pub subject: String,
    /// What people know them by.
    pub label: String,
    /// The address the request came from.
    pub client_ip: Option<String>,
    /// The request's id, as in the log.
    pub request_id: Option<String>,
}

impl Actor {
    /// As a person of the provider.
    pub fn person(&self) -> PersonKey {
        PersonKey::new(&self.issuer, &self.subject)
    }

    /// A user of the command line.
    pub fn cli(user: &str) -> Self {
        Self {
            issuer: "cli".to_owned(),
            subject: user.to_owned(),
            label: format!("cli:{user}"),
            client_ip: None,
            request_id: None,
        }
    }
}
