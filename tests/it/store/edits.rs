use red5_bridge::domain::mapping::MappingId;
use red5_bridge::store::StoreError;
use red5_bridge::store::mappings::MappingError;
use serde_json::{Value, json};

use super::*;

async fn audited(database: &Database) -> Vec<(String, String, Option<Value>, Option<Value>)> {
    sqlx::query_as("SELECT action, object, before, after FROM audit_log ORDER BY id")
        .fetch_all(&database.hand)
        .await
        .unwrap()
}

// --- what is written ---

#[tokio::test]
async fn a_mapping_comes_back_as_it_was_written() {
    let database = Database::new().await;
    let store = database.store();
    let full = MappingInput {
        group: Some("show-*".to_owned()),
        group_match: "glob".to_owned(),
        roles: vec!["red5-subscriber".to_owned(), "red5-publisher".to_owned()],
        transports: vec!["whip".to_owned(), "RTMP".to_owned()],
        rooms: vec![
            "z".to_owned(),
            "class-*".to_owned(),
            "show-{1}".to_owned(),
            "B".to_owned(),
        ],
        max_ttl_seconds: Some(31_536_000),
        valid_from: Some(at(0)),
        valid_until: Some(at(60)),
        enabled: false,
        note: "line\nline".to_owned(),
    };
    let full = MappingDraft::parse(full).unwrap();
    let written = store.create_mapping(&full, &ann(), at(5)).await.unwrap();
    assert_eq!(written.draft, full);
    assert_eq!(written.version, 1);
    assert_eq!((written.created_at, written.updated_at), (at(5), at(5)));
    assert_eq!(store.mapping(written.id).await.unwrap(), written);

    let replaced = store
        .replace_mapping(
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
async fn a_page_has_the_rows_by_number_and_counts_them_all() {
    let database = Database::new().await;
    let store = database.store();
    for room in ["a", "b", "c"] {
        create(&store, "team", room).await;
    }
    let page = store.list_mappings(2, 1).await.unwrap();
    let ids: Vec<i64> = page.items.iter().map(|mapping| mapping.id.0).collect();
    assert_eq!((ids, page.total), (vec![2, 3], 3));
    let version = database.number("SELECT mappings FROM change_counter").await;
    assert_eq!(page.mapping_version, version);
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
        let mut said = input(group, "a");
        said.note = group.to_owned();
        let said = MappingDraft::parse(said).unwrap();
        let actor = Actor {
            label: group.to_owned(),
            ..ann()
        };
        let written = store.create_mapping(&said, &actor, at(0)).await.unwrap();
        assert_eq!(written.draft, said);
        assert_eq!(written.created_by, group);
        assert_eq!(store.twin(&said).await.unwrap(), Some(written.id));
    }
    assert_eq!(store.twin(&draft("o", "a")).await.unwrap(), None);
    let log = store.audit_log(1, 0).await.unwrap();
    assert_eq!(log[0].actor_label, "{a,b}");
}

#[tokio::test]
async fn ad_7_nul_is_refused_and_nothing_is_written() {
    let database = Database::new().await;
    let store = database.store();
    let mut said = input("a\0b", "a");
    said.note = "\0".to_owned();
    assert_eq!(MappingDraft::parse(said).unwrap_err().len(), 2);
    // Postgres stores none either, and the connection is good afterwards.
    let actor = Actor {
        label: "a\0b".to_owned(),
        ..ann()
    };
    let refused = store
        .create_mapping(&draft("team", "a"), &actor, at(0))
        .await;
    assert!(
        matches!(refused, Err(MappingError::Store(StoreError::Refused(_)))),
        "{refused:?}"
    );
    assert_eq!(database.number("SELECT count(*) FROM mappings").await, 0);
    create(&store, "team", "a").await;
}

// --- one transaction with the audit row ---

#[tokio::test]
async fn ad_9_each_change_is_audited_with_before_and_after() {
    let database = Database::new().await;
    let store = database.store();
    let id = create(&store, "team", "a").await.id;
    store
        .replace_mapping(id, 1, &draft("team", "b"), &ann(), at(1))
        .await
        .unwrap();
    store.delete_mapping(id, 2, &ann(), at(2)).await.unwrap();

    let row = |room: &str, version: i64, updated: i64| {
        json!({
            "id": 1, "group": "team", "match": "exact", "roles": ["red5-subscriber"], "transports": ["WHEP"],
            "rooms": [room], "max_ttl_seconds": null, "valid_from": null, "valid_until": null, "enabled": true,
            "note": "", "version": version, "created_at": "2026-11-18T11:06:40Z", "created_by": "ann",
            "updated_at": format!("2026-11-18T11:06:4{updated}Z"), "updated_by": "ann",
        })
    };
    let entry = |action: &str, before, after| (action.to_owned(), "1".to_owned(), before, after);
    assert_eq!(
        audited(&database).await,
        [
            entry("mapping.create", None, Some(row("a", 1, 0))),
            entry(
                "mapping.replace",
                Some(row("a", 1, 0)),
                Some(row("b", 2, 1))
            ),
            entry("mapping.delete", Some(row("b", 2, 1)), None),
        ]
    );
    let newest = &store.audit_log(1, 0).await.unwrap()[0];
    assert_eq!(
        (newest.action.as_str(), newest.at),
        ("mapping.delete", at(2))
    );
    assert_eq!(
        (newest.actor_issuer.as_str(), newest.actor_subject.as_str()),
        ("https://login.example", "s-1")
    );
    assert_eq!(newest.client_ip.as_deref(), Some("192.0.2.7"));
    assert_eq!(newest.request_id.as_deref(), Some("r-1"));
    assert_eq!(
        store.audit_log(10, 2).await.unwrap()[0].action,
        "mapping.create"
    );
}

#[tokio::test]
async fn ad_9_a_change_that_cannot_be_audited_does_not_happen() {
    let database = Database::new().await;
    let store = database.store();
    let id = create(&store, "team", "a").await.id;
    database
        .by_hand("ALTER TABLE audit_log ADD CONSTRAINT nothing_fits CHECK (false) NOT VALID")
        .await
        .unwrap();
    let version = database.number("SELECT mappings FROM change_counter").await;
    assert!(
        store
            .create_mapping(&draft("team", "b"), &ann(), at(0))
            .await
            .is_err()
    );
    assert!(
        store
            .replace_mapping(id, 1, &draft("team", "b"), &ann(), at(0))
            .await
            .is_err()
    );
    assert!(store.delete_mapping(id, 1, &ann(), at(0)).await.is_err());
    let page = store.list_mappings(10, 0).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].draft, draft("team", "a"));
    assert_eq!(page.mapping_version, version);
}

