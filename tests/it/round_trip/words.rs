//! Whatever bytes come, the answer is 200 with a boolean; and which tokens are true (RR-2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    VALIDATE, ann, latin_1, post, publishes, question, says, start, start_with, token, watches,
};
use crate::bridge::{RED5_SECRET, TestBridge};
use crate::provider::Rotation;

#[tokio::test]
async fn rr_2_a_good_token_is_true_for_what_it_holds() {
    let bridge = start().await;
    let ann = ann(&bridge).await;
    let both = token(&ann, json!({})).await;
    assert!(publishes(&bridge, &both).await && watches(&bridge, &both).await);
    let watch = token(&ann, json!({"roles": ["red5-subscriber"]})).await;
    assert!(!publishes(&bridge, &watch).await && watches(&bridge, &watch).await);
    let publish = token(
        &ann,
        json!({"roles": ["red5-publisher"], "rooms": ["studio-1"]}),
    )
    .await;
    assert!(publishes(&bridge, &publish).await && !watches(&bridge, &publish).await);
}

#[tokio::test]
async fn rr_2_any_room_and_any_protocol_count_while_they_are_granted() {
    let bridge = start_with(&[("RED5_ROUND_TRIP_ROOM", "refuse")]).await;
    let row = bridge.map("crew", super::BOTH, &["*"], &["*"]).await;
    bridge.provider.person("ann").groups(["crew"]);
    let ann = bridge.signed_in("ann").await;
    let any = token(&ann, json!({})).await;
    assert!(publishes(&bridge, &any).await && watches(&bridge, &any).await);
    // Every room and protocol that has a name is less than any.
    let admin = bridge.admin().await;
    let narrower = json!({
        "group": "crew", "match": "exact", "roles": super::BOTH,
        "transports": ["RTMP", "RTSP", "WHIP", "WHEP"], "rooms": ["*"],
    });
    let address = format!("/api/admin/mappings/{}", row["id"]);
    let tag = [("if-match", "\"1\"")];
    let edited = admin.api_with("PUT", &address, &tag, &narrower).await;
    assert_eq!(edited.status, 200, "{}", edited.body);
    assert!(!publishes(&bridge, &any).await && !watches(&bridge, &any).await);
    let named = token(&ann, json!({})).await;
    assert!(publishes(&bridge, &named).await && watches(&bridge, &named).await);
}

