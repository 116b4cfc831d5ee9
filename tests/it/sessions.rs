//! Sessions and their cookies (SE-1 to SE-4, SE-10).

use std::collections::HashSet;

use chrono::TimeDelta;
use red5_bridge::flow::sessions::SessionSecret;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::bridge::{ADMIN_GROUP, ORIGIN, TestBridge, path_of};
use crate::callback::come_back;
use crate::eventually::eventually;
use crate::provider::Endpoint;

const SESSION: &str = "__Host-bridge_session";

/// Everything in the database, bytes included, as one text.
pub async fn everything_stored(bridge: &TestBridge) -> String {
    let mut connection = bridge.db.acquire().await.unwrap();
    sqlx::query("SET bytea_output = 'escape'")
        .execute(&mut *connection)
        .await
        .unwrap();
    let dump = "SELECT (xpath('/row/c/text()', query_to_xml(format('SELECT string_agg(t::text, E''\\n'') AS c FROM %I t', \
                table_name), false, true, '')))[1]::text FROM information_schema.tables WHERE table_schema = 'public'";
    let tables: Vec<Option<String>> = sqlx::query_scalar(dump)
        .fetch_all(&mut *connection)
        .await
        .unwrap();
    tables.into_iter().flatten().collect()
}

#[tokio::test]
async fn se_1_se_10_the_database_holds_no_cookie_and_no_token_in_the_clear() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    bridge.provider.person("ann").groups(["viewers"]);
    let mut ann = bridge.browser();
    let back = come_back(&bridge.provider, &mut ann, "ann").await;
    let (_, attempt) = ann.cookies.clone().pop_first().unwrap();
    assert_eq!(ann.get(&path_of(&back)).await.status, 303);
    let red5 = ann.token(json!({})).await.json()["access_token"].clone();

    let (_, value) = ann.session().unwrap();
    let hash: Vec<u8> = sqlx::query_scalar("SELECT id_hash FROM sessions WHERE subject = 'ann'")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(hash, Sha256::digest(&value).to_vec());

    let stored = everything_stored(&bridge).await;
    assert!(
        stored.contains("ann") && stored.contains("viewers"),
        "{stored}"
    );
    let asked = bridge.provider.last(Endpoint::Authorize).query;
    let sent = bridge.provider.last(Endpoint::Token).form;
    for secret in [
        value.as_str(),
        &attempt,
        &asked["state"],
        &asked["nonce"],
        &sent["code_verifier"],
        &sent["code"],
        red5.as_str().unwrap(),
        // The beginning of every JWT: `{"` in base64.
        "eyJ",
        // The provider's access tokens.
        "access-",
    ] {
        assert!(!stored.contains(secret), "{secret} in {stored}");
    }
}

#[test]
fn se_1_a_session_is_256_bits_that_never_come_again() {
    let secrets = (0..1000).map(|_| SessionSecret::random().unwrap().expose().to_owned());
    let secrets: HashSet<String> = secrets.collect();
    assert_eq!(secrets.len(), 1000);
    assert!(secrets.iter().all(|secret| secret.len() == 43));
}

#[tokio::test]
async fn se_2_every_cookie_is_host_only_secure_and_out_of_reach_of_scripts() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let begun = ann.get("/auth/login").await;
    let back = bridge.provider.approve(&begun.location(), "ann").await;
    let done = ann.get(&path_of(&back)).await;
    let out = ann.submit("/", "/auth/logout", &[]).await;
    let gone = ann.get("/auth/signed-out").await;

    let lines: Vec<String> = [begun, done, out, gone]
        .iter()
        .flat_map(crate::bridge::Answer::set_cookies)
        .collect();
    let set = |line: &String| line.split('=').next().unwrap().to_owned();
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| set(line) == SESSION).count(), 2);
    for line in &lines {
        assert!(line.starts_with("__Host-bridge_"), "{line}");
        for attribute in ["; HttpOnly", "; Secure", "; Path=/;", "; SameSite=Lax"] {
            assert!(line.contains(attribute), "{attribute}: {line}");
        }
        assert!(!line.contains("Domain"), "{line}");
    }
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("Max-Age=0"))
            .count(),
        3
    );
}

#[tokio::test]
async fn se_3_a_session_that_rests_for_an_hour_is_over() {
    let bridge = TestBridge::start_with(&[("BRIDGE_UNREFRESHED_MAX_MINUTES", "600")]).await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;

    for _ in 0..3 {
        bridge.clock.advance(TimeDelta::minutes(59));
        assert!(ann.is_signed_in().await);
    }
    bridge.clock.advance(TimeDelta::minutes(60));
    assert!(!ann.is_signed_in().await);
    assert_eq!(ann.token(json!({})).await.status, 401);
    assert!(!ann.is_signed_in().await, "asking does not bring it back");
}

