//! Resolving an identity, choosing a scope and checking it once more: all of
//! an exchange that grows with the table.

use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::DateTime;
use red5_bridge::clock::{Clock, SystemClock};
use red5_bridge::domain::grant::Ask;
use red5_bridge::domain::identity::{Groups, Identity};
use red5_bridge::domain::mapping::{Mapping, MappingDraft, MappingId};
use red5_bridge::domain::names::RoomName;
use red5_bridge::domain::resolve::Mappings;
use red5_bridge::domain::set::{AnyOr, NonEmpty};
use serde_json::json;

/// How long each figure is measured.
const MEASURED: Duration = Duration::from_millis(500);

/// A person in ten groups, five of which are mapped.
pub fn person() -> Identity {
    let known = (5..10).map(|i| format!("group-{i}"));
    let unknown = (0..5).map(|i| format!("elsewhere-{i}"));
    Identity {
        issuer: "https://login.example.com".to_owned(),
        subject: "5a2e90c4-51c0".to_owned(),
        username: Some("ann".to_owned()),
        name: Some("Ann Lee".to_owned()),
        groups: Groups::Listed(known.chain(unknown).collect()),
    }
}

/// As many rows: one for each group, the last `globs` of them for a glob that
/// does not match.
pub fn rows(many: usize, globs: usize) -> Vec<Mapping> {
    (0..many)
        .map(|i| {
            if i >= many - globs {
                row(i, &format!("team-{i}-*"), "glob", &both(i))
            } else {
                row(i, &format!("group-{i}"), "exact", &both(i))
            }
        })
        .collect()
}

/// Two rooms of a row.
pub fn both(i: usize) -> [String; 2] {
    [format!("room-{i}"), format!("studio-{i}")]
}

/// A row that lets a group publish and watch in rooms.
pub fn row(i: usize, group: &str, group_match: &str, rooms: &[String]) -> Mapping {
    let at = DateTime::UNIX_EPOCH;
    let sent = json!({
        "group": group, "match": group_match, "roles": ["red5-publisher", "red5-subscriber"],
        "transports": ["RTMP", "WHIP", "WHEP"], "rooms": rooms,
    });
    Mapping {
        id: MappingId(i64::try_from(i).unwrap()),
        draft: MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap(),
        version: 1,
        created_at: at,
        created_by: String::new(),
        updated_at: at,
        updated_by: String::new(),
        last_used_at: None,
    }
}

/// The figures, in words.
pub fn table() -> Vec<String> {
    let named = Ask {
        rooms: NonEmpty::new(RoomName::parse("room-7")).map(AnyOr::Only),
        ..Ask::default()
    };
    let mut lines = vec![
        "in process: resolve, choose, check; a person in ten groups, five of them mapped"
            .to_owned(),
        format!("{:28}{:>12}{:>16}", "", "room named", "nothing named"),
    ];
    for (many, globs, name) in [
        (100, 0, "100 mappings"),
        (10_000, 0, "10,000 mappings"),
        (10_000, 100, "10,000, 100 of them globs"),
    ] {
        let mappings = Mappings::compile(rows(many, globs));
        let one = nanoseconds(&mappings, &named);
        let all = nanoseconds(&mappings, &Ask::default());
        lines.push(format!("{name:28}{one:>9} ns{all:>13} ns"));
    }
    lines
}

fn nanoseconds(mappings: &Mappings, ask: &Ask) -> u128 {
    let (person, now) = (person(), SystemClock.now());
    let exchange = || {
        let entitlement = mappings.resolve(black_box(&person), now);
        let scope = entitlement.scope(black_box(ask)).unwrap();
        black_box(entitlement.warrant(&scope).unwrap());
    };
    let mut times = 0;
    let started = Instant::now();
    while started.elapsed() < MEASURED {
        for _ in 0..100 {
            exchange();
        }
        times += 100;
    }
    started.elapsed().as_nanos() / times
}
