//! Everything that is no logout token of this provider for this bridge, each alone:
//! 400, and the sessions that it names stay.

use serde_json::{Value, json};

use super::{PATH, log_out, refused, send, signed_in_as, taken};
use crate::bridge::TestBridge;
use crate::provider::{CLIENT_ID, CLIENT_SECRET, IdToken, Key, Place};

const KEYS_THAT_ARE_NOT_THERE: [&str; 3] = [
    "BC-1: a key that is not published",
    "BC-1: brings its own key",
    "BC-1: alg \"ES256\"",
];

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

struct Case {
    name: String,
    bend: Box<dyn FnOnce(IdToken) -> IdToken>,
}

fn case(name: &str, bend: impl FnOnce(IdToken) -> IdToken + 'static) -> Case {
    Case {
        name: name.to_owned(),
        bend: Box::new(bend),
    }
}

fn claim(row: &str, name: &'static str, value: Value) -> Case {
    case(&format!("{row}: {name} {value}"), move |token| {
        token.claim(name, value)
    })
}

fn without(row: &str, name: &'static str) -> Case {
    case(&format!("{row}: no {name}"), move |token| {
        token.without(name)
    })
}

fn typ(value: Value) -> Case {
    case(&format!("BC-7: typ {value}"), move |token| {
        token.header("typ", value)
    })
}

/// `alg` says this, and the signature is the published key's.
fn called(alg: Value) -> Case {
    case(&format!("BC-1: alg {alg}"), move |token| {
        token.header("alg", alg)
    })
}

fn signatures() -> Vec<Case> {
    let key = Key::rs256("rs-1");
    let (pem, der) = (key.public_pem(), key.public_der());
    let mut cases = vec![
        case("BC-1: unsigned", IdToken::unsigned),
        case("BC-1: one bit is wrong", IdToken::broken),
        case("BC-1: no signature", |token| {
            token.signature(|_| Vec::new())
        }),
        case("BC-1: HS256 with the client's secret", |token| {
            token.hmac(CLIENT_SECRET.as_bytes())
        }),
        case("BC-1: HS256 with the public key as PEM", move |token| {
            token.hmac(pem.as_bytes())
        }),
        case("BC-1: HS256 with the public key as DER", move |token| {
            token.hmac(&der)
        }),
        case("BC-1: a key that is not published", |token| {
            token.signed_by(&Key::es256("es-9", 9))
        }),
        case("BC-1: another key under the published name", |token| {
            token.forged_by(&Key::weak_rs256("rs-1"))
        }),
        case("BC-1: brings its own key", |token| {
            let key = Key::es256("es-9", 9);
            let jwk = key.jwk();
            token.signed_by(&key).header("jwk", jwk)
        }),
        case("BC-1: claims changed after the signature", |token| {
            token.raw("eyJhbGciOiJSUzI1NiIsImtpZCI6InJzLTEifQ.eyJzdWIiOiJhbm4ifQ.AAAA")
        }),
        case("BC-1: crit", |token| token.header("crit", json!(["x"]))),
        case("BC-1: zip", |token| token.header("zip", "DEF")),
        case("BC-1: no token at all", |token| token.raw("ann")),
        case("BC-1: encrypted", |token| token.raw("eyJ9.e30.e30.e30.e30")),
        case("BC-1: empty", |token| token.raw("")),
        case("BC-1: a member twice", |token| {
            token.claims_text(|text| text.replacen('{', "{\"sub\":\"bob\",", 1).into_bytes())
        }),
    ];
    let algs = [
        "none", "NONE", "HS256", "ES256", "PS256", "RS384", "EdDSA", "",
    ];
    cases.extend(algs.map(|alg| called(json!(alg))));
    cases.extend([json!(null), json!(["RS256"])].map(called));
    cases
}

