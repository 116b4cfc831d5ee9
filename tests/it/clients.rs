//! `/api/admin/clients`: registering apps, and their secrets.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bridge::{Answer, Browser, TestBridge};
use crate::problem::{problem, wrong_fields};

const CLIENTS: &str = "/api/admin/clients";

fn public() -> Value {
    json!({
        "id": "viewer-app", "name": "Viewer App", "kind": "public",
        "grants": ["refresh_token", "authorization_code"],
        "redirect_uris": ["https://app.example/done", "com.example.viewer:/done"],
    })
}

fn confidential() -> Value {
    let mut client = public();
    client["id"] = json!("studio-app");
    client["name"] = json!("Studio App");
    client["kind"] = json!("confidential");
    client
}

/// The client with one member that is otherwise.
fn with(mut client: Value, member: &str, value: &Value) -> Value {
    client[member] = value.clone();
    client
}

async fn create(root: &Browser, client: &Value) -> Value {
    let answer = root.api("POST", CLIENTS, client).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

async fn put(root: &Browser, id: &str, version: &str, client: &Value) -> Answer {
    let headers = [("if-match", version)];
    root.api_with("PUT", &format!("{CLIENTS}/{id}"), &headers, client)
        .await
}

async fn delete(root: &Browser, id: &str, version: &str) -> Answer {
    let headers = [("if-match", version)];
    root.api_with("DELETE", &format!("{CLIENTS}/{id}"), &headers, &json!({}))
        .await
}

#[tokio::test]
async fn a_client_is_registered_read_replaced_and_deleted() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let answer = root.api("POST", CLIENTS, &public()).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(answer.location().path(), format!("{CLIENTS}/viewer-app"));
    let made = answer.json();
    assert_eq!(
        made["grants"],
        json!(["authorization_code", "refresh_token"])
    );
    assert_eq!(
        made["origins"],
        json!(["https://app.example"]),
        "those of the redirect URIs"
    );
    assert_eq!(
        (
            &made["trusted"],
            &made["enabled"],
            &made["max"],
            &made["max_ttl_seconds"],
            &made["note"]
        ),
        (
            &json!(false),
            &json!(true),
            &Value::Null,
            &Value::Null,
            &json!("")
        )
    );
    assert_eq!(
        (&made["created_by"], &made["version"]),
        (&json!("root"), &json!(1))
    );
    assert!(made.get("secret").is_none(), "a public client has none");

    let one = root.peek(&format!("{CLIENTS}/viewer-app")).await;
    assert_eq!((one.json(), one.header("etag")), (made.clone(), "\"1\""));

    // What was read can be sent back.
    let max =
        json!({"roles": ["red5-subscriber"], "transports": ["whep", "WHEP"], "rooms": ["*", "*"]});
    for (member, other) in [
        ("id", json!("studio-app")),
        ("version", json!(2)),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("created_by", json!("ann")),
    ] {
        let edit = with(made.clone(), member, &other);
        let refused = put(&root, "viewer-app", "\"1\"", &edit).await;
        assert_eq!(wrong_fields(&refused), [member]);
    }
    let replaced = put(
        &root,
        "viewer-app",
        "\"1\"",
        &with(made.clone(), "max", &max),
    )
    .await;
    assert_eq!(replaced.status, 200, "{}", replaced.body);
    assert_eq!(replaced.header("etag"), "\"2\"");
    let max = json!({"roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": ["*"]});
    assert_eq!(replaced.json()["max"], max);
    assert_eq!(
        root.peek(&format!("{CLIENTS}/viewer-app")).await.json(),
        replaced.json()
    );

    assert_eq!(delete(&root, "viewer-app", "\"2\"").await.status, 204);
    let gone = root.peek(&format!("{CLIENTS}/viewer-app")).await;
    problem(&gone, 404, "not_found", &[]);
    assert_eq!(bridge.count("clients").await, 0);
}

#[tokio::test]
async fn a_client_without_an_id_gets_one_that_no_other_has() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let nameless = with(public(), "id", &Value::Null);
    let (first, second) = (
        create(&root, &nameless).await,
        create(&root, &nameless).await,
    );
    for id in [&first["id"], &second["id"]] {
        assert_eq!(id.as_str().unwrap().len(), 22);
    }
    assert_ne!(first["id"], second["id"]);
}

