//! Every event of the source is on the page, and the page has no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::documented;

/// The macros of a file, each up to its semicolon or the end of its arm.
fn calls(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .take_while(|line| *line != "mod tests {")
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut calls = Vec::new();
    for level in ["error", "warn", "info", "debug", "trace"] {
        for rest in code.split(&format!("tracing::{level}!(")).skip(1) {
            let mut depth = 1;
            let end = rest.find(|c| {
                depth += match c {
                    '(' => 1,
                    ')' => -1,
                    _ => 0,
                };
                depth == 0
            });
            calls.push(rest[..end.unwrap()].to_owned());
        }
    }
    calls
}

fn files(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("demo") {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn lg_2_every_event_has_a_name_and_is_documented_and_no_other_is() {
    let mut sources = Vec::new();
    files(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut sources,
    );
    let mut names = BTreeSet::new();
    for text in &sources {
        for call in calls(text) {
            let name = call.split("event = \"").nth(1);
            match name.and_then(|rest| rest.split('"').next()) {
                Some(name) => {
                    names.insert(name.to_owned());
                }
                // Named by the caller, or the line that a starter reads.
                None => assert!(
                    call.starts_with("event,") || call.starts_with("\"listening on"),
                    "an event without a name: {call}"
                ),
            }
        }
        for call in [".settle(\"", " log(\""] {
            for rest in text.split(call).skip(1) {
                names.insert(rest.split('"').next().unwrap().to_owned());
            }
        }
    }
    let documented: BTreeSet<String> = documented().into_keys().collect();
    assert_eq!(names, documented);
}
