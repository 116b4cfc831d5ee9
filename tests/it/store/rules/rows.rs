//! What has to fit together in a row, and its times and lengths.

use super::*;

#[tokio::test]
async fn a_capture_needs_its_star() {
    let rows: [Row; 7] = [
        &[("rooms", "'{\"{1}\"}'")],
        &[("group_name", "'a*'"), ("rooms", "'{\"{1}\"}'")],
        &[
            ("match", "'everyone'"),
            ("group_name", "NULL"),
            ("rooms", "'{\"{1}\"}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'a*'"),
            ("rooms", "'{\"{2}\"}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'*-*'"),
            ("rooms", "'{\"a{3}\",b}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'*-*'"),
            ("rooms", "'{\"a{1}{3}\"}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'********'"),
            ("rooms", "'{\"{9}\"}'"),
        ],
    ];
    refuses("mappings_captures", &rows).await;
    takes(&[
        &[
            ("match", "'glob'"),
            ("group_name", "'*-*'"),
            ("rooms", "'{\"{2}{1}\"}'"),
        ],
        &[
            ("match", "'glob'"),
            ("group_name", "'********'"),
            ("rooms", "'{\"{8}\"}'"),
        ],
    ])
    .await;
}

#[tokio::test]
async fn match_and_group_fit() {
    let rows: [Row; 15] = [
        &[("match", "'everyone'"), ("group_name", "'team'")],
        &[("match", "'everyone'"), ("group_name", "''")],
        &[("match", "'exact'"), ("group_name", "NULL")],
        &[("match", "'exact'"), ("group_name", "''")],
        &[("match", "'glob'"), ("group_name", "NULL")],
        &[("match", "'glob'"), ("group_name", "'team'")],
        &[("match", "'glob'"), ("group_name", "'*********'")],
        &[("match", "'exact'"), ("group_name", "repeat('a', 513)")],
        &[("match", "'exact'"), ("group_name", "repeat('é', 257)")],
        &[
            ("match", "'glob'"),
            ("group_name", "'*' || repeat('a', 512)"),
        ],
        &[("match", "'exact'"), ("group_name", "E'a\\nb'")],
        &[("match", "'exact'"), ("group_name", "E'a\\x01'")],
        &[("match", "'exact'"), ("group_name", "E'a\\x7f'")],
        &[("match", "'exact'"), ("group_name", "U&'a\\0085'")],
        &[("match", "'glob'"), ("group_name", "E'a*\\t'")],
    ];
    refuses("mappings_group", &rows).await;
    refuses_values("mappings_match", "match", &["'EXACT'", "''", "'regex'"]).await;
    let nothing = refusal(&Database::new().await, &[("match", "NULL")]).await;
    assert!(nothing.contains("not-null"), "{nothing}");
    takes(&[
        &[("match", "'everyone'"), ("group_name", "NULL")],
        &[("group_name", "repeat('é', 256)")],
        &[("group_name", "'*********'")],
        &[("match", "'glob'"), ("group_name", "'********'")],
    ])
    .await;
}

#[tokio::test]
async fn a_row_that_could_never_serve_is_refused() {
    let rows: [Row; 6] = [
        &[("roles", "'{red5-publisher}'"), ("transports", "'{WHEP}'")],
        &[("roles", "'{red5-subscriber}'"), ("transports", "'{WHIP}'")],
        &[
            ("roles", "'{red5-publisher,red5-subscriber}'"),
            ("transports", "'{WHEP}'"),
        ],
        &[
            ("roles", "'{red5-publisher,red5-subscriber}'"),
            ("transports", "'{WHIP}'"),
        ],
        &[
            ("roles", "'{red5-publisher}'"),
            ("transports", "'{RTMP,WHEP}'"),
        ],
        &[
            ("roles", "'{red5-subscriber}'"),
            ("transports", "'{RTSP,WHIP}'"),
        ],
    ];
    refuses("mappings_can_serve", &rows).await;
    takes(&[
        &[("roles", "'{red5-publisher}'"), ("transports", "'{*}'")],
        &[
            ("roles", "'{red5-publisher,red5-subscriber}'"),
            ("transports", "'{WHEP,WHIP}'"),
        ],
        &[
            ("roles", "'{red5-publisher,red5-subscriber}'"),
            ("transports", "'{RTMP}'"),
        ],
    ])
    .await;
}

