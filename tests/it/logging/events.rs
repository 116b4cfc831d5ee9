//! What the program tells, through flows and refusals.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::documented;
use crate::bridge::{ADMIN_GROUP, Browser, ORIGIN, path_of};
use crate::database::{as_served, new_database};
use crate::process::Process;
use crate::provider::{Answer, Endpoint};

/// A program, and what it tells.
pub struct Told {
    pub process: Process,
    /// The owner's.
    pub database_url: String,
}

impl Told {
    pub async fn start(variables: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("LOG_FORMAT", "json"),
            ("RUST_LOG", "warn,red5_bridge=debug"),
        ];
        all.extend(variables);
        let database_url = new_database().await;
        let process = Process::start(&as_served(&database_url), &all).await;
        let told = Self {
            process,
            database_url,
        };
        told.browser().ready().await;
        told
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.process.address)
    }

    pub async fn signed_in(&self, person: &str) -> Browser {
        let mut browser = self.browser();
        assert_eq!(self.come_back(&mut browser, person).await, 303);
        browser
    }

    pub async fn come_back(&self, browser: &mut Browser, person: &str) -> u16 {
        let begun = browser.get("/auth/login").await;
        let back = self
            .process
            .provider
            .approve(&begun.location(), person)
            .await;
        browser.get(&path_of(&back)).await.status
    }

    /// Every event of ours so far.
    pub fn events(&self) -> Vec<Value> {
        let log = self.process.log();
        let events = log.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}"))
        });
        events.filter(|event| event["event"].is_string()).collect()
    }

    /// What was told since there were so many events.
    fn since(&self, many: usize) -> Vec<Value> {
        self.events().split_off(many)
    }

    /// Told of each step are exactly these events, all of them with its request's id;
    /// returns them.
    pub fn steps(&self) -> impl FnMut(&[&str]) -> Vec<Value> {
        let mut seen = self.events().len();
        move |expected| {
            let new = self.since(seen);
            seen += new.len();
            let names: Vec<&str> = new
                .iter()
                .map(|event| event["event"].as_str().unwrap())
                .collect();
            assert_eq!(names, expected, "{new:#?}");
            for event in &new {
                let id = event["span"]["id"].as_str().unwrap();
                assert_eq!(id.len(), 16, "{event}");
                assert!(
                    event["timestamp"].as_str().unwrap().ends_with('Z'),
                    "{event}"
                );
            }
            new
        }
    }
}

