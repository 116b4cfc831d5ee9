//! What leads on to the provider's sign-out, once, and what does when it cannot.

use chrono::TimeDelta;

use super::*;

/// Signs ann in and out, and says where the page leads.
async fn out_and_onward(bridge: &TestBridge) -> Url {
    let mut ann = bridge.signed_in("ann").await;
    let out = ann.submit("/", "/auth/logout", &[]).await;
    assert_eq!(out.status, 303);
    leads_to(&ann.get("/auth/signed-out").await).unwrap()
}

#[tokio::test]
async fn lo_2_se_10_the_hint_is_the_id_token_and_waits_sealed_for_its_ticket_alone() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    ann.submit("/", "/auth/logout", &[]).await;
    let (ticket, copy) = (ann.cookies[SIGN_OUT].clone(), ann.clone());

    let row: (Vec<u8>, Vec<u8>) =
        sqlx::query_as("SELECT ticket_hash, sealed_id_token FROM sign_outs")
            .fetch_one(&bridge.db)
            .await
            .unwrap();
    assert_ne!(row.0, ticket.as_bytes());
    assert!(!row.1.windows(3).any(|bytes| bytes == b"eyJ"));

    let url = leads_to(&ann.get("/auth/signed-out").await).unwrap();
    assert_eq!(hinted(&url)["sub"], "ann");

    assert_eq!(bridge.count("sign_outs").await, 0);
    assert_eq!(leads_to(&copy.peek("/auth/signed-out").await), None);
}

#[tokio::test]
async fn a_ticket_is_good_for_two_minutes() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    for (seconds, leads) in [(119, true), (120, false)] {
        let mut ann = bridge.signed_in("ann").await;
        ann.submit("/", "/auth/logout", &[]).await;
        bridge.clock.advance(TimeDelta::seconds(seconds));
        let page = ann.get("/auth/signed-out").await;
        assert_eq!(leads_to(&page).is_some(), leads, "{seconds}");
        assert_eq!(page.body.contains(MAY_STAY), !leads, "{seconds}");
    }
}

#[tokio::test]
async fn lo_2_a_ticket_that_could_not_be_kept_ends_the_session_and_says_what_is_left() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    let before = ann.clone();
    sqlx::query("ALTER TABLE sign_outs ADD CONSTRAINT refused CHECK (false)")
        .execute(&bridge.db)
        .await
        .unwrap();

    let out = ann.submit("/", "/auth/logout", &[]).await;

    assert_eq!(out.status, 303);
    assert_eq!(bridge.count("sessions").await, 0);
    assert_eq!(before.peek("/api/session").await.status, 401);
    let page = ann.get("/auth/signed-out").await;
    assert_eq!((page.status, leads_to(&page)), (200, None));
    assert!(page.body.contains(MAY_STAY), "{}", page.body);
    assert!(ann.cookies.is_empty(), "{:?}", ann.cookies);
}

#[tokio::test]
async fn lo_2_where_the_id_token_makes_the_address_too_long_a_logout_hint_says_who_it_is() {
    let bridge = TestBridge::start().await;
    let groups = |many: usize| {
        (0..many)
            .map(|n| format!("group-{n:03}"))
            .collect::<Vec<_>>()
    };
    for (many, login_hint, hint) in [
        (1, None, None),
        (1, Some("opaque-7".to_owned()), None),
        (120, None, Some("ann")),
        (120, Some("opaque-7".to_owned()), Some("opaque-7")),
        (120, Some(String::new()), Some("ann")),
    ] {
        let ann = bridge.provider.person("ann");
        ann.claim("groups", groups(many));
        ann.without("login_hint");
        if let Some(login_hint) = &login_hint {
            ann.claim("login_hint", login_hint.as_str());
        }
        let url = out_and_onward(&bridge).await;
        let told: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(told.contains_key("id_token_hint"), hint.is_none(), "{many}");
        let logout_hint = told.get("logout_hint").map(String::as_str);
        assert_eq!(logout_hint, hint, "{many} {login_hint:?}");
        assert_eq!(told["client_id"], CLIENT_ID);
        assert!(url.as_str().len() <= 2_000);
    }
    let ann = bridge.provider.person("ann");
    ann.claim("login_hint", "x".repeat(3_000));
    let url = out_and_onward(&bridge).await;
    let told: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(told.len(), 3, "no hint at all: {told:?}");
}

#[tokio::test]
async fn lo_2_what_the_endpoints_own_query_holds_stays() {
    let provider = Provider::start_with(Arc::new(SystemClock));
    let endpoint = format!("{}/end-session?tenant=a%20b", provider.issuer());
    provider.discovery(|document| document.set("end_session_endpoint", endpoint.clone()));
    provider.person("ann");
    let bridge = TestBridge::start_with(&[("OIDC_ISSUER_URL", provider.issuer())]).await;
    let mut ann = bridge.browser();
    let back = come_back(&provider, &mut ann, "ann").await;
    assert_eq!(ann.get(&path_of(&back)).await.status, 303);
    ann.submit("/", "/auth/logout", &[]).await;

    let url = leads_to(&ann.get("/auth/signed-out").await).unwrap();

    let told: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(told["tenant"], "a b");
    assert_eq!(told.len(), 5);
}
