//! Devices (RFC 8628): the codes, the page of the person, the polls, and what ends a device.

use chrono::TimeDelta;
use red5_bridge::clock::Clock;

use tokio::task::JoinSet;

use super::*;
use crate::bridge::ORIGIN;
use crate::provider::Rotation;

const GRANT: (&str, &str) = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");

/// A bridge, Ann who may watch in the lobby, and an encoder.
async fn ann_and_encoder() -> (TestBridge, Browser, App) {
    ann_and_encoder_with(&[]).await
}

async fn ann_and_encoder_with(variables: &[(&str, &str)]) -> (TestBridge, Browser, App) {
    let bridge = TestBridge::start_with(variables).await;
    bridge.map_lobby().await;
    bridge.provider.give_refresh_tokens(Rotation::Each);
    bridge.provider.person("ann").groups(["viewers"]);
    let ann = bridge.signed_in("ann").await;
    let encoder = register(&bridge, encoder()).await;
    (bridge, ann, encoder)
}

fn encoder() -> Value {
    json!({"name": "Field Encoder", "grants": ["device_code", "refresh_token"], "redirect_uris": []})
}

/// The codes of a request, as a device gets them.
struct Codes {
    device: String,
    user: String,
}

async fn begin(bridge: &TestBridge, encoder: &App, more: &[(&str, &str)]) -> Codes {
    let answer = ask_for_codes(bridge, encoder, more).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let codes = answer.json();
    Codes {
        device: codes["device_code"].as_str().unwrap().to_owned(),
        user: codes["user_code"].as_str().unwrap().to_owned(),
    }
}

async fn ask_for_codes(bridge: &TestBridge, encoder: &App, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![("client_id", encoder.id.as_str())];
    fields.extend(more);
    post(bridge, "/oauth2/device_authorization", &[], &fields).await
}

async fn poll(bridge: &TestBridge, encoder: &App, codes: &Codes) -> Answer {
    encoder
        .ask(bridge, &[GRANT, ("device_code", &codes.device)])
        .await
}

async fn type_code(browser: &mut Browser, typed: &str) -> Answer {
    browser
        .submit("/device", "/device", &[("user_code", typed)])
        .await
}

async fn decide(browser: &mut Browser, typed: &str, decision: &str) -> Answer {
    let fields = [("user_code", typed), ("decision", decision)];
    browser.submit("/device", "/device/decide", &fields).await
}

/// Approves, up to the page that leads to the provider; the address there.
async fn approve(browser: &mut Browser, codes: &Codes) -> url::Url {
    let onward = decide(browser, &codes.user, "approve").await;
    assert_eq!(onward.status, 200, "{}", onward.body);
    onward.leads_on_to()
}

/// Comes back from the provider, where `person` signed in.
async fn come_back(
    bridge: &TestBridge,
    browser: &mut Browser,
    there: &url::Url,
    person: &str,
) -> Answer {
    let back = bridge.provider.approve(there, person).await;
    browser.get(&path_of(&back)).await
}

