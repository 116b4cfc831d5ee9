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
async fn se_5_an_administrator_finds_somebody_and_ends_their_session() {
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
    assert!(!is_in(&ann).await && is_in(&bob).await);
    assert_eq!(root.peek(&stop).await.status, 404);
}

#[tokio::test]
async fn se_5_an_administrator_ends_all_that_somebody_has() {
    let bridge = TestBridge::start().await;
    let mut root = bridge.admin().await;
    bridge.provider.person("ann");
    let (one, two) = (bridge.signed_in("ann").await, bridge.signed_in("ann").await);
    let stop = format!("/admin/sessions/{}", id_of(&root, "ann").await);
    let issuer = bridge.provider.issuer().to_owned();
    let fields = [("issuer", issuer.as_str()), ("subject", "ann")];
    let done = root.submit(&stop, "/admin/sessions/end", &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(!is_in(&one).await && !is_in(&two).await && is_in(&root).await);
}

#[tokio::test]
async fn se_5_an_administrator_blocks_somebody_and_lets_them_in_again() {
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
    assert!(wrong.body.contains("Nobody was blocked") && wrong.body.contains("value=\"ann\""));
    assert!(is_in(&ann).await);

    fields[3] = ("reason", "Left.");
    let done = root.submit(&form, "/admin/blocks", &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(!is_in(&ann).await);
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
    assert_eq!(root.peek(&address).await.status, 404);
    assert!(is_in(&bridge.signed_in("ann").await).await);
}

#[tokio::test]
async fn a_form_that_no_page_of_ours_has_made_blocks_nobody() {
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
    assert_eq!(here.submit("/sessions", &foreign, &[]).await.status, 404);
    assert!(is_in(&bob).await);

    let ended = format!("/sessions/{}/end", own[1]);
    assert_eq!(here.submit("/sessions", &ended, &[]).await.status, 303);
    assert!(!is_in(&old).await && is_in(&here).await);
    let rows = audit(&bridge).await;
    assert_eq!((rows.len(), rows[0].0.as_str()), (1, "session.end"));
    let actor: String = sqlx::query_scalar("SELECT actor_subject FROM audit_log")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(actor, "ann");
    assert_eq!(bridge.browser().peek("/sessions").await.status, 401);
}

#[tokio::test]
async fn somebody_signs_out_everywhere_at_once() {
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
    assert!(!is_in(&desk).await && is_in(&bob).await);
    // On to the provider, with this browser's session there.
    let url = leads_to(&phone.get("/auth/signed-out").await).unwrap();
    assert_eq!(hinted(&url)["sid"], "phone");
    let rows = audit(&bridge).await;
    assert_eq!((rows.len(), rows[0].0.as_str()), (1, "person.end"));
}
