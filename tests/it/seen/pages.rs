//! The pages of people and of who can: each answer has an address.

use super::*;
use crate::bridge::path_of;

const HOSTILE: &str = "\"><img src=x onerror=alert(1)>'";
const ESCAPED: &str = "&#34;&#62;&#60;img src=x onerror=alert(1)&#62;&#39;";

async fn page(root: &Browser, path: &str) -> String {
    let answer = root.peek(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    assert!(!answer.body.contains("<img src=x"), "{path}");
    answer.body
}

#[tokio::test]
async fn a_person_is_found_by_name_and_stopped_from_their_page() {
    let bridge = TestBridge::start().await;
    let row = bridge.map_lobby().await;
    let mut root = bridge.admin().await;
    bridge
        .provider
        .person("s-vic")
        .groups(["viewers", HOSTILE])
        .claim("preferred_username", HOSTILE)
        .claim("name", "Vic <b>Viewer</b>");
    let vic = bridge.signed_in("s-vic").await;

    let list = page(&root, "/admin/people?q=viewer&group=").await;
    assert!(list.contains("Vic &#60;b&#62;Viewer") && list.contains(ESCAPED));
    let id = id_of(&person(&root, "s-vic").await).to_owned();
    let own = format!("/admin/people/{id}");
    assert!(list.contains(&format!("href=\"{own}\"")), "{list}");

    let shown = page(&root, &own).await;
    assert!(
        shown.contains(&format!("/admin/mappings/{}\"", row["id"])),
        "{shown}"
    );
    assert!(shown.contains("/admin/people?group=viewers"));
    let session = read(&root, &format!("{PEOPLE}/{id}")).await["sessions"][0]["id"].clone();
    assert!(shown.contains(&format!("/admin/sessions/{}\"", session.as_str().unwrap())));
    let issuer = bridge.provider.issuer().to_owned();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("issuer", &issuer)
        .append_pair("subject", "s-vic")
        .finish();
    let form = format!("/admin/blocks/new?{}", query.replace('&', "&#38;"));
    assert!(shown.contains(&form), "{form}: {shown}");

    let fields = [("issuer", issuer.as_str()), ("subject", "s-vic")];
    let done = root.submit(&own, "/admin/sessions/end", &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    assert!(!vic.is_signed_in().await);
    let shown = page(&root, &own).await;
    assert!(shown.contains("The person is not signed in."));

    // The form knows a person who is not signed in, and asks for no confirmation.
    let form = format!("/admin/blocks/new?{query}");
    let filled = page(&root, &form).await;
    assert!(filled.contains("0 sessions will end."), "{filled}");
    let fields = [fields[0], fields[1], ("hours", ""), ("reason", HOSTILE)];
    let done = root.submit(&form, "/admin/blocks", &fields).await;
    assert_eq!(done.status, 303, "{}", done.body);
    page(&root, &path_of(&done.location())).await;
    let shown = page(&root, &own).await;
    assert!(shown.contains("If they were not blocked:") && shown.contains(ESCAPED));
    assert!(shown.contains("/admin/blocks/lift?"));
}

#[tokio::test]
async fn an_answer_to_who_can_has_an_address_and_links_the_rows() {
    let bridge = TestBridge::start().await;
    let row = bridge.map_lobby().await;
    let root = bridge.admin().await;
    bridge
        .provider
        .person("vic")
        .groups(["viewers"])
        .claim("name", HOSTILE);
    bridge.signed_in("vic").await;

    let form = page(&root, "/admin/who-can").await;
    assert!(!form.contains("people can") && !form.contains("id=\"answer\""));
    let asked = "/admin/who-can?role=red5-subscriber&room=lobby&transport=";
    let answer = page(&root, asked).await;
    assert!(
        answer.contains("1 person can watch in <code>lobby</code>"),
        "{answer}"
    );
    assert!(answer.contains(ESCAPED));
    assert!(answer.contains(&format!("/admin/mappings/{}\"", row["id"])));
    let none = page(
        &root,
        "/admin/who-can?role=red5-publisher&room=lobby&seen=true",
    )
    .await;
    assert!(none.contains("0 people can publish") && none.contains("seen lately no mapping"));
    let never = page(
        &root,
        "/admin/who-can?role=red5-publisher&room=lobby&transport=WHEP",
    )
    .await;
    assert!(never.contains("WHEP cannot publish"), "{never}");

    let hostile = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("role", "red5-subscriber")
        .append_pair("room", HOSTILE)
        .finish();
    let wrong = root.peek(&format!("/admin/who-can?{hostile}")).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.body.contains(ESCAPED) && !wrong.body.contains("<img src=x"));
    assert!(wrong.body.contains("Nothing was looked for"));
}

#[tokio::test]
async fn a_list_without_people_says_why() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let none = page(&root, "/admin/people?q=zoe").await;
    assert!(none.contains("No person fits"), "{none}");
    let behind = page(&root, "/admin/people?offset=50").await;
    assert!(behind.contains("There are no rows here"));
    let gone = format!("/admin/people/p_{}", "0".repeat(32));
    assert_eq!(root.peek(&gone).await.status, 404);
}