#[tokio::test]
async fn times_bounds_and_lengths_are_sane() {
    let lives = ["59", "0", "-1", "31536001"];
    refuses_values("mappings_max_ttl", "max_ttl_seconds", &lives).await;
    let times = [
        "'infinity'",
        "'-infinity'",
        "'1969-12-31 23:59:59+00'",
        "'10000-01-01 00:00:00+00'",
        "'294276-12-31 00:00:00+00'",
        "'0001-01-01 00:00:00+00 BC'",
    ];
    refuses_values("mappings_window", "valid_from", &times).await;
    refuses_values("mappings_window", "valid_until", &times).await;
    refuses_values("mappings_written", "created_at", &times).await;
    refuses_values("mappings_written", "updated_at", &times).await;
    let windows: [Row; 2] = [
        &[
            ("valid_from", "'2026-01-01Z'"),
            ("valid_until", "'2026-01-01Z'"),
        ],
        &[
            ("valid_from", "'2026-01-01Z'"),
            ("valid_until", "'2025-12-31Z'"),
        ],
    ];
    refuses("mappings_window", &windows).await;
    let notes = [
        "repeat('é', 1001)",
        "E'a\\x08'",
        "E'a\\r\\nb'",
        "E'a\\x1b[2J'",
        "U&'\\009b'",
    ];
    refuses_values("mappings_note", "note", &notes).await;
    refuses_values("mappings_version", "version", &["0", "-1"]).await;
    takes(&[
        &[
            ("rooms", "'{a}'"),
            ("max_ttl_seconds", "60"),
            ("note", "E'a\\tb\\nc'"),
        ],
        &[
            ("rooms", "'{b}'"),
            ("max_ttl_seconds", "31536000"),
            ("note", "repeat('é', 1000)"),
        ],
        &[
            ("rooms", "'{c}'"),
            ("valid_from", "'1970-01-01 00:00:00+00'"),
        ],
        &[
            ("rooms", "'{d}'"),
            ("valid_until", "'9999-12-31 23:59:59.999999+00'"),
        ],
    ])
    .await;
}

#[tokio::test]
async fn an_update_is_judged_like_an_insert() {
    let database = Database::new().await;
    let id = create(&database.store(), "team", "a").await.id;
    for change in [
        "rooms = '{}'",
        "rooms = '{a,\"b,c\"}'",
        "roles = '{}'",
        "transports = '{*,RTMP}'",
        "max_ttl_seconds = 1",
    ] {
        assert!(
            database
                .by_hand(format!("UPDATE mappings SET {change} WHERE id = {id}"))
                .await
                .is_err(),
            "{change}"
        );
    }
}

#[tokio::test]
async fn a_row_that_got_past_the_constraints_grants_nothing() {
    let database = Database::new().await;
    let store = database.store();
    create(&store, "team", "a").await;
    database
        .by_hand("ALTER TABLE mappings DROP CONSTRAINT mappings_rooms")
        .await
        .unwrap();
    database
        .by_hand(insert(&[("rooms", "'{}'"), ("group_name", "'b'")]))
        .await
        .unwrap();
    database
        .by_hand(insert(&[("rooms", "'{\"a,b\"}'"), ("group_name", "'c'")]))
        .await
        .unwrap();
    let (tables, _) = store.tables(None).await.unwrap();
    assert_eq!(tables.mappings.len(), 1);
    let instance = Instance::start(&database, NOTICES_ALONE).await;
    let snapshot = instance.snapshots.current().unwrap();
    for group in ["b", "c"] {
        let identity = Identity {
            groups: Groups::Listed([group.to_owned()].into()),
            ..session(1).identity
        };
        assert!(snapshot.mappings.resolve(&identity, at(0)).is_empty());
    }
}