fn claims(now: i64) -> Vec<Case> {
    let mut cases = vec![
        without("BC-2", "iss"),
        without("BC-2", "aud"),
        without("BC-2", "iat"),
        without("BC-2", "jti"),
        without("BC-3", "events"),
        claim("BC-2", "iat", json!(now - 3600)),
        claim("BC-2", "iat", json!(now + 3600)),
        claim("BC-2", "iat", json!(now.to_string())),
        claim("BC-2", "exp", json!(now - 60)),
        claim("BC-2", "exp", json!("soon")),
        claim("BC-2", "nbf", json!(now + 3600)),
        claim("BC-2", "jti", json!("")),
        claim("BC-2", "jti", json!(7)),
        claim("BC-4", "nonce", json!("n")),
        claim("BC-4", "nonce", json!(null)),
        claim("BC-5", "sub", json!("")),
        claim("BC-5", "sub", json!(7)),
        claim("BC-5", "sid", json!("")),
        claim("BC-5", "sid", json!(null)),
        claim("BC-5", "sid", json!({})),
    ];
    for iss in ["https://evil.example", "", "http://127.0.0.1"] {
        cases.push(claim("BC-2", "iss", json!(iss)));
    }
    for aud in [
        json!("another"),
        json!("BRIDGE"),
        json!([]),
        json!([CLIENT_ID, "another"]),
        json!(null),
    ] {
        cases.push(claim("BC-2", "aud", aud));
    }
    for events in [
        json!({}),
        json!(null),
        json!(EVENT),
        json!([EVENT]),
        json!([{ EVENT: {} }]),
        json!({ EVENT: [] }),
        json!({ EVENT: "" }),
        json!({ EVENT: null }),
        json!({ "http://schemas.openid.net/event/frontchannel-logout": {} }),
        json!({ "backchannel-logout": {} }),
    ] {
        cases.push(claim("BC-3", "events", events));
    }
    for word in ["at+jwt", "secevent+jwt", "JWE", "", "logout"] {
        cases.push(typ(json!(word)));
    }
    cases.extend([json!(null), json!(["logout+jwt"]), json!(1)].map(typ));
    cases
}

#[tokio::test]
async fn bc_1_bc_2_bc_3_bc_4_bc_5_bc_7_nothing_else_ends_a_session() {
    let bridge = TestBridge::start().await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    let cases = signatures().into_iter().chain(claims(bridge.now()));
    let mut in_doubt = Vec::new();
    for Case { name, bend } in cases {
        let of_ann = |token: IdToken| token.claim("sub", "ann").claim("sid", "s-1");
        let answer = log_out(&bridge, |token| bend(of_ann(token))).await;
        if answer.status == 503 {
            in_doubt.push(name.clone());
        } else {
            refused(&answer);
        }
        assert!(ann.is_signed_in().await, "{name}");
    }
    // Keys were read for one before, so a key that is not there may be newer (BC-9).
    assert_eq!(in_doubt, KEYS_THAT_ARE_NOT_THERE);
    let nameless = log_out(&bridge, |token| token).await;
    refused(&nameless);
    assert_eq!(bridge.count("logouts").await, 0);
    // And the same token with nothing wrong in it does.
    for word in ["JWT", "application/logout+jwt"] {
        taken(
            &log_out(&bridge, |token| {
                token.header("typ", word).claim("sub", "bob")
            })
            .await,
        );
    }
    let untyped = |token: IdToken| token.without_header("typ").claim("sid", "s-1");
    taken(&log_out(&bridge, untyped).await);
    assert!(!ann.is_signed_in().await);
}

#[tokio::test]
async fn bc_4_a_genuine_id_token_ends_no_session() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann").claim("sid", "s-1");
    let (sent, kept) = std::sync::mpsc::channel();
    bridge.provider.next_token_answer(move |answer| {
        let answer: Value = answer.into();
        sent.send(answer["id_token"].as_str().unwrap().to_owned())
            .unwrap();
        answer.into()
    });
    let ann = bridge.signed_in("ann").await;
    let id_token = kept.recv().unwrap();
    refused(&send(&bridge, &id_token).await);
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn bc_8_it_is_one_form_with_one_token() {
    let bridge = TestBridge::start().await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    let token = bridge
        .provider
        .logout_token(|token| token.claim("sid", "s-1"));
    let browser = bridge.browser();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let twice = format!("logout_token={token}&logout_token={token}");
    for body in [
        "",
        "logout_token",
        "logout_token=",
        "token=x",
        &twice,
        "logout_token=%ff",
    ] {
        let answer = browser.send("POST", PATH, &form, body).await;
        refused(&answer);
    }
    let as_json = [("content-type", "application/json")];
    let body = json!({ "logout_token": token }).to_string();
    let answer = browser.send("POST", PATH, &as_json, &body).await;
    assert_eq!(answer.status, 415);
    assert_eq!(answer.json()["error"], "invalid_request");
    let query = format!("{PATH}?logout_token={token}");
    refused(&browser.send("POST", &query, &form, "").await);
    assert_eq!(browser.send("GET", &query, &[], "").await.status, 405);
    let large = format!("logout_token={}", "x".repeat(300_000));
    assert_eq!(browser.send("POST", PATH, &form, &large).await.status, 413);
    let long = format!("logout_token={}", "x".repeat(70_000));
    refused(&browser.send("POST", PATH, &form, &long).await);
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn bc_9_without_keys_a_logout_token_is_to_be_sent_again() {
    let nowhere = Place::free();
    let issuer = nowhere.issuer();
    let bridge = TestBridge::start_with(&[("OIDC_ISSUER_URL", &issuer)]).await;
    let token = |token: IdToken| token.claim("iss", &*issuer).claim("sub", "ann");
    let answer = log_out(&bridge, token).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.json()["error"], "temporarily_unavailable");
}
