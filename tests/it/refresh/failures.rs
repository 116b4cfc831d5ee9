//! What a provider that does not answer costs, and what it does not.

use serde_json::json;
use tokio::net::TcpStream;

use super::{AGE, age, exchange, lease, with_ann};
use crate::bridge::SECRET_KEY;
use crate::eventually::eventually;
use crate::provider::{Answer, Endpoint, Rotation};

#[tokio::test]
async fn a_provider_that_is_down_ends_no_session() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.always(Endpoint::Token, Answer::status(503));
    age(&bridge, AGE + AGE / 2 + 1);
    assert_eq!(exchange(&ann).await.status, 200);
    age(&bridge, AGE / 2 - 2);
    assert_eq!(exchange(&ann).await.status, 200);
    age(&bridge, 2);
    let refused = exchange(&ann).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "unavailable")
    );
    assert!(
        refused.body.contains("You stay signed in"),
        "{}",
        refused.body
    );
    bridge.provider.behave(Endpoint::Token);
    eventually("a token", async || {
        age(&bridge, 2);
        exchange(&ann).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_crowd_does_not_ask_a_dead_provider_once_for_each_request() {
    let (bridge, ann) = with_ann().await;
    bridge.provider.always(Endpoint::Token, Answer::status(503));
    age(&bridge, 2 * AGE + 1);
    let asked: Vec<_> = (0..40)
        .map(|_| {
            let ann = ann.clone();
            tokio::spawn(async move { exchange(&ann).await.status })
        })
        .collect();
    for status in asked {
        assert_eq!(status.await.unwrap(), 503);
    }
    // The clock of the test stands still enough: one try, or one more at its edge.
    assert!(
        bridge.provider.refreshes() <= 3,
        "{}",
        bridge.provider.refreshes()
    );
}

#[tokio::test]
async fn nor_is_a_provider_that_says_no_asked_once_for_each_request() {
    let (bridge, ann) = with_ann().await;
    let no = Answer::json(401, &json!({"error": "invalid_client"}));
    bridge.provider.always(Endpoint::Token, no);
    age(&bridge, 2 * AGE + 1);
    for _ in 0..40 {
        assert_eq!(exchange(&ann).await.status, 503);
    }
    assert!(
        bridge.provider.refreshes() <= 10,
        "{}",
        bridge.provider.refreshes()
    );
}

#[tokio::test]
async fn a_provider_that_takes_longer_than_the_age_is_asked_once() {
    let (bridge, ann) = with_ann().await;
    let (answer, held) = Answer::held();
    bridge.provider.once(Endpoint::Token, answer);
    age(&bridge, 2 * AGE + 1);
    let asked = tokio::spawn(async move { exchange(&ann).await.status });
    eventually("a refresh", async || bridge.provider.refreshes() == 1).await;
    age(&bridge, 2 * AGE + 1);
    held.release();
    assert_eq!(asked.await.unwrap(), 200);
    assert_eq!(bridge.provider.refreshes(), 1);
}

#[tokio::test]
async fn who_stops_waiting_for_a_refresh_does_not_stop_it() {
    let (bridge, ann) = with_ann().await;
    let (answer, held) = Answer::held();
    bridge.provider.once(Endpoint::Token, answer);
    age(&bridge, 2 * AGE + 1);
    let impatient = ann.clone();
    let impatient = tokio::spawn(async move { exchange(&impatient).await.status });
    eventually("a refresh", async || bridge.provider.refreshes() == 1).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    held.release();
    // The provider spent the refresh token; the new one is not lost.
    assert_eq!(exchange(&ann).await.status, 200);
    assert_eq!(bridge.provider.refreshes(), 1);
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 200);
}

#[tokio::test]
async fn who_cannot_be_confirmed_sees_so_on_a_page_and_can_sign_out() {
    let (bridge, mut ann) = with_ann().await;
    let mut root = bridge.admin().await;
    bridge.provider.always(Endpoint::Token, Answer::status(503));
    age(&bridge, 2 * AGE + 1);
    let portal = ann.peek("/").await;
    assert_eq!(portal.status, 503);
    assert!(
        portal.body.contains("You stay signed in"),
        "{}",
        portal.body
    );
    let admin = root.peek("/admin/mappings").await;
    assert_eq!(admin.status, 503);
    assert!(!admin.body.contains(">Mappings<"), "{}", admin.body);
    for browser in [&mut ann, &mut root] {
        let left = browser.submit("/", "/auth/logout", &[]).await;
        assert_eq!(left.status, 303, "{}", left.body);
        assert_eq!(exchange(browser).await.status, 401);
    }
}

#[tokio::test]
async fn a_change_is_refused_while_the_groups_of_the_administrator_cannot_be_read() {
    let (bridge, _) = with_ann().await;
    let root = bridge.admin().await;
    bridge.provider.always(Endpoint::Token, Answer::status(503));
    age(&bridge, 2 * AGE + 1);
    let mapping = json!({
        "group": "x", "match": "exact", "roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": ["x"],
    });
    let before = bridge.count("mappings").await;
    let refused = root.api("POST", "/api/admin/mappings", &mapping).await;
    assert_eq!(refused.status, 503);
    assert_eq!(bridge.count("mappings").await, before);
}

/// Keys of which none opened what is in the rows.
const OTHER_KEY: &str = "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";

#[tokio::test]
async fn a_refresh_token_that_no_key_opens_serves_like_none_and_never_longer() {
    let (bridge, ann) = with_ann().await;
    let variables = [
        ("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60"),
        ("BRIDGE_UNREFRESHED_MAX_MINUTES", "10"),
        ("BRIDGE_SECRET_KEYS", OTHER_KEY),
    ];
    let other = bridge.beside(&variables).await;
    let ann = ann.at(&other.address);
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 200);
    age(&bridge, 600 - 2 * AGE);
    assert_eq!(exchange(&ann).await.status, 401);
    assert_eq!(bridge.provider.refreshes(), 0);
}

