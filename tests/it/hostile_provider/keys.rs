//! Key sets (JW-7, JW-9, AV-7).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Case, FAILED, NOT_BELIEVED, Siege, ann, case};
use crate::provider::{Answer, Endpoint, Key};

fn good() -> Key {
    Key::rs256("rs-1")
}

fn with(mut jwk: Value, member: &str, value: Value) -> Value {
    jwk[member] = value;
    jwk
}

fn number(bytes: &[u8]) -> Value {
    json!(URL_SAFE_NO_PAD.encode(bytes))
}

/// Signed with this key, while these are published.
fn signs(name: &str, key: Key, jwks: Vec<Value>) -> Case {
    case(name, move |provider| {
        provider.use_key(&key);
        provider.publish(jwks);
    })
}

/// The RSA key with one member otherwise, beside a key in order that signs nothing.
fn rsa_keys() -> Vec<Case> {
    let modulus = URL_SAFE_NO_PAD
        .decode(good().jwk()["n"].as_str().unwrap())
        .unwrap();
    let rows = [
        ("JW-7: for encryption", "use", json!("enc")),
        ("JW-7: use is a list", "use", json!(["sig"])),
        ("JW-7: key_ops without verify", "key_ops", json!(["sign"])),
        ("JW-7: key_ops is a text", "key_ops", json!("verify")),
        ("JW-7: alg RS512", "alg", json!("RS512")),
        ("JW-7: alg PS256", "alg", json!("PS256")),
        ("JW-7: alg ES256", "alg", json!("ES256")),
        ("JW-7: alg HS256", "alg", json!("HS256")),
        ("JW-7: alg none", "alg", json!("none")),
        ("JW-7: alg RSA-OAEP", "alg", json!("RSA-OAEP")),
        ("JW-7: alg is a number", "alg", json!(256)),
        ("JW-7: kid of another key", "kid", json!("other")),
        ("JW-7: kid is a number", "kid", json!(1)),
        ("JW-7: kty EC", "kty", json!("EC")),
        ("JW-7: kty oct", "kty", json!("oct")),
        ("JW-7: no kty", "kty", json!(null)),
        ("JW-7: the modulus is no base64", "n", json!("!!")),
        ("JW-7: the modulus is a number", "n", json!(12)),
        ("JW-7: no modulus", "n", json!(null)),
        ("JW-7: another modulus", "n", number(&[0xff; 256])),
        ("JW-7: half a modulus", "n", number(&modulus[..128])),
        ("AV-7: 16,384 bits", "n", number(&[0xff; 2048])),
        ("AV-7: a megabit", "n", number(&vec![0xff; 128 * 1024])),
        ("AV-7: a huge exponent", "e", number(&[0xff; 512])),
        ("AV-7: an exponent of 2048 bits", "e", number(&[0xff; 256])),
        ("JW-7: an even exponent", "e", number(&[1, 0, 0])),
        ("JW-7: an exponent of one", "e", number(&[1])),
        ("JW-7: no exponent", "e", json!("")),
    ];
    let beside = Key::es256("beside", 3).jwk();
    rows.into_iter()
        .map(|(name, member, value)| {
            let jwk = with(good().jwk(), member, value);
            signs(name, good(), vec![beside.clone(), jwk])
        })
        .collect()
}

fn weak_keys() -> Vec<Case> {
    let weak = Key::weak_rs256("weak");
    let modulus = URL_SAFE_NO_PAD
        .decode(weak.jwk()["n"].as_str().unwrap())
        .unwrap();
    let padded = number(&[vec![0; 128], modulus].concat());
    let longer = with(weak.jwk(), "n", padded);
    vec![
        signs(
            "JW-7: 1024 bits",
            weak.clone(),
            vec![good().jwk(), weak.jwk()],
        ),
        signs(
            "JW-7: 1024 bits and as many zeros",
            weak,
            vec![good().jwk(), longer],
        ),
    ]
}

/// The elliptic key with one member otherwise, beside a key in order that signs nothing.
fn elliptic_keys() -> Vec<Case> {
    let key = Key::es256("es-1", 1);
    let rows = [
        ("JW-7: a point off its curve", "y", key.jwk()["x"].clone()),
        ("JW-7: a point with x 0", "x", number(&[0; 32])),
        ("JW-7: another curve", "crv", json!("P-384")),
        ("JW-7: an unknown curve", "crv", json!("secp256k1")),
        ("JW-7: no curve", "crv", json!(null)),
        ("JW-7: a coordinate too short", "x", number(&[1; 31])),
        ("JW-7: a coordinate too long", "x", number(&[0; 33])),
        ("JW-7: alg ES384", "alg", json!("ES384")),
        ("JW-7: kty OKP", "kty", json!("OKP")),
        ("JW-7: kty RSA", "kty", json!("RSA")),
    ];
    let beside = Key::rs256("beside").jwk();
    rows.into_iter()
        .map(|(name, member, value)| {
            let jwk = with(key.jwk(), member, value);
            signs(name, key.clone(), vec![beside.clone(), jwk])
        })
        .collect()
}