fn fields(event: &Value) -> BTreeSet<String> {
    let always = ["timestamp", "level", "target", "span", "event", "message"];
    let names = event.as_object().unwrap().keys();
    names
        .filter(|name| !always.contains(&name.as_str()))
        .cloned()
        .collect()
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "one transcript, from the start to the end"
)]
async fn lg_2_each_thing_that_happens_is_one_event_with_the_fields_of_the_page() {
    let told = Told::start(&[("BRIDGE_ADMIN_GROUP", "x")]).await;
    // Otherwise it may be told during the first step.
    told.process.until_log("provider_ready").await;
    let provider = &told.process.provider;
    provider.person("root").groups([ADMIN_GROUP]);
    provider.person("vic").groups(["viewers"]);
    provider.person("eve");
    provider
        .person("ann@example.com")
        .claim("groups", json!([7, "viewers"]));
    let mut step = told.steps();

    let mut root = told.signed_in("root").await;
    let found = ["claim_found"; 3];
    let events = step(&[&found[..], &["signed_in"]].concat());
    assert_eq!(events[0]["claim"], "/groups");
    assert_eq!(events[3]["subject"], "root");
    let mapping = json!({
        "group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
        "transports": ["WHEP"], "rooms": ["lobby"],
    });
    let made = root.api("POST", "/api/admin/mappings", &mapping).await;
    let event = &step(&["mapping_created"])[0];
    assert_eq!(
        (&event["mapping"], &event["actor"]),
        (&made.json()["id"], &json!("root"))
    );
    assert_eq!(event["span"]["id"], made.header("x-request-id"));
    root.api("POST", "/api/admin/mappings", &mapping).await;
    assert_eq!(step(&["request_refused"])[0]["code"], "duplicate");
    let row = format!("/api/admin/mappings/{}", made.json()["id"]);
    root.api_with("PUT", &row, &[("if-match", made.header("etag"))], &mapping)
        .await;
    step(&["mapping_replaced"]);
    root.api_with("PUT", &row, &[("if-match", made.header("etag"))], &mapping)
        .await;
    assert_eq!(step(&["request_refused"])[0]["code"], "stale");
    root.api("PUT", &row, &mapping).await;
    assert_eq!(
        step(&["request_refused"])[0]["code"],
        "precondition_required"
    );
    root.submit("/admin/mappings/new", "/admin/mappings", &[("group", "")])
        .await;
    assert_eq!(step(&["request_refused"])[0]["code"], "invalid_request");

    let vic = told.signed_in("vic").await;
    step(&["signed_in"]);
    let answer = vic.token(json!({})).await;
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let event = &step(&["token_issued"])[0];
    let digest = Sha256::digest(&token);
    let digest = format!(
        "{:016x}",
        u64::from_be_bytes(digest[..8].try_into().unwrap())
    );
    for (field, value) in [
        ("token_sha256", json!(digest)),
        ("subject", json!("vic")),
        ("roles", json!("red5-subscriber")),
        ("transports", json!("WHEP")),
        ("rooms", json!("lobby")),
    ] {
        assert_eq!(event[field], value);
    }
    assert!(event["exp"].is_i64() && event["mapping_version"].is_i64());
    vic.token(json!({"rooms": ["other"]})).await;
    assert_eq!(step(&["token_refused"])[0]["code"], "scope_not_granted");
    vic.token(json!({"rooms": []})).await;
    assert_eq!(step(&["request_refused"])[0]["code"], "invalid_request");
    vic.peek("/admin/mappings").await;
    step(&["admin_denied"]);
    vic.api("POST", "/api/admin/mappings", &mapping).await;
    step(&["admin_denied"]);
    vic.send(
        "POST",
        "/api/token",
        &[("origin", "https://evil.example")],
        "{}",
    )
    .await;
    assert_eq!(step(&["request_refused"])[0]["code"], "forbidden_origin");
    vic.clone()
        .post_form("/auth/logout", &[("form_token", "x")], ORIGIN)
        .await;
    assert_eq!(step(&["request_refused"])[0]["code"], "session_changed");
    told.browser().peek("/api/session").await;
    assert_eq!(step(&["request_refused"])[0]["code"], "not_signed_in");
    told.browser().peek("/nowhere").await;
    let event = &step(&["request_refused"])[0];
    assert_eq!(
        (&event["level"], &event["status"]),
        (&json!("DEBUG"), &json!(404))
    );
    let mut out = vic.clone();
    out.submit("/", "/auth/logout", &[]).await;
    step(&["signed_out"]);
    let person = json!({"issuer": provider.issuer(), "subject": "eve", "reason": "Left."});
    root.api("POST", "/api/admin/blocks", &person).await;
    step(&["person_blocked"]);
    told.come_back(&mut told.browser(), "eve").await;
    let events = step(&["claim_missing", "blocked"]);
    assert_eq!(events[0]["variable"], "OIDC_GROUPS_CLAIM");
    assert_eq!(events[1]["at"], "sign_in");

    // An address as a subject is no name for a log, and neither is a group.
    let ann = told.signed_in("ann@example.com").await;
    let events = step(&["groups_ignored", "signed_in"]);
    assert_eq!(events[1]["subject"], "sha256:71d4f55f72fa128d");
    ann.token(json!({"rooms": ["other"]})).await;
    assert_eq!(
        step(&["token_refused"])[0]["subject"],
        "sha256:71d4f55f72fa128d"
    );

    let mut browser = told.browser();
    told.process
        .provider
        .next_id_token(|token| token.claim("nonce", "x"));
    assert_eq!(told.come_back(&mut browser, "vic").await, 400);
    assert_eq!(step(&["sign_in_failed"])[0]["reason"], "id_token_nonce");
    let wrong = Answer::json(401, &json!({"error": "invalid_client"}));
    told.process.provider.once(Endpoint::Token, wrong);
    told.come_back(&mut browser, "vic").await;
    let event = &step(&["sign_in_failed"])[0];
    assert_eq!(
        (&event["reason"], &event["level"]),
        (&json!("token_invalid_client"), &json!("WARN"))
    );
    told.browser()
        .peek("/auth/callback?state=x&code=y&code=z")
        .await;
    assert_eq!(step(&["sign_in_failed"])[0]["reason"], "parameters");
    let deleted = root.api_with("GET", &row, &[], &json!({})).await;
    root.api_with(
        "DELETE",
        &row,
        &[("if-match", deleted.header("etag"))],
        &json!({}),
    )
    .await;
    step(&["mapping_deleted"]);

    // What was told at the start belongs to no request; all of it fits the page.
    let events = told.events();
    assert!(fits_the_page(&events) >= 13);
    let unknown = events
        .iter()
        .find(|event| event["event"] == "unknown_variable")
        .unwrap();
    assert_eq!(unknown["variable"], "BRIDGE_ADMIN_GROUP");
    for personal in ["ann@example.com", "viewers\"", "127.0.0.1:"] {
        let log = told.process.log().replace(&told.process.address, "");
        assert!(!log.contains(personal), "{personal}");
    }
}