#[tokio::test]
async fn sc_1_keys_are_rotated_without_ending_a_session() {
    let (bridge, ann) = with_ann().await;
    let steps = [
        format!("{SECRET_KEY},{OTHER_KEY}"),
        format!("{OTHER_KEY},{SECRET_KEY}"),
        OTHER_KEY.to_owned(),
    ];
    for keys in steps {
        let variables = [
            ("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60"),
            ("BRIDGE_SECRET_KEYS", keys.as_str()),
        ];
        let now = bridge.beside(&variables).await;
        let ann = ann.at(&now.address);
        age(&bridge, 2 * AGE + 1);
        assert_eq!(exchange(&ann).await.status, 200, "{keys}");
    }
}

#[tokio::test]
async fn a_lease_of_an_instance_that_is_gone_is_taken_over_when_it_ends() {
    let (bridge, ann) = with_ann().await;
    lease(&bridge, "1.5 seconds").await;
    age(&bridge, 2 * AGE + 1);
    let ends: String =
        sqlx::query_scalar("SELECT refresh_leased_until::text FROM sessions WHERE subject = 'ann'")
            .fetch_one(&bridge.db)
            .await
            .unwrap();
    assert_eq!(exchange(&ann).await.status, 200);
    let ended: bool = sqlx::query_scalar("SELECT clock_timestamp() >= $1::text::timestamptz")
        .bind(ends)
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert!(ended, "it did not wait for the end of the lease");
    assert_eq!(bridge.provider.refreshes(), 1);
}

#[tokio::test]
async fn a_lease_that_is_not_given_back_is_waited_for_and_ends_no_session() {
    let (bridge, ann) = with_ann().await;
    lease(&bridge, "1 hour").await;
    age(&bridge, 2 * AGE - 2);
    assert_eq!(exchange(&ann).await.status, 200);
    age(&bridge, 3);
    assert_eq!(exchange(&ann).await.status, 503);
    assert_eq!(bridge.provider.refreshes(), 0);
    lease(&bridge, "0 seconds").await;
    eventually("a token", async || {
        age(&bridge, 2);
        exchange(&ann).await.status == 200
    })
    .await;
}

#[tokio::test]
async fn a_stopping_instance_waits_for_a_refresh_under_way() {
    let (bridge, ann) = with_ann().await;
    let second = bridge
        .beside(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "60")])
        .await;
    let (answer, held) = Answer::held();
    bridge.provider.once(Endpoint::Token, answer);
    age(&bridge, 2 * AGE - 2);
    assert_eq!(exchange(&ann.at(&second.address)).await.status, 200);
    eventually("a refresh", async || bridge.provider.refreshes() == 1).await;
    let place = second.address.strip_prefix("http://").unwrap().to_owned();
    let stopping = tokio::spawn(second.stop());
    eventually("it is stopping", async || {
        TcpStream::connect(&place).await.is_err()
    })
    .await;
    assert!(!stopping.is_finished());
    held.release();
    stopping.await.unwrap();
    age(&bridge, 2 * AGE + 1);
    assert_eq!(exchange(&ann).await.status, 200);
    assert_eq!(bridge.provider.refreshes(), 2);
}

#[tokio::test]
async fn without_rotation_and_with_it_sign_in_answers_alike() {
    for rotation in [Rotation::Each, Rotation::None] {
        let (bridge, ann) = super::with_ann_and(rotation, &[]).await;
        let session = ann.peek("/api/session").await.json();
        assert_eq!(session["identity"]["groups"], json!(["viewers"]));
        assert_eq!(bridge.provider.refreshes(), 0);
    }
}
