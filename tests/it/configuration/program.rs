//! The program itself: what it says and how it ends.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::files::Folder;
use super::least;
use crate::bridge::{Browser, RED5_SECRET, SECRET_KEY};

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
    folder.file(".env", "RED5_JWT_SECRET='canary\n");
    let output = program(&folder, "serve").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = said(&output);
    assert!(
        said.contains("  .env: ") && !said.contains("canary"),
        "{said}"
    );
}

/// Ends the program with the test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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

    let mut address = None;
    for _ in 0..500 {
        let text = std::fs::read_to_string(&log).unwrap();
        address = text
            .split("listening on ")
            .nth(1)
            .and_then(|rest| rest.lines().next().map(str::to_owned));
        if address.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut browser = Browser::new(&address.expect("it listens"));
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
