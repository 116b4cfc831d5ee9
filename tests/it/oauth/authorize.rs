//! The authorization endpoint: where a browser is sent (RFC 6749 §4.1.2.1, RFC 8252 §7.3, RFC 9207, RFC 9700 §2.1, §4.1, §4.8, §4.11).

use chrono::TimeDelta;
use serde_json::json;

use super::{App, REDIRECT_URI, ann_and_app, error, parameter, refresh_token, refused, register};
use crate::bridge::{Answer, Browser, ORIGIN, TestBridge, path_of};
use crate::eventually::eventually;

#[tokio::test]
async fn the_answer_is_a_303_with_state_and_issuer() {
    let (_bridge, ann, app) = ann_and_app().await;
    let answer = ann.peek(&app.address(&[])).await;
    assert_eq!(answer.status, 303);
    assert!(
        answer
            .header("location")
            .starts_with("https://studio.example/done?code=")
    );
    assert_eq!(parameter(&answer, "state").as_deref(), Some("a state"));
    assert_eq!(parameter(&answer, "iss").as_deref(), Some(ORIGIN));
    let stateless = ann.peek(&app.address(&[("state", "")])).await;
    assert_eq!(parameter(&stateless, "state"), None);
}

#[tokio::test]
async fn an_unknown_client_or_address_is_a_page_and_never_a_redirect() {
    let (bridge, ann, app) = ann_and_app().await;
    let device = register(&bridge, json!({"id": "off", "enabled": false})).await;
    for changes in [
        &[("client_id", "unknown")][..],
        &[("client_id", "")],
        &[("client_id", &device.id)],
        &[("redirect_uri", "")],
        &[("redirect_uri", "https://studio.example/done/")],
        &[("redirect_uri", "https://studio.example/done?x=1")],
        &[("redirect_uri", "https://studio.example/done#x")],
        &[("redirect_uri", "https://studio.example:8443/done")],
        &[("redirect_uri", "https://studio.example/DONE")],
        &[("redirect_uri", "https://studio.example/./done")],
        &[("redirect_uri", "https://studio.example@evil.example/done")],
        &[("redirect_uri", "https://evil.example/done")],
        &[("redirect_uri", "http://studio.example/done")],
        &[("redirect_uri", "javascript:alert(1)")],
    ] {
        let answer = ann.peek(&app.address(changes)).await;
        assert_eq!(answer.status, 400, "{changes:?}");
        assert!(answer.header("content-type").starts_with("text/html") && !answer.has("location"));
    }
    let twice = format!("{}&state=other", app.address(&[]));
    let answer = ann.peek(&twice).await;
    assert!(
        answer.status == 400 && !answer.has("location"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn every_other_error_goes_back_to_the_client() {
    let (_bridge, ann, app) = ann_and_app().await;
    for (changes, expected) in [
        (&[("response_type", "")][..], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (
            &[("response_type", "code id_token")],
            "unsupported_response_type",
        ),
        (&[("response_mode", "fragment")], "invalid_request"),
        // Without PKCE there is no code, so none can be used that was made without it (RFC 9700 §4.8.2).
        (
            &[("code_challenge", ""), ("code_challenge_method", "")],
            "invalid_request",
        ),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("scope", "openid")], "invalid_scope"),
        (&[("scope", "room:* room:a")], "invalid_scope"),
        (&[("scope", "room:vip")], "invalid_scope"),
        (&[("prompt", "consent")], "invalid_request"),
        (&[("prompt", "none login")], "invalid_request"),
        (&[("request", "eyJ.eyJ.x")], "request_not_supported"),
        (
            &[("request_uri", "https://x.example")],
            "request_uri_not_supported",
        ),
    ] {
        let answer = ann.peek(&app.address(changes)).await;
        assert_eq!(answer.status, 303, "{changes:?} {}", answer.body);
        assert!(
            answer
                .header("location")
                .starts_with("https://studio.example/done?")
        );
        assert_eq!(
            parameter(&answer, "error").as_deref(),
            Some(expected),
            "{changes:?}"
        );
        assert!(parameter(&answer, "error_description").is_some_and(|text| !text.is_empty()));
        assert_eq!(parameter(&answer, "state").as_deref(), Some("a state"));
        assert_eq!(parameter(&answer, "iss").as_deref(), Some(ORIGIN));
        assert_eq!(parameter(&answer, "code"), None);
    }
}

#[tokio::test]
async fn a_loopback_address_may_have_any_port_and_nothing_else_may_differ() {
    let (bridge, ann, _) = ann_and_app().await;
    let uris = [
        "http://127.0.0.1/done",
        "http://[::1]:9/done",
        "com.example.app:/done",
    ];
    let app = register(&bridge, json!({"trusted": true, "redirect_uris": uris})).await;
    for good in [
        "http://127.0.0.1/done",
        "http://127.0.0.1:43210/done",
        "http://[::1]:43210/done",
        "com.example.app:/done",
    ] {
        let answer = ann.peek(&app.address(&[("redirect_uri", good)])).await;
        assert_eq!(answer.status, 303, "{good} {}", answer.body);
        assert!(
            answer
                .header("location")
                .starts_with(&format!("{good}?code="))
        );
    }
    for bad in [
        "http://127.0.0.1:43210/done/",
        "http://127.0.0.1:43210/done?x",
        "http://127.0.0.1:43210/done#x",
        "http://127.0.0.1:43210/./done",
        "http://127.0.0.1:43210/x/%2e%2e/done",
        "http://127.1:43210/done",
        "HTTP://127.0.0.1:43210/done",
        "http://user@127.0.0.1:43210/done",
        "http://127.0.0.2:43210/done",
        "http://localhost:43210/done",
        "http://127.0.0.1:43210@evil.example/done",
        "http://127.0.0.1.evil.example/done",
        "https://127.0.0.1:43210/done",
        "com.example.app:/done/x",
    ] {
        let answer = ann.peek(&app.address(&[("redirect_uri", bad)])).await;
        assert_eq!(answer.status, 400, "{bad}");
    }
}

async fn prompted(browser: &Browser, app: &App, prompt: &str) -> Answer {
    browser.peek(&app.address(&[("prompt", prompt)])).await
}

#[tokio::test]
async fn without_a_prompt_a_client_hears_that_a_sign_in_or_a_consent_is_needed() {
    let (bridge, ann, _) = ann_and_app().await;
    let app = register(&bridge, json!({})).await;
    let stranger = prompted(&bridge.browser(), &app, "none").await;
    assert_eq!(
        parameter(&stranger, "error").as_deref(),
        Some("login_required")
    );
    let ann_there = prompted(&ann, &app, "none").await;
    assert_eq!(
        parameter(&ann_there, "error").as_deref(),
        Some("consent_required")
    );
}

#[tokio::test]
async fn a_prompt_is_handed_to_the_provider_once() {
    let (_bridge, ann, app) = ann_and_app().await;
    for prompt in ["login", "select_account"] {
        let answer = prompted(&ann, &app, prompt).await;
        assert!(answer.header("location").contains("prompt="), "{prompt}");
        assert!(
            !answer
                .header("location")
                .starts_with("https://studio.example")
        );
    }
}

#[tokio::test]
async fn a_person_is_asked_once_for_each_client_and_may_take_it_back() {
    let (bridge, mut ann, _) = ann_and_app().await;
    let app = register(&bridge, json!({"name": "Studio <b>App</b>"})).await;
    let asked = ann.peek(&app.address(&[])).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    assert!(
        asked.body.contains("publish and watch where you may") && !asked.body.contains("<b>App")
    );
    let policy = asked.header("content-security-policy");
    assert!(
        policy.contains("form-action 'self' https://studio.example;"),
        "{policy}"
    );
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(asked.header("x-frame-options"), "DENY");

    let fields = [
        ("form_token", asked.field("form_token")),
        (
            "request",
            asked
                .field("request")
                .replace("&#38;", "&")
                .replace("&amp;", "&"),
        ),
    ];
    let decide = async |ann: &mut Browser, decision: &str| {
        let mut all: Vec<(&str, &str)> = fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        all.push(("decision", decision));
        ann.post_form("/oauth2/consent", &all, ORIGIN).await
    };
    let denied = decide(&mut ann, "deny").await;
    assert_eq!(
        parameter(&denied, "error").as_deref(),
        Some("access_denied")
    );
    assert_eq!(bridge.count("consents").await, 0);

    let allowed = decide(&mut ann, "allow").await;
    assert_eq!(allowed.status, 303, "{}", allowed.body);
    let code = app.code(&ann, &[]).await;
    let token = refresh_token(&app.redeem(&bridge, &code).await);

    let ended = ann
        .submit("/apps", &format!("/apps/{}/end", app.id), &[])
        .await;
    assert_eq!(
        ended.header("location"),
        format!("{ORIGIN}/apps?done=app-ended")
    );
    assert_eq!(
        error(&app.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
    assert_eq!(
        ann.peek(&app.address(&[])).await.status,
        200,
        "the person is asked again"
    );
}

#[tokio::test]
async fn a_consent_from_another_page_counts_for_nothing() {
    let (bridge, mut ann, _) = ann_and_app().await;
    let app = register(&bridge, json!({})).await;
    let asked = ann.peek(&app.address(&[])).await;
    let token = asked.field("form_token");
    let request = app.address(&[]).split_once('?').unwrap().1.to_owned();
    let all = [
        ("form_token", token.as_str()),
        ("request", request.as_str()),
        ("decision", "allow"),
    ];
    let foreign = ann
        .post_form("/oauth2/consent", &all, "https://evil.example")
        .await;
    assert_eq!(foreign.status, 403);
    let mut without = all;
    without[0].1 = "another";
    assert_eq!(
        ann.post_form("/oauth2/consent", &without, ORIGIN)
            .await
            .status,
        403
    );
    assert_eq!(bridge.count("consents").await, 0);
    // A request that was changed on the way leads nowhere else.
    let evil = request.replace("studio.example", "evil.example");
    let changed = [all[0], ("request", evil.as_str()), ("decision", "deny")];
    let answer = ann.post_form("/oauth2/consent", &changed, ORIGIN).await;
    assert!(answer.status == 400 && !answer.has("location"));
}

#[tokio::test]
async fn a_blocked_person_is_sent_back_with_access_denied() {
    let (bridge, ann, app) = ann_and_app().await;
    sqlx::query("INSERT INTO blocked (issuer, subject, reason, created_at, created_by) SELECT issuer, subject, 'left', now(), 'root' FROM sessions WHERE subject = 'ann'")
        .execute(&bridge.db)
        .await
        .unwrap();
    eventually("the block counts", async || {
        let answer = ann.peek(&app.address(&[])).await;
        answer.status == 303 && parameter(&answer, "error").as_deref() == Some("access_denied")
    })
    .await;
}

#[tokio::test]
async fn a_request_too_long_for_the_sign_in_says_so() {
    let bridge = TestBridge::start().await;
    let app = register(&bridge, json!({})).await;
    let state = "x".repeat(2000);
    let answer = bridge
        .browser()
        .peek(&app.address(&[("state", &state)]))
        .await;
    assert_eq!(
        parameter(&answer, "error").as_deref(),
        Some("invalid_request")
    );
    assert_eq!(parameter(&answer, "state"), Some(state));
    assert!(answer.header("location").starts_with(REDIRECT_URI));
}

#[tokio::test]
async fn a_client_hears_that_the_person_was_not_let_in_at_the_provider() {
    let (bridge, _, app) = ann_and_app().await;
    let mut browser = bridge.browser();
    let address = app.address(&[("scope", "room:lobby")]);
    let begun = browser.get(&address).await.location();
    let back = bridge.provider.deny(&begun, "access_denied").await;
    let told = browser.get(&path_of(&back)).await;
    assert_eq!(told.status, 303, "{}", told.body);
    assert!(told.header("location").starts_with(REDIRECT_URI));
    assert_eq!(parameter(&told, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&told, "state").as_deref(), Some("a state"));
    assert_eq!(parameter(&told, "iss").as_deref(), Some(ORIGIN));
    assert!(browser.cookies.is_empty(), "the attempt is over");

    // The client cannot help where the bridge or the provider is at fault.
    let begun = browser.get(&address).await.location();
    let back = bridge.provider.deny(&begun, "server_error").await;
    let page = browser.get(&path_of(&back)).await;
    assert!(page.status >= 500 && !page.has("location"), "{}", page.body);

    // Deleted meanwhile: its address is none any more.
    let begun = browser.get(&address).await.location();
    let back = bridge.provider.deny(&begun, "access_denied").await;
    sqlx::query("DELETE FROM clients")
        .execute(&bridge.db)
        .await
        .unwrap();
    eventually("the client is gone", async || {
        browser.peek(&address).await.status == 400
    })
    .await;
    let page = browser.get(&path_of(&back)).await;
    assert!(page.status == 403 && !page.has("location"), "{}", page.body);
}

#[tokio::test]
async fn a_long_state_passes_a_sign_in_and_its_cookies_stay_within_what_browsers_and_proxies_take()
{
    let (bridge, _, app) = ann_and_app().await;
    let state = "x".repeat(1700);
    let address = app.address(&[("state", &state)]);
    let mut browser = bridge.browser();
    let mut begun = Vec::new();
    for _ in 0..6 {
        begun.push(browser.get(&address).await.location());
        bridge.clock.advance(TimeDelta::seconds(1));
        let cookies = browser
            .cookies
            .iter()
            .map(|(name, value)| name.len() + value.len() + 3);
        assert!(cookies.clone().all(|bytes| bytes < 4096));
        let all: usize = cookies.sum();
        assert!(all < 8192 - 100, "{all}");
    }
    // The two newest of them can be finished, the older one first.
    for begun in &begun[4..] {
        let back = bridge.provider.approve(begun, "ann").await;
        let done = browser.get(&path_of(&back)).await;
        assert_eq!(done.status, 303, "{}", done.body);
        let again = browser.get(&path_of(&done.location())).await;
        assert_eq!(parameter(&again, "state").as_deref(), Some(&*state));
        assert!(parameter(&again, "code").is_some());
    }
}