/// Connects the device with these codes; its first tokens.
async fn connect(
    bridge: &TestBridge,
    browser: &mut Browser,
    encoder: &App,
    more: &[(&str, &str)],
) -> Answer {
    let codes = begin(bridge, encoder, more).await;
    bridge.approve_device(browser, "ann", &codes.user).await;
    let answer = poll(bridge, encoder, &codes).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

/// Lets the device poll at once, as if the interval had passed.
async fn let_the_interval_pass(bridge: &TestBridge) {
    sqlx::query(
        "UPDATE device_codes SET polled_at = polled_at - make_interval(secs => interval_seconds)",
    )
    .execute(&bridge.db)
    .await
    .unwrap();
}

#[tokio::test]
async fn an_encoder_gets_its_tokens_by_a_code_that_a_person_types() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let answer = ask_for_codes(&bridge, &encoder, &[("device_name", "Camera 3")]).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let codes = answer.json();
    let user = codes["user_code"].as_str().unwrap().to_owned();
    assert_eq!(codes["expires_in"], 600);
    assert_eq!(codes["interval"], 5);
    assert_eq!(codes["verification_uri"], format!("{ORIGIN}/device"));
    assert_eq!(
        codes["verification_uri_complete"],
        format!("{ORIGIN}/device?user_code={user}")
    );
    let letters: Vec<char> = user.chars().collect();
    assert_eq!((letters.len(), letters[4]), (9, '-'), "{user}");
    assert!(
        letters.iter().all(|c| "-BCDFGHJKLMNPQRSTVWXZ".contains(*c)),
        "{user}"
    );
    let codes = Codes {
        device: codes["device_code"].as_str().unwrap().to_owned(),
        user,
    };
    assert_eq!(URL_SAFE_NO_PAD.decode(&codes.device).unwrap().len(), 32);
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("authorization_pending")
    );

    // The address shows the code; only typing it says anything.
    let shown = ann.peek(&format!("/device?user_code={}", codes.user)).await;
    assert!(
        shown.body.contains(&format!("<code>{}</code>", codes.user)),
        "{}",
        shown.body
    );
    assert!(!shown.body.contains("Field Encoder"));
    assert!(!shown.body.contains(&format!("value=\"{}\"", codes.user)));
    let typed = codes.user.to_lowercase().replace('-', " ");
    let asked = type_code(&mut ann, &typed).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    for told in [
        &*codes.user,
        "Field Encoder",
        "Camera 3",
        "127.0.0.1",
        "Approve",
        "I did not start this",
    ] {
        assert!(asked.body.contains(told), "{told}: {}", asked.body);
    }

    let before = bridge.count("sessions").await;
    let session = ann.session();
    let there = approve(&mut ann, &codes).await;
    let_the_interval_pass(&bridge).await;
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("authorization_pending")
    );
    let done = come_back(&bridge, &mut ann, &there, "ann").await;
    assert_eq!(
        done.header("location"),
        format!("{ORIGIN}/device?done=device-connected")
    );
    assert_eq!(
        ann.session(),
        session,
        "the session of the browser is as before"
    );
    assert_eq!(bridge.count("sessions").await, before + 1);

    let answer = poll(&bridge, &encoder, &codes).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        answer.json()["scope"],
        "red5-subscriber room:lobby transport:WHEP"
    );
    let next = encoder.refresh(&bridge, &refresh_token(&answer)).await;
    assert_eq!(
        next.json()["scope"],
        "red5-subscriber room:lobby transport:WHEP"
    );
    // A device code is good for one token.
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("invalid_grant")
    );

    let listed = ann.peek("/sessions").await.body;
    assert!(
        listed.contains("Camera 3") && listed.contains("Revoke"),
        "{listed}"
    );
}

#[tokio::test]
async fn a_request_of_a_device_says_what_is_wrong_with_it() {
    let (bridge, _, encoder) = ann_and_encoder().await;
    let app = register(&bridge, json!({})).await;
    let asked = ask_for_codes(&bridge, &app, &[]).await;
    assert_eq!(error(&asked), refused("unauthorized_client"));
    let nameless = "x".repeat(65);
    for (more, expected) in [
        (("scope", "everything"), "invalid_scope"),
        (("device_name", "a\u{202e}b"), "invalid_request"),
        (("device_name", nameless.as_str()), "invalid_request"),
    ] {
        let asked = ask_for_codes(&bridge, &encoder, &[more]).await;
        assert_eq!(error(&asked), refused(expected), "{more:?} {}", asked.body);
    }
    let unknown = App {
        id: "unknown".to_owned(),
        secret: None,
    };
    let asked = ask_for_codes(&bridge, &unknown, &[]).await;
    assert_eq!(error(&asked), (401, "invalid_client".to_owned()));
    let codes = begin(&bridge, &encoder, &[]).await;
    let polled = app
        .ask(&bridge, &[GRANT, ("device_code", &codes.device)])
        .await;
    assert_eq!(error(&polled), refused("unauthorized_client"));
    let polled = encoder.ask(&bridge, &[GRANT]).await;
    assert_eq!(error(&polled), refused("invalid_request"));
    assert_eq!(bridge.count("device_codes").await, 1);
}