#[tokio::test]
async fn an_id_is_never_given_again() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    create(&root, &public()).await;
    let taken = root.api("POST", CLIENTS, &confidential()).await;
    assert_eq!(taken.status, 201);
    let taken = root.api("POST", CLIENTS, &public()).await;
    problem(&taken, 409, "duplicate", &[]);
    assert_eq!(delete(&root, "viewer-app", "\"1\"").await.status, 204);
    let again = root.api("POST", CLIENTS, &public()).await;
    problem(&again, 409, "duplicate", &[]);
    // Not even by hand.
    let by_hand = sqlx::query(
        "INSERT INTO clients SELECT 'viewer-app', name, kind, trusted, grants, redirect_uris, origins, max_roles, max_transports,
                max_rooms, max_ttl_seconds, enabled, note, 1, created_at, created_by, updated_at, updated_by FROM clients",
    );
    assert!(by_hand.execute(&bridge.db).await.is_err());
    assert_eq!(bridge.count("clients").await, 1);
    // Another case is another id.
    create(&root, &with(public(), "id", &json!("Viewer-App"))).await;
}

#[tokio::test]
async fn the_kind_of_a_client_cannot_change() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    create(&root, &public()).await;
    create(&root, &confidential()).await;
    for (id, other) in [("viewer-app", "confidential"), ("studio-app", "public")] {
        let sent = with(with(public(), "kind", &json!(other)), "id", &json!(id));
        let refused = put(&root, id, "\"1\"", &sent).await;
        assert_eq!(wrong_fields(&refused), ["kind"]);
        let now = root.peek(&format!("{CLIENTS}/{id}")).await.json();
        assert_ne!(now["kind"], other);
        assert_eq!(now["version"], 1);
    }
}

#[tokio::test]
async fn ad_4_of_two_editors_the_second_is_told_and_changes_nothing() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    create(&root, &public()).await;
    let first = put(
        &root,
        "viewer-app",
        "\"1\"",
        &with(public(), "note", &json!("first")),
    )
    .await;
    assert_eq!(first.status, 200, "{}", first.body);
    let second = put(
        &root,
        "viewer-app",
        "\"1\"",
        &with(public(), "note", &json!("second")),
    )
    .await;
    let stale = problem(&second, 412, "stale", &["current"]);
    assert_eq!(stale["current"], first.json());
    problem(
        &delete(&root, "viewer-app", "\"1\"").await,
        412,
        "stale",
        &["current"],
    );
    for if_match in [&[][..], &[("if-match", "*")]] {
        let path = format!("{CLIENTS}/viewer-app");
        let answer = root.api_with("PUT", &path, if_match, &public()).await;
        problem(&answer, 428, "precondition_required", &[]);
        let answer = root.api_with("DELETE", &path, if_match, &json!({})).await;
        problem(&answer, 428, "precondition_required", &[]);
    }
    for unknown in ["nobody", "viewer-app2", "a%20b", "%2e%2e", &"x".repeat(65)] {
        problem(
            &put(&root, unknown, "\"1\"", &public()).await,
            404,
            "not_found",
            &[],
        );
        problem(
            &delete(&root, unknown, "\"1\"").await,
            404,
            "not_found",
            &[],
        );
    }
    assert_eq!(
        root.peek(CLIENTS).await.json()["items"],
        json!([first.json()])
    );
}

#[tokio::test]
async fn every_wrong_member_is_named_at_once() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let long = "x".repeat(101);
    let addresses = vec!["https://app.example/"; 51];
    let cases = [
        ("id", json!("")),
        ("id", json!("a b")),
        ("id", json!("é")),
        ("id", json!(".")),
        ("id", json!("..")),
        ("id", json!("x".repeat(65))),
        ("id", json!(1)),
        ("name", json!("")),
        ("name", json!("  ")),
        ("name", json!("a\u{0}b")),
        ("name", json!(long)),
        ("kind", json!("Public")),
        ("kind", json!(null)),
        ("trusted", json!("yes")),
        ("grants", json!([])),
        ("grants", json!(null)),
        ("grants", json!(["refresh_token"])),
        ("grants[0]", json!(["password"])),
        ("grants[1]", json!(["refresh_token", "client_credentials"])),
        ("redirect_uris", json!([])),
        ("redirect_uris", json!("https://app.example/")),
        ("redirect_uris", json!(addresses)),
        ("origins", json!(addresses)),
        ("max_ttl_seconds", json!(59)),
        ("max_ttl_seconds", json!(31_536_001)),
        ("max_ttl_seconds", json!("60")),
        ("enabled", json!("true")),
        ("note", json!("a\u{7}")),
        ("note", json!("n".repeat(1001))),
        ("secret", json!("of-my-own")),
        ("dpop", json!(true)),
    ];
    for (field, value) in &cases {
        let member = field.split('[').next().unwrap();
        let answer = root
            .api("POST", CLIENTS, &with(public(), member, value))
            .await;
        assert_eq!(wrong_fields(&answer), [*field], "{value}");
    }
    let nothing = root.api("POST", CLIENTS, &json!({})).await;
    let mut wrong = wrong_fields(&nothing);
    wrong.sort();
    assert_eq!(wrong, ["grants", "kind", "name"]);
    assert_eq!(bridge.count("client_ids").await, 0);
    assert_eq!(bridge.count("audit_log").await, 0);
}

