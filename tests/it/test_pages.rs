//! Mapping tests for people: one life of a test, two editors, and hostile input.

use serde_json::{Value, json};

use crate::bridge::{Answer, Browser, ORIGIN, TestBridge};

const LIST: &str = "/admin/tests";
const NEW: &str = "/admin/tests/new";

const GOOD: [(&str, &str); 5] = [
    ("name", "Viewers never publish"),
    ("groups", "viewers\r\n"),
    ("can", "watch lobby WHEP\r\n\r\n"),
    ("cannot", "publish *\r\nred5-subscriber vault"),
    ("note", "asked for by Ann"),
];

/// The usual form with some fields sent otherwise.
fn form<'a>(others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let names: Vec<&str> = others.iter().map(|(name, _)| *name).collect();
    let same = GOOD.into_iter().filter(|(name, _)| !names.contains(name));
    same.chain(others.iter().copied()).collect()
}

async fn tests(admin: &Browser) -> Value {
    admin.peek("/api/admin/tests").await.json()["items"].clone()
}

fn shows(answer: &Answer, status: u16, said: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for said in said {
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_test_is_added_edited_and_deleted_and_the_list_says_whether_it_passes() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    bridge.map_lobby().await;
    shows(&admin.peek(LIST).await, 200, &["There is no test yet", NEW]);

    let added = admin.submit(NEW, LIST, &GOOD).await;
    assert_eq!(added.status, 303, "{}", added.body);
    assert_eq!(
        added.location().as_str(),
        format!("{ORIGIN}{LIST}?done=added")
    );
    let test = tests(&admin).await[0].clone();
    assert_eq!(
        test["can"],
        json!([{"role": "red5-subscriber", "room": "lobby", "transport": "WHEP"}])
    );
    assert_eq!(
        test["cannot"],
        json!([{"role": "red5-publisher", "room": "*", "transport": null},
               {"role": "red5-subscriber", "room": "vault", "transport": null}])
    );
    let listed = admin.peek(&format!("{LIST}?done=added")).await;
    shows(
        &listed,
        200,
        &[
            "The test was added.",
            "Passes",
            "none fails now",
            "<code>publish *</code>",
        ],
    );

    // It fails where the mappings were changed behind its back.
    sqlx::query("UPDATE mappings SET enabled = false")
        .execute(&bridge.db)
        .await
        .unwrap();
    let listed = admin.peek(LIST).await;
    shows(
        &listed,
        200,
        &[
            "Fails",
            "1 fails now",
            "group viewers cannot watch in lobby over WHEP",
        ],
    );

    let one = format!("{LIST}/{}", test["id"]);
    let opened = admin.peek(&one).await;
    shows(
        &opened,
        200,
        &[
            "\nwatch lobby WHEP</textarea>",
            "\npublish *\nwatch vault</textarea>",
        ],
    );
    let version = opened.field("version");
    let fields = form(&[("version", &version), ("note", "other")]);
    let saved = admin.submit(&one, &one, &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    assert_eq!(tests(&admin).await[0]["note"], "other");

    let delete = format!("{one}/delete");
    let asked = admin.peek(&delete).await;
    shows(&asked, 200, &[&format!("Delete test {}?", test["id"])]);
    let version = asked.field("version");
    let deleted = admin
        .submit(&delete, &delete, &[("version", &version)])
        .await;
    assert_eq!(deleted.status, 303);
    assert_eq!(tests(&admin).await, json!([]));
    for gone in [&one, &delete] {
        let answer = admin.peek(gone).await;
        assert_eq!(answer.status, 303);
        assert!(answer.location().query().unwrap().contains("done=gone"));
    }
}

#[tokio::test]
async fn a_test_that_fails_now_is_not_saved_and_says_why() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    bridge.map_lobby().await;
    let fields = form(&[("can", "publish studio-1 WHIP"), ("cannot", "watch *")]);
    let refused = admin.submit(NEW, LIST, &fields).await;
    let said = [
        "The test would fail now",
        "Group viewers cannot publish in studio-1 over WHIP",
        "Group viewers can now watch in lobby",
        "\npublish studio-1 WHIP</textarea>",
    ];
    shows(&refused, 409, &said);
    assert_eq!(tests(&admin).await, json!([]));
}

#[tokio::test]
async fn ad_4_of_two_editors_the_second_is_shown_what_stands_now_and_keeps_what_was_typed() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    bridge.map_lobby().await;
    admin.submit(NEW, LIST, &GOOD).await;
    let one = format!("{LIST}/{}", tests(&admin).await[0]["id"]);
    let first = form(&[("version", "1"), ("note", "first")]);
    assert_eq!(admin.submit(&one, &one, &first).await.status, 303);
    let second = form(&[("version", "1"), ("note", "second")]);
    let stale = admin.submit(&one, &one, &second).await;
    shows(
        &stale,
        412,
        &[
            "Changed meanwhile",
            ">first</bdi>",
            ">second</bdi>",
            "\nsecond</textarea>",
        ],
    );
    assert_eq!(stale.field("version"), "2");
    assert_eq!(tests(&admin).await[0]["note"], "first");
    let delete = format!("{one}/delete");
    let stale = admin.submit(&delete, &delete, &[("version", "1")]).await;
    shows(&stale, 412, &["It was changed meanwhile"]);
    assert_eq!(stale.field("version"), "2");

    // Deleted meanwhile: what was typed may become a new test.
    assert_eq!(
        admin
            .submit(&delete, &delete, &[("version", "2")])
            .await
            .status,
        303
    );
    let gone = admin.submit(NEW, &one, &second).await;
    shows(
        &gone,
        404,
        &[
            "was deleted meanwhile",
            "\nsecond</textarea>",
            &format!("action=\"{LIST}\""),
        ],
    );

    admin.submit(NEW, LIST, &GOOD).await;
    let twin = admin.submit(NEW, LIST, &GOOD).await;
    shows(&twin, 409, &["There is a test of this name already"]);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_line_and_what_was_typed_is_kept() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let long = "x".repeat(300);
    for (name, value, said) in [
        ("name", "", "a name is 1 to 100 characters"),
        ("name", &long, "a name is 1 to 100 characters"),
        ("name", "a\u{0}b", "a name is 1 to 100 characters"),
        (
            "groups",
            "a\r\n\r\nb\u{7}",
            "<a href=\"#groups\">Groups</a>, line 3",
        ),
        ("username", "a\u{0}b", "empty it for none"),
        ("subject", "\u{e9}", "<a href=\"#subject\">Subject</a>"),
        (
            "can",
            "watch a\r\nfly b",
            "<a href=\"#can\">Can</a>, line 2",
        ),
        ("can", "publish", "publish studio-1 WHIP"),
        ("can", "publish a WHEP", "WHEP can never be used to publish"),
        ("can", "watch a/b", "a room is 1 to 128 characters"),
        (
            "can",
            "watch a XYZ",
            "a transport is RTMP, RTSP, WHIP or WHEP",
        ),
        (
            "cannot",
            "watch a WHEP now",
            "<a href=\"#cannot\">Cannot</a>, line 1",
        ),
        (
            "cannot",
            "\"><img src=x>",
            "<a href=\"#cannot\">Cannot</a>, line 1",
        ),
        ("note", &"n".repeat(5000), "<a href=\"#note\">Note</a>"),
    ] {
        let wrong = admin.submit(NEW, LIST, &form(&[(name, value)])).await;
        shows(
            &wrong,
            400,
            &["Nothing was saved", said, "asked for by Ann"].map(|said| {
                if name == "note" && said.starts_with("asked") {
                    "Nothing"
                } else {
                    said
                }
            }),
        );
        assert!(!wrong.body.contains("<img src=x"), "{}", wrong.body);
    }
    let nothing = form(&[("can", ""), ("cannot", "")]);
    let nothing = admin.submit(NEW, LIST, &nothing).await;
    shows(
        &nothing,
        400,
        &["state at least one thing, here or under “Cannot”"],
    );
    let twice = form(&[("name", "a"), ("name", "b")]);
    assert_eq!(admin.submit(NEW, LIST, &twice).await.status, 400);
    for path in [
        "/admin/tests/0x1",
        "/admin/tests/-1",
        "/admin/tests/99999999999999999999",
    ] {
        assert_eq!(admin.peek(path).await.status, 404, "{path}");
    }
    assert_eq!(tests(&admin).await, json!([]));
    assert_eq!(bridge.count("audit_log").await, 0);
}

#[tokio::test]
async fn cs_3_a_form_of_an_earlier_session_saves_nothing_and_keeps_what_was_typed() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let token = admin.peek(NEW).await.field("form_token");
    bridge.sign_in(&mut admin, "root").await;
    let mut fields = GOOD.to_vec();
    fields.push(("form_token", &token));
    let answer = admin.post_form(LIST, &fields, ORIGIN).await;
    shows(&answer, 403, &["You signed in again", "asked for by Ann"]);
    assert_eq!(tests(&admin).await, json!([]));
}
