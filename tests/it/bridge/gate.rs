//! A database that is gone for everybody but the test.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::TestBridge;

/// The database of one bridge, to be shut before everybody but us.
pub struct Gate {
    server: PgConnection,
    /// A connection that is not cut.
    pub inside: PgConnection,
    name: String,
}

impl Gate {
    pub async fn of(bridge: &TestBridge) -> Self {
        let mut url = url::Url::parse(&bridge.database_url).unwrap();
        let inside = PgConnection::connect(url.as_str()).await.unwrap();
        let name = url.path().trim_start_matches('/').to_owned();
        url.set_path("postgres");
        Self {
            server: PgConnection::connect(url.as_str()).await.unwrap(),
            inside,
            name,
        }
    }

    pub async fn shut(&mut self) {
        self.allow(false).await;
        let ours: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
            .fetch_one(&mut self.inside)
            .await
            .unwrap();
        sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = $1 AND pid <> $2",
        )
        .bind(&self.name)
        .bind(ours)
        .execute(&mut self.server)
        .await
        .unwrap();
    }

    pub async fn allow(&mut self, allow: bool) {
        let statement = format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allow}", self.name);
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut self.server)
            .await
            .unwrap();
    }
}