#[tokio::test]
async fn another_client_learns_nothing_by_a_device_code_and_spends_none() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let other = register(&bridge, encoder_of("Other")).await;
    let codes = begin(&bridge, &encoder, &[]).await;
    assert_eq!(
        error(&poll(&bridge, &other, &codes).await),
        refused("invalid_grant")
    );
    let there = approve(&mut ann, &codes).await;
    come_back(&bridge, &mut ann, &there, "ann").await;
    assert_eq!(
        error(&poll(&bridge, &other, &codes).await),
        refused("invalid_grant")
    );
    assert_eq!(poll(&bridge, &encoder, &codes).await.status, 200);
}

fn encoder_of(name: &str) -> Value {
    let mut client = encoder();
    client["name"] = json!(name);
    client
}

#[tokio::test]
async fn a_device_that_asks_too_often_has_to_wait_five_seconds_longer_for_good() {
    let (bridge, _, encoder) = ann_and_encoder().await;
    let codes = begin(&bridge, &encoder, &[]).await;
    let interval = async || -> i32 {
        sqlx::query_scalar("SELECT interval_seconds FROM device_codes")
            .fetch_one(&bridge.db)
            .await
            .unwrap()
    };
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("authorization_pending")
    );
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("slow_down")
    );
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("slow_down")
    );
    assert_eq!(interval().await, 15);
    let_the_interval_pass(&bridge).await;
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("authorization_pending")
    );
    assert_eq!(interval().await, 15);
}

#[tokio::test]
async fn a_request_ends_after_ten_minutes_for_the_device_and_for_the_person() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let codes = begin(&bridge, &encoder, &[]).await;
    let there = approve(&mut ann, &codes).await;
    bridge.clock.advance(TimeDelta::seconds(599));
    assert_eq!(type_code(&mut ann, &codes.user).await.status, 200);
    bridge.clock.advance(TimeDelta::seconds(1));
    assert_eq!(type_code(&mut ann, &codes.user).await.status, 422);
    let sessions = bridge.count("sessions").await;
    let late = come_back(&bridge, &mut ann, &there, "ann").await;
    assert_ne!(late.status, 200, "{}", late.body);
    assert_eq!(bridge.count("sessions").await, sessions);
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("expired_token")
    );
}

#[tokio::test]
async fn a_person_who_did_not_start_it_denies_it_for_good() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let codes = begin(&bridge, &encoder, &[]).await;
    let there = approve(&mut ann, &codes).await;
    let denied = decide(&mut ann, &codes.user, "deny").await;
    assert_eq!(
        denied.header("location"),
        format!("{ORIGIN}/device?done=device-denied")
    );
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("access_denied")
    );
    // An approval that was under way comes too late.
    let late = come_back(&bridge, &mut ann, &there, "ann").await;
    assert_eq!(late.status, 409, "{}", late.body);
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("access_denied")
    );
    assert_eq!(type_code(&mut ann, &codes.user).await.status, 422);
}

#[tokio::test]
async fn what_is_not_granted_to_the_person_can_only_be_denied() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let codes = begin(&bridge, &encoder, &[("scope", "red5-publisher")]).await;
    let asked = type_code(&mut ann, &codes.user).await;
    assert_eq!(asked.status, 200);
    assert!(
        asked.body.contains("You cannot connect it") && asked.body.contains("I did not start this")
    );
    assert!(!asked.body.contains("value=\"approve\""), "{}", asked.body);
    let approved = decide(&mut ann, &codes.user, "approve").await;
    assert_eq!(approved.status, 403, "{}", approved.body);
    let_the_interval_pass(&bridge).await;
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("authorization_pending")
    );
}

#[tokio::test]
async fn only_the_person_who_approved_completes_the_approval() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    bridge.provider.person("eve").groups(["viewers"]);
    let codes = begin(&bridge, &encoder, &[]).await;
    let there = approve(&mut ann, &codes).await;
    let back = come_back(&bridge, &mut ann, &there, "eve").await;
    assert_eq!(back.status, 403, "{}", back.body);
    assert!(back.body.contains("other_person"), "{}", back.body);
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("authorization_pending")
    );
    assert!(ann.is_signed_in().await);
}

