//! Every claim of the ID token that decides something, wrong in every way (ID-3 to ID-10).
//!
//! `max_age` is never asked for, so no `auth_time` can be wrong (ID-12): the last test
//! here sees that it is not asked for, and that no sign-in is refused for what it is.

use serde_json::{Value, json};

use super::{Case, NOT_BELIEVED, Siege, ann, case, try_to_sign_in};
use crate::provider::{CLIENT_ID, Endpoint, Provider};

/// The claim has this value.
fn is(id: &str, claim: &'static str, value: Value) -> Case {
    case(format!("{id}: {claim} is {value:.60}"), move |provider| {
        provider.next_id_token(move |token| token.claim(claim, value));
    })
}

/// The claim is not there.
fn absent(id: &str, claim: &'static str) -> Case {
    case(format!("{id}: no {claim}"), move |provider| {
        provider.next_id_token(move |token| token.without(claim));
    })
}

/// The time is so many seconds from now.
fn from_now(id: &str, claim: &'static str, seconds: i64) -> Case {
    case(
        format!("{id}: {claim} is now {seconds:+}"),
        move |provider| {
            provider.next_id_token(move |token| {
                let now = token.claim_now("iat").as_i64().unwrap();
                token.claim(claim, now + seconds)
            });
        },
    )
}

/// What is no text, for a claim that has to be one.
fn no_text(id: &str, claim: &'static str, good: &str) -> Vec<Case> {
    [
        json!(null),
        json!(7),
        json!(true),
        json!([good]),
        json!({"value": good}),
        json!([]),
    ]
    .into_iter()
    .map(|value| is(id, claim, value))
    .collect()
}

