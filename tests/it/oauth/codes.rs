//! Authorization codes: what spends one, and what does not (RFC 6749 §4.1.2, RFC 9700 §2.1.1, §4.5).

use chrono::TimeDelta;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    App, REDIRECT_URI, VERIFIER, ann_and_app, error, post, refresh_token, refused, register,
};

#[tokio::test]
async fn a_second_use_of_a_code_ends_the_refresh_tokens_that_came_of_it() {
    let (bridge, ann, app) = ann_and_app().await;
    let code = app.code(&ann, &[]).await;
    let token = refresh_token(&app.redeem(&bridge, &code).await);
    assert_eq!(
        error(&app.redeem(&bridge, &code).await),
        refused("invalid_grant")
    );
    assert_eq!(
        error(&app.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
    assert_eq!(bridge.count("token_families").await, 0);
}

#[tokio::test]
async fn of_many_uses_at_once_at_two_instances_one_gets_a_token() {
    let (bridge, ann, app) = ann_and_app().await;
    let other = bridge.beside(&[]).await;
    for _ in 0..5 {
        let code = app.code(&ann, &[]).await;
        let (a, b, c, d) = tokio::join!(
            app.redeem(&bridge, &code),
            app.redeem(&other, &code),
            app.redeem(&bridge, &code),
            app.redeem(&other, &code),
        );
        let good = [a, b, c, d]
            .iter()
            .filter(|answer| answer.status == 200)
            .count();
        assert_eq!(good, 1);
        assert_eq!(
            bridge.count("token_families").await,
            0,
            "what came of it has ended"
        );
    }
}

#[tokio::test]
async fn a_wrong_verifier_or_redirect_uri_of_the_right_client_spends_the_code() {
    let (bridge, ann, app) = ann_and_app().await;
    let other_verifier = VERIFIER.replace('0', "1");
    for (redirect_uri, verifier) in [
        (REDIRECT_URI, other_verifier.as_str()),
        ("https://studio.example/done?", VERIFIER),
        ("https://studio.example", VERIFIER),
    ] {
        let code = app.code(&ann, &[]).await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        assert_eq!(
            error(&app.ask(&bridge, &fields).await),
            refused("invalid_grant")
        );
        assert_eq!(
            error(&app.redeem(&bridge, &code).await),
            refused("invalid_grant")
        );
    }
}

#[tokio::test]
async fn a_malformed_request_spends_no_code() {
    let (bridge, ann, app) = ann_and_app().await;
    let code = app.code(&ann, &[]).await;
    let all = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    for missing in ["grant_type", "code", "redirect_uri", "code_verifier"] {
        let rest: Vec<_> = all
            .into_iter()
            .filter(|(name, _)| *name != missing)
            .collect();
        assert_eq!(
            error(&app.ask(&bridge, &rest).await),
            refused("invalid_request"),
            "{missing}"
        );
        let empty = all.map(|(name, value)| (name, if name == missing { "" } else { value }));
        assert_eq!(
            error(&app.ask(&bridge, &empty).await),
            refused("invalid_request"),
            "{missing}"
        );
        let twice: Vec<_> = all
            .into_iter()
            .chain(all.into_iter().filter(|(name, _)| *name == missing))
            .collect();
        assert_eq!(
            error(&app.ask(&bridge, &twice).await),
            refused("invalid_request"),
            "{missing}"
        );
    }
    // RFC 7636 §4.1.
    for verifier in ["short", &"v".repeat(129), &format!("{VERIFIER} ")] {
        let fields = [all[0], all[1], all[2], ("code_verifier", verifier)];
        assert_eq!(
            error(&app.ask(&bridge, &fields).await),
            refused("invalid_request"),
            "{verifier}"
        );
    }
    assert_eq!(app.redeem(&bridge, &code).await.status, 200);
}

#[tokio::test]
async fn a_used_code_without_its_verifier_ends_nothing() {
    let (bridge, ann, app) = ann_and_app().await;
    let code = app.code(&ann, &[]).await;
    let token = refresh_token(&app.redeem(&bridge, &code).await);
    let guessed = VERIFIER.replace('0', "1");
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", &guessed),
    ];
    assert_eq!(
        error(&app.ask(&bridge, &fields).await),
        refused("invalid_grant")
    );
    assert_eq!(app.refresh(&bridge, &token).await.status, 200);
}

#[tokio::test]
async fn only_the_hash_of_a_code_is_kept() {
    let (bridge, ann, app) = ann_and_app().await;
    let code = app.code(&ann, &[]).await;
    let kept: Vec<Vec<u8>> = sqlx::query_scalar("SELECT digest FROM authorization_codes")
        .fetch_all(&bridge.db)
        .await
        .unwrap();
    assert_eq!(kept, [Sha256::digest(code).to_vec()]);
}

#[tokio::test]
async fn tx_11_a_failed_client_authentication_spends_no_code() {
    let (bridge, ann, _) = ann_and_app().await;
    let app = register(&bridge, json!({"kind": "confidential", "trusted": true})).await;
    let code = app.code(&ann, &[]).await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT_URI),
        ("code_verifier", VERIFIER),
    ];
    let guessing = App {
        secret: Some("guessed".to_owned()),
        ..app.clone()
    };
    for credentials in ["Basic YTpi", &guessing.basic()] {
        let headers = [("authorization", credentials)];
        let wrong = post(&bridge, "/oauth2/token", &headers, &fields).await;
        assert_eq!(error(&wrong), (401, "invalid_client".to_owned()));
        assert_eq!(
            wrong.header("www-authenticate"),
            "Basic realm=\"red5-bridge\""
        );
    }
    let right = post(
        &bridge,
        "/oauth2/token",
        &[("authorization", &app.basic())],
        &fields,
    )
    .await;
    assert_eq!(right.status, 200, "{}", right.body);
}

