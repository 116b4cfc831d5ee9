//! The headers of every answer, whatever it is.

use serde_json::json;

use crate::bridge::{Answer, Browser, ORIGIN, RED5_SECRET, SECRET_KEY, TestBridge};
use crate::provider::CLIENT_SECRET;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

/// One answer of every status that can be had, page and API.
#[expect(clippy::too_many_lines, reason = "one list, in the order of a visit")]
async fn answers(bridge: &TestBridge) -> Vec<(String, Answer)> {
    let row = bridge.map_lobby().await;
    bridge.provider.person("vic").groups(["nothing"]);
    let (stranger, vic) = (bridge.browser(), bridge.signed_in("vic").await);
    let mut admin = bridge.admin().await;
    let one = format!("/api/admin/mappings/{}", row["id"]);
    let twin = json!({"group": "viewers", "match": "exact", "roles": ["red5-subscriber"],
                      "transports": ["WHEP"], "rooms": ["lobby"]});
    let if_match = |tag| [("if-match", tag)];
    let mut all = Vec::new();
    for (browser, path) in [
        (&stranger, "/"),
        (&stranger, "/auth/login"),
        (&stranger, "/auth/callback"),
        (&stranger, "/auth/signed-out"),
        (&stranger, "/auth/logout"),
        (&stranger, "/admin/mappings"),
        (&stranger, "/api/session"),
        (&stranger, "/api/token"),
        (&stranger, "/api/nothing"),
        (&stranger, "/nothing"),
        (&stranger, "/livez"),
        (&stranger, "/readyz"),
        (&stranger, "/assets/bridge.css"),
        (&stranger, "/assets/nothing"),
        (&vic, "/"),
        (&vic, "/admin/mappings"),
        (&vic, "/api/admin/mappings"),
        (&admin, "/"),
        (&admin, "/admin/mappings"),
        (&admin, "/admin/mappings/new"),
        (&admin, "/admin/mappings/9999"),
        (&admin, "/admin/mappings?limit=0"),
        (&admin, "/api/admin/mappings"),
        (&admin, "/api/admin/mappings?limit=0"),
        (&admin, &one),
        (&admin, "/api/session"),
    ] {
        all.push((format!("GET {path}"), browser.peek(path).await));
    }
    let api = "/api/admin/mappings";
    all.push(("403 token".into(), vic.token(json!({})).await));
    all.push(("409".into(), admin.api("POST", api, &twin).await));
    all.push(("428".into(), admin.api("PUT", &one, &twin).await));
    all.push((
        "412".into(),
        admin.api_with("PUT", &one, &if_match("\"9\""), &twin).await,
    ));
    all.push((
        "400 page".into(),
        admin
            .submit("/admin/mappings/new", "/admin/mappings", &[])
            .await,
    ));
    all.push((
        "foreign form".into(),
        admin.send("POST", "/admin/mappings", &[FORM], "").await,
    ));
    all.push((
        "415 page".into(),
        admin
            .send("POST", "/admin/mappings", &[("origin", ORIGIN)], "")
            .await,
    ));
    let large = "x".repeat(257 * 1024);
    all.push((
        "413 page".into(),
        admin
            .send(
                "POST",
                "/admin/mappings",
                &[FORM, ("origin", ORIGIN)],
                &large,
            )
            .await,
    ));
    all.push((
        "201".into(),
        admin
            .api(
                "POST",
                api,
                &json!({"match": "everyone", "roles": ["red5-subscriber"],
        "transports": ["*"], "rooms": ["*"]}),
            )
            .await,
    ));
    all.push(("200 token".into(), admin.token(json!({})).await));
    all.extend(broken(bridge, &mut admin).await);
    all.push((
        "204".into(),
        admin
            .api_with("DELETE", &one, &if_match("\"1\""), &json!({}))
            .await,
    ));
    all.push((
        "303 signed out".into(),
        admin.submit("/", "/auth/logout", &[]).await,
    ));
    all
}

