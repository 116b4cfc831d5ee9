//! The program itself: what it says and how it ends.

use std::process::{Child, Command, Output, Stdio};

use sqlx::Connection as _;

use super::files::Folder;
use super::least;
use crate::bridge::{Browser, RED5_SECRET, SECRET_KEY};
use crate::database::new_database;
use crate::eventually::eventually;
use crate::provider::{CLIENT_ID, CLIENT_SECRET, Provider};

/// The program in this folder, with nothing of the tests' own environment.
fn program(folder: &Folder, word: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_red5-bridge"));
    command.arg(word).env_clear().current_dir(folder.path());
    command
}

fn said(output: &Output) -> String {
    assert!(output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn sc_1_serve_and_check_say_all_that_is_wrong_and_end_with_1() {
    let folder = Folder::new();
    for (word, before) in [("serve", "  "), ("check", "  WRONG   ")] {
        let output = program(&folder, word)
            .env("RED5_JWT_SECRET", "changeme-canary")
            .env("BRIDGE_LISTEN", "canary")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let (said, nothing) = match word {
            "serve" => (output.stderr, output.stdout),
            _ => (output.stdout, output.stderr),
        };
        assert!(nothing.is_empty());
        let said = String::from_utf8(said).unwrap();
        for variable in [
            "DATABASE_URL",
            "BRIDGE_PUBLIC_URL",
            "BRIDGE_LISTEN",
            "BRIDGE_SECRET_KEYS",
            "OIDC_ISSUER_URL",
            "OIDC_CLIENT_ID",
            "RED5_JWT_SECRET",
        ] {
            let at = said.matches(&format!("\n{before}{variable}")).count();
            assert_eq!(at, 1, "{variable} in {said}");
        }
        assert!(
            !said.contains("canary") && !said.contains("panicked"),
            "{said}"
        );
    }
}

#[test]
fn sc_1_a_file_named_env_fills_in_what_the_environment_leaves_open() {
    let folder = Folder::new();
    folder.file(
        ".env",
        "OIDC_CLIENT_ID=bridge\nBRIDGE_LISTEN=from-the-file\nRED5_SUBJECT='x'\n",
    );
    let output = program(&folder, "serve")
        .env("BRIDGE_LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    let said = said(&output);
    assert!(
        !said.contains("OIDC_CLIENT_ID") && !said.contains("BRIDGE_LISTEN"),
        "{said}"
    );
    assert!(said.contains("  RED5_SUBJECT: "), "{said}");
}

#[test]
fn sc_2_a_line_of_the_file_that_cannot_be_read_is_not_repeated() {
    let folder = Folder::new();
    folder.file(
        ".env",
        "A_B=1\nRED5_JWT_SECRET='canary\nBRIDGE_ADMIN_GROUPS=can$ary\n",
    );
    for word in ["serve", "check", "migrate", "red5-config", "healthcheck"] {
        let output = program(&folder, word).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = said(&output);
        for line in [
            "  .env: line 2, RED5_JWT_SECRET: has a quote that is not closed on its line",
            "  .env: line 3, BRIDGE_ADMIN_GROUPS: has a $ outside single quotes",
        ] {
            assert!(said.contains(line), "{word}: {said}");
        }
        assert!(
            !said.contains("canary") && !said.contains("ary\n"),
            "{said}"
        );
    }
    let folder_of_that_name = Folder::new();
    std::fs::create_dir(folder_of_that_name.path().join(".env")).unwrap();
    let output = program(&folder_of_that_name, "serve").output().unwrap();
    let said = said(&output);
    assert!(said.contains("  .env: the file cannot be read"), "{said}");
}

#[test]
fn sc_1_a_byte_order_mark_before_the_first_variable_of_the_file_is_skipped() {
    let folder = Folder::new();
    folder.file(".env", "\u{feff}RED5_SUBJECT=x\r\nLOG_FORMAT=y\r\n");
    let said = said(&program(&folder, "serve").output().unwrap());
    for variable in ["  RED5_SUBJECT: must be", "  LOG_FORMAT: must be"] {
        assert!(said.contains(variable), "{said}");
    }
}

/// A password that is not percent-encoded has a part that would be taken for the host.
#[test]
fn sc_2_no_command_looks_up_or_shows_a_part_of_the_password_of_the_database() {
    let folder = Folder::new();
    for url in [
        "postgres://bridge:can@ary-1/x@db.example/bridge",
        "postgres://bridge:12/canary-1@db.example/bridge",
        "postgres://bridge:12#canary-1@db.example/bridge",
        "postgres://bridge:canary-1%@db.example/bridge",
    ] {
        for word in ["serve", "check", "migrate"] {
            let output = program(&folder, word)
                .envs(least())
                .env("OIDC_ISSUER_URL", "http://127.0.0.1:1")
                .env("DATABASE_URL", url)
                .env("RUST_LOG", "trace")
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(1), "{word} {url}");
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            assert!(!text.contains("ary-1"), "{word} {url}: {text}");
            // The report breaks its lines.
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                words.contains("percent-encoded (@ is %40"),
                "{word} {url}: {text}"
            );
        }
    }
}

#[test]
fn sc_1_what_is_missing_comes_with_the_command_that_makes_it() {
    let folder = Folder::new();
    let output = program(&folder, "serve").output().unwrap();
    let said = said(&output);
    for line in [
        "  BRIDGE_SECRET_KEYS: is required (or BRIDGE_SECRET_KEYS_FILE): red5-bridge keygen",
        "  RED5_JWT_SECRET: is required (or RED5_JWT_SECRET_FILE): the jwt.secret of the Red5 server; \
         red5-bridge keygen",
        "\nred5-bridge check reports",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_what_to_do() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for variable in ["BRIDGE_LISTEN", "BRIDGE_OPS_LISTEN"] {
        let output = program(&folder, "serve")
            .envs(least())
            .env("DATABASE_URL", "postgres://127.0.0.1:1/x")
            .env("OIDC_ISSUER_URL", "http://127.0.0.1:1")
            .env("BRIDGE_LISTEN", "127.0.0.1:0")
            .env(variable, &address)
            .env("RUST_LOG", "off")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = said(&output);
        let port = address.rsplit(':').next().unwrap();
        let line = format!("{variable}: port {port} of 127.0.0.1 is taken by another program");
        assert!(said.contains(&line), "{said}");
        assert!(said.contains("\nred5-bridge check reports"), "{said}");
    }
}

/// A section's first block of this kind.
fn block<'a>(page: &'a str, kind: &str) -> &'a str {
    let (_, section) = page.split_once("\n## Run it\n").unwrap();
    let (_, rest) = section.split_once(&format!("\n```{kind}\n")).unwrap();
    rest.split("\n```").next().unwrap()
}

