//! An identity that an administrator writes down, to ask what it would be granted.

use std::collections::BTreeSet;

use serde::Serialize;

use super::identity::{Groups, Identity, SUBJECT_MAX};
use super::members::Members;
use super::names::{GROUP_MAX, GroupName};

/// Most groups of a given identity, duplicates counted.
pub const GIVEN_GROUPS_MAX: usize = 1000;

/// Longest user name of a given identity in characters.
pub const GIVEN_USERNAME_MAX: usize = 255;

/// What of an identity decides what it is granted; what is not given is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GivenIdentity {
    groups: BTreeSet<String>,
    username: Option<String>,
    subject: Option<String>,
}

impl GivenIdentity {
    /// From the members `groups`, `username` and `subject`, each of which may be missing; `members` has
    /// what is wrong with them.
    pub fn read(members: &mut Members) -> Option<Self> {
        let groups = members
            .texts("groups", GIVEN_GROUPS_MAX)
            .unwrap_or_default();
        for (i, group) in groups.iter().enumerate() {
            if GroupName::parse(group).is_none() {
                let reason =
                    format!("a group is 1 to {GROUP_MAX} bytes, without control characters");
                members.refuse(format!("groups[{i}]"), reason);
            }
        }
        let username = members.text("username");
        let is_name = |name: &String| {
            (1..=GIVEN_USERNAME_MAX).contains(&name.chars().count())
                && !name.chars().any(char::is_control)
        };
        if username.as_ref().is_some_and(|name| !is_name(name)) {
            let reason = format!(
                "a user name is 1 to {GIVEN_USERNAME_MAX} characters, without control characters; \
                 leave it out for none"
            );
            members.refuse("username", reason);
        }
        let subject = members.text("subject");
        let is_subject = |subject: &String| {
            (1..=SUBJECT_MAX).contains(&subject.len())
                && subject.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        if subject.as_ref().is_some_and(|subject| !is_subject(subject)) {
            let reason = format!(
                "a subject is 1 to {SUBJECT_MAX} printable ASCII characters; leave it out for none"
            );
            members.refuse("subject", reason);
        }
        members.errors.is_empty().then(|| Self {
            groups: groups.into_iter().collect(),
            username,
            subject,
        })
    }

    /// As one that signed in. No issuer, and an absent subject is empty: no room is made of it.
    pub fn identity(&self) -> Identity {
        Identity {
            issuer: String::new(),
            subject: self.subject.clone().unwrap_or_default(),
            username: self.username.clone(),
            name: None,
            groups: Groups::Listed(self.groups.clone()),
        }
    }

    /// The groups, sorted.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &str> {
        self.groups.iter().map(String::as_str)
    }

    /// The user name, where there is one.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }
}
