use proptest::prelude::*;

use super::*;
use crate::domain::identity::Groups;
use crate::domain::set::{AnyOr, NonEmpty};

// --- patterns ---

fn pattern_matches(pattern: &str, room: &str) -> bool {
    RoomPattern::parse(pattern)
        .unwrap()
        .matches(&RoomName::parse(room).unwrap())
}

#[test]
fn a_star_stands_for_one_or_more_characters() {
    assert!(pattern_matches("class-*", "class-1"));
    assert!(pattern_matches("class-*", "class-1b"));
    assert!(!pattern_matches("class-*", "class-"));
    assert!(!pattern_matches("class-*", "Class-1"));
    assert!(pattern_matches("*-a-*", "x-a-a-y"));
    assert!(!pattern_matches("a**", "ab"));
    assert!(pattern_matches("a**", "abc"));
}

#[test]
fn stars_alone_no_star_and_foreign_characters_are_no_pattern() {
    for text in ["*", "**", "", "room", "a*,b", "a*/b", "a *", "{sub}*", "é*"] {
        assert_eq!(RoomPattern::parse(text), None, "{text:?}");
    }
    assert!(RoomPattern::parse(&format!("*{}", "a".repeat(127))).is_some());
    assert!(RoomPattern::parse(&format!("*{}", "a".repeat(128))).is_none());
}

/// The definition, read aloud: slow and obviously right.
fn twin(pattern: &[u8], room: &[u8]) -> bool {
    match pattern.split_first() {
        None => room.is_empty(),
        Some((b'*', rest)) => (1..=room.len()).any(|n| twin(rest, &room[n..])),
        Some((c, rest)) => room.first() == Some(c) && twin(rest, &room[1..]),
    }
}

proptest! {
    #[test]
    fn matching_agrees_with_the_definition(pattern in "[ab*]{1,7}", room in "[ab]{1,7}") {
        prop_assume!(RoomPattern::parse(&pattern).is_some());
        prop_assert_eq!(pattern_matches(&pattern, &room), twin(pattern.as_bytes(), room.as_bytes()));
    }
}

// --- rooms of grants ---

fn room(name: &str) -> RoomName {
    RoomName::parse(name).unwrap()
}

fn granted(text: &str) -> GrantRoom {
    RoomPattern::parse(text).map_or_else(|| GrantRoom::Exact(room(text)), GrantRoom::Pattern)
}

#[test]
fn a_room_is_covered_by_its_own_name_or_its_form() {
    assert!(granted("a").covers(&room("a")));
    assert!(!granted("a").covers(&room("A")));
    assert!(granted("class-*").covers(&room("class-1")));
    assert!(!granted("class-*").covers(&room("class-")));
}

#[test]
fn rooms_are_in_the_order_of_their_texts_whatever_their_kind() {
    let rooms = NonEmpty::new(["b", "a*", "*-a", "ab", "a"].map(granted)).unwrap();
    assert_eq!(
        AnyOr::Only(rooms).to_strings(),
        ["*-a", "a", "a*", "ab", "b"]
    );
    assert!(granted("a*") < granted("ab"));
    assert_eq!(
        granted("a*").partial_cmp(&granted("a*")),
        Some(Ordering::Equal)
    );
}

// --- templates ---

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
        RoomRule::Fixed(room) => panic!("{room} is no template"),
    }
}

#[test]
fn placeholders_are_filled() {
    assert_eq!(fill("{username}", Some("ann"), &[]).unwrap(), "ann");
    assert_eq!(fill("u-{sub}", None, &[]).unwrap(), "u-s-1");
    assert_eq!(fill("{2}.{1}", None, &["a", "b"]).unwrap(), "b.a");
    assert_eq!(
        fill("{1}{1}", None, &["."]).unwrap_err().split(':').next(),
        Some("the result \"..\" is no room name")
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