/// The file as a person fills it in: the line of each variable that is given.
fn filled_in(example: &str, values: &[(&str, &str)]) -> String {
    let mut text = example.to_owned();
    for (name, value) in values {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{name}=")))
            .unwrap_or_else(|| panic!("the example has a line {name}="));
        text = text.replace(line, &format!("{name}={value}"));
    }
    text
}

#[tokio::test]
async fn the_first_run_by_the_readme_meets_no_error() {
    let page = include_str!("../../../README.md");
    let example = include_str!("../../../.env.example");
    let folder = Folder::new();
    let provider = Provider::start();
    provider.register(&["https://bridge.example.com/auth/callback"]);

    let name = format!("bridge_{:08x}", std::process::id());
    let server = new_database().await;
    let mut hand = sqlx::PgConnection::connect(&server).await.unwrap();
    for statement in block(page, "sql").lines() {
        let statement = statement.replace(" bridge", &format!(" {name}"));
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut hand)
            .await
            .unwrap();
    }
    let mut database = url::Url::parse(&server).unwrap();
    database.set_username(&name).unwrap();
    database.set_password(Some("password")).unwrap();
    database.set_path(&name);

    let (mut keys, mut checked) = (Vec::new(), false);
    let log = folder.file("log", "");
    let mut serving = None;
    for line in block(page, "sh").lines() {
        let command = line.split('#').next().unwrap().trim();
        match command {
            "cargo build --release" => {}
            "cp .env.example .env" => {
                folder.file(".env", example);
            }
            "target/release/red5-bridge keygen" => {
                let output = program(&folder, "keygen").output().unwrap();
                keys.push(String::from_utf8(output.stdout).unwrap().trim().to_owned());
            }
            "target/release/red5-bridge check" => {
                let text = filled_in(
                    example,
                    &[
                        ("DATABASE_URL", database.as_str()),
                        ("BRIDGE_SECRET_KEYS", &keys[0]),
                        ("RED5_JWT_SECRET", &keys[1]),
                        ("OIDC_ISSUER_URL", provider.issuer()),
                        ("OIDC_CLIENT_ID", CLIENT_ID),
                        ("OIDC_CLIENT_SECRET", CLIENT_SECRET),
                    ],
                );
                folder.file(".env", text);
                let output = program(&folder, "check").output().unwrap();
                let said = String::from_utf8(output.stdout).unwrap();
                assert_eq!(output.status.code(), Some(0), "{said}");
                assert!(!said.contains("WRONG"), "{said}");
                checked = true;
            }
            "target/release/red5-bridge" => {
                let mut serve = Command::new(env!("CARGO_BIN_EXE_red5-bridge"));
                serve.env_clear().current_dir(folder.path());
                // The tests share a machine.
                serve.env("BRIDGE_LISTEN", "127.0.0.1:0");
                serve.stdout(Stdio::null());
                serve.stderr(std::fs::File::create(&log).unwrap());
                serving = Some(Running(serve.spawn().unwrap()));
            }
            other => panic!("not known here: {other}"),
        }
    }
    assert!(checked && serving.is_some());
    let browser = Browser::new(&listening(&log).await);
    browser.ready().await;
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(!text.contains("WARN") && !text.contains("ERROR"), "{text}");
    drop(serving);
    let mut hand_of_server = hand;
    for statement in [
        format!("DROP DATABASE {name} WITH (FORCE)"),
        format!("DROP ROLE {name}"),
    ] {
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut hand_of_server)
            .await
            .unwrap();
    }
}

