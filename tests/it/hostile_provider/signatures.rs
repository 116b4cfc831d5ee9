//! Algorithms and signatures (ID-1, ID-2).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Case, NOT_BELIEVED, Siege, ann, case};
use crate::provider::{CLIENT_SECRET, IdToken, Key};

/// Without `at_hash`, whose check would refuse some of these by itself.
pub(super) fn token(name: &str, bend: impl FnOnce(IdToken) -> IdToken + Send + 'static) -> Case {
    case(name, move |provider| {
        provider.next_id_token(|token| bend(token.without("at_hash")));
    })
}

fn unsigned(alg: Value) -> Case {
    token(&format!("ID-2: alg {alg}, no signature"), move |token| {
        token.unsigned().header("alg", alg)
    })
}

/// Signed with the published key, whatever `alg` says.
fn called(alg: Value) -> Case {
    token(&format!("ID-2: signed, and alg {alg}"), move |token| {
        token.header("alg", alg)
    })
}

fn hmac(name: &str, key: Vec<u8>) -> Case {
    token(&format!("ID-2: HS256 with {name}"), move |token| {
        token.hmac(&key)
    })
}

fn algorithms() -> Vec<Case> {
    let key = Key::rs256("rs-1");
    let jwk = key.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let mut cases: Vec<Case> = [
        json!("none"),
        json!("None"),
        json!("NONE"),
        json!("nOnE"),
        json!("none "),
        json!(""),
        json!("RS256"),
        json!(null),
        json!([]),
        json!(0),
    ]
    .map(unsigned)
    .into();
    cases.extend(
        [
            "ES256", "ES384", "ES512", "PS256", "RS384", "RS512", "EdDSA", "HS256", "rs256",
            "RSA-OAEP", "dir", "A128KW", "none",
        ]
        .map(|alg| called(json!(alg))),
    );
    cases.extend([json!(["RS256"]), json!({"alg": "RS256"}), json!(null)].map(called));
    cases.extend([
        hmac("the client's secret", CLIENT_SECRET.into()),
        hmac("the public key as PEM", key.public_pem().into()),
        hmac(
            "the public key as PEM, no last line end",
            key.public_pem().trim_end().into(),
        ),
        hmac("the public key as DER", key.public_der()),
        hmac("the public key as JWK", jwk.to_string().into()),
        hmac("the modulus", modulus),
        hmac("the modulus in letters", jwk["n"].as_str().unwrap().into()),
        hmac("nothing", Vec::new()),
        token("ID-2: HS512 with the client's secret", |token| {
            token.hmac(CLIENT_SECRET.as_bytes()).header("alg", "HS512")
        }),
        token("ID-2: no alg", |token| token.without_header("alg")),
        token("ID-2: alg b64 unencoded", |token| {
            token.header("b64", false).header("crit", json!(["b64"]))
        }),
    ]);
    cases
}

fn signatures() -> Vec<Case> {
    vec![
        token("ID-1: one bit", IdToken::broken),
        token("ID-1: none, and alg RS256", |token| {
            token.unsigned().header("alg", "RS256")
        }),
        token("ID-1: a byte short", |token| {
            token.signature(|mut signature| {
                signature.pop();
                signature
            })
        }),
        token("ID-1: a byte more", |token| {
            token.signature(|mut signature| {
                signature.push(0);
                signature
            })
        }),
        token("ID-1: a zero before it", |token| {
            token.signature(|signature| [&[0], signature.as_slice()].concat())
        }),
        token("ID-1: zeros", |token| {
            token.signature(|signature| vec![0; signature.len()])
        }),
        token("ID-1: 30,000 bytes of it", |token| {
            token.signature(|_| vec![1; 30_000])
        }),
        token("ID-1: of the claims alone", |token| {
            let key = Key::rs256("rs-1");
            let signed = key.sign(&token.claim_now("iss").to_string());
            token.signature(move |_| signed)
        }),
        token("ID-1: ES256 under the name of the RSA key", |token| {
            token.forged_by(&Key::es256("rs-1", 9))
        }),
        token("ID-1: other claims than were signed", |token| {
            let written = token.claim_now("sub");
            token
                .claims_text(move |text| {
                    assert!(written.is_string());
                    text.into_bytes()
                })
                .signature(|_| Key::rs256("rs-1").sign("e30.e30"))
        }),
    ]
}

#[tokio::test]
async fn id_1_and_id_2_no_signature_but_the_right_one_signs_in() {
    let siege = Siege::lay(ann).await;
    let cases = [algorithms(), signatures()];
    siege
        .withstands(NOT_BELIEVED, cases.into_iter().flatten().collect())
        .await;
}

/// A signature of two numbers has one form in a JWS (RFC 7518 §3.4), and others
/// elsewhere.
#[tokio::test]
async fn id_1_an_elliptic_signature_in_another_form_starts_no_session() {
    let siege = Siege::lay(|provider| {
        ann(provider);
        provider.use_key(&Key::es256("es-1", 1));
    })
    .await;
    let bent = |name: &str, bend: fn(Vec<u8>) -> Vec<u8>| {
        token(&format!("ID-1: {name}"), move |token| token.signature(bend))
    };
    let cases = vec![
        bent("in ASN.1", |raw| {
            let signature = p256::ecdsa::Signature::from_slice(&raw).unwrap();
            signature.to_der().as_bytes().to_vec()
        }),
        bent("the two numbers exchanged", |raw| {
            [&raw[32..], &raw[..32]].concat()
        }),
        bent("zeros, which once passed everywhere", |_| vec![0; 64]),
        bent("the first number alone", |raw| raw[..32].to_vec()),
        bent("longer", |raw| [raw.as_slice(), &[0; 2]].concat()),
        bent("nothing", |_| Vec::new()),
        bent("r is the order", |raw| {
            let order = [
                0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
                0x25, 0x51,
            ];
            [&order, &raw[32..]].concat()
        }),
        token("ID-1: of another key with that name", |token| {
            token.forged_by(&Key::es256("es-1", 2))
        }),
        token("ID-2: RS256 with an elliptic key", |token| {
            token.header("alg", "RS256")
        }),
        token("ID-2: ES384 with a key of P-256", |token| {
            token.header("alg", "ES384")
        }),
    ];
    siege.withstands(NOT_BELIEVED, cases).await;
}
