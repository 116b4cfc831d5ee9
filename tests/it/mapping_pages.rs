//! The table of mappings for people: forms, what they say when something is
//! wrong, and what a hostile name can do in them (nothing).

use serde_json::{Value, json};

use crate::bridge::{Answer, Browser, ORIGIN, TestBridge};

const NEW: &str = "/admin/mappings/new";
const LIST: &str = "/admin/mappings";

const GOOD: &[(&str, &str)] = &[
    ("match", "exact"),
    ("group", "viewers"),
    ("roles", "red5-subscriber"),
    ("transports_are", "listed"),
    ("transports", "WHEP"),
    ("rooms_are", "listed"),
    ("rooms", "lobby\r\nhall\r\n"),
    ("enabled", "true"),
    ("note", "front desk"),
];

/// The usual form with one field sent otherwise; `None` leaves it out.
fn form<'a>(field: &str, value: Option<&'a str>) -> Vec<(&'a str, &'a str)>
where
    'static: 'a,
{
    let mut fields: Vec<_> = GOOD
        .iter()
        .copied()
        .filter(|(name, _)| *name != field)
        .collect();
    let names = [
        "match",
        "group",
        "roles",
        "transports_are",
        "transports",
        "rooms_are",
        "rooms",
        "enabled",
        "note",
        "max_ttl_seconds",
        "valid_from",
        "valid_until",
    ];
    let name = names.into_iter().find(|name| *name == field).unwrap();
    fields.extend(value.map(|value| (name, value)));
    fields
}