/// Each event has the level and the fields of the page; says how many kinds there are.
pub fn fits_the_page(events: &[Value]) -> usize {
    let page = documented();
    let mut by_name: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for event in events {
        by_name
            .entry(event["event"].as_str().unwrap())
            .or_default()
            .push(event);
    }
    let kinds = by_name.len();
    for (name, events) in by_name {
        let documented = page
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not documented"));
        for event in events {
            let fields = fields(event);
            let level = event["level"].as_str().unwrap();
            assert!(documented.levels.contains(level), "{event}");
            assert!(
                documented.needed.is_subset(&fields),
                "{event} lacks {documented:?}"
            );
            let more: Vec<_> = fields.difference(&documented.needed).collect();
            assert!(
                more.iter().all(|name| documented.optional.contains(*name)),
                "{more:?}"
            );
        }
    }
    kinds
}

#[tokio::test]
async fn lg_4_the_request_id_is_the_bridges_own_whatever_a_client_sends() {
    let told = Told::start(&[]).await;
    let huge = "f".repeat(8000);
    for sent in ["0123456789abcdef", "../../x", "a b", &huge] {
        let headers = [("x-request-id", sent), ("request-id", sent)];
        let answer = told
            .browser()
            .send("GET", "/api/session", &headers, "")
            .await;
        let id = answer.header("x-request-id").to_owned();
        assert_ne!(id, sent);
        assert!(
            id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{id}"
        );
        let events = told.events();
        assert_eq!(events.last().unwrap()["span"]["id"], json!(id));
    }
    assert!(!told.process.log().contains("../../x"));
    // The page of the refusal shows it.
    let page = told.browser().peek("/nowhere").await;
    assert!(
        page.body.contains(page.header("x-request-id")),
        "{}",
        page.body
    );
}

