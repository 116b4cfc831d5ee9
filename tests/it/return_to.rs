//! Where a sign-in may come back to, looked at twice (LR-6, LR-7).

mod corpus;

use url::Url;
use url::form_urlencoded::byte_serialize;

use crate::bridge::{APP_ORIGIN, ORIGIN, TestBridge, path_of};
use crate::callback::come_back;
use crate::eventually::eventually;

fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn lr_6_lr_7_people_come_back_to_absolute_addresses_of_ours_and_of_apps() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    for (asked, given) in [
        ("", "https://bridge.example/"),
        ("/", "https://bridge.example/"),
        (
            "/admin/mappings?limit=5&offset=10#x",
            "https://bridge.example/admin/mappings?limit=5&offset=10#x",
        ),
        (
            "https://app.example/play?room=a",
            "https://app.example/play?room=a",
        ),
        ("https://APP.example/", "https://app.example/"),
        ("https://app.example:443", "https://app.example/"),
    ] {
        let mut ann = bridge.browser();
        let path = format!("/auth/login?return_to={}", encoded(asked));
        let begun = ann.get(&path).await;
        let back = bridge.provider.approve(&begun.location(), "ann").await;
        let done = ann.get(&path_of(&back)).await;
        assert_eq!(done.status, 303, "{}", done.body);
        assert_eq!(done.header("location"), given, "{asked}");
    }
}

#[tokio::test]
async fn lr_6_the_address_is_judged_again_at_the_end() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let without_app = [
        ("BRIDGE_ALLOWED_ORIGINS", ""),
        ("OIDC_ISSUER_URL", bridge.provider.issuer()),
    ];
    let stricter = TestBridge::start_on(&bridge.database_url, &without_app).await;
    let mut ann = bridge.browser();
    let begun = ann
        .get(&format!("/auth/login?return_to={APP_ORIGIN}/play"))
        .await;
    let back = bridge.provider.approve(&begun.location(), "ann").await;

    let mut there = stricter.browser();
    there.cookies = ann.cookies.clone();
    let done = there.get(&path_of(&back)).await;

    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(done.location(), Url::parse(ORIGIN).unwrap());
}

#[tokio::test]
async fn a_sign_in_without_a_wish_comes_to_the_portal() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = come_back(&bridge.provider, &mut ann, "ann").await;
    let done = ann.get(&path_of(&back)).await;
    assert_eq!(done.header("location"), "https://bridge.example/");
}

#[tokio::test]
async fn lr_6_a_page_that_offers_to_try_again_stays_at_home() {
    let bridge = TestBridge::start_with(&[("BRIDGE_MAX_STALENESS_SECONDS", "1")]).await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;
    // The database answers no more, so nothing in memory is believed.
    let mut holds = bridge.db.begin().await.unwrap();
    sqlx::query("LOCK change_counter")
        .execute(&mut *holds)
        .await
        .unwrap();
    eventually("the bound passes", async || {
        ann.peek("/readyz").await.status == 503
    })
    .await;

    let here = ann.peek("/admin/mappings?limit=5").await;
    assert_eq!(here.status, 503, "{}", here.body);
    assert!(
        here.body
            .contains("href=\"/admin/mappings?limit=5\">Try again")
    );
    let elsewhere = ann.peek("//evil.example/").await;
    assert_eq!(elsewhere.status, 503);
    assert!(!elsewhere.body.contains("evil"), "{}", elsewhere.body);
    holds.rollback().await.unwrap();
}
