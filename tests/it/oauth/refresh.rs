//! Rotation of refresh tokens (RFC 9700 §4.14.2).

use chrono::TimeDelta;
use serde_json::json;

use super::{ann_and_app, error, post, refresh_token, refused, register};
use crate::bridge::TestBridge;
use crate::provider::Rotation;

/// Lets seconds pass since the replacements, which the database's clock times.
async fn pass(bridge: &TestBridge, seconds: u32) {
    sqlx::query(
        "UPDATE token_families SET replaced_at =
             array(SELECT at - make_interval(secs => $1) FROM unnest(replaced_at) WITH ORDINALITY AS all_of(at, place)
                   ORDER BY place)",
    )
    .bind(f64::from(seconds))
    .execute(&bridge.db)
    .await
    .unwrap();
}

#[tokio::test]
async fn a_token_that_was_just_replaced_gives_the_same_successor_also_when_that_was_used() {
    let (bridge, ann, app) = ann_and_app().await;
    let other = bridge.beside(&[]).await;
    let first = app.tokens(&bridge, &ann).await;
    let second = refresh_token(&app.refresh(&bridge, &first).await);
    assert_eq!(refresh_token(&app.refresh(&other, &first).await), second);
    let third = refresh_token(&app.refresh(&other, &second).await);
    pass(&bridge, 8).await;
    assert_eq!(refresh_token(&app.refresh(&bridge, &first).await), second);
    assert_eq!(refresh_token(&app.refresh(&bridge, &second).await), third);
}

#[tokio::test]
async fn a_token_that_is_used_again_later_ends_its_family_and_no_other() {
    let (bridge, ann, app) = ann_and_app().await;
    let elsewhere = app.tokens(&bridge, &ann).await;
    let first = app.tokens(&bridge, &ann).await;
    let second = refresh_token(&app.refresh(&bridge, &first).await);
    pass(&bridge, 11).await;
    assert_eq!(
        error(&app.refresh(&bridge, &first).await),
        refused("invalid_grant")
    );
    assert_eq!(
        error(&app.refresh(&bridge, &second).await),
        refused("invalid_grant")
    );
    assert_eq!(app.refresh(&bridge, &elsewhere).await.status, 200);
}

#[tokio::test]
async fn the_clock_of_an_instance_does_not_judge_a_token_that_was_replaced() {
    let (bridge, ann, app) = ann_and_app().await;
    let first = app.tokens(&bridge, &ann).await;
    let second = refresh_token(&app.refresh(&bridge, &first).await);
    bridge.clock.advance(TimeDelta::seconds(20));
    assert_eq!(refresh_token(&app.refresh(&bridge, &first).await), second);
    bridge.clock.advance(TimeDelta::seconds(-20));
    pass(&bridge, 11).await;
    assert_eq!(
        error(&app.refresh(&bridge, &first).await),
        refused("invalid_grant")
    );
}