#[tokio::test]
async fn se_3_activity_does_not_move_the_absolute_end() {
    let limits = [
        ("BRIDGE_UNREFRESHED_MAX_MINUTES", "43200"),
        ("BRIDGE_SESSION_MAX_HOURS", "3"),
    ];
    let bridge = TestBridge::start_with(&limits).await;
    bridge.provider.person("ann");
    let mut ann = bridge.browser();
    let back = come_back(&bridge.provider, &mut ann, "ann").await;
    let done = ann.get(&path_of(&back)).await;
    let line = done
        .set_cookies()
        .into_iter()
        .find(|line| line.starts_with(SESSION));
    let seconds = line.unwrap().split_once("Max-Age=").unwrap().1.to_owned();
    assert!((10_795..=10_800).contains(&seconds.parse().unwrap()));

    let ends_at = ann.peek("/api/session").await.json()["ends_at"].clone();
    for _ in 0..11 {
        bridge.clock.advance(TimeDelta::minutes(16));
        let session = ann.peek("/api/session").await.json();
        assert_eq!(session["ends_at"], ends_at);
    }
    bridge.clock.advance(TimeDelta::minutes(4));
    assert!(!ann.is_signed_in().await);
}

#[tokio::test]
async fn se_3_a_session_ends_when_its_groups_are_as_old_as_they_may_be() {
    let bridge = TestBridge::start_with(&[("BRIDGE_UNREFRESHED_MAX_MINUTES", "20")]).await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;
    bridge.clock.advance(TimeDelta::minutes(19));
    assert!(ann.is_signed_in().await);
    bridge.clock.advance(TimeDelta::minutes(1));
    assert!(!ann.is_signed_in().await);
    assert_eq!(ann.token(json!({})).await.status, 401);
}

#[tokio::test]
async fn se_4_after_signing_out_the_old_cookie_opens_nothing() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    bridge.provider.person("ann").groups(["viewers"]);
    let mut ann = bridge.signed_in("ann").await;
    let thief = ann.clone();
    assert_eq!(thief.token(json!({})).await.status, 200);

    assert_eq!(ann.submit("/", "/auth/logout", &[]).await.status, 303);

    assert!(ann.session().is_none());
    assert!(!thief.is_signed_in().await);
    assert_eq!(thief.token(json!({})).await.code(), "not_signed_in");
    assert!(thief.peek("/").await.body.contains("/auth/login"));
    let left = "SELECT count(*) FROM sessions WHERE subject = 'ann'";
    let left: i64 = sqlx::query_scalar(left)
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn se_4_on_a_machine_that_people_share_nothing_of_the_one_before_is_left() {
    let bridge = TestBridge::start().await;
    bridge
        .map("canary-crew", &["red5-subscriber"], &["WHEP"], &["canary"])
        .await;
    let ann = bridge.provider.person("ann-canary");
    ann.groups(["canary-crew", ADMIN_GROUP]);
    bridge.provider.person("bob").groups(["unmapped"]);
    let mut shared = bridge.signed_in("ann-canary").await;
    shared.get("/admin/mappings").await;
    assert_eq!(shared.token(json!({})).await.status, 200);
    let form = shared.peek("/admin/mappings/new").await.field("form_token");
    shared.submit("/", "/auth/logout", &[]).await;
    shared.get("/auth/signed-out").await;

    bridge.sign_in(&mut shared, "bob").await;

    assert_eq!(shared.cookies.len(), 1, "{:?}", shared.cookies);
    for (path, status) in [
        ("/", 403),
        ("/api/session", 200),
        ("/docs", 200),
        ("/admin/mappings", 403),
    ] {
        let answer = shared.peek(path).await;
        let all = format!("{:?}{}", answer.headers, answer.body);
        assert!(!all.contains("canary"), "{path}: {all}");
        assert_eq!(answer.status, status, "{path}");
    }
    assert_eq!(shared.token(json!({})).await.code(), "no_grant");
    // A page of hers that is still open in another tab does nothing for him.
    let fields = [("form_token", form.as_str())];
    let stale = shared.post_form("/portal/token", &fields, ORIGIN).await;
    assert_eq!(stale.status, 403);
    assert!(!stale.body.contains("canary"), "{}", stale.body);
}

#[tokio::test]
async fn se_4_signing_out_here_counts_at_the_other_instance_within_moments() {
    let bridge = TestBridge::start().await;
    let other = TestBridge::start_on(&bridge.database_url, &[]).await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    let mut thief = other.browser();
    thief.cookies = ann.cookies.clone();
    assert!(
        thief.is_signed_in().await,
        "it is in that instance's memory now"
    );

    ann.submit("/", "/auth/logout", &[]).await;

    eventually("the other instance hears of it", async || {
        !thief.is_signed_in().await
    })
    .await;
    assert_eq!(thief.token(json!({})).await.status, 401);
}
