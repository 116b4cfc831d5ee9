//! `POST /api/token`: what may be asked, and the answer to the letter.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::bridge::{Browser, TestBridge};
use crate::problem::{problem, wrong_fields};

async fn vic(bridge: &TestBridge) -> Browser {
    bridge
        .map(
            "viewers",
            &["red5-subscriber"],
            &["WHEP"],
            &["lobby", "hall"],
        )
        .await;
    bridge
        .map("viewers", &["red5-publisher"], &["WHIP"], &["stage"])
        .await;
    bridge.provider.person("vic").groups(["viewers"]);
    bridge.signed_in("vic").await
}

#[tokio::test]
async fn every_wrong_member_is_named_and_no_token_made() {
    let bridge = TestBridge::start().await;
    let vic = vic(&bridge).await;
    let cases: &[(Value, &[&str])] = &[
        (json!({"roles": null}), &["roles"]),
        (json!({"roles": []}), &["roles"]),
        (json!({"roles": "red5-subscriber"}), &["roles"]),
        (json!({"roles": ["*"]}), &["roles[0]"]),
        (json!({"roles": ["subscriber"]}), &["roles[0]"]),
        (json!({"roles": ["red5-subscriber", 1]}), &["roles[1]"]),
        (
            json!({"roles": ["red5-subscriber,red5-publisher"]}),
            &["roles[0]"],
        ),
        (json!({"rooms": null}), &["rooms"]),
        (json!({"rooms": []}), &["rooms"]),
        (json!({"rooms": "lobby"}), &["rooms"]),
        (json!({"rooms": ["lobby", "*"]}), &["rooms[1]"]),
        (json!({"rooms": ["*", "lobby"]}), &["rooms[0]"]),
        (json!({"rooms": ["lob*"]}), &["rooms[0]"]),
        (json!({"rooms": ["{username}"]}), &["rooms[0]"]),
        (
            json!({"rooms": ["a,b", "lobby", ""]}),
            &["rooms[0]", "rooms[2]"],
        ),
        (json!({"rooms": ["a\u{0}"]}), &["rooms[0]"]),
        (json!({"rooms": ["x".repeat(129)]}), &["rooms[0]"]),
        (json!({"transports": null}), &["transports"]),
        (json!({"transports": []}), &["transports"]),
        (json!({"transports": ["WHEP", "*"]}), &["transports[1]"]),
        (json!({"transports": ["HLS"]}), &["transports[0]"]),
        (json!({"ttl_seconds": null}), &["ttl_seconds"]),
        (json!({"ttl_seconds": 59}), &["ttl_seconds"]),
        (json!({"ttl_seconds": 0}), &["ttl_seconds"]),
        (json!({"ttl_seconds": -1}), &["ttl_seconds"]),
        (json!({"ttl_seconds": i64::MIN}), &["ttl_seconds"]),
        (json!({"ttl_seconds": 60.5}), &["ttl_seconds"]),
        (json!({"ttl_seconds": "60"}), &["ttl_seconds"]),
        (json!({"ttl_seconds": 1e300}), &["ttl_seconds"]),
        (json!({"Roles": ["red5-subscriber"]}), &["Roles"]),
        (json!({"sub": "root", "groups": ["x"]}), &["groups", "sub"]),
        (
            json!({"exp": 1, "roles": [], "rooms": [""], "ttl_seconds": 1}),
            &["roles", "rooms[0]", "ttl_seconds", "exp"],
        ),
    ];
    for (wish, fields) in cases {
        let answer = vic.token(wish.clone()).await;
        assert_eq!(answer.status, 400, "{wish} {}", answer.body);
        assert_eq!(wrong_fields(&answer), *fields, "{wish}");
        assert!(!answer.body.contains("eyJ"));
    }
}

#[tokio::test]
async fn r5_2_a_longer_life_than_is_allowed_is_shortened_and_said() {
    let bridge = TestBridge::start().await;
    let vic = vic(&bridge).await;
    // The server's limit of an hour, less the margin of 30 seconds.
    for seconds in [
        json!(3571),
        json!(86_400),
        json!(u32::MAX),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e10),
    ] {
        let body = vic
            .token(json!({"ttl_seconds": seconds, "rooms": ["lobby"]}))
            .await
            .json();
        assert_eq!(
            (&body["expires_in"], &body["ttl_limited_by"]),
            (&json!(3570), &json!("server")),
            "{seconds}"
        );
    }
    for seconds in [60, 61, 3570] {
        let body = vic
            .token(json!({"ttl_seconds": seconds, "rooms": ["lobby"]}))
            .await
            .json();
        assert_eq!(
            (&body["expires_in"], &body["ttl_limited_by"]),
            (&json!(seconds), &json!(null))
        );
    }
}

