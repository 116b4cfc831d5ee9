//! The pages: what an administrator does by hand, and what everybody may do about
//! their own sessions.

use super::*;
use crate::sign_out::{hinted, leads_to};

/// The names of the sessions that a page links or ends.
fn ids(page: &str, before: &str) -> Vec<String> {
    let parts = page.split(before).skip(1);
    let ids = parts.map(|rest| rest[..36].to_owned());
    ids.filter(|id| id.matches('-').count() == 4).collect()
}

async fn id_of(root: &Browser, name: &str) -> String {
    let page = root.peek(&format!("/admin/sessions?person={name}")).await;
    assert_eq!(page.status, 200, "{}", page.body);
    ids(&page.body, "/admin/sessions/").remove(0)
}

#[tokio::test]
async fn se_5_an_administrator_finds_a_user_and_ends_their_session() {
    let bridge = TestBridge::start().await;
    let mut root = bridge.admin().await;
    bridge.provider.person("ann").claim("name", "Ann Lee");
    bridge.provider.person("bob");
    let (ann, bob) = (bridge.signed_in("ann").await, bridge.signed_in("bob").await);
    let list = root.peek("/admin/sessions").await.body;
    assert!(list.contains("Ann Lee") && list.contains("bob"));
    assert!(list.contains("This is you, here."));
    let id = id_of(&root, "ann").await;
    let stop = format!("/admin/sessions/{id}");
    assert!(root.peek(&stop).await.body.contains("Ann Lee"));

    let done = root.submit(&stop, &format!("{stop}/end"), &[]).await;

    assert_eq!(done.status, 303, "{}", done.body);
    let list = root.get("/admin/sessions?done=ended").await.body;
    assert!(list.contains("The session is over."));
    assert!(!ann.is_signed_in().await && bob.is_signed_in().await);
    assert_eq!(root.peek(&stop).await.status, 303);
}

#[tokio::test]
async fn se_5_an_administrator_ends_all_sessions_of_a_user() {
    let bridge = TestBridge::start().await;
    let mut root = bridge.admin().await;
    bridge.provider.person("ann");
    let (one, two) = (bridge.signed_in("ann").await, bridge.signed_in("ann").await);
    let stop = format!("/admin/sessions/{}", id_of(&root, "ann").await);
    let issuer = bridge.provider.issuer().to_owned();
    let fields = [("issuer", issuer.as_str()), ("subject", "ann")];
    let done = root.submit(&stop, "/admin/sessions/end", &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(!one.is_signed_in().await && !two.is_signed_in().await && root.is_signed_in().await);
}

#[tokio::test]
async fn se_5_an_administrator_blocks_a_user_and_lifts_the_block() {
    let bridge = TestBridge::start().await;
    let mut root = bridge.admin().await;
    bridge.provider.person("ann");
    let ann = bridge.signed_in("ann").await;
    let form = of("/admin/blocks/new", &bridge, "ann");
    let filled = root.peek(&form).await;
    assert!(filled.body.contains("value=\"ann\""), "{}", filled.body);
    let issuer = bridge.provider.issuer().to_owned();
    // Without a person it is the provider's, of which there is one.
    let empty = root.peek("/admin/blocks/new").await;
    let value = format!("value=\"{issuer}\"");
    assert!(empty.body.contains(&value), "{}", empty.body);
    let mut fields = vec![
        ("issuer", issuer.as_str()),
        ("subject", "ann"),
        ("hours", "24"),
        ("reason", " "),
    ];
    let wrong = root.submit(&form, "/admin/blocks", &fields).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains("No user was blocked") && wrong.body.contains("value=\"ann\""));
    assert!(ann.is_signed_in().await);

    fields[3] = ("reason", "Left.");
    let done = root.submit(&form, "/admin/blocks", &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(!ann.is_signed_in().await);
    let list = root.get("/admin/blocks?done=blocked").await.body;
    assert!(list.contains("Left.") && list.contains("The person is blocked"));
    let until: i64 = sqlx::query_scalar("SELECT extract(epoch FROM until)::bigint FROM blocked")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert!((until - bridge.now() - 86_400).abs() < 60);

    let address = of("/admin/blocks/lift", &bridge, "ann");
    let done = root
        .submit(&address, "/admin/blocks/lift", &fields[..2])
        .await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert_eq!(root.peek(&address).await.status, 303);
    assert!(bridge.signed_in("ann").await.is_signed_in().await);
}

#[tokio::test]
async fn a_forged_form_blocks_no_user() {
    let bridge = TestBridge::start().await;
    let mut root = bridge.admin().await;
    let issuer = bridge.provider.issuer().to_owned();
    let fields = [
        ("issuer", issuer.as_str()),
        ("subject", "ann"),
        ("hours", "soon"),
        ("reason", "x"),
    ];
    let odd = root
        .submit("/admin/blocks/new", "/admin/blocks", &fields)
        .await;
    assert_eq!(odd.status, 400);
    let own = [fields[0], ("subject", "root"), ("hours", ""), fields[3]];
    let own = root
        .submit("/admin/blocks/new", "/admin/blocks", &own)
        .await;
    assert_eq!(own.status, 400);
    assert!(own.body.contains("is you: "));
    assert_eq!(bridge.count("blocked").await, 0);
}

#[tokio::test]
async fn people_see_their_own_sessions_alone_and_end_each() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    let old = bridge.signed_in("ann").await;
    let mut here = bridge.signed_in("ann").await;
    let bob = bridge.signed_in("bob").await;
    let bobs = ids(&bob.peek("/sessions").await.body, "/sessions/").remove(0);
    let page = here.peek("/sessions").await.body;
    let own = ids(&page, "/sessions/");
    assert_eq!(own.len(), 2);
    assert!(page.contains("This browser.") && !own.contains(&bobs));

    let foreign = format!("/sessions/{bobs}/end");
    let refused = here.submit("/sessions", &foreign, &[]).await;
    assert_eq!(refused.location().query(), Some("done=gone"));
    assert!(bob.is_signed_in().await);

    let ended = format!("/sessions/{}/end", own[1]);
    assert_eq!(here.submit("/sessions", &ended, &[]).await.status, 303);
    assert!(!old.is_signed_in().await && here.is_signed_in().await);
    let rows = audit(&bridge).await;
    assert_eq!((rows.len(), rows[0].0.as_str()), (1, "session.ended"));
    let actor: String = sqlx::query_scalar("SELECT actor_subject FROM audit_log")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(actor, "ann");
    assert_eq!(bridge.browser().peek("/sessions").await.status, 401);
}

