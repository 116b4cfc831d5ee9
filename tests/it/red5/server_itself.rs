//! The tests' Red5 server itself: a judge that lets everything through would
//! prove nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::server::{Operation, Profile, Red5};

const NOW: i64 = 1_795_000_000;
const SECRET: &[u8] = b"not-base64: the string's own bytes";

fn red5() -> Red5 {
    Red5 {
        secret: SECRET.to_vec(),
        ttl_minutes: 60,
        expected_issuer: None,
    }
}

fn sign(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{signed}.{signature}")
}

fn token(mut claims: Value) -> String {
    if claims.get("exp").is_none() {
        claims["exp"] = json!(NOW + 300);
    }
    sign(&json!({"alg": "HS256", "typ": "JWT"}), &claims)
}

/// What each reading says of one question.
fn answers(claims: Value, operation: Operation, transport: &str, path: &str) -> Vec<bool> {
    let token = token(claims);
    Profile::all()
        .map(|profile| {
            let connection = red5().connect(profile, &token, NOW);
            connection.is_ok_and(|it| it.may(operation, transport, path))
        })
        .collect()
}

fn all_say(claims: Value, operation: Operation, transport: &str, path: &str) -> bool {
    let answers = answers(claims, operation, transport, path);
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    answers[0]
}

fn refusal(red5: &Red5, token: &str) -> Option<&'static str> {
    let mut refusals = Profile::all().map(|profile| red5.connect(profile, token, NOW).err());
    let first = refusals.next().unwrap();
    assert!(refusals.all(|refusal| refusal == first));
    first
}

#[test]
fn a_token_is_let_in_by_signature_exp_and_issuer() {
    let roles = json!({"roles": "red5-publisher"});
    assert_eq!(refusal(&red5(), &token(roles.clone())), None);
    let none = sign(&json!({"alg": "none"}), &json!({"exp": NOW + 300}));
    assert_eq!(refusal(&red5(), &none), Some("alg is not HS256"));
    let other = Red5 {
        secret: b"another secret of thirty-two bytes".to_vec(),
        ..red5()
    };
    assert_eq!(
        refusal(&other, &token(roles.clone())),
        Some("another secret signed it")
    );
    let exp = |exp: Value| {
        refusal(
            &red5(),
            &token(json!({"roles": "red5-publisher", "exp": exp})),
        )
    };
    assert_eq!(exp(json!(NOW)), Some("exp is past"));
    assert_eq!(exp(json!(NOW + 3600)), None);
    assert_eq!(
        exp(json!(NOW + 3601)),
        Some("exp is further ahead than jwtTtlMinutes")
    );
    assert_eq!(exp(json!("1795000300")), Some("exp is no integer"));
    assert_eq!(exp(json!(1_795_000_300.5)), Some("exp is no integer"));
    let expecting = Red5 {
        expected_issuer: Some("Bridge".to_owned()),
        ..red5()
    };
    assert_eq!(refusal(&expecting, &token(json!({"iss": "Bridge"}))), None);
    for iss in [json!("bridge"), json!(["Bridge"]), Value::Null] {
        let refusal = refusal(&expecting, &token(json!({"iss": iss})));
        assert_eq!(refusal, Some("iss is not expectedIssuer"));
    }
}

#[test]
fn it_fails_open_as_red5_does() {
    use Operation::{Publish, Subscribe};
    for claims in [json!({}), json!({"roles": ""})] {
        assert!(all_say(claims.clone(), Publish, "SRT", "live/a/stream"));
        assert!(all_say(claims, Subscribe, "RTMP", "live/stream"));
    }
    let viewer = json!({"roles": "red5-subscriber", "red5-transport": "", "red5-room": ""});
    assert!(all_say(viewer.clone(), Subscribe, "SRT", "live/stream"));
    assert!(!all_say(viewer, Publish, "RTMP", "live/stream"));
    let unknown = json!({"roles": "Red5-Publisher,admin"});
    assert!(!all_say(unknown, Publish, "RTMP", "live/stream"));
}

#[test]
fn each_list_is_read_on_its_own() {
    use Operation::{Publish, Subscribe};
    let claims = || {
        json!({"roles": "red5-publisher,red5-subscriber", "red5-transport": "WHIP,rtmp",
               "red5-room": "a,b"})
    };
    assert!(all_say(claims(), Publish, "whip", "live/a/stream"));
    assert!(all_say(claims(), Subscribe, "RTMP", "live/b/stream"));
    for (operation, transport, path) in [
        (Subscribe, "WHIP", "live/a/stream"),
        (Subscribe, "WHEP", "live/a/stream"),
        (Publish, "SRT", "live/a/stream"),
        (Publish, "RTMP", "live/A/stream"),
        (Publish, "RTMP", "live/stream"),
        (Publish, "RTMP", "live/c/stream"),
    ] {
        assert!(!all_say(claims(), operation, transport, path), "{path}");
    }
}

#[test]
fn the_readings_differ_where_the_documentation_is_silent() {
    use Operation::Publish;
    for (rooms, path) in [
        (json!("a, b"), "live/b/stream"),
        (json!("b"), "live/a/b/stream"),
        (json!(["a"]), "live/b/stream"),
    ] {
        let claims = json!({"roles": "red5-publisher", "red5-room": rooms});
        let answers = answers(claims, Publish, "RTMP", path);
        assert_eq!(
            answers.iter().filter(|answer| **answer).count(),
            4,
            "{rooms} {path}"
        );
    }
}
