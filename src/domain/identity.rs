//! Users as the provider describes them, and actors for the audit log.

use std::collections::BTreeSet;

use serde::Serialize;

use super::members::FieldError;

/// Longest `sub` in bytes (OpenID Connect Core §2).
pub const SUBJECT_MAX: usize = 255;

/// Longest issuer in bytes, as in the tables.
const ISSUER_MAX: usize = 2048;

/// Identifies a user by issuer and subject, which the provider never changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonKey {
    /// The provider's issuer identifier.
    pub issuer: String,
    /// `sub`
    pub subject: String,
}

impl PersonKey {
    /// From the values in a token or a row.
    pub fn new(issuer: &str, subject: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        }
    }

    /// Checks values that an administrator sent.
    ///
    /// # Errors
    /// One error per invalid field.
    pub fn parse(issuer: &str, subject: &str) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let is_issuer = (1..=ISSUER_MAX).contains(&issuer.len());
        if !is_issuer || !issuer.bytes().all(|byte| byte.is_ascii_graphic()) {
            errors.push(FieldError::new(
                "issuer",
                "must be the provider's issuer, as OIDC_ISSUER_URL has it",
            ));
        }
        let printable = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let is_subject = (1..=SUBJECT_MAX).contains(&subject.len());
        if !is_subject || !subject.bytes().all(printable) {
            errors.push(FieldError::new(
                "subject",
                "must be 1 to 255 printable ASCII characters, as the provider's sub",
            ));
        }
        if errors.is_empty() {
            Ok(Self::new(issuer, subject))
        } else {
            Err(errors)
        }
    }
}

/// Issuer and subject identify a person; user name, name and groups describe the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's issuer identifier, as configured.
    pub issuer: String,
    /// `sub`: 1 to 255 printable ASCII characters (OpenID Connect Core §2).
    pub subject: String,
    /// From the claim that `OIDC_USERNAME_CLAIM` names.
    pub username: Option<String>,
    /// From the claim that `OIDC_NAME_CLAIM` names.
    pub name: Option<String>,
    /// From the claim that `OIDC_GROUPS_CLAIM` names.
    pub groups: Groups,
}

/// The groups according to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// These groups; possibly none.
    Listed(BTreeSet<String>),
    /// The groups are unknown, because there are too many to send (Entra's overage). None counts,
    /// and every refusal gives this reason.
    Overage,
}

/// Source of the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupsFrom {
    /// From the ID token.
    IdToken,
    /// From the provider's userinfo endpoint.
    Userinfo,
    /// Given in a request or on the command line.
    Given,
}

impl Groups {
    /// No group at all.
    pub const fn none() -> Self {
        Self::Listed(BTreeSet::new())
    }

    /// The groups to decide with; empty under overage.
    pub fn listed(&self) -> impl Iterator<Item = &str> {
        let set = match self {
            Self::Listed(set) => Some(set),
            Self::Overage => None,
        };
        set.into_iter().flatten().map(String::as_str)
    }

    /// Adds the groups of another session of the same person. Under overage in one of the two, the
    /// listed groups count.
    pub fn extend(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Listed(known), Self::Listed(more)) => known.extend(more),
            (_, Self::Overage) => {}
            (Self::Overage, more) => *self = more,
        }
    }

    /// The listed groups, as rows store them.
    pub fn to_vec(&self) -> Vec<String> {
        self.listed().map(str::to_owned).collect()
    }
}

/// The user who makes a change, and the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The provider's issuer, or `cli` for the command line.
    pub issuer: String,
    /// The provider's subject, or the operating system's user.
    pub subject: String,
    /// Name for display.
    pub label: String,
    /// Address of the client.
    pub client_ip: Option<String>,
    /// The request id, as in the log.
    pub request_id: Option<String>,
}

impl Actor {
    /// The actor as a person of the provider.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_14_under_overage_no_group_counts() {
        let listed = Groups::Listed(["b", "a"].map(str::to_owned).into());
        assert_eq!(listed.listed().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(Groups::Overage.listed().count(), 0);
    }
}
