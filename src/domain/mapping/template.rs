//! Rooms of a mapping: exact names, patterns, and templates such as
//! `{username}` or `show-{1}`.

use std::fmt;

use super::pattern::RoomPattern;
use crate::domain::identity::Identity;
use crate::domain::names::{ROOM_MAX, ROOM_RULE, RoomName, is_room_char};

/// One room of a mapping, as an administrator writes it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoomRule {
    /// This room.
    Exact(RoomName),
    /// Every room of this form.
    Pattern(RoomPattern),
    /// A room made from the person or the group.
    Template(RoomTemplate),
}

impl RoomRule {
    /// Reads one room; `captures` is how many stars the mapping's glob has.
    /// The error says what is wrong and what to do.
    pub fn parse(text: &str, captures: usize) -> Result<Self, String> {
        if text.contains(['{', '}']) {
            return RoomTemplate::parse(text, captures).map(Self::Template);
        }
        if text.contains('*') {
            return RoomPattern::parse(text).map(Self::Pattern).ok_or_else(|| {
                format!(
                    "a pattern is at most {ROOM_MAX} room characters and stars, with at least \
                     one character that is no star; for any room write * alone"
                )
            });
        }
        RoomName::parse(text)
            .map(Self::Exact)
            .ok_or_else(|| ROOM_RULE.to_owned())
    }
}

impl fmt::Display for RoomRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(room) => room.fmt(f),
            Self::Pattern(pattern) => pattern.fmt(f),
            Self::Template(template) => template.fmt(f),
        }
    }
}

/// A room name with placeholders.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
            parts.extend(literal(before)?);
            parts.push(placeholder(word, captures)?);
            rest = tail;
        }
        parts.extend(literal(rest)?);
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
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
                    "{word} has characters that a room name cannot have"
                ));
            }
            room.push_str(value);
        }
        RoomName::parse(&room).ok_or_else(|| format!("the result is no room name: {ROOM_RULE}"))
    }
}

impl fmt::Display for RoomTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn literal(text: &str) -> Result<Option<Part>, String> {
    if !text.chars().all(is_room_char) {
        return Err(format!("outside of {{…}}, {ROOM_RULE}"));
    }
    Ok((!text.is_empty()).then(|| Part::Text(text.to_owned())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::identity::Groups;

    fn person(username: Option<&str>, subject: &str) -> Identity {
        Identity {
            issuer: "https://idp.example".into(),
            subject: subject.into(),
            username: username.map(str::to_owned),
            name: None,
            groups: Groups::Listed([].into()),
        }
    }

    fn fill(text: &str, username: Option<&str>, captures: &[&str]) -> Result<String, String> {
        match RoomRule::parse(text, captures.len())? {
            RoomRule::Template(template) => template
                .fill(&person(username, "s-1"), captures)
                .map(|room| room.to_string()),
            other => panic!("{other:?} is no template"),
        }
    }

    #[test]
    fn placeholders_are_filled() {
        assert_eq!(fill("{username}", Some("ann"), &[]).unwrap(), "ann");
        assert_eq!(fill("u-{sub}", None, &[]).unwrap(), "u-s-1");
        assert_eq!(fill("{2}.{1}", None, &["a", "b"]).unwrap(), "b.a");
        assert_eq!(
            fill("{1}{1}", None, &["."]).unwrap_err().split(':').next(),
            Some("the result is no room name")
        );
    }

    #[test]
    fn r5_6_a_value_with_a_comma_never_becomes_two_rooms() {
        for value in ["a,vip", "a b", "a/b", "", "a*", "{1}", "é", "a\n"] {
            assert!(fill("x-{username}", Some(value), &[]).is_err(), "{value:?}");
            assert!(fill("x-{1}", None, &[value]).is_err(), "{value:?}");
        }
        assert!(fill("{username}", None, &[]).unwrap_err().contains("empty"));
        let long = "a".repeat(120);
        assert!(fill("12345678{username}", Some(&long), &[]).is_ok());
        assert!(fill("123456789{username}", Some(&long), &[]).is_err());
    }

    #[test]
    fn an_unknown_or_unusable_placeholder_is_refused_when_written() {
        for text in [
            "{user}",
            "{0}",
            "{01}",
            "{10}",
            "{}",
            "{username",
            "username}",
            "{{sub}}",
            "{sub}*",
            "{sub},x",
            "a b{sub}",
        ] {
            assert!(RoomRule::parse(text, 9).is_err(), "{text:?}");
        }
        let mixed = RoomRule::parse("{sub}*", 0).unwrap_err();
        assert!(mixed.contains("do not mix"), "{mixed}");
        assert!(RoomRule::parse("{2}", 2).is_ok());
        assert!(
            RoomRule::parse("{3}", 2)
                .unwrap_err()
                .contains("at least 3 stars")
        );
        assert!(RoomRule::parse(&format!("{{sub}}{}", "a".repeat(123)), 0).is_ok());
        assert!(RoomRule::parse(&format!("{{sub}}{}", "a".repeat(124)), 0).is_err());
    }

    #[test]
    fn a_rule_is_shown_as_it_was_written() {
        for text in ["room-1", "class-*", "show-{1}"] {
            assert_eq!(RoomRule::parse(text, 1).unwrap().to_string(), text);
        }
    }
}
