//! Signing out, here and at the provider (LO-1 to LO-4).

mod onward;
mod revocation;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use red5_bridge::clock::SystemClock;
use serde_json::Value;
use url::Url;

use crate::bridge::{Answer, ORIGIN, TestBridge, path_of};
use crate::callback::come_back;
use crate::provider::{CLIENT_ID, Endpoint, Provider};

const SIGN_OUT: &str = "__Host-bridge_sign_out";

/// What the page says when the provider was not asked.
const MAY_STAY: &str = "You may still be signed in at your identity provider";

/// Where the page leads on to, by itself and by its link.
pub fn leads_to(page: &Answer) -> Option<Url> {
    let (_, rest) = page.body.split_once("content=\"0; url=")?;
    let address = rest.split('"').next().unwrap();
    assert!(page.body.contains(&format!("href=\"{address}\"")));
    Some(Url::parse(&address.replace("&#38;", "&")).unwrap())
}

/// The claims of the ID token that the provider is reminded of.
pub fn hinted(url: &Url) -> Value {
    let hint = url.query_pairs().find(|(name, _)| name == "id_token_hint");
    let (_, hint) = hint.unwrap();
    let claims = hint.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

#[tokio::test]
async fn lo_2_a_session_that_this_instance_takes_for_idle_is_signed_out_too() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic");
    let vic = bridge.signed_in("vic").await;
    let token = vic.peek("/").await.field("form_token");
    let (_other, mut there) = bridge.beside_and_idle(&vic).await;
    // A form of another page ends nothing.
    let wrong = there
        .clone()
        .post_form("/auth/logout", &[("form_token", "x")], ORIGIN)
        .await;
    assert_eq!(wrong.status, 303, "{}", wrong.body);
    assert_eq!(bridge.count("sessions").await, 1);
    let ended = there
        .post_form("/auth/logout", &[("form_token", &token)], ORIGIN)
        .await;
    assert_eq!(ended.status, 303, "{}", ended.body);
    assert_eq!(bridge.count("sessions").await, 0);
}

#[tokio::test]
async fn lo_1_only_our_own_form_signs_out() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.person("eve");
    let mut ann = bridge.signed_in("ann").await;
    let own = ann.peek("/").await.field("form_token");
    let eves = bridge
        .signed_in("eve")
        .await
        .peek("/")
        .await
        .field("form_token");

    let image = [
        ("sec-fetch-dest", "image"),
        ("sec-fetch-site", "cross-site"),
    ];
    for method in ["GET", "HEAD"] {
        let answer = ann.send(method, "/auth/logout", &image, "").await;
        assert_eq!(answer.status, 405, "{method}");
    }
    for (token, origin) in [
        (own.as_str(), "https://evil.example"),
        (&own, "null"),
        (&own, "https://app.example"),
        (&own, "https://bridge.example.evil"),
        (&own, "http://bridge.example"),
        (&eves, ORIGIN),
        ("", ORIGIN),
    ] {
        let fields = [("form_token", token)];
        let answer = ann.post_form("/auth/logout", &fields, origin).await;
        assert_eq!(answer.status, 403, "{token} {origin}");
    }
    assert_eq!(ann.post_form("/auth/logout", &[], ORIGIN).await.status, 403);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let body = format!("form_token={own}");
    let answer = ann.send("POST", "/auth/logout", &form, &body).await;
    assert_eq!(answer.status, 403, "no origin at all");
    assert_eq!(ann.peek("/api/session").await.status, 200);

    let fields = [("form_token", own.as_str())];
    assert_eq!(
        ann.post_form("/auth/logout", &fields, ORIGIN).await.status,
        303
    );
    assert_eq!(ann.peek("/api/session").await.status, 401);
}

