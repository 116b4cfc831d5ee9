//! Every flow and every failure, against the program itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use url::Url;

use super::Canaries;
use crate::bridge::{ADMIN_GROUP, Answer, Browser, ORIGIN, RED5_SECRET, SECRET_KEY, path_of};
use crate::database::{as_served, new_database};
use crate::eventually::eventually;
use crate::process::Process;
use crate::provider::{self, CLIENT_SECRET, Endpoint, IdToken, Key};

const DATABASE_PASSWORD: &str = "database-password-canary";
const ACCESS_TOKEN: &str = "access-token-canary-1f6b";
const REFRESH_TOKEN: &str = "refresh-token-canary-88ce";
const IN_ID_TOKEN: &str = "inside-of-the-id-token-canary";
const PROVIDER_TEXT: &str = "what-the-provider-says-canary";

/// One program, everything secret about it, and what it answered.
struct Stage {
    process: Process,
    canaries: Canaries,
    db: PgPool,
    database_url: String,
}

impl Stage {
    async fn start(variables: &[(&str, &str)]) -> Self {
        let database_url = new_database().await;
        let mut with_password = Url::parse(&as_served(&database_url)).unwrap();
        with_password.set_password(Some(DATABASE_PASSWORD)).unwrap();
        let process = Process::start(with_password.as_str(), variables).await;
        let mut canaries = Canaries::default();
        for (name, value) in [
            ("database password", DATABASE_PASSWORD),
            ("client secret", CLIENT_SECRET),
            ("Red5 secret", RED5_SECRET),
            ("secret key", SECRET_KEY),
            ("access token", ACCESS_TOKEN),
            ("refresh token", REFRESH_TOKEN),
            ("ID token", IN_ID_TOKEN),
            ("provider's text", PROVIDER_TEXT),
        ] {
            canaries.add(name, value);
        }
        process.provider.every_id_token(|token| {
            let digest = Sha256::digest(ACCESS_TOKEN);
            token
                .claim("at_hash", URL_SAFE_NO_PAD.encode(&digest[..16]))
                .claim("canary", IN_ID_TOKEN)
        });
        let stage = Self {
            process,
            canaries,
            db: PgPool::connect_lazy(&database_url).unwrap(),
            database_url,
        };
        stage.browser().ready().await;
        stage
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.process.address)
    }

    /// To the provider and back; the address is not visited yet.
    async fn go(&mut self, browser: &mut Browser, person: &str) -> Url {
        let begun = browser.get("/auth/login").await;
        assert_eq!(begun.status, 303, "{}", begun.body);
        let location = begun.location();
        let parameter = |name: &str| {
            let mut pairs = location.query_pairs();
            pairs
                .find(|(found, _)| found == name)
                .unwrap()
                .1
                .into_owned()
        };
        // Known only from here on: the state and the nonce belong into this
        // address, and the cookie into this answer.
        self.canaries.check_answer("/auth/login", &begun, &[]);
        self.canaries.add("state", &parameter("state"));
        self.canaries.add("nonce", &parameter("nonce"));
        for line in begun.set_cookies() {
            let value = line.split_once('=').unwrap().1.split(';').next().unwrap();
            if !value.is_empty() {
                self.canaries.add("attempt's cookie", value);
            }
        }
        self.process.provider.next_token_answer(|fields| {
            fields
                .set("access_token", ACCESS_TOKEN)
                .set("refresh_token", REFRESH_TOKEN)
        });
        let back = self.process.provider.approve(&location, person).await;
        let code = back.query_pairs().find(|(name, _)| name == "code");
        self.canaries.add("code", &code.unwrap().1);
        back
    }

    /// What the bridge sent to the token endpoint.
    fn learn_what_was_sent(&mut self) {
        if self.process.provider.hits(Endpoint::Token) == 0 {
            return;
        }
        let sent = self.process.provider.last(Endpoint::Token);
        self.canaries.add("verifier", &sent.form["code_verifier"]);
        self.canaries
            .add("Authorization", sent.header("authorization"));
    }

    async fn signed_in(&mut self, person: &str) -> Browser {
        let mut browser = self.browser();
        let back = self.go(&mut browser, person).await;
        let done = browser.get(&path_of(&back)).await;
        assert_eq!(done.status, 303, "{}", done.body);
        self.canaries.check_answer("/auth/callback", &done, &[]);
        self.learn_what_was_sent();
        let (_, session) = browser.session().unwrap();
        self.canaries.add("session's cookie", &session);
        browser
    }

    fn see(&self, place: &str, answer: &Answer, allowed: &[&str]) {
        self.canaries.check_answer(place, answer, allowed);
    }

    async fn check_everywhere(&self) {
        let log = self.process.log();
        assert!(log.contains("TRACE"), "it says all there is to say");
        self.canaries.check("the log", &log, &[]);
        self.canaries.check_database(&self.db, &[]).await;
    }
}

