//! What a change would do, shown before it is made; and an edit that meets another's.

use serde_json::json;

use super::{GOOD, LIST, NEW, form, rows};
use crate::bridge::{Answer, Browser, TestBridge};

const NOTHING_NEW: &str = "This grants nothing new to anyone.";

/// The usual form with "Review" pressed, and other fields.
fn reviewed<'a>(field: &str, value: &'a str, version: Option<&'a str>) -> Vec<(&'a str, &'a str)>
where
    'static: 'a,
{
    let mut fields = form(field, Some(value));
    fields.push(("review", "true"));
    fields.extend(version.map(|version| ("version", version)));
    fields
}

/// A mapping of the usual form, and its page.
async fn added(admin: &mut Browser) -> String {
    assert_eq!(admin.submit(NEW, LIST, GOOD).await.status, 303);
    format!("{LIST}/{}", rows(admin).await[0]["id"])
}

fn shows(answer: &Answer, status: u16, said: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for said in said {
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_new_mapping_that_is_reviewed_is_not_added_and_its_form_is_kept() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let answer = admin
        .submit(NEW, LIST, &reviewed("note", "at the desk", None))
        .await;
    let said = [
        "<h2 id=\"effect\">What saving would do</h2>",
        "This grants something new.",
        "<h3>It grants</h3>",
        ">viewers</bdi>",
        "<code>hall</code> and <code>lobby</code>",
        "\nlobby\r\nhall\r\n</textarea>",
        "\nat the desk</textarea>",
        "name=\"review\"",
    ];
    shows(&answer, 200, &said);
    assert!(!answer.body.contains(NOTHING_NEW) && !answer.body.contains("It takes away"));
    assert_eq!(rows(&admin).await, json!([]));
    assert_eq!(bridge.count("audit_log").await, 0);
}

#[tokio::test]
async fn an_edit_that_is_reviewed_tells_gains_and_losses_and_writes_nothing() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let one = added(&mut admin).await;
    for (field, value, said, silent) in [
        (
            "note",
            "other",
            vec![NOTHING_NEW, "It takes nothing away either."],
            "<h3>It ",
        ),
        (
            "rooms",
            "lobby",
            vec![NOTHING_NEW, "<h3>It takes away</h3>", "<code>hall</code>"],
            "It grants<",
        ),
        (
            "rooms",
            "lobby\nhall\nvault",
            vec!["<h3>It grants</h3>", "<code>vault</code>"],
            "It takes away<",
        ),
        (
            "rooms",
            "vault",
            vec!["<h3>It grants</h3>", "<h3>It takes away</h3>"],
            NOTHING_NEW,
        ),
        (
            "group",
            "crew-*",
            vec![">crew-*</bdi>", "<h3>Before you go on</h3>"],
            NOTHING_NEW,
        ),
    ] {
        let answer = admin
            .submit(&one, &one, &reviewed(field, value, Some("1")))
            .await;
        shows(&answer, 200, &said);
        assert!(!answer.body.contains(silent), "{value}: {}", answer.body);
        assert_eq!(answer.field("version"), "1");
    }
    let row = rows(&admin).await[0].clone();
    assert_eq!(
        (&row["version"], &row["rooms"]),
        (&json!(1), &json!(["hall", "lobby"]))
    );
    assert_eq!(bridge.count("audit_log").await, 1);
    // What is wrong, and what is there already, is said as when it is saved.
    let wrong = admin
        .submit(&one, &one, &reviewed("rooms", "a b", Some("1")))
        .await;
    shows(&wrong, 400, &["Nothing was saved", "<a href=\"#rooms\">"]);
    let twin = admin.submit(NEW, LIST, &reviewed("note", "", None)).await;
    shows(&twin, 409, &["There is such a mapping already"]);
}

#[tokio::test]
async fn a_review_and_the_page_that_deletes_tell_the_tests_that_would_fail() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let one = added(&mut admin).await;
    let test = json!({"name": "Viewers <see> the lobby", "given": {"groups": ["viewers"]},
        "can": [{"role": "red5-subscriber", "room": "lobby"}]});
    let test = admin.api("POST", "/api/admin/tests", &test).await;
    assert_eq!(test.status, 201, "{}", test.body);

    let said = [
        "Mapping tests that would fail",
        ">Viewers &#60;see&#62; the lobby</bdi>",
    ];
    let review = admin
        .submit(&one, &one, &reviewed("rooms", "hall", Some("1")))
        .await;
    shows(&review, 200, &said);
    let delete = format!("{one}/delete");
    shows(&admin.peek(&delete).await, 200, &said);
    let refused = admin.submit(&delete, &delete, &[("version", "1")]).await;
    shows(&refused, 409, &said);
    shows(&refused, 409, &["Nothing was deleted."]);
    assert_eq!(rows(&admin).await[0]["version"], json!(1));
}

