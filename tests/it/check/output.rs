//! How the report reads, as docs/operators.md shows it.

use super::{Checked, find, said};

/// The page's example, with the addresses of this test.
fn documented() -> String {
    let page = include_str!("../../../docs/operators.md");
    let (_, rest) = page
        .split_once("```text\nconfiguration\n")
        .expect("the page shows a report");
    let example = rest.split("```").next().unwrap();
    format!("configuration\n{example}")
}

/// The version that the page was written with, and whatever is longer or shorter
/// here, is no difference: words are compared, not where lines break.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_report_in_the_documentation_is_what_the_program_says() {
    let checked = Checked::with_database()
        .await
        .set("BRIDGE_ADMIN_GROUPS", "")
        .set("BRIDGE_ADMIN_GROUP", "streaming-admins")
        .set("OIDC_CLIENT_SECRET", "not-the-secret");
    let issuer = checked.provider.issuer().to_owned();
    let checked = checked.set("OIDC_ISSUER_URL", &issuer);
    checked
        .provider
        .discovery(|document| document.set("claims_supported", serde_json::json!(["sub", "name"])));
    let report = checked.report().await;
    let said_lines = said(&report);
    let version = find(&said_lines, "ok", &["PostgreSQL"]).to_owned();
    let shown = report
        .to_string()
        .replace(&words(&version)["ok ".len()..], "PostgreSQL 17.2 answers")
        .replace("https://bridge.example/", "https://bridge.example.com/");
    assert_eq!(words(&shown), words(&documented()), "\n{report}");
}

#[tokio::test]
async fn lines_are_short_and_no_word_is_broken() {
    let checked = Checked::new().set("OIDC_ISSUER_URL", "http://id.example.com");
    let text = checked.report().await.to_string();
    for line in text.lines() {
        assert!(line.len() <= 100, "{line}");
        assert_eq!(line.trim_end(), line);
    }
    assert!(text.contains("docs/operators.md") || text.contains(".env.example"));
}
