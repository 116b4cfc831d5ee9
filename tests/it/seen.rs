//! People who have been seen: finding them, what is known of them, who can do something, and
//! forgetting them.

mod forgetting;
mod lists;
mod pages;
mod who_can;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::bridge::{Browser, TestBridge};

const PEOPLE: &str = "/api/admin/people";

/// What an address of the API answers.
async fn read(root: &Browser, path: &str) -> Value {
    let answer = root.peek(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

/// The subjects of a list of people.
async fn listed(root: &Browser, query: &str) -> Vec<String> {
    let found = read(root, &format!("{PEOPLE}?{query}")).await;
    let items = found["items"].as_array().unwrap().iter();
    items
        .map(|item| item["subject"].as_str().unwrap().to_owned())
        .collect()
}

/// The one person whom a text finds.
async fn person(root: &Browser, text: &str) -> Value {
    let found = read(root, &format!("{PEOPLE}?q={text}")).await;
    assert_eq!(found["total"], 1, "{found}");
    found["items"][0].clone()
}

fn id_of(person: &Value) -> &str {
    person["id"].as_str().unwrap()
}

/// Signs in as a member of these groups alone.
async fn signed_in_with<const N: usize>(
    bridge: &TestBridge,
    name: &str,
    groups: [&str; N],
) -> Browser {
    bridge.provider.person(name).groups(groups);
    bridge.signed_in(name).await
}

/// Ends all sessions of a person as an administrator would.
async fn end(bridge: &TestBridge, root: &Browser, subject: &str) {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("issuer", bridge.provider.issuer())
        .append_pair("subject", subject)
        .finish();
    let path = format!("/api/admin/sessions?{query}");
    let ended = root.api("DELETE", &path, &json!({})).await;
    assert_eq!(ended.status, 200, "{}", ended.body);
}

async fn block(bridge: &TestBridge, root: &Browser, subject: &str) {
    let block = json!({
        "issuer": bridge.provider.issuer(), "subject": subject, "reason": "Left the company.",
    });
    let blocked = root.api("POST", "/api/admin/blocks", &block).await;
    assert_eq!(blocked.status, 201, "{}", blocked.body);
}
