//! The portal: who I am, what I may do, choose a room, get a token.
//!
//! The handler fills [`Portal`]; the same page carries the token or the
//! refusal of the form that was sent, with what was chosen kept.

use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::shown::Shown;
use super::times;
use super::token_form::{Choices, Chosen, Refused, Told, Unnamed};
use super::words::{self, GrantWords};
use crate::domain::identity::{Groups, Identity};
use crate::domain::lifetime::LimitedBy;

/// GET `/` for a signed-in user, and the answer to POST `/portal/token`.
#[derive(Debug, Clone, Template)]
#[template(path = "portal.html")]
pub struct Portal {
    pub frame: Frame,
    pub who: Who,
    /// What I may do; empty only for an administrator, others get [`NoGrant`].
    pub grants: Vec<GrantWords>,
    pub choices: Choices,
    pub chosen: Chosen,
    /// What came of the form that was sent.
    pub outcome: Option<Outcome>,
    /// It was the page with a token that was asked for, and that one is shown only once.
    pub shown_once: bool,
}

/// Signed in, and nothing granted: a 403 page that says so and leads nowhere
/// but out. It never begins a sign-in, so it can never be part of a loop.
#[derive(Debug, Clone, Template)]
#[template(path = "no_grant.html")]
pub struct NoGrant {
    pub frame: Frame,
    /// Who is signed in, with the groups seen.
    pub who: Who,
}

/// From how many grants on the form comes before them.
const MANY_GRANTS: usize = 5;

/// The identity, as the portal shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    pub name: Option<Shown>,
    pub username: Option<Shown>,
    /// `sub` at the issuer.
    pub subject: Shown,
    pub issuer: Shown,
    /// The groups that count.
    pub groups: Vec<Shown>,
    /// The provider said that there are groups, too many to send.
    pub groups_overage: bool,
}

impl Who {
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

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Issued(Box<ShownToken>),
    Refused(Refused),
}

/// A token, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownToken {
    pub token: String,
    /// Seconds from now to `expires_at`.
    pub expires_in: u64,
    /// `exp`.
    pub expires_at: DateTime<Utc>,
    /// What made it shorter than was asked.
    pub limited_by: Option<LimitedBy>,
    pub allows: GrantWords,
    /// What is held and not in it.
    pub left_out: Vec<GrantWords>,
    pub lines: Lines,
}

/// Lines to copy, or what they lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lines {
    /// No server is configured.
    NoServer,
    /// The token is for several rooms.
    NeedRoom,
    /// The stream has no name.
    NeedStream,
    /// The proxy of the Stream Manager carries none of the token's protocols.
    NeedNode,
    /// Here they are.
    Ready(Vec<CopyLine>),
}

/// Text to paste somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyLine {
    /// Where it goes: `Red5 HTML5 SDK, publishing`.
    pub label: &'static str,
    pub text: String,
    /// The text as an image, for a telephone.
    pub qr: Option<QrImage>,
}

/// A QR code, drawn in squares of the size 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QrImage {
    /// Of what: `WHIP address`.
    pub of: &'static str,
    /// Width and height, with the margin.
    pub size: u32,
    /// The dark squares, as the data of an SVG path.
    pub path: String,
}

impl ShownToken {
    fn length(&self) -> usize {
        self.token.chars().count()
    }

    fn remaining(&self) -> String {
        times::duration(self.expires_in)
    }

    fn expires_at_instant(&self) -> String {
        times::instant(self.expires_at)
    }

    fn expires_at_words(&self) -> String {
        times::reading_time(self.expires_at)
    }

    fn limit_words(&self) -> Option<&'static str> {
        self.limited_by.map(|by| match by {
            LimitedBy::Server => "the streaming server takes no longer one",
            LimitedBy::Mapping => "your administrator allows no longer one",
            LimitedBy::Session | LimitedBy::SubjectToken => "your sign-in ends then",
            LimitedBy::Client => "the app may have no longer one",
        })
    }
}

impl Portal {
    fn form_first(&self) -> bool {
        self.grants.len() >= MANY_GRANTS
    }

    fn issued(&self) -> Option<&ShownToken> {
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
    fn told(&self, field: &str) -> Vec<Told> {
        let told = self.refused().map(|refused| refused.told.as_slice());
        let told = told.unwrap_or_default().iter();
        told.filter(|told| told.field == Some(field))
            .cloned()
            .collect()
    }
}
