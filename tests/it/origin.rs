//! Where a request comes from decides before anything else does.

mod cors;

use serde_json::json;

use crate::bridge::{APP_ORIGIN, Browser, ORIGIN, TestBridge};
use crate::problem::problem;

const JSON: (&str, &str) = ("content-type", "application/json");
const SCRIPT: (&str, &str) = ("x-red5-bridge", "1");
const OWN: (&str, &str) = ("origin", ORIGIN);
const APP: (&str, &str) = ("origin", APP_ORIGIN);

/// What a browser may say of a page that is not ours.
const ELSEWHERE: &[&[(&str, &str)]] = &[
    &[],
    &[("origin", "null")],
    &[("origin", "")],
    &[("origin", "https://evil.example")],
    &[("origin", "https://app.bridge.example")],
    &[("origin", "https://bridge.example.evil")],
    &[("origin", "https://xbridge.example")],
    &[("origin", "http://bridge.example")],
    &[("origin", "https://bridge.example:8443")],
    &[("origin", "HTTPS://BRIDGE.EXAMPLE")],
    &[("origin", "https://bridge.example/")],
    &[OWN, OWN],
    &[OWN, ("origin", "https://evil.example")],
    &[
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "same-origin"),
    ],
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "none")],
    &[("referer", "https://bridge.example/admin/mappings")],
];

fn mapping(group: &str) -> String {
    json!({"group": group, "match": "exact", "roles": ["red5-subscriber"],
           "transports": ["WHEP"], "rooms": ["lobby"]})
    .to_string()
}

async fn signed_in_viewer(bridge: &TestBridge) -> Browser {
    bridge.map_lobby().await;
    bridge.provider.person("vic").groups(["viewers"]);
    bridge.signed_in("vic").await
}

#[tokio::test]
async fn cs_1_no_script_from_elsewhere_changes_anything() {
    let bridge = TestBridge::start().await;
    let row = bridge.map_lobby().await;
    let admin = bridge.admin().await;
    let one = format!("/api/admin/mappings/{}", row["id"]);
    let changes = [
        ("POST", "/api/admin/mappings"),
        ("PUT", &one),
        ("DELETE", &one),
    ];

    let bad_headers = [
        &[][..],
        &[("x-red5-bridge", "0")],
        &[SCRIPT, SCRIPT],
        &[("x-red5-bridge", "1, 1")],
    ];
    for (method, path) in changes {
        for from in ELSEWHERE.iter().chain([&[APP][..]].iter()) {
            let headers = [&[JSON, SCRIPT, ("if-match", "\"1\"")], *from].concat();
            let answer = admin
                .send(method, path, &headers, &mapping("taken-over"))
                .await;
            problem(&answer, 403, "forbidden_origin", &[]);
        }
        for header in bad_headers {
            let headers = [&[JSON, OWN, ("if-match", "\"1\"")], header].concat();
            let answer = admin
                .send(method, path, &headers, &mapping("taken-over"))
                .await;
            problem(&answer, 403, "forbidden_origin", &[]);
        }
    }

    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(bridge.count("audit_log").await, 1);
    assert_eq!(admin.peek(&one).await.json(), row);
}

#[tokio::test]
async fn cs_1_without_an_origin_the_browser_must_say_same_origin() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let headers = [JSON, SCRIPT, ("sec-fetch-site", "same-origin")];
    let answer = admin
        .send("POST", "/api/admin/mappings", &headers, &mapping("viewers"))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[tokio::test]
async fn cs_1_no_form_from_elsewhere_does_anything() {
    let bridge = TestBridge::start().await;
    let row = bridge.map_lobby().await;
    let admin = bridge.admin().await;
    let token = admin.peek("/admin/mappings/new").await.field("form_token");
    let body = format!(
        "form_token={token}&version=1&enabled=false&match=exact&group=taken-over\
         &roles=red5-subscriber&transports_are=any&rooms_are=any"
    );
    let one = format!("/admin/mappings/{}", row["id"]);
    let forms = [
        "/admin/mappings",
        &one,
        &format!("{one}/switch"),
        &format!("{one}/delete"),
        "/portal/token",
        "/auth/logout",
    ];

    for path in forms {
        for from in ELSEWHERE.iter().chain([&[APP][..]].iter()) {
            let form = ("content-type", "application/x-www-form-urlencoded");
            let answer = admin
                .send("POST", path, &[&[form], *from].concat(), &body)
                .await;
            assert_eq!(answer.status, 403, "{path} {from:?}");
            assert!(answer.body.contains("This form did not come from here"));
            assert!(!answer.body.contains("eyJ"));
        }
    }

    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(bridge.count("audit_log").await, 1);
    assert_eq!(admin.peek("/api/session").await.status, 200);
}

#[tokio::test]
async fn cs_3_a_form_carries_the_token_of_its_own_session() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let earlier = admin.peek("/admin/mappings/new").await.field("form_token");
    bridge.sign_in(&mut admin, "root").await;
    let now = admin.peek("/admin/mappings/new").await.field("form_token");
    let other = bridge
        .admin()
        .await
        .peek("/admin/mappings/new")
        .await
        .field("form_token");
    assert_ne!(earlier, now);

    let fields = |token: Option<String>| {
        let mut all = vec![
            ("match", "everyone".to_owned()),
            ("roles", "red5-subscriber".to_owned()),
            ("transports_are", "any".to_owned()),
            ("rooms_are", "any".to_owned()),
        ];
        all.extend(token.map(|token| ("form_token", token)));
        all
    };
    let cookie = admin.session().unwrap().1;
    let bad = [
        None,
        Some(String::new()),
        Some(earlier),
        Some(other),
        Some(cookie),
        Some(now[1..].to_owned()),
    ];
    for token in bad {
        let fields = fields(token.clone());
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answer = admin.post_form("/admin/mappings", &fields, ORIGIN).await;
        assert_eq!(answer.status, 403, "{token:?}");
    }
    let twice = [
        ("form_token", now.as_str()),
        ("form_token", now.as_str()),
        ("match", "everyone"),
    ];
    assert_eq!(
        admin
            .post_form("/admin/mappings", &twice, ORIGIN)
            .await
            .status,
        403
    );
    assert_eq!(bridge.count("mappings").await, 0);

    let fields = fields(Some(now));
    let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(
        admin
            .post_form("/admin/mappings", &fields, ORIGIN)
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn cs_4_a_token_is_for_an_allowed_origin_with_the_header() {
    let bridge = TestBridge::start().await;
    let vic = signed_in_viewer(&bridge).await;

    for from in ELSEWHERE {
        let answer = vic
            .send(
                "POST",
                "/api/token",
                &[&[JSON, SCRIPT], *from].concat(),
                "{}",
            )
            .await;
        problem(&answer, 403, "forbidden_origin", &[]);
    }
    for origin in [OWN, APP] {
        let bare = vic.send("POST", "/api/token", &[JSON, origin], "{}").await;
        problem(&bare, 403, "forbidden_origin", &[]);
        let good = vic
            .send("POST", "/api/token", &[JSON, SCRIPT, origin], "{}")
            .await;
        assert_eq!(good.status, 200, "{}", good.body);
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "HEAD"] {
        let answer = vic
            .send(method, "/api/token", &[JSON, SCRIPT, OWN], "")
            .await;
        assert_eq!(answer.status, 405, "{method}");
    }
}
