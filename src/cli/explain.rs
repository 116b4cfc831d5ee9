//! Why a person may or may not do something, from the command line.

use std::sync::Arc;

use crate::app;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::domain::allows::{allows_grant, listed};
use crate::domain::explain::{Decision, Explanation};
use crate::domain::grant::Grant;
use crate::domain::members::FieldError;
use crate::domain::time::utc;
use crate::flow::explain::Question;
use crate::json;
use crate::visible::visible;

/// Reads a question.
///
/// # Errors
/// Each invalid field.
pub fn question(given: &[u8]) -> Result<Question, Vec<FieldError>> {
    let members = json::object(given).ok_or_else(|| {
        let reason = "must be one JSON object in which no member stands twice";
        vec![FieldError::new("question", reason)]
    })?;
    Question::parse(members)
}

/// Answers a question by what the database has now.
///
/// # Errors
/// When the database cannot be asked, and where there is no such session.
pub async fn answer(
    config: Config,
    question: &Question,
) -> Result<Explanation, Box<dyn std::error::Error + Send + Sync>> {
    let (explain, store) = app::explain(config, Arc::new(SystemClock))?;
    let explanation = explain.answer_from_database(question).await;
    store.close().await;
    Ok(explanation?)
}

/// The answer in words, line by line.
pub fn words(explanation: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    let mut say = |what: &str, text: &str| lines.push(format!("{what:<12}{}", visible(text)));
    let identity = &explanation.identity;
    for (what, text) in [
        ("subject", &identity.subject),
        ("user name", &identity.username),
        ("name", &identity.name),
    ] {
        if let Some(text) = text {
            say(what, text);
        }
    }
    let groups: Vec<String> = identity
        .groups
        .iter()
        .map(|group| format!("{group:?}"))
        .collect();
    let none = "none".to_owned();
    say(
        "groups",
        &if groups.is_empty() {
            none
        } else {
            listed(&groups, "and")
        },
    );
    say("when", &utc(explanation.at));
    say("table", &format!("version {}", explanation.mapping_version));
    for row in &explanation.rows {
        let verdict = row.verdict.word();
        say(
            "mapping",
            &format!("{}: {verdict}: {}", row.id, row.because),
        );
        for grant in &row.grants {
            say("", &format!("gives: {}", grant_words(grant)));
        }
        for out in &row.rooms_left_out {
            say("", &format!("without {}: {}", out.room, out.because));
        }
    }
    if explanation.rows.is_empty() {
        say("mapping", "none matches, and none nearly does");
    }
    for grant in &explanation.entitlement {
        say("holds", &grant_words(grant));
    }
    match &explanation.decision {
        Decision::Issued {
            expires_in,
            ttl_limited_by,
            left_out,
            ..
        } => {
            let limited =
                ttl_limited_by.map_or_else(String::new, |by| format!(", limited by {by}"));
            say(
                "issued",
                &format!("a token for {expires_in} seconds{limited}"),
            );
            for sentence in &explanation.red5 {
                say("Red5", sentence);
            }
            for grant in left_out {
                say("left out", &grant_words(grant));
            }
        }
        Decision::Refused {
            code,
            because,
            nearest,
            ..
        } => {
            say("refused", &format!("{code}: {because}"));
            for grant in nearest {
                say("closest", &grant_words(grant));
            }
        }
    }
    lines
}

fn grant_words(grant: &Grant) -> String {
    allows_grant(grant).join("; ")
}