fn claims(token: &str) -> (Value, Value) {
    let mut parts = token.split('.');
    let mut part = || {
        let bytes = URL_SAFE_NO_PAD.decode(parts.next().unwrap()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    (part(), part())
}

#[tokio::test]
async fn the_answer_is_as_documented() {
    let server = [("RED5_SERVER_URL", "https://media.example.com/live")];
    let bridge = TestBridge::start_with(&server).await;
    let vic = vic(&bridge).await;
    let wish = json!({"roles": ["red5-publisher", "red5-publisher"], "rooms": ["stage"], "transports": ["whip"], "ttl_seconds": 120});
    let answer = vic.token(wish).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, "application/json")
    );
    let body = answer.json();
    let token = body["access_token"].as_str().unwrap();
    let (header, claims) = claims(token);
    // R5-1, R5-2: HS256, and whole seconds.
    assert_eq!(header, json!({"alg": "HS256", "typ": "JWT"}));
    let exp = claims["exp"].as_i64().unwrap();
    let written = chrono::DateTime::from_timestamp(exp, 0)
        .unwrap()
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    assert_eq!(
        body,
        json!({
            "access_token": token, "token_type": "Bearer",
            "issued_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "expires_in": 120, "expires_at": written,
            "scope": "red5-publisher room:stage transport:WHIP",
            "roles": ["red5-publisher"], "rooms": ["stage"], "transports": ["WHIP"],
            "ttl_limited_by": null,
            "left_out": [{"roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": ["hall", "lobby"]}],
            "red5": {"protocol": "https", "host": "media.example.com", "port": 443, "app": "live/stage",
                     "connectionParams": {"username": "jwt", "password": "jwt", "token": token}},
            "mapping_version": body["mapping_version"],
        })
    );
    assert!(body["mapping_version"].is_i64());
}

#[tokio::test]
async fn an_empty_body_asks_for_nothing_in_particular() {
    let bridge = TestBridge::start().await;
    let vic = vic(&bridge).await;
    let headers = [
        ("content-type", "application/json"),
        ("x-red5-bridge", "1"),
        ("origin", crate::bridge::ORIGIN),
    ];
    let answer = vic.send("POST", "/api/token", &headers, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    for body in ["null", "[]", "\"x\"", "{", "{}{}"] {
        let answer = vic.send("POST", "/api/token", &headers, body).await;
        assert_eq!(wrong_fields(&answer), [""]);
    }
}

#[tokio::test]
async fn refusals_say_what_was_refused_in_plain_names() {
    let bridge = TestBridge::start().await;
    let vic = vic(&bridge).await;
    let answer = vic.token(json!({"rooms": ["lobby", "vault"]})).await;
    let body = problem(&answer, 403, "scope_not_granted", &["refused"]);
    assert_eq!(body["refused"], json!(["vault"]));
    bridge
        .map("classes", &["red5-subscriber"], &["WHEP"], &["class-*"])
        .await;
    bridge.provider.person("pat").groups(["classes"]);
    let answer = bridge.signed_in("pat").await.token(json!({})).await;
    let body = problem(&answer, 403, "room_required", &["patterns"]);
    assert_eq!(body["patterns"], json!(["class-*"]));
}

#[tokio::test]
async fn the_session_is_told_as_documented() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").claim("name", "Vic <b>");
    let vic = vic(&bridge).await;
    let body = vic.peek("/api/session").await.json();
    assert_eq!(
        body,
        json!({
            "identity": {"issuer": bridge.provider.issuer(), "subject": "vic", "username": "vic",
                         "name": "Vic <b>", "groups": ["viewers"]},
            "administrator": false,
            "entitlement": [
                {"roles": ["red5-publisher"], "transports": ["WHIP"], "rooms": ["stage"]},
                {"roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": ["hall", "lobby"]},
            ],
            "groups_read_at": body["groups_read_at"], "ends_at": body["ends_at"], "idle_ends_at": body["idle_ends_at"],
        })
    );
    for member in ["groups_read_at", "ends_at", "idle_ends_at"] {
        let time = body[member].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
    }
    let answer = bridge.browser().peek("/api/session").await;
    problem(&answer, 401, "not_signed_in", &["login_url"]);
}