#[tokio::test]
async fn a_user_ends_all_own_sessions_at_once() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    bridge.provider.person("ann").claim("sid", "desk");
    let desk = bridge.signed_in("ann").await;
    bridge.provider.person("ann").claim("sid", "phone");
    let mut phone = bridge.signed_in("ann").await;
    let bob = bridge.signed_in("bob").await;
    let done = phone.submit("/sessions", "/sessions/end", &[]).await;
    assert_eq!(done.location().path(), "/auth/signed-out");
    assert!(phone.session().is_none());
    assert!(!desk.is_signed_in().await && bob.is_signed_in().await);
    // On to the provider, with this browser's session there.
    let url = leads_to(&phone.get("/auth/signed-out").await).unwrap();
    assert_eq!(hinted(&url)["sid"], "phone");
    let rows = audit(&bridge).await;
    assert_eq!((rows.len(), rows[0].0.as_str()), (1, "person.ended"));
}

#[tokio::test]
async fn own_sessions_show_browser_system_and_address() {
    let proxies = [("BRIDGE_TRUSTED_PROXIES", "127.0.0.0/8")];
    let bridge = TestBridge::start_with(&proxies).await;
    bridge.provider.person("ann");
    let long = format!("Firefox/{}", "9".repeat(4000));
    let firefox = "Mozilla/5.0 (Windows NT 10.0; rv:146.0) Gecko/20100101 Firefox/146.0";
    let mut ann = bridge.browser();
    for (agent, forwarded) in [
        (Some(firefox), "6.6.6.6, 198.51.100.7"),
        (Some("<script>alert('Android')</script>"), "2001:db8::7"),
        (Some(&long), "203.0.113.9"),
        (None, "192.0.2.1, <img src=x>"),
    ] {
        ann = bridge.browser();
        let begun = ann.get("/auth/login").await;
        let back = bridge.provider.approve(&begun.location(), "ann").await;
        let mut headers = vec![("x-forwarded-for", forwarded)];
        headers.extend(agent.map(|agent| ("user-agent", agent)));
        let done = ann
            .visit("GET", &crate::bridge::path_of(&back), &headers, "")
            .await;
        assert_eq!(done.status, 303, "{}", done.body);
    }
    let page = ann.peek("/sessions").await.body;
    for expected in [
        "Firefox on Windows",
        "198.51.100.7",
        "Unknown browser on Android",
        "2001:db8::7",
        ">Firefox<",
        "203.0.113.9",
        ">Unknown browser<",
        // What a proxy says and is no address makes the proxy the client.
        "127.0.0.1",
    ] {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    for hostile in ["script>alert", "img src=x", "6.6.6.6", "99999"] {
        assert!(!page.contains(hostile), "{hostile}");
    }
    // A row from before is shown, and says so.
    let forget = "UPDATE sessions SET browser = NULL, client_address = NULL";
    sqlx::raw_sql(forget).execute(&bridge.db).await.unwrap();
    let page = ann.peek("/sessions").await.body;
    assert!(page.contains("Unknown browser") && !page.contains(">from "));
}

#[tokio::test]
async fn a_person_is_found_by_name_to_be_blocked_and_the_list_keeps_the_name() {
    let bridge = TestBridge::start().await;
    let mut root = bridge.admin().await;
    bridge
        .provider
        .person("s-77")
        .claim("name", "Ann <b>Lee</b>")
        .claim("preferred_username", "ann");
    bridge.signed_in("s-77").await;
    bridge.signed_in("s-77").await;

    let found = root.peek("/admin/blocks/new?person=LEE").await.body;

    let choose = of("/admin/blocks/new", &bridge, "s-77").replace('&', "&#38;");
    assert_eq!(
        found.matches(&format!("href=\"{choose}\"")).count(),
        1,
        "{found}"
    );
    let none = root.peek("/admin/blocks/new?person=zoe").await.body;
    assert!(none.contains("No person who was seen fits"));
    let form = of("/admin/blocks/new", &bridge, "s-77");
    let chosen = root.peek(&form).await.body;
    assert!(chosen.contains("Ann &#60;b&#62;Lee") && chosen.contains("2 sessions will end."));
    let issuer = bridge.provider.issuer().to_owned();
    let fields = [
        ("issuer", issuer.as_str()),
        ("subject", "s-77"),
        ("hours", ""),
        ("reason", "Left."),
    ];
    let done = root.submit(&form, "/admin/blocks", &fields).await;
    let list = root
        .get(&crate::bridge::path_of(&done.location()))
        .await
        .body;
    assert!(
        list.contains("The person is blocked. 2 sessions ended."),
        "{list}"
    );
    assert!(list.contains("Ann &#60;b&#62;Lee"), "{list}");
    // Blocked once more, with no session left to be named by.
    let again = root.submit(&form, "/admin/blocks", &fields).await;
    let list = root
        .get(&crate::bridge::path_of(&again.location()))
        .await
        .body;
    assert!(list.contains("0 sessions ended.") && list.contains("Ann &#60;b&#62;Lee"));
    let lifting = root
        .peek(&of("/admin/blocks/lift", &bridge, "s-77"))
        .await
        .body;
    assert!(lifting.contains("Ann &#60;b&#62;Lee"));
    // The audit log is never changed: no names in it.
    assert!(
        audit(&bridge)
            .await
            .iter()
            .all(|row| !format!("{row:?}").contains("Lee"))
    );
    assert_eq!(
        root.peek(&format!("/admin/blocks/new?person={}", "x".repeat(256)))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_subject_without_sessions_is_blocked_only_when_that_is_confirmed() {
    let bridge = TestBridge::start().await;
    let mut root = bridge.admin().await;
    let issuer = bridge.provider.issuer().to_owned();
    let mut fields = vec![
        ("issuer", issuer.as_str()),
        ("subject", "annn"),
        ("hours", ""),
        ("reason", "Left."),
    ];
    let form = "/admin/blocks/new";

    let asked = root.submit(form, "/admin/blocks", &fields).await;

    assert_eq!(asked.status, 400);
    assert!(
        asked.body.contains("No person with this subject was seen"),
        "{}",
        asked.body
    );
    assert!(asked.body.contains("value=\"annn\"") && asked.body.contains(">Left.</textarea>"));
    assert_eq!(bridge.count("blocked").await, 0);
    // A confirmation is of one person: another subject is asked about again.
    let confirmed = asked.field("unknown").replace("&#38;", "&");
    fields.push(("unknown", &confirmed));
    fields[1] = ("subject", "bobb");
    assert_eq!(
        root.submit(form, "/admin/blocks", &fields).await.status,
        400
    );
    fields[1] = ("subject", "annn");
    let done = root.submit(form, "/admin/blocks", &fields).await;
    let list = root
        .get(&crate::bridge::path_of(&done.location()))
        .await
        .body;
    assert!(
        list.contains("The person is blocked. 0 sessions ended."),
        "{list}"
    );
    assert_eq!(bridge.count("blocked").await, 1);
}