#[tokio::test]
async fn another_clients_code_is_unknown_and_stays_good_for_its_own() {
    let (bridge, ann, app) = ann_and_app().await;
    let other = register(&bridge, json!({"trusted": true})).await;
    let code = app.code(&ann, &[]).await;
    assert_eq!(
        error(&other.redeem(&bridge, &code).await),
        refused("invalid_grant")
    );
    let token = refresh_token(&app.redeem(&bridge, &code).await);
    assert_eq!(
        error(&other.redeem(&bridge, &code).await),
        refused("invalid_grant")
    );
    assert_eq!(
        error(&other.refresh(&bridge, &token).await),
        refused("invalid_grant")
    );
    assert_eq!(
        app.refresh(&bridge, &token).await.status,
        200,
        "nothing has ended"
    );
}

#[tokio::test]
async fn a_code_lives_for_a_minute() {
    let (bridge, ann, app) = ann_and_app().await;
    let (early, late) = (app.code(&ann, &[]).await, app.code(&ann, &[]).await);
    bridge.clock.advance(TimeDelta::seconds(55));
    assert_eq!(app.redeem(&bridge, &early).await.status, 200);
    bridge.clock.advance(TimeDelta::seconds(6));
    assert_eq!(
        error(&app.redeem(&bridge, &late).await),
        refused("invalid_grant")
    );
}

#[tokio::test]
async fn a_code_whose_token_is_not_granted_any_more_is_not_spent() {
    let (bridge, ann, app) = ann_and_app().await;
    let code = app.code(&ann, &[]).await;
    let admin = bridge.admin().await;
    let list = admin.peek("/api/admin/mappings").await.json();
    let (id, version) = (&list["items"][0]["id"], &list["items"][0]["version"]);
    let path = format!("/api/admin/mappings/{id}");
    let gone = admin
        .api_with(
            "DELETE",
            &path,
            &[("if-match", &format!("\"{version}\""))],
            &json!({}),
        )
        .await;
    assert_eq!(gone.status, 204, "{}", gone.body);
    let answer = app.redeem(&bridge, &code).await;
    assert_eq!(error(&answer), refused("invalid_scope"));
    let uri = answer.json()["error_uri"].clone();
    assert_eq!(uri, "https://bridge.example/docs/errors#no_grant");
    bridge.map_lobby().await;
    assert_eq!(app.redeem(&bridge, &code).await.status, 200);
}

#[tokio::test]
async fn a_code_ends_with_its_session_and_with_a_block() {
    let (bridge, mut ann, app) = ann_and_app().await;
    let code = app.code(&ann, &[]).await;
    ann.submit("/", "/auth/logout", &[]).await;
    assert_eq!(
        error(&app.redeem(&bridge, &code).await),
        refused("invalid_grant")
    );

    let ann = bridge.signed_in("ann").await;
    let code = app.code(&ann, &[]).await;
    let block = json!({"issuer": bridge.provider.issuer(), "subject": "ann", "reason": "left"});
    bridge
        .admin()
        .await
        .api("POST", "/api/admin/blocks", &block)
        .await;
    assert_eq!(
        error(&app.redeem(&bridge, &code).await),
        refused("invalid_grant")
    );
}
