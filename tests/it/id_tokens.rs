//! The identity that an ID token gives, through the whole bridge (ID-7, ID-8, ID-13).
//!
//! `hostile_provider` has every token that is wrong, the unit tests of
//! `oidc::id_token` every check by itself.

use serde_json::{Value, json};

use crate::bridge::{TestBridge, path_of};
use crate::callback::come_back;
use crate::provider::Endpoint;

#[tokio::test]
async fn id_7_the_id_token_of_an_earlier_sign_in_starts_no_session() {
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
    bridge.map_lobby().await;
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
