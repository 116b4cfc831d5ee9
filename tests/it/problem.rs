//! A refusal of the JSON API is what RFC 9457 and the product say, and no more.

use serde_json::Value;

use crate::bridge::Answer;

/// Demands the refusal `code`, with these members beside the usual five, and
/// hands them over.
pub fn problem(answer: &Answer, status: u16, code: &str, more: &[&str]) -> Value {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let body = answer.json();
    assert_eq!(body["type"], "about:blank");
    let title = reqwest::StatusCode::from_u16(status).unwrap();
    assert_eq!(body["title"], title.canonical_reason().unwrap());
    assert_eq!(body["status"], status);
    assert_eq!(body["code"], code);
    assert!(!body["detail"].as_str().unwrap().is_empty());
    let mut wanted = vec!["code", "detail", "status", "title", "type"];
    wanted.extend(more);
    wanted.sort_unstable();
    let members: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, wanted);
    body
}
