//! `red5-bridge mappings`: the tables as a file, and a file as the tables.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::database::{as_served, new_database};

/// A database with the tables of now, and a folder for files.
struct Desk {
    database_url: String,
    folder: PathBuf,
}

impl Desk {
    async fn new() -> Self {
        let database_url = new_database().await;
        let folder = format!("red5-bridge-test-files-{:x}", rand::random::<u64>());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir(&folder).unwrap();
        Self {
            database_url,
            folder,
        }
    }

    /// How `mappings` with these words ends, and what it prints.
    fn run(&self, words: &[&str], input: &str) -> (i32, String, String) {
        let variables = [
            ("DATABASE_URL", as_served(&self.database_url)),
            ("USER", "ann".to_owned()),
        ];
        run(self, words, &variables, input)
    }

    fn plan(&self, file: &Value) -> (i32, String, String) {
        self.run(&["plan", "-"], &file.to_string())
    }

    fn apply(&self, file: &Value, words: &[&str]) -> (i32, String, String) {
        let words = [&["apply", "-"], words].concat();
        self.run(&words, &file.to_string())
    }

    fn export(&self) -> String {
        let (code, text, complaint) = self.run(&["export"], "");
        assert_eq!((code, &*complaint), (0, ""));
        text
    }

    async fn audited(&self) -> Vec<(String, String)> {
        let db = PgPool::connect(&self.database_url).await.unwrap();
        let rows =
            sqlx::query_as("SELECT action, actor_label FROM audit_log ORDER BY action, object");
        rows.fetch_all(&db).await.unwrap()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What `mappings` with these words prints over a database.
pub fn export_of(database_url: &str, words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_red5-bridge"))
        .arg("mappings")
        .args(words)
        .env_clear()
        .env("DATABASE_URL", as_served(database_url))
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn run(
    desk: &Desk,
    words: &[&str],
    variables: &[(&str, String)],
    input: &str,
) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_red5-bridge"))
        .arg("mappings")
        .args(words)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(&desk.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read is gone before all is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn mapping(group: &str, role: &str, transport: &str, room: &str) -> Value {
    json!({"group": group, "match": "exact", "roles": [role], "transports": [transport], "rooms": [room]})
}

/// Those of `group` may watch in `room`.
fn watch(group: &str, room: &str) -> Value {
    mapping(group, "red5-subscriber", "WHEP", room)
}

/// Those of `group` may publish in `room`.
fn publish(group: &str, room: &str) -> Value {
    mapping(group, "red5-publisher", "WHIP", room)
}

fn viewers_never_publish() -> Value {
    json!({"name": "Viewers never publish", "given": {"groups": ["viewers"]},
           "cannot": [{"role": "red5-publisher", "room": "*"}]})
}

fn last(text: &str) -> &str {
    text.lines().last().unwrap()
}

#[tokio::test]
async fn an_export_that_is_applied_to_an_empty_database_is_exported_byte_for_byte() {
    let (one, other) = (Desk::new().await, Desk::new().await);
    let mut odd = publish("=crew\u{202e}", "u-{username}");
    odd["valid_until"] = json!("2031-01-01T00:00:00.25Z");
    odd["max_ttl_seconds"] = json!(90);
    odd["note"] = json!("two\nlines");
    let everyone = json!({"match": "everyone", "roles": ["red5-subscriber"], "transports": ["*"],
                          "rooms": ["lobby", "class-*"], "enabled": false});
    let file = json!({"mappings": [watch("viewers", "lobby"), odd, everyone],
                      "tests": [viewers_never_publish()]});
    let (code, _, complaint) = one.apply(&file, &["--yes"]);
    assert_eq!(code, 0, "{complaint}");

    let text = one.export();
    let (code, printed, complaint) = other.run(&["apply", "-", "--yes"], &text);
    assert_eq!(code, 0, "{complaint}");
    assert!(
        printed.contains("\n4 to add, 0 to change, 0 to remove; mapping version "),
        "{printed}"
    );
    assert_eq!(other.export(), text);
    assert_eq!(
        other.audited().await,
        [
            ("mapping.created", "cli:ann"),
            ("mapping.created", "cli:ann"),
            ("mapping.created", "cli:ann"),
            ("test.created", "cli:ann")
        ]
        .map(|(action, actor)| (action.to_owned(), actor.to_owned()))
    );

    let (code, printed, _) = other.run(&["plan", "-"], &text);
    assert_eq!(code, 0);
    assert!(
        printed.starts_with("0 to add, 0 to change, 0 to remove; "),
        "{printed}"
    );
    // There is nothing to be asked.
    assert_eq!(other.run(&["apply", "-"], &text).0, 0);
    assert_eq!(other.audited().await.len(), 4);

    let path = one.folder.join("mappings.json");
    std::fs::write(&path, "old").unwrap();
    assert_eq!(one.run(&["export", "mappings.json"], "").0, 0);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let files = std::fs::read_dir(&one.folder).unwrap().count();
    assert_eq!(files, 1, "nothing is left beside the file");
    assert_eq!(one.run(&["plan", "mappings.json"], "").0, 0);
    assert_eq!(one.run(&["export", "-"], "").1, text);
    let (code, _, complaint) = one.run(&["export", "none/mappings.json"], "");
    assert_eq!(code, 1);
    assert!(complaint.starts_with("none/mappings.json: "), "{complaint}");
}

/// A table of rows that are written in every way; no two of them say the same.
fn random_table(random: &mut StdRng) -> Value {
    const GROUPS: [&str; 8] = [
        "crew",
        " crew",
        "Crew",
        "=1+1",
        "a,\"b\"",
        "/media/crew",
        "cre\u{202e}w",
        "Z\u{fc}rich",
    ];
    let rows = random.gen_range(0..30);
    let mut mappings: Vec<Value> = (0..rows)
        .map(|n| {
            let both = ["red5-publisher", "red5-subscriber"];
            let (roles, transports) = match random.gen_range(0..4) {
                0 => (&both[..1], vec!["RTSP", "WHIP"]),
                1 => (&both[1..], vec!["WHEP"]),
                2 => (&both[..], vec!["*"]),
                _ => (&both[..], vec!["WHEP", "RTMP", "WHIP"]),
            };
            let group = GROUPS[random.gen_range(0..GROUPS.len())];
            let room = format!("room-{n}");
            let rooms = match random.gen_range(0..4) {
                0 => vec![room],
                1 => vec!["u-{username}".to_owned(), room, "class-*".to_owned()],
                2 => vec![format!("{room}-*"), "s-{sub}".to_owned()],
                _ => vec![room.clone(), format!("{room}.b"), format!("{room}~a")],
            };
            let (kind, group) = match random.gen_range(0..4) {
                0 => ("everyone", None),
                1 => ("glob", Some(format!("{}-*", group.trim()))),
                _ => ("exact", Some(group.to_owned())),
            };
            let notes = ["", "two\nlines", "\"quoted\" \u{1f3ac}", "=A1", "  "];
            let mut row = json!({
                "match": kind, "roles": roles, "transports": transports, "rooms": rooms,
                "enabled": random.gen_bool(0.7), "note": notes[random.gen_range(0..notes.len())],
            });
            if let Some(group) = group {
                row["group"] = json!(group);
            }
            if random.gen_bool(0.3) {
                row["max_ttl_seconds"] = json!(random.gen_range(60..3600));
            }
            if random.gen_bool(0.3) {
                row["valid_from"] = json!("2026-11-01T00:00:00.75Z");
            }
            if random.gen_bool(0.3) {
                row["valid_until"] = json!("2031-01-01T01:00:00.25+01:00");
            }
            row
        })
        .collect();
    mappings.shuffle(random);
    let tests = (0..random.gen_range(0..4)).map(|n| {
        json!({
            "name": format!("test {n} \u{e9}"), "note": "n\nn",
            "given": {"groups": ["none", "of these"], "username": "ann", "subject": "5a2e"},
            "cannot": [{"role": "red5-publisher", "room": "vault", "transport": "WHIP"},
                       {"role": "red5-subscriber", "room": format!("r{n}")}],
        })
    });
    json!({"tests": tests.collect::<Vec<_>>(), "mappings": mappings})
}

#[tokio::test]
async fn any_table_that_is_exported_and_applied_elsewhere_is_exported_byte_for_byte() {
    for _ in 0..6 {
        let seed = rand::random();
        let file = random_table(&mut StdRng::seed_from_u64(seed));
        let (one, other) = (Desk::new().await, Desk::new().await);
        let (code, _, complaint) = one.apply(&file, &["--yes"]);
        assert_eq!(code, 0, "seed {seed}: {complaint}");
        let text = one.export();
        let whole: Value = serde_json::from_str(&text).unwrap();
        for list in ["mappings", "tests"] {
            let rows = |file: &Value| file[list].as_array().unwrap().len();
            assert_eq!(rows(&whole), rows(&file), "seed {seed}");
        }
        let (code, _, complaint) = other.run(&["apply", "-", "--yes"], &text);
        assert_eq!(code, 0, "seed {seed}: {complaint}");
        assert_eq!(other.export(), text, "seed {seed}");
        // Neither has anything left to change.
        for desk in [&one, &other] {
            assert_eq!(desk.run(&["plan", "-"], &text).0, 0, "seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_plan_says_what_changes_for_whom_and_how_much_and_changes_nothing() {
    let desk = Desk::new().await;
    let before = json!({"mappings": [watch("viewers", "lobby"), watch("crew", "lobby"), watch("kept", "lobby")]});
    assert_eq!(desk.apply(&before, &["--yes"]).0, 0);
    let text = desk.export();

    let mut noted = watch("kept", "lobby");
    noted["note"] = json!("for the gala");
    let after = json!({
        "mappings": [watch("viewers", "atrium"), publish("st\u{202e}aff", "*"), noted],
        "tests": [viewers_never_publish()]
    });
    let (code, printed, complaint) = desk.plan(&after);
    assert_eq!((code, &*complaint), (3, ""));
    assert!(!printed.contains('\u{202e}'), "{printed}");
    for line in [
        r#"- group "crew": subscribe over WHEP in lobby"#,
        r#"~ group "viewers": subscribe over WHEP in atrium"#,
        r#"    was group "viewers": subscribe over WHEP in lobby"#,
        r#"~ group "kept": subscribe over WHEP in lobby"#,
        "    with another note",
        r#"+ test "Viewers never publish": group viewers"#,
        "This grants:",
        r#"    group "viewers": subscribe over WHEP in atrium"#,
        "This takes away:",
        r#"    group "crew": subscribe over WHEP in lobby"#,
    ] {
        assert!(
            printed.lines().any(|said| said == line),
            "{line} in {printed}"
        );
    }
    let opens = "The row grants any room, also streams without a room.";
    let is_warning = |line: &str| line.starts_with("warning: group \"st") && line.ends_with(opens);
    assert!(printed.lines().any(is_warning), "{printed}");
    assert!(
        last(&printed).starts_with("2 to add, 2 to change, 1 to remove; mapping version "),
        "{printed}"
    );
    assert_eq!(desk.export(), text);

    let fewer = json!({"mappings": [watch("viewers", "lobby"), watch("kept", "lobby")]});
    let (code, printed, _) = desk.plan(&fewer);
    assert_eq!(code, 3);
    let nothing_new = "This grants nothing new to anyone.";
    assert!(printed.lines().any(|line| line == nothing_new), "{printed}");
    assert!(!printed.contains("This grants:"), "{printed}");
    // A list that the file does not have is left alone.
    assert_eq!(desk.plan(&json!({})).0, 0);
}

#[tokio::test]
async fn a_plan_of_another_version_and_an_apply_that_cannot_ask_change_nothing() {
    let desk = Desk::new().await;
    let file = json!({"mappings": [watch("viewers", "lobby")]});
    let (_, printed, _) = desk.plan(&file);
    let version = last(&printed).rsplit(' ').next().unwrap().to_owned();

    let (code, printed, complaint) = desk.apply(&file, &[]);
    assert_eq!(code, 1);
    assert!(complaint.contains("--yes"), "{complaint}");
    assert!(
        printed.contains("+ group \"viewers\""),
        "the plan is shown: {printed}"
    );

    let first = json!({"mappings": [watch("crew", "lobby")]});
    let planned = ["--yes", "--plan-version", &version];
    let (code, printed, complaint) = desk.apply(&first, &planned);
    assert_eq!(code, 0, "{complaint}");
    let text = desk.export();
    let now = last(&printed).rsplit(' ').next().unwrap();
    assert_ne!(now, version);

    let (code, _, complaint) = desk.apply(&file, &planned);
    assert_eq!(code, 1);
    for words in [&*version, now, "nothing was changed"] {
        assert!(complaint.contains(words), "{words} in {complaint}");
    }
    assert_eq!(desk.export(), text);
}

#[tokio::test]
async fn a_mapping_test_that_would_fail_refuses_the_whole_file() {
    let desk = Desk::new().await;
    let good = json!({"mappings": [watch("viewers", "lobby")], "tests": [viewers_never_publish()]});
    assert_eq!(desk.apply(&good, &["--yes"]).0, 0);
    let text = desk.export();
    let (code, printed, _) = desk.run(&["test"], "");
    assert_eq!((code, &*printed), (0, "1 mapping tests, 0 failing\n"));

    let bad = json!({"mappings": [publish("viewers", "lobby"), watch("crew", "lobby")]});
    let failing = r#"failing test "Viewers never publish": group viewers can now publish in lobby"#;
    let (code, printed, _) = desk.plan(&bad);
    assert_eq!(code, 3);
    assert!(printed.lines().any(|line| line == failing), "{printed}");
    let (code, _, complaint) = desk.apply(&bad, &["--yes"]);
    assert_eq!(code, 1);
    assert!(
        complaint.contains(failing) && complaint.contains("nothing was changed"),
        "{complaint}"
    );
    assert_eq!(desk.export(), text);

    // A file is tested by itself, without a database.
    let mut whole = bad;
    whole["tests"] = json!([viewers_never_publish()]);
    let alone = |file: &Value| run(&desk, &["test", "-"], &[], &file.to_string());
    let (code, printed, complaint) = alone(&whole);
    assert_eq!(code, 1, "{complaint}");
    assert_eq!(printed, format!("{failing}\n1 mapping tests, 1 failing\n"));
    assert_eq!(alone(&good).0, 0);
    let (code, _, complaint) = alone(&json!({"tests": [viewers_never_publish()]}));
    assert_eq!(code, 1);
    assert!(complaint.starts_with("-: mappings: "), "{complaint}");
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_named_by_its_place_and_a_csv_is_for_reading() {
    let desk = Desk::new().await;
    let mut odd = watch("=1+1", "lobby");
    odd["note"] = json!("@SUM(A1), \"x\"");
    let file = json!({"mappings": [odd, watch("crew", "lobby")]});
    assert_eq!(desk.apply(&file, &["--yes"]).0, 0);

    let (code, csv, _) = desk.run(&["export", "--csv"], "");
    assert_eq!(code, 0);
    assert_eq!(
        csv,
        "group,match,roles,transports,rooms,max_ttl_seconds,valid_from,valid_until,enabled,note\r\n\
         '=1+1,exact,red5-subscriber,WHEP,lobby,,,,true,\"'@SUM(A1), \"\"x\"\"\"\r\n\
         crew,exact,red5-subscriber,WHEP,lobby,,,,true,\r\n"
    );
    assert_eq!(desk.run(&["export", "table.csv", "--csv"], "").0, 0);
    for (words, input) in [
        (&["plan", "table.csv"][..], ""),
        (&["plan", "-"], &*csv),
        (&["apply", "table.csv", "--yes"], ""),
    ] {
        let (code, printed, complaint) = desk.run(words, input);
        assert_eq!((code, &*printed), (1, ""));
        assert!(complaint.contains("CSV is for reading"), "{complaint}");
    }

    let wrong = json!({"mappings": [watch("a", "x"), watch("b", "x y"), watch("a", "x")]});
    for words in [&["plan", "-"][..], &["apply", "-", "--yes"], &["test", "-"]] {
        let (code, printed, complaint) = desk.run(words, &wrong.to_string());
        assert_eq!((code, &*printed), (1, ""));
        assert!(
            complaint.starts_with("-: mappings[1].rooms[0]: "),
            "{complaint}"
        );
    }
    for (input, words) in [
        ("{", "is not JSON: "),
        ("[]", "must be an object"),
        (
            r#"{"mappings":[],"mappings":[]}"#,
            "a member is there twice",
        ),
        (r#"{"a\u001b[2J":1}"#, r"a\u{1b}[2J: is unknown here"),
    ] {
        let (code, _, complaint) = desk.run(&["plan", "-"], input);
        assert_eq!(code, 1);
        assert!(complaint.contains(words), "{words} in {complaint}");
    }
    let (code, _, complaint) = desk.run(&["plan", "none.json"], "");
    assert_eq!(code, 1);
    assert!(complaint.starts_with("none.json: "), "{complaint}");
    assert_eq!(desk.run(&["plan"], "").0, 2);
}
