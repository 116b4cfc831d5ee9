use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cb_2_of_twenty_at_once_exactly_one_spends_an_attempt() {
    let database = Database::new().await;
    let (one, other) = (database.store(), database.store());
    let tries: Vec<_> = (0..20)
        .map(|n| {
            let store = if n % 2 == 0 { &one } else { &other }.clone();
            tokio::spawn(async move { store.spend_attempt(&[1; 32], at(600)).await.unwrap() })
        })
        .collect();
    let mut spent = 0;
    for done in tries {
        spent += u32::from(done.await.unwrap());
    }
    assert_eq!(spent, 1);
    assert!(one.spend_attempt(&[2; 32], at(600)).await.unwrap());
}

#[tokio::test]
async fn a_spent_attempt_is_remembered_for_longer_than_it_lives() {
    let database = Database::new().await;
    let store = database.store();
    store.spend_attempt(&[1; 32], at(600)).await.unwrap();
    // Another instance's clock may be behind.
    assert_eq!(store.sweep_attempts(at(700)).await.unwrap(), 0);
    assert!(!store.spend_attempt(&[1; 32], at(600)).await.unwrap());
    assert_eq!(store.sweep_attempts(at(600 + 3601)).await.unwrap(), 1);
    assert_eq!(
        database.number("SELECT count(*) FROM spent_attempts").await,
        0
    );
}