#[tokio::test]
async fn oa_1_a_redirect_uri_is_one_to_which_a_code_may_be_sent() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let good = [
        "https://app.example",
        "https://app.example/",
        "https://app.example:8443/done?from=bridge",
        "https://xn--bcher-kva.example/",
        "http://localhost/done",
        "http://localhost:8080/done",
        "http://127.0.0.1/done",
        "http://[::1]:7000/",
        "com.example.app:/done",
        "com.example.app://done",
    ];
    let made = create(&root, &with(public(), "redirect_uris", &json!(good))).await;
    assert_eq!(made["redirect_uris"], json!(good), "as they were written");
    let long = format!("https://app.example/{}", "x".repeat(500));
    let bad = [
        "",
        "/done",
        "app.example/done",
        "//app.example/done",
        "https:",
        "https://",
        "https:///done",
        "http://app.example/done",
        "http://localhost.example/",
        "http://127.0.0.1.example/",
        "https://app.example/#",
        "https://app.example/#done",
        "https://*.example/",
        "https://app.example/*",
        "https://app.example/done ",
        " https://app.example/done",
        "https://app.example/a b",
        "https://app.example/\n",
        "https://app.example\\@evil.example/",
        "https://user@app.example/",
        "https://user:pass@app.example/",
        "https://app.example@evil.example/",
        "HTTPS://app.example/",
        "https://APP.example/",
        "https://app.example:443/",
        "https://app.example/a/../b",
        "https://app.example/%2e%2e/b",
        "https://app.example/\"><b>",
        "https://bücher.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://app.example/x",
        "myapp:/done",
        "com.example.app:/a b",
        "com.example.app:/done\n",
        "com.example.app:/d\u{f6}ne",
        "com.example.app:/a\\b",
        "com.example.app:/\"><b>",
        "com.example.app:/done#x",
        "com.example.app://user@done",
        "urn:ietf:wg:oauth:2.0:oob",
        "ftp://app.example/",
        "about:blank",
        &long,
    ];
    for address in bad {
        let client = with(
            confidential(),
            "redirect_uris",
            &json!(["https://app.example/done", address]),
        );
        let answer = root.api("POST", CLIENTS, &client).await;
        assert_eq!(wrong_fields(&answer), ["redirect_uris[1]"], "{address}");
    }
    assert_eq!(bridge.count("clients").await, 1);
}

#[tokio::test]
async fn oa_9_an_origin_is_exactly_as_a_browser_sends_it() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let good = [
        "https://app.example",
        "https://app.example:8443",
        "http://localhost:5173",
        "http://127.0.0.1",
    ];
    let made = create(&root, &with(public(), "origins", &json!(good))).await;
    assert_eq!(made["origins"], json!(good));
    let none = put(
        &root,
        "viewer-app",
        "\"1\"",
        &with(public(), "origins", &json!([])),
    )
    .await;
    assert_eq!(none.json()["origins"], json!([]), "none is not the default");
    for origin in [
        "",
        "*",
        "null",
        "https://*",
        "https://*.example",
        "https://app.example/",
        "https://app.example/path",
        "https://app.example?x",
        "https://APP.example",
        "https://app.example:443",
        "https://user@app.example",
        "http://app.example",
        "com.example.app:",
        "app.example",
    ] {
        let answer = root
            .api(
                "POST",
                CLIENTS,
                &with(confidential(), "origins", &json!([origin])),
            )
            .await;
        assert_eq!(wrong_fields(&answer), ["origins[0]"], "{origin}");
    }
}

