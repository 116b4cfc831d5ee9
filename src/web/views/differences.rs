//! After a conflict: the mapping as it is now beside what was typed.

use super::mapping_form::TypedMapping;
use super::mapping_row::role_words;
use super::shown::Shown;

/// One field of the comparison.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared {
    pub label: &'static str,
    /// As it is in the table now, line by line.
    pub now: Vec<Shown>,
    /// As it was typed.
    pub typed: Vec<Shown>,
}

impl Compared {
    pub(super) fn differs(&self) -> bool {
        self.now != self.typed
    }
}

/// Every field, in the order of the form.
pub(super) fn compare(now: &TypedMapping, typed: &TypedMapping) -> Vec<Compared> {
    let now = written(now);
    let typed = written(typed);
    now.into_iter()
        .zip(typed)
        .map(|((label, now), (_, typed))| Compared {
            label,
            now: lines(&now),
            typed: lines(&typed),
        })
        .collect()
}

fn lines(text: &str) -> Vec<Shown> {
    text.lines().map(|line| Shown(line.to_owned())).collect()
}

/// Lists are compared as sets and shown sorted: their order means nothing.
fn written(mapping: &TypedMapping) -> [(&'static str, String); 10] {
    let sorted = |mut list: Vec<&str>| {
        list.sort_unstable();
        list.dedup();
        list.join("\n")
    };
    let listed_or_any = |any: bool, list: Vec<&str>| match (any, list.is_empty()) {
        (true, true) => "Any".to_owned(),
        (true, false) => format!("Any\n{}", sorted(list)),
        (false, _) => sorted(list),
    };
    let mut roles = mapping.roles.clone();
    roles.sort_unstable();
    let transports = mapping.transports.iter().map(String::as_str).collect();
    [
        ("Applies to", mapping.group_match.clone()),
        ("Group", mapping.group.clone()),
        ("May", role_words(&roles)),
        (
            "Protocols",
            listed_or_any(mapping.any_transport, transports),
        ),
        (
            "Rooms",
            listed_or_any(mapping.any_room, mapping.room_lines().collect()),
        ),
        ("Longest token", mapping.max_ttl_seconds.clone()),
        ("Valid from", mapping.valid_from.clone()),
        ("Valid until", mapping.valid_until.clone()),
        (
            "Enabled",
            if mapping.enabled { "yes" } else { "no" }.to_owned(),
        ),
        ("Note", mapping.note.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differing(now: &TypedMapping, typed: &TypedMapping) -> Vec<&'static str> {
        let compared = compare(now, typed);
        compared
            .iter()
            .filter(|field| field.differs())
            .map(|field| field.label)
            .collect()
    }

    #[test]
    fn the_same_mapping_differs_nowhere_whatever_the_order_of_its_lists() {
        let now = TypedMapping {
            rooms: "b\na".to_owned(),
            transports: vec!["WHIP".to_owned(), "RTMP".to_owned()],
            ..TypedMapping::default()
        };
        let typed = TypedMapping {
            rooms: "a\r\n\r\nb\r\n".to_owned(),
            transports: vec!["RTMP".to_owned(), "WHIP".to_owned()],
            ..TypedMapping::default()
        };
        assert_eq!(differing(&now, &typed), Vec::<&str>::new());
    }

    #[test]
    fn each_field_that_differs_is_told() {
        let now = TypedMapping::default();
        let typed = TypedMapping {
            group_match: "glob".to_owned(),
            group: "crew-*".to_owned(),
            roles: vec!["red5-publisher".to_owned()],
            any_transport: true,
            transports: vec![],
            any_room: true,
            rooms: String::new(),
            max_ttl_seconds: "60".to_owned(),
            valid_from: "a".to_owned(),
            valid_until: "b".to_owned(),
            enabled: false,
            note: "n".to_owned(),
        };
        assert_eq!(differing(&now, &typed).len(), 10);
    }
}
