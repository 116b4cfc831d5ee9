//! A table of mappings, and who may do what by it: the rule, written once more
//! from its definition.

use std::collections::BTreeSet;

/// One mapping.
#[derive(Debug, Clone)]
pub struct Row {
    pub group: Option<String>,
    pub roles: Vec<String>,
    pub transports: Vec<String>,
    pub rooms: Vec<String>,
}

/// `row("crew", "pub sub", "RTMP WHIP", "stage studio-*")`; no group is everyone.
pub fn row(group: &str, roles: &str, transports: &str, rooms: &str) -> Row {
    let sorted = |words: &str| -> Vec<String> {
        let words: BTreeSet<&str> = words.split(' ').collect();
        words.into_iter().map(str::to_owned).collect()
    };
    let roles = roles.replace("pub", "red5-publisher");
    Row {
        group: (!group.is_empty()).then(|| group.to_owned()),
        roles: sorted(&roles.replace("sub", "red5-subscriber")),
        transports: sorted(transports),
        rooms: sorted(rooms),
    }
}

/// A person who signs in.
#[derive(Debug, Clone)]
pub struct Person {
    /// The user name.
    pub name: String,
    pub subject: String,
    pub groups: Vec<String>,
}

pub fn person(name: &str, groups: &str) -> Person {
    Person {
        name: name.to_owned(),
        subject: name.to_owned(),
        groups: groups.split_whitespace().map(str::to_owned).collect(),
    }
}

/// Whether one single row gives `person` the triple. No transport stands for
/// another protocol, no room for a stream without one.
pub fn is_granted(
    rows: &[Row],
    person: &Person,
    role: &str,
    transport: Option<&str>,
    room: Option<&str>,
) -> bool {
    let has = |list: &[String], word: Option<&str>| {
        list.iter().any(|it| it == "*" || Some(it.as_str()) == word)
    };
    rows.iter().any(|row| {
        row.roles.iter().any(|it| it == role)
            && has(&row.transports, transport)
            && matches_of(row, person).any(|star| {
                row.rooms.iter().any(|rule| match room {
                    _ if rule == "*" => true,
                    Some(room) => covers(rule, person, &star, room),
                    None => false,
                })
            })
    })
}

/// What the group's one star stood for, once for each of the person's groups
/// that the row is for.
fn matches_of(row: &Row, person: &Person) -> impl Iterator<Item = String> {
    let found: Vec<String> = match &row.group {
        None => vec![String::new()],
        Some(wanted) => person
            .groups
            .iter()
            .filter_map(|group| match wanted.split_once('*') {
                Some((before, after)) => group
                    .strip_prefix(before)?
                    .strip_suffix(after)
                    .map(str::to_owned),
                None => (wanted == group).then(String::new),
            })
            .collect(),
    };
    found.into_iter()
}

fn covers(rule: &str, person: &Person, star: &str, room: &str) -> bool {
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._~@-".contains(c))
    };
    for (placeholder, value) in [
        ("{username}", person.name.as_str()),
        ("{sub}", &person.subject),
        ("{1}", star),
    ] {
        if rule.contains(placeholder) {
            return plain(value) && rule.replace(placeholder, value) == room;
        }
    }
    match rule.split_once('*') {
        Some((before, after)) => {
            let middle = room
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after));
            middle.is_some_and(plain)
        }
        None => rule == room,
    }
}

pub fn is_possible(role: &str, transport: &str) -> bool {
    !matches!(
        (role, transport),
        ("red5-publisher", "WHEP") | ("red5-subscriber", "WHIP")
    )
}

/// Room names of the rows, and some that no row grants.
pub fn rooms_around(rows: &[Row], person: &Person) -> Vec<String> {
    let mut rooms: BTreeSet<String> = ["vip", "admin-room", "probe"].map(str::to_owned).into();
    for rule in rows
        .iter()
        .flat_map(|row| &row.rooms)
        .filter(|it| *it != "*")
    {
        let filled = rule
            .replace("{username}", &person.name)
            .replace("{sub}", &person.subject);
        let filled = filled.replace("{1}", "red").replace('*', "7");
        if filled
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-')
        {
            rooms.insert(filled.to_uppercase());
            rooms.insert(format!("{filled}-2"));
            rooms.insert(filled);
        }
    }
    rooms.into_iter().collect()
}
