//! Clients for people: one life of a client, its secrets, two editors, and hostile input.

use serde_json::{Value, json};

use crate::bridge::{Answer, Browser, ORIGIN, TestBridge};

const LIST: &str = "/admin/clients";
const NEW: &str = "/admin/clients/new";

const GOOD: [(&str, &str); 9] = [
    ("name", "Studio App"),
    ("id", "studio-app"),
    ("kind", "confidential"),
    ("grants", "authorization_code"),
    ("redirect_uris", " https://app.example/done\r\n\r\n"),
    ("origins_are", "redirect"),
    ("max_is", "none"),
    ("enabled", "true"),
    ("note", "asked for by Ann"),
];

/// The usual form with some fields sent otherwise.
fn form<'a>(others: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let names: Vec<&str> = others.iter().map(|(name, _)| *name).collect();
    let same = GOOD.into_iter().filter(|(name, _)| !names.contains(name));
    same.chain(others.iter().copied()).collect()
}

async fn clients(admin: &Browser) -> Value {
    admin.peek("/api/admin/clients").await.json()["items"].clone()
}

fn shows(answer: &Answer, status: u16, said: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for said in said {
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
}

/// The secret that a page shows.
fn secret(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("id=\"secret\"").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_is_registered_edited_switched_off_and_deleted() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    shows(
        &admin.peek(LIST).await,
        200,
        &["No client is registered", NEW],
    );

    let added = admin.submit(NEW, LIST, &form(&[("kind", "public")])).await;
    assert_eq!(added.status, 303, "{}", added.body);
    let list = format!("{LIST}?q=studio-app&done=added");
    assert_eq!(added.location().as_str(), format!("{ORIGIN}{list}"));
    shows(
        &admin.peek(&list).await,
        200,
        &[
            "The client is registered.",
            "Studio App",
            "asked for by Ann",
            ">On</span>",
            ">authorization_code</code>",
        ],
    );
    let client = clients(&admin).await[0].clone();
    assert_eq!(client["redirect_uris"], json!(["https://app.example/done"]));
    assert_eq!(client["origins"], json!(["https://app.example"]));
    assert_eq!(client["max"], Value::Null);

    let one = format!("{LIST}/studio-app/edit");
    let opened = admin.peek(&one).await;
    shows(
        &opened,
        200,
        &[
            "\nhttps://app.example/done</textarea>",
            "It is public: it has no secret.",
        ],
    );
    let version = opened.field("version");
    let mut fields = form(&[
        ("version", &version),
        ("kind", "public"),
        ("max_is", "stated"),
        ("rooms", "lobby\r\nstudio-1"),
    ]);
    fields.retain(|(name, _)| *name != "enabled");
    fields.extend([
        ("roles", "red5-subscriber"),
        ("transports_are", "any"),
        ("max_ttl_seconds", "120"),
        ("trusted", "true"),
    ]);
    let saved = admin.submit(&one, &one, &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let client = clients(&admin).await[0].clone();
    assert_eq!(
        client["max"],
        json!({"roles": ["red5-subscriber"], "transports": ["*"], "rooms": ["lobby", "studio-1"]})
    );
    assert_eq!(
        (&client["enabled"], &client["trusted"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(client["max_ttl_seconds"], 120);
    shows(
        &admin.peek(LIST).await,
        200,
        &[">Off</span>", "Public, trusted"],
    );

    let delete = format!("{LIST}/studio-app/delete");
    let asked = admin.peek(&delete).await;
    shows(
        &asked,
        200,
        &[
            "Delete client <code>studio-app</code>?",
            "the consents of 0 people",
            "0 refresh tokens",
        ],
    );
    let version = asked.field("version");
    let deleted = admin
        .submit(&delete, &delete, &[("version", &version)])
        .await;
    assert_eq!(deleted.status, 303);
    assert_eq!(clients(&admin).await, json!([]));
    for gone in [&one, &delete, &format!("{LIST}/studio-app/secrets")] {
        let answer = admin.peek(gone).await;
        assert_eq!(answer.status, 303);
        assert_eq!(
            answer.location().as_str(),
            format!("{ORIGIN}{LIST}?done=gone")
        );
    }
}

#[tokio::test]
async fn oa_11_a_secret_is_in_the_answer_to_its_form_alone() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let added = admin.submit(NEW, LIST, &GOOD).await;
    shows(
        &added,
        201,
        &[
            "The client is registered.",
            "It is shown only now",
            ">studio-app</textarea>",
        ],
    );
    assert_eq!(added.header("cache-control"), "no-store");
    let first = secret(&added);
    assert_eq!(first.len(), 43);
    // The same form once more, as a reload sends it, registers nothing and shows nothing.
    let again = admin.submit(NEW, LIST, &GOOD).await;
    shows(
        &again,
        409,
        &[
            "ids are given once",
            "<a href=\"#id\">Id</a>",
            "asked for by Ann",
        ],
    );

    let secrets = format!("{LIST}/studio-app/secrets");
    shows(&admin.peek(&secrets).await, 200, &["Make another"]);
    let made = admin.submit(&secrets, &secrets, &[]).await;
    shows(&made, 201, &["Two are valid"]);
    assert_eq!(made.header("cache-control"), "no-store");
    let second = secret(&made);
    assert_ne!(first, second);
    assert!(!made.body.contains(&first) && !made.body.contains("Make another"));
    let third = admin.submit(&secrets, &secrets, &[]).await;
    assert_eq!(
        third.location().as_str(),
        format!("{ORIGIN}{secrets}?done=two-secrets")
    );

    for page in [
        &secrets,
        LIST,
        &format!("{LIST}/studio-app/edit"),
        &format!("{LIST}/studio-app/delete"),
        "/admin/history",
    ] {
        let body = admin.peek(page).await.body;
        assert!(!body.contains(&first) && !body.contains(&second), "{page}");
    }

    let listed = admin.peek(&format!("/api{secrets}")).await.json();
    let oldest = listed["items"][0]["id"].as_str().unwrap();
    for done in ["secret-ended", "secret-gone"] {
        let ended = admin
            .submit(&secrets, &secrets, &[("secret", oldest)])
            .await;
        let list = format!("{secrets}?done={done}");
        assert_eq!(ended.location().as_str(), format!("{ORIGIN}{list}"));
        shows(&admin.peek(&list).await, 200, &["Make another"]);
    }
    assert_eq!(bridge.count("client_secrets").await, 1);
}

#[tokio::test]
async fn the_secrets_of_a_public_client_lead_to_its_form() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    admin.submit(NEW, LIST, &form(&[("kind", "public")])).await;
    let secrets = format!("{LIST}/studio-app/secrets");
    let answer = admin.peek(&secrets).await;
    assert_eq!(
        answer.location().as_str(),
        format!("{ORIGIN}{LIST}/studio-app/edit")
    );
    assert_eq!(admin.submit(NEW, &secrets, &[]).await.status, 400);
    assert_eq!(bridge.count("client_secrets").await, 0);
}

#[tokio::test]
async fn ad_4_of_two_editors_of_a_client_the_second_is_shown_what_stands_now_and_keeps_what_was_typed()
 {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    admin.submit(NEW, LIST, &GOOD).await;
    let one = format!("{LIST}/studio-app/edit");
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
    assert_eq!(stale.body.matches("<tr class=\"differs\">").count(), 1);
    assert_eq!(stale.field("version"), "2");
    assert_eq!(clients(&admin).await[0]["note"], "first");
    let delete = format!("{LIST}/studio-app/delete");
    let stale = admin.submit(&delete, &delete, &[("version", "1")]).await;
    shows(&stale, 412, &["It was changed meanwhile", ">first</bdi>"]);
    assert_eq!(stale.field("version"), "2");

    // Deleted meanwhile: what was typed may become a new client, under another id.
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
    let gone = admin.submit(NEW, &delete, &[("version", "2")]).await;
    assert_eq!(gone.status, 303);
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one transcript of all fields")]
async fn what_is_wrong_is_told_at_its_field_with_its_line_and_what_was_typed_is_kept() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let at = |control: &str, label: &str| format!("<a href=\"#{control}\">{label}</a>");
    let long = "x".repeat(101);
    for (name, value, said) in [
        ("name", "", at("name", "Name")),
        ("name", &long, at("name", "Name")),
        ("id", "a b", at("id", "Id")),
        ("id", "..", at("id", "Id")),
        ("kind", "", "choose one of these".to_owned()),
        ("grants", "password", at("grants", "How it gets tokens")),
        (
            "grants",
            "refresh_token",
            "there is nothing to renew".to_owned(),
        ),
        (
            "redirect_uris",
            "",
            "name one or more: that is where people come back to".to_owned(),
        ),
        (
            "redirect_uris",
            "https://app.example/done\r\n\r\nhttp://app.example/",
            format!("{}, line 3", at("redirect_uris", "Redirect addresses")),
        ),
        (
            "redirect_uris",
            "\"><img src=x>",
            format!("{}, line 1", at("redirect_uris", "Redirect addresses")),
        ),
        (
            "origins",
            "https://app.example",
            "choose one of the two".to_owned(),
        ),
        ("rooms", "lobby", "choose one of the two".to_owned()),
        ("rooms_are", "any", at("roles", "At most: may")),
        ("max_is", "stated", at("rooms", "At most: rooms")),
        (
            "max_ttl_seconds",
            "an hour",
            at("max_ttl_seconds", "Longest token"),
        ),
        ("note", &"n".repeat(5000), at("note", "Note")),
    ] {
        let wrong = admin.submit(NEW, LIST, &form(&[(name, value)])).await;
        shows(&wrong, 400, &["Nothing was saved", &said]);
        assert!(
            name == "note" || wrong.body.contains("asked for by Ann"),
            "{name}"
        );
        assert!(!wrong.body.contains("<img src=x"), "{}", wrong.body);
    }
    let any_and_more = [
        ("max_is", "stated"),
        ("roles", "red5-publisher"),
        ("transports_are", "any"),
        ("transports", "WHIP"),
        ("rooms", "a/b\r\nlobby"),
    ];
    let wrong = admin.submit(NEW, LIST, &form(&any_and_more)).await;
    let said = [
        format!("{}, line 1", at("rooms", "At most: rooms")),
        format!(
            "{}: choose one of the two",
            at("transports", "At most: protocols")
        ),
    ];
    shows(
        &wrong,
        400,
        &[&said[0], &said[1], "\na/b\r\nlobby</textarea>"],
    );
    let listed = form(&[
        ("origins_are", "listed"),
        ("origins", "https://app.example\r\nhttps://app.example/"),
    ]);
    let wrong = admin.submit(NEW, LIST, &listed).await;
    shows(
        &wrong,
        400,
        &[&format!("{}, line 2", at("origins", "Origins"))],
    );
    let mut no_grants = GOOD.to_vec();
    no_grants.retain(|(name, _)| *name != "grants");
    shows(
        &admin.submit(NEW, LIST, &no_grants).await,
        400,
        &["choose one or more"],
    );
    for twice in [
        "name",
        "kind",
        "id",
        "enabled",
        "origins_are",
        "max_is",
        "rooms_are",
        "redirect_uris",
    ] {
        let fields = [&GOOD[..], &[(twice, "x"), (twice, "y")]].concat();
        assert_eq!(
            admin.submit(NEW, LIST, &fields).await.status,
            400,
            "{twice}"
        );
    }
    assert_eq!(clients(&admin).await, json!([]));
    assert_eq!(bridge.count("audit_log").await, 0);
}

#[tokio::test]
async fn a_form_that_says_another_kind_is_refused_at_its_field() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    admin.submit(NEW, LIST, &GOOD).await;
    let one = format!("{LIST}/studio-app/edit");
    let wrong = admin
        .submit(&one, &one, &form(&[("version", "1"), ("kind", "public")]))
        .await;
    shows(&wrong, 400, &["<a href=\"#kind\">Kind</a>: cannot change"]);
    assert_eq!(clients(&admin).await[0]["kind"], "confidential");
}

#[tokio::test]
async fn a_client_whose_id_is_a_word_of_an_address_has_its_pages_too() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    for id in ["new", "edit", "delete", "secrets", "-", "a.b", "..."] {
        let added = admin.submit(NEW, LIST, &form(&[("id", id)])).await;
        assert_eq!(added.status, 201, "{}", added.body);
        for page in ["edit", "delete", "secrets"] {
            let answer = admin.peek(&format!("{LIST}/{id}/{page}")).await;
            shows(&answer, 200, &[&format!("<code>{id}</code>")]);
        }
    }
}

#[tokio::test]
async fn cs_3_a_client_form_of_an_earlier_session_saves_nothing_and_keeps_what_was_typed() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let token = admin.peek(NEW).await.field("form_token");
    bridge.sign_in(&mut admin, "root").await;
    let mut fields = GOOD.to_vec();
    fields.push(("form_token", &token));
    let answer = admin.post_form(LIST, &fields, ORIGIN).await;
    shows(&answer, 403, &["You signed in again", "asked for by Ann"]);
    assert_eq!(clients(&admin).await, json!([]));
}