async fn rows(admin: &Browser) -> Value {
    admin.peek("/api/admin/mappings").await.json()["items"].clone()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

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
async fn a_mapping_is_added_edited_switched_and_deleted() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    assert!(
        admin
            .peek(LIST)
            .await
            .body
            .contains("There is no mapping yet")
    );

    let added = admin.submit(NEW, LIST, GOOD).await;
    assert_eq!(added.status, 303, "{}", added.body);
    let row = rows(&admin).await[0].clone();
    let (id, one) = (row["id"].to_string(), format!("{LIST}/{}", row["id"]));
    assert_eq!(
        added.location().as_str(),
        format!("{ORIGIN}{LIST}?done=added&id={id}")
    );
    assert_eq!(
        (&row["rooms"], &row["note"]),
        (&json!(["hall", "lobby"]), &json!("front desk"))
    );
    assert!(
        admin
            .peek(&format!("{LIST}?done=added&id={id}"))
            .await
            .body
            .contains(&format!("Mapping {id} "))
    );

    let opened = admin.peek(&one).await;
    assert_eq!(
        (opened.status, opened.field("version").as_str()),
        (200, "1")
    );
    assert!(opened.body.contains("\nhall\nlobby</textarea>"));
    let mut fields = form("rooms", Some("stage"));
    fields.push(("version", "1"));
    assert_eq!(admin.submit(&one, &one, &fields).await.status, 303);
    assert_eq!(rows(&admin).await[0]["rooms"], json!(["stage"]));

    let switch = format!("{one}/switch");
    let off = [
        ("version", "2"),
        ("enabled", "false"),
        ("limit", "50"),
        ("offset", "0"),
    ];
    let switched = admin.submit(LIST, &switch, &off).await;
    assert_eq!(switched.status, 303);
    assert!(
        switched
            .location()
            .query()
            .unwrap()
            .contains("limit=50&offset=0")
    );
    let now = rows(&admin).await[0].clone();
    assert_eq!(
        (&now["enabled"], &now["rooms"], &now["note"]),
        (&json!(false), &json!(["stage"]), &json!("front desk"))
    );
    let on = [("version", "3"), ("enabled", "true")];
    assert_eq!(admin.submit(LIST, &switch, &on).await.status, 303);

    // AD-8: asking to delete deletes nothing; the form on that page does.
    let delete = format!("{one}/delete");
    let asked = admin.peek(&delete).await;
    assert!(asked.status == 200 && asked.body.contains(&format!("Delete mapping {id}?")));
    assert_eq!(rows(&admin).await.as_array().unwrap().len(), 1);
    let version = asked.field("version");
    assert_eq!(
        admin
            .submit(&delete, &delete, &[("version", &version)])
            .await
            .status,
        303
    );
    assert_eq!(rows(&admin).await, json!([]));
    assert_eq!(bridge.count("audit_log").await, 5);
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
        ("valid_until", Some("2026-11-24"), "valid_until"),
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
async fn ad_4_the_second_of_two_editors_sees_both_and_may_go_on() {
    let bridge = TestBridge::start().await;
    let mut ann = bridge.admin().await;
    ann.submit(NEW, LIST, GOOD).await;
    let mut bob = bridge.admin().await;
    let one = format!("{LIST}/{}", rows(&ann).await[0]["id"]);
    let edit = |rooms, version| {
        let mut fields = form("rooms", Some(rooms));
        fields.push(("version", version));
        fields
    };

    assert_eq!(ann.submit(&one, &one, &edit("ann", "1")).await.status, 303);
    let late = bob.submit(&one, &one, &edit("bob", "1")).await;
    assert_eq!(late.status, 412);
    assert!(late.body.contains("Somebody else was faster"));
    assert!(late.body.contains(">ann</bdi>") && late.body.contains("\nbob</textarea>"));
    assert_eq!(rows(&bob).await[0]["rooms"], json!(["ann"]));
    // Neither switching nor deleting by an old version does anything.
    let old = [("version", "1"), ("enabled", "false")];
    assert_eq!(
        bob.submit(LIST, &format!("{one}/switch"), &old)
            .await
            .status,
        412
    );
    let deleted = bob.submit(LIST, &format!("{one}/delete"), &old).await;
    assert!(deleted.status == 412 && deleted.body.contains("It was changed meanwhile"));
    assert_eq!(
        (
            rows(&bob).await[0]["version"].clone(),
            bridge.count("audit_log").await
        ),
        (json!(2), 2)
    );

    let version = late.field("version");
    assert_eq!(
        bob.submit(&one, &one, &edit("bob", &version)).await.status,
        303
    );
    assert_eq!(rows(&bob).await[0]["rooms"], json!(["bob"]));
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
        ("/999/delete", vec![("version", "1")]),
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

#[tokio::test]
async fn ad_7_a_page_of_the_list_is_within_bounds() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for query in [
        "limit=0",
        "limit=501",
        "limit=1e9",
        "offset=-1",
        "offset=x",
        "limit=1&limit=2",
        "offset=2147483648",
    ] {
        assert_eq!(
            admin.peek(&format!("{LIST}?{query}")).await.status,
            400,
            "{query}"
        );
    }
    bridge
        .map("viewers", &["red5-subscriber"], &["WHEP"], &["lobby"])
        .await;
    let behind = admin.peek(&format!("{LIST}?offset=50")).await;
    assert!(behind.status == 200 && behind.body.contains("There are no rows here"));
    // What was done is told by fixed words alone.
    let told = admin
        .peek(&format!("{LIST}?done=%3Cscript%3E&id=%3Cscript%3E"))
        .await;
    assert!(told.status == 200 && !told.body.contains("<script>"));
}

#[tokio::test]
async fn cs_10_a_hostile_name_is_text_wherever_it_is_shown() {
    let bridge = TestBridge::start().await;
    for hostile in [
        "\"><img src=x onerror=alert(1)>",
        "'><svg onload=alert(1)>",
        "</script><script>alert(1)</script>",
        "</textarea><script>alert(1)</script>",
        "{{7*7}}{% raw %}",
        "&lt;script&gt;",
    ] {
        bridge
            .provider
            .person("root")
            .claim("name", hostile)
            .claim("preferred_username", hostile);
        let mut admin = bridge.admin().await;
        let mut fields = form("group", Some(hostile));
        fields.retain(|(name, _)| *name != "note");
        fields.push(("note", hostile));
        assert_eq!(admin.submit(NEW, LIST, &fields).await.status, 303);
        let items = rows(&admin).await;
        let row = items.as_array().unwrap().last().unwrap();
        let one = format!("{LIST}/{}", row["id"]);
        assert_eq!(
            (&row["group"], &row["note"]),
            (&json!(hostile), &json!(hostile))
        );

        let twin = admin.submit(NEW, LIST, &fields).await;
        fields.push(("version", "0"));
        fields.push(("max_ttl_seconds", hostile));
        let stale = admin.submit(&one, &one, &fields).await;
        let mut pages = vec![twin, stale];
        for path in [LIST, &one, &format!("{one}/delete"), "/"] {
            pages.push(admin.peek(path).await);
        }
        for page in pages {
            assert!(page.header("content-type").starts_with("text/html"));
            for raw in [
                "<img src=x",
                "<svg",
                "<script>",
                "</script><",
                "onerror=alert(1)>",
                ">49<",
            ] {
                assert!(!page.body.contains(raw), "{raw} of {hostile}");
            }
            assert!(
                page.body.contains(&escaped(hostile)),
                "{hostile} is not shown"
            );
            assert_eq!(
                page.body.matches("<script").count(),
                page.body.matches("<script src=").count()
            );
            assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="));
        }
    }
}

#[tokio::test]
async fn cs_10_hostile_groups_of_a_person_are_text_too() {
    let bridge = TestBridge::start().await;
    let hostile = "\"><img src=x onerror=alert(1)>";
    bridge
        .provider
        .person("vic")
        .groups([hostile])
        .claim("name", hostile);
    let page = bridge.signed_in("vic").await.peek("/").await;
    assert_eq!(page.status, 403);
    assert!(!page.body.contains("<img src=x") && page.body.contains(&escaped(hostile)));
}
