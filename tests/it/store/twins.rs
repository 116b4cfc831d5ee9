//! Two rows that say the same are refused, and nothing else is.

use red5_bridge::store::mappings::{NotChanged, Twin};

use super::*;

/// The row that says the same as the one of the only change.
fn twin(refused: &one_row::Refused) -> Option<Twin> {
    match refused {
        NotChanged::Duplicate { change: 0, twin } => Some(*twin),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rows_that_say_the_same_are_refused() {
    let database = Database::new().await;
    let store = database.store();
    let tries: Vec<_> = (0..10)
        .map(|n| {
            let store = store.clone();
            let mut said = sent("team", "a");
            said.insert("note".to_owned(), json!(format!("note {n}")));
            said.insert("enabled".to_owned(), json!(n % 2 == 0));
            let said = MappingDraft::parse(said).unwrap();
            tokio::spawn(async move { one_row::create(&store, &said, &ann(), at(0)).await })
        })
        .collect();
    let mut written = Vec::new();
    let mut refused = Vec::new();
    for done in tries {
        match done.await.unwrap() {
            Ok(mapping) => written.push(mapping.id.0),
            Err(error) => refused.push(twin(&error)),
        }
    }
    assert_eq!(written.len(), 1);
    assert_eq!(refused, [Some(Twin::Row(written[0])); 9]);

    let other = create(&store, "team", "b").await;
    let into_a_twin =
        one_row::replace(&store, other.id, 1, &draft("team", "a"), &ann(), at(0)).await;
    assert_eq!(twin(&into_a_twin.unwrap_err()), Some(Twin::Row(written[0])));
    assert_eq!(store.mapping(other.id).await.unwrap(), Some(other));
}

#[tokio::test]
async fn rows_for_everyone_have_twins_too() {
    let database = Database::new().await;
    let store = database.store();
    let mut everyone = sent("", "a");
    everyone["match"] = json!("everyone");
    let everyone = MappingDraft::parse(everyone).unwrap();
    one_row::create(&store, &everyone, &ann(), at(0))
        .await
        .unwrap();
    let refused = one_row::create(&store, &everyone, &ann(), at(0)).await;
    assert_eq!(twin(&refused.unwrap_err()), Some(Twin::Row(1)));
}

#[tokio::test]
async fn ad_6_what_differs_in_one_character_is_no_twin() {
    let database = Database::new().await;
    let store = database.store();
    for group in ["Team", "team", "team ", "/team", "é", "e\u{301}"] {
        create(&store, group, "a").await;
    }
    for kind in ["glob", "exact"] {
        let mut said = sent("*", "a");
        said["match"] = json!(kind);
        one_row::create(&store, &MappingDraft::parse(said).unwrap(), &ann(), at(0))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_longest_row_that_the_rules_allow_has_room() {
    let database = Database::new().await;
    let store = database.store();
    let mut said = sent(&"é".repeat(256), "a");
    let rooms: Vec<String> = (0..500).map(|n| format!("{n:0>128}")).collect();
    said["rooms"] = json!(rooms);
    said.insert("note".to_owned(), json!("🎥".repeat(1000)));
    let said = MappingDraft::parse(said).unwrap();
    let written = one_row::create(&store, &said, &ann(), at(0)).await.unwrap();
    assert_eq!(written.draft, said);
    let refused = one_row::create(&store, &said, &ann(), at(0)).await;
    assert_eq!(twin(&refused.unwrap_err()), Some(Twin::Row(written.id.0)));
}
