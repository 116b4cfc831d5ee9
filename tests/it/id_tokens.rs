//! ID tokens that must sign nobody in, through the whole bridge (ID-1 to ID-11).
//!
//! The unit tests of `upstream::id_token` have every detail; here each row is
//! seen to reach the door: no session, no cookie, a page that says so.

use serde_json::{Value, json};

use crate::bridge::{TestBridge, path_of};
use crate::callback::come_back;
use crate::provider::{CLIENT_ID, CLIENT_SECRET, Endpoint, IdToken, Key};

type Bend = Box<dyn FnOnce(IdToken) -> IdToken + Send>;

fn row(
    id: &'static str,
    bend: impl FnOnce(IdToken) -> IdToken + Send + 'static,
) -> (&'static str, Bend) {
    (id, Box::new(bend))
}

fn claim(id: &'static str, name: &'static str, value: impl Into<Value>) -> (&'static str, Bend) {
    let value = value.into();
    row(id, move |token| token.claim(name, value))
}

/// Every row with a token that bends it.
fn rows(issuer: &str) -> Vec<(&'static str, Bend)> {
    let published = Key::rs256("rs-1").jwk().to_string();
    let in_capitals = issuer.replace("http", "HTTP");
    let logout = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    vec![
        row("ID-1 one bit", IdToken::broken),
        row("ID-1 another's key", |token| {
            token.forged_by(&Key::es256("rs-1", 9))
        }),
        row("ID-1 no signature", |token| {
            token.unsigned().header("alg", "RS256")
        }),
        // Without `at_hash`: its check would refuse some of these by itself.
        row("ID-2 none", |token| token.without("at_hash").unsigned()),
        row("ID-2 None", |token| {
            token.without("at_hash").unsigned().header("alg", "None")
        }),
        row("ID-2 nOnE", |token| {
            token.without("at_hash").unsigned().header("alg", "nOnE")
        }),
        row("ID-2 secret", |token| {
            token.without("at_hash").hmac(CLIENT_SECRET.as_bytes())
        }),
        row("ID-2 public key", move |token| {
            token.without("at_hash").hmac(published.as_bytes())
        }),
        claim("ID-3 host", "iss", "https://evil.example"),
        claim("ID-3 slash", "iss", format!("{issuer}/")),
        claim("ID-3 case", "iss", in_capitals),
        claim("ID-3 list", "iss", json!([issuer])),
        row("ID-3 absent", |token| token.without("iss")),
        claim("ID-4 other", "aud", "other"),
        claim("ID-4 longer", "aud", "bridge-evil"),
        claim("ID-4 shorter", "aud", "bri"),
        claim("ID-4 case", "aud", "BRIDGE"),
        claim("ID-4 one more", "aud", json!([CLIENT_ID, "other"])),
        row("ID-4 one more, for us", |token| {
            let aud = json!([CLIENT_ID, "other"]);
            token.claim("aud", aud).claim("azp", CLIENT_ID)
        }),
        claim("ID-4 nobody", "aud", json!([])),
        row("ID-4 absent", |token| token.without("aud")),
        claim("ID-5", "azp", "evil"),
        claim("ID-6 expired", "exp", 1),
        claim("ID-6 text", "exp", "99999999999"),
        claim("ID-6 not yet", "nbf", 99_999_999_999_i64),
        row("ID-6 absent", |token| token.without("iat")),
        claim(
            "ID-7 other",
            "nonce",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        ),
        row("ID-7 absent", |token| token.without("nonce")),
        claim("ID-7 list", "nonce", json!(["n"])),
        claim("ID-8 empty", "sub", ""),
        row("ID-8 absent", |token| token.without("sub")),
        claim("ID-8 number", "sub", 7),
        claim("ID-8 long", "sub", "a".repeat(256)),
        claim("ID-8 line end", "sub", "ann\nadmin"),
        claim("ID-8 not ASCII", "sub", "\u{430}nn"),
        claim("ID-9", "at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
        claim("ID-10 events", "events", logout),
        row("ID-10 typ", |token| token.header("typ", "at+jwt")),
        row("ID-11 crit", |token| token.header("crit", json!(["x"]))),
        row("ID-11 encrypted", |token| token.raw("e30.e30.e30.e30.e30")),
        row("ID-15", |token| token.claim("padding", "x".repeat(100_000))),
    ]
}

#[tokio::test]
async fn id_1_to_id_11_a_bent_id_token_signs_nobody_in() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann").groups(["viewers"]);
    let mut let_in = Vec::new();
    for (id, bend) in rows(bridge.provider.issuer()) {
        bridge.provider.next_id_token(bend);
        let mut ann = bridge.browser();
        let back = come_back(&bridge.provider, &mut ann, "ann").await;
        let answer = ann.get(&path_of(&back)).await;
        let refused = answer.status == 400
            && answer.body.contains("<code>answer_refused</code>")
            && answer.body.contains("did not pass the checks")
            && ann.session().is_none()
            && ann.peek("/api/session").await.status == 401
            && bridge.count("sessions").await == 0;
        if !refused {
            let_in.push(id);
            sqlx::query("DELETE FROM sessions")
                .execute(&bridge.db)
                .await
                .unwrap();
        }
    }
    assert!(let_in.is_empty(), "{let_in:?}");
    assert_eq!(bridge.provider.hits(Endpoint::Elsewhere), 0);

    // The same without a bend, and with bends that do no harm.
    bridge.signed_in("ann").await;
    let good = |token: IdToken| {
        token
            .claim("aud", json!([CLIENT_ID]))
            .claim("azp", CLIENT_ID)
    };
    bridge.provider.next_id_token(good);
    bridge.signed_in("ann").await;
}

