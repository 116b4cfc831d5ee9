//! The lines for `red5-web.properties`, read by Java as Red5 reads them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{run, said};
use crate::bridge::RED5_SECRET;

/// What `java.util.Properties` makes of it.
fn load(text: &str) -> Value {
    let mut child = Command::new("java")
        .args(["-cp", ".local/readers/java:.local/readers/java/*", "Load"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("java; run `scripts/readers`");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "run `scripts/readers`");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn sc_2_the_secret_is_written_on_demand_alone_and_never_as_something_else() {
    let (code, text) = said(run(&["red5-config"], &[], b""));
    assert_eq!(code, 0);
    assert!(!text.contains(RED5_SECRET), "{text}");
    // A masked value would be pasted as if it were the secret.
    assert_eq!(load(&text), with_switches(json!({"jwt.ttl.minutes": "60"})));
    for word in [
        "Stream Manager 2.0",
        "--show-secret",
        "RED5_JWT_TTL_MINUTES=6 ",
    ] {
        assert!(text.contains(word), "{word}");
    }
    // Every switch comes after a word on what is open without it.
    for switch in text.lines().filter(|line| line.starts_with("auth.")) {
        let (before, _) = text.split_once(switch).unwrap();
        let words = before.trim_end().lines().rev();
        let mut words = words.skip_while(|line| line.starts_with("auth."));
        assert!(words.next().unwrap().starts_with("# "), "{switch}");
    }
}

/// These properties, and those that switch authentication on.
fn with_switches(mut properties: Value) -> Value {
    for name in ["active", "rtmp", "rtsp", "rtc", "srt", "mpegts"] {
        properties[format!("auth.{name}")] = json!("true");
    }
    for name in ["rtmpAllowQueryParamsEnabled", "rtmpAuthRoomScopeEnabled"] {
        properties[format!("auth.{name}")] = json!("true");
    }
    properties["auth.rtmpAuthRoomScopeName"] = json!("");
    properties
}

#[test]
fn the_limit_of_the_server_is_just_above_the_longest_token() {
    for (limit, skew, usual, words) in [
        ("60", "30", "300", Some("RED5_JWT_TTL_MINUTES=6 ")),
        ("60", "30", "3570", None),
        ("6", "30", "300", None),
        ("60", "120", "301", Some("RED5_JWT_TTL_MINUTES=8 ")),
    ] {
        let variables = [
            ("RED5_JWT_TTL_MINUTES", limit),
            ("RED5_CLOCK_SKEW_SECONDS", skew),
            ("RED5_TOKEN_TTL_SECONDS", usual),
        ];
        let (_, text) = said(run(&["red5-config"], &variables, b""));
        assert_eq!(load(&text)["jwt.ttl.minutes"], limit);
        assert_eq!(
            text.contains("RED5_JWT_TTL_MINUTES="),
            words.is_some(),
            "{text}"
        );
        assert!(words.is_none_or(|words| text.contains(words)), "{text}");
    }
}

#[test]
fn r5_1_r5_9_java_reads_what_the_bridge_signs_with() {
    let secrets = [
        RED5_SECRET,
        "backslash\\u0041 # no comment = no end : none ! no",
        "é-schlüssel-佐藤-😀-of-the-tests-long-enough",
        "\"quotes\" 'of' `all` kinds, {braces} <and> $signs",
        "\\\\trailing backslash, and more than 32 bytes\\",
    ];
    for secret in secrets {
        for issuer in ["https://bridge.example.com/", "= :#! é\\", "#issuer"] {
            let variables = [
                ("RED5_JWT_SECRET", secret),
                ("RED5_JWT_ISSUER", issuer),
                ("RED5_JWT_TTL_MINUTES", "90"),
            ];
            let (code, text) = said(run(&["red5-config", "--show-secret"], &variables, b""));
            assert_eq!(code, 0, "{text}");
            assert!(text.is_ascii(), "{text}");
            let expected = with_switches(json!({
                "jwt.secret": secret, "jwt.issuer": issuer, "jwt.ttl.minutes": "90",
            }));
            assert_eq!(load(&text), expected, "{text}");
            if secret == RED5_SECRET {
                continue;
            }
            break;
        }
    }
}

#[test]
fn a_secret_in_base64_stays_as_it_is_written_and_what_spring_replaces_is_warned_of() {
    let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let variables = [
        ("RED5_JWT_SECRET", base64),
        ("RED5_JWT_SECRET_ENCODING", "base64"),
    ];
    let (_, text) = said(run(&["red5-config", "--show-secret"], &variables, b""));
    assert_eq!(load(&text)["jwt.secret"], base64);
    assert!(
        text.contains("RED5_JWT_SECRET_ENCODING=base64: right only where"),
        "{text}"
    );

    let replaced = "a-secret-with-${user.name}-in-it-of-32-bytes";
    let (_, text) = said(run(&["red5-config"], &[("RED5_JWT_SECRET", replaced)], b""));
    assert!(
        text.contains("Spring replaces") && !text.contains("user.name"),
        "{text}"
    );
}

#[test]
fn a_configuration_that_is_wrong_is_a_finding() {
    let output = run(
        &["red5-config"],
        &[("RED5_JWT_SECRET", "short-canary")],
        b"",
    );
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("RED5_JWT_SECRET: ") && !text.contains("canary"),
        "{text}"
    );
}
