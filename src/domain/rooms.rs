//! The rooms of mappings and grants: exact names, patterns such as `class-*`, and templates such
//! as `{username}` or `show-{1}`.

use std::cmp::Ordering;
use std::fmt;

use super::identity::Identity;
use super::names::{ROOM_MAX, ROOM_RULE, RoomName, is_room_char};

/// A form of room names in which each `*` stands for one or more room
/// characters. It never lists rooms; it serves when a room is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomPattern(String);

impl RoomPattern {
    /// Refuses a text without a star, one of stars alone (*any* is said with a
    /// lone `*`, on purpose), one that is too long, and foreign characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() <= ROOM_MAX
            && text.contains('*')
            && text.chars().any(|c| c != '*')
            && text.chars().all(|c| c == '*' || is_room_char(c));
        fits.then(|| Self(text.to_owned()))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `room` has this form.
    ///
    /// Every piece between two stars is taken at its first place, at least one
    /// character after the piece before it: that leaves most for the rest, so
    /// no choice is ever undone, however many stars there are.
    pub fn matches(&self, room: &RoomName) -> bool {
        self.includes(room.as_str())
    }

    /// Whether each room of a form is of this form: a name, or a text in which each star stands
    /// for one or more room characters. Nothing but a star can take a star, because no piece between
    /// stars has one, so the text is compared like a name.
    pub fn includes(&self, form: &str) -> bool {
        let mut pieces = self.0.split('*');
        let first = pieces.next().unwrap_or_default();
        let last = pieces.next_back().unwrap_or_default();
        let Some(mut rest) = form.strip_prefix(first) else {
            return false;
        };
        for piece in pieces {
            let found = rest.get(1..).and_then(|after| after.split_once(piece));
            let Some((_, after)) = found else {
                return false;
            };
            rest = after;
        }
        rest.len() > last.len() && rest.ends_with(last)
    }
}

/// A room of a grant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GrantRoom {
    /// This room.
    Exact(RoomName),
    /// Every room of this form; it serves when a room is named.
    Pattern(RoomPattern),
}

impl GrantRoom {
    /// Whether `room` is this room or of this form.
    pub fn covers(&self, room: &RoomName) -> bool {
        match self {
            Self::Exact(exact) => exact == room,
            Self::Pattern(pattern) => pattern.matches(room),
        }
    }

    /// The room as it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(room) => room.as_str(),
            Self::Pattern(pattern) => pattern.as_str(),
        }
    }
}

/// One room of a mapping, as an administrator writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum RoomRule {
    /// Alike for every person and group.
    Fixed(GrantRoom),
    /// Made from the person or the group.
    Template(RoomTemplate),
}

impl RoomRule {
    /// Reads one room; `captures` is how many stars the mapping's glob has.
    /// The error says what is wrong and what to do.
    pub fn parse(text: &str, captures: usize) -> Result<Self, String> {
        if text.contains(['{', '}']) {
            return RoomTemplate::parse(text, captures).map(Self::Template);
        }
        let (room, rule) = if text.contains('*') {
            let rule = format!(
                "a pattern is at most {ROOM_MAX} room characters and stars, with at least \
                 one character that is no star; for any room write * alone"
            );
            (RoomPattern::parse(text).map(GrantRoom::Pattern), rule)
        } else {
            let name = RoomName::parse(text);
            (name.map(GrantRoom::Exact), ROOM_RULE.to_owned())
        };
        room.map(Self::Fixed).ok_or(rule)
    }

    /// The room as it was written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Fixed(room) => room.as_str(),
            Self::Template(template) => template.as_str(),
        }
    }
}

/// A room name with placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoomTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Text(String),
    Username,
    Subject,
    /// From 0; written from 1.
    Capture(usize),
}