#[tokio::test]
async fn an_approval_from_another_page_or_of_one_who_is_not_signed_in_counts_for_nothing() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let codes = begin(&bridge, &encoder, &[]).await;
    let fields = [("user_code", &*codes.user), ("decision", "approve")];
    let forged = ann
        .post_form("/device/decide", &fields, "https://evil.example")
        .await;
    assert_eq!(forged.status, 403, "{}", forged.body);
    let tokenless = ann.post_form("/device/decide", &fields, ORIGIN).await;
    assert_eq!(tokenless.status, 403, "{}", tokenless.body);
    let stranger = bridge.browser().peek("/device").await;
    assert_ne!(stranger.status, 200);
    assert_eq!(
        error(&poll(&bridge, &encoder, &codes).await),
        refused("authorization_pending")
    );
}

#[tokio::test]
async fn ten_wrong_codes_in_an_hour_are_the_last_that_are_looked_at_at_any_instance() {
    let off = ("BRIDGE_RATE_LIMITS", "off");
    let (bridge, mut ann, encoder) = ann_and_encoder_with(&[off]).await;
    let other = bridge.beside(&[off]).await;
    let mut there = ann.at(&other.address);
    let codes = begin(&bridge, &encoder, &[]).await;
    for at in 0..10 {
        let browser = if at % 2 == 0 { &mut ann } else { &mut there };
        let wrong = type_code(browser, "BBBB-BBBB").await;
        assert_eq!(wrong.status, 422, "{at} {}", wrong.body);
        assert!(
            wrong.body.contains("No device waits with this code"),
            "{}",
            wrong.body
        );
    }
    for browser in [&mut ann, &mut there] {
        let right = type_code(browser, &codes.user).await;
        assert_eq!(right.status, 429, "{}", right.body);
        let right = decide(browser, &codes.user, "approve").await;
        assert_eq!(right.status, 429, "{}", right.body);
    }
    // The network counts too, even if another person types.
    bridge.provider.person("eve").groups(["viewers"]);
    let mut eve = bridge.signed_in("eve").await;
    assert_eq!(type_code(&mut eve, &codes.user).await.status, 429);
    bridge.clock.advance(TimeDelta::hours(1));
    let later = begin(&bridge, &encoder, &[]).await;
    bridge.sign_in(&mut ann, "ann").await;
    assert_eq!(type_code(&mut ann, &later.user).await.status, 200);
}

#[tokio::test]
async fn of_many_guesses_at_once_ten_are_looked_at() {
    let (bridge, ann, _) = ann_and_encoder().await;
    let token = ann.peek("/device").await.field("form_token");
    let mut guesses = JoinSet::new();
    for _ in 0..30 {
        let mut browser = bridge.browser();
        browser.cookies.clone_from(&ann.cookies);
        let token = token.clone();
        guesses.spawn(async move {
            let fields = [("form_token", &*token), ("user_code", "CCCC-CCCC")];
            browser.post_form("/device", &fields, ORIGIN).await.status
        });
    }
    let mut statuses = guesses.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses[..10], [422; 10]);
    assert_eq!(statuses[10..], [429; 20]);
}