#[tokio::test]
async fn two_thousand_clients_are_listed_page_by_page() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    admin
        .submit(
            NEW,
            LIST,
            &form(&[("kind", "public"), ("name", "</td><b>\u{202e}")]),
        )
        .await;
    sqlx::query(
        "INSERT INTO clients SELECT 'client-' || number, 'Client ' || number, kind, trusted, grants, redirect_uris, origins, max_roles,
                max_transports, max_rooms, max_ttl_seconds, enabled, note, 1, created_at, created_by, updated_at, updated_by
         FROM clients, generate_series(1, 1999) AS number",
    )
    .execute(&bridge.db)
    .await
    .unwrap();
    let first = admin.peek(LIST).await;
    shows(&first, 200, &["1 to 50 of 2000", "rel=\"next\""]);
    let last = admin.peek(&format!("{LIST}?limit=500&offset=1500")).await;
    shows(
        &last,
        200,
        &["1501 to 2000 of 2000", "&#60;/td&#62;&#60;b&#62;", "U+202E"],
    );
    let behind = admin.peek(&format!("{LIST}?offset=2000")).await;
    shows(&behind, 200, &["This page begins behind the last"]);
    let found = admin.peek(&format!("{LIST}?q=CLIENT+1999")).await;
    shows(&found, 200, &["1 to 1 of 1", "Show all"]);
    let none = admin.peek(&format!("{LIST}?q=%3Cb%3E%22")).await;
    shows(
        &none,
        200,
        &["No client fits", "value=\"&#60;b&#62;&#34;\""],
    );
    assert_eq!(admin.peek(&format!("{LIST}?limit=501")).await.status, 400);
}
