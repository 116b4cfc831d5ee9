//! Who administers: the members of exactly the configured groups.

use serde_json::json;

use crate::bridge::{ADMIN_GROUP, Browser, TestBridge};

/// What both the API and the session say.
async fn administers(browser: &Browser) -> bool {
    let told = browser.peek("/api/session").await.json()["administrator"]
        .as_bool()
        .unwrap();
    let listed = browser.peek("/api/admin/mappings").await.status == 200;
    let shown = browser.peek("/admin/mappings").await.status == 200;
    assert_eq!((listed, shown), (told, told));
    told
}

#[tokio::test]
async fn ad_2_only_exactly_the_configured_group_administers() {
    let groups = format!("{ADMIN_GROUP}, r\u{e9}gie");
    let bridge = TestBridge::start_with(&[("BRIDGE_ADMIN_GROUPS", &groups)]).await;
    let near_misses = [
        json!(["xstreaming-admins"]),
        json!(["streaming-adminsx"]),
        json!(["streaming-admin"]),
        json!(["Streaming-Admins"]),
        json!(["STREAMING-ADMINS"]),
        json!(["streaming-admins "]),
        json!([" streaming-admins"]),
        json!(["streaming-admins,"]),
        json!(["x,streaming-admins"]),
        json!(["/streaming-admins"]),
        json!(["streaming-\u{430}dmins"]),
        json!(["streaming-admins\u{200b}"]),
        json!(["streaming-admins\u{0}"]),
        json!(["*"]),
        json!([""]),
        json!(["streaming-admins, r\u{e9}gie"]),
        json!(["re\u{301}gie"]),
        json!([["streaming-admins"]]),
        json!([{"name": "streaming-admins"}]),
        json!({"streaming-admins": true}),
        json!("viewers,streaming-admins"),
        json!("viewers streaming-admins"),
        json!("[\"streaming-admins\"]"),
        json!(true),
        json!(null),
    ];
    for groups in near_misses {
        bridge
            .provider
            .person("ann")
            .claim("groups", groups.clone());
        assert!(
            !administers(&bridge.signed_in("ann").await).await,
            "{groups}"
        );
    }
    for groups in [
        json!(["streaming-admins"]),
        json!("streaming-admins"),
        json!(["x", "r\u{e9}gie"]),
    ] {
        bridge
            .provider
            .person("ann")
            .claim("groups", groups.clone());
        assert!(
            administers(&bridge.signed_in("ann").await).await,
            "{groups}"
        );
    }
}

#[tokio::test]
async fn ad_2_no_other_claim_makes_an_administrator() {
    let bridge = TestBridge::start().await;
    let ann = bridge.provider.person(ADMIN_GROUP);
    for claim in ["roles", "email", "name", "role", "admin", "administrator"] {
        ann.claim(claim, json!(ADMIN_GROUP));
    }
    ann.claim(
        "realm_access",
        json!({"roles": [ADMIN_GROUP], "groups": [ADMIN_GROUP]}),
    );
    assert!(!administers(&bridge.signed_in(ADMIN_GROUP).await).await);
}

#[tokio::test]
async fn ad_3_without_configured_groups_there_is_no_administrator() {
    for configured in ["", "[]"] {
        let bridge = TestBridge::start_with(&[("BRIDGE_ADMIN_GROUPS", configured)]).await;
        for groups in [
            json!([]),
            json!([""]),
            json!(["*"]),
            json!([ADMIN_GROUP]),
            json!(""),
        ] {
            bridge
                .provider
                .person("ann")
                .claim("groups", groups.clone());
            assert!(
                !administers(&bridge.signed_in("ann").await).await,
                "{configured:?} {groups}"
            );
        }
    }
}

#[tokio::test]
async fn ad_3_no_mapping_makes_or_unmakes_an_administrator() {
    let bridge = TestBridge::start().await;
    let row = bridge
        .map(ADMIN_GROUP, &["red5-publisher"], &["*"], &["*"])
        .await;
    bridge
        .map("viewers", &["red5-publisher"], &["*"], &["*"])
        .await;
    bridge.provider.person("vic").groups(["viewers"]);
    assert!(!administers(&bridge.signed_in("vic").await).await);

    let admin = bridge.admin().await;
    let one = format!("/api/admin/mappings/{}", row["id"]);
    let gone = admin
        .api_with("DELETE", &one, &[("if-match", "\"1\"")], &json!({}))
        .await;
    assert_eq!(gone.status, 204);
    assert!(administers(&admin).await);
}

#[tokio::test]
async fn the_bar_leads_administrators_alone_to_their_pages() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let (root, ann) = (bridge.admin().await, bridge.signed_in("ann").await);
    // Neither is granted anything; an administrator has something to do all the same.
    for (browser, status, shown) in [(&root, 200, true), (&ann, 403, false)] {
        let portal = browser.peek("/").await;
        assert_eq!(portal.status, status);
        for page in [
            "/admin/mappings",
            "/admin/sessions",
            "/admin/people",
            "/admin/who-can",
        ] {
            let link = format!("href=\"{page}\"");
            assert_eq!(
                portal.body.contains(&link),
                shown,
                "{page}: {}",
                portal.body
            );
        }
    }
}