#[tokio::test]
async fn lo_2_the_session_is_gone_before_the_browser_goes_to_the_provider() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;

    let out = ann.submit("/", "/auth/logout", &[]).await;

    assert_eq!(out.status, 303);
    assert_eq!(
        out.header("location"),
        "https://bridge.example/auth/signed-out"
    );
    assert_eq!(bridge.count("sessions").await, 0);
    assert_eq!(bridge.provider.hits(Endpoint::EndSession), 0);
    assert_eq!(ann.cookies[SIGN_OUT].len(), 43, "a ticket, no token");

    let page = ann.get("/auth/signed-out").await;
    assert_eq!(page.status, 200);
    let url = leads_to(&page).unwrap();
    assert!(
        url.as_str()
            .starts_with(&format!("{}/end-session?", bridge.provider.issuer()))
    );
    let told: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!(told["client_id"], CLIENT_ID);
    assert_eq!(
        told["post_logout_redirect_uri"],
        "https://bridge.example/auth/signed-out"
    );
    assert_eq!(told["id_token_hint"].split('.').count(), 3);
    assert_eq!(told["state"].len(), 43);
    assert_eq!(told.len(), 4);

    // The provider comes back to the same page, which leads on no more.
    assert!(ann.cookies.is_empty(), "{:?}", ann.cookies);
    let back = ann
        .get(&format!("/auth/signed-out?state={}", told["state"]))
        .await;
    assert_eq!(back.status, 200);
    assert_eq!(leads_to(&back), None);
}

#[tokio::test]
async fn lo_2_a_ticket_opens_what_it_was_given_for_and_nothing_else() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    let mut out = Vec::new();
    for person in ["ann", "bob"] {
        let mut browser = bridge.signed_in(person).await;
        browser.submit("/", "/auth/logout", &[]).await;
        out.push((person, browser));
    }
    let mut eve = bridge.browser();
    eve.cookies.insert(SIGN_OUT.to_owned(), "A".repeat(43));
    assert_eq!(leads_to(&eve.get("/auth/signed-out").await), None);
    for (person, mut browser) in out {
        let url = leads_to(&browser.get("/auth/signed-out").await).unwrap();
        assert_eq!(hinted(&url)["sub"], person);
    }
}

#[tokio::test]
async fn lo_3_the_page_after_signing_out_believes_nothing_it_is_sent() {
    let bridge = TestBridge::start().await;
    let mut ann = bridge.browser();
    ann.get("/auth/login").await;
    let (_, attempt) = ann.cookies.pop_first().unwrap();
    for query in [
        "",
        "?state=",
        "?state=junk&return_to=//evil.example",
        "?state=a&state=b&url=https://evil.example",
    ] {
        for cookie in [None, Some("junk"), Some(""), Some(&*attempt)] {
            ann.cookies = cookie
                .map(|value| (SIGN_OUT.to_owned(), value.to_owned()))
                .into_iter()
                .collect();
            let page = ann.peek(&format!("/auth/signed-out{query}")).await;
            assert_eq!(page.status, 200, "{query} {cookie:?}");
            assert_eq!(leads_to(&page), None);
            assert!(!page.has("location") && !page.body.contains("evil"));
        }
    }
}

#[tokio::test]
async fn lo_4_without_a_sign_out_at_the_provider_ours_is_all_there_is() {
    let provider = Provider::start_with(Arc::new(SystemClock));
    provider.discovery(|document| document.without("end_session_endpoint"));
    provider.person("ann");
    let bridge = TestBridge::start_with(&[("OIDC_ISSUER_URL", provider.issuer())]).await;
    let mut ann = bridge.browser();
    let back = come_back(&provider, &mut ann, "ann").await;
    assert_eq!(ann.get(&path_of(&back)).await.status, 303);

    let out = ann.submit("/", "/auth/logout", &[]).await;

    assert_eq!(out.status, 303);
    assert_eq!(bridge.count("sessions").await, 0);
    assert!(ann.cookies.is_empty());
    let page = ann.get("/auth/signed-out").await;
    assert!(page.body.contains("You are signed out"));
    assert!(page.body.contains(MAY_STAY));
    assert_eq!(leads_to(&page), None);
}

#[tokio::test]
async fn a_form_after_a_new_sign_in_is_not_told_that_the_session_is_over() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    ann.submit("/", "/auth/logout", &[]).await;
    bridge.sign_in(&mut ann, "ann").await;
    for path in ["/auth/signed-out", "/auth/somebody-else"] {
        let answer = ann.get(path).await;
        let location = answer.header("location");
        assert_eq!(location, "https://bridge.example/", "{path}");
    }
    assert!(!ann.cookies.contains_key(SIGN_OUT));
}
