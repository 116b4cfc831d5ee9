//! Forms that are not saved: what they say, and what they keep.

use super::{GOOD, LIST, NEW, escaped, form, rows};
use crate::bridge::{Answer, TestBridge};

/// A problem beside its field and in the summary that leads there.
fn says(answer: &Answer, control: &str) {
    assert_eq!(answer.status, 400, "{control}");
    assert!(answer.body.contains("Nothing was saved"), "{control}");
    assert!(
        answer.body.contains(&format!("<a href=\"#{control}\">")),
        "{control}: {}",
        answer.body
    );
    assert!(
        answer.body.contains("<p class=\"error-text\">"),
        "{control}"
    );
}

#[tokio::test]
async fn ad_5_what_is_wrong_is_said_beside_the_field_and_what_was_typed_is_kept() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let long = "x".repeat(513);
    let wrong: &[(&str, Option<&str>, &str)] = &[
        ("match", None, "match-exact"),
        ("match", Some("regex"), "match-exact"),
        ("group", None, "group"),
        ("group", Some(""), "group"),
        ("group", Some("a\u{0}b"), "group"),
        ("group", Some(&long), "group"),
        ("match", Some("everyone"), "group"),
        ("match", Some("glob"), "group"),
        ("roles", None, "roles-red5-publisher"),
        ("roles", Some("*"), "roles-red5-publisher"),
        ("roles", Some("admin"), "roles-red5-publisher"),
        ("transports", None, "transports-listed"),
        ("transports", Some("HLS"), "transports-listed"),
        ("transports_are", Some("any"), "transports-listed"),
        ("rooms", None, "rooms"),
        ("rooms", Some("  \n "), "rooms"),
        ("rooms", Some("a,b"), "rooms"),
        ("rooms", Some("lobby\n*"), "rooms"),
        ("rooms", Some("lobby\na b"), "rooms"),
        ("rooms", Some("{1}"), "rooms"),
        ("rooms_are", Some("any"), "rooms"),
        ("max_ttl_seconds", Some("59"), "max_ttl_seconds"),
        ("max_ttl_seconds", Some("ten"), "max_ttl_seconds"),
        (
            "max_ttl_seconds",
            Some("99999999999999999999"),
            "max_ttl_seconds",
        ),
        ("valid_from", Some("tomorrow"), "valid_from"),
        ("valid_until", Some("2026-13-01"), "valid_until"),
        ("note", Some("a\u{0}"), "note"),
    ];
    for (field, value, control) in wrong {
        let answer = admin.submit(NEW, LIST, &form(field, *value)).await;
        says(&answer, control);
        if *field != "note" {
            assert!(answer.body.contains("\nfront desk</textarea>"), "{field}");
        }
        if let Some(value) = value.filter(|_| {
            !["match", "roles", "transports"].contains(field) && !field.ends_with("_are")
        }) {
            let kept = escaped(value);
            assert!(answer.body.contains(kept.trim_end()), "{field}: {value}");
        }
    }
    assert_eq!(bridge.count("mappings").await, 0);
    assert_eq!(bridge.count("audit_log").await, 0);
}

#[tokio::test]
async fn a_field_that_is_sent_twice_decides_nothing() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    for (name, other) in [
        ("group", "everybody"),
        ("rooms", "vault"),
        ("match", "glob"),
        ("rooms_are", "any"),
        ("note", "x"),
    ] {
        let fields = [GOOD, &[(name, other)]].concat();
        assert_eq!(admin.submit(NEW, LIST, &fields).await.status, 400, "{name}");
    }
    assert_eq!(bridge.count("mappings").await, 0);
}

#[tokio::test]
async fn a_twin_is_named_and_nothing_is_saved() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    assert_eq!(admin.submit(NEW, LIST, GOOD).await.status, 303);
    let id = rows(&admin).await[0]["id"].to_string();
    let answer = admin
        .submit(NEW, LIST, &form("note", Some("the same again")))
        .await;
    assert_eq!(answer.status, 409);
    assert!(
        answer
            .body
            .contains(&format!("<a href=\"{LIST}/{id}\">Mapping {id}</a>"))
    );
    assert!(answer.body.contains("\nthe same again</textarea>"));
    assert_eq!(
        (
            bridge.count("mappings").await,
            bridge.count("audit_log").await
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn a_form_without_a_version_or_a_choice_is_refused() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    admin.submit(NEW, LIST, GOOD).await;
    let one = format!("{LIST}/{}", rows(&admin).await[0]["id"]);
    for version in [
        vec![],
        vec![("version", "")],
        vec![("version", "x")],
        vec![("version", "1"), ("version", "1")],
    ] {
        for path in [
            one.clone(),
            format!("{one}/switch"),
            format!("{one}/delete"),
        ] {
            let fields = [&version[..], &[("enabled", "false")]].concat();
            assert_eq!(
                admin.submit(LIST, &path, &fields).await.status,
                400,
                "{path} {version:?}"
            );
        }
    }
    for enabled in [
        vec![],
        vec![("enabled", "on")],
        vec![("enabled", "true"), ("enabled", "false")],
    ] {
        let fields = [&[("version", "1")], &enabled[..]].concat();
        assert_eq!(
            admin
                .submit(LIST, &format!("{one}/switch"), &fields)
                .await
                .status,
            400
        );
    }
    for (path, fields) in [
        ("/x/delete", vec![("version", "1")]),
        ("/x", [GOOD, &[("version", "1")]].concat()),
    ] {
        assert_eq!(
            admin
                .submit(LIST, &format!("{LIST}{path}"), &fields)
                .await
                .status,
            404
        );
    }
    assert_eq!(
        (
            bridge.count("mappings").await,
            bridge.count("audit_log").await
        ),
        (1, 1)
    );
}