/// Ends the program with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where the program with this log listens.
async fn listening(log: &str) -> String {
    eventually("the program listens", async || {
        let text = std::fs::read_to_string(log).unwrap();
        let told = text.split("listening on ").nth(1)?;
        told.lines().next().map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn sc_2_at_the_most_talkative_no_secret_is_in_the_log() {
    let folder = Folder::new();
    let log = folder.file("log", "");
    let mut command = program(&folder, "serve");
    command.envs(least());
    // Neither database nor provider is there, so that every error is met.
    command.env(
        "DATABASE_URL",
        "postgres://bridge:db-canary@127.0.0.1:1/bridge",
    );
    command.env("OIDC_ISSUER_URL", "http://127.0.0.1:1");
    command
        .env("BRIDGE_LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "trace");
    command
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).unwrap());
    let _running = Running(command.spawn().unwrap());

    let mut browser = Browser::new(&listening(&log).await);
    browser
        .cookies
        .insert("__Host-bridge_session".to_owned(), "A".repeat(43));
    for path in [
        "/readyz",
        "/auth/login",
        "/",
        "/api/session",
        "/admin/mappings",
    ] {
        let answer = browser.peek(path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(
            !answer.body.contains("canary") && !answer.body.contains("127.0.0.1:1"),
            "{path}"
        );
    }
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(
        text.contains("TRACE") && text.contains("database_unavailable") || text.contains("WARN"),
        "{text:.2000}"
    );
    for secret in [
        "db-canary",
        "client-canary",
        RED5_SECRET,
        SECRET_KEY,
        &"A".repeat(43),
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn words_end_as_documented() {
    let folder = Folder::new();
    assert_eq!(
        program(&folder, "--help").output().unwrap().status.code(),
        Some(0)
    );
    assert_eq!(
        program(&folder, "nonsense").output().unwrap().status.code(),
        Some(2)
    );
}
