//! What waits for the provider's sign-out.

use super::*;

#[tokio::test]
async fn lo_2_a_ticket_is_taken_once_in_time_and_by_its_own_hash() {
    let database = Database::new().await;
    let store = database.store();
    for (ticket, ends) in [([1; 32], at(60)), ([2; 32], at(60)), ([3; 32], at(61))] {
        store.keep_sign_out(&ticket, b"sealed", ends).await.unwrap();
    }
    let take = async |ticket: [u8; 32], now| store.take_sign_out(&ticket, now).await.unwrap();
    assert_eq!(take([9; 32], at(0)).await, None);
    assert_eq!(take([1; 32], at(59)).await.as_deref(), Some(&b"sealed"[..]));
    assert_eq!(take([1; 32], at(59)).await, None);
    // Too late it is taken away all the same.
    assert_eq!(take([2; 32], at(60)).await, None);
    assert_eq!(take([2; 32], at(0)).await, None);
    assert_eq!(take([3; 32], at(60)).await.as_deref(), Some(&b"sealed"[..]));
}

#[tokio::test]
async fn the_sweep_removes_expired_sign_outs_and_nothing_else() {
    let database = Database::new().await;
    let store = database.store();
    for (ticket, ends) in [([1; 32], at(60)), ([2; 32], at(60)), ([3; 32], at(120))] {
        store.keep_sign_out(&ticket, b"sealed", ends).await.unwrap();
    }
    let left = || database.number("SELECT count(*) FROM sign_outs");
    assert_eq!(store.sweep_sign_outs(at(60)).await.unwrap(), 0);
    assert_eq!(left().await, 3);
    assert_eq!(store.sweep_sign_outs(at(61)).await.unwrap(), 2);
    assert_eq!(left().await, 1);
    assert!(
        store
            .take_sign_out(&[3; 32], at(61))
            .await
            .unwrap()
            .is_some()
    );
}