#[tokio::test]
async fn lg_3_no_value_from_outside_makes_a_second_line_or_moves_a_cursor() {
    for format in ["text", "json"] {
        let told = Told::start(&[("LOG_FORMAT", format)]).await;
        // Anything but printable ASCII in `sub` is refused with its ID token.
        let subject = "eve\" event=\"signed_in\" x=[2J\\n";
        told.process
            .provider
            .person("eve")
            .claim("sub", subject)
            .groups(["viewers"]);
        let eve = told.signed_in("eve").await;
        eve.token(json!({})).await;
        let path = "/%0a%1b[2J/\"%22 event=%22forged%22?\u{1b}";
        let _ = eve
            .send(
                "GET",
                &path.replace(' ', "%20").replace('"', "%22"),
                &[("user-agent", "x\ty")],
                "",
            )
            .await;
        let bytes = told.process.log();
        let hidden = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c));
        assert!(!bytes.contains(hidden), "{bytes}");
        let lines: Vec<&str> = bytes
            .lines()
            .filter(|line| line.contains("eve\\\""))
            .collect();
        assert_eq!(lines.len(), 2, "{bytes}");
        for line in bytes.lines() {
            assert!(line.starts_with("20") || line.starts_with('{'), "{line}");
        }
        if format == "json" {
            let signed_in = told
                .events()
                .into_iter()
                .find(|event| event["event"] == "signed_in");
            assert_eq!(signed_in.unwrap()["subject"], subject);
        } else {
            assert!(bytes.contains("subject=\"eve\\\" event="), "{bytes}");
        }
    }
}

#[tokio::test]
async fn lg_5_what_went_wrong_inside_is_in_the_log_and_not_in_the_answer() {
    let told = Told::start(&[]).await;
    told.process.provider.person("vic").groups(["viewers"]);
    let vic = told.signed_in("vic").await;
    let wrong = Answer::json(
        400,
        &json!({"error": "invalid_request", "error_description": "at sqlx::pool"}),
    );
    told.process.provider.once(Endpoint::Token, wrong);
    let mut browser = told.browser();
    let begun = browser.get("/auth/login").await;
    let back = told
        .process
        .provider
        .approve(&begun.location(), "vic")
        .await;
    let page = browser.get(&path_of(&back)).await;
    let bad = vic
        .send(
            "POST",
            "/api/token",
            &[
                ("x-red5-bridge", "1"),
                ("origin", ORIGIN),
                ("content-type", "application/json"),
            ],
            "{\"rooms\":",
        )
        .await;
    assert_eq!(bad.status, 400);
    for body in [&page.body, &bad.body] {
        for inside in [
            "sqlx",
            "serde",
            "reqwest",
            "token_error",
            "expected value",
            "src/",
            told.process.provider.issuer(),
        ] {
            assert!(!body.contains(inside), "{inside}: {body}");
        }
    }
    let last = told.events();
    assert!(last.iter().any(|event| event["reason"] == "token_error"));
}

#[tokio::test]
async fn lg_2_the_event_of_a_token_names_the_client_that_got_it() {
    let told = Told::start(&[]).await;
    let provider = &told.process.provider;
    provider.person("root").groups([ADMIN_GROUP]);
    provider.person("vic").groups(["viewers"]);
    let root = told.signed_in("root").await;
    let mapping = json!({
        "group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
        "transports": ["WHEP"], "rooms": ["lobby"],
    });
    root.api("POST", "/api/admin/mappings", &mapping).await;
    let client = json!({
        "id": "studio", "name": "Studio", "kind": "public", "trusted": true, "grants": ["authorization_code"],
        "redirect_uris": ["https://studio.example/done"],
    });
    root.api("POST", "/api/admin/clients", &client).await;

    let vic = told.signed_in("vic").await;
    let mut step = told.steps();
    let verifier = "v".repeat(43);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
    let to = "client_id=studio&redirect_uri=https%3A%2F%2Fstudio.example%2Fdone";
    let asked = vic
        .peek(&format!(
            "/oauth2/authorize?response_type=code&code_challenge_method=S256&code_challenge={challenge}&{to}"
        ))
        .await;
    let location = asked.location();
    let (_, code) = location.query_pairs().next().unwrap();
    let form = format!("grant_type=authorization_code&code={code}&code_verifier={verifier}&{to}");
    let form_encoded = [("content-type", "application/x-www-form-urlencoded")];
    let answer = told
        .browser()
        .send("POST", "/oauth2/token", &form_encoded, &form)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let event = &step(&["token_issued"])[0];
    assert_eq!(
        (&event["client"], &event["subject"]),
        (&json!("studio"), &json!("vic"))
    );
    vic.token(json!({})).await;
    assert_eq!(step(&["token_issued"])[0].get("client"), None);
}
