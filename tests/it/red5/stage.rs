//! A running bridge whose table the test writes by hand.

use serde_json::json;
use sqlx::PgPool;

use super::judge::Judge;
use super::table::{Person, Row, rooms_around, row};
use crate::bridge::{Browser, TestBridge};
use crate::eventually::eventually;

/// The group of the person by whose tokens a test sees which table is in force.
const PROBES: &str = "probes";

/// A bridge whose table the test writes by hand.
pub struct Stage {
    pub bridge: TestBridge,
    probe: Browser,
}

impl Stage {
    pub async fn build() -> Self {
        let bridge = TestBridge::start().await;
        bridge.provider.person("probe").groups([PROBES]);
        let probe = bridge.signed_in("probe").await;
        Self { bridge, probe }
    }

    pub async fn enter(&self, person: &Person) -> Browser {
        self.bridge
            .provider
            .person(&person.name)
            .claim("sub", person.subject.as_str())
            .claim("groups", json!(person.groups));
        self.bridge.signed_in(&person.name).await
    }

    /// Puts exactly these rows in force, and waits until the bridge knows.
    pub async fn set(&self, rows: &[Row]) {
        let mut all = rows.to_vec();
        all.push(row(PROBES, "sub", "RTMP", "probe"));
        let version = replace_table(&self.bridge.db, &all).await;
        let probe =
            json!({"roles": ["red5-subscriber"], "transports": ["RTMP"], "rooms": ["probe"]});
        eventually("the bridge knows its table", async || {
            let answer = self.probe.token(probe.clone()).await;
            answer.status == 200 && answer.json()["mapping_version"] == json!(version)
        })
        .await;
    }

    /// Asks for everything that can be asked, and judges every token.
    pub async fn judge(&self, browser: &Browser, person: &Person, rows: &[Row]) {
        let judge = Judge {
            rows,
            person,
            rooms: rooms_around(rows, person),
            now: self.bridge.now(),
        };
        judge.triples(browser).await;
        judge.open_questions(browser).await;
    }
}

/// Writes the table by hand; the number of the change.
async fn replace_table(db: &PgPool, rows: &[Row]) -> i64 {
    let mut transaction = db.begin().await.unwrap();
    sqlx::query("DELETE FROM mappings")
        .execute(&mut *transaction)
        .await
        .unwrap();
    for row in rows {
        let kind = match &row.group {
            None => "everyone",
            Some(group) if group.contains('*') => "glob",
            Some(_) => "exact",
        };
        sqlx::query(
            "INSERT INTO mappings (match, group_name, roles, transports, rooms,
                                   created_at, created_by, updated_at, updated_by)
             SELECT $1, $2, $3, $4, $5, now(), 'test', now(), 'test'
             WHERE NOT EXISTS (SELECT FROM mappings WHERE digest = mapping_digest($1, $2, $3, $4, $5))",
        )
        .bind(kind)
        .bind(&row.group)
        .bind(&row.roles)
        .bind(&row.transports)
        .bind(&row.rooms)
        .execute(&mut *transaction)
        .await
        .unwrap_or_else(|error| panic!("{row:?}: {error}"));
    }
    let version = sqlx::query_scalar("SELECT mappings FROM change_counter")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    version
}
