//! A form whose session changed meanwhile, in another tab: nothing is done for
//! it (CS-3), it says what happened, and what was typed is still there.

use crate::bridge::{Answer, ORIGIN, TestBridge};

const TYPED: [(&str, &str); 6] = [
    ("match", "exact"),
    ("group", "viewers \"at\" <home>"),
    ("roles", "red5-subscriber"),
    ("transports_are", "any"),
    ("rooms_are", "listed"),
    ("rooms", "lobby\r\nstudio-1"),
];

/// The form again, with what was typed and a token that is good now.
fn assert_shown_again(answer: &Answer) {
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("You signed in again since"));
    assert!(
        answer
            .body
            .contains("value=\"viewers &#34;at&#34; &#60;home&#62;\"")
    );
    assert!(answer.body.contains(">\nlobby\r\nstudio-1</textarea>"));
}

#[tokio::test]
async fn cs_3_a_mapping_typed_before_another_sign_in_is_not_saved_and_not_lost() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let mut fields = vec![("form_token", "")];
    fields.extend(TYPED);
    let earlier = admin.peek("/admin/mappings/new").await.field("form_token");
    bridge.sign_in(&mut admin, "root").await;

    fields[0].1 = &earlier;
    let answer = admin.post_form("/admin/mappings", &fields, ORIGIN).await;
    assert_shown_again(&answer);
    assert_eq!(bridge.count("mappings").await, 0);

    let fresh = answer.field("form_token");
    fields[0].1 = &fresh;
    let answer = admin.post_form("/admin/mappings", &fields, ORIGIN).await;
    assert_eq!(answer.status, 303, "{}", answer.body);

    // The same of a row that is edited: it keeps its version.
    let path = "/admin/mappings/1";
    fields.push(("version", "1"));
    bridge.sign_in(&mut admin, "root").await;
    let answer = admin.post_form(path, &fields, ORIGIN).await;
    assert_shown_again(&answer);
    assert_eq!(answer.field("version"), "1");
    assert!(answer.body.contains("action=\"/admin/mappings/1\""));
    assert_eq!(bridge.count("audit_log").await, 1);
}

#[tokio::test]
async fn cs_3_a_wish_for_a_token_is_kept_and_no_token_made() {
    let bridge = TestBridge::start().await;
    bridge
        .map(
            "viewers",
            &["red5-subscriber"],
            &["WHEP"],
            &["lobby", "hall"],
        )
        .await;
    bridge.provider.person("vic").groups(["viewers"]);
    let mut vic = bridge.signed_in("vic").await;
    let earlier = vic.peek("/").await.field("form_token");
    bridge.sign_in(&mut vic, "vic").await;

    let fields = [("form_token", earlier.as_str()), ("room", "hall")];
    let answer = vic.post_form("/portal/token", &fields, ORIGIN).await;

    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("You signed in again since"));
    assert!(answer.body.contains("<option value=\"hall\" selected>"));
    assert!(!answer.body.contains("eyJ"));
}

#[tokio::test]
async fn cs_3_what_cannot_be_kept_is_explained() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    let mut admin = bridge.admin().await;
    let earlier = admin.peek("/").await.field("form_token");
    bridge.sign_in(&mut admin, "root").await;
    let fields = [
        ("form_token", earlier.as_str()),
        ("version", "1"),
        ("enabled", "false"),
        ("do", "delete"),
        ("row", "1.1"),
    ];
    for path in [
        "/admin/mappings/selected",
        "/admin/mappings/1/switch",
        "/admin/mappings/1/delete",
        "/auth/logout",
    ] {
        let answer = admin.post_form(path, &fields, ORIGIN).await;
        assert_eq!(answer.status, 403, "{path}");
        assert!(answer.body.contains("You signed in again since"), "{path}");
    }
    assert_eq!(bridge.count("mappings").await, 1);
    assert_eq!(admin.peek("/api/session").await.status, 200);
}

#[tokio::test]
async fn a_form_after_the_end_of_the_session_is_told_how_to_send_it_again() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let earlier = admin.peek("/").await.field("form_token");
    admin.submit("/", "/auth/logout", &[]).await;
    let mut fields = vec![("form_token", earlier.as_str())];
    fields.extend(TYPED);

    let answer = admin.post_form("/admin/mappings", &fields, ORIGIN).await;
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("What you sent is not lost"));

    // As the page says: signed in elsewhere, and sent once more.
    bridge.sign_in(&mut admin, "root").await;
    let answer = admin.post_form("/admin/mappings", &fields, ORIGIN).await;
    assert_shown_again(&answer);
    let page = admin.peek("/admin/nowhere").await;
    assert!(!page.body.contains("What you sent is not lost"));
}
