//! What may stand behind a token besides a browser's session: a device, and a subject token.

use chrono::TimeDelta;
use serde_json::json;

use super::*;

/// A service with a token of the provider.
async fn service(bridge: &TestBridge) -> (String, String) {
    let client = json!({"name": "Service", "kind": "confidential", "grants": ["token_exchange"]});
    let made = bridge
        .admin()
        .await
        .api("POST", "/api/admin/clients", &client)
        .await
        .json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// Ann's token of the provider, which ends in so many seconds, exchanged by the service.
async fn exchanged(bridge: &TestBridge, service: &(String, String), seconds: i64) -> String {
    let end = bridge.now() + seconds;
    let subject = bridge
        .provider
        .id_token("ann", |token| token.claim("exp", end));
    exchange(bridge, service, &subject).await
}

async fn exchange(bridge: &TestBridge, (id, secret): &(String, String), subject: &str) -> String {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            (
                "grant_type",
                "urn:ietf:params:oauth:grant-type:token-exchange",
            ),
            (
                "subject_token_type",
                "urn:ietf:params:oauth:token-type:id_token",
            ),
            ("subject_token", subject),
            ("client_id", id),
            ("client_secret", secret),
        ])
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let browser = bridge.browser();
    let answer = browser.send("POST", "/oauth2/token", &headers, &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// A bridge on which Ann may publish, without any session of hers.
async fn without_a_session() -> TestBridge {
    let bridge = start().await;
    let ann = ann(&bridge).await;
    drop(ann);
    sqlx::query("DELETE FROM sessions WHERE subject = 'ann'")
        .execute(&bridge.db)
        .await
        .unwrap();
    bridge
}

#[tokio::test]
async fn rr_3_an_exchanged_token_counts_until_its_subject_token_ends_at_every_instance() {
    let bridge = without_a_session().await;
    let other = bridge.beside(&[NETWORKS, ROOMS_IGNORED]).await;
    let service = service(&bridge).await;
    let token = exchanged(&bridge, &service, 3600).await;
    assert!(publishes(&bridge, &token).await && watches(&bridge, &token).await);
    assert!(publishes(&other, &token).await);

    // No cookie leads to what stands behind it, and no list shows it as a session.
    let listed = bridge
        .admin()
        .await
        .api("GET", "/api/admin/sessions?person=ann", &json!({}))
        .await;
    assert_eq!(listed.json()["total"], 0, "{}", listed.body);

    let short = exchanged(&bridge, &service, 90).await;
    sqlx::query("DELETE FROM sessions WHERE kind = 'subject_token' AND ends_at > $1")
        .bind(chrono::DateTime::from_timestamp(bridge.now() + 600, 0))
        .execute(&bridge.db)
        .await
        .unwrap();
    assert!(publishes(&bridge, &short).await);
    bridge.clock.advance(TimeDelta::seconds(90));
    assert!(!publishes(&bridge, &short).await);
}

#[tokio::test]
async fn rr_3_a_subject_token_counts_for_as_long_as_it_lives_however_old_its_groups_are() {
    let bridge = without_a_session().await;
    let service = service(&bridge).await;
    let end = bridge.now() + 4 * 3600;
    let subject = bridge
        .provider
        .id_token("ann", |token| token.claim("exp", end));
    let token = exchange(&bridge, &service, &subject).await;
    assert!(publishes(&bridge, &token).await);
    bridge.clock.advance(TimeDelta::hours(3));
    let token = exchange(&bridge, &service, &subject).await;
    assert!(publishes(&bridge, &token).await);
}

#[tokio::test]
async fn rr_3_an_exchanged_token_ends_with_a_block_its_client_and_its_mappings() {
    let bridge = without_a_session().await;
    let admin = bridge.admin().await;
    let service = service(&bridge).await;
    let token = exchanged(&bridge, &service, 3600).await;
    assert!(publishes(&bridge, &token).await);
    let rows = admin
        .api("GET", "/api/admin/mappings", &json!({}))
        .await
        .json();
    let row = &rows["items"][0];
    let (id, version) = (row["id"].to_string(), format!("\"{}\"", row["version"]));
    let gone = admin
        .api_with(
            "DELETE",
            &format!("/api/admin/mappings/{id}"),
            &[("if-match", &version)],
            &json!({}),
        )
        .await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    assert!(!publishes(&bridge, &token).await);
    bridge
        .map("crew", BOTH, &["RTMP", "WHEP", "WHIP"], &["studio-1"])
        .await;
    assert!(publishes(&bridge, &token).await);

    let path = format!("/api/admin/clients/{}", service.0);
    let gone = admin
        .api_with("DELETE", &path, &[("if-match", "\"1\"")], &json!({}))
        .await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    crate::eventually::eventually("the end of the client counts", async || {
        !publishes(&bridge, &token).await
    })
    .await;

    let service = self::service(&bridge).await;
    let token = exchanged(&bridge, &service, 3600).await;
    assert!(publishes(&bridge, &token).await);
    let block = json!({"issuer": bridge.provider.issuer(), "subject": "ann", "reason": "gone"});
    assert_eq!(
        admin.api("POST", "/api/admin/blocks", &block).await.status,
        201
    );
    assert!(!publishes(&bridge, &token).await);
}
