//! Clocks that differ, as far as a round trip can show it.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{Checked, find, said};
use crate::bridge::TestClock;
use crate::provider::{Answer, Endpoint};

#[tokio::test]
async fn a_clock_that_is_off_is_found_against_database_and_provider() {
    let checked = Checked::with_database().await;
    for (seconds, words) in [
        (-90, "ahead of this machine's"),
        (90, "behind this machine's"),
    ] {
        let clock = Arc::new(TestClock::default());
        clock.advance(TimeDelta::seconds(seconds));
        let said = said(&checked.report_by(clock).await);
        find(&said, "WRONG", &["the database's clock is", words, "NTP"]);
        find(&said, "WRONG", &["the provider's clock is", words, "NTP"]);
    }
    let said = checked.said().await;
    assert!(!said.iter().any(|line| line.contains("clock")), "{said:?}");
}

/// `Date` has whole seconds, so a provider's clock may be up to one second on.
#[tokio::test]
async fn no_more_is_said_of_a_clock_than_is_known() {
    let checked = Checked::new();
    let clock = Arc::new(TestClock::default());
    clock.advance(TimeDelta::seconds(90));
    let said = said(&checked.report_by(clock).await);
    let line = find(&said, "WRONG", &["the provider's clock is", "behind"]);
    let (_, figure) = line.split_once("clock is ").unwrap();
    let (figure, _) = figure.split_once(" seconds").unwrap();
    assert!((85..=90).contains(&figure.parse().unwrap()), "{line}");
}

#[tokio::test]
async fn an_answer_out_of_a_cache_tells_no_time() {
    let checked = Checked::new();
    let old = "Sun, 06 Nov 1994 08:49:37 GMT";
    let refusal = serde_json::json!({"error": "invalid_grant"});
    let answer = Answer::json(400, &refusal).header("date", old);
    checked
        .provider
        .always(Endpoint::Token, answer.clone().header("age", "3"));
    let said_of_cached = checked.said().await;
    assert!(!said_of_cached.iter().any(|line| line.contains("clock")));
    checked.provider.always(Endpoint::Token, answer);
    find(
        &checked.said().await,
        "WRONG",
        &["the provider's clock is", "behind"],
    );
}
