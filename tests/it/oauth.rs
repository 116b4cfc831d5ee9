//! Registered clients at `/oauth2/*` (RFC 6749, 7636, 7009, 8414, 9207, 9700).

mod authorize;
mod client_authentication;
mod codes;
mod devices;
mod doors;
mod exchange;
mod own_apps;
mod refresh;
mod who_may_read;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bridge::{Answer, Browser, TestBridge, path_of};

const REDIRECT_URI: &str = "https://studio.example/done";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0";

/// A registered client, as its author knows it.
#[derive(Clone)]
struct App {
    id: String,
    secret: Option<String>,
}

/// A public client that may use codes and refresh tokens, with these members changed.
async fn register(bridge: &TestBridge, changes: Value) -> App {
    let mut client = json!({
        "name": "Studio App", "kind": "public", "grants": ["authorization_code", "refresh_token"],
        "redirect_uris": [REDIRECT_URI],
    });
    for (name, value) in changes.as_object().unwrap() {
        client[name] = value.clone();
    }
    let admin = bridge.admin().await;
    let answer = admin.api("POST", "/api/admin/clients", &client).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    App {
        id: made["id"].as_str().unwrap().to_owned(),
        secret: made["secret"].as_str().map(str::to_owned),
    }
}

/// Ann, who may watch in the lobby, and a trusted public client.
async fn ann_and_app() -> (TestBridge, Browser, App) {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    bridge.provider.person("ann").groups(["viewers"]);
    let ann = bridge.signed_in("ann").await;
    let app = register(&bridge, json!({"trusted": true})).await;
    (bridge, ann, app)
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish()
}