/// Two answers while the database refuses what it should take.
async fn broken(bridge: &TestBridge, admin: &mut Browser) -> Vec<(String, Answer)> {
    sqlx::query("ALTER TABLE audit_log ADD CONSTRAINT broken CHECK (false) NOT VALID")
        .execute(&bridge.db)
        .await
        .unwrap();
    let new = json!({"match": "everyone", "roles": ["red5-publisher"], "transports": ["*"], "rooms": ["*"]});
    let api = admin.api("POST", "/api/admin/mappings", &new).await;
    let fields = [
        ("match", "everyone"),
        ("roles", "red5-publisher"),
        ("transports_are", "any"),
        ("rooms_are", "any"),
    ];
    let page = admin
        .submit("/admin/mappings/new", "/admin/mappings", &fields)
        .await;
    assert_eq!((api.status, page.status), (500, 500));
    sqlx::query("ALTER TABLE audit_log DROP CONSTRAINT broken")
        .execute(&bridge.db)
        .await
        .unwrap();
    vec![("500 api".into(), api), ("500 page".into(), page)]
}

#[tokio::test]
async fn cs_8_cs_9_cs_11_every_response_has_its_security_headers_is_not_cached_and_names_its_type()
{
    let bridge = TestBridge::start().await;
    let answers = answers(&bridge).await;
    for (name, answer) in &answers {
        assert_eq!(answer.header("content-security-policy"), CSP);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=31536000; includeSubDomains"
        );
        // SC-7
        assert!(!answer.has("server") && !answer.has("x-powered-by"));

        // SC-2
        let all = format!("{:?}{}", answer.headers, answer.body);
        for secret in [RED5_SECRET, CLIENT_SECRET, SECRET_KEY, &bridge.database_url] {
            assert!(!all.contains(secret), "{name}");
        }

        let kind = answer
            .headers
            .get("content-type")
            .map(|kind| kind.to_str().unwrap());
        let is_page = kind == Some("text/html; charset=utf-8");
        let referrer = if is_page {
            "same-origin"
        } else {
            "no-referrer"
        };
        assert_eq!(answer.header("referrer-policy"), referrer);
        if name != "GET /assets/bridge.css" {
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("pragma"), "no-cache");
        }
        match kind {
            Some("application/json" | "application/problem+json") => drop(answer.json()),
            Some("text/html; charset=utf-8") => assert!(answer.body.starts_with("<!")),
            Some("text/css; charset=utf-8") => {}
            Some(other) => panic!("{other}"),
            None => assert_eq!(answer.body, ""),
        }
    }
    let statuses: std::collections::BTreeSet<u16> =
        answers.iter().map(|(_, answer)| answer.status).collect();
    let all = [
        200, 201, 204, 303, 400, 401, 403, 404, 405, 409, 412, 413, 415, 428, 500,
    ];
    assert_eq!(statuses, all.into());
}

#[tokio::test]
async fn cs_8_browsers_are_held_to_https_only_where_the_bridge_is_https() {
    let local = [("BRIDGE_PUBLIC_URL", "http://localhost:8080")];
    let bridge = TestBridge::start_with(&local).await;
    assert!(
        !bridge
            .browser()
            .peek("/livez")
            .await
            .has("strict-transport-security")
    );
}

