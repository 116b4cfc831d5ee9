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

/// Demands 400, and hands over which fields are wrong; each says what to do.
pub fn wrong_fields(answer: &Answer) -> Vec<String> {
    let body = problem(answer, 400, "invalid_request", &["errors"]);
    let errors = body["errors"].as_array().unwrap();
    let field = |error: &Value| {
        assert_eq!(error.as_object().unwrap().len(), 2, "{error}");
        assert!(error["reason"].as_str().unwrap().len() > 10, "{error}");
        error["field"].as_str().unwrap().to_owned()
    };
    errors.iter().map(field).collect()
}
