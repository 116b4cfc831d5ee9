//! Sessions, blocked users, and stopping a user.

use askama::Template;
use chrono::{DateTime, Utc};

use super::frame::Frame;
use super::mapping_row::Moment;
use super::paging::Paging;
use super::shown::Shown;
use super::words;
use crate::domain::block::{Block, PersonKey};
use crate::domain::mapping::FieldError;

/// A session, as administrators and its own person see it.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// What it is called.
    pub id: String,
    /// Whose it is.
    pub who: PersonWords,
    /// When it began.
    pub signed_in_at: Moment,
    /// When it was last used.
    pub last_seen_at: Moment,
    /// When the provider sent the groups.
    pub groups_read_at: Moment,
    /// The latest end.
    pub ends_at: Moment,
    /// Browser and system of the sign-in.
    pub browser: String,
    /// The client's address at the sign-in.
    pub address: Option<String>,
    /// The one that looks at the page.
    pub current: bool,
}

impl SessionRow {
    /// At the beginning of a cell.
    fn browser_words(&self) -> String {
        words::sentence(&self.browser)
    }
}

/// A person, by all that is known of them.
#[derive(Debug, Clone)]
pub struct PersonWords {
    /// Issuer and subject.
    pub key: PersonKey,
    /// What the provider called them.
    pub username: Option<Shown>,
    /// Likewise.
    pub name: Option<Shown>,
}

impl PersonWords {
    /// Of a person, and what the provider called them.
    pub fn new(key: &PersonKey, username: Option<&str>, name: Option<&str>) -> Self {
        let shown = |text: &str| Shown(text.to_owned());
        Self {
            key: key.clone(),
            username: username.map(shown),
            name: name.map(shown),
        }
    }

    /// Name, else user name, else subject.
    fn called(&self) -> Shown {
        let known = self.name.as_ref().or(self.username.as_ref());
        known.cloned().unwrap_or_else(|| self.subject())
    }

    fn subject(&self) -> Shown {
        Shown(self.key.subject.clone())
    }

    fn issuer(&self) -> Shown {
        Shown(self.key.issuer.clone())
    }

    /// `issuer=…&subject=…`
    fn query(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .append_pair("issuer", &self.key.issuer)
            .append_pair("subject", &self.key.subject)
            .finish()
    }
}

/// What the page before this one did; it decides nothing but a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopDone {
    /// What.
    pub what: Stopped,
    /// How many sessions it ended.
    pub ended: Option<u32>,
}

impl StopDone {
    fn sentence(self) -> String {
        let sentence = self.what.sentence();
        match self.ended {
            None => sentence.to_owned(),
            Some(1) => format!("{sentence} 1 session ended."),
            Some(ended) => format!("{sentence} {ended} sessions ended."),
        }
    }
}

/// What can be done about sessions and people, or was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// `ended`
    Ended,
    /// `all-ended`
    AllEnded,
    /// `blocked`
    Blocked,
    /// `unblocked`
    Unblocked,
    /// `gone`: it was over before.
    Gone,
    /// `not-blocked`: there is no block to be lifted.
    NotBlocked,
    /// `nothing`: what was asked for begins with a button.
    Nothing,
}

impl Stopped {
    const ALL: [Self; 7] = [
        Self::Ended,
        Self::AllEnded,
        Self::Blocked,
        Self::Unblocked,
        Self::Gone,
        Self::NotBlocked,
        Self::Nothing,
    ];

    /// The word in the address.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::AllEnded => "all-ended",
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::Gone => "gone",
            Self::NotBlocked => "not-blocked",
            Self::Nothing => "nothing",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|done| done.as_str() == word)
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Ended => "The session is over. No new token comes from it.",
            Self::AllEnded => "All sessions of that person are over.",
            Self::Blocked => "The person is blocked.",
            Self::Unblocked => "The person may sign in again.",
            Self::Gone => "That session was over already. Nothing was changed.",
            Self::NotBlocked => "That person is not blocked, or no longer. Nothing was changed.",
            Self::Nothing => "Nothing was changed. What can be done begins with a button here.",
        }
    }

    /// Whether what was asked for was done.
    const fn is_done(self) -> bool {
        !matches!(self, Self::Gone | Self::NotBlocked | Self::Nothing)
    }
}

