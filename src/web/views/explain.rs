//! The page that explains why a person may or may not do something.

use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::shown::Shown;
use super::times;
use super::words::{self, GrantWords};
use crate::domain::explain::{Decision, ExplainedRow, Explanation, RowVerdict};
use crate::domain::members::FieldError;
use crate::domain::names::{Role, Transport};

/// GET `/admin/explain`, whose form asks the same address.
#[derive(Debug, Clone, Template)]
#[template(path = "explain.html")]
pub struct ExplainPage {
    /// The bar.
    pub frame: Frame,
    /// The question.
    pub typed: TypedQuestion,
    /// What is wrong with it, by the members of the API.
    pub errors: Vec<FieldError>,
    /// There is no such session or person.
    pub not_found: bool,
    /// The answer.
    pub explained: Option<Explained>,
}

/// The fields of the form, as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedQuestion {
    /// The public id of a session; the four after it do not count then.
    pub session: String,
    /// The public id of a person; the three after it do not count then.
    pub person: String,
    /// One to a line.
    pub groups: String,
    /// The user name.
    pub username: String,
    /// The provider's `sub`.
    pub subject: String,
    /// Empty: not named.
    pub role: String,
    /// Empty: not named.
    pub room: String,
    /// Empty: not named.
    pub transport: String,
    /// Empty: now.
    pub at: String,
}

/// An answer in words.
#[derive(Debug, Clone)]
pub struct Explained {
    at: DateTime<Utc>,
    mapping_version: i64,
    who: Vec<(&'static str, Shown)>,
    groups: Vec<Shown>,
    rows: Vec<RowWords>,
    grants: Vec<GrantWords>,
    decision: DecisionWords,
}

/// A mapping that has to do with the person.
#[derive(Debug, Clone)]
struct RowWords {
    id: i64,
    applies: bool,
    verdict: &'static str,
    because: Shown,
    grants: Vec<GrantWords>,
    left_out: Vec<(String, Shown)>,
}

/// What an exchange would answer.
#[derive(Debug, Clone)]
enum DecisionWords {
    Issued {
        allows: Vec<String>,
        seconds: i64,
        limited_by: Option<&'static str>,
        left_out: Vec<GrantWords>,
    },
    Refused {
        code: &'static str,
        because: String,
        nearest: Vec<GrantWords>,
    },
}

impl ExplainPage {
    /// What the form calls the field of an error, and its id.
    fn label(error: &FieldError) -> (&'static str, &'static str) {
        let field = error.field.as_str();
        let labels = [
            ("identity.groups", ("groups", "Groups")),
            ("identity.username", ("username", "User name")),
            ("identity.subject", ("subject", "Subject")),
            ("request.roles", ("role", "To do what")),
            ("request.rooms", ("room", "Room")),
            ("request.transports", ("transport", "Protocol")),
            ("session", ("session", "Session")),
            ("person", ("person", "Person")),
            ("at", ("at", "When")),
        ];
        let found = labels.iter().find(|(name, _)| field.starts_with(name));
        found.map_or(("groups", "Question"), |(_, label)| *label)
    }

    fn is_wrong(&self, id: &str) -> bool {
        self.errors.iter().any(|error| Self::label(error).0 == id)
    }

    fn session_is_unknown(&self) -> bool {
        self.not_found && !self.typed.session.is_empty()
    }

    fn person_is_unknown(&self) -> bool {
        self.not_found && self.typed.session.is_empty()
    }
}

impl Explained {
    /// In words.
    pub fn of(explanation: &Explanation) -> Self {
        let words = |grants: &[_]| grants.iter().map(GrantWords::of).collect::<Vec<_>>();
        let identity = &explanation.identity;
        let who = [
            ("Name", &identity.name),
            ("User name", &identity.username),
            ("Subject", &identity.subject),
        ];
        let who = who.into_iter();
        let who = who.filter_map(|(label, text)| Some((label, Shown(text.clone()?))));
        Self {
            at: explanation.at,
            mapping_version: explanation.mapping_version,
            who: who.collect(),
            groups: identity.groups.iter().cloned().map(Shown).collect(),
            rows: explanation.rows.iter().map(RowWords::of).collect(),
            grants: words(&explanation.entitlement),
            decision: match &explanation.decision {
                Decision::Issued {
                    expires_in,
                    ttl_limited_by,
                    left_out,
                    ..
                } => DecisionWords::Issued {
                    allows: explanation.red5.clone(),
                    seconds: *expires_in,
                    limited_by: *ttl_limited_by,
                    left_out: words(left_out),
                },
                Decision::Refused {
                    code,
                    because,
                    nearest,
                    ..
                } => DecisionWords::Refused {
                    code,
                    because: because.clone(),
                    nearest: words(nearest),
                },
            },
        }
    }
}

impl RowWords {
    fn of(row: &ExplainedRow) -> Self {
        let left_out = row.rooms_left_out.iter();
        let left_out = left_out.map(|out| (out.room.clone(), Shown(out.because.clone())));
        Self {
            id: row.id.0,
            applies: row.verdict == RowVerdict::Applies,
            verdict: match row.verdict {
                RowVerdict::Applies => "Applies",
                RowVerdict::Disabled => "Off",
                RowVerdict::Over => "Ended",
                RowVerdict::NotYet => "Not begun",
                RowVerdict::EndsTooSoon => "Ends too soon",
                RowVerdict::NoRoomLeft => "No room left",
                RowVerdict::NearMiss => "Near miss",
            },
            because: Shown(words::sentence(&row.because)),
            grants: row.grants.iter().map(GrantWords::of).collect(),
            left_out: left_out.collect(),
        }
    }
}
