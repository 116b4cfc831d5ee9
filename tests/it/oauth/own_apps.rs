//! `/apps`: the apps that get tokens for a person, and how the person takes one away; and what ends with a client.

use super::*;
use crate::bridge::ORIGIN;

const NONE: &str = "There is none";

/// Lets the app have tokens, as the person does on the page that asks.
async fn allow(browser: &mut Browser, app: &App) {
    let address = app.address(&[]);
    let asked = browser.peek(&address).await;
    let token = asked.field("form_token");
    let request = address.split_once('?').unwrap().1;
    let fields = [
        ("form_token", &*token),
        ("request", request),
        ("decision", "allow"),
    ];
    let allowed = browser.post_form("/oauth2/consent", &fields, ORIGIN).await;
    assert_eq!(allowed.status, 303, "{}", allowed.body);
}

/// Vic and Bea, who may watch in the lobby, and an app that has to ask.
async fn vic_bea_and_app() -> (TestBridge, Browser, Browser, App) {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    for person in ["vic", "bea"] {
        bridge.provider.person(person).groups(["viewers"]);
    }
    let (vic, bea) = (bridge.signed_in("vic").await, bridge.signed_in("bea").await);
    let app = register(&bridge, json!({"id": "studio", "name": "Studio <b>App"})).await;
    (bridge, vic, bea, app)
}

#[tokio::test]
async fn oa_6_an_app_that_is_taken_away_leaves_the_list_and_the_others_go_on() {
    let (bridge, mut vic, _, studio) = vic_bea_and_app().await;
    let wall = json!({"id": "wall", "name": "Video Wall", "trusted": true});
    let wall = register(&bridge, wall).await;
    assert!(vic.peek("/apps").await.body.contains(NONE));
    assert!(vic.peek("/").await.body.contains("href=\"/apps\""));

    allow(&mut vic, &studio).await;
    let studio_token = studio.tokens(&bridge, &vic).await;
    let wall_token = wall.tokens(&bridge, &vic).await;
    let (code, wall_code) = (studio.code(&vic, &[]).await, wall.code(&vic, &[]).await);
    let listed = vic.peek("/apps").await.body;
    assert!(
        listed.contains("Studio &#60;b&#62;App") && listed.contains("Video Wall"),
        "{listed}"
    );

    let ended = vic.submit("/apps", "/apps/studio/end", &[]).await;
    assert_eq!(
        ended.location().as_str(),
        format!("{ORIGIN}/apps?done=app-ended")
    );
    let listed = vic.peek("/apps?done=app-ended").await.body;
    assert!(listed.contains("That app gets no new token any more."));
    assert!(
        !listed.contains("Studio") && listed.contains("Video Wall"),
        "{listed}"
    );
    let refreshed = studio.refresh(&bridge, &studio_token).await;
    assert_eq!(error(&refreshed), refused("invalid_grant"));
    let wall_token = refresh_token(&wall.refresh(&bridge, &wall_token).await);
    assert_eq!(wall.redeem(&bridge, &wall_code).await.status, 200);
    let gone = vic.submit("/apps", "/apps/studio/end", &[]).await;
    assert_eq!(
        gone.location().as_str(),
        format!("{ORIGIN}/apps?done=app-gone")
    );

    // A trusted app has no consent; its refresh token ends likewise.
    vic.submit("/apps", "/apps/wall/end", &[]).await;
    let refreshed = wall.refresh(&bridge, &wall_token).await;
    assert_eq!(error(&refreshed), refused("invalid_grant"));
    assert!(vic.peek("/apps").await.body.contains(NONE));

    // A code of before is none of a consent that is given again.
    allow(&mut vic, &studio).await;
    let redeemed = studio.redeem(&bridge, &code).await;
    assert_eq!(error(&redeemed), refused("invalid_grant"));
}

#[tokio::test]
async fn oa_6_a_consent_or_client_that_ended_a_moment_ago_gives_nothing() {
    let (bridge, mut vic, _, studio) = vic_bea_and_app().await;
    allow(&mut vic, &studio).await;
    let token = studio.tokens(&bridge, &vic).await;
    let code = studio.code(&vic, &[]).await;
    sqlx::query("DELETE FROM consents")
        .execute(&bridge.db)
        .await
        .unwrap();
    let gone = refused("invalid_grant");
    assert_eq!(error(&studio.redeem(&bridge, &code).await), gone);
    assert_eq!(error(&studio.refresh(&bridge, &token).await), gone);

    // One that is switched off, while no instance has heard of it.
    let wall = register(&bridge, json!({"id": "wall", "trusted": true})).await;
    let token = wall.tokens(&bridge, &vic).await;
    let code = wall.code(&vic, &[]).await;
    sqlx::raw_sql(
        "ALTER TABLE clients DISABLE TRIGGER clients_changed;
         UPDATE clients SET enabled = false",
    )
    .execute(&bridge.db)
    .await
    .unwrap();
    assert_eq!(error(&wall.redeem(&bridge, &code).await), gone);
    assert_eq!(error(&wall.refresh(&bridge, &token).await), gone);
    let asked = vic.peek(&wall.address(&[])).await;
    assert!(!asked.has("location"), "{}", asked.body);
}

