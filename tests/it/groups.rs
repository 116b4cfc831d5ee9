//! Groups from wherever the provider tells them, and people without any that count (ID-14).

use serde_json::json;

use crate::bridge::TestBridge;
use crate::provider::{Endpoint, IdToken};

const WATCH: &[&str] = &["red5-subscriber"];

#[tokio::test]
async fn groups_that_only_userinfo_tells_count() {
    let bridge = TestBridge::start().await;
    bridge.map("viewers", WATCH, &["WHEP"], &["lobby"]).await;
    bridge
        .provider
        .person("uma")
        .userinfo_claim("groups", json!(["viewers"]));
    let uma = bridge.signed_in("uma").await;
    assert_eq!(uma.token(json!({})).await.json()["rooms"], json!(["lobby"]));
    assert_eq!(bridge.provider.hits(Endpoint::Userinfo), 1);
}

#[tokio::test]
async fn groups_told_nowhere_are_no_groups() {
    let bridge = TestBridge::start().await;
    bridge.map("viewers", WATCH, &["WHEP"], &["lobby"]).await;
    bridge.provider.person("uma");
    let uma = bridge.signed_in("uma").await;
    assert_eq!(uma.token(json!({})).await.code(), "no_grant");
    let page = uma.peek("/").await;
    assert_eq!(page.status, 403);
    assert!(page.body.contains("your provider sent none"));
}

#[tokio::test]
async fn who_is_granted_nothing_is_told_so_with_their_groups_and_goes_in_no_circle() {
    let bridge = TestBridge::start().await;
    bridge.map("viewers", WATCH, &["WHEP"], &["lobby"]).await;
    bridge
        .provider
        .person("nora")
        .groups(["night-shift", "<b>bold</b>"]);
    let mut nora = bridge.signed_in("nora").await;

    let page = nora.get("/").await;

    assert_eq!(page.status, 403);
    assert!(page.body.contains("nothing is granted to you"));
    assert!(page.body.contains("night-shift"));
    assert!(!page.body.contains("<b>bold"), "{}", page.body);
    assert!(!page.has("location") && !page.has("refresh"));
    assert!(!page.body.contains("/auth/login") && !page.body.contains("http-equiv"));
    let refused = nora.token(json!({})).await;
    assert_eq!((refused.status, refused.code().as_str()), (403, "no_grant"));
    assert!(
        !refused.body.contains("lobby"),
        "nothing of the mappings is told"
    );

    // Still signed in, and a mapping counts at once.
    bridge
        .map("night-shift", WATCH, &["WHEP"], &["vault"])
        .await;
    assert_eq!(nora.get("/").await.status, 200);
    assert_eq!(nora.token(json!({})).await.status, 200);
    assert_eq!(nora.submit("/", "/auth/logout", &[]).await.status, 303);
}

fn overage(token: IdToken) -> IdToken {
    token
        .without("groups")
        .claim("_claim_names", json!({"groups": "src1"}))
        .claim(
            "_claim_sources",
            json!({"src1": {"endpoint": "https://evil.example"}}),
        )
}

#[tokio::test]
async fn id_14_under_overage_no_group_counts_and_every_refusal_says_why() {
    let bridge = TestBridge::start().await;
    bridge.map("viewers", WATCH, &["WHEP"], &["lobby"]).await;
    for bend in [overage as fn(IdToken) -> IdToken, |token| {
        token.claim("hasgroups", true)
    }] {
        bridge
            .provider
            .person("otto")
            .groups(["viewers", "streaming-admins"]);
        bridge.provider.next_id_token(bend);
        let otto = bridge.signed_in("otto").await;

        let session = otto.peek("/api/session").await.json();
        assert_eq!(session["identity"]["groups"], json!([]));
        assert_eq!(session["administrator"], false);
        for wish in [
            json!({}),
            json!({"rooms": ["lobby"]}),
            json!({"roles": ["red5-publisher"], "rooms": ["lobby"], "transports": ["WHIP"]}),
        ] {
            let refused = otto.token(wish.clone()).await;
            let answer = (refused.status, refused.code());
            assert_eq!(answer, (403, "groups_overage".to_owned()), "{wish}");
            assert!(
                refused
                    .body
                    .contains("send only the groups of this application")
            );
        }
        let page = otto.peek("/").await;
        assert_eq!(page.status, 403);
        assert!(page.body.contains("so many groups"), "{}", page.body);
    }
}

#[tokio::test]
async fn id_14_under_overage_what_everyone_has_stays_and_more_is_refused_with_the_reason() {
    let bridge = TestBridge::start().await;
    bridge
        .add(&json!({"match": "everyone", "roles": WATCH, "transports": ["WHEP"], "rooms": ["hall-*"]}))
        .await;
    bridge.provider.person("otto");
    bridge.provider.next_id_token(overage);
    let otto = bridge.signed_in("otto").await;

    assert_eq!(otto.token(json!({"rooms": ["hall-1"]})).await.status, 200);
    for wish in [
        json!({}),
        json!({"rooms": ["vault"]}),
        json!({"roles": ["red5-publisher"], "rooms": ["hall-1"]}),
    ] {
        let refused = otto.token(wish.clone()).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (403, "groups_overage"),
            "{wish}"
        );
    }
}
