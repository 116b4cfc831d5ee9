//! No page is a dead end: what is gone, was faster, or was asked for by GET leads back to
//! its list, which says in a sentence what happened.

use crate::bridge::{Answer, Browser, ORIGIN, TestBridge, path_of};
use crate::eventually::eventually;

const LIST: &str = "/admin/mappings";

const TYPED: &[(&str, &str)] = &[
    ("match", "exact"),
    ("group", "night crew"),
    ("roles", "red5-subscriber"),
    ("transports_are", "listed"),
    ("transports", "WHEP"),
    ("rooms_are", "listed"),
    ("rooms", "attic"),
    ("enabled", "true"),
    ("note", "typed for minutes"),
];

/// Where the answer leads, as the visitor sees it there.
async fn followed(browser: &mut Browser, answer: &Answer) -> Answer {
    assert_eq!(answer.status, 303, "{}", answer.body);
    let there = browser.get(&path_of(&answer.location())).await;
    assert_eq!(there.status, 200, "{}", there.body);
    there
}

#[tokio::test]
async fn a_switch_that_comes_late_leads_to_the_list_and_does_nothing() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let row = bridge.map_lobby().await;
    let one = format!("{LIST}/{}", row["id"]);
    let off = [
        ("version", "1"),
        ("enabled", "false"),
        ("list", "limit=20&q=lobby"),
    ];
    assert_eq!(
        admin
            .submit(LIST, &format!("{one}/switch"), &off)
            .await
            .status,
        303
    );

    let on = [
        ("version", "1"),
        ("enabled", "true"),
        ("list", "limit=20&q=lobby"),
    ];
    let late = admin.submit(LIST, &format!("{one}/switch"), &on).await;

    assert!(
        late.location()
            .query()
            .unwrap()
            .starts_with("q=lobby&limit=20&done=changed&id=")
    );
    let list = followed(&mut admin, &late).await;
    assert!(list.body.contains("was changed meanwhile"), "{}", list.body);
    let row = admin.peek(&format!("/api{one}")).await.json();
    assert_eq!(
        (&row["enabled"], &row["version"]),
        (&false.into(), &2.into())
    );
}

#[tokio::test]
async fn what_was_typed_for_a_mapping_that_was_deleted_meanwhile_becomes_a_new_one() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let row = bridge.map_lobby().await;
    let one = format!("{LIST}/{}", row["id"]);
    let mut fields = TYPED.to_vec();
    fields.push(("version", "1"));
    let token = admin.peek(&one).await.field("form_token");
    fields.push(("form_token", &token));
    let deleted = admin
        .submit(
            &format!("{one}/delete"),
            &format!("{one}/delete"),
            &[("version", "1")],
        )
        .await;
    assert_eq!(deleted.status, 303);

    let late = admin.post_form(&one, &fields, ORIGIN).await;

    assert_eq!(late.status, 404);
    assert!(
        late.body
            .contains(&format!("Mapping {} was deleted meanwhile", row["id"]))
    );
    assert!(late.body.contains("value=\"night crew\"") && late.body.contains("typed for minutes"));
    assert!(late.body.contains("action=\"/admin/mappings\"") && late.body.contains(">Add it<"));
    assert_eq!(bridge.count("mappings").await, 0);
    // The form as the page has it now, sent.
    fields.retain(|(name, _)| *name != "version");
    assert_eq!(admin.post_form(LIST, &fields, ORIGIN).await.status, 303);
    assert_eq!(bridge.count("mappings").await, 1);
}

#[tokio::test]
async fn a_mapping_that_is_gone_leads_to_the_list() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let version = [("version", "1"), ("enabled", "false")];
    let mut ways = Vec::new();
    for path in ["/999", "/999/delete"] {
        ways.push(admin.peek(&format!("{LIST}{path}")).await);
    }
    for path in ["/999/switch", "/999/delete"] {
        ways.push(
            admin
                .submit(LIST.to_owned().as_str(), &format!("{LIST}{path}"), &version)
                .await,
        );
    }
    for way in &ways {
        let list = followed(&mut admin, way).await;
        assert!(
            list.body.contains("Mapping 999 is not there any more"),
            "{}",
            list.body
        );
    }
    assert_eq!(admin.peek(&format!("{LIST}/x")).await.status, 404);
}

