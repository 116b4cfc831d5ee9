//! The log: each event once, with its fields, in a form that cannot be forged (LG-2 to LG-5).
//! `docs/logging.md` is held to all of it.

mod events;
mod panics;
mod source;
mod stopping;

use std::collections::{BTreeMap, BTreeSet};

/// One event of the page: its levels and fields.
#[derive(Debug)]
pub struct Documented {
    pub levels: String,
    pub needed: BTreeSet<String>,
    pub optional: BTreeSet<String>,
}

/// The two tables of the page, by event.
pub fn documented() -> BTreeMap<String, Documented> {
    let page = include_str!("../../docs/logging.md");
    let (_, tables) = page.split_once("## Events").unwrap();
    let (tables, _) = tables.split_once("## Whom it names").unwrap();
    let quoted = |text: &str| -> BTreeSet<String> {
        let words = text.split('`').skip(1).step_by(2);
        words.map(str::to_owned).collect()
    };
    let mut events = BTreeMap::new();
    for row in tables.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (needed, optional): (Vec<&str>, Vec<&str>) = cells[3]
            .split_whitespace()
            .partition(|word| !word.starts_with('('));
        for event in quoted(cells[1]) {
            let documented = Documented {
                levels: cells[2].to_owned(),
                needed: quoted(&needed.join(" ")),
                optional: quoted(&optional.join(" ")),
            };
            events.insert(event, documented);
        }
    }
    assert!(events.len() > 20, "{events:?}");
    events
}