impl RoomTemplate {
    fn parse(text: &str, captures: usize) -> Result<Self, String> {
        if text.contains('*') {
            return Err("a template and a pattern do not mix: use {…} or *, not both".to_owned());
        }
        if text.len() > ROOM_MAX {
            return Err(format!("a template is at most {ROOM_MAX} characters"));
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, tail) = after
                .split_once('}')
                .ok_or("a { has no }: write {username}, {sub} or {1}")?;
            parts.push(literal(before)?);
            parts.push(placeholder(word, captures)?);
            rest = tail;
        }
        parts.push(literal(rest)?);
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it holds `{username}`.
    pub fn has_username(&self) -> bool {
        self.parts.contains(&Part::Username)
    }

    /// Whether it holds what a star of the group's glob matched.
    pub fn has_capture(&self) -> bool {
        let is_capture = |part: &Part| matches!(part, Part::Capture(_));
        self.parts.iter().any(is_capture)
    }

    /// A form that each of its rooms has: a star for each placeholder.
    pub fn form(&self) -> String {
        self.written(["*", "*"], |_| Some("*")).unwrap_or_default()
    }

    /// The template with each capture replaced by what `captures` has in its place; none where
    /// one has nothing there.
    pub fn with_captures(&self, captures: &[Option<String>]) -> Option<String> {
        self.written(["{username}", "{sub}"], |n| captures.get(n)?.as_deref())
    }

    fn written<'c>(
        &self,
        [username, subject]: [&str; 2],
        capture: impl Fn(usize) -> Option<&'c str>,
    ) -> Option<String> {
        let mut text = String::new();
        for part in &self.parts {
            text.push_str(match part {
                Part::Text(literal) => literal,
                Part::Username => username,
                Part::Subject => subject,
                Part::Capture(n) => capture(*n)?,
            });
        }
        Some(text)
    }

    /// The room for this person and these captures, or why there is none.
    /// Each value put in must itself be a run of room characters: a user name
    /// `a,vip` would otherwise be two rooms.
    pub fn fill(&self, identity: &Identity, captures: &[&str]) -> Result<RoomName, String> {
        let mut room = String::new();
        for part in &self.parts {
            let (word, value) = match part {
                Part::Text(text) => {
                    room.push_str(text);
                    continue;
                }
                Part::Username => ("{username}".to_owned(), identity.username.as_deref()),
                Part::Subject => ("{sub}".to_owned(), Some(identity.subject.as_str())),
                Part::Capture(n) => (format!("{{{}}}", n + 1), captures.get(*n).copied()),
            };
            let value = value.filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| format!("{word} is empty for this person"))?;
            if !value.chars().all(is_room_char) {
                return Err(format!(
                    "{word} is {value:?}, which has characters that a room name cannot have"
                ));
            }
            room.push_str(value);
        }
        RoomName::parse(&room)
            .ok_or_else(|| format!("the result {room:?} is no room name: {ROOM_RULE}"))
    }
}

fn literal(text: &str) -> Result<Part, String> {
    if text.chars().all(is_room_char) {
        Ok(Part::Text(text.to_owned()))
    } else {
        Err(format!("outside of {{…}}, {ROOM_RULE}"))
    }
}

fn placeholder(word: &str, captures: usize) -> Result<Part, String> {
    match word {
        "username" => return Ok(Part::Username),
        "sub" => return Ok(Part::Subject),
        _ => {}
    }
    // One digit suffices (a glob has at most eight stars) and has one spelling.
    let [digit @ b'1'..=b'9'] = word.as_bytes() else {
        return Err(format!(
            "{{{word}}} is unknown: use {{username}}, {{sub}}, or {{1}}, {{2}} … with a glob"
        ));
    };
    let number = usize::from(digit - b'0');
    if number > captures {
        return Err(format!(
            "{{{number}}} needs a glob with at least {number} stars; this mapping's group has {captures}"
        ));
    }
    Ok(Part::Capture(number - 1))
}

// Ordered by text, as every list is. A pattern has a star, a template a brace, and a name
// neither: equal texts are equal rooms.

impl Ord for GrantRoom {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for GrantRoom {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for GrantRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Ord for RoomRule {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for RoomRule {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RoomRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