fn signed(header: &str, claims: &str, secret: &str) -> String {
    let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
    let input = format!("{}.{}", encode(header), encode(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(input.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{input}.{signature}")
}

#[tokio::test]
async fn rr_2_no_other_token_is_true() {
    let bridge = start().await;
    let good = token(&ann(&bridge).await, json!({})).await;
    let parts: Vec<&str> = good.split('.').collect();
    let text = |part: &str| String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let (header, claims) = (text(parts[0]), text(parts[1]));
    assert_eq!(signed(&header, &claims, RED5_SECRET), good);
    assert!(publishes(&bridge, &good).await);
    let later = claims.replace("\"exp\":", "\"nbf\":1,\"exp\":");
    let other_secret = "9e0d1c2b3a4f5e6d7c8b4f1c0c6e2b9d4a7f8e3d5c6b7a8f";
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
    let of_bob = claims.replace("\"ann\"", "\"bob\"");
    let no_roles = claims.replace("red5-publisher,red5-subscriber", "");
    assert!(of_bob != claims && no_roles != claims);
    for other in [
        signed(&header, &claims, other_secret),
        signed(r#"{"alg":"HS256","typ":"JWT"}"#, &claims, RED5_SECRET),
        signed(&header, &later, RED5_SECRET),
        signed(&header, &of_bob, RED5_SECRET),
        signed(&header, &no_roles, RED5_SECRET),
        signed(&header, "{}", RED5_SECRET),
        format!("{none}.{}.", parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        format!("Bearer {good}"),
        format!("{good} "),
        String::new(),
        "jwt".to_owned(),
    ] {
        assert!(!publishes(&bridge, &other).await, "{other}");
    }
    // An ID token of the provider is none of ours.
    let id_token = bridge.provider.logout_token(|token| token);
    assert!(!publishes(&bridge, &id_token).await);
}

#[tokio::test]
async fn rr_3_a_token_counts_until_its_end() {
    let bridge = start().await;
    let short = token(&ann(&bridge).await, json!({"ttl_seconds": 60})).await;
    bridge.clock.advance(TimeDelta::seconds(58));
    assert!(publishes(&bridge, &short).await);
    bridge.clock.advance(TimeDelta::seconds(3));
    assert!(!publishes(&bridge, &short).await);
}

#[tokio::test]
async fn rr_2_a_token_of_another_issuer_is_false() {
    let bridge = start().await;
    let without = token(&ann(&bridge).await, json!({})).await;
    let issuer = ("RED5_JWT_ISSUER", "bridge");
    let other = bridge
        .beside(&[super::NETWORKS, super::ROOMS_IGNORED, issuer])
        .await;
    assert!(publishes(&bridge, &without).await);
    assert!(!publishes(&other, &without).await);
}

#[tokio::test]
async fn rr_2_with_user_names_as_subjects_the_session_of_the_user_name_counts() {
    let by_name = ("RED5_SUBJECT", "username");
    let bridge = start_with(&[by_name]).await;
    bridge
        .map("crew", super::BOTH, &["RTMP", "WHIP"], &["studio-1"])
        .await;
    let person = bridge.provider.person("s-1");
    person
        .groups(["crew"])
        .claim("preferred_username", json!("ann"));
    let ann = bridge.signed_in("s-1").await;
    let good = token(&ann, json!({"roles": ["red5-publisher"]})).await;
    assert!(publishes(&bridge, &good).await);
    // Where the subject counts, there is no session of a subject of that name.
    let by_subject = bridge
        .beside(&[super::NETWORKS, super::ROOMS_IGNORED])
        .await;
    assert!(!publishes(&by_subject, &good).await);
}

#[tokio::test]
async fn rr_2_a_token_with_a_former_user_name_is_false() {
    let by_name = ("RED5_SUBJECT", "username");
    let age = ("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60");
    let bridge = start_with(&[by_name, age]).await;
    bridge.provider.give_refresh_tokens(Rotation::Each);
    bridge
        .map("crew", super::BOTH, &["RTMP", "WHIP"], &["studio-1"])
        .await;
    let person = bridge.provider.person("s-1");
    person
        .groups(["crew"])
        .claim("preferred_username", json!("ann"));
    let browser = bridge.signed_in("s-1").await;
    let good = token(&browser, json!({"ttl_seconds": 3000})).await;
    // The session is remembered under the name.
    assert!(publishes(&bridge, &good).await);
    let person = bridge.provider.person("s-1");
    person.claim("preferred_username", json!("ann-lee"));
    bridge.clock.advance(TimeDelta::seconds(100));
    crate::eventually::eventually("the name is read again", async || {
        !publishes(&bridge, &good).await
    })
    .await;
    let of_now = token(&browser, json!({})).await;
    assert!(publishes(&bridge, &of_now).await);
}

#[tokio::test]
async fn rr_2_every_body_gets_200_with_a_boolean() {
    let bridge = start().await;
    let good = token(&ann(&bridge).await, json!({})).await;
    let whole = String::from_utf8(
        question(&good, "publisher", "cam")
            .into_iter()
            .map(|b| if b == 0xe9 { b'e' } else { b })
            .collect(),
    )
    .unwrap();
    assert!(says(&bridge, whole.as_bytes()).await);
    // Members that Red5 may add do not matter, nor does the order or white space.
    let odd = format!(
        "\r\n {{\"url\":null,\"streamID\":\"cam\",\"type\":\"publisher\", \"token\" : \"{good}\",\"more\":[{{}}]}}\n"
    );
    assert!(says(&bridge, odd.as_bytes()).await);
    let utf_8 = whole.replace("Rene", "Ren\u{e9} \u{1f600}");
    assert!(says(&bridge, utf_8.as_bytes()).await);
    let all_bytes: Vec<u8> = (0x20..=0xff)
        .filter(|b| ![b'"', b'\\'].contains(b))
        .collect();
    let mut any_name = latin_1("{\"username\":\"");
    any_name.extend(&all_bytes);
    any_name.extend(latin_1(&format!(
        "\",\"token\":\"{good}\",\"type\":\"publisher\"}}"
    )));
    assert!(says(&bridge, &any_name).await);

    let deep = format!("{}1{}", "{\"token\":".repeat(5000), "}".repeat(5000));
    let twice = whole.replace("{\"", "{\"token\":\"x\",\"");
    let without = |name: &str| {
        let mut members: Value = serde_json::from_str(&whole).unwrap();
        members.as_object_mut().unwrap().remove(name).unwrap();
        members.to_string()
    };
    let cut = &whole[..whole.len() - 1];
    for body in [
        &b""[..],
        b" ",
        b"{}",
        b"[]",
        b"null",
        b"true",
        b"{\"result\":true}",
        b"\x00\xff\xfe",
        deep.as_bytes(),
        twice.as_bytes(),
        cut.as_bytes(),
        format!("{whole}{whole}").as_bytes(),
        format!("[{whole}]").as_bytes(),
        format!("\u{feff}{whole}").as_bytes(),
        without("token").as_bytes(),
        without("type").as_bytes(),
        whole.replace("publisher\"", "PUBLISHER\"").as_bytes(),
        whole
            .replace("\"publisher\"", "\"red5-publisher\"")
            .as_bytes(),
        whole.replace("\"publisher\"", "null").as_bytes(),
        whole.replace("\"publisher\"", "[\"publisher\"]").as_bytes(),
    ] {
        assert!(
            !says(&bridge, body).await,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
}

#[tokio::test]
async fn rr_2_a_body_of_64_kb_is_read_and_a_larger_one_is_413() {
    let bridge = start().await;
    let good = token(&ann(&bridge).await, json!({})).await;
    let mut body = question(&good, "publisher", "cam");
    body.resize(64 * 1024, b' ');
    assert!(says(&bridge, &body).await);
    body.push(b' ');
    let (status, said) = post(&bridge.address, VALIDATE, "", &body).await;
    assert_eq!(status, 413, "{said}");
}

#[tokio::test]
async fn rr_2_the_content_type_and_the_framing_do_not_matter() {
    let bridge = start().await;
    let good = token(&ann(&bridge).await, json!({})).await;
    let body = format!("{{\"token\":\"{good}\",\"type\":\"publisher\"}}");
    let browser = bridge.browser();
    for kind in [
        "application/json",
        "application/json; charset=ISO-8859-1",
        "text/plain",
        "application/x-www-form-urlencoded",
        "nonsense",
    ] {
        let headers = [("content-type", kind)];
        let answer = browser.send("POST", VALIDATE, &headers, &body).await;
        assert_eq!(
            (answer.status, answer.json()),
            (200, json!({"result": true}))
        );
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let answer = browser.send("POST", VALIDATE, &[], &body).await;
    assert_eq!(answer.json(), json!({"result": true}), "without a type");
    let head = format!(
        "POST {VALIDATE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunked = format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let said = crate::raw::converse(&bridge, chunked.as_bytes()).await;
    assert!(said.contains("{\"result\":true}"), "{said}");
}

#[tokio::test]
async fn invalidate_is_always_true() {
    let bridge = start().await;
    for body in [
        &b""[..],
        b"{}",
        b"\xff",
        br#"{"username":"a","streamID":"b"}"#,
    ] {
        let path = "/red5/invalidateCredentials";
        let (status, said) = post(&bridge.address, path, "", body).await;
        assert_eq!((status, &*said), (200, "{\"result\":true}"));
    }
}

#[tokio::test]
async fn a_session_of_another_person_does_not_stand_behind_a_token() {
    let bridge = start().await;
    let ann = ann(&bridge).await;
    let good = token(&ann, json!({})).await;
    bridge.provider.person("bob").groups(["crew"]);
    let _bob = bridge.signed_in("bob").await;
    assert!(publishes(&bridge, &good).await);
    end_sessions_of(&bridge, "ann").await;
    crate::eventually::eventually("ann's is gone", async || !publishes(&bridge, &good).await).await;
}

async fn end_sessions_of(bridge: &TestBridge, subject: &str) {
    sqlx::query("DELETE FROM sessions WHERE subject = $1")
        .bind(subject)
        .execute(&bridge.db)
        .await
        .unwrap();
}
