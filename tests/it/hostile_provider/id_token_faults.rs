//! Everything that can be wrong with an ID token, each with what has to be found: one table, run by
//! the unit tests of `oidc::id_token`, and by `hostile_provider` through the whole bridge.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, IdToken, Key};

/// One thing that is wrong.
pub struct Fault {
    pub name: String,
    /// The code of the flaw, without `id_token_`.
    pub flaw: &'static str,
    pub bend: Box<dyn FnOnce(IdToken) -> IdToken + Send>,
}

fn fault(
    flaw: &'static str,
    name: impl Into<String>,
    bend: impl FnOnce(IdToken) -> IdToken + Send + 'static,
) -> Fault {
    Fault {
        name: name.into(),
        flaw,
        bend: Box::new(bend),
    }
}

/// Without `at_hash`, whose check would refuse some of these by itself.
fn bare(
    flaw: &'static str,
    name: impl Into<String>,
    bend: impl FnOnce(IdToken) -> IdToken + Send + 'static,
) -> Fault {
    fault(flaw, name, |token| bend(token.without("at_hash")))
}

/// The claim has this value.
fn is(flaw: &'static str, id: &str, claim: &'static str, value: Value) -> Fault {
    fault(
        flaw,
        format!("{id}: {claim} is {value:.60}"),
        move |token| token.claim(claim, value),
    )
}

fn absent(flaw: &'static str, id: &str, claim: &'static str) -> Fault {
    fault(flaw, format!("{id}: no {claim}"), move |token| {
        token.without(claim)
    })
}

/// What is no text, for a claim that has to be one.
fn no_text(flaw: &'static str, id: &str, claim: &'static str, good: &str) -> Vec<Fault> {
    [
        json!(null),
        json!(7),
        json!(true),
        json!([good]),
        json!({"value": good}),
        json!([]),
    ]
    .into_iter()
    .map(|value| is(flaw, id, claim, value))
    .collect()
}

