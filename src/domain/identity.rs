//! The user, according to the provider, and who makes a change.

use std::collections::BTreeSet;

use serde::Serialize;

use super::members::FieldError;

/// Longest `sub` in bytes (OpenID Connect Core §2): it names a row and a person.
pub const SUBJECT_MAX: usize = 255;

/// Longest issuer in bytes, as the table has it.
const ISSUER_MAX: usize = 2048;

/// A user by the names that the provider never changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersonKey {
    /// The provider's issuer identifier.
    pub issuer: String,
    /// `sub`
    pub subject: String,
}

impl PersonKey {
    /// As a token or a row has it.
    pub fn new(issuer: &str, subject: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
        }
    }

    /// Reads both as an administrator sent them.
    ///
    /// # Errors
    /// Each invalid field.
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

/// Issuer and subject name a person; username, name and groups describe them.
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

/// What the provider said about groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// These, possibly none.
    Listed(BTreeSet<String>),
    /// Too many to be sent (Entra's overage): the groups are unknown, so none
    /// counts, and every refusal says why.
    Overage,
}

/// Where groups were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupsFrom {
    /// From the ID token.
    IdToken,
    /// From the provider's userinfo endpoint.
    Userinfo,
    /// Given by the one who asks.
    Given,
}

impl Groups {
    /// No group at all.
    pub const fn none() -> Self {
        Self::Listed(BTreeSet::new())
    }

    /// The groups that count; empty under overage.
    pub fn listed(&self) -> impl Iterator<Item = &str> {
        let set = match self {
            Self::Listed(set) => Some(set),
            Self::Overage => None,
        };
        set.into_iter().flatten().map(String::as_str)
    }

    /// Adds those of another session of the same person; where one of the two is known, it counts.
    pub fn extend(&mut self, more: Self) {
        match (&mut *self, more) {
            (Self::Listed(known), Self::Listed(more)) => known.extend(more),
            (_, Self::Overage) => {}
            (Self::Overage, more) => *self = more,
        }
    }

    /// The same, as a row holds them.
    pub fn to_vec(&self) -> Vec<String> {
        self.listed().map(str::to_owned).collect()
    }
}

/// Who makes a change, and from where.
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
