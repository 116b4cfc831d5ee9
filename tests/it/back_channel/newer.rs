//! What is newer than a logout (BC-6): providers date their ID tokens minutes back, logout
//! tokens arrive late, and two clocks differ.

use super::*;

/// Every ID token says that it was issued so many seconds later than it was.
fn date_id_tokens(bridge: &TestBridge, by: i64) {
    bridge.provider.every_id_token(move |token| {
        let issued = token.claim_now("iat").as_i64().unwrap();
        token.claim("iat", issued + by)
    });
}

/// A logout of Ann's, dated as the provider's clock is.
fn of_ann(bridge: &TestBridge, by: i64) -> String {
    let issued = bridge.now() + by;
    bridge
        .provider
        .logout_token(|token| token.claim("sub", "ann").claim("iat", issued))
}

fn later(bridge: &TestBridge, seconds: i64) {
    bridge.clock.advance(TimeDelta::seconds(seconds));
}

/// As Microsoft dates them.
const BACK: i64 = -300;

#[tokio::test]
async fn bc_6_a_sign_in_begun_after_the_logout_arrived_stays_whatever_its_iat_says() {
    for seconds in [0, 3] {
        let bridge = TestBridge::start().await;
        date_id_tokens(&bridge, BACK);
        let before = signed_in_as(&bridge, "ann", "s-1").await;
        for value in ["ann", "s-1"] {
            let by = if value == "ann" { "sub" } else { "sid" };
            taken(&log_out(&bridge, |token| token.claim(by, value)).await);
        }
        assert!(!before.is_signed_in().await);
        later(&bridge, seconds);
        let after = signed_in_as(&bridge, "ann", "s-1").await;
        assert!(after.is_signed_in().await, "{seconds}");
    }
}

#[tokio::test]
async fn bc_6_a_late_logout_spares_a_session_that_was_begun_after_it_was_issued() {
    for by in [0, BACK] {
        let bridge = TestBridge::start().await;
        date_id_tokens(&bridge, by);
        let before = signed_in_as(&bridge, "ann", "s-1").await;
        later(&bridge, 10);
        let late = of_ann(&bridge, 0);
        // By more than two clocks may differ.
        later(&bridge, 63);
        let after = signed_in_as(&bridge, "ann", "s-1").await;
        later(&bridge, 60);

        taken(&send(&bridge, &late).await);

        assert!(!before.is_signed_in().await, "{by}");
        assert!(after.is_signed_in().await, "{by}");
    }
}

/// The provider dates its logout tokens by the same clock, so `iat` still says what came
/// first, and a session that was begun before the logout ends. So it does where ID tokens
/// alone are dated back besides.
#[tokio::test]
async fn bc_6_a_provider_whose_clock_differs_ends_what_was_begun_before_and_nothing_else() {
    for (id_tokens, by) in [(-300, -300), (-45, -45), (30, 30), (BACK - 30, -30)] {
        let bridge = TestBridge::start().await;
        date_id_tokens(&bridge, id_tokens);
        let before = signed_in_as(&bridge, "ann", "s-1").await;
        later(&bridge, 10);
        taken(&send(&bridge, &of_ann(&bridge, by)).await);
        assert!(!before.is_signed_in().await, "{by}");

        later(&bridge, 1);
        let after = signed_in_as(&bridge, "ann", "s-1").await;
        assert!(after.is_signed_in().await, "{by}");
    }
}

#[tokio::test]
async fn bc_6_of_a_sign_in_that_was_under_way_the_iat_decides() {
    for (by, stays) in [(BACK, false), (0, false), (20, true)] {
        let bridge = TestBridge::start().await;
        date_id_tokens(&bridge, by);
        bridge.provider.person("ann");
        let mut browser = bridge.browser();
        let begun = browser.get("/auth/login").await;
        later(&bridge, 5);
        taken(&send(&bridge, &of_ann(&bridge, 5)).await);
        let back = bridge.provider.approve(&begun.location(), "ann").await;
        browser.get(&path_of(&back)).await;
        assert_eq!(browser.is_signed_in().await, stays, "{by}");
    }
}

#[tokio::test]
async fn bc_6_of_rows_that_know_no_beginning_and_no_arrival_the_iat_decides() {
    let bridge = TestBridge::start().await;
    for (begun, issued, arrived, logout, newer) in [
        (
            "NULL",
            "2026-11-29T10:00:01Z",
            "NULL",
            "2026-11-29T10:00:00Z",
            true,
        ),
        (
            "NULL",
            "2026-11-29T10:00:00Z",
            "NULL",
            "2026-11-29T10:00:00Z",
            false,
        ),
        (
            "NULL",
            "2026-11-29T09:55:00Z",
            "'2026-11-29T10:00:30Z'",
            "2026-11-29T10:00:00Z",
            false,
        ),
        (
            "'2026-11-29T10:00:05Z'",
            "2026-11-29T09:55:00Z",
            "NULL",
            "2026-11-29T10:00:00Z",
            false,
        ),
    ] {
        let moment = |text: &str| format!("{text}::timestamptz");
        let query = format!(
            "SELECT is_newer_than_logout({}, {}, {}, {})",
            moment(begun),
            moment(&format!("'{issued}'")),
            moment(arrived),
            moment(&format!("'{logout}'")),
        );
        let is: bool = sqlx::query_scalar(sqlx::AssertSqlSafe(query.clone()))
            .fetch_one(&bridge.db)
            .await
            .unwrap();
        assert_eq!(is, newer, "{query}");
    }
}

#[tokio::test]
async fn bc_6_a_session_begun_by_a_clock_that_is_ahead_is_not_newer_than_a_logout_that_finds_it() {
    let bridge = TestBridge::start().await;
    let ann = signed_in_as(&bridge, "ann", "s-1").await;
    sqlx::query("UPDATE sessions SET begun_at = begun_at + interval '30 seconds'")
        .execute(&bridge.db)
        .await
        .unwrap();
    taken(&log_out(&bridge, |token| token.claim("sid", "s-1")).await);
    assert!(!ann.is_signed_in().await);
}