/// ID-3 to ID-10: every claim that decides something, wrong in every way.
pub fn claims(issuer: &str) -> Vec<Fault> {
    [
        issuers(issuer),
        audiences(),
        parties(),
        times(),
        nonces(),
        subjects(),
        hashes_and_events(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn issuers(issuer: &str) -> Vec<Fault> {
    let mut faults = no_text("issuer", "ID-3", "iss", issuer);
    faults.push(absent("issuer", "ID-3", "iss"));
    let others = [
        "https://evil.example".to_owned(),
        String::new(),
        format!("{issuer}/"),
        format!(" {issuer}"),
        format!("{issuer}\u{0}"),
        format!("{issuer}?x"),
        format!("{issuer}#x"),
        format!("{issuer}:443"),
        format!("{issuer}.evil.example"),
        issuer.to_uppercase(),
        issuer.replacen("http:", "https:", 1),
        issuer.replacen("https:", "http:", 1),
        issuer.replace("127.0.0.1", "localhost"),
        issuer.replace("//", "//user@"),
        issuer[..issuer.len() - 1].to_owned(),
    ];
    let others = others.into_iter().filter(|other| other != issuer);
    faults.extend(others.map(|other| is("issuer", "ID-3", "iss", json!(other))));
    faults
}

fn audiences() -> Vec<Fault> {
    let mut faults = vec![
        absent("audience", "ID-4", "aud"),
        is(
            "authorized_party",
            "ID-5",
            "aud",
            json!([CLIENT_ID, CLIENT_ID]),
        ),
        fault(
            "authorized_party",
            "ID-5: two audiences, and azp of another",
            |token| {
                let both = json!([CLIENT_ID, CLIENT_ID]);
                token.claim("aud", both).claim("azp", "evil")
            },
        ),
    ];
    for other in [
        json!("other"),
        json!(""),
        json!("bridge-evil"),
        json!("bridge2"),
        json!("bridg"),
        json!("bri"),
        json!("BRIDGE"),
        json!(" bridge"),
        json!("other bridge"),
        json!("bridge,other"),
        json!([CLIENT_ID, "other"]),
        json!(["other", CLIENT_ID]),
        json!([CLIENT_ID, null]),
        json!([[CLIENT_ID]]),
        json!([]),
        json!({"bridge": true}),
        json!(null),
        json!(7),
    ] {
        let name = format!("ID-4: aud is {other}, with azp for this client");
        faults.push(is("audience", "ID-4", "aud", other.clone()));
        faults.push(fault("audience", name, |token| {
            token.claim("aud", other).claim("azp", CLIENT_ID)
        }));
    }
    faults
}

fn parties() -> Vec<Fault> {
    let flaw = "authorized_party";
    let mut faults = no_text(flaw, "ID-5", "azp", CLIENT_ID);
    let others = ["evil", "", "BRIDGE", "bridge "];
    faults.extend(others.map(|other| is(flaw, "ID-5", "azp", json!(other))));
    faults
}

fn times() -> Vec<Fault> {
    // The time is so many seconds from now.
    let from_now = |flaw, claim: &'static str, seconds: i64| {
        let name = format!("ID-6: {claim} is now {seconds:+}");
        fault(flaw, name, move |token| {
            let now = token.claim_now("iat").as_i64().unwrap();
            token.claim(claim, now + seconds)
        })
    };
    let mut faults = vec![
        absent("time", "ID-6", "exp"),
        absent("time", "ID-6", "iat"),
        from_now("expired", "exp", -61),
        from_now("expired", "exp", -3600),
        is("expired", "ID-6", "exp", json!(0)),
        is("expired", "ID-6", "exp", json!(1)),
        from_now("issued_at", "iat", 3600),
        from_now("issued_at", "iat", 120),
        from_now("issued_at", "iat", -660),
        is("issued_at", "ID-6", "iat", json!(0)),
        from_now("not_before", "nbf", 120),
        from_now("not_before", "nbf", 3600),
    ];
    // What is no number of seconds since 1970.
    for claim in ["exp", "iat", "nbf"] {
        let values = [
            json!("99999999999"),
            json!("2099-01-01T00:00:00Z"),
            json!("2026-11-24T12:00:00Z"),
            json!(-1),
            json!("9.9999999999E10"),
            json!("1.788E9"),
            json!(-0.5),
            json!(1e300),
            json!(u64::MAX),
            json!(i64::MAX),
            json!(null),
            json!(true),
            json!([1_795_521_600]),
            json!([99_999_999_999_i64]),
        ];
        faults.extend(values.map(|value| is("time", "ID-6", claim, value)));
    }
    faults
}

fn nonces() -> Vec<Fault> {
    let changed = |name: &str, change: fn(&str) -> String| {
        fault("nonce", format!("ID-7: the nonce {name}"), move |token| {
            let nonce = token.claim_now("nonce");
            token.claim("nonce", change(nonce.as_str().unwrap()))
        })
    };
    let mut faults = no_text("nonce", "ID-7", "nonce", "n");
    faults.extend([
        absent("nonce", "ID-7", "nonce"),
        is("nonce", "ID-7", "nonce", json!("")),
        is("nonce", "ID-7", "nonce", json!("other")),
        is("nonce", "ID-7", "nonce", json!("A".repeat(43))),
        is("nonce", "ID-7", "nonce", json!("of-an-earlier-sign-in")),
        changed("and a letter more", |nonce| format!("{nonce}A")),
        changed("but its last letter", |nonce| {
            nonce[..nonce.len() - 1].to_owned()
        }),
        changed("in another case", |nonce| {
            let lower = nonce.to_lowercase();
            if lower == nonce {
                nonce.to_uppercase()
            } else {
                lower
            }
        }),
        fault("nonce", "ID-7: the nonce in a list", |token| {
            let nonce = token.claim_now("nonce");
            token.claim("nonce", json!([nonce]))
        }),
    ]);
    faults
}

fn subjects() -> Vec<Fault> {
    let mut faults = no_text("subject", "ID-8", "sub", "ann");
    faults.push(absent("subject", "ID-8", "sub"));
    let subjects = [
        String::new(),
        "a".repeat(256),
        "a".repeat(4096),
        "ann\nadmin".to_owned(),
        "ann\r".to_owned(),
        "\t".to_owned(),
        "ann\u{0}".to_owned(),
        "ann\u{1b}[2J".to_owned(),
        "ann\u{1f}".to_owned(),
        "ann\u{7f}".to_owned(),
        "änn".to_owned(),
        "\u{430}nn".to_owned(),
        "ann\u{202e}".to_owned(),
        "\u{feff}ann".to_owned(),
    ];
    faults.extend(subjects.map(|subject| is("subject", "ID-8", "sub", json!(subject))));
    faults
}

fn hashes_and_events() -> Vec<Fault> {
    let flaw = "access_token_hash";
    let mut faults = no_text(flaw, "ID-9", "at_hash", "x");
    let hashes = ["", "A", "x", &"A".repeat(22), &"A".repeat(43)];
    faults.extend(hashes.map(|hash| is(flaw, "ID-9", "at_hash", json!(hash))));
    faults.push(fault(flaw, "ID-9: a letter less", |token| {
        let right = token.claim_now("at_hash");
        token.claim("at_hash", &right.as_str().unwrap()[1..])
    }));
    faults.push(fault(flaw, "ID-9: the right one in a list", |token| {
        let right = token.claim_now("at_hash");
        token.claim("at_hash", json!([right]))
    }));
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    let events = [logout, json!({}), json!([]), json!(null), json!("x")];
    faults.extend(events.map(|events| is("logout_token", "ID-10", "events", events)));
    faults
}

/// ID-1 and ID-2: algorithms and signatures, of a provider that signs with RS256.
pub fn signatures() -> Vec<Fault> {
    let mut faults = algorithms();
    faults.extend(macs());
    faults.extend([
        bare("signature", "ID-1: one bit", IdToken::broken),
        bare("signature", "ID-1: none, and alg RS256", |token| {
            token.unsigned().header("alg", "RS256")
        }),
        bare("signature", "ID-1: a byte short", |token| {
            token.signature(|mut signature| {
                signature.pop();
                signature
            })
        }),
        bare("signature", "ID-1: a byte more", |token| {
            token.signature(|mut signature| {
                signature.push(0);
                signature
            })
        }),
        bare("signature", "ID-1: a zero before it", |token| {
            token.signature(|signature| [&[0], signature.as_slice()].concat())
        }),
        bare("signature", "ID-1: zeros", |token| {
            token.signature(|signature| vec![0; signature.len()])
        }),
        bare("signature", "ID-1: 30,000 bytes of it", |token| {
            token.signature(|_| vec![1; 30_000])
        }),
        bare("signature", "ID-1: of the claims alone", |token| {
            let signed = Key::rs256("rs-1").sign(&token.claim_now("iss").to_string());
            token.signature(move |_| signed)
        }),
        bare("signature", "ID-1: of another token", |token| {
            token.signature(|_| Key::rs256("rs-1").sign("e30.e30"))
        }),
        bare(
            "signature",
            "ID-1: ES256 under the name of the RSA key",
            |token| token.forged_by(&Key::es256("rs-1", 9)),
        ),
        bare(
            "unknown_key",
            "ID-1: a key that is not published",
            |token| token.signed_by(&Key::es256("es-9", 9)),
        ),
    ]);
    faults
}

fn algorithms() -> Vec<Fault> {
    let unsigned = |alg: Value| {
        let name = format!("ID-2: alg {alg}, no signature");
        bare("algorithm", name, move |token| {
            token.unsigned().header("alg", alg)
        })
    };
    // Signed with the published key, whatever `alg` says.
    let called = |alg: Value| {
        let flaw = if alg == "ES256" {
            "unknown_key"
        } else {
            "algorithm"
        };
        let name = format!("ID-2: signed, and alg {alg}");
        bare(flaw, name, move |token| token.header("alg", alg))
    };
    let mut faults = vec![
        bare("algorithm", "ID-2: no alg", |token| {
            token.without_header("alg")
        }),
        bare("type", "ID-2: alg b64 unencoded", |token| {
            token.header("b64", false).header("crit", json!(["b64"]))
        }),
    ];
    for alg in [
        json!("none"),
        json!("None"),
        json!("NONE"),
        json!("nOnE"),
        json!("none "),
        json!(""),
        json!("rs256"),
        json!(" RS256"),
        json!("RS256 "),
        json!(null),
        json!([]),
        json!(["RS256"]),
        json!({"alg": "RS256"}),
        json!(0),
    ] {
        faults.push(unsigned(alg.clone()));
        faults.push(called(alg));
    }
    faults.extend(
        [
            "ES256", "ES384", "ES512", "PS256", "RS384", "RS512", "EdDSA", "HS256", "RSA-OAEP",
            "dir", "A128KW",
        ]
        .map(|alg| called(json!(alg))),
    );
    faults
}

/// Keyed with everything that is not secret, and with the one secret that the client shares.
fn macs() -> Vec<Fault> {
    let key = Key::rs256("rs-1");
    let jwk = key.jwk();
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let keys: [(&str, Vec<u8>); 8] = [
        ("the client's secret", CLIENT_SECRET.into()),
        ("the public key as PEM", key.public_pem().into()),
        (
            "the public key as PEM, no last line end",
            key.public_pem().trim_end().into(),
        ),
        ("the public key as DER", key.public_der()),
        ("the public key as JWK", jwk.to_string().into()),
        ("the modulus", modulus),
        ("the modulus in letters", jwk["n"].as_str().unwrap().into()),
        ("nothing", Vec::new()),
    ];
    let mut faults = Vec::new();
    for alg in ["HS256", "HS384", "HS512"] {
        for (name, key) in keys.clone() {
            let name = format!("ID-2: {alg} with {name}");
            faults.push(bare("algorithm", name, move |token| {
                token.hmac(&key).header("alg", alg)
            }));
        }
    }
    faults
}

/// ID-1 and ID-2, of a provider that signs with `es-1`: a signature of two numbers has one form in a
/// JWS (RFC 7518 §3.4), and others elsewhere.
pub fn elliptic_signatures() -> Vec<Fault> {
    let bent = |name: &str, bend: fn(Vec<u8>) -> Vec<u8>| {
        bare("signature", format!("ID-1: {name}"), move |token| {
            token.signature(bend)
        })
    };
    vec![
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
        bare(
            "signature",
            "ID-1: of another key with that name",
            |token| token.forged_by(&Key::es256("es-1", 2)),
        ),
        bare(
            "signature",
            "ID-11: of another key with that name, which it brings along",
            |token| {
                bring(
                    token.forged_by(&Key::es256("es-1", 2)),
                    "https://evil.example",
                )
            },
        ),
        bare("unknown_key", "ID-2: RS256 with an elliptic key", |token| {
            token.header("alg", "RS256")
        }),
        bare("algorithm", "ID-2: ES384 with a key of P-256", |token| {
            token.header("alg", "ES384")
        }),
    ]
}

/// A header that offers a key of another signer.
pub fn bring(token: IdToken, place: &str) -> IdToken {
    token
        .header("jwk", Key::es256("eve", 9).jwk())
        .header("jku", place)
        .header("x5u", place)
        .header("x5c", json!(["MIIB"]))
}

/// ID-10, ID-11 and ID-15: headers that say something else, and what is no token at all. At `place`
/// lie keys of another signer.
pub fn forms(place: &str) -> Vec<Fault> {
    let mut faults = headers(place);
    faults.extend(texts());
    faults
}

fn headers(place: &str) -> Vec<Fault> {
    let member = |flaw, id: &str, name: &'static str, value: Value| {
        bare(flaw, format!("{id}: {name} {value:.60}"), move |token| {
            token.header(name, value)
        })
    };
    let types = [
        json!("at+jwt"),
        json!("application/at+jwt"),
        json!("imagination/jwt"),
        json!("logout+jwt"),
        json!("secevent+jwt"),
        json!("JWE"),
        json!("JOSE"),
        json!("jwt2"),
        json!(""),
        json!(null),
        json!(["JWT"]),
        json!(1),
    ];
    let mut faults = Vec::from(types.map(|value| member("type", "ID-10", "typ", value)));
    for (flaw, name, values) in [
        (
            "type",
            "crit",
            vec![
                json!(["exp"]),
                json!(["b64"]),
                json!([]),
                json!("b64"),
                json!(null),
            ],
        ),
        (
            "type",
            "cty",
            vec![json!("JWT"), json!("json"), json!(null)],
        ),
        ("compressed", "zip", vec![json!("DEF"), json!(null)]),
        (
            "unknown_key",
            "kid",
            vec![
                json!(1),
                json!(["rs-1"]),
                json!("two"),
                json!("../../dev/null"),
                json!("rs-1' OR '1'='1"),
                json!("a".repeat(10_000)),
            ],
        ),
    ] {
        faults.extend(
            values
                .into_iter()
                .map(|value| member(flaw, "ID-11", name, value)),
        );
    }
    for name in ["eve", "rs-1"] {
        let place = place.to_owned();
        faults.push(bare(
            "unknown_key",
            format!("ID-11: jwk, jku, x5u and x5c of another signer, called {name}"),
            move |token| bring(token.signed_by(&Key::es256(name, 9)), &place),
        ));
    }
    faults
}

fn texts() -> Vec<Fault> {
    let raw = |flaw, name: &'static str, text: String| {
        bare(flaw, format!("ID-15: {name}"), move |token| {
            token.raw(&text)
        })
    };
    let parts = |name, text: String| raw("parts", name, text);
    let unreadable = |name, text: &str| raw("unreadable", name, text.to_owned());
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let mut faults = vec![
        parts("nothing", String::new()),
        parts("a word", "x".to_owned()),
        parts("two parts", "e30.e30".to_owned()),
        parts("four parts", "e30.e30.e30.e30".to_owned()),
        parts("five parts, encrypted", "e30.e30.e30.e30.e30".to_owned()),
        parts("five parts, none within", format!("{none}.e30.e30.e30.e30")),
        parts("thousands of dots", ".".repeat(60_000)),
        parts(
            "a JWS as JSON",
            r#"{"payload":"e30","signatures":[]}"#.to_owned(),
        ),
        unreadable("dots", ".."),
        unreadable("no base64", "!.!.!"),
        unreadable("padded base64", "e30=.e30=.e30="),
        unreadable("base64 of the other alphabet", "+/+/.+/+/.+/+/"),
        unreadable("no JSON", "AAAA.AAAA.AAAA"),
        unreadable("lists", "W10.W10.W10"),
        unreadable("null", "bnVsbA.bnVsbA.bnVsbA"),
        unreadable("not ASCII", "\u{430}.\u{430}.\u{430}"),
        raw("algorithm", "empty objects", "e30.e30.e30".to_owned()),
        bare("unreadable", "ID-15: a second alg in the header", |token| {
            token.header_text(|text| format!("{{\"alg\":\"none\",{}", &text[1..]).into())
        }),
        bare("unreadable", "ID-15: a second kid in the header", |token| {
            token.header_text(|text| format!("{{\"kid\":\"one\",{}", &text[1..]).into())
        }),
        bare("unreadable", "ID-15: a header that is a text", |token| {
            token.header_text(|_| "\"x\"".into())
        }),
    ];
    faults.extend(signed_texts());
    faults
}

