//! What administrators wait for: a part of `make bench`.
//!
//! A table of 10,000 mappings, 5,000 people who are signed in and 50,000 who were seen; and a tenth
//! of each before it, so that growth shows. One administrator asks one question after the other, of
//! the program itself, in a process of its own; rows are written in SQL. `MAPPINGS` sets another
//! number of mappings, to which the others keep their ratio.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program for developers: it prints its table, and ends where it cannot go on"
)]

#[path = "../sessions/bridge.rs"]
#[expect(
    dead_code,
    reason = "shared with the benchmark of sessions, which asks for more"
)]
mod bridge;
#[path = "../sessions/connection.rs"]
mod connection;
#[path = "../sessions/rows.rs"]
#[expect(
    dead_code,
    reason = "shared with the benchmark of sessions, which writes more"
)]
mod rows;

use std::time::{Duration, Instant};

use bridge::Bridge;
use connection::Connection;
use rows::{Rows, cookie};
use serde_json::{Value, json};

/// Answers of each question.
const ROUNDS: usize = 20;

const CHANGES: &str = "/api/admin/mappings/changes";

/// Mapping 1 is there. A hundredth of the rows are globs.
const MAPPINGS: &str = "
    INSERT INTO mappings (group_name, match, roles, transports, rooms, enabled, note,
                          created_at, created_by, updated_at, updated_by)
    SELECT CASE WHEN n % 100 = 0 THEN 'unit-' || n || '-*' ELSE 'group-' || n END,
           CASE WHEN n % 100 = 0 THEN 'glob' ELSE 'exact' END,
           ARRAY['red5-publisher', 'red5-subscriber'], ARRAY['RTMP', 'WHEP', 'WHIP'],
           ARRAY['room-' || n, 'stage-' || n % 50], true, 'Row ' || n, now(), 'bench', now(), 'bench'
    FROM generate_series(2, MANY) AS n";

/// Each is in four groups that have a mapping, and in one of a unit.
const PEOPLE: &str = "
    INSERT INTO people (issuer, subject, username, name, groups, groups_overage, last_seen_at)
    SELECT 'http://127.0.0.1:1', 'subject-' || n, 'person' || n, 'Person ' || n,
           ARRAY(SELECT DISTINCT 'group-' || ((n * 7 + k * 131) % MAPPINGS) FROM generate_series(0, 3) AS k)
               || ARRAY['unit-' || n % 977 || '-crew'], false, now() - interval '1 hour'
    FROM generate_series(1, MANY) AS n";

const SESSIONS: &str = "
    INSERT INTO sessions (id_hash, issuer, subject, username, name, groups, groups_overage,
                          groups_read_at, created_at, last_seen_at, ends_at)
    SELECT sha256(convert_to(subject, 'UTF8')), issuer, subject, username, name, groups, false,
           now(), now() - interval '1 hour', now() - interval '1 minute', now() + interval '6 hours'
    FROM people ORDER BY length(subject), subject LIMIT MANY";

/// Session 0 of [`cookie`].
const ADMINISTRATOR: &str = "
    UPDATE sessions SET groups = ARRAY['streaming-admins'], issuer = 'http://127.0.0.1:1'";

fn main() {
    let most = variable("MAPPINGS").map_or(10_000, |text| text.parse().unwrap());
    let [few, many] = [most / 10, most].map(measured);
    let sizes = [most / 10, most];
    println!(
        "\nadministration, {ROUNDS} answers each, one at a time; mappings / signed in / seen: {}",
        sizes
            .map(|size| format!("{size} / {} / {}", size / 2, size * 5))
            .join(", then ")
    );
    println!(
        "{:34}{:>10}{:>10}   {:>10}{:>10}{:>8}",
        "", "median", "p95", "median", "p95", "growth"
    );
    for ((name, few), (_, many)) in few.into_iter().zip(many) {
        let growth = many[0].as_secs_f64() / few[0].as_secs_f64();
        let [a, b, c, d] = [few[0], few[1], many[0], many[1]].map(|time| time.as_secs_f64() * 1e3);
        println!("{name:34}{a:>7.1} ms{b:>7.1} ms   {c:>7.1} ms{d:>7.1} ms{growth:>7.1}x");
    }
}