#[tokio::test]
async fn a_device_outlives_the_session_that_approved_it_and_its_logout_at_the_provider() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
    ann.submit("/", "/auth/logout", &[]).await;
    let token = refresh_token(&encoder.refresh(&bridge, &token).await);
    bridge.clock.advance(TimeDelta::days(29));
    let token = refresh_token(&encoder.refresh(&bridge, &token).await);
    bridge.clock.advance(TimeDelta::days(31));
    assert_eq!(
        error(&encoder.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
}

#[tokio::test]
async fn the_groups_of_a_device_are_read_again_with_its_own_refresh_token() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
    // Both grants rotate, and neither ends the other.
    bridge.clock.advance(TimeDelta::minutes(20));
    assert_eq!(ann.token(json!({})).await.status, 200);
    let token = refresh_token(&encoder.refresh(&bridge, &token).await);
    bridge.provider.person("ann").groups(["others"]);
    bridge.clock.advance(TimeDelta::minutes(20));
    assert_eq!(
        error(&encoder.refresh(&bridge, &token).await),
        refused("invalid_scope")
    );
    bridge.provider.person("ann").groups(["viewers"]);
    bridge.provider.revoke("ann");
    bridge.clock.advance(TimeDelta::minutes(20));
    assert_eq!(
        error(&encoder.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
}

#[tokio::test]
async fn a_device_ends_when_it_is_revoked_blocked_or_ended_with_its_client() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let admin = bridge.admin().await;
    let rows = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM sessions WHERE kind = 'device'")
            .fetch_one(&bridge.db)
            .await
            .unwrap()
    };
    let ended = async |token: &str| {
        assert_eq!(
            error(&encoder.refresh(&bridge, token).await),
            refused("invalid_grant")
        );
        assert_eq!(rows().await, 0);
    };

    // By the person, on the page of sessions.
    let token =
        refresh_token(&connect(&bridge, &mut ann, &encoder, &[("device_name", "Camera 3")]).await);
    let (id, kind): (String, String) =
        sqlx::query_as("SELECT public_id::text, client_id FROM sessions WHERE kind = 'device'")
            .fetch_one(&bridge.db)
            .await
            .unwrap();
    assert_eq!(kind, encoder.id);
    let listed = admin
        .api("GET", "/api/admin/sessions", &json!({}))
        .await
        .json();
    let device = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["id"] == *id)
        .unwrap();
    assert_eq!(device["device"], "Camera 3");
    ann.submit("/sessions", &format!("/sessions/{id}/end"), &[])
        .await;
    ended(&token).await;
    assert!(ann.is_signed_in().await);

    // By the client itself.
    let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
    let fields = [("client_id", encoder.id.as_str()), ("token", &token)];
    assert_eq!(
        post(&bridge, "/oauth2/revoke", &[], &fields).await.status,
        200
    );
    ended(&token).await;

    // By a token that was used twice.
    let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
    encoder.refresh(&bridge, &token).await;
    sqlx::query("UPDATE token_families SET replaced_at = ARRAY(SELECT at - interval '1 minute' FROM unnest(replaced_at) AS at)")
        .execute(&bridge.db)
        .await
        .unwrap();
    ended(&token).await;

    // By taking the app away.
    let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
    ann.submit("/apps", &format!("/apps/{}/end", encoder.id), &[])
        .await;
    ended(&token).await;

    // By signing out everywhere, and by a block.
    let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
    ann.submit("/sessions", "/sessions/end", &[]).await;
    ended(&token).await;
    bridge.sign_in(&mut ann, "ann").await;
    let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
    let block = json!({"issuer": bridge.provider.issuer(), "subject": "ann", "reason": "gone"});
    assert_eq!(
        admin.api("POST", "/api/admin/blocks", &block).await.status,
        201
    );
    ended(&token).await;
}

#[tokio::test]
async fn a_device_ends_with_a_client_that_is_switched_off_or_deleted() {
    for delete in [false, true] {
        let (bridge, mut ann, encoder) = ann_and_encoder().await;
        let admin = bridge.admin().await;
        let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
        let waiting = begin(&bridge, &encoder, &[]).await;
        let path = format!("/api/admin/clients/{}", encoder.id);
        if delete {
            let gone = admin
                .api_with("DELETE", &path, &[("if-match", "\"1\"")], &json!({}))
                .await;
            assert_eq!(gone.status, 204, "{}", gone.body);
        } else {
            let mut client = encoder_of("Field Encoder");
            client["kind"] = json!("public");
            client["enabled"] = json!(false);
            let off = admin
                .api_with("PUT", &path, &[("if-match", "\"1\"")], &client)
                .await;
            assert_eq!(off.status, 200, "{}", off.body);
        }
        assert_eq!(
            error(&encoder.refresh(&bridge, &token).await),
            (401, "invalid_client".to_owned())
        );
        assert_eq!(type_code(&mut ann, &waiting.user).await.status, 422);
        assert_eq!(bridge.count("device_codes").await, 0);
        let devices: i64 =
            sqlx::query_scalar("SELECT count(*) FROM sessions WHERE kind = 'device'")
                .fetch_one(&bridge.db)
                .await
                .unwrap();
        assert_eq!(devices, 0, "delete: {delete}");
    }
}

#[tokio::test]
async fn a_logout_at_the_provider_ends_the_browsers_of_a_person_and_no_device() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let token = refresh_token(&connect(&bridge, &mut ann, &encoder, &[]).await);
    let logout = bridge
        .provider
        .logout_token(|token| token.claim("sub", "ann"));
    let told = post(
        &bridge,
        "/auth/backchannel-logout",
        &[],
        &[("logout_token", &logout)],
    )
    .await;
    assert_eq!(told.status, 200, "{}", told.body);
    assert!(!ann.is_signed_in().await);
    assert_eq!(encoder.refresh(&bridge, &token).await.status, 200);
}