#[tokio::test]
async fn what_was_stopped_before_leads_to_its_list() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let issuer = bridge.provider.issuer().to_owned();
    let ann = [("issuer", issuer.as_str()), ("subject", "ann")];
    let session = "/admin/sessions/00000000-0000-4000-8000-000000000000";
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(ann)
        .finish();
    let over = "That session was over already.";
    let not_blocked = "That person is not blocked";
    for (way, sentence) in [
        (admin.peek(session).await, over),
        (
            admin.submit("/", &format!("{session}/end"), &[]).await,
            over,
        ),
        (
            admin
                .submit("/", &format!("/sessions/{}/end", &session[16..]), &[])
                .await,
            over,
        ),
        (
            admin.submit("/", "/admin/sessions/end", &ann).await,
            "0 sessions ended.",
        ),
        (
            admin.submit("/", "/admin/blocks/lift", &ann).await,
            not_blocked,
        ),
        (
            admin.peek(&format!("/admin/blocks/lift?{query}")).await,
            not_blocked,
        ),
    ] {
        let list = followed(&mut admin, &way).await;
        assert!(list.body.contains(sentence), "{sentence}: {}", list.body);
    }
    assert_eq!(bridge.count("audit_log").await, 0);
}

#[tokio::test]
async fn ending_the_own_session_by_its_name_is_a_sign_out() {
    let bridge = TestBridge::start().await;
    let name = "SELECT public_id::text FROM sessions";
    for path in ["/admin/sessions/", "/sessions/"] {
        let mut admin = bridge.admin().await;
        let id: String = sqlx::query_scalar(name)
            .fetch_one(&bridge.db)
            .await
            .unwrap();
        let ended = admin.submit("/", &format!("{path}{id}/end"), &[]).await;
        assert_eq!(ended.location().path(), "/auth/signed-out", "{path}");
        assert!(admin.session().is_none(), "{path}");
        let there = followed(&mut admin, &ended).await;
        assert!(there.body.contains("You are signed out"));
    }
    let mut admin = bridge.admin().await;
    let issuer = bridge.provider.issuer().to_owned();
    let own = [("issuer", issuer.as_str()), ("subject", "root")];
    let ended = admin.submit("/", "/admin/sessions/end", &own).await;
    assert_eq!(ended.location().path(), "/auth/signed-out");
    assert!(admin.session().is_none());
    assert_eq!(bridge.count("sessions").await, 0);
    assert_eq!(bridge.count("audit_log").await, 3);
}

#[tokio::test]
async fn what_only_a_form_is_sent_to_leads_a_get_to_the_page_with_the_form() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let row = bridge.map_lobby().await;
    let nothing = "Nothing was changed. What can be done begins with a button here.";
    let switched = format!("Mapping {} was not changed.", row["id"]);
    for (path, sentence) in [
        ("/portal/token", "A token is shown only once."),
        ("/admin/sessions/end", nothing),
        (
            "/admin/sessions/00000000-0000-4000-8000-000000000000/end",
            nothing,
        ),
        ("/sessions/end", nothing),
        (
            "/sessions/00000000-0000-4000-8000-000000000000/end",
            nothing,
        ),
        (&format!("{LIST}/{}/switch", row["id"]), switched.as_str()),
    ] {
        let way = admin.peek(path).await;
        let there = followed(&mut admin, &way).await;
        assert!(there.body.contains(sentence), "{path}: {}", there.body);
    }
    assert_eq!(bridge.count("audit_log").await, 1);
}

#[tokio::test]
async fn signing_out_after_the_end_of_the_session_is_signed_out() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut ann = bridge.signed_in("ann").await;
    let token = ann.peek("/sessions").await.field("form_token");
    sqlx::raw_sql("DELETE FROM sessions")
        .execute(&bridge.db)
        .await
        .unwrap();
    // The notice of an end by hand takes a moment.
    eventually("the session is over", async || {
        ann.peek("/api/session").await.status == 401
    })
    .await;
    let fields = [("form_token", token.as_str())];
    let foreign = ann.post_form("/auth/logout", &fields, "https://evil.example");
    assert_eq!(foreign.await.status, 403);
    let out = ann.post_form("/auth/logout", &fields, ORIGIN).await;
    assert!(ann.session().is_none());
    let there = followed(&mut ann, &out).await;
    assert!(there.body.contains("You are signed out"));
}