#[tokio::test]
async fn a_limit_names_all_three_lists_and_each_name_is_one() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let max = json!({"roles": ["red5-publisher"], "transports": ["WHIP"], "rooms": ["a"]});
    for (member, value, field) in [
        ("roles", json!([]), "max.roles"),
        ("roles", json!(["*"]), "max.roles[0]"),
        ("roles", json!(["publisher"]), "max.roles[0]"),
        ("roles", json!(null), "max.roles"),
        ("transports", json!([]), "max.transports"),
        ("transports", json!(["*", "WHIP"]), "max.transports[0]"),
        ("transports", json!(["SRT"]), "max.transports[0]"),
        ("rooms", json!([]), "max.rooms"),
        ("rooms", json!(null), "max.rooms"),
        ("rooms", json!(["class-*"]), "max.rooms[0]"),
        ("rooms", json!(["{username}"]), "max.rooms[0]"),
        ("rooms", json!(["a", "*"]), "max.rooms[1]"),
        ("rooms", json!(["a/b"]), "max.rooms[0]"),
        ("ttl_seconds", json!(60), "max.ttl_seconds"),
    ] {
        let wrong = with(max.clone(), member, &value);
        let answer = root
            .api("POST", CLIENTS, &with(public(), "max", &wrong))
            .await;
        assert_eq!(wrong_fields(&answer), [field], "{value}");
    }
    for max in [
        json!({}),
        json!([]),
        json!("*"),
        json!({"roles": ["red5-publisher"], "transports": ["*"]}),
    ] {
        let answer = root
            .api("POST", CLIENTS, &with(public(), "max", &max))
            .await;
        assert!(!wrong_fields(&answer).is_empty(), "{max}");
    }
    assert_eq!(bridge.count("clients").await, 0);
}

#[tokio::test]
async fn oa_11_a_secret_is_shown_once_only_its_hash_is_kept_and_two_are_the_most() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let made = create(&root, &confidential()).await;
    let first = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(first.len(), 43, "256 bits");
    let secrets = format!("{CLIENTS}/studio-app/secrets");
    let answer = root.api("POST", &secrets, &json!({})).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let second = answer.json()["secret"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    problem(
        &root.api("POST", &secrets, &json!({})).await,
        409,
        "duplicate",
        &[],
    );

    let listed = root.peek(&secrets).await.json();
    assert_eq!(listed["total"], 2);
    assert_eq!(listed["items"][1]["id"], answer.json()["id"]);
    let members: Vec<&String> = listed["items"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["created_at", "id"]);
    let everything = [
        root.peek(CLIENTS).await.body,
        root.peek(&format!("{CLIENTS}/studio-app")).await.body,
        root.peek("/api/admin/audit").await.body,
        root.peek("/admin/history").await.body,
    ];
    for secret in [&first, &second] {
        for place in &everything {
            assert!(!place.contains(secret.as_str()));
        }
    }

    let kept: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT digest FROM client_secrets ORDER BY created_at")
            .fetch_all(&bridge.db)
            .await
            .unwrap();
    let hashes = [&first, &second].map(|secret| Sha256::digest(secret).to_vec());
    assert_eq!(kept, hashes);
    let columns: Vec<String> = sqlx::query_scalar(
        "SELECT column_name::text FROM information_schema.columns WHERE table_name = 'client_secrets' ORDER BY 1",
    )
    .fetch_all(&bridge.db)
    .await
    .unwrap();
    assert_eq!(columns, ["client_id", "created_at", "digest", "id"]);

    let ended = format!("{secrets}/{}", listed["items"][0]["id"].as_str().unwrap());
    assert_eq!(root.api("DELETE", &ended, &json!({})).await.status, 204);
    problem(
        &root.api("DELETE", &ended, &json!({})).await,
        404,
        "not_found",
        &[],
    );
    assert_eq!(
        root.peek(&secrets).await.json()["items"][0]["id"],
        answer.json()["id"]
    );
    assert_eq!(root.api("POST", &secrets, &json!({})).await.status, 201);
}

