//! AD-5 and R5-6 at the table: what a person types at the database is held to
//! the same rules as what comes through a form.

mod lists;
mod rows;

use super::*;

/// Columns of a row and what is written there, in SQL.
type Row<'a> = &'a [(&'a str, &'a str)];

/// A row that is good, with some columns otherwise.
fn insert(changes: Row) -> String {
    let mut columns = vec![
        ("match", "'exact'"),
        ("group_name", "'team'"),
        ("roles", "'{red5-subscriber}'"),
        ("transports", "'{WHEP}'"),
        ("rooms", "'{a}'"),
        ("created_at", "now()"),
        ("created_by", "'ann'"),
        ("updated_at", "now()"),
        ("updated_by", "'ann'"),
    ];
    for (column, value) in changes {
        columns.retain(|(name, _)| name != column);
        columns.push((column, value));
    }
    let (names, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let (names, values) = (names.join(", "), values.join(", "));
    format!("INSERT INTO mappings ({names}) VALUES ({values})")
}

/// A database in which of all CHECKs of the table only `constraint` is left:
/// what is refused there is refused by it alone.
async fn judged_by(constraint: &str) -> Database {
    let database = Database::new().await;
    let checks: Vec<String> = sqlx::query_scalar(
        "SELECT conname::text FROM pg_constraint
         WHERE conrelid = 'mappings'::regclass AND contype = 'c'",
    )
    .fetch_all(&database.hand)
    .await
    .unwrap();
    assert!(checks.contains(&constraint.to_owned()), "{checks:?}");
    for other in checks.iter().filter(|check| *check != constraint) {
        let drop = format!("ALTER TABLE mappings DROP CONSTRAINT {other}");
        database.by_hand(drop).await.unwrap();
    }
    database
}

/// What refuses the row: a constraint by its name, or else the message.
async fn refusal(database: &Database, row: Row<'_>) -> String {
    let refused = database.by_hand(insert(row)).await;
    let refused = refused.expect_err(&format!("taken: {row:?}"));
    let refused = refused.into_database_error().unwrap();
    refused.constraint().unwrap_or(refused.message()).to_owned()
}

async fn refuses(constraint: &str, rows: &[Row<'_>]) {
    let database = judged_by(constraint).await;
    for row in rows {
        assert_eq!(refusal(&database, row).await, constraint, "{row:?}");
    }
}

async fn refuses_values(constraint: &str, column: &str, values: &[&str]) {
    let rows: Vec<_> = values.iter().map(|value| [(column, *value)]).collect();
    let rows: Vec<Row> = rows.iter().map(|row| &row[..]).collect();
    refuses(constraint, &rows).await;
}

/// Takes them all, with every constraint in place.
async fn takes(rows: &[Row<'_>]) {
    let database = Database::new().await;
    for row in rows {
        let taken = database.by_hand(insert(row)).await;
        assert!(taken.is_ok(), "{row:?}: {taken:?}");
    }
    let (tables, _) = database.store().tables(None).await.unwrap();
    assert_eq!(tables.mappings.len(), rows.len());
}
