//! The way back: to the same place of the list, and to no other.

use serde_json::json;

use super::{GOOD, LIST, NEW, form, place_of, rows};
use crate::bridge::{Browser, ORIGIN, TestBridge};

/// A mapping of the usual form, and its page.
async fn added(admin: &mut Browser) -> String {
    assert_eq!(admin.submit(NEW, LIST, GOOD).await.status, 303);
    format!("{LIST}/{}", rows(admin).await[0]["id"])
}

#[tokio::test]
async fn saving_deleting_and_going_back_return_to_the_same_place_with_the_row_marked() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let one = added(&mut admin).await;
    let id = one.rsplit('/').next().unwrap().to_owned();
    let place = "q=front&role=red5-subscriber&limit=20";
    let listed = admin.peek(&format!("{LIST}?{place}&state=")).await;
    let query = "?list=q%3Dfront%26role%3Dred5-subscriber%26limit%3D20";
    for link in [
        format!("{one}{query}"),
        format!("{one}/delete{query}"),
        format!("{NEW}{query}"),
    ] {
        assert!(listed.body.contains(&format!("href=\"{link}\"")), "{link}");
    }

    let opened = admin.peek(&format!("{one}{query}")).await;
    assert_eq!(opened.field("list"), place.replace('&', "&#38;"));
    let back = format!("{LIST}?{place}&id={id}#mapping-{id}").replace('&', "&#38;");
    assert!(opened.body.contains(&format!("href=\"{back}\">Back")));
    let marked = admin.peek(&format!("{LIST}?{place}&id={id}")).await;
    let row = format!("id=\"mapping-{id}\" class=\"is-told\"");
    assert!(marked.body.contains(&row), "{}", marked.body);

    let mut fields = form("note", Some("front door"));
    fields.extend([("version", "1"), ("list", place)]);
    let mut wrong = fields.clone();
    wrong.push(("valid_from", "tomorrow"));
    let wrong = admin.submit(&one, &one, &wrong).await;
    assert_eq!(
        (wrong.status, wrong.field("list")),
        (400, place.replace('&', "&#38;"))
    );
    let saved = admin.submit(&one, &one, &fields).await;
    let after = |done: &str| format!("{ORIGIN}{LIST}?{place}&done={done}&id={id}");
    assert_eq!(place_of(&saved), after("saved") + "#mapping-" + &id);

    let delete = format!("{one}/delete");
    let asked = admin.peek(&format!("{delete}{query}")).await;
    assert!(asked.body.contains(&format!("href=\"{back}\">Keep it")));
    let fields = [("version", "2"), ("list", place)];
    let deleted = admin.submit(&delete, &delete, &fields).await;
    // The row is gone, so there is nothing to scroll to.
    assert_eq!(place_of(&deleted), after("deleted"));
    let again = admin.submit(NEW, &delete, &fields).await;
    assert_eq!(again.location().as_str(), after("gone"));
}

#[tokio::test]
async fn a_place_that_is_none_leads_to_the_beginning_and_never_elsewhere() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let one = added(&mut admin).await;
    let id = one.rsplit('/').next().unwrap().to_owned();
    let long = format!("q={}", "x".repeat(256));
    for ((sent, kept), version) in [
        ("", ""),
        ("//evil.example", ""),
        ("https://evil.example/?q=x", ""),
        ("\r\nLocation: https://evil.example", ""),
        ("#@evil.example", ""),
        ("q=%ff", ""),
        ("q=a&q=b", ""),
        ("role=admin", ""),
        ("limit=0", ""),
        ("offset=-1", ""),
        ("q=a%00b", ""),
        (&long, ""),
        // What the list does not know is left out, and the rest is written anew.
        ("done=deleted&id=9&q=a", "q=a&"),
        ("q=%22%3E%3Cscript%3E", "q=%22%3E%3Cscript%3E&"),
        ("q=a b#c", "q=a+b%23c&"),
    ]
    .into_iter()
    .zip(1..)
    {
        let version_text = i32::to_string(&version);
        let off = [
            ("version", &*version_text),
            ("enabled", if version % 2 == 0 { "true" } else { "false" }),
            ("list", sent),
        ];
        let done = if version % 2 == 0 { "on" } else { "off" };
        let switched = admin.submit(LIST, &format!("{one}/switch"), &off).await;
        assert_eq!(switched.status, 303, "{sent}");
        let expected = format!("{ORIGIN}{LIST}?{kept}done={done}&id={id}#mapping-{id}");
        assert_eq!(place_of(&switched), expected, "{sent}");

        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let query = query.append_pair("list", sent).finish();
        let opened = admin.peek(&format!("{one}?{query}")).await;
        assert_eq!(opened.status, 200, "{sent}");
        let kept = kept.trim_end_matches('&');
        assert_eq!(opened.field("list"), kept.replace('&', "&#38;"), "{sent}");
    }
    // Two places are none.
    let twice = admin.peek(&format!("{one}?list=q%3Da&list=q%3Db")).await;
    assert_eq!((twice.status, twice.field("list")), (200, String::new()));
}

