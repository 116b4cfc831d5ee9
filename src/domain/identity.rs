//! The user, according to the provider. Nothing else leaves `oidc`.

use std::collections::BTreeSet;

use serde::Serialize;

/// Longest `sub` in bytes (OpenID Connect Core §2): it names a row and a person.
pub const SUBJECT_MAX: usize = 255;

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

    /// The same, as a row holds them.
    pub fn to_vec(&self) -> Vec<String> {
        self.listed().map(str::to_owned).collect()
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
