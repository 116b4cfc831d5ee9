//! Tokens as the three libraries read them that Red5's own documentation uses:
//! Node's `jsonwebtoken`, Python's `PyJWT`, Java's `jjwt`.
//!
//! `scripts/readers` prepares them; each is a program that takes the secret and
//! then one token a line, and answers with one line of JSON for each token.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::bridge::TestBridge;
use crate::red5::server::parts;

/// The command of each reader, from the project's folder.
pub const READERS: [(&str, &[&str]); 3] = [
    ("jsonwebtoken", &["node", ".local/readers/node/read.mjs"]),
    (
        "PyJWT",
        &[
            ".local/readers/python/bin/python",
            "tests/readers/python/read.py",
        ],
    ),
    (
        "jjwt",
        &[
            "java",
            "-cp",
            ".local/readers/java:.local/readers/java/*",
            "Read",
        ],
    ),
];

/// What one reader says of each token: `{"ok":true,"claims":{…}}` or
/// `{"ok":false,"error":"…"}`.
pub fn read(command: &[&str], secret: &str, tokens: &[String]) -> Vec<Value> {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; run `scripts/readers`", command[0]));
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{secret}").unwrap();
    for token in tokens {
        writeln!(input, "{token}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?} failed; run `scripts/readers`"
    );
    let answers: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), tokens.len(), "{command:?}");
    answers
}

/// Thirty-two bytes and more, not all of them ASCII: what counts is UTF-8.
const SECRET: &str = "a-schlüssel-of-the-tests-that-is-long-enough";

fn claims(exp: i64) -> Value {
    json!({
        "sub": "5a2e90c4-51c0", "name": "Vic Viewer", "iss": "https://bridge.example.com",
        "roles": "red5-publisher,red5-subscriber", "red5-transport": "WHEP,WHIP",
        "red5-room": "lobby,studio-1", "exp": exp,
    })
}

/// RFC 7515 §7.1 by hand: the readers are what is tested here.
fn sign(claims: &Value, secret: &str) -> String {
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(&header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{signed}.{signature}")
}

/// Far enough for any clock that this test runs under.
const LATER: i64 = 4_102_444_800;

#[test]
fn every_reader_reads_the_claims_as_they_were_written() {
    let token = sign(&claims(LATER), SECRET);
    for (name, command) in READERS {
        let answers = read(command, SECRET, std::slice::from_ref(&token));
        assert_eq!(
            answers,
            [json!({ "ok": true, "claims": claims(LATER) })],
            "{name}"
        );
    }
}

#[test]
fn no_reader_takes_a_token_that_is_past_changed_or_signed_by_another_secret() {
    let good = sign(&claims(LATER), SECRET);
    let past = sign(&claims(1_700_000_000), SECRET);
    let foreign = sign(&claims(LATER), "some-other-secret-that-is-long-enough");
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other_claims = past.split('.').nth(1).unwrap();
    let changed = format!("{header}.{other_claims}.{signature}");
    for (name, command) in READERS {
        let answers = read(
            command,
            SECRET,
            &[past.clone(), foreign.clone(), changed.clone()],
        );
        assert!(
            answers.iter().all(|answer| answer["ok"] == json!(false)),
            "{name}: {answers:?}"
        );
    }
}

#[tokio::test]
async fn r5_13_every_reader_reads_what_the_bridge_issues() {
    let bridge = TestBridge::start_with(&[
        ("RED5_JWT_SECRET", SECRET),
        ("RED5_JWT_ISSUER", "https://bridge.example.com/"),
    ])
    .await;
    let both: &[&str] = &["red5-publisher", "red5-subscriber"];
    bridge
        .map("crew", both, &["WHIP", "WHEP"], &["lobby", "studio-1"])
        .await;
    bridge
        .map("staff", &["red5-subscriber"], &["*"], &["*"])
        .await;
    bridge
        .provider
        .person("zoe")
        .groups(["crew", "staff"])
        .claim("name", "Zoë O'Neil & 佐藤");
    let zoe = bridge.signed_in("zoe").await;
    let mut tokens = Vec::new();
    let mut claims = Vec::new();
    for ask in [
        json!({}),
        json!({"rooms": ["studio-1"], "transports": ["WHIP"], "roles": ["red5-publisher"]}),
        json!({"rooms": ["*"], "transports": ["*"]}),
        json!({"ttl_seconds": 3570}),
    ] {
        let answer = zoe.token(ask).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        claims.push(json!({"ok": true, "claims": parts(&token).1}));
        tokens.push(token);
    }
    for (name, command) in READERS {
        assert_eq!(read(command, SECRET, &tokens), claims, "{name}");
    }
}