#[tokio::test]
async fn a_page_of_the_list_is_asked_for_by_its_number() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let changes: Vec<_> = (0..45)
        .map(|n| {
            json!({"op": "create", "mapping": {"group": format!("g{n:02}"), "match": "exact",
            "roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": ["lobby"]}})
        })
        .collect();
    let made = json!({"changes": changes});
    let made = admin
        .api("POST", "/api/admin/mappings/changes", &made)
        .await;
    assert_eq!(made.status, 200, "{}", made.body);

    let third = admin.peek(&format!("{LIST}?q=g&limit=10&page=3")).await;
    assert!(third.body.contains("21 to 30 of 45 that fit"));
    let jump = third.body.split("class=\"jump\"").nth(1).unwrap();
    let jump = jump.split("</form>").next().unwrap();
    for field in [
        "name=\"q\" value=\"g\"",
        "name=\"limit\" value=\"10\"",
        "name=\"page\" value=\"3\"",
    ] {
        assert!(jump.contains(field), "{field} of {jump}");
    }
    assert!(!jump.contains("name=\"offset\""));
    // An empty field is the beginning; an offset beside a page does not count.
    for (query, shown) in [
        ("limit=10&page=", "1 to 10 of 45"),
        ("limit=10&page=%202%20", "11 to 20 of 45"),
        ("limit=10&page=5&offset=3", "41 to 45 of 45"),
        ("page=1", "1 to 45 of 45"),
    ] {
        let page = admin.peek(&format!("{LIST}?{query}")).await;
        assert!(page.body.contains(shown), "{query}: {}", page.body);
    }
    let behind = admin.peek(&format!("{LIST}?limit=10&page=6")).await;
    let last = format!("<a href=\"{LIST}?limit=10&#38;offset=40\">Go to the last page</a>");
    assert!(
        behind.status == 200 && behind.body.contains(&last),
        "{}",
        behind.body
    );
    for wrong in [
        "0",
        "-1",
        "x",
        "1.5",
        "1e3",
        "99999999999999999999",
        "4294968",
        "1&page=2",
    ] {
        let answer = admin.peek(&format!("{LIST}?page={wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    // Programs ask by offset alone.
    let api = admin.peek("/api/admin/mappings?page=2").await;
    assert_eq!(api.status, 400);
}

#[tokio::test]
async fn a_copy_is_a_new_mapping_that_has_to_differ() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let one = added(&mut admin).await;
    let id = one.rsplit('/').next().unwrap().to_owned();
    let copy = admin.peek(&format!("{NEW}?from={id}&list=q%3Dfront")).await;
    assert_eq!(
        (copy.status, copy.field("group").as_str()),
        (200, "viewers")
    );
    assert_eq!(copy.field("list"), "q=front");
    assert!(copy.body.contains("\nhall\nlobby</textarea>"));
    assert!(
        copy.body
            .contains(&format!("These are the fields of mapping {id}."))
    );
    assert!(copy.body.contains(&format!("action=\"{LIST}\"")));
    assert!(!copy.body.contains("name=\"version\""));
    // As it is, it is there already.
    assert_eq!(admin.submit(NEW, LIST, GOOD).await.status, 409);
    let other = admin
        .submit(NEW, LIST, &form("group", Some("guests")))
        .await;
    assert_eq!(other.status, 303);

    let missing = admin.peek(&format!("{NEW}?from=999&list=q%3Dfront")).await;
    let list = format!("{ORIGIN}{LIST}?q=front&done=gone&id=999");
    assert_eq!(
        (missing.status, missing.location().as_str()),
        (303, list.as_str())
    );
    for wrong in ["x", "", "-1", "1&from=2"] {
        let answer = admin.peek(&format!("{NEW}?from={wrong}")).await;
        assert!(
            [400, 404].contains(&answer.status),
            "{wrong}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn the_form_offers_the_groups_that_were_seen() {
    let bridge = TestBridge::start().await;
    let hostile = "\"><img src=x onerror=alert(1)>";
    bridge.provider.person("vic").groups(["viewers", hostile]);
    bridge.signed_in("vic").await;
    let mut admin = bridge.admin().await;
    let wrong = admin.submit(NEW, LIST, &form("group", None)).await;
    let one = added(&mut admin).await;
    for page in [admin.peek(NEW).await, admin.peek(&one).await, wrong] {
        let offered = page
            .body
            .split("<datalist id=\"groups-seen\">")
            .nth(1)
            .unwrap();
        let offered = offered.split("</datalist>").next().unwrap();
        assert!(offered.contains("<option value=\"viewers\"></option>"));
        assert_eq!(offered.matches("<option").count(), 3, "{offered}");
        assert!(!offered.contains("<img") && offered.contains("&#60;img src=x"));
    }
}

#[tokio::test]
async fn the_list_and_the_form_say_who_changed_a_mapping_last() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("root").claim("name", "Root <b>");
    let mut admin = bridge.admin().await;
    let one = added(&mut admin).await;
    for page in [admin.peek(LIST).await, admin.peek(&one).await] {
        assert!(page.body.contains("ast changed"), "{}", page.body);
        assert!(page.body.contains("<time datetime=\"20"), "{}", page.body);
        assert!(!page.body.contains("Root <b>"));
    }
}
