//! R5-6: a comma is a second room, and other characters are another path. Such
//! a room is refused by every door, by the table, and at last by the exchange.

use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};

use super::{PUBLISH, WATCH};
use crate::bridge::{Browser, TestBridge};
use crate::eventually::eventually;

/// What is no room. A pattern may have a `*`, a template its braces.
const NO_ROOMS: [&str; 15] = [
    "a,admin-room",
    ",",
    "",
    " ",
    "a b",
    "a\n",
    "a\tb",
    "a/b",
    "a\\b",
    "**",
    "{group}",
    "salon-é",
    ".",
    "..",
    "a\u{200b}",
];

fn too_long() -> String {
    "r".repeat(129)
}

#[tokio::test]
async fn r5_6_a_mapping_with_such_a_room_is_refused_by_field() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for room in NO_ROOMS.into_iter().chain([too_long().as_str()]) {
        let mapping = json!({"group": "crew", "match": "exact", "roles": PUBLISH,
                             "transports": ["WHIP"], "rooms": ["stage", room]});
        let answer = admin.api("POST", "/api/admin/mappings", &mapping).await;
        assert_eq!(answer.status, 400, "{room:?}: {}", answer.body);
        assert_eq!(answer.json()["errors"][0]["field"], "rooms[1]", "{room:?}");
    }
    assert_eq!(bridge.count("mappings").await, 0);
}

#[tokio::test]
async fn r5_6_such_a_room_cannot_be_asked_for() {
    let bridge = TestBridge::start().await;
    bridge.map("crew", PUBLISH, &["WHIP"], &["*"]).await;
    bridge.provider.person("ann").groups(["crew"]);
    let ann = bridge.signed_in("ann").await;
    let others = ["a*", "{username}", "*,a"];
    for room in NO_ROOMS
        .into_iter()
        .chain(others)
        .chain([too_long().as_str()])
    {
        let answer = ann.token(json!({"rooms": [room]})).await;
        assert_eq!(answer.status, 400, "{room:?}: {}", answer.body);
        assert_eq!(answer.code(), "invalid_request");
        assert_eq!(answer.json()["errors"][0]["field"], "rooms[0]", "{room:?}");
    }
    let beside_a_name = ann.token(json!({"rooms": ["*", "a"]})).await;
    assert_eq!(beside_a_name.status, 400);
}

#[tokio::test]
async fn r5_6_the_table_itself_refuses_such_a_room() {
    let bridge = TestBridge::start().await;
    for room in NO_ROOMS.into_iter().chain([too_long().as_str()]) {
        let error = insert(&bridge.db, &["red5-publisher"], &["WHIP"], &[room])
            .await
            .unwrap_err();
        assert_eq!(constraint(&error), Some("mappings_rooms"), "{room:?}");
    }
    let beside_a_name = insert(&bridge.db, &["red5-publisher"], &["WHIP"], &["*", "a"]).await;
    assert_eq!(
        constraint(&beside_a_name.unwrap_err()),
        Some("mappings_rooms")
    );
    insert(&bridge.db, &["red5-publisher"], &["WHIP"], &["stage"])
        .await
        .unwrap();
}