#[tokio::test]
async fn id_7_the_id_token_of_an_earlier_sign_in_signs_nobody_in() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.signed_in("ann").await;
    let earlier = bridge.provider.last(Endpoint::Authorize).query["nonce"].clone();

    bridge
        .provider
        .next_id_token(move |token| token.claim("nonce", earlier));
    let mut eve = bridge.browser();
    let back = come_back(&bridge.provider, &mut eve, "ann").await;

    assert_eq!(eve.get(&path_of(&back)).await.status, 400);
    assert_eq!(bridge.count("sessions").await, 1);
}

#[tokio::test]
async fn id_8_one_address_and_two_subjects_are_two_people() {
    let bridge = TestBridge::start().await;
    bridge
        .map("crew", &["red5-publisher"], &["WHIP"], &["stage"])
        .await;
    for (name, group) in [("ann", "crew"), ("eve", "guests")] {
        bridge
            .provider
            .person(name)
            .groups([group])
            .claim("email", "ann@example.com")
            .claim("email_verified", true)
            .claim("preferred_username", "ann");
    }
    let (ann, eve) = (bridge.signed_in("ann").await, bridge.signed_in("eve").await);

    assert_eq!(ann.token(json!({})).await.status, 200);
    assert_eq!(eve.token(json!({})).await.code(), "no_grant");
    let who = |session: Value| session["identity"]["subject"].clone();
    assert_eq!(who(ann.peek("/api/session").await.json()), "ann");
    assert_eq!(who(eve.peek("/api/session").await.json()), "eve");
}

#[tokio::test]
async fn id_13_a_groups_claim_of_any_shape_gives_no_more_than_it_says() {
    let bridge = TestBridge::start().await;
    bridge
        .map("viewers", &["red5-subscriber"], &["WHEP"], &["lobby"])
        .await;
    let many: Vec<String> = (0..2000).map(|number| format!("group-{number}")).collect();
    for (claim, groups, status) in [
        (json!(["viewers"]), json!(["viewers"]), 200),
        (json!("viewers"), json!(["viewers"]), 200),
        (json!("viewers,admins"), json!(["viewers,admins"]), 403),
        (json!([["viewers"]]), json!([]), 403),
        (json!({"viewers": true}), json!([]), 403),
        (json!([7, null, {"name": "viewers"}]), json!([]), 403),
        (json!(true), json!([]), 403),
        (json!(7), json!([]), 403),
        (json!(null), json!([]), 403),
        (json!([]), json!([]), 403),
        (
            json!(["", "Viewers", "viewers "]),
            json!(["Viewers", "viewers "]),
            403,
        ),
        (json!(["viewers\u{0}"]), json!([]), 403),
        (json!(many), json!(sorted(&many)), 403),
    ] {
        bridge.provider.person("ann").claim("groups", claim.clone());
        let ann = bridge.signed_in("ann").await;
        let session = ann.peek("/api/session").await.json();
        assert_eq!(session["identity"]["groups"], groups, "{claim}");
        assert_eq!(session["administrator"], false);
        assert_eq!(ann.token(json!({})).await.status, status, "{claim}");
    }
}

fn sorted(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}
