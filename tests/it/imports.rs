//! What each part of the crate may import (ARCHITECTURE.md). In a single crate the compiler does
//! not check it, so this reads `src`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A part of `src`, and what none of its files may name: libraries, and parts that are not among
/// the layers of `scripts/size`.
const FORBIDDEN: [(&str, &[&str]); 10] = [
    (
        "domain",
        &[
            "crate::app",
            "crate::config",
            "crate::clock",
            "crate::metrics",
            "actix",
            "sqlx",
            "openidconnect",
            "jsonwebtoken",
            "reqwest",
            "tokio",
            "async ",
            "std::fs",
            "std::net",
            "std::env",
            "Utc::now",
            "Instant",
        ],
    ),
    (
        "metrics",
        // Every part may count with it; it imports none of them.
        &["crate::", "actix", "sqlx", "reqwest", "tokio", "tracing"],
    ),
    (
        "oidc",
        &[
            "crate::config",
            "crate::app",
            "actix",
            "sqlx",
            "jsonwebtoken",
        ],
    ),
    (
        "store",
        &[
            "crate::config",
            "crate::app",
            "actix",
            "openidconnect",
            "jsonwebtoken",
        ],
    ),
    (
        "signer.rs",
        &["crate::config", "actix", "sqlx", "openidconnect"],
    ),
    (
        "flow",
        &[
            "crate::config",
            "crate::app",
            "actix",
            "askama",
            "sqlx",
            "openidconnect",
            "jsonwebtoken",
            "SELECT ",
        ],
    ),
    (
        "web",
        &[
            "crate::app",
            "crate::signer",
            "sqlx",
            "openidconnect",
            "jsonwebtoken",
            "reqwest",
        ],
    ),
    // A page may show what a use case answers; it calls none.
    ("web/views", &["actix", "crate::config"]),
    (
        "config",
        &[
            "crate::app",
            "crate::flow",
            "crate::store",
            "crate::web",
            "actix",
            "sqlx",
            "openidconnect",
            "jsonwebtoken",
        ],
    ),
    (
        "main.rs",
        &[
            "actix_web::HttpServer",
            "sqlx",
            "openidconnect",
            "jsonwebtoken",
            "reqwest",
        ],
    ),
];

#[test]
fn no_part_names_a_library_or_a_part_that_it_must_not() {
    let mut found = Vec::new();
    for (part, forbidden) in FORBIDDEN {
        let files = files_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part));
        assert!(!files.is_empty(), "there is no {part}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in code_of(&text) {
                for name in forbidden.iter().filter(|name| line.contains(**name)) {
                    found.push(format!("{}:{number} names {name}", file.display()));
                }
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// No file imports another in a circle or against the direction, and no type name has two meanings.
#[test]
fn the_source_has_no_structure_that_is_not_allowed() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/size");
    let output = Command::new(script).arg("--findings").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

/// Lines of code with their numbers: no comments, and nothing of a file's
/// tests, which may use what they like.
fn code_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .take_while(|(_, line)| *line != "mod tests {")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn files_of(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let entries = fs::read_dir(place)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files_of(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}