#[tokio::test]
async fn ad_9_the_audit_log_is_append_only_for_every_role() {
    let database = Database::new().await;
    create(&database.store(), "team", "a").await;
    for attempt in [
        "UPDATE audit_log SET actor_label = 'bob'",
        "UPDATE audit_log SET actor_label = 'bob' WHERE false",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "TRUNCATE mappings, audit_log",
        "INSERT INTO audit_log (id, at, actor_issuer, actor_subject, actor_label, action, object)
         OVERRIDING SYSTEM VALUE VALUES (1, now(), '', '', '', 'a.b', '')
         ON CONFLICT (id) DO UPDATE SET actor_label = 'bob'",
        // Ordinary triggers would rest.
        "SET session_replication_role = replica; DELETE FROM audit_log",
    ] {
        // The tests' role is the superuser; no role has more rights.
        let refused = database.by_hand(attempt).await.expect_err(attempt);
        assert!(
            refused.to_string().contains("audit_log is append-only"),
            "{refused}"
        );
    }
    let kept = database
        .number("SELECT count(*) FROM audit_log WHERE actor_label = 'ann'")
        .await;
    assert_eq!(kept, 1);
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
                store
                    .replace_mapping(id, 1, &draft("team", &room), &ann(), at(n))
                    .await
            })
        })
        .collect();
    let mut winners = Vec::new();
    let mut losers = Vec::new();
    for done in tries {
        match done.await.unwrap() {
            Ok(written) => winners.push(written),
            Err(MappingError::Stale(current)) => losers.push(*current),
            Err(other) => panic!("{other:?}"),
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
    let now = store
        .replace_mapping(first.id, 1, &draft("team", "b"), &ann(), at(1))
        .await
        .unwrap();
    for version in [1, 3, 0, -1, i64::MAX] {
        let replaced = store
            .replace_mapping(first.id, version, &draft("team", "c"), &ann(), at(2))
            .await;
        let deleted = store.delete_mapping(first.id, version, &ann(), at(2)).await;
        for outcome in [replaced.map(drop), deleted] {
            assert!(
                matches!(&outcome, Err(MappingError::Stale(current)) if **current == now),
                "{outcome:?}"
            );
        }
    }
    assert_eq!(store.mapping(first.id).await.unwrap(), now);
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
    let lost = store
        .replace_mapping(id, 1, &draft("team", "b"), &ann(), at(1))
        .await;
    assert!(
        matches!(&lost, Err(MappingError::Stale(now)) if now.version == 2 && !now.draft.enabled()),
        "{lost:?}"
    );
}

#[tokio::test]
async fn a_number_is_never_used_again() {
    let database = Database::new().await;
    let store = database.store();
    let first = create(&store, "team", "a").await;
    store
        .delete_mapping(first.id, 1, &ann(), at(0))
        .await
        .unwrap();
    assert!(create(&store, "team", "a").await.id > first.id);
    let gone = store
        .replace_mapping(first.id, 1, &draft("team", "b"), &ann(), at(0))
        .await;
    assert!(matches!(gone, Err(MappingError::NotFound)), "{gone:?}");
    let gone = store.delete_mapping(first.id, 1, &ann(), at(0)).await;
    assert!(matches!(gone, Err(MappingError::NotFound)), "{gone:?}");
    assert!(matches!(
        store.mapping(MappingId(i64::MAX)).await,
        Err(MappingError::NotFound)
    ));
    let by_hand = "INSERT INTO mappings (id, match, roles, transports, rooms, created_at, created_by, updated_at, updated_by)
                   VALUES (1, 'everyone', '{red5-subscriber}', '{*}', '{*}', now(), '', now(), '')";
    assert!(database.by_hand(by_hand).await.is_err());
}

// --- twins ---

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rows_that_say_the_same_are_refused() {
    let database = Database::new().await;
    let store = database.store();
    let tries: Vec<_> = (0..10)
        .map(|n| {
            let store = store.clone();
            let mut said = input("team", "a");
            said.note = format!("note {n}");
            said.enabled = n % 2 == 0;
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
    let everyone = MappingInput {
        group: None,
        group_match: "everyone".to_owned(),
        ..input("", "a")
    };
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
    let glob = MappingInput {
        group_match: "glob".to_owned(),
        ..input("*", "a")
    };
    let star = MappingInput {
        group_match: "exact".to_owned(),
        ..input("*", "a")
    };
    for said in [glob, star] {
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
    let mut said = input(&"é".repeat(256), "a");
    said.rooms = (0..500).map(|n| format!("{n:0>128}")).collect();
    said.note = "🎥".repeat(1000);
    let said = MappingDraft::parse(said).unwrap();
    let written = store.create_mapping(&said, &ann(), at(0)).await.unwrap();
    assert_eq!(written.draft, said);
    let twin = store.create_mapping(&said, &ann(), at(0)).await;
    assert!(matches!(twin, Err(MappingError::Duplicate)), "{twin:?}");
}