#[tokio::test]
async fn a_refresh_token_of_another_client_is_unknown_and_stays_good_for_its_own() {
    let (bridge, ann, app) = ann_and_app().await;
    let other = register(&bridge, json!({"trusted": true})).await;
    let token = app.tokens(&bridge, &ann).await;
    assert_eq!(
        error(&other.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
    let fields = [("client_id", other.id.as_str()), ("token", &token)];
    let revoked = post(&bridge, "/oauth2/revoke", &[], &fields).await;
    assert_eq!(revoked.status, 200);
    assert_eq!(app.refresh(&bridge, &token).await.status, 200);
}

#[tokio::test]
async fn two_instances_at_once_and_lost_answers_leave_one_chain_of_tokens() {
    let (bridge, ann, app) = ann_and_app().await;
    let other = bridge.beside(&[]).await;
    let mut token = app.tokens(&bridge, &ann).await;
    for _ in 0..10 {
        // Of these answers all but one are lost.
        let (a, b, c) = tokio::join!(
            app.refresh(&bridge, &token),
            app.refresh(&other, &token),
            app.refresh(&bridge, &token),
        );
        let successors = [a, b, c].map(|answer| refresh_token(&answer));
        assert!(successors.iter().all(|next| *next == successors[0]));
        token.clone_from(&successors[0]);
        pass(&bridge, 30).await;
    }
    assert_eq!(bridge.count("token_families").await, 1);
}

#[tokio::test]
async fn a_scope_narrows_one_answer_and_never_widens_it() {
    let (bridge, _, app) = ann_and_app().await;
    bridge
        .map("hosts", &["red5-subscriber"], &["WHEP"], &["a", "b", "c"])
        .await;
    bridge.provider.person("eve").groups(["hosts"]);
    let eve = bridge.signed_in("eve").await;
    let code = app.code(&eve, &[("scope", "room:a room:b")]).await;
    let token = refresh_token(&app.redeem(&bridge, &code).await);
    let ask = async |token: &str, scope: &str| {
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("scope", scope),
        ];
        app.ask(&bridge, &fields).await
    };
    let narrow = ask(&token, "room:a").await;
    assert_eq!(narrow.json()["rooms"], json!(["a"]));
    let token = refresh_token(&narrow);
    for wide in ["room:c", "room:a room:c", "room:*"] {
        assert_eq!(
            error(&ask(&token, wide).await),
            refused("invalid_scope"),
            "{wide}"
        );
    }
    let again = app.refresh(&bridge, &token).await;
    assert_eq!(
        again.json()["rooms"],
        json!(["a", "b"]),
        "the first scope applies again"
    );
}

#[tokio::test]
async fn a_family_ends_with_its_session_however_that_ends() {
    let (bridge, mut ann, app) = ann_and_app().await;
    let token = app.tokens(&bridge, &ann).await;
    ann.submit("/", "/auth/logout", &[]).await;
    assert_eq!(
        error(&app.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );

    let ann = bridge.signed_in("ann").await;
    let token = app.tokens(&bridge, &ann).await;
    bridge.clock.advance(TimeDelta::hours(13));
    assert_eq!(
        error(&app.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
}

#[tokio::test]
async fn a_new_sign_in_of_the_same_person_keeps_what_apps_have_and_another_persons_does_not() {
    let (bridge, mut browser, app) = ann_and_app().await;
    let token = app.tokens(&bridge, &browser).await;
    let code = app.code(&browser, &[]).await;
    bridge.sign_in(&mut browser, "ann").await;
    let token = refresh_token(&app.refresh(&bridge, &token).await);
    let other = refresh_token(&app.redeem(&bridge, &code).await);
    assert!(browser.peek("/apps").await.body.contains("Studio App"));

    bridge.provider.person("bea").groups(["viewers"]);
    bridge.sign_in(&mut browser, "bea").await;
    for token in [token, other] {
        assert_eq!(
            error(&app.refresh(&bridge, &token).await),
            refused("invalid_grant")
        );
    }
    assert!(!browser.peek("/apps").await.body.contains("Studio App"));
}

#[tokio::test]
async fn a_session_and_client_hold_a_hundred_families_and_codes_and_the_oldest_give_way() {
    let (bridge, ann, app) = ann_and_app().await;
    let other = register(&bridge, json!({"trusted": true})).await;
    let others = other.tokens(&bridge, &ann).await;
    let (oldest, used) = (
        app.tokens(&bridge, &ann).await,
        app.tokens(&bridge, &ann).await,
    );
    bridge.clock.advance(TimeDelta::seconds(1));
    let used = refresh_token(&app.refresh(&bridge, &used).await);
    // As a hundred authorizations leave them, the last one spent for a client that gets no refresh token.
    for statement in [
        "INSERT INTO token_families (id, client_id, session_hash, scope, created_at, last_used_at)
         SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), client_id, session_hash, scope, created_at, last_used_at + interval '1 s'
         FROM generate_series(1, 98) AS n, (SELECT * FROM token_families WHERE client_id = $1 LIMIT 1) AS one",
        "INSERT INTO authorization_codes (digest, client_id, session_hash, redirect_uri, challenge, scope, expires_at, spent)
         SELECT decode(lpad(to_hex(n), 64, '0'), 'hex'), client_id, session_hash, redirect_uri, challenge, scope, expires_at, n = 100
         FROM generate_series(1, 100) AS n, (SELECT * FROM authorization_codes WHERE client_id = $1 LIMIT 1) AS one",
    ] {
        let insert = sqlx::query(statement).bind(&app.id);
        insert.execute(&bridge.db).await.unwrap();
    }
    bridge.clock.advance(TimeDelta::seconds(1));
    let code = app.code(&ann, &[]).await;
    assert_eq!(
        bridge.count("authorization_codes").await,
        103,
        "three have families"
    );
    let newest = refresh_token(&app.redeem(&bridge, &code).await);
    assert_eq!(
        bridge.count("token_families").await,
        101,
        "one is another client's"
    );
    assert_eq!(
        error(&app.refresh(&bridge, &oldest).await),
        refused("invalid_grant")
    );
    for (app, token) in [(&app, used), (&app, newest), (&other, others)] {
        assert_eq!(app.refresh(&bridge, &token).await.status, 200);
    }
}

#[tokio::test]
async fn a_session_that_is_over_leaves_nothing_to_the_next_one() {
    let (bridge, mut ann, app) = ann_and_app().await;
    let token = app.tokens(&bridge, &ann).await;
    bridge.clock.advance(TimeDelta::hours(13));
    bridge.sign_in(&mut ann, "ann").await;
    assert_eq!(
        error(&app.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
}

#[tokio::test]
async fn a_client_that_is_switched_off_or_deleted_loses_its_tokens_for_good() {
    let (bridge, ann, app) = ann_and_app().await;
    let token = app.tokens(&bridge, &ann).await;
    let admin = bridge.admin().await;
    let path = format!("/api/admin/clients/{}", app.id);
    let edit = async |enabled: bool| {
        let mut client = admin.peek(&path).await.json();
        client["enabled"] = json!(enabled);
        let version = format!("\"{}\"", client["version"]);
        let answer = admin
            .api_with("PUT", &path, &[("if-match", &version)], &client)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    // One code is spent, and one is not.
    app.code(&ann, &[]).await;
    sqlx::query("INSERT INTO consents SELECT issuer, subject, $1, now() FROM sessions WHERE subject = 'ann'")
        .bind(&app.id)
        .execute(&bridge.db)
        .await
        .unwrap();
    edit(false).await;
    for table in ["authorization_codes", "consents", "token_families"] {
        assert_eq!(bridge.count(table).await, 0, "{table}");
    }
    let off = (401, "invalid_client".to_owned());
    assert_eq!(error(&app.refresh(&bridge, &token).await), off);
    assert_eq!(ann.peek(&app.address(&[])).await.status, 400, "a page");
    edit(true).await;
    assert_eq!(
        error(&app.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );

    let token = app.tokens(&bridge, &ann).await;
    let version = format!("\"{}\"", admin.peek(&path).await.json()["version"]);
    let gone = admin
        .api_with("DELETE", &path, &[("if-match", &version)], &json!({}))
        .await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    assert_eq!(error(&app.refresh(&bridge, &token).await), off);
    assert_eq!(bridge.count("token_families").await, 0);
}

#[tokio::test]
async fn another_client_revokes_no_token() {
    let (bridge, ann, app) = ann_and_app().await;
    let token = app.tokens(&bridge, &ann).await;
    let other = register(&bridge, json!({"trusted": true})).await;
    let fields = [("client_id", other.id.as_str()), ("token", token.as_str())];
    let revoked = post(&bridge, "/oauth2/revoke", &[], &fields).await;
    assert_eq!(revoked.status, 200, "it tells nothing of another's token");
    assert_eq!(app.refresh(&bridge, &token).await.status, 200);
}

#[tokio::test]
async fn the_groups_of_now_decide_about_codes_and_refresh_tokens() {
    let bridge = TestBridge::start_with(&[("BRIDGE_GROUPS_MAX_AGE_SECONDS", "20")]).await;
    bridge.provider.give_refresh_tokens(Rotation::Each);
    bridge.map_lobby().await;
    bridge.provider.person("ann").groups(["viewers"]);
    let ann = bridge.signed_in("ann").await;
    let app = register(&bridge, json!({"trusted": true})).await;
    let token = app.tokens(&bridge, &ann).await;
    let code = app.code(&ann, &[]).await;
    bridge.provider.person("ann").groups([]);
    // Beyond twice the age, and within the life of the code.
    bridge.clock.advance(TimeDelta::seconds(45));
    let redeemed = app.redeem(&bridge, &code).await;
    assert_eq!(error(&redeemed), refused("invalid_scope"));
    let refreshed = app.refresh(&bridge, &token).await;
    assert_eq!(error(&refreshed), refused("invalid_scope"));
}
