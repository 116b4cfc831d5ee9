//! docs/apps.md: its answers are those of the bridge, and its table has every refusal. Its
//! scripts are run by a browser (tests/e2e/apps.test.mjs).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api_document::document::DOCUMENT;
use crate::bridge::{APP_ORIGIN, ORIGIN, TestBridge};

const APP: (&str, &str) = ("origin", APP_ORIGIN);
const SCRIPT: (&str, &str) = ("x-red5-bridge", "1");
const JSON: (&str, &str) = ("content-type", "application/json");

fn page() -> String {
    std::fs::read_to_string("docs/apps.md").unwrap()
}

/// The answers that the page shows, in its order.
fn answers() -> Vec<Value> {
    let page = page();
    let blocks = page.split("```json\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap());
    let read = |block: &str| {
        let block = block.replace("https://bridge.example.com", ORIGIN);
        serde_json::from_str(&block).unwrap()
    };
    blocks.map(read).collect()
}

/// `answer` as the page has it, with the page's own values where each answer has others.
fn as_shown(mut answer: Value, shown: &Value, others: &[&str]) -> Value {
    for place in others {
        let value = answer.pointer_mut(place).unwrap();
        let example = shown.pointer(place).unwrap().clone();
        assert_eq!(value.is_string(), example.is_string(), "{place}");
        *value = example;
    }
    answer
}

#[tokio::test]
async fn each_answer_in_the_page_for_authors_is_one_of_the_bridge() {
    let server = [("RED5_SERVER_URL", "https://media.example.com/live")];
    let bridge = TestBridge::start_with(&server).await;
    let roles = ["red5-publisher", "red5-subscriber"];
    bridge
        .map("viewers", &roles[1..], &["WHEP"], &["lobby", "class-*"])
        .await;
    bridge
        .map("producers", &roles[..1], &["WHIP"], &["studio-1"])
        .await;
    bridge
        .provider
        .person("vic")
        .claim("name", "Vic Viewer")
        .groups(["viewers"]);
    bridge.provider.person("ada").groups(["producers"]);
    let (vic, ada) = (bridge.signed_in("vic").await, bridge.signed_in("ada").await);
    let shown = answers();
    let [refusal, session, token, logout] = &shown[..] else {
        panic!("{} answers", shown.len());
    };

    let answer = bridge
        .browser()
        .send("GET", "/api/session", &[APP], "")
        .await;
    assert_eq!(answer.json(), *refusal);

    let answer = vic.send("GET", "/api/session", &[APP], "").await;
    let others = [
        "/identity/issuer",
        "/identity/subject",
        "/groups_read_at",
        "/ends_at",
        "/idle_ends_at",
    ];
    assert_eq!(as_shown(answer.json(), session, &others), *session);

    let asked = json!({"roles": ["red5-publisher"], "rooms": ["studio-1"], "transports": ["WHIP"]});
    let headers = [APP, SCRIPT, JSON];
    let answer = ada
        .send("POST", "/api/token", &headers, &asked.to_string())
        .await;
    let others = [
        "/access_token",
        "/expires_at",
        "/red5/connectionParams/token",
        "/mapping_version",
    ];
    assert_eq!(as_shown(answer.json(), token, &others), *token);

    let answer = ada.send("POST", "/api/logout", &headers, "{}").await;
    assert_eq!(answer.json(), *logout);
}

/// The commands that the page shows, in its order.
fn commands() -> Vec<String> {
    let page = page();
    let blocks = page.split("```sh\n").skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.filter(|block| block.contains("curl")).collect()
}

/// What the shell makes of a command, sent to this bridge.
fn run(bridge: &TestBridge, command: &str, variables: &[(&str, &str)]) -> Value {
    let command = command.replace("https://bridge.example.com", &bridge.address);
    let output = std::process::Command::new("bash")
        .args(["-c", &command])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{command}: {output:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_command_in_the_page_for_authors_does_what_the_page_says() {
    let origins = ("BRIDGE_ALLOWED_ORIGINS", "https://player.example.com");
    let bridge = TestBridge::start_with(&[origins]).await;
    let role = ["red5-publisher"];
    bridge
        .map("producers", &role, &["WHIP"], &["studio-1"])
        .await;
    bridge.provider.person("ada").groups(["producers"]);
    let mut ada = bridge.signed_in("ada").await;
    let admin = bridge.admin().await;
    let redirect_uri = "https://studio.example.com/done";
    let app = json!({"id": "studio-app", "name": "Studio", "kind": "public", "trusted": true,
                     "grants": ["authorization_code", "refresh_token"], "redirect_uris": [redirect_uri]});
    let encoder = json!({"id": "field-encoder", "name": "Encoder", "kind": "public", "grants": ["device_code", "refresh_token"]});
    assert_eq!(
        admin
            .api("POST", "/api/admin/clients", &encoder)
            .await
            .status,
        201
    );
    let service = json!({"id": "transcoder", "name": "Transcoder", "kind": "confidential", "grants": ["token_exchange"]});
    assert_eq!(
        admin.api("POST", "/api/admin/clients", &app).await.status,
        201
    );
    let service = admin
        .api("POST", "/api/admin/clients", &service)
        .await
        .json();

    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    // RFC 7636, Appendix B.
    let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", "studio-app"),
            ("redirect_uri", redirect_uri),
        ])
        .extend_pairs([
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    let back = ada
        .peek(&format!("/oauth2/authorize?{query}"))
        .await
        .location();
    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    let id_token = bridge.provider.id_token("ada", |token| token);

    let commands = commands();
    let [by_cookie, redeem, refresh, exchange, codes, device, revoke] = &commands[..] else {
        panic!("{} commands", commands.len());
    };
    let (name, value) = ada.session().unwrap();
    let cookie = format!("{name}={value}");
    let answer = run(&bridge, by_cookie, &[("COOKIE", &cookie)]);
    assert_eq!(
        answer["scope"],
        "red5-publisher room:studio-1 transport:WHIP"
    );
    let first = run(&bridge, redeem, &[("CODE", &code), ("VERIFIER", verifier)]);
    assert_eq!(
        first["scope"],
        "red5-publisher room:studio-1 transport:WHIP"
    );
    let token = first["refresh_token"].as_str().unwrap();
    let second = run(&bridge, refresh, &[("REFRESH_TOKEN", token)]);
    let token = second["refresh_token"].as_str().unwrap();
    let secret = service["secret"].as_str().unwrap();
    let exchanged = run(
        &bridge,
        exchange,
        &[("SECRET", secret), ("ID_TOKEN", &id_token)],
    );
    assert_eq!(exchanged["scope"], first["scope"]);
    let codes = run(&bridge, codes, &[]);
    let device_code = codes["device_code"].as_str().unwrap();
    let waiting = run(&bridge, device, &[("DEVICE_CODE", device_code)]);
    assert_eq!(waiting["error"], "authorization_pending");
    bridge
        .approve_device(&mut ada, "ada", codes["user_code"].as_str().unwrap())
        .await;
    let connected = run(&bridge, device, &[("DEVICE_CODE", device_code)]);
    assert_eq!(connected["scope"], first["scope"]);
    assert_eq!(run(&bridge, revoke, &[("REFRESH_TOKEN", token)]), json!({}));
    let over = run(&bridge, refresh, &[("REFRESH_TOKEN", token)]);
    assert_eq!(over["error"], "invalid_grant");
}

/// The words of `code` in `value` and in all that it refers to.
fn codes(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(place)) = members.get("$ref") {
                let place = place.strip_prefix('#').unwrap();
                codes(DOCUMENT.json.pointer(place).unwrap(), found);
            }
            let code = members.get("code").and_then(|code| code["const"].as_str());
            found.extend(code.map(str::to_owned));
            members.values().for_each(|member| codes(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| codes(item, found)),
        _ => {}
    }
}

#[test]
fn the_page_for_authors_has_a_row_for_each_refusal_that_an_app_can_meet() {
    let mut known = BTreeSet::new();
    for path in ["/api/session", "/api/token", "/api/logout"] {
        codes(&DOCUMENT.json["paths"][path], &mut known);
    }
    codes(
        &DOCUMENT.json["components"]["responses"]["MethodNotAllowed"],
        &mut known,
    );
    let page = page();
    let (_, refusals) = page.split_once("| status, `code` |").unwrap();
    let rows = refusals.lines().filter_map(|line| line.strip_prefix("| "));
    let words = rows.flat_map(|row| {
        let first = row.split(" |").next().unwrap();
        first.split('`').skip(1).step_by(2).map(str::to_owned)
    });
    assert_eq!(words.collect::<BTreeSet<_>>(), known);
}
