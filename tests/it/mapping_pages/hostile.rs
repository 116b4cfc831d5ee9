//! What a hostile name can do in a page: nothing.

use serde_json::json;

use super::{LIST, NEW, escaped, form, rows};
use crate::bridge::TestBridge;

#[tokio::test]
async fn cs_10_a_hostile_name_is_text_wherever_it_is_shown() {
    let bridge = TestBridge::start().await;
    for hostile in [
        "\"><img src=x onerror=alert(1)>",
        "'><svg onload=alert(1)>",
        "</script><script>alert(1)</script>",
        "</textarea><script>alert(1)</script>",
        "{{7*7}}{% raw %}",
        "&lt;script&gt;",
    ] {
        bridge
            .provider
            .person("root")
            .claim("name", hostile)
            .claim("preferred_username", hostile);
        let mut admin = bridge.admin().await;
        let mut fields = form("group", Some(hostile));
        fields.retain(|(name, _)| *name != "note");
        fields.push(("note", hostile));
        assert_eq!(admin.submit(NEW, LIST, &fields).await.status, 303);
        let items = rows(&admin).await;
        let row = items.as_array().unwrap().last().unwrap();
        let one = format!("{LIST}/{}", row["id"]);
        assert_eq!(
            (&row["group"], &row["note"]),
            (&json!(hostile), &json!(hostile))
        );

        let twin = admin.submit(NEW, LIST, &fields).await;
        fields.push(("version", "0"));
        fields.push(("max_ttl_seconds", hostile));
        let stale = admin.submit(&one, &one, &fields).await;
        let mut pages = vec![twin, stale];
        for path in [LIST, &one, &format!("{one}/delete"), "/"] {
            pages.push(admin.peek(path).await);
        }
        for page in pages {
            assert!(page.header("content-type").starts_with("text/html"));
            for raw in [
                "<img src=x",
                "<svg",
                "<script>",
                "</script><",
                "onerror=alert(1)>",
                ">49<",
            ] {
                assert!(!page.body.contains(raw), "{raw} of {hostile}");
            }
            assert!(
                page.body.contains(&escaped(hostile)),
                "{hostile} is not shown"
            );
            assert_eq!(
                page.body.matches("<script").count(),
                page.body.matches("<script src=").count()
            );
            assert!(!page.body.contains(" style=") && !page.body.contains(" onclick="));
        }
    }
}

#[tokio::test]
async fn cs_10_hostile_groups_of_a_person_are_text_too() {
    let bridge = TestBridge::start().await;
    let hostile = "\"><img src=x onerror=alert(1)>";
    bridge
        .provider
        .person("vic")
        .groups([hostile])
        .claim("name", hostile);
    let page = bridge.signed_in("vic").await.peek("/").await;
    assert_eq!(page.status, 403);
    assert!(!page.body.contains("<img src=x") && page.body.contains(&escaped(hostile)));
}
