//! Every door decides alike: the cookie, the portal, the authorization code, the refresh token, the token exchange and the
//! device.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{App, parameter, post, register};
use crate::bridge::{Answer, Browser, TestBridge};

const ROLES: [&str; 2] = ["red5-publisher", "red5-subscriber"];
const TRANSPORTS: [&str; 3] = ["WHIP", "WHEP", "RTMP"];
const ROOMS: [&str; 3] = ["a", "b", "c"];

/// What a request names; an empty list names nothing.
#[derive(Debug, Clone)]
struct Question {
    roles: Vec<&'static str>,
    transports: Vec<&'static str>,
    rooms: Vec<&'static str>,
}

impl Question {
    fn scope(&self) -> String {
        let transports = self
            .transports
            .iter()
            .map(|name| format!("transport:{name}"));
        let rooms = self.rooms.iter().map(|name| format!("room:{name}"));
        let roles = self.roles.iter().map(|role| (*role).to_owned());
        roles
            .chain(transports)
            .chain(rooms)
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn wish(&self) -> Value {
        let mut wish = json!({});
        for (name, list) in [
            ("roles", &self.roles),
            ("transports", &self.transports),
            ("rooms", &self.rooms),
        ] {
            if !list.is_empty() {
                wish[name] = json!(list);
            }
        }
        wish
    }
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(of.to_vec(), 0..=of.len())
}

fn question() -> impl Strategy<Value = Question> {
    (some(&ROLES), some(&TRANSPORTS), some(&ROOMS)).prop_map(|(roles, transports, rooms)| {
        Question {
            roles,
            transports,
            rooms,
        }
    })
}

/// A mapping that can serve.
fn mapping() -> impl Strategy<Value = Value> {
    let lists = (
        prop::sample::subsequence(ROLES.to_vec(), 1..=2),
        prop::sample::select(vec![
            json!(["RTMP"]),
            json!(["*"]),
            json!(["RTMP", "WHEP", "WHIP"]),
        ]),
        prop::sample::select(vec![
            json!(["a"]),
            json!(["a", "b"]),
            json!(["*"]),
            json!(["x-*"]),
            json!(["b", "c"]),
        ]),
        prop::option::of(60_i64..200),
    );
    lists.prop_map(|(roles, transports, rooms, ttl)| {
        json!({"group": "viewers", "match": "exact", "roles": roles, "transports": transports, "rooms": rooms, "max_ttl_seconds": ttl})
    })
}

/// What a door decided: scope, life and what bounds it; or the code of the refusal.
fn decision(answer: &Answer) -> Value {
    let body = answer.json();
    if answer.status == 200 {
        return json!([
            body["scope"],
            body["expires_in"],
            body["ttl_limited_by"],
            body["left_out"]
        ]);
    }
    let uri = body["error_uri"]
        .as_str()
        .and_then(|uri| uri.split_once('#'));
    uri.map_or_else(|| body["code"].clone(), |(_, code)| json!(code))
}

/// The finer code is in no answer of the authorization endpoint, so only that it refuses is compared.
async fn by_code(
    bridge: &TestBridge,
    ann: &Browser,
    app: &App,
    question: &Question,
) -> Option<Answer> {
    let answer = ann
        .peek(&app.address(&[("scope", &question.scope())]))
        .await;
    let code = parameter(&answer, "code")?;
    Some(app.redeem(bridge, &code).await)
}

/// The device of Ann, for which the page offers an approval, or not.
async fn by_device(
    bridge: &TestBridge,
    ann: &mut Browser,
    encoder: &App,
    question: &Question,
) -> Option<Answer> {
    let scope = question.scope();
    let fields = [
        ("client_id", encoder.id.as_str()),
        ("scope", scope.as_str()),
    ];
    let codes = post(bridge, "/oauth2/device_authorization", &[], &fields)
        .await
        .json();
    let code = |name: &str| codes[name].as_str().unwrap().to_owned();
    let user_code = code("user_code");
    let asked = ann
        .submit("/device", "/device", &[("user_code", &user_code)])
        .await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    if !asked.body.contains("value=\"approve\"") {
        return None;
    }
    bridge.approve_device(ann, "ann", &user_code).await;
    let device = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", &code("device_code")),
    ];
    Some(encoder.ask(bridge, &device).await)
}