/// GET `/admin/sessions`.
#[derive(Debug, Clone, Template)]
#[template(path = "sessions.html")]
pub struct SessionList {
    /// The bar.
    pub frame: Frame,
    /// The page.
    pub rows: Vec<SessionRow>,
    /// Where it stands.
    pub paging: Paging,
    /// What it is narrowed to; empty: everybody.
    pub person: String,
    /// What the page before this one did.
    pub done: Option<StopDone>,
}

/// GET `/admin/sessions/{id}`: the ways to stop a user.
///
/// Its forms: POST to `/admin/sessions/{id}/end`, and to `/admin/sessions/end` with
/// `issuer` and `subject`.
#[derive(Debug, Clone, Template)]
#[template(path = "session_stop.html")]
pub struct SessionStop {
    /// The bar.
    pub frame: Frame,
    /// The session.
    pub row: SessionRow,
    /// How many the person has.
    pub sessions: i64,
}

/// A row of the blocks.
#[derive(Debug, Clone)]
pub struct BlockRow {
    /// Whom.
    pub who: PersonWords,
    /// Until when; none: for good.
    pub until: Option<Moment>,
    /// Whether its time is not over.
    pub counts: bool,
    /// Why.
    pub reason: Shown,
    /// Since when.
    pub created_at: Moment,
    /// Who did it.
    pub created_by: Shown,
}

impl BlockRow {
    /// Of a block, as it stands at `now`.
    pub fn of(block: &Block, now: DateTime<Utc>) -> Self {
        Self {
            who: PersonWords::new(
                &block.person,
                block.username.as_deref(),
                block.name.as_deref(),
            ),
            until: block.until.map(Moment::of),
            counts: block.counts(now),
            reason: Shown(block.reason.clone()),
            created_at: Moment::of(block.created_at),
            created_by: Shown(block.created_by.clone()),
        }
    }
}

/// GET `/admin/blocks`.
#[derive(Debug, Clone, Template)]
#[template(path = "blocks.html")]
pub struct BlockList {
    /// The bar.
    pub frame: Frame,
    /// The page.
    pub rows: Vec<BlockRow>,
    /// Where it stands.
    pub paging: Paging,
    /// What the page before this one did.
    pub done: Option<StopDone>,
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
    /// `issuer`
    pub issuer: String,
    /// `subject`
    pub subject: String,
    /// `hours`: a value of [`BLOCK_TIMES`].
    pub hours: String,
    /// `reason`
    pub reason: String,
}

/// A person with sessions.
#[derive(Debug, Clone)]
pub struct KnownPerson {
    /// Who.
    pub who: PersonWords,
    /// How many there are.
    pub sessions: i64,
}

/// GET `/admin/blocks/new`, whose forms are a GET of the same address with `person`, and a
/// POST to `/admin/blocks`; there `unknown` confirms a person without sessions.
#[derive(Debug, Clone, Template)]
#[template(path = "block_form.html")]
pub struct BlockForm {
    /// The bar.
    pub frame: Frame,
    /// What was typed, or what the page that led here knows.
    pub typed: TypedBlock,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
    /// What was looked for; empty: nothing.
    pub person: String,
    /// Who was found.
    pub found: Vec<PersonWords>,
    /// Whether there are more than these.
    pub more: bool,
    /// Whom the form names, where they have sessions.
    pub known: Option<KnownPerson>,
    /// No session and no block is of whom the form names; to be confirmed.
    pub unknown: bool,
}

impl TypedBlock {
    /// What confirms a person without sessions: that person and no other.
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
    /// The bar.
    pub frame: Frame,
    /// The block.
    pub row: BlockRow,
}

/// GET `/sessions`: a person's own.
///
/// Its forms: POST to `/sessions/{id}/end`, and to `/sessions/end`.
#[derive(Debug, Clone, Template)]
#[template(path = "own_sessions.html")]
pub struct OwnSessions {
    /// The bar.
    pub frame: Frame,
    /// All of them, the latest first.
    pub rows: Vec<SessionRow>,
    /// What the page before this one did.
    pub done: Option<StopDone>,
}
