//! The lease in a session's row (SE-11).

use red5_bridge::store::refresh_lease::{Lease, RefreshResult};

use super::*;

const LENGTH: Duration = Duration::from_mins(1);
const OURS: [u8; 16] = [1; 16];
const THEIRS: [u8; 16] = [2; 16];

async fn with_refresh_token(database: &Database) -> Store {
    let store = database.store();
    let live = SessionCache::new(store.clone(), IDLE);
    let tokens = SealedTokens {
        refresh_token: Some(b"sealed".to_vec()),
        ..no_tokens()
    };
    live.start(
        session(1),
        &tokens,
        &super::no_origin(),
        SessionFor::NEW_BROWSER,
    )
    .await
    .unwrap();
    store
}

async fn asked(store: &Store, version: i64, lease: &[u8; 16]) -> Lease {
    store
        .take_lease(&hash(1), version, lease, LENGTH)
        .await
        .unwrap()
}

async fn given_back(store: &Store, lease: &[u8; 16]) -> bool {
    store
        .give_lease_back(&hash(1), lease, &RefreshResult::Nothing(None))
        .await
        .unwrap()
}

/// The answer that gave it may have been lost on the way.
#[tokio::test]
async fn se_11_the_same_id_gets_its_lease_again_and_no_other_id_does() {
    let database = Database::new().await;
    let store = with_refresh_token(&database).await;
    let taken = Lease::Taken(b"sealed".to_vec());
    assert_eq!(asked(&store, 1, &OURS).await, taken);
    assert_eq!(asked(&store, 1, &THEIRS).await, Lease::Elsewhere);
    assert_eq!(asked(&store, 1, &OURS).await, taken);
    assert!(!given_back(&store, &THEIRS).await);
    assert_eq!(asked(&store, 1, &THEIRS).await, Lease::Elsewhere);
    assert!(given_back(&store, &OURS).await);
    assert_eq!(asked(&store, 1, &THEIRS).await, taken);
}

#[tokio::test]
async fn se_11_a_lease_that_ran_out_can_be_taken_by_another_id() {
    let database = Database::new().await;
    let store = with_refresh_token(&database).await;
    asked(&store, 1, &OURS).await;
    database
        .by_hand("UPDATE sessions SET refresh_leased_until = clock_timestamp()")
        .await
        .unwrap();
    assert_eq!(
        asked(&store, 1, &THEIRS).await,
        Lease::Taken(b"sealed".to_vec())
    );
    assert!(!given_back(&store, &OURS).await);
}

#[tokio::test]
async fn no_lease_is_given_on_an_older_state_or_on_a_session_that_is_over() {
    let database = Database::new().await;
    let store = with_refresh_token(&database).await;
    assert_eq!(asked(&store, 0, &OURS).await, Lease::Newer);
    database
        .by_hand("UPDATE sessions SET sealed_refresh_token = NULL")
        .await
        .unwrap();
    assert_eq!(asked(&store, 1, &OURS).await, Lease::Newer);
    database.by_hand("DELETE FROM sessions").await.unwrap();
    assert_eq!(asked(&store, 1, &OURS).await, Lease::Over);
}
