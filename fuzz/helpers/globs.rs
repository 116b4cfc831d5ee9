//! Globs of groups, patterns and templates of rooms, against slow readings of
//! their definitions.

use crate::domain::groups::GroupGlob;
use crate::domain::identity::{Groups, Identity};
use crate::domain::mapping::{Mapping, MappingDraft, MappingId};
use crate::domain::names::{ROOM_MAX, RoomName};
use crate::domain::resolve::Mappings;
use crate::domain::rooms::{GrantRoom, RoomRule};
use chrono::DateTime;
use serde_json::json;

/// Longest text that the slow readings take on: they try everything.
const SLOW_MAX: usize = 24;

/// Lines: a glob, a group, a room as an administrator writes it, a user name, a
/// subject, a room's name.
pub fn globs(data: &[u8]) {
    let Some([glob, group, rule, username, subject, room]) = super::lines(data) else {
        return;
    };
    let parsed = GroupGlob::parse(glob);
    let captures = parsed.as_ref().and_then(|glob| glob.captures(group));
    if let (Some(_), Some(captures)) = (&parsed, &captures) {
        check_captures(glob, group, captures);
    }
    if parsed.is_some() && glob.len() + group.len() <= SLOW_MAX {
        assert_eq!(captures, slow_captures(glob, group), "{glob:?} {group:?}");
    }
    let stars = parsed.as_ref().map_or(0, GroupGlob::stars);
    let Ok(read) = RoomRule::parse(rule, stars) else {
        return;
    };
    assert_eq!(read.to_string(), rule);
    assert_eq!(RoomRule::parse(&read.to_string(), stars), Ok(read.clone()));
    let person = person(username, subject, group);
    match &read {
        RoomRule::Fixed(GrantRoom::Exact(name)) => check_room(name),
        RoomRule::Fixed(GrantRoom::Pattern(pattern)) => {
            if let Some(room) =
                RoomName::parse(room).filter(|_| rule.len() + room.len() <= SLOW_MAX)
            {
                let slow = slow_match(rule.as_bytes(), room.as_str().as_bytes());
                assert_eq!(pattern.matches(&room), slow, "{rule:?} {room}");
            }
        }
        RoomRule::Template(template) => {
            let filled = template.fill(&person, &captures.clone().unwrap_or_default());
            if let Ok(room) = &filled {
                check_room(room);
            }
        }
    }
    check_table(glob, rule, &person, captures.as_deref());
}

/// The pieces of the glob and what its stars stand for make the group again.
fn check_captures(glob: &str, group: &str, captures: &[&str]) {
    let mut whole = String::new();
    let mut found = captures.iter();
    for (at, piece) in glob.split('*').enumerate() {
        if at > 0 {
            whole.push_str(found.next().unwrap());
        }
        whole.push_str(piece);
    }
    assert_eq!(found.next(), None);
    assert_eq!(whole, group);
}

/// R5-6: what comes out is a room's name, and one alone.
fn check_room(room: &RoomName) {
    let name = room.as_str();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~@-".contains(&byte);
    assert!(
        (1..=ROOM_MAX).contains(&name.len()) && name.bytes().all(plain),
        "{name:?}"
    );
    assert!(name != "." && name != "..");
}

/// The whole table says of one row what the row says alone.
fn check_table(glob: &str, rule: &str, person: &Identity, captures: Option<&[&str]>) {
    let sent = json!({
        "group": glob, "match": "glob", "roles": ["red5-publisher"], "transports": ["*"],
        "rooms": [rule],
    });
    let Ok(draft) = MappingDraft::parse(serde_json::from_value(sent).unwrap()) else {
        return;
    };
    let rooms = draft.rooms().to_strings();
    let epoch = DateTime::UNIX_EPOCH;
    let row = Mapping {
        id: MappingId(1),
        draft,
        version: 1,
        created_at: epoch,
        created_by: String::new(),
        updated_at: epoch,
        updated_by: String::new(),
        last_used_at: None,
    };
    let held = Mappings::compile([row]).resolve(person, epoch);
    let expected = captures.and_then(|captures| match RoomRule::parse(rule, captures.len()) {
        Ok(RoomRule::Template(template)) => {
            Some(vec![template.fill(person, captures).ok()?.to_string()])
        }
        _ => Some(rooms),
    });
    let granted: Vec<_> = held
        .grants()
        .iter()
        .map(|grant| grant.rooms.to_strings())
        .collect();
    assert_eq!(granted, Vec::from_iter(expected), "{glob:?} {rule:?}");
}

fn person(username: &str, subject: &str, group: &str) -> Identity {
    Identity {
        issuer: "https://id.example.com".to_owned(),
        subject: subject.to_owned(),
        username: Some(username.to_owned()),
        name: None,
        groups: Groups::Listed([group.to_owned()].into()),
    }
}

/// Every way to read the group, shortest first star first.
fn slow_captures<'g>(glob: &str, group: &'g str) -> Option<Vec<&'g str>> {
    let mut chars = glob.chars();
    match chars.next() {
        None => group.is_empty().then(Vec::new),
        Some('*') => (0..=group.len())
            .filter(|n| group.is_char_boundary(*n))
            .find_map(|n| {
                let mut captures = slow_captures(chars.as_str(), &group[n..])?;
                captures.insert(0, &group[..n]);
                Some(captures)
            }),
        Some(c) => slow_captures(chars.as_str(), group.strip_prefix(c)?),
    }
}

/// The definition, read aloud.
fn slow_match(pattern: &[u8], room: &[u8]) -> bool {
    match pattern.split_first() {
        None => room.is_empty(),
        Some((b'*', rest)) => (1..=room.len()).any(|n| slow_match(rest, &room[n..])),
        Some((c, rest)) => room.first() == Some(c) && slow_match(rest, &room[1..]),
    }
}
