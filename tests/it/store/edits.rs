//! Rows come back as they were written, and of two editors one wins.

use red5_bridge::domain::mapping::MappingId;
use red5_bridge::store::StoreError;
use red5_bridge::store::mappings::{NotChanged, Twin};

use super::*;

// --- what is written ---

#[tokio::test]
async fn a_mapping_comes_back_as_it_was_written() {
    let database = Database::new().await;
    let store = database.store();
    let full = members(json!({
        "group": "show-*", "match": "glob", "roles": ["red5-subscriber", "red5-publisher"],
        "transports": ["whip", "RTMP"], "rooms": ["z", "class-*", "show-{1}", "B"],
        "max_ttl_seconds": 31_536_000, "valid_from": at(0), "valid_until": at(60),
        "enabled": false, "note": "line\nline"
    }));
    let full = MappingDraft::parse(full).unwrap();
    let written = one_row::create(&store, &full, &ann(), at(5)).await.unwrap();
    assert_eq!(written.draft, full);
    assert_eq!(written.version, 1);
    assert_eq!((written.created_at, written.updated_at), (at(5), at(5)));
    assert_eq!(
        store.mapping(written.id).await.unwrap().as_ref(),
        Some(&written)
    );

    let replaced = one_row::replace(
        &store,
        written.id,
        1,
        &draft("team", "a"),
        &Actor::cli("root"),
        at(9),
    )
    .await
    .unwrap();
    assert_eq!(replaced.draft, draft("team", "a"));
    assert_eq!(replaced.version, 2);
    assert_eq!(
        (replaced.created_at, replaced.created_by.as_str()),
        (at(5), "ann")
    );
    assert_eq!(
        (replaced.updated_at, replaced.updated_by.as_str()),
        (at(9), "cli:root")
    );
}

#[tokio::test]
async fn the_table_has_the_rows_by_number_and_the_number_of_its_last_change() {
    let database = Database::new().await;
    let store = database.store();
    for room in ["a", "b", "c"] {
        create(&store, "team", room).await;
    }
    let (tables, mapping_version) = store.tables(None).await.unwrap();
    let ids: Vec<i64> = tables.mappings.iter().map(|mapping| mapping.id.0).collect();
    assert_eq!(ids, [1, 2, 3]);
    let version = database.number("SELECT mappings FROM change_counter").await;
    assert_eq!(mapping_version, version);
}

#[tokio::test]
async fn ad_7_text_that_looks_like_sql_is_text() {
    let database = Database::new().await;
    let store = database.store();
    for group in [
        "'; DROP TABLE mappings; --",
        "%",
        "_",
        "\\",
        "$1",
        "Ünï\u{fffd}🎥",
        "\"",
        "{a,b}",
    ] {
        let mut said = sent(group, "a");
        said.insert("note".to_owned(), json!(group));
        let said = MappingDraft::parse(said).unwrap();
        let actor = Actor {
            label: group.to_owned(),
            ..ann()
        };
        let written = one_row::create(&store, &said, &actor, at(0)).await.unwrap();
        assert_eq!(written.draft, said);
        assert_eq!(written.created_by, group);
        let twin = one_row::create(&store, &said, &actor, at(0)).await;
        assert!(
            matches!(twin, Err(NotChanged::Duplicate { change: 0, twin: Twin::Row(id) }) if id == written.id.0),
            "{twin:?}"
        );
    }
    let log = store.audit_log(&AuditFilter::default(), 1).await.unwrap();
    assert_eq!(log[0].actor_label, "{a,b}");
}

#[tokio::test]
async fn ad_7_nul_is_refused_and_nothing_is_written() {
    let database = Database::new().await;
    let store = database.store();
    let mut said = sent("a\0b", "a");
    said.insert("note".to_owned(), json!("\0"));
    assert_eq!(MappingDraft::parse(said).unwrap_err().len(), 2);
    // Postgres stores none either, and the connection is good afterwards.
    let actor = Actor {
        label: "a\0b".to_owned(),
        ..ann()
    };
    let refused = one_row::create(&store, &draft("team", "a"), &actor, at(0)).await;
    assert!(
        matches!(refused, Err(NotChanged::Store(StoreError::Refused(_)))),
        "{refused:?}"
    );
    assert_eq!(database.number("SELECT count(*) FROM mappings").await, 0);
    create(&store, "team", "a").await;
}