#[tokio::test]
async fn no_cookie_leads_to_the_session_of_a_device() {
    let (bridge, ann, encoder) = ann_and_encoder().await;
    assert!(ann.is_signed_in().await);
    sqlx::query("UPDATE sessions SET kind = 'device', client_id = $1 WHERE subject = 'ann'")
        .bind(&encoder.id)
        .execute(&bridge.db)
        .await
        .unwrap();
    let other = bridge.beside(&[]).await;
    assert!(!ann.at(&other.address).is_signed_in().await);
}

#[tokio::test]
async fn the_sweep_leaves_a_device_that_was_used_within_the_month() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    connect(&bridge, &mut ann, &encoder, &[]).await;
    let devices = async |days: i32| -> i64 {
        sqlx::query(
            "UPDATE sessions SET created_at = created_at - interval '70 days',
                                 last_seen_at = clock_timestamp() - make_interval(days => $1) WHERE kind = 'device'",
        )
        .bind(days)
        .execute(&bridge.db)
        .await
        .unwrap();
        let store = red5_bridge::store::Store::new(&bridge.database_url).unwrap();
        let now = bridge.clock.now();
        store
            .sweep_sessions(now, now - TimeDelta::hours(1))
            .await
            .unwrap();
        sqlx::query_scalar("SELECT count(*) FROM sessions WHERE kind = 'device'")
            .fetch_one(&bridge.db)
            .await
            .unwrap()
    };
    assert_eq!(devices(29).await, 1);
    assert_eq!(devices(61).await, 0);
}

#[tokio::test]
async fn what_waits_is_bounded_before_a_person_has_said_anything() {
    let (bridge, _, encoder) = ann_and_encoder_with(&[("BRIDGE_RATE_LIMITS", "off")]).await;
    let rooms: Vec<String> = (0..200)
        .map(|room| format!("room:studio-number-{room}"))
        .collect();
    let asked = ask_for_codes(&bridge, &encoder, &[("scope", &rooms.join(" "))]).await;
    assert_eq!(error(&asked), refused("invalid_scope"));
    for _ in 0..100 {
        begin(&bridge, &encoder, &[]).await;
    }
    let asked = ask_for_codes(&bridge, &encoder, &[]).await;
    assert_eq!(error(&asked), (429, "temporarily_unavailable".to_owned()));
    bridge.clock.advance(TimeDelta::seconds(601));
    begin(&bridge, &encoder, &[]).await;
}

#[tokio::test]
async fn a_device_that_was_approved_and_never_asks_again_is_swept_with_its_request() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let codes = begin(&bridge, &encoder, &[]).await;
    bridge.approve_device(&mut ann, "ann", &codes.user).await;
    let collected = connect(&bridge, &mut ann, &encoder, &[]).await;
    let store = red5_bridge::store::Store::new(&bridge.database_url).unwrap();
    let later = bridge.clock.now() + TimeDelta::minutes(16);
    assert_eq!(store.sweep_device_codes(later).await.unwrap(), 1);
    let devices: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE kind = 'device'")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(devices, 1);
    let token = refresh_token(&collected);
    assert_eq!(encoder.refresh(&bridge, &token).await.status, 200);
}

#[tokio::test]
async fn of_many_polls_at_once_one_gets_the_tokens() {
    let (bridge, mut ann, encoder) = ann_and_encoder().await;
    let other = bridge.beside(&[]).await;
    let codes = begin(&bridge, &encoder, &[]).await;
    let there = approve(&mut ann, &codes).await;
    come_back(&bridge, &mut ann, &there, "ann").await;
    let (a, b, c, d) = tokio::join!(
        poll(&bridge, &encoder, &codes),
        poll(&other, &encoder, &codes),
        poll(&bridge, &encoder, &codes),
        poll(&other, &encoder, &codes),
    );
    let good = [a, b, c, d]
        .iter()
        .filter(|answer| answer.status == 200)
        .count();
    assert_eq!(good, 1);
    assert_eq!(bridge.count("token_families").await, 1);
}