#[tokio::test]
async fn oa_6_what_another_person_allowed_is_neither_shown_nor_ended() {
    let (bridge, mut vic, mut bea, app) = vic_bea_and_app().await;
    allow(&mut vic, &app).await;
    let token = app.tokens(&bridge, &vic).await;
    let code = app.code(&vic, &[]).await;
    assert!(bea.peek("/apps").await.body.contains(NONE));
    let ended = bea.submit("/apps", "/apps/studio/end", &[]).await;
    assert_eq!(
        ended.location().as_str(),
        format!("{ORIGIN}/apps?done=app-gone")
    );

    // Nor by a form that was made for another session, or on another site.
    let (hers, his) = (bea.peek("/").await, vic.peek("/").await);
    for (token, origin) in [
        (hers.field("form_token"), ORIGIN),
        (his.field("form_token"), "https://evil.example"),
    ] {
        let forged = vic
            .post_form("/apps/studio/end", &[("form_token", &token)], origin)
            .await;
        assert_eq!(forged.status, 403);
    }
    for id in ["nobody", "a%20b", "x%2f..%2fstudio", "STUDIO"] {
        let answer = vic.submit("/apps", &format!("/apps/{id}/end"), &[]).await;
        assert!(
            [303, 404].contains(&answer.status),
            "{id}: {}",
            answer.status
        );
    }
    assert_eq!(bridge.browser().peek("/apps").await.status, 401);
    assert_eq!(bridge.count("consents").await, 1);
    assert_eq!(app.refresh(&bridge, &token).await.status, 200);
    assert_eq!(app.redeem(&bridge, &code).await.status, 200);
}

#[tokio::test]
async fn what_a_client_was_given_ends_with_it_and_its_page_says_how_much() {
    let (bridge, mut vic, mut bea, app) = vic_bea_and_app().await;
    let mut tokens = Vec::new();
    for person in [&mut vic, &mut bea] {
        allow(person, &app).await;
        tokens.push(app.tokens(&bridge, person).await);
    }
    let mut root = bridge.admin().await;
    let delete = "/admin/clients/studio/delete";
    let asked = root.peek(delete).await.body;
    assert!(
        asked.contains("the consents of 2 people") && asked.contains("2 refresh tokens"),
        "{asked}"
    );
    let deleted = root.submit(delete, delete, &[("version", "1")]).await;
    assert_eq!(deleted.status, 303);
    for token in &tokens {
        let unknown = (401, "invalid_client".to_owned());
        assert_eq!(error(&app.refresh(&bridge, token).await), unknown);
    }
    for table in ["consents", "token_families", "authorization_codes"] {
        assert_eq!(bridge.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn every_error_leads_to_its_place_on_the_page_of_errors() {
    let (bridge, vic, _, app) = vic_bea_and_app().await;
    let page = bridge.browser().peek("/docs/errors").await;
    assert_eq!(page.status, 200);
    let asked = [
        app.redeem(&bridge, "unknown").await,
        app.refresh(&bridge, "unknown").await,
        app.ask(&bridge, &[]).await,
        app.ask(&bridge, &[("grant_type", "password")]).await,
        post(&bridge, "/oauth2/token", &[], &[("client_id", "nobody")]).await,
        bridge
            .browser()
            .send(
                "POST",
                "/oauth2/token",
                &[("content-type", "text/plain")],
                "x",
            )
            .await,
    ];
    let mut codes = Vec::new();
    for answer in asked {
        let uri = answer.json()["error_uri"].as_str().unwrap().to_owned();
        let code = uri.strip_prefix(&format!("{ORIGIN}/docs/errors#")).unwrap();
        assert!(
            page.body
                .contains(&format!("<tr role=\"row\" id=\"{code}\">")),
            "{code}"
        );
        codes.push(code.to_owned());
    }
    let expected = [
        "invalid_grant",
        "invalid_grant",
        "invalid_request",
        "unsupported_grant_type",
        "invalid_client",
        "unsupported_media_type",
    ];
    assert_eq!(codes, expected);
    assert!(vic.peek("/docs/errors").await.body.contains("Signed in as"));
}