#[tokio::test]
async fn oa_11_the_secret_of_another_client_is_not_ended_and_a_public_client_has_none() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    create(&root, &public()).await;
    create(&root, &confidential()).await;
    create(&root, &with(confidential(), "id", &json!("other-app"))).await;
    let listed = root
        .peek(&format!("{CLIENTS}/studio-app/secrets"))
        .await
        .json();
    let secret = listed["items"][0]["id"].as_str().unwrap();
    for client in ["other-app", "viewer-app", "nobody"] {
        let path = format!("{CLIENTS}/{client}/secrets/{secret}");
        problem(
            &root.api("DELETE", &path, &json!({})).await,
            404,
            "not_found",
            &[],
        );
    }
    assert_eq!(bridge.count("client_secrets").await, 2);
    let none = root
        .api("POST", &format!("{CLIENTS}/viewer-app/secrets"), &json!({}))
        .await;
    assert_eq!(wrong_fields(&none), ["kind"]);
    assert_eq!(
        root.peek(&format!("{CLIENTS}/viewer-app/secrets"))
            .await
            .json()["total"],
        0
    );
    problem(
        &root.peek(&format!("{CLIENTS}/nobody/secrets")).await,
        404,
        "not_found",
        &[],
    );
}

#[tokio::test]
async fn oa_11_each_change_is_in_the_audit_log_without_a_hash() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    create(&root, &confidential()).await;
    let edited = put(
        &root,
        "studio-app",
        "\"1\"",
        &with(confidential(), "note", &json!("x")),
    )
    .await;
    assert_eq!(edited.status, 200, "{}", edited.body);
    assert_eq!(delete(&root, "studio-app", "\"2\"").await.status, 204);
    let log = root.peek("/api/admin/audit").await.json();
    let log = log["items"].as_array().unwrap();
    let mut told: Vec<(&str, &str)> = log
        .iter()
        .map(|row| {
            (
                row["action"].as_str().unwrap(),
                row["actor"]["label"].as_str().unwrap(),
            )
        })
        .collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            ("client.created", "root"),
            ("client.deleted", "root"),
            ("client.replaced", "root"),
            ("secret.created", "root"),
            ("secret.deleted", "root"),
        ]
    );
    let edit = log
        .iter()
        .find(|row| row["action"] == "client.replaced")
        .unwrap();
    assert_eq!(
        (&edit["before"]["note"], &edit["after"]["note"]),
        (&json!(""), &json!("x"))
    );
    assert_eq!(edit["object"], "studio-app");
    for row in log {
        assert!(!row.to_string().contains("digest"), "{row}");
    }
}

#[tokio::test]
async fn the_list_is_paged_and_searched_by_id_and_name() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    for (id, name) in [
        ("b-2", "Studio 100%"),
        ("a_1", "studio"),
        ("c.3", "Lobby_app"),
    ] {
        let client = with(public(), "id", &json!(id));
        create(&root, &with(client, "name", &json!(name))).await;
    }
    let ids = async |query: &str| {
        let page = root.peek(&format!("{CLIENTS}{query}")).await.json();
        let items = page["items"].as_array().unwrap().iter();
        let ids: Vec<String> = items
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        (ids.join(" "), page["total"].as_i64().unwrap())
    };
    assert_eq!(ids("").await, ("a_1 b-2 c.3".to_owned(), 3));
    assert_eq!(ids("?limit=1&offset=1").await, ("b-2".to_owned(), 3));
    assert_eq!(ids("?offset=5").await, (String::new(), 3));
    for (text, found) in [
        ("STUDIO", "a_1 b-2"),
        ("%25", "b-2"),
        ("_", "a_1 c.3"),
        ("b-2", "b-2"),
        ("z", ""),
    ] {
        assert_eq!(ids(&format!("?q={text}")).await.0, found, "{text}");
    }
    let wrong = root.peek(&format!("{CLIENTS}?limit=501")).await;
    assert_eq!(wrong_fields(&wrong), ["limit"]);
}

#[tokio::test]
async fn a_change_is_heard_by_the_other_instance() {
    let bridge = TestBridge::start().await;
    let beside = bridge.beside(&[]).await;
    let root = bridge.admin().await;
    create(&root, &public()).await;
    let authorize = "/oauth2/authorize?response_type=code&client_id=viewer-app&redirect_uri=https%3A%2F%2Fapp.example%2Fdone";
    let stranger = beside.browser();
    let is_known = async || stranger.peek(authorize).await.status == 303;
    crate::eventually::eventually("the client is known", is_known).await;
    let off = put(
        &root,
        "viewer-app",
        "\"1\"",
        &with(public(), "enabled", &json!(false)),
    )
    .await;
    assert_eq!(off.status, 200, "{}", off.body);
    crate::eventually::eventually("the client is off", async || !is_known().await).await;
}
