//! Sessions, blocked users, and stopping a user.

use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::paging::Paging;
use super::shown::Shown;
use super::{times, words};
use crate::domain::block::Block;
use crate::domain::identity::PersonKey;
use crate::domain::members::FieldError;
use crate::domain::person::SeenPerson;
use crate::domain::session::{SessionHash, SessionSummary};
use crate::web::form::Form;
use crate::web::user_agent::UNKNOWN;

/// A session, as administrators and its own user see it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    pub session: SessionSummary,
    /// Whether it is the one that requests the page.
    pub current: bool,
}

impl SessionRow {
    /// A session; `own` is the one that requests the page.
    pub fn of(session: SessionSummary, own: Option<SessionHash>) -> Self {
        Self {
            current: Some(session.hash) == own,
            session,
        }
    }

    pub fn list(sessions: Vec<SessionSummary>, own: Option<SessionHash>) -> Vec<Self> {
        let rows = sessions.into_iter();
        rows.map(|session| Self::of(session, own)).collect()
    }

    fn who(&self) -> PersonWords {
        PersonWords::of_session(&self.session)
    }

    fn browser(&self) -> &str {
        self.session.browser.as_deref().unwrap_or(UNKNOWN)
    }

    /// What a device calls itself.
    fn device(&self) -> Shown {
        Shown(self.browser().to_owned())
    }
}

/// A person, by all that is known of them.
#[derive(Debug, Clone)]
pub struct PersonWords {
    pub key: PersonKey,
    /// The provider's user name for the person.
    pub username: Option<Shown>,
    /// The provider's name for the person.
    pub name: Option<Shown>,
}

impl PersonWords {
    pub fn of_session(session: &SessionSummary) -> Self {
        let (username, name) = (session.username.clone(), session.name.clone());
        Self::new(session.person(), username, name)
    }

    /// A person who has been seen.
    pub fn of_seen(person: &SeenPerson) -> Self {
        let identity = &person.identity;
        let (username, name) = (identity.username.clone(), identity.name.clone());
        let key = PersonKey::new(&identity.issuer, &identity.subject);
        Self::new(key, username, name)
    }

    fn new(key: PersonKey, username: Option<String>, name: Option<String>) -> Self {
        Self {
            key,
            username: username.map(Shown),
            name: name.map(Shown),
        }
    }

    /// Name, else user name, else subject.
    pub(super) fn called(&self) -> Shown {
        let known = self.name.as_ref().or(self.username.as_ref());
        known.cloned().unwrap_or_else(|| self.subject())
    }

    pub(super) fn subject(&self) -> Shown {
        Shown(self.key.subject.clone())
    }

    pub(super) fn issuer(&self) -> Shown {
        Shown(self.key.issuer.clone())
    }

    /// `issuer=…&subject=…`
    pub(super) fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("issuer", &self.key.issuer)
            .append_pair("subject", &self.key.subject)
            .finish()
    }
}

/// What the page before this one did. It decides nothing but a sentence.
#[derive(Debug, Clone)]
pub struct Notice {
    pub(super) text: String,
    /// Whether what was asked for was done.
    pub(super) is_done: bool,
}

impl Notice {
    /// Of the address that it led to: `done`, and `ended`, the number of sessions that ended.
    pub fn of(query: &Form) -> Option<Self> {
        let ended: Option<u32> = query
            .one("ended")
            .ok()?
            .and_then(|ended| ended.parse().ok());
        let (is_done, text) = match query.one("done").ok()?? {
            "ended" => (true, "The session is over. No new token comes from it."),
            "all-ended" => (true, "All sessions of that person are over."),
            "blocked" => (true, "The person is blocked."),
            "app-ended" => (true, "That app gets no new token any more."),
            "app-gone" => (
                false,
                "That app had no access already. Nothing was changed.",
            ),
            "device-connected" => (
                true,
                "The device is connected. It goes on by itself within seconds.",
            ),
            "device-denied" => (
                true,
                "The device was denied. If it goes on asking, tell your administrator.",
            ),
            "device-gone" => (false, "That request was over already. Nothing was changed."),
            "unblocked" => (true, "The person may sign in again."),
            "gone" => (false, "That session was over already. Nothing was changed."),
            "not-blocked" => (
                false,
                "That person is not blocked, or no longer. Nothing was changed.",
            ),
            "nothing" => (
                false,
                "Nothing was changed. What can be done begins with a button here.",
            ),
            _ => return None,
        };
        let text = match ended {
            None => text.to_owned(),
            Some(1) => format!("{text} 1 session ended."),
            Some(ended) => format!("{text} {ended} sessions ended."),
        };
        Some(Self { text, is_done })
    }
}