async fn good_flows(stage: &mut Stage) {
    stage.process.provider.person("root").groups([ADMIN_GROUP]);
    stage.process.provider.person("vic").groups(["viewers"]);
    let mut root = stage.signed_in("root").await;
    let mapping = json!({
        "group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
        "transports": ["WHEP"], "rooms": ["lobby"],
    });
    let made = root.api("POST", "/api/admin/mappings", &mapping).await;
    assert_eq!(made.status, 201, "{}", made.body);
    stage.see("a new mapping", &made, &[]);
    for path in [
        "/admin/mappings",
        "/admin/mappings/new",
        "/admin/mappings/1",
    ] {
        stage.see(path, &root.peek(path).await, &[]);
    }
    let form_token = root.peek("/").await.field("form_token");
    stage.canaries.add("form token", &form_token);
    let form = [("group", "x"), ("match", "exact"), ("rooms", "a,b")];
    let refused = root
        .submit("/admin/mappings/new", "/admin/mappings", &form)
        .await;
    assert_eq!(refused.status, 400);
    stage.see("a wrong form", &refused, &["form token"]);

    let mut vic = stage.signed_in("vic").await;
    let issued = vic.token(json!({})).await;
    assert_eq!(issued.status, 200, "{}", issued.body);
    stage.see("/api/token", &issued, &[]);
    let token = issued.json()["access_token"].as_str().unwrap().to_owned();
    stage.canaries.add("Red5 token", &token);
    stage
        .canaries
        .add("signature", token.rsplit('.').next().unwrap());
    for path in [
        "/",
        "/api/session",
        "/nowhere",
        "/admin/mappings",
        "/livez",
        "/readyz",
    ] {
        stage.see(path, &vic.peek(path).await, &[]);
    }
    for ask in [
        json!({"rooms": ["other"]}),
        json!({"roles": ["red5-publisher"]}),
        json!({"ttl_seconds": 1}),
        json!({"unknown": PROVIDER_TEXT}),
    ] {
        let refused = vic.token(ask).await;
        assert!(refused.status >= 400);
        stage.see("a refusal", &refused, &[]);
    }
    let page = vic.submit("/", "/portal/token", &[]).await;
    assert_eq!(page.status, 200);
    clients(stage, &root, &mut vic).await;
    let out = vic.submit("/", "/auth/logout", &[]).await;
    assert_eq!(out.status, 303);
    stage.see("/auth/logout", &out, &[]);
    for (name, value) in &vic.cookies {
        if name.contains("sign_out") {
            stage.canaries.add("ticket", value);
        }
    }
    // The one page that leads to the provider's sign-out holds the hint for it.
    let left = vic.get("/auth/signed-out").await;
    stage.see("/auth/signed-out", &left, &["ID token", "nonce"]);
    assert!(left.body.contains("id_token_hint"), "{}", left.body);
    stage.see(
        "/auth/signed-out again",
        &vic.get("/auth/signed-out").await,
        &[],
    );
}

const OAUTH_VERIFIER: &str = "oauth-verifier-canary-of-forty-three-letters";

/// Within one second, the same question gives the same token at each door.
const SAME_TOKEN: [&str; 2] = ["Red5 token", "signature"];