#[tokio::test]
async fn r5_4_r5_5_the_table_refuses_lists_that_are_empty_or_absent() {
    let bridge = TestBridge::start().await;
    // It refuses most of these too, and would hide the constraint of the list.
    drop_constraint(&bridge.db, "can_serve").await;
    for (roles, transports, rooms, named) in [
        (&[][..], &["WHIP"][..], &["a"][..], "mappings_roles"),
        (PUBLISH, &[], &["a"], "mappings_transports"),
        (PUBLISH, &["WHIP"], &[], "mappings_rooms"),
        (&["*"], &["WHIP"], &["a"], "mappings_roles"),
        (&["admin"], &["WHIP"], &["a"], "mappings_roles"),
        (PUBLISH, &["SRT"], &["a"], "mappings_transports"),
        (PUBLISH, &["*", "WHIP"], &["a"], "mappings_transports"),
    ] {
        let error = insert(&bridge.db, roles, transports, rooms)
            .await
            .unwrap_err();
        assert_eq!(constraint(&error), Some(named));
    }
    for list in ["roles", "transports", "rooms"] {
        for absent in ["NULL", "'{NULL}'"] {
            let lists = ["roles", "transports", "rooms"].map(|it| match it {
                _ if it == list => absent,
                "roles" => "'{red5-publisher}'",
                "transports" => "'{WHIP}'",
                _ => "'{a}'",
            });
            let [roles, transports, rooms] = lists;
            let statement = format!(
                "INSERT INTO mappings (match, group_name, roles, transports, rooms,
                                       created_at, created_by, updated_at, updated_by)
                 VALUES ('exact', 'crew', {roles}, {transports}, {rooms}, now(), 'hand', now(), 'hand')"
            );
            let outcome = sqlx::query(AssertSqlSafe(statement))
                .execute(&bridge.db)
                .await;
            assert!(outcome.is_err(), "{list} {absent}");
        }
    }
}

#[tokio::test]
async fn r5_4_r5_5_r5_6_a_row_forced_past_the_table_grants_nothing() {
    let bridge = TestBridge::start().await;
    bridge.map("viewers", WATCH, &["WHEP"], &["lobby"]).await;
    bridge.provider.person("eve").groups(["crew", "viewers"]);
    let eve = bridge.signed_in("eve").await;
    for constraint in ["rooms", "transports", "roles", "can_serve"] {
        drop_constraint(&bridge.db, constraint).await;
    }
    for (roles, transports, rooms) in [
        (PUBLISH, &["WHIP"][..], &["stage,vip"][..]),
        (PUBLISH, &["WHIP"], &["stage", "stage,vip"]),
        (PUBLISH, &["WHIP"], &[]),
        (PUBLISH, &[], &["stage"]),
        (&[], &["WHIP"], &["stage"]),
        (PUBLISH, &[""], &["stage"]),
        (PUBLISH, &["WHIP"], &[""]),
        (PUBLISH, &["WHIP", "SRT"], &["stage"]),
        (&["red5-publisher", "admin"], &["WHIP"], &["stage"]),
    ] {
        insert(&bridge.db, roles, transports, rooms).await.unwrap();
        let context = format!("{roles:?} {transports:?} {rooms:?}");
        reaches(&bridge, &eve).await;
        for ask in [
            json!({"rooms": ["stage"]}),
            json!({"rooms": ["vip"]}),
            json!({"rooms": ["*"]}),
            json!({"roles": PUBLISH}),
        ] {
            let answer = eve.token(ask.clone()).await;
            assert_eq!(answer.status, 403, "{context}, {ask}: {}", answer.body);
        }
        // The rows beside it go on.
        let answer = eve.token(json!({})).await.json();
        assert_eq!(answer["rooms"], json!(["lobby"]), "{context}");
        sqlx::query("DELETE FROM mappings WHERE group_name = 'crew'")
            .execute(&bridge.db)
            .await
            .unwrap();
    }
}

async fn drop_constraint(db: &PgPool, name: &str) {
    let drop = format!("ALTER TABLE mappings DROP CONSTRAINT mappings_{name}");
    sqlx::query(AssertSqlSafe(drop)).execute(db).await.unwrap();
}

/// Waits until the table as it is now is the one that answers.
async fn reaches(bridge: &TestBridge, browser: &Browser) {
    let version: i64 = sqlx::query_scalar("SELECT mappings FROM change_counter")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    eventually("the table of now is in force", async || {
        browser.token(json!({})).await.json()["mapping_version"] == json!(version)
    })
    .await;
}

async fn insert(
    db: &PgPool,
    roles: &[&str],
    transports: &[&str],
    rooms: &[&str],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO mappings (match, group_name, roles, transports, rooms,
                               created_at, created_by, updated_at, updated_by)
         VALUES ('exact', 'crew', $1, $2, $3, now(), 'hand', now(), 'hand')",
    )
    .bind(roles)
    .bind(transports)
    .bind(rooms)
    .execute(db)
    .await?;
    Ok(())
}

fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}
