//! `docs/openapi.json` is true: what it describes is there, what is there is
//! described, and its examples are what they say.

pub mod document;

use std::collections::BTreeSet;

use red5_bridge::metrics::ExchangeOutcome;
use serde_json::{Value, json};
use strum::VariantArray;

use crate::bridge::{APP_ORIGIN, TestBridge};
use document::{DOCUMENT, escaped, places};

/// `METHOD /path` of every operation.
fn described() -> BTreeSet<String> {
    let paths = DOCUMENT.json["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let members = item.as_object().unwrap().keys();
        let methods = members.filter(|name| *name != "parameters");
        methods.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

/// The routes of `src/web/routes.rs` that answer programs, with their methods.
fn registered() -> BTreeSet<String> {
    const METHODS: [(&str, &str); 4] = [
        (".get(", "GET"),
        (".post(", "POST"),
        (".put(", "PUT"),
        (".delete(", "DELETE"),
    ];
    let source = include_str!("../../src/web/routes.rs");
    let (_, table) = source.split_once("static ROUTES").unwrap();
    let (table, _) = table.split_once("static OPS").unwrap();
    let mut found = BTreeSet::new();
    for question in table.split("\n    red5(\"").skip(1) {
        let (path, _) = question.split_once('"').unwrap();
        found.insert(format!("POST {path}"));
    }
    let kinds = ["api", "app", "oauth"].map(|kind| (kind, format!("\n    {kind}(\"")));
    for (kind, begin) in &kinds {
        for route in table.split(begin.as_str()).skip(1) {
            let (path, rest) = route.split_once('"').unwrap();
            let is_for_programs = ["/api/", "/oauth2/", "/.well-known/"];
            let is_for_programs = is_for_programs.iter().any(|begin| path.starts_with(begin));
            if !is_for_programs && path != "/livez" && path != "/readyz" {
                continue;
            }
            // The lines that go on with a row stand further to the right.
            let rows = rest.split("\n];").next().unwrap();
            let next = rows.match_indices("\n    ");
            let mut next = next.filter(|(at, begin)| !rows[at + begin.len()..].starts_with(' '));
            let row = next.next().map_or(rows, |(at, _)| &rows[..at]);
            let methods = METHODS.iter().filter(|(call, _)| row.contains(call));
            found.extend(methods.map(|(_, method)| format!("{method} {path}")));
            if *kind != "api" {
                found.insert(format!("OPTIONS {path}"));
            }
        }
    }
    found
}

#[test]
fn every_route_of_the_api_is_described_and_every_description_is_of_a_route() {
    assert_eq!(described(), registered());
}

/// The codes of the refusals that a program can be answered: those before the sign-ins' in the
/// table, without the one that only a form has.
fn codes() -> BTreeSet<String> {
    let source = include_str!("../../src/web/views/problem.rs");
    let (table, _) = source
        .split_once("// What follows is of sign-ins alone")
        .unwrap();
    let table: Vec<&str> = table.split_whitespace().collect();
    let table = table.join(" ");
    let consts = table.split(": Problem = Problem::").skip(1);
    let codes = consts.map(|problem| problem.split('"').nth(1).unwrap().to_owned());
    let mut found: BTreeSet<String> = codes.collect();
    assert!(found.remove("session_changed"));
    for outcome in ExchangeOutcome::VARIANTS {
        let code: &'static str = outcome.into();
        assert!(code == "issued" || found.contains(code), "{code}");
    }
    found
}

#[test]
fn every_code_is_described_and_every_description_is_of_a_code() {
    let places = places(&DOCUMENT.json, "code");
    let constant = |place: String| {
        DOCUMENT.json.pointer(&place)?["const"]
            .as_str()
            .map(str::to_owned)
    };
    let described: BTreeSet<String> = places.into_iter().filter_map(constant).collect();
    assert_eq!(described, codes());
}

#[test]
fn nothing_of_the_document_is_left_over() {
    let text = DOCUMENT.json.to_string();
    for (kind, members) in DOCUMENT.json["components"].as_object().unwrap() {
        for name in members.as_object().unwrap().keys() {
            let named = format!("#/components/{kind}/{name}\"");
            let is_used = text.contains(&named);
            let is_for_all = kind == "securitySchemes" || name.ends_with("MethodNotAllowed");
            assert!(is_used || is_for_all, "{kind}/{name}");
        }
    }
}

#[test]
fn the_version_is_that_of_the_program() {
    assert_eq!(DOCUMENT.json["info"]["version"], env!("CARGO_PKG_VERSION"));
}

/// Each example, with the place of its schema.
fn examples() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for place in places(&DOCUMENT.json, "examples") {
        if place == "/components/examples" {
            continue;
        }
        let schema = place.replace("/examples", "/schema");
        for name in DOCUMENT
            .json
            .pointer(&place)
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
        {
            let example = DOCUMENT.place(&format!("{place}/{}", escaped(name)));
            let value = DOCUMENT.json.pointer(&example).unwrap()["value"].clone();
            found.push((schema.clone(), value));
        }
    }
    for place in places(&DOCUMENT.json, "example") {
        let schema = place.replace("/example", "/schema");
        found.push((schema, DOCUMENT.json.pointer(&place).unwrap().clone()));
    }
    found
}

#[test]
fn every_example_is_what_its_schema_says() {
    let examples = examples();
    assert!(examples.len() > 50, "{}", examples.len());
    for (schema, value) in examples {
        assert_eq!(DOCUMENT.judge(&schema, &value), Ok(()), "{schema}: {value}");
    }
}

fn bodies(operation: &str) -> Vec<Value> {
    let place = format!("/paths/{operation}/requestBody/content/application~1json/examples");
    let examples = DOCUMENT.json.pointer(&place).unwrap().as_object().unwrap();
    examples
        .values()
        .map(|example| example["value"].clone())
        .collect()
}

#[tokio::test]
async fn every_example_of_a_request_is_taken() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let both: &[&str] = &["red5-publisher", "red5-subscriber"];
    bridge
        .map("crew", both, &["RTMP", "WHIP", "WHEP"], &["studio-1"])
        .await;
    bridge.provider.person("vic").groups(["crew"]);
    let vic = bridge.signed_in("vic").await;
    for wish in bodies("~1api~1token/post") {
        let answer = vic.token(wish).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let mut written = Vec::new();
    for mapping in bodies("~1api~1admin~1mappings/post") {
        let answer = root.api("POST", "/api/admin/mappings", &mapping).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        written.push(answer);
    }
    let row = written
        .iter()
        .find(|row| row.json()["group"] == "viewers")
        .unwrap();
    let address = format!("/api/admin/mappings/{}", row.json()["id"]);
    let mut etag = row.header("etag").to_owned();
    for mut mapping in bodies("~1api~1admin~1mappings~1{id}/put") {
        let now = root.peek(&address).await.json();
        for read_only in ["id", "version", "created_at", "created_by"] {
            if mapping.get(read_only).is_some() {
                mapping[read_only] = now[read_only].clone();
            }
        }
        let answer = root
            .api_with("PUT", &address, &[("if-match", &etag)], &mapping)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        etag = answer.header("etag").to_owned();
    }
    for client in bodies("~1api~1admin~1clients/post") {
        let answer = root.api("POST", "/api/admin/clients", &client).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    for client in bodies("~1api~1admin~1clients~1{id}/put") {
        let if_match = [("if-match", "\"1\"")];
        let address = "/api/admin/clients/studio-app";
        let answer = root.api_with("PUT", address, &if_match, &client).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    for nothing in bodies("~1api~1admin~1mappings~1{id}/delete") {
        let answer = root
            .api_with("DELETE", &address, &[("if-match", &etag)], &nothing)
            .await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_deletion_that_says_more_is_refused() {
    let bridge = TestBridge::start().await;
    let row = bridge
        .map("crew", &["red5-publisher"], &["WHIP"], &["a"])
        .await;
    let root = bridge.admin().await;
    let address = format!("/api/admin/mappings/{}", row["id"]);
    let body = json!({ "if_enabled": true });
    let answer = root
        .api_with("DELETE", &address, &[("if-match", "\"1\"")], &body)
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["errors"][0]["field"], "if_enabled");
    assert_eq!(root.peek(&address).await.status, 200);
}

#[tokio::test]
async fn it_is_served_with_this_bridges_address_and_read_by_no_other_origin() {
    let bridge =
        TestBridge::start_with(&[("BRIDGE_PUBLIC_URL", "https://bridge.example/red5")]).await;
    let browser = bridge.browser();
    let answer = browser
        .send("GET", "/red5/openapi.json", &[("origin", APP_ORIGIN)], "")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(!answer.has("access-control-allow-origin"));
    let served = answer.json();
    assert_eq!(served["servers"][0]["url"], "https://bridge.example/red5");
    assert_eq!(
        served["paths"].as_object().unwrap().len(),
        DOCUMENT.json["paths"].as_object().unwrap().len()
    );
    assert_eq!(browser.peek("/openapi.json").await.status, 404);
}

#[tokio::test]
async fn the_page_shows_every_operation_signed_in_or_not() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["crew"]);
    let vic = bridge.signed_in("vic").await;
    for browser in [bridge.browser(), vic] {
        let answer = browser.peek("/docs").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
        for operation in described() {
            assert!(
                answer.body.contains(&format!("<code>{operation}</code>")),
                "{operation}"
            );
        }
        assert!(answer.body.contains("href=\"/openapi.json\""));
        let is_signed_in = answer.body.contains("Signed in as");
        assert_eq!(is_signed_in, !browser.cookies.is_empty());
    }
}