/// Median and 95th percentile of each question.
fn measured(mappings: u32) -> Vec<(&'static str, [Duration; 2])> {
    let rows = Rows::make(&server());
    rows.write_live(1);
    rows.run(ADMINISTRATOR.to_owned());
    rows.run(MAPPINGS.replace("MANY", &mappings.to_string()));
    let people = PEOPLE.replace("MAPPINGS", &mappings.to_string());
    rows.run(people.replace("MANY", &(mappings * 5).to_string()));
    rows.run(SESSIONS.replace("MANY", &(mappings / 2).to_string()));
    rows.run("ANALYZE".to_owned());
    let bridge = Bridge::start(&rows.url);
    let ask = |method: &str, path: &str, body: &Value| -> Value {
        let mut connection = Connection::open(&bridge.address).unwrap();
        let answer = connection
            .api(&cookie(0), method, path, &body.to_string())
            .unwrap();
        assert!(
            answer.status == 200,
            "{method} {path}: {} {}",
            answer.status,
            answer.body
        );
        serde_json::from_str(&answer.body).unwrap_or_default()
    };
    let found = ask("GET", "/api/admin/people?q=person77&limit=1", &Value::Null);
    let mut times = Vec::new();
    for (name, method, path, body) in questions(mappings, &found["items"][0]["id"]) {
        ask(method, &path, &body);
        let mut waits: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let begun = Instant::now();
                ask(method, &path, &body);
                begun.elapsed()
            })
            .collect();
        waits.sort();
        times.push((name, [waits[ROUNDS / 2], waits[ROUNDS * 95 / 100]]));
    }
    drop(bridge);
    rows.remove();
    times
}

type Question = (&'static str, &'static str, String, Value);

fn questions(mappings: u32, person: &Value) -> Vec<Question> {
    let offset = mappings / 2;
    vec![
        (
            "list, a page in the middle",
            "GET",
            format!("/api/admin/mappings?offset={offset}"),
            Value::Null,
        ),
        (
            "list, the page",
            "GET",
            format!("/admin/mappings?offset={offset}"),
            Value::Null,
        ),
        (
            "search by text",
            "GET",
            "/api/admin/mappings?q=group-77&sort=-updated_at".to_owned(),
            Value::Null,
        ),
        (
            "search by room, the page",
            "GET",
            "/admin/mappings?room=stage-7".to_owned(),
            Value::Null,
        ),
        (
            "dry run, one edit of a group",
            "POST",
            CHANGES.to_owned(),
            dry_run(&[edit(7)]),
        ),
        (
            "dry run, one new glob",
            "POST",
            CHANGES.to_owned(),
            dry_run(&[create("glob", "unit-1*")]),
        ),
        (
            "dry run, everyone",
            "POST",
            CHANGES.to_owned(),
            dry_run(&[create("everyone", "")]),
        ),
        (
            "dry run, 1,000 edits",
            "POST",
            CHANGES.to_owned(),
            dry_run(&edits(mappings.min(1000))),
        ),
        (
            "explain a person",
            "POST",
            "/api/admin/explain".to_owned(),
            json!({"person": person, "request": {"rooms": ["room-7"]}}),
        ),
        (
            "who can publish in a room",
            "GET",
            "/api/admin/who-can?role=red5-publisher&room=stage-7&seen=true".to_owned(),
            Value::Null,
        ),
        (
            "history",
            "GET",
            "/api/admin/audit?limit=50".to_owned(),
            Value::Null,
        ),
        (
            "history, searched",
            "GET",
            "/api/admin/audit?q=group-77&limit=50".to_owned(),
            Value::Null,
        ),
        (
            "people, searched",
            "GET",
            "/api/admin/people?q=person77".to_owned(),
            Value::Null,
        ),
        (
            "groups, searched",
            "GET",
            "/api/admin/groups?q=group-77".to_owned(),
            Value::Null,
        ),
    ]
}

fn dry_run(changes: &[Value]) -> Value {
    json!({ "dry_run": true, "changes": changes })
}

fn create(kind: &str, group: &str) -> Value {
    json!({"op": "create", "mapping": mapping(kind, group)})
}

/// Of the row that is for this group.
fn edit(number: u32) -> Value {
    let group = format!("group-{number}");
    json!({"op": "replace", "id": number, "version": 1, "mapping": mapping("exact", &group)})
}

/// Of rows that are for a group.
fn edits(most: u32) -> Vec<Value> {
    (2..=most)
        .filter(|number| number % 100 != 0)
        .map(edit)
        .collect()
}

fn mapping(kind: &str, group: &str) -> Value {
    json!({
        "group": group, "match": kind, "roles": ["red5-publisher"], "transports": ["WHIP"],
        "rooms": ["annex"],
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own, for developers"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn server() -> String {
    variable("DATABASE_URL").unwrap_or_else(|| {
        println!("DATABASE_URL is not set: run it with `make bench`");
        std::process::exit(1)
    })
}