fn sets() -> Vec<Case> {
    let others = |many: usize| {
        (0..many).map(|at| {
            let seed = u8::try_from(at % 250 + 1).unwrap();
            Key::es256(&format!("other-{at}"), seed).jwk()
        })
    };
    vec![
        signs(
            "JW-7: two keys of one name",
            good(),
            vec![
                good().jwk(),
                with(good().jwk(), "n", number(&vec![0xff; 256])),
            ],
        ),
        signs(
            "JW-7: no kid and several keys",
            Key::es256("", 1).nameless(),
            vec![Key::es256("a", 1).jwk(), Key::es256("b", 2).jwk()],
        ),
        signs(
            "JW-7: no kid and several keys without one",
            Key::es256("", 1).nameless(),
            vec![
                Key::es256("", 1).nameless().jwk(),
                Key::es256("", 2).nameless().jwk(),
            ],
        ),
        signs(
            "JW-7: a kid, and several keys without one",
            good(),
            vec![
                good().nameless().jwk(),
                with(good().nameless().jwk(), "n", number(&[0xff; 256])),
            ],
        ),
        case(
            "AV-7: thousands of keys before the right one",
            move |provider| {
                let mut keys: Vec<Value> = others(3000).collect();
                keys.push(good().jwk());
                provider.publish(keys);
            },
        ),
        case("AV-7: thousands of keys of one name", move |provider| {
            let other = with(good().jwk(), "n", number(&[0xff; 256]));
            provider.publish(vec![[good().jwk(), other]; 1000].concat());
        }),
    ]
}

/// With no key at all nothing can be verified, which is the provider's failure.
fn unusable_sets() -> Vec<Case> {
    let says = |name: &str, answer: Answer| {
        case(name, move |provider| {
            provider.always(Endpoint::Jwks, answer);
        })
    };
    vec![
        says("JW-9: no keys", Answer::json(200, &json!({"keys": []}))),
        says(
            "JW-9: only keys that cannot be used",
            Answer::json(
                200,
                &json!({"keys": [{"kty": "oct", "k": "AAAA"}, 7, null]}),
            ),
        ),
        says(
            "JW-9: keys is an object",
            Answer::json(200, &json!({"keys": {}})),
        ),
        says(
            "JW-9: keys is null",
            Answer::json(200, &json!({"keys": null})),
        ),
        says(
            "JW-9: no member keys",
            Answer::json(200, &json!({"key": [good().jwk()]})),
        ),
        says("JW-9: a list", Answer::json(200, &json!([good().jwk()]))),
        says("JW-9: the key itself", Answer::json(200, &good().jwk())),
        says(
            "JW-9: two members keys",
            Answer::text(
                200,
                &format!("{{\"keys\":[{0}],\"keys\":[{0}]}}", good().jwk()),
            ),
        ),
        says("JW-9: a page", Answer::html(200)),
        says("JW-9: a page with 404", Answer::html(404)),
        says(
            "JW-9: the keys with 500",
            Answer::json(500, &json!({"keys": [good().jwk()]})),
        ),
        says(
            "JW-9: the keys with 201",
            Answer::json(201, &json!({"keys": [good().jwk()]})),
        ),
        says("JW-9: nothing", Answer::bytes(200, b"")),
        says("JW-9: half of it", Answer::text(200, "{\"keys\":[")),
        says(
            "JW-9: a PEM",
            Answer::bytes(200, good().public_pem().as_bytes()),
        ),
        says("JW-9: not UTF-8", Answer::bytes(200, b"{\"keys\":\xff[]}")),
        says(
            "JW-9: nested 10,000 deep",
            Answer::text(200, &format!("{{\"keys\":{}", "[".repeat(10_000))),
        ),
    ]
}

#[tokio::test]
async fn jw_7_and_av_7_a_key_that_must_not_verify_verifies_nothing() {
    let siege = Siege::lay(ann).await;
    let cases = [rsa_keys(), weak_keys(), elliptic_keys(), sets()];
    siege
        .withstands(NOT_BELIEVED, cases.into_iter().flatten().collect())
        .await;
}

#[tokio::test]
async fn jw_9_a_key_set_without_a_key_starts_no_session_and_the_next_good_one_does() {
    let siege = Siege::lay(ann).await;
    siege.withstands(FAILED, unusable_sets()).await;
}