/// What is no number of seconds since 1970.
fn no_time(id: &str, claim: &'static str) -> Vec<Case> {
    [
        json!("99999999999"),
        json!("2099-01-01T00:00:00Z"),
        json!(-1),
        json!("9.9999999999E10"),
        json!(-0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(null),
        json!(true),
        json!([99_999_999_999_i64]),
    ]
    .into_iter()
    .map(|value| is(id, claim, value))
    .collect()
}

fn issuers(issuer: &str) -> Vec<Case> {
    let mut cases = no_text("ID-3", "iss", issuer);
    cases.push(absent("ID-3", "iss"));
    let others = [
        "https://evil.example".to_owned(),
        String::new(),
        format!("{issuer}/"),
        format!(" {issuer}"),
        format!("{issuer}\u{0}"),
        format!("{issuer}?x"),
        format!("{issuer}#x"),
        format!("{issuer}.evil.example"),
        issuer.to_uppercase(),
        issuer.replace("http:", "https:"),
        issuer.replace("127.0.0.1", "localhost"),
        issuer.replace("//", "//user@"),
        issuer[..issuer.len() - 1].to_owned(),
    ];
    cases.extend(others.map(|other| is("ID-3", "iss", json!(other))));
    cases
}

fn audiences() -> Vec<Case> {
    let mut cases = vec![
        absent("ID-4", "aud"),
        case("ID-4: another audience, with azp for us", |provider| {
            provider.next_id_token(|token| {
                let both = json!([CLIENT_ID, "other"]);
                token.claim("aud", both).claim("azp", CLIENT_ID)
            });
        }),
    ];
    let others = [
        json!("other"),
        json!(""),
        json!("bridge-evil"),
        json!("bri"),
        json!("BRIDGE"),
        json!(" bridge"),
        json!("other bridge"),
        json!("bridge,other"),
        json!([CLIENT_ID, "other"]),
        json!(["other", CLIENT_ID]),
        json!([CLIENT_ID, null]),
        json!([[CLIENT_ID]]),
        json!([CLIENT_ID, CLIENT_ID]),
        json!([]),
        json!({"bridge": true}),
        json!(null),
        json!(7),
    ];
    cases.extend(others.map(|other| is("ID-4", "aud", other)));
    cases.extend(no_text("ID-5", "azp", CLIENT_ID));
    let parties = ["evil", "", "BRIDGE", "bridge "];
    cases.extend(parties.map(|other| is("ID-5", "azp", json!(other))));
    cases
}

fn times() -> Vec<Case> {
    let mut cases = vec![
        absent("ID-6", "exp"),
        absent("ID-6", "iat"),
        from_now("ID-6", "exp", -61),
        from_now("ID-6", "exp", -3600),
        is("ID-6", "exp", json!(0)),
        from_now("ID-6", "iat", 3600),
        from_now("ID-6", "iat", 120),
        from_now("ID-6", "iat", -660),
        is("ID-6", "iat", json!(0)),
        from_now("ID-6", "nbf", 120),
        from_now("ID-6", "nbf", 3600),
    ];
    for claim in ["exp", "iat", "nbf"] {
        cases.extend(no_time("ID-6", claim));
    }
    cases
}

fn nonces_and_subjects() -> Vec<Case> {
    let mut cases = no_text("ID-7", "nonce", "n");
    cases.extend([
        absent("ID-7", "nonce"),
        is("ID-7", "nonce", json!("")),
        is("ID-7", "nonce", json!("A".repeat(43))),
        case("ID-7: the nonce and a letter more", |provider| {
            provider.next_id_token(|token| {
                let nonce = token.claim_now("nonce").as_str().unwrap().to_owned();
                token.claim("nonce", nonce + "A")
            });
        }),
        case("ID-7: the nonce in another case", |provider| {
            provider.next_id_token(|token| {
                let nonce = token.claim_now("nonce").as_str().unwrap().to_lowercase();
                token.claim("nonce", nonce)
            });
        }),
        absent("ID-8", "sub"),
    ]);
    cases.extend(no_text("ID-8", "sub", "ann"));
    let subjects = [
        String::new(),
        "a".repeat(256),
        "a".repeat(4096),
        "ann\nadmin".to_owned(),
        "ann\r".to_owned(),
        "ann\u{0}".to_owned(),
        "ann\u{1b}[2J".to_owned(),
        "ann\u{7f}".to_owned(),
        "\u{430}nn".to_owned(),
        "ann\u{202e}".to_owned(),
        "\u{feff}ann".to_owned(),
    ];
    cases.extend(subjects.map(|subject| is("ID-8", "sub", json!(subject))));
    cases
}

fn hashes_and_events() -> Vec<Case> {
    let mut cases = no_text("ID-9", "at_hash", "x");
    cases.extend(
        ["", "A", &"A".repeat(22), &"A".repeat(43)].map(|hash| is("ID-9", "at_hash", json!(hash))),
    );
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    cases.extend(
        [logout, json!({}), json!([]), json!(null), json!("x")]
            .map(|events| is("ID-10", "events", events)),
    );
    cases.push(case(
        "ID-9: the access token of another answer",
        |provider| {
            provider.next_token_answer(|answer| answer.set("access_token", "of-another-user"));
        },
    ));
    cases.push(case(
        "ID-7: the ID token of an earlier sign-in",
        |provider: &Provider| {
            provider.next_id_token(|token| token.claim("nonce", "of-an-earlier-sign-in"));
        },
    ));
    cases
}

#[tokio::test]
async fn id_3_to_id_10_a_wrong_claim_starts_no_session() {
    let siege = Siege::lay(ann).await;
    let issuer = siege.bridge.provider.issuer().to_owned();
    let cases = [
        issuers(&issuer),
        audiences(),
        times(),
        nonces_and_subjects(),
        hashes_and_events(),
    ];
    siege
        .withstands(NOT_BELIEVED, cases.into_iter().flatten().collect())
        .await;
}

#[tokio::test]
async fn id_12_no_age_of_the_sign_in_is_asked_for_and_none_is_compared() {
    let siege = Siege::lay(ann).await;
    let provider = &siege.bridge.provider;
    for auth_time in [json!(1), json!(1.5), json!("then"), json!(null)] {
        ann(provider);
        provider.next_id_token(|token| token.claim("auth_time", auth_time).claim("acr", 0));
        let signed_in = try_to_sign_in(provider, &mut siege.bridge.browser()).await;
        assert_eq!(signed_in.status, 303, "{}", signed_in.body);
    }
    let asked = provider.last(Endpoint::Authorize).query;
    assert!(!asked.contains_key("max_age") && !asked.contains_key("acr_values"));
}
