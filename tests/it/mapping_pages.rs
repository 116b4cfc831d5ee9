//! The table of mappings for people: one life of a row, and two editors.

mod hostile;
mod places;
mod review;
mod selected;
mod wrong;

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

/// Where an answer leads, without the change set that its "Undo" would take back.
fn place_of(answer: &Answer) -> String {
    let location = answer.location().as_str().to_owned();
    let (before, undo) = location.split_once("&undo=").expect("it can be undone");
    let end = undo.find(|c: char| !c.is_ascii_digit());
    format!("{before}{}", end.map_or("", |end| &undo[end..]))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
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
        place_of(&added),
        format!("{ORIGIN}{LIST}?done=added&id={id}#mapping-{id}")
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
        ("list", "limit=20&q=stage"),
    ];
    let switched = admin.submit(LIST, &switch, &off).await;
    assert_eq!(switched.status, 303);
    assert_eq!(
        place_of(&switched),
        format!("{ORIGIN}{LIST}?q=stage&limit=20&done=off&id={id}#mapping-{id}")
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
    assert!(late.body.contains("Changed meanwhile"));
    assert!(late.body.contains(">ann</bdi>") && late.body.contains("\nbob</textarea>"));
    assert_eq!(rows(&bob).await[0]["rooms"], json!(["ann"]));
    // Neither switching nor deleting by an old version does anything.
    let old = [("version", "1"), ("enabled", "false")];
    let switched = bob.submit(LIST, &format!("{one}/switch"), &old).await;
    assert!(
        switched
            .location()
            .query()
            .unwrap()
            .contains("done=changed")
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
    bridge.map_lobby().await;
    let behind = admin.peek(&format!("{LIST}?offset=50")).await;
    assert!(behind.status == 200 && behind.body.contains("There are no rows here"));
    // What was done is told by fixed words alone.
    let told = admin
        .peek(&format!("{LIST}?done=%3Cscript%3E&id=%3Cscript%3E"))
        .await;
    assert!(told.status == 200 && !told.body.contains("<script>"));
}