/// The claims of the token that the portal shows, without its end; it takes one room at most.
async fn by_portal(ann: &mut Browser, question: &Question) -> Option<Value> {
    let named = [
        ("roles", &question.roles),
        ("transports", &question.transports),
    ];
    let mut fields: Vec<(&str, &str)> = named
        .iter()
        .flat_map(|(name, list)| list.iter().map(move |value| (*name, *value)))
        .collect();
    fields.extend(question.rooms.iter().map(|room| ("room", *room)));
    let page = ann.submit("/", "/portal/token", &fields).await.body;
    let (_, token) = page.split_once("eyJ")?;
    let token: String = token
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
        .collect();
    Some(claims(&format!("eyJ{token}")))
}

/// The claims of a token, without its end.
fn claims(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap();
    let mut claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    claims.as_object_mut().unwrap().remove("exp");
    claims
}

#[test]
fn every_door_gives_the_same_scope_and_bounds_and_refuses_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (bridge, ann, app, service, encoder) = runtime.block_on(async {
        let bridge = TestBridge::start_with(&[("BRIDGE_RATE_LIMITS", "off")]).await;
        bridge.provider.person("ann").groups(["viewers"]);
        let ann = bridge.signed_in("ann").await;
        let app = register(&bridge, json!({"trusted": true})).await;
        let service = register(
            &bridge,
            json!({"kind": "confidential", "grants": ["token_exchange"], "redirect_uris": []}),
        )
        .await;
        let encoder = json!({"grants": ["device_code"], "redirect_uris": []});
        let encoder = register(&bridge, encoder).await;
        (bridge, ann, app, service, encoder)
    });
    let ann = Mutex::new(ann);
    let admin = runtime.block_on(bridge.admin());
    let rows = prop::collection::vec(mapping(), 0..4);
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&(rows, prop::collection::vec(question(), 1..4)), |(rows, questions)| {
        runtime.block_on(async {
            sqlx::query("DELETE FROM mappings").execute(&bridge.db).await.unwrap();
            for row in &rows {
                admin.api("POST", "/api/admin/mappings", row).await;
            }
            // The edit by hand is known when this instance has made one after it.
            let probe = json!({"group": "nothing", "match": "exact", "roles": ROLES, "transports": ["*"], "rooms": ["*"]});
            assert_eq!(admin.api("POST", "/api/admin/mappings", &probe).await.status, 201);
            for question in &questions {
                let mut ann = ann.lock().await;
                let cookie = ann.token(question.wish()).await;
                let expected = decision(&cookie);
                let hour = bridge.now() + 3600;
                let token = bridge.provider.id_token("ann", |token| token.claim("exp", hour));
                let scope = question.scope();
                let fields = [
                    ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
                    ("subject_token", token.as_str()),
                    ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
                    ("scope", scope.as_str()),
                ];
                let exchanged = service.ask(&bridge, &fields).await;
                assert_eq!(decision(&exchanged), expected, "exchange {question:?} {rows:?}");
                match by_device(&bridge, &mut ann, &encoder, question).await {
                    None => assert_ne!(cookie.status, 200, "device {question:?} {rows:?}"),
                    Some(connected) => assert_eq!(decision(&connected), expected, "device {question:?} {rows:?}"),
                }
                if question.rooms.len() < 2 {
                    let shown = by_portal(&mut ann, question).await;
                    let token = cookie.json()["access_token"].as_str().map(claims);
                    assert_eq!(shown, token, "portal {question:?} {rows:?}");
                }
                match by_code(&bridge, &ann, &app, question).await {
                    None => assert_ne!(cookie.status, 200, "authorize {question:?} {rows:?}"),
                    Some(coded) => {
                        assert_eq!(decision(&coded), expected, "code {question:?} {rows:?}");
                        let token = coded.json()["refresh_token"].as_str().unwrap().to_owned();
                        let refreshed = app.refresh(&bridge, &token).await;
                        assert_eq!(decision(&refreshed), expected, "refresh {question:?} {rows:?}");
                    }
                }
            }
        });
        Ok(())
    });
    outcome.unwrap();
}