#[tokio::test]
async fn cs_8_an_asset_is_kept_only_under_its_own_version() {
    let bridge = TestBridge::start().await;
    let browser = bridge.browser();
    let page = browser.peek("/").await.body;
    let (_, rest) = page.split_once("/assets/bridge.css?v=").unwrap();
    let version = rest.split('"').next().unwrap();
    let asked = format!("/assets/bridge.css?v={version}");
    let kept = "public, max-age=31536000, immutable";
    assert_eq!(browser.peek(&asked).await.header("cache-control"), kept);
    assert_eq!(
        browser
            .peek("/assets/bridge.css?v=0")
            .await
            .header("cache-control"),
        "no-cache"
    );
    for path in [
        "/assets/..%2fCargo.toml",
        "/assets/%2e%2e%2f",
        "/assets/bridge.css%00",
        "/assets/",
    ] {
        assert_eq!(browser.peek(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn cs_8_the_module_for_apps_is_the_one_answer_that_every_origin_may_read() {
    let bridge = TestBridge::start().await;
    let browser = bridge.browser();
    let path = "/client/red5-bridge.js";
    let elsewhere = ("origin", "https://elsewhere.example");
    let module = browser.send("GET", path, &[elsewhere], "").await;
    assert_eq!(module.status, 200);
    assert_eq!(
        module.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(module.body, include_str!("../../clients/js/red5-bridge.js"));
    assert_eq!(module.header("cache-control"), "public, no-cache");
    let tag = module.header("etag").to_owned();
    for (held, status) in [
        (&*tag, 304),
        (&*format!("\"other\", W/{tag}"), 304),
        ("*", 304),
        ("\"other\"", 200),
        ("nothing", 200),
    ] {
        let asked = [("if-none-match", held), elsewhere];
        let answer = browser.send("GET", path, &asked, "").await;
        assert_eq!(answer.status, status, "{held}");
        assert_eq!(answer.body.is_empty(), status == 304, "{held}");
        assert_eq!(answer.header("etag"), tag, "{held}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(!answer.has("access-control-allow-credentials"));
        assert_eq!(
            answer.header("cross-origin-resource-policy"),
            "cross-origin"
        );
        assert_eq!(answer.header("content-security-policy"), CSP);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    for path in [
        "/client/",
        "/client/red5-bridge.d.ts",
        "/client/package.json",
        "/client/..%2fred5-bridge.js",
        "/assets/red5-bridge.js",
        "/assets/bridge.js",
    ] {
        let answer = browser.send("GET", path, &[elsewhere], "").await;
        assert!(!answer.has("access-control-allow-origin"), "{path}");
        assert_eq!(
            answer.header("cross-origin-resource-policy"),
            "same-origin",
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_part_of_a_file_is_never_sent_however_it_is_asked_for() {
    let bridge = TestBridge::start().await;
    let browser = bridge.browser();
    let whole = browser.peek("/assets/bridge.css").await.body;
    for range in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=0-",
        "bytes=0-0",
        "bytes=-1",
        "bytes=9-1",
        "bytes=99999999999999999999-",
        "bytes=0-0,1-1,2-2",
        "lines=1-2",
    ] {
        let asked = [("range", range)];
        let answer = browser.send("GET", "/assets/bridge.css", &asked, "").await;
        assert_eq!(answer.status, 200, "{range:?}");
        assert!(answer.body == whole, "{range:?}");
    }
}

#[tokio::test]
async fn sc_7_unknown_methods_are_refused_and_nothing_is_echoed() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    for path in [
        "/",
        "/admin/mappings",
        "/api/session",
        "/api/token",
        "/api/admin/mappings",
        "/livez",
        "/auth/login",
    ] {
        for method in ["TRACE", "TRACK", "PROPFIND", "PATCH"] {
            let answer = admin.send(method, path, &[("x-canary", "sing")], "").await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(!answer.body.contains("sing"));
        }
    }
}

#[tokio::test]
async fn sc_6_health_names_no_user_and_no_version() {
    let bridge = TestBridge::start().await;
    let _admin = bridge.admin().await;
    let browser = bridge.browser();
    assert_eq!(
        browser.peek("/livez").await.json(),
        json!({"status": "live"})
    );
    let ready = browser.peek("/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(
        ready.json(),
        json!({"status": "ready", "database": "fresh", "provider": "ready"})
    );
    // `/metrics` has a listener of its own, and is nothing here.
    assert_eq!(browser.peek("/metrics").await.status, 404);
}
