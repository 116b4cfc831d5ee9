//! Two rows that say the same are refused, and nothing else is.

use red5_bridge::store::mappings::MappingError;

use super::*;

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
            tokio::spawn(async move { store.create_mapping(&said, &ann(), at(0)).await })
        })
        .collect();
    let mut written = Vec::new();
    for done in tries {
        match done.await.unwrap() {
            Ok(mapping) => written.push(mapping.id),
            Err(error) => assert!(matches!(error, MappingError::Duplicate), "{error:?}"),
        }
    }
    assert_eq!(written.len(), 1);
    assert_eq!(
        store.twin(&draft("team", "a")).await.unwrap(),
        Some(written[0])
    );

    let other = create(&store, "team", "b").await;
    let into_a_twin = store
        .replace_mapping(other.id, 1, &draft("team", "a"), &ann(), at(0))
        .await;
    assert!(
        matches!(into_a_twin, Err(MappingError::Duplicate)),
        "{into_a_twin:?}"
    );
    assert_eq!(store.mapping(other.id).await.unwrap(), other);
}

#[tokio::test]
async fn rows_for_everyone_have_twins_too() {
    let database = Database::new().await;
    let store = database.store();
    let mut everyone = sent("", "a");
    everyone["match"] = json!("everyone");
    let everyone = MappingDraft::parse(everyone).unwrap();
    store
        .create_mapping(&everyone, &ann(), at(0))
        .await
        .unwrap();
    let twin = store.create_mapping(&everyone, &ann(), at(0)).await;
    assert!(matches!(twin, Err(MappingError::Duplicate)), "{twin:?}");
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
        store
            .create_mapping(&MappingDraft::parse(said).unwrap(), &ann(), at(0))
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
    let written = store.create_mapping(&said, &ann(), at(0)).await.unwrap();
    assert_eq!(written.draft, said);
    let twin = store.create_mapping(&said, &ann(), at(0)).await;
    assert!(matches!(twin, Err(MappingError::Duplicate)), "{twin:?}");
}