/// A client of the bridge gets tokens by a code, a refresh token, and as a device (OA-12).
async fn clients(stage: &mut Stage, root: &Browser, vic: &mut Browser) {
    let client = json!({
        "id": "studio", "name": "Studio", "kind": "confidential", "trusted": true, "redirect_uris": [STUDIO],
        "grants": ["authorization_code", "refresh_token", "device_code", "token_exchange"],
    });
    let made = root.api("POST", "/api/admin/clients", &client).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    stage.canaries.add("secret of the client", &secret);
    stage.canaries.add("verifier of the client", OAUTH_VERIFIER);
    for path in [
        "/admin/clients",
        "/admin/clients/studio/secrets",
        "/admin/history",
    ] {
        stage.see(path, &root.peek(path).await, &["form token"]);
    }
    by_code(stage, vic, &secret).await;
    by_subject_token_and_device(stage, vic, &secret).await;
}

/// What the client `studio` sends.
async fn post(stage: &Stage, path: &str, secret: &str, fields: &[(&str, &str)]) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("client_id", "studio"), ("client_secret", secret)])
        .extend_pairs(fields)
        .finish();
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    stage.browser().send("POST", path, &headers, &form).await
}

const STUDIO: &str = "https://studio.example/done";

async fn by_code(stage: &mut Stage, vic: &mut Browser, secret: &str) {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", "studio"),
            ("redirect_uri", STUDIO),
        ])
        .extend_pairs([
            (
                "code_challenge",
                &*URL_SAFE_NO_PAD.encode(Sha256::digest(OAUTH_VERIFIER)),
            ),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    for verifier in [
        "another-verifier-of-more-than-forty-three-letters",
        OAUTH_VERIFIER,
    ] {
        let sent = vic.peek(&format!("/oauth2/authorize?{query}")).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        let code = sent
            .location()
            .query_pairs()
            .find(|(name, _)| name == "code")
            .unwrap()
            .1
            .into_owned();
        stage.canaries.add("code of the client", &code);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", STUDIO),
            ("code_verifier", verifier),
        ];
        let redeemed = post(stage, "/oauth2/token", secret, &fields).await;
        stage.see("the answer to a code", &redeemed, &SAME_TOKEN);
        if redeemed.status == 200 {
            let first = redeemed.json()["refresh_token"]
                .as_str()
                .unwrap()
                .to_owned();
            stage.canaries.add("refresh token of the client", &first);
            let fields = [("grant_type", "refresh_token"), ("refresh_token", &*first)];
            let next = post(stage, "/oauth2/token", secret, &fields).await;
            stage.see("the answer to a refresh token", &next, &SAME_TOKEN);
            let second = next.json()["refresh_token"].as_str().unwrap().to_owned();
            stage
                .canaries
                .add("next refresh token of the client", &second);
        }
    }
}

async fn by_subject_token_and_device(stage: &mut Stage, vic: &mut Browser, secret: &str) {
    let fields = [
        (
            "grant_type",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ),
        ("subject_token", "subject-token-canary"),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:id_token",
        ),
    ];
    stage.canaries.add("subject token", "subject-token-canary");
    stage.see(
        "a refused subject token",
        &post(stage, "/oauth2/token", secret, &fields).await,
        &[],
    );

    let codes = post(stage, "/oauth2/device_authorization", secret, &[]).await;
    stage.see("codes of a device", &codes, &[]);
    let code = |name: &str| codes.json()[name].as_str().unwrap().to_owned();
    stage.canaries.add("device code", &code("device_code"));
    let device = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", &*code("device_code")),
    ];
    stage.see(
        "a device that waits",
        &post(stage, "/oauth2/token", secret, &device).await,
        &[],
    );
    let fields = [("user_code", &*code("user_code"))];
    stage.see(
        "/device",
        &vic.submit("/device", "/device", &fields).await,
        &["form token"],
    );
}

