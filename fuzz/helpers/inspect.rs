//! A token that is inspected.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use hmac::{Hmac, Mac};
use secrecy::SecretSlice;
use serde_json::Value;
use sha2::Sha256;

use crate::cli::inspect::{Verdict, report};
use crate::config::addresses::Networks;
use crate::config::red5::{Red5, ServerKind, SubjectClaim};
use crate::domain::round_trip::RoomCheck;

const SECRET: &[u8] = b"4f1c0c6e2b9d4a7f8e3d5c6b7a8f9e0d";
const ISSUER: &str = "https://bridge.example.com";
const NOW: i64 = 1_795_521_600;
const LIMIT_SECONDS: u32 = 3600;

/// The bytes of a token; or, behind a first line `signed`, claims to be signed with
/// the server's secret. A token that the secret did not sign is never called good, and
/// one that it did only if Red5 would take it now.
pub fn inspect(data: &[u8]) {
    let Some(claims) = data.strip_prefix(b"signed\n") else {
        assert!(
            !is_good(data),
            "good, and unsigned: {}",
            data.escape_ascii()
        );
        return;
    };
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(input.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    if !is_good(format!("{input}.{signature}").as_bytes()) {
        return;
    }
    let claims: Value = serde_json::from_slice(claims).unwrap();
    let exp = claims["exp"].as_i64().unwrap();
    assert!(exp > NOW && exp <= NOW + i64::from(LIMIT_SECONDS));
    assert_eq!(claims["iss"], ISSUER);
    // Red5 reads a list that is absent, or no string, as no restriction.
    for list in ["red5-transport", "red5-room"] {
        let text = claims.get(list).map(|value| value.as_str().unwrap());
        assert_ne!(text, Some(""), "{list}");
    }
    let roles = claims["roles"].as_str().unwrap();
    let known = |role: &str| role == "red5-publisher" || role == "red5-subscriber";
    assert!(roles.split(',').any(known), "{roles}");
}

/// Whatever is said, it is said in lines that a terminal shows as they are.
fn is_good(given: &[u8]) -> bool {
    let red5 = Red5 {
        secret: SecretSlice::from(SECRET.to_vec()),
        secret_is_base64: false,
        issuer: Some(ISSUER.to_owned()),
        longest_ttl_seconds: LIMIT_SECONDS - 30,
        server_ttl_seconds: LIMIT_SECONDS,
        token_ttl_seconds: 300,
        token_max_bytes: 4096,
        subject: SubjectClaim::Subject,
        server_url: None,
        server_kind: ServerKind::Standalone,
        node_group: None,
        round_trip_networks: Networks::default(),
        room_check: RoomCheck::Refuse,
    };
    let report = report(given, &red5, DateTime::from_timestamp(NOW, 0).unwrap());
    assert!(!report.lines.is_empty());
    let plain = |line: &String| !line.chars().any(char::is_control);
    assert!(report.lines.iter().all(plain), "{:?}", report.lines);
    report.verdict == Verdict::Good
}