/// Claims that are written otherwise, and signed so.
fn signed_texts() -> Vec<Fault> {
    let deep = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let first = move |member: String| move |text: String| format!("{{{member},{}", &text[1..]);
    let written = |name: &str, write: Box<dyn FnOnce(String) -> Vec<u8> + Send>| {
        bare(
            "unreadable",
            format!("ID-15: {name}, signed"),
            move |token| token.claims_text(write),
        )
    };
    let with_first = |name: &str, member: String| {
        written(name, Box::new(move |text| first(member)(text).into()))
    };
    let last = |name: &str, member: &'static str| {
        written(
            name,
            Box::new(move |text| format!("{},{member}}}", &text[..text.len() - 1]).into()),
        )
    };
    vec![
        with_first(
            "claims nested 10,000 deep",
            format!("\"a\":{}", deep(10_000)),
        ),
        with_first("claims nested 200 deep", format!("\"a\":{}", deep(200))),
        written(
            "a list nested 10,000 deep",
            Box::new(move |_| deep(10_000).into()),
        ),
        with_first("a second sub", "\"sub\":\"admin\"".to_owned()),
        with_first(
            "a second sub, its name escaped",
            "\"\\u0073ub\":\"admin\"".to_owned(),
        ),
        last("a second groups", "\"groups\":[\"streaming-admins\"]"),
        last(
            "a second list below the top",
            "\"x\":{\"roles\":[\"a\"],\"roles\":[\"b\"]}",
        ),
        written(
            "claims that are not UTF-8",
            Box::new(|text| {
                let bytes = text.replace("ann", "\u{1}").into_bytes();
                let bytes = bytes.into_iter();
                bytes
                    .map(|byte| if byte == 1 { 0xff } else { byte })
                    .collect()
            }),
        ),
        written(
            "claims after a byte order mark",
            Box::new(|text| format!("\u{feff}{text}").into()),
        ),
        written(
            "claims and something behind them",
            Box::new(|text| format!("{text}{{}}").into()),
        ),
        written(
            "claims in another base64",
            Box::new(|text| STANDARD.encode(text).into()),
        ),
        written("no claims", Box::new(|_| Vec::new())),
        written("claims that are a list", Box::new(|_| b"[]".to_vec())),
        written(
            "half of the claims",
            Box::new(|text| text[..text.len() / 2].into()),
        ),
    ]
}

/// ID-15: longer than 64 KiB.
pub fn too_large() -> Vec<Fault> {
    vec![
        bare("too_large", "ID-15: 100,000 bytes", |token| {
            token.raw(&("e30.".to_owned() + &"A".repeat(100_000)))
        }),
        bare(
            "too_large",
            "ID-15: claims of 100,000 bytes, signed",
            |token| token.claim("padding", "x".repeat(100_000)),
        ),
        bare(
            "too_large",
            "ID-15: a signature of 200,000 bytes",
            |token| token.signature(|_| vec![1; 200_000]),
        ),
    ]
}