/// What a client sends of its own accord.
async fn what_clients_send(stage: &mut Stage) {
    let given = [
        (
            "client's Authorization",
            "Bearer client-authorization-canary",
        ),
        ("client's request id", "client-request-id-canary"),
        ("client's body", "client-body-canary"),
        ("client's cookie", "client-cookie-canary"),
        ("client's query", "client-query-canary"),
        ("client's token", "client-form-token-canary"),
    ];
    for (name, value) in given {
        stage.canaries.add(name, value);
    }
    let browser = stage.browser();
    let headers = [
        ("authorization", given[0].1),
        ("x-request-id", given[1].1),
        (
            "cookie",
            "__Host-bridge_session=client-cookie-canary; a=client-cookie-canary",
        ),
        ("referer", "https://x.example/?t=client-query-canary"),
    ];
    let body = json!({"rooms": [given[2].1], "client-body-canary": 1}).to_string();
    for (method, path) in [
        ("GET", "/?token=client-query-canary"),
        ("GET", "/auth/login?return_to=client-query-canary"),
        (
            "GET",
            "/auth/callback?state=client-query-canary&code=client-query-canary",
        ),
        (
            "GET",
            "/auth/callback?state=client-query-canary&error=client-query-canary",
        ),
        ("POST", "/auth/logout"),
        ("POST", "/api/token"),
        ("POST", "/portal/token"),
        ("PUT", "/api/admin/mappings/1"),
        ("TRACE", "/"),
    ] {
        let answer = browser.send(method, path, &headers, &body).await;
        assert!(answer.status >= 200, "{method} {path}");
        // Where a page offers to try again, it repeats the address it was asked for.
        stage.see(path, &answer, &["client's query"]);
    }
    let (name, session) = stage.signed_in("vic").await.session().unwrap();
    let cookie = format!("{name}={session}");
    let more = [
        ("cookie", &*cookie),
        ("x-red5-bridge", "1"),
        ("origin", ORIGIN),
    ];
    for headers in [&more[..1], &more[..2], &more[..3]] {
        let answer = browser.send("POST", "/api/token", headers, &body).await;
        assert!(answer.status >= 400);
        stage.see("/api/token", &answer, &[]);
    }
    let forged = [
        more[0],
        more[2],
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    let form = "form_token=client-form-token-canary";
    let answer = browser.send("POST", "/portal/token", &forged, form).await;
    assert_eq!(answer.status, 403);
    stage.see("/portal/token", &answer, &[]);
}

async fn refused_sign_ins(stage: &mut Stage) {
    type Bend = fn(IdToken) -> IdToken;
    let bends: [Bend; 7] = [
        |token| token.claim("nonce", PROVIDER_TEXT),
        |token| token.claim("iss", PROVIDER_TEXT),
        |token| token.claim("aud", PROVIDER_TEXT),
        |token| token.claim("exp", 1),
        IdToken::broken,
        IdToken::unsigned,
        |token| token.raw(PROVIDER_TEXT),
    ];
    for bend in bends {
        stage.process.provider.next_id_token(bend);
        refused(stage, "vic").await;
    }
    stage
        .process
        .provider
        .next_id_token(|token| token.forged_by(&Key::rs256("rs-1")));
    let said = json!({"error": PROVIDER_TEXT, "error_description": PROVIDER_TEXT,
                      "access_token": ACCESS_TOKEN});
    for (endpoint, answer) in [
        (Endpoint::Token, provider::Answer::json(400, &said)),
        (
            Endpoint::Token,
            provider::Answer::json(401, &json!({"error": "invalid_client"})),
        ),
        (Endpoint::Token, provider::Answer::json(200, &said)),
        (Endpoint::Token, provider::Answer::page(502, PROVIDER_TEXT)),
        (
            Endpoint::Token,
            provider::Answer::redirect("/what-the-provider-says-canary"),
        ),
    ] {
        stage.process.provider.once(endpoint, answer);
        refused(stage, "vic").await;
    }
    // Userinfo is asked where the ID token has no groups.
    stage.process.provider.person("una").claim("email", "x");
    for answer in [
        provider::Answer::json(200, &json!({"sub": PROVIDER_TEXT})),
        provider::Answer::page(500, PROVIDER_TEXT),
    ] {
        stage.process.provider.once(Endpoint::Userinfo, answer);
        refused(stage, "una").await;
    }
    // The provider's error, another browser's answer, and one that is used twice.
    let mut browser = stage.browser();
    let begun = browser.get("/auth/login").await;
    let mut denied = stage
        .process
        .provider
        .deny(&begun.location(), "access_denied")
        .await;
    denied
        .query_pairs_mut()
        .append_pair("error_description", PROVIDER_TEXT);
    let answer = browser.get(&path_of(&denied)).await;
    assert_eq!(answer.status, 403);
    stage.see("a denial", &answer, &[]);
    let mut browser = stage.browser();
    let back = stage.go(&mut browser, "vic").await;
    let foreign = stage.browser().get(&path_of(&back)).await;
    assert_eq!(foreign.status, 400);
    stage.see("another browser", &foreign, &[]);
    let cookies = browser.cookies.clone();
    assert_eq!(browser.get(&path_of(&back)).await.status, 303);
    let mut again = stage.browser();
    again.cookies = cookies;
    let replayed = again.get(&path_of(&back)).await;
    assert_eq!(replayed.status, 400);
    stage.see("used twice", &replayed, &[]);
}

async fn refused(stage: &mut Stage, person: &str) {
    let mut browser = stage.browser();
    let back = stage.go(&mut browser, person).await;
    let answer = browser.get(&path_of(&back)).await;
    assert!(answer.status >= 400, "{}", answer.body);
    assert!(browser.session().is_none());
    stage.see("/auth/callback", &answer, &[]);
    stage.learn_what_was_sent();
}

/// No sign-in succeeds, and sessions are refused.
async fn without_database(stage: &mut Stage) {
    let vic = stage.signed_in("vic").await;
    let mut browser = stage.browser();
    let back = stage.go(&mut browser, "vic").await;
    let mut url = Url::parse(&stage.database_url).unwrap();
    let name = url.path().trim_start_matches('/').to_owned();
    url.set_path("postgres");
    let mut server = PgConnection::connect(url.as_str()).await.unwrap();
    for statement in [
        format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut server)
            .await
            .unwrap();
    }
    let late = browser.get(&path_of(&back)).await;
    assert_eq!(late.status, 503, "{}", late.body);
    // Asking the same address again may help, so the page at that address offers it.
    stage.see("a sign-in without a database", &late, &["state", "code"]);
    eventually("the bound passes", async || {
        let answer = vic.token(json!({})).await;
        stage.see("/api/token", &answer, &["Red5 token"]);
        answer.status == 503
    })
    .await;
    for path in ["/", "/api/session", "/readyz"] {
        let answer = vic.peek(path).await;
        assert_eq!(answer.status, 503, "{path}");
        stage.see(path, &answer, &[]);
    }
    let allow = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
    sqlx::query(AssertSqlSafe(allow))
        .execute(&mut server)
        .await
        .unwrap();
}

#[tokio::test]
async fn lg_1_sc_2_through_every_flow_no_secret_is_where_it_does_not_belong() {
    let mut stage = Stage::start(&[("BRIDGE_MAX_STALENESS_SECONDS", "2")]).await;
    good_flows(&mut stage).await;
    what_clients_send(&mut stage).await;
    refused_sign_ins(&mut stage).await;
    stage.check_everywhere().await;
    without_database(&mut stage).await;
    stage.check_everywhere().await;
}

#[tokio::test]
async fn lg_1_as_json_and_with_each_library_named_it_is_the_same() {
    let filter =
        "trace,reqwest=trace,hyper=trace,hyper_util=trace,rustls=trace,sqlx=trace,actix_http=trace";
    let variables = [("LOG_FORMAT", "json"), ("RUST_LOG", filter)];
    let mut stage = Stage::start(&variables).await;
    good_flows(&mut stage).await;
    refused_sign_ins(&mut stage).await;
    stage.check_everywhere().await;
    for line in stage.process.log().lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(
            event["timestamp"].as_str().unwrap().ends_with('Z'),
            "{line}"
        );
    }
}
