//! Header and claims.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{BOTH, claims, issued, meets, viewer};
use crate::bridge::{RED5_SECRET, TestBridge};
use crate::red5::server::parts;

#[tokio::test]
async fn r5_1_the_header_says_hs256_and_jwt_and_the_secret_is_the_strings_own_bytes() {
    let bridge = TestBridge::start().await;
    let vic = viewer(&bridge).await;

    let token = issued(&vic, json!({})).await;

    assert_eq!(parts(&token).0, json!({"alg": "HS256", "typ": "JWT"}));
    let now = bridge.now();
    assert_eq!(meets(RED5_SECRET.as_bytes(), None, &token, now), Ok(()));
    let other = meets(b"another secret that is long enough", None, &token, now);
    assert_eq!(other, Err("another secret signed it"));
}

#[tokio::test]
async fn r5_1_a_base64_secret_is_decoded_when_that_is_said_and_never_guessed() {
    let bytes: Vec<u8> = (100..140).collect();
    let text = STANDARD.encode(&bytes);
    for (encoding, right, wrong) in [
        ("base64", bytes.as_slice(), text.as_bytes()),
        ("utf8", text.as_bytes(), bytes.as_slice()),
    ] {
        let bridge = TestBridge::start_with(&[
            ("RED5_JWT_SECRET", &text),
            ("RED5_JWT_SECRET_ENCODING", encoding),
        ])
        .await;
        let token = issued(&viewer(&bridge).await, json!({})).await;
        let now = bridge.now();
        assert_eq!(meets(right, None, &token, now), Ok(()), "{encoding}");
        let refused = Err("another secret signed it");
        assert_eq!(meets(wrong, None, &token, now), refused, "{encoding}");
    }
}

#[tokio::test]
async fn r5_2_r5_3_a_token_carries_these_claims_and_no_others() {
    let bridge = TestBridge::start().await;
    bridge
        .map("crew", BOTH, &["WHIP", "WHEP"], &["b", "a", "b"])
        .await;
    bridge
        .provider
        .person("ann")
        .groups(["crew"])
        .claim("name", "Ann Lee")
        .claim("email", "ann@example.com");
    let ann = bridge.signed_in("ann").await;

    let before = bridge.now();
    let mut claims = claims(&ann).await;
    let after = bridge.now();

    // An integer of seconds: no string, no float, no milliseconds.
    let exp = claims["exp"].take();
    assert!(exp.is_i64() || exp.is_u64(), "{exp}");
    assert!((before + 300..=after + 300).contains(&exp.as_i64().unwrap()));
    assert_eq!(
        claims,
        json!({
            "sub": "ann", "name": "Ann Lee", "roles": "red5-publisher,red5-subscriber",
            "red5-transport": "WHEP,WHIP", "red5-room": "a,b", "exp": null,
        })
    );
}

#[tokio::test]
async fn r5_4_r5_5_only_any_leaves_a_claim_out_and_roles_are_always_there() {
    let bridge = TestBridge::start().await;
    bridge.map("crew", BOTH, &["*"], &["*"]).await;
    let person = bridge.provider.person("ann");
    person.without("name").groups(["crew"]);
    let ann = bridge.signed_in("ann").await;

    let claims = claims(&ann).await;

    let names: Vec<&String> = claims.as_object().unwrap().keys().collect();
    assert_eq!(names, ["exp", "roles", "sub"]);
    assert_eq!(claims["roles"], "red5-publisher,red5-subscriber");
}

#[tokio::test]
async fn r5_9_iss_is_the_servers_expected_issuer_byte_for_byte() {
    let issuer = "https://Bridge.Example/Red5";
    let bridge = TestBridge::start_with(&[("RED5_JWT_ISSUER", issuer)]).await;

    let token = issued(&viewer(&bridge).await, json!({})).await;

    let (secret, now) = (RED5_SECRET.as_bytes(), bridge.now());
    assert_eq!(parts(&token).1["iss"], issuer);
    assert_eq!(meets(secret, Some(issuer), &token, now), Ok(()));
    let lower = issuer.to_lowercase();
    let refused = Err("iss is not expectedIssuer");
    assert_eq!(meets(secret, Some(&lower), &token, now), refused);
}

#[tokio::test]
async fn r5_9_sub_is_the_providers_subject_or_the_user_name_as_configured() {
    for (configured, sub) in [
        ("subject", "5a2e90c4-51c0"),
        ("username", "Ann@example.com"),
    ] {
        let bridge = TestBridge::start_with(&[("RED5_SUBJECT", configured)]).await;
        bridge
            .provider
            .person("vic")
            .claim("sub", "5a2e90c4-51c0")
            .claim("preferred_username", "Ann@example.com");
        assert_eq!(claims(&viewer(&bridge).await).await["sub"], sub);
    }
}

#[tokio::test]
async fn r5_9_without_a_user_name_there_is_no_token_whose_subject_is_one() {
    let bridge = TestBridge::start_with(&[("RED5_SUBJECT", "username")]).await;
    bridge.provider.person("vic").without("preferred_username");
    let vic = viewer(&bridge).await;

    let answer = vic.token(json!({})).await;

    assert_eq!(
        (answer.status, answer.code().as_str()),
        (403, "no_username")
    );
    assert!(answer.body.contains("user name"), "{}", answer.body);
}

#[tokio::test]
async fn r5_9_a_room_name_that_red5_does_not_take_is_left_out_and_the_token_is_issued() {
    let bridge = TestBridge::start().await;
    let vic = viewer(&bridge).await;
    drop(vic);
    let long = "n".repeat(4096);
    for odd in [
        "Ann\nLee",
        "<script>alert(1)</script>",
        &long,
        "Ann\u{0}",
        "",
    ] {
        bridge.provider.person("vic").claim("name", odd);
        let vic = bridge.signed_in("vic").await;
        let claims = claims(&vic).await;
        assert_eq!(claims.get("name"), None, "{odd:.20}");
        assert_eq!(claims["roles"], "red5-subscriber");
    }
    bridge
        .provider
        .person("vic")
        .claim("name", "Zoë O'Neil & 佐藤");
    let vic = bridge.signed_in("vic").await;
    let name = claims(&vic).await["name"].take();
    assert_eq!(name, Value::from("Zoë O'Neil & 佐藤"));
}
