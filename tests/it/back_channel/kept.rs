//! Logout tokens that could not be judged when they arrived, and are judged again (BC-9).

use super::*;
use crate::database::new_database;
use crate::eventually::eventually;
use crate::provider::Provider;

/// Long enough for a few requests, short enough to wait for.
const INTERVAL: Duration = Duration::from_secs(3);

async fn start(variables: &[(&str, &str)]) -> TestBridge {
    let pace = Pace {
        keys_refetch_interval: INTERVAL,
        ..Pace::default()
    };
    TestBridge::start_at(&new_database().await, variables, pace, Provider::start_with).await
}

/// Has the keys read by a token that none of them fits: they are not read again so soon.
async fn have_keys_read(bridge: &TestBridge) {
    let before = bridge.provider.hits(Endpoint::Jwks);
    let stranger = Key::es256("es-9", 9);
    while bridge.provider.hits(Endpoint::Jwks) == before {
        log_out(bridge, |token| {
            token.claim("sub", "bob").signed_by(&stranger)
        })
        .await;
    }
}

/// Waits until the browser's session is over.
async fn ends(bridge: &TestBridge, subject: &str) {
    let count = "SELECT count(*) FROM sessions WHERE subject = $1";
    eventually("the logout is judged again", async || {
        let count = sqlx::query_scalar::<_, i64>(count).bind(subject);
        count
            .fetch_one(&bridge.db)
            .await
            .is_ok_and(|left| left == 0)
    })
    .await;
}

#[tokio::test]
async fn bc_9_a_logout_by_a_key_that_could_not_be_looked_up_is_kept_and_judged_again() {
    let bridge = start(&[]).await;
    signed_in_as(&bridge, "ann", "s-1").await;
    let bob = signed_in_as(&bridge, "bob", "s-2").await;
    have_keys_read(&bridge).await;
    bridge.provider.use_key(&Key::es256("es-2", 2));
    let told = log_out(&bridge, |token| token.claim("sid", "s-1")).await;
    assert_eq!(told.status, 503, "{}", told.body);
    assert_eq!(bridge.count("sessions").await, 2);
    ends(&bridge, "ann").await;
    assert!(bob.is_signed_in().await);
}

/// Whether the provider renames its keys when it changes them, or names them at all.
#[tokio::test]
async fn bc_9_a_logout_by_a_new_key_of_the_same_name_is_refused_and_judged_again() {
    let named = |seed| Key::es256("the-key", seed);
    let nameless = |seed| Key::es256("", seed).nameless();
    let keys: [&dyn Fn(u8) -> Key; 2] = [&named, &nameless];
    for key in keys {
        let bridge = start(&[]).await;
        bridge.provider.use_key(&key(1));
        signed_in_as(&bridge, "ann", "s-1").await;
        have_keys_read(&bridge).await;
        bridge.provider.use_key(&key(2));
        refused(&log_out(&bridge, |token| token.claim("sid", "s-1")).await);
        assert_eq!(bridge.count("sessions").await, 1);
        ends(&bridge, "ann").await;
    }
}

/// Providers let their logout tokens expire after two minutes.
#[tokio::test]
async fn bc_9_a_kept_logout_counts_as_of_when_it_arrived() {
    let bridge = start(&[]).await;
    signed_in_as(&bridge, "ann", "s-1").await;
    let of_ann = bridge
        .provider
        .logout_token(|token| token.claim("sid", "s-1"));
    let mut gate = Gate::of(&bridge).await;
    gate.shut().await;
    assert_eq!(send(&bridge, &of_ann).await.status, 503);
    bridge.clock.advance(TimeDelta::minutes(5));
    // What is verified stays so, whatever becomes of the keys.
    bridge.provider.publish([Key::es256("es-2", 2).jwk()]);
    gate.allow(true).await;
    ends(&bridge, "ann").await;
}

#[tokio::test]
async fn bc_9_a_logout_that_waits_for_the_keys_counts_as_of_when_it_arrived() {
    let bridge = start(&[]).await;
    signed_in_as(&bridge, "ann", "s-1").await;
    bridge.provider.use_key(&Key::es256("es-2", 2));
    let gone = crate::provider::Answer::status(500);
    bridge.provider.always(Endpoint::Jwks, gone);
    let told = log_out(&bridge, |token| token.claim("sid", "s-1")).await;
    assert_eq!(told.status, 503, "{}", told.body);
    bridge.clock.advance(TimeDelta::minutes(5));
    bridge.provider.behave(Endpoint::Jwks);
    ends(&bridge, "ann").await;
}

/// Providers that date their ID tokens back: what began after the arrival is newer (BC-6).
#[tokio::test]
async fn bc_6_a_kept_logout_spares_a_session_that_was_begun_after_it_arrived() {
    let bridge = start(&[]).await;
    bridge.provider.every_id_token(|token| {
        let issued = token.claim_now("iat").as_i64().unwrap();
        token.claim("iat", issued - 300)
    });
    signed_in_as(&bridge, "ann", "s-1").await;
    have_keys_read(&bridge).await;
    let (old, new) = (Key::rs256("rs-1"), Key::es256("es-2", 2));
    bridge.provider.publish([old.jwk(), new.jwk()]);
    let of_ann = |token: IdToken| token.claim("sub", "ann").signed_by(&new);
    assert_eq!(log_out(&bridge, of_ann).await.status, 503);
    bridge.clock.advance(TimeDelta::seconds(3));
    let after = signed_in_as(&bridge, "ann", "s-1").await;
    eventually("the logout is judged again", async || {
        bridge.count("sessions").await == 1
    })
    .await;
    assert!(after.is_signed_in().await);
}

#[tokio::test]
async fn bc_9_a_stranger_does_not_take_the_places_of_all_that_is_kept() {
    let bridge = start(&[("BRIDGE_TRUSTED_PROXIES", "127.0.0.1")]).await;
    signed_in_as(&bridge, "ann", "s-1").await;
    have_keys_read(&bridge).await;
    let from = async |address: &str, token: &str| {
        let body = format!("logout_token={token}");
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-forwarded-for", address),
        ];
        bridge.browser().send("POST", PATH, &headers, &body).await
    };
    for seed in 10..90 {
        let key = Key::es256(&format!("es-{seed}"), seed);
        let forged = |token: IdToken| token.claim("sub", "ann").signed_by(&key);
        // One household's network has many addresses.
        let address = format!("2001:db8::{seed}");
        from(&address, &bridge.provider.logout_token(forged)).await;
    }
    bridge.provider.use_key(&Key::es256("es-2", 2));
    let of_ann = bridge
        .provider
        .logout_token(|token| token.claim("sid", "s-1"));
    let told = from("203.0.113.9", &of_ann).await;
    assert!(matches!(told.status, 200 | 503), "{}", told.body);
    ends(&bridge, "ann").await;
}

#[tokio::test]
async fn bc_9_a_verified_logout_finds_room_whatever_strangers_send() {
    let bridge = start(&[]).await;
    signed_in_as(&bridge, "ann", "s-1").await;
    have_keys_read(&bridge).await;
    let of_ann = bridge
        .provider
        .logout_token(|token| token.claim("sid", "s-1"));
    // As many as one network may have waiting, from the provider's own.
    for seed in 10..30 {
        let key = Key::es256(&format!("es-{seed}"), seed);
        log_out(&bridge, |token| token.claim("sub", "ann").signed_by(&key)).await;
    }
    let mut gate = Gate::of(&bridge).await;
    gate.shut().await;
    assert_eq!(send(&bridge, &of_ann).await.status, 503);
    gate.allow(true).await;
    ends(&bridge, "ann").await;
}