impl App {
    /// The parameters of a good authorization request.
    fn request(&self) -> Vec<(String, String)> {
        [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", REDIRECT_URI),
            ("code_challenge", &challenge()),
            ("code_challenge_method", "S256"),
            ("state", "a state"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The address of an authorization request with these parameters changed; an empty value removes one.
    fn address(&self, changes: &[(&str, &str)]) -> String {
        let mut request = self.request();
        for (name, value) in changes {
            request.retain(|(known, _)| known != name);
            if !value.is_empty() {
                request.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(request)
            .finish();
        format!("/oauth2/authorize?{query}")
    }

    /// A code for the person of this browser, who is signed in.
    async fn code(&self, browser: &Browser, changes: &[(&str, &str)]) -> String {
        let answer = browser.peek(&self.address(changes)).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        parameter(&answer, "code").unwrap_or_else(|| panic!("{}", answer.header("location")))
    }

    /// Asks the token endpoint; the client authenticates by the members of the form.
    async fn ask(&self, bridge: &TestBridge, fields: &[(&str, &str)]) -> Answer {
        let mut all = vec![("client_id", self.id.as_str())];
        all.extend(
            self.secret
                .as_deref()
                .map(|secret| ("client_secret", secret)),
        );
        all.extend(fields);
        post(bridge, "/oauth2/token", &[], &all).await
    }

    async fn redeem(&self, bridge: &TestBridge, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", VERIFIER),
        ];
        self.ask(bridge, &fields).await
    }

    async fn refresh(&self, bridge: &TestBridge, token: &str) -> Answer {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.ask(bridge, &fields).await
    }

    /// A first refresh token.
    async fn tokens(&self, bridge: &TestBridge, browser: &Browser) -> String {
        let code = self.code(browser, &[]).await;
        refresh_token(&self.redeem(bridge, &code).await)
    }

    fn basic(&self) -> String {
        let secret = self.secret.as_deref().unwrap_or_default();
        format!("Basic {}", STANDARD.encode(format!("{}:{secret}", self.id)))
    }
}

async fn post(
    bridge: &TestBridge,
    path: &str,
    headers: &[(&str, &str)],
    fields: &[(&str, &str)],
) -> Answer {
    let mut all = vec![("content-type", "application/x-www-form-urlencoded")];
    all.extend(headers);
    bridge
        .browser()
        .send("POST", path, &all, &form(fields))
        .await
}

/// A parameter of the address to which the browser is sent.
fn parameter(answer: &Answer, name: &str) -> Option<String> {
    let location = answer.location();
    let mut found = location.query_pairs().filter(|(known, _)| known == name);
    let value = found.next().map(|(_, value)| value.into_owned());
    assert!(found.next().is_none(), "{location}");
    value
}

fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["refresh_token"].as_str().unwrap().to_owned()
}

/// Status and `error` of an answer of the token endpoint.
fn error(answer: &Answer) -> (u16, String) {
    let error = answer.json()["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    (answer.status, error)
}

fn refused(error: &str) -> (u16, String) {
    (400, error.to_owned())
}

#[tokio::test]
async fn an_app_gets_a_token_by_code_and_pkce_renews_it_and_gives_it_up() {
    let (bridge, ann, app) = ann_and_app().await;
    let code = app.code(&ann, &[]).await;

    let answer = app.redeem(&bridge, &code).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), "no-store");
    let first = answer.json();
    assert_eq!(first["token_type"], "Bearer");
    assert_eq!(first["scope"], "red5-subscriber room:lobby transport:WHEP");
    assert_eq!(first["expires_in"], 300);
    assert!(first["red5"]["connectionParams"]["token"] == first["access_token"]);

    let second = app.refresh(&bridge, &refresh_token(&answer)).await;
    assert_eq!(second.json()["scope"], first["scope"]);
    let token = refresh_token(&second);
    assert_ne!(token, first["refresh_token"]);

    let fields = [("client_id", app.id.as_str()), ("token", token.as_str())];
    let revoked = post(&bridge, "/oauth2/revoke", &[], &fields).await;
    assert_eq!((revoked.status, revoked.body.as_str()), (200, "{}"));
    assert_eq!(
        error(&app.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
}

#[tokio::test]
async fn a_person_who_is_not_signed_in_signs_in_on_the_way() {
    let (bridge, _, app) = ann_and_app().await;
    let mut browser = bridge.browser();
    let begun = browser
        .get(&app.address(&[("login_hint", "ann@example.com")]))
        .await;
    assert_eq!(begun.status, 303, "{}", begun.body);
    assert_eq!(
        parameter(&begun, "login_hint").as_deref(),
        Some("ann@example.com")
    );
    let back = bridge.provider.approve(&begun.location(), "ann").await;
    let done = browser.get(&path_of(&back)).await;
    let again = browser.get(&path_of(&done.location())).await;
    let code = parameter(&again, "code").unwrap();
    assert_eq!(parameter(&again, "state").as_deref(), Some("a state"));
    assert_eq!(app.redeem(&bridge, &code).await.status, 200);
}

#[tokio::test]
async fn what_a_client_may_have_at_most_narrows_its_tokens_and_their_life() {
    let bridge = TestBridge::start().await;
    let roles = ["red5-publisher", "red5-subscriber"];
    bridge.map("hosts", &roles, &["*"], &["*"]).await;
    bridge.provider.person("ann").groups(["hosts"]);
    let ann = bridge.signed_in("ann").await;
    let max =
        json!({"roles": ["red5-subscriber"], "transports": ["WHEP", "WHIP"], "rooms": ["a", "b"]});
    let app = register(
        &bridge,
        json!({"trusted": true, "max": max, "max_ttl_seconds": 120}),
    )
    .await;

    let code = app.code(&ann, &[]).await;
    let token = app.redeem(&bridge, &code).await.json();
    assert_eq!(
        token["scope"],
        "red5-subscriber room:a room:b transport:WHEP"
    );
    assert_eq!(token["expires_in"], 120);
    assert_eq!(token["ttl_limited_by"], "client");
    assert_eq!(token["left_out"], json!([]));

    let wide = ann.peek(&app.address(&[("scope", "red5-publisher")])).await;
    assert_eq!(parameter(&wide, "error").as_deref(), Some("invalid_scope"));
}

#[tokio::test]
async fn the_metadata_say_where_the_endpoints_are_also_with_a_base_path() {
    let url = "https://bridge.example/live";
    let bridge = TestBridge::start_with(&[("BRIDGE_PUBLIC_URL", url)]).await;
    let below = bridge
        .browser()
        .peek("/live/.well-known/oauth-authorization-server")
        .await;
    let at_root = bridge
        .browser()
        .peek("/.well-known/oauth-authorization-server/live")
        .await;
    assert_eq!((below.status, at_root.status), (200, 200));
    assert_eq!(below.json(), at_root.json());
    let metadata = below.json();
    assert_eq!(metadata["issuer"], url);
    assert_eq!(metadata["token_endpoint"], format!("{url}/oauth2/token"));
    assert_eq!(metadata["response_modes_supported"], json!(["query"]));
    assert_eq!(
        metadata["code_challenge_methods_supported"],
        json!(["S256"])
    );
    assert!(metadata.get("jwks_uri").is_none());
}
