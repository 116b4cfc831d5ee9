//! Stopping people: who is signed in, ending that, and blocks (SE-5).

mod api;
mod blocks;
mod pages;

use serde_json::{Value, json};

use crate::bridge::{Answer, Browser, TestBridge};

const SESSIONS: &str = "/api/admin/sessions";
const BLOCKS: &str = "/api/admin/blocks";

/// An address with a person in its query.
fn of(path: &str, bridge: &TestBridge, subject: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("issuer", bridge.provider.issuer())
        .append_pair("subject", subject)
        .finish();
    format!("{path}?{query}")
}

/// A user who may watch in the lobby.
async fn viewer(bridge: &TestBridge, name: &str) -> Browser {
    bridge.provider.person(name).groups(["viewers"]);
    bridge.signed_in(name).await
}

/// Blocks `subject` as an administrator would, by the API.
async fn block(bridge: &TestBridge, root: &Browser, subject: &str) -> Answer {
    let block = json!({
        "issuer": bridge.provider.issuer(), "subject": subject, "reason": "Left the company.",
    });
    root.api("POST", BLOCKS, &block).await
}

/// Action, object, before and after of the audit log, the newest last.
async fn audit(bridge: &TestBridge) -> Vec<(String, String, Option<Value>, Option<Value>)> {
    sqlx::query_as(
        "SELECT action, object, before, after FROM audit_log
         WHERE action NOT LIKE 'mapping.%' ORDER BY id",
    )
    .fetch_all(&bridge.db)
    .await
    .unwrap()
}