/// GET `/admin/sessions`.
#[derive(Debug, Clone, Template)]
#[template(path = "sessions.html")]
pub struct SessionList {
    pub frame: Frame,
    pub rows: Vec<SessionRow>,
    pub paging: Paging,
    /// What it is narrowed to; empty: not at all.
    pub person: String,
    /// What the page before this one did.
    pub done: Option<Notice>,
}

/// GET `/admin/sessions/{id}`: the ways to stop a user.
///
/// Its forms: POST to `/admin/sessions/{id}/end`, and to `/admin/sessions/end` with
/// `issuer` and `subject`.
#[derive(Debug, Clone, Template)]
#[template(path = "session_stop.html")]
pub struct SessionStop {
    pub frame: Frame,
    pub row: SessionRow,
    /// How many the person has.
    pub sessions: i64,
}

#[derive(Debug, Clone)]
pub struct BlockRow {
    pub block: Block,
    /// Whether its time is not over.
    pub counts: bool,
}

impl BlockRow {
    /// A block, as it stands at `now`.
    pub fn of(block: Block, now: DateTime<Utc>) -> Self {
        Self {
            counts: block.counts(now),
            block,
        }
    }

    fn who(&self) -> PersonWords {
        let block = self.block.clone();
        PersonWords::new(block.person, block.username, block.name)
    }
}

/// GET `/admin/blocks`.
#[derive(Debug, Clone, Template)]
#[template(path = "blocks.html")]
pub struct BlockList {
    pub frame: Frame,
    pub rows: Vec<BlockRow>,
    pub paging: Paging,
    /// What the page before this one did.
    pub done: Option<Notice>,
}

/// For how long, as the form has it: the value, and in words.
pub const BLOCK_TIMES: [(&str, &str); 5] = [
    ("", "For good, until it is lifted"),
    ("1", "One hour"),
    ("24", "One day"),
    ("168", "Seven days"),
    ("720", "Thirty days"),
];

/// What was typed into the form.
#[derive(Debug, Clone, Default)]
pub struct TypedBlock {
    pub issuer: String,
    pub subject: String,
    /// `hours`: a value of [`BLOCK_TIMES`].
    pub hours: String,
    pub reason: String,
}

/// GET `/admin/blocks/new`, whose forms are a GET of the same address with `person`, and a
/// POST to `/admin/blocks`; there `unknown` confirms a person who was not seen.
#[derive(Debug, Clone, Template)]
#[template(path = "block_form.html")]
pub struct BlockForm {
    pub frame: Frame,
    /// What was typed, or what the page that led here knows.
    pub typed: TypedBlock,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
    pub person: String,
    pub found: Vec<PersonWords>,
    /// Whether there are more than these.
    pub more: bool,
    /// The person whom the form names, and the number of their sessions.
    pub known: Option<(PersonWords, i64)>,
    /// The person whom the form names was not seen and has no block; to be confirmed.
    pub unknown: bool,
}

impl TypedBlock {
    /// What confirms a person who was not seen: that person and no other.
    pub fn confirmation(&self) -> String {
        format!("{} {}", self.issuer, self.subject)
    }
}

impl BlockForm {
    fn error(&self, field: &str) -> Option<&str> {
        let of_field = |error: &&FieldError| error.field == field;
        let found = self.errors.iter().find(of_field);
        found.map(|error| error.reason.as_str())
    }
}

/// GET `/admin/blocks/lift`, whose form is a POST to the same address.
#[derive(Debug, Clone, Template)]
#[template(path = "block_lift.html")]
pub struct BlockLift {
    pub frame: Frame,
    pub row: BlockRow,
}

/// GET `/sessions`: a person's own.
///
/// Its forms: POST to `/sessions/{id}/end`, and to `/sessions/end`.
#[derive(Debug, Clone, Template)]
#[template(path = "own_sessions.html")]
pub struct OwnSessions {
    pub frame: Frame,
    /// All of them, the latest first.
    pub rows: Vec<SessionRow>,
    /// What the page before this one did.
    pub done: Option<Notice>,
}