#[tokio::test]
async fn a_review_and_the_page_that_deletes_name_the_people() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["viewers"]);
    bridge.signed_in("vic").await;
    let mut admin = bridge.admin().await;
    let review = admin.submit(NEW, LIST, &reviewed("note", "", None)).await;
    let said = [
        "Of 2 people who were seen (2 signed in), 1 can do something else then.",
        "<a href=\"/admin/people/p_",
        ">vic</bdi></a> <span class=\"state on\">Signed in</span>",
        "<li>Gains: <span class=\"verb\">Watch</span> in <code>hall</code> and <code>lobby</code> over WHEP</li>",
    ];
    shows(&review, 200, &said);
    let one = added(&mut admin).await;
    let delete = admin.peek(&format!("{one}/delete")).await;
    shows(
        &delete,
        200,
        &["<li>Loses: <span class=\"verb\">Watch</span>"],
    );
    let same = admin
        .submit(&one, &one, &reviewed("note", "x", Some("1")))
        .await;
    let said = "Each of the 2 people who were seen (2 signed in) can do what they could before.";
    shows(&same, 200, &[said]);
}

#[tokio::test]
async fn the_page_that_deletes_says_what_is_lost_before_anything_is() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let one = added(&mut admin).await;
    let delete = format!("{one}/delete");
    let said = [
        NOTHING_NEW,
        "<h3>It takes away</h3>",
        ">viewers</bdi>",
        "<code>hall</code>",
    ];
    shows(&admin.peek(&delete).await, 200, &said);
    let off = [("version", "1"), ("enabled", "false")];
    admin.submit(LIST, &format!("{one}/switch"), &off).await;
    let asked = admin.peek(&delete).await;
    shows(&asked, 200, &[NOTHING_NEW, "It takes nothing away either."]);
    // Changed meanwhile: the effect is that of the row as it is now.
    let stale = admin.submit(&delete, &delete, &[("version", "1")]).await;
    shows(
        &stale,
        412,
        &["It was changed meanwhile", "It takes nothing away either."],
    );
    assert_eq!(stale.field("version"), "2");
    assert_eq!(rows(&admin).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn times_are_read_as_people_type_them_and_shown_in_utc() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    for (room, from, until, stored, shown) in [
        (
            "a",
            "2026-12-01",
            " 2026-12-01 10:00 ",
            "2026-12-01T00:00:00Z",
            "2026-12-01 00:00 UTC",
        ),
        (
            "b",
            "2026-12-01T10:00:00Z",
            "2026-12-02",
            "2026-12-01T10:00:00Z",
            "2026-12-01 10:00 UTC",
        ),
        (
            "c",
            "2026-12-01 11:00:05+01:00",
            "",
            "2026-12-01T10:00:05Z",
            "2026-12-01 10:00:05 UTC",
        ),
    ] {
        let mut fields = form("rooms", Some(room));
        fields.extend([("valid_from", from), ("valid_until", until)]);
        let answer = admin.submit(NEW, LIST, &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let row = rows(&admin)
            .await
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone();
        assert_eq!(row["valid_from"], json!(stored), "{from}");
        let opened = admin.peek(&format!("{LIST}/{}", row["id"])).await;
        assert_eq!(opened.field("valid_from"), shown);
    }
    let mut fields = form("rooms", Some("d"));
    fields.extend([("valid_from", "2026-12-02"), ("valid_until", "2026-12-01")]);
    let answer = admin.submit(NEW, LIST, &fields).await;
    shows(&answer, 400, &["must be later than “Valid from”"]);
    assert_eq!(answer.field("valid_from"), "2026-12-02");
}

#[tokio::test]
async fn ad_4_an_edit_that_met_another_keeps_both_where_they_touched_different_fields() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let one = added(&mut admin).await;
    let mut theirs = form("note", Some("theirs"));
    theirs.push(("version", "1"));
    theirs.retain(|(name, _)| *name != "enabled");
    assert_eq!(admin.submit(&one, &one, &theirs).await.status, 303);

    let late = admin
        .submit(&one, &one, &reviewed("rooms", "vault", Some("1")))
        .await;
    let said = [
        "<th scope=\"col\">As you opened it</th>",
        "<th scope=\"col\">As it is now</th>",
        "<th scope=\"col\">What you typed</th>",
        "Rooms <span class=\"mark\">changed by you</span>",
        "Note <span class=\"mark\">changed meanwhile</span>",
        ">front desk</bdi>",
        "\nvault</textarea>",
        "\ntheirs</textarea>",
    ];
    shows(&late, 412, &said);
    let enabled = late.body.split("id=\"enabled\"").nth(1).unwrap();
    assert!(!enabled.split('>').next().unwrap().contains("checked"));
    assert_eq!(late.field("version"), "2");
    assert_eq!(rows(&admin).await[0]["rooms"], json!(["hall", "lobby"]));

    // A version that never was: what was typed stays as it is.
    let odd = admin
        .submit(&one, &one, &reviewed("rooms", "vault", Some("0")))
        .await;
    shows(
        &odd,
        412,
        &["<em>not known</em>", "\nfront desk</textarea>"],
    );
}