// --- versions ---

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ad_4_of_many_editors_of_one_version_exactly_one_wins() {
    let database = Database::new().await;
    let (one, other) = (database.store(), database.store());
    let id = create(&one, "team", "a").await.id;
    let tries: Vec<_> = (0..12)
        .map(|n| {
            let store = if n % 2 == 0 { &one } else { &other }.clone();
            tokio::spawn(async move {
                let room = format!("room-{n}");
                one_row::replace(&store, id, 1, &draft("team", &room), &ann(), at(n)).await
            })
        })
        .collect();
    let mut winners = Vec::new();
    let mut losers = Vec::new();
    for done in tries {
        match done.await.unwrap() {
            Ok(written) => winners.push(written),
            Err(refused) => losers.push(one_row::stale(&refused).unwrap().clone()),
        }
    }
    assert_eq!((winners.len(), losers.len()), (1, 11));
    // Each loser is shown the row as it is now.
    assert!(losers.iter().all(|current| *current == winners[0]));
    assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 2);
}

#[tokio::test]
async fn ad_4_a_stale_version_changes_nothing() {
    let database = Database::new().await;
    let store = database.store();
    let first = create(&store, "team", "a").await;
    let now = one_row::replace(&store, first.id, 1, &draft("team", "b"), &ann(), at(1))
        .await
        .unwrap();
    for version in [1, 3, 0, -1, i64::MAX] {
        let replaced = one_row::replace(
            &store,
            first.id,
            version,
            &draft("team", "c"),
            &ann(),
            at(2),
        )
        .await;
        let deleted = one_row::delete(&store, first.id, version, &ann(), at(2)).await;
        for outcome in [replaced.map(drop), deleted] {
            assert_eq!(one_row::stale(&outcome.unwrap_err()), Some(&now));
        }
    }
    assert_eq!(store.mapping(first.id).await.unwrap(), Some(now));
    assert_eq!(database.number("SELECT count(*) FROM audit_log").await, 2);
}

#[tokio::test]
async fn an_edit_by_hand_makes_the_version_in_a_browser_stale() {
    let database = Database::new().await;
    let store = database.store();
    let id = create(&store, "team", "a").await.id;
    database
        .by_hand("UPDATE mappings SET enabled = false, version = 1")
        .await
        .unwrap();
    let lost = one_row::replace(&store, id, 1, &draft("team", "b"), &ann(), at(1)).await;
    let lost = lost.unwrap_err();
    let now = one_row::stale(&lost).unwrap();
    assert_eq!((now.version, now.draft.enabled()), (2, false));
}

#[tokio::test]
async fn a_number_is_never_used_again() {
    let database = Database::new().await;
    let store = database.store();
    let first = create(&store, "team", "a").await;
    one_row::delete(&store, first.id, 1, &ann(), at(0))
        .await
        .unwrap();
    assert!(create(&store, "team", "a").await.id > first.id);
    let gone = one_row::replace(&store, first.id, 1, &draft("team", "b"), &ann(), at(0)).await;
    assert!(one_row::is_gone(&gone.unwrap_err()));
    let gone = one_row::delete(&store, first.id, 1, &ann(), at(0)).await;
    assert!(one_row::is_gone(&gone.unwrap_err()));
    assert_eq!(store.mapping(MappingId(i64::MAX)).await.unwrap(), None);
    let by_hand = "INSERT INTO mappings (id, match, roles, transports, rooms, created_at, created_by, updated_at, updated_by)
                   VALUES (1, 'everyone', '{red5-subscriber}', '{*}', '{*}', now(), '', now(), '')";
    assert!(database.by_hand(by_hand).await.is_err());
}
