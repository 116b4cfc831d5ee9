//! The portal: who I am, what I may do, choose a room, get a token.
//!
//! The handler fills [`Portal`]; the same page carries the token or the
//! refusal of the form that was sent, with what was chosen kept.

use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::refused::Refused;
use super::shown::Shown;
use super::words::{self, GrantWords};
use crate::domain::grant::{Grant, GrantRoom};
use crate::domain::identity::{Groups, Identity};
use crate::domain::lifetime::LimitedBy;
use crate::domain::names::{Role, Transport};
use crate::domain::set::AnyOr;

/// GET `/` for somebody who is not signed in.
#[derive(Debug, Clone, Template)]
#[template(path = "welcome.html")]
pub struct Welcome {
    /// The bar; nobody in it.
    pub frame: Frame,
    /// Where signing in comes back to, as `/auth/login` takes it.
    pub return_to: String,
}

/// GET `/` for somebody who is signed in, and the answer to POST `/portal/token`.
#[derive(Debug, Clone, Template)]
#[template(path = "portal.html")]
pub struct Portal {
    /// The bar.
    pub frame: Frame,
    /// Who I am.
    pub who: Who,
    /// What I may do; empty only for an administrator, others get [`super::NoGrant`].
    pub grants: Vec<GrantWords>,
    /// What the form offers.
    pub choices: Choices,
    /// What the form holds: nothing, or what was sent.
    pub chosen: Chosen,
    /// What came of the form that was sent.
    pub outcome: Option<Outcome>,
}

/// The identity, as the portal shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// For people.
    pub name: Option<Shown>,
    /// The login name.
    pub username: Option<Shown>,
    /// `sub` at the issuer.
    pub subject: Shown,
    /// The provider.
    pub issuer: Shown,
    /// The groups that count.
    pub groups: Vec<Shown>,
    /// The provider said that there are groups, too many to send.
    pub groups_overage: bool,
}

impl Who {
    /// Of an identity.
    pub fn of(identity: &Identity) -> Self {
        let shown = |text: &String| Shown(text.clone());
        Self {
            name: identity.name.as_ref().map(shown),
            username: identity.username.as_ref().map(shown),
            subject: shown(&identity.subject),
            issuer: shown(&identity.issuer),
            groups: identity
                .groups
                .listed()
                .map(|group| Shown(group.to_owned()))
                .collect(),
            groups_overage: matches!(identity.groups, Groups::Overage),
        }
    }
}

/// What the form offers. Fields: `room` (empty: none named; `*`: any), `roles`
/// and `transports` (each zero or more times; none: not named), `ttl_seconds`
/// (may be empty), `form_token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// Rooms that are held by name.
    pub rooms: Vec<String>,
    /// Patterns that are held.
    pub patterns: Vec<String>,
    /// Any room is held.
    pub any_room: bool,
    /// Roles that are held.
    pub roles: Vec<String>,
    /// Transports that are held by name; all of them where any is held.
    pub transports: Vec<String>,
    /// Any transport is held.
    pub any_transport: bool,
    /// Lifetime in seconds of a token for which none is asked.
    pub usual_ttl_seconds: u64,
}

impl Choices {
    /// What these grants have between them, each sorted and without duplicates.
    pub fn of(grants: &[Grant], usual_ttl_seconds: u64) -> Self {
        let mut choices = Self {
            rooms: Vec::new(),
            patterns: Vec::new(),
            any_room: false,
            roles: Vec::new(),
            transports: Vec::new(),
            any_transport: grants.iter().any(|grant| grant.transports.is_any()),
            usual_ttl_seconds,
        };
        for grant in grants {
            match &grant.rooms {
                AnyOr::Any => choices.any_room = true,
                AnyOr::Only(rooms) => {
                    for room in rooms {
                        match room {
                            GrantRoom::Exact(name) => choices.rooms.push(name.to_string()),
                            GrantRoom::Pattern(form) => choices.patterns.push(form.to_string()),
                        }
                    }
                }
            }
        }
        for list in [&mut choices.rooms, &mut choices.patterns] {
            list.sort_unstable();
            list.dedup();
        }
        choices.roles = Role::ALL
            .iter()
            .filter(|role| grants.iter().any(|grant| grant.roles.contains(role)))
            .map(ToString::to_string)
            .collect();
        choices.transports = Transport::ALL
            .iter()
            .filter(|transport| {
                grants.iter().any(|grant| {
                    let named = grant.transports.named();
                    named.is_none_or(|named| named.contains(transport))
                })
            })
            .map(ToString::to_string)
            .collect();
        choices
    }

    /// Whether a room that is not in the list may be asked for.
    pub(super) fn free_room(&self) -> bool {
        self.any_room || !self.patterns.is_empty()
    }
}

/// What was chosen, exactly as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// The field `room`.
    pub room: String,
    /// Each field `roles`.
    pub roles: Vec<String>,
    /// Each field `transports`.
    pub transports: Vec<String>,
    /// The field `ttl_seconds`.
    pub ttl_seconds: String,
}

impl Chosen {
    fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|chosen| chosen == role)
    }

    fn has_transport(&self, transport: &str) -> bool {
        self.transports.iter().any(|chosen| chosen == transport)
    }
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Here it is.
    Issued(Box<Issued>),
    /// Why not.
    Refused(Refused),
}

/// A token, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The token.
    pub token: String,
    /// Seconds from now to `expires_at`.
    pub expires_in: u64,
    /// `exp`.
    pub expires_at: DateTime<Utc>,
    /// What made it shorter than was asked.
    pub limited_by: Option<LimitedBy>,
    /// What it allows.
    pub allows: GrantWords,
    /// What is held and not in it.
    pub left_out: Vec<GrantWords>,
    /// Lines to copy; none where no server is configured.
    pub lines: Vec<CopyLine>,
}

/// Text to paste somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyLine {
    /// Where it goes: `Red5 HTML5 SDK`, `WHIP, for example OBS`.
    pub label: String,
    /// The text.
    pub text: String,
}

impl Issued {
    fn length(&self) -> usize {
        self.token.chars().count()
    }

    fn remaining(&self) -> String {
        words::duration(self.expires_in)
    }

    fn expires_at_instant(&self) -> String {
        words::instant(self.expires_at)
    }

    fn expires_at_words(&self) -> String {
        words::reading_time(self.expires_at)
    }

    fn limit_words(&self) -> Option<&'static str> {
        self.limited_by.map(|by| match by {
            LimitedBy::Server => "the streaming server takes no longer one",
            LimitedBy::Mapping => "your administrator allows no longer one",
            LimitedBy::Session | LimitedBy::SubjectToken => "your sign-in ends then",
        })
    }
}

impl Portal {
    fn issued(&self) -> Option<&Issued> {
        match &self.outcome {
            Some(Outcome::Issued(issued)) => Some(issued),
            _ => None,
        }
    }

    fn refused(&self) -> Option<&Refused> {
        match &self.outcome {
            Some(Outcome::Refused(refused)) => Some(refused),
            _ => None,
        }
    }

    /// What a refusal has to say beside this field.
    fn told(&self, field: &str) -> Vec<super::refused::Told> {
        let mut told = self.refused().map(Refused::told).unwrap_or_default();
        told.retain(|told| told.field == Some(field));
        told
    }
}
