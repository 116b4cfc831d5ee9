//! Several mappings at once: asked first, then all or none.

use serde_json::{Value, json};

use super::{LIST, escaped, rows};
use crate::bridge::{Answer, Browser, ORIGIN, TestBridge};

const SELECTED: &str = "/admin/mappings/selected";

/// Makes a mapping for each of these groups, by one change set.
async fn add(admin: &Browser, groups: &[&str]) {
    let changes = groups.iter().map(|group| {
        json!({"op": "create", "mapping": {"group": group, "match": "exact", "rooms": ["lobby"],
            "roles": ["red5-subscriber"], "transports": ["WHEP"]}})
    });
    let set = json!({"changes": changes.collect::<Vec<_>>()});
    let made = admin.api("POST", "/api/admin/mappings/changes", &set).await;
    assert_eq!(made.status, 200, "{}", made.body);
}

/// `7.1` of each row, as the list sends it.
async fn chosen(admin: &Browser) -> Vec<String> {
    let rows = rows(admin).await;
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| format!("{}.{}", row["id"], row["version"]))
        .collect()
}

fn query(change: &str, rows: &[String], list: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("list", list).append_pair("do", change);
    query.extend_pairs(rows.iter().map(|row| ("row", row)));
    format!("{SELECTED}?{}", query.finish())
}

/// Presses the button of the page that asks.
async fn press(admin: &mut Browser, change: &str, rows: &[String], list: &str) -> Answer {
    let mut fields = vec![("do", change), ("list", list)];
    fields.extend(rows.iter().map(|row| ("row", row.as_str())));
    admin.submit(LIST, SELECTED, &fields).await
}

async fn enabled(admin: &Browser) -> Vec<Value> {
    let rows = rows(admin).await;
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["enabled"].clone()).collect()
}

#[tokio::test]
async fn several_mappings_are_switched_off_on_and_deleted_each_time_as_one_change_set() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    add(&admin, &["a", "b", "c"]).await;
    let list = "q=lobby&limit=20";
    let listed = admin.peek(&format!("{LIST}?{list}")).await;
    let all = chosen(&admin).await;
    for row in &all {
        assert!(
            listed
                .body
                .contains(&format!("form=\"selected\" name=\"row\" value=\"{row}\""))
        );
    }

    let two = &all[..2];
    let asked = admin.peek(&query("off", two, list)).await;
    assert_eq!(asked.status, 200);
    for said in [
        "<h1>Switch off 2 mappings?</h1>",
        "<h3>It takes away</h3>",
        "name=\"list\" value=\"q=lobby&#38;limit=20\"",
        ">a</bdi>",
        ">b</bdi>",
    ] {
        assert!(asked.body.contains(said), "{said}: {}", asked.body);
    }
    assert!(!asked.body.contains(">c</bdi>"));
    assert_eq!(
        enabled(&admin).await,
        [true, true, true],
        "asking does nothing"
    );

    let before = bridge.count("audit_log").await;
    let off = press(&mut admin, "off", two, list).await;
    let place = format!("{ORIGIN}{LIST}?{list}&done=off&count=2&undo=");
    let location = off.location().as_str().to_owned();
    let set = location
        .strip_prefix(&place)
        .unwrap_or_else(|| panic!("{location}"));
    assert!(set.parse::<i64>().is_ok(), "{location}");
    assert_eq!(enabled(&admin).await, [false, false, true]);
    assert_eq!(bridge.count("audit_log").await, before + 2);
    let told = admin.peek(location.strip_prefix(ORIGIN).unwrap()).await;
    let undo = format!("<a href=\"{LIST}/restore?change_set={set}\">Undo</a>");
    assert!(told.body.contains("2 mappings are off.") && told.body.contains(&undo));

    // One of the three is on already and stays as it is.
    let all = chosen(&admin).await;
    let asked = admin.peek(&query("on", &all, "")).await;
    assert!(
        asked
            .body
            .contains("On already, and left as it is: mapping 3.")
    );
    let on = press(&mut admin, "on", &all, "").await;
    assert!(
        on.location()
            .query()
            .unwrap()
            .starts_with("done=on&count=2")
    );
    let versions: Vec<_> = chosen(&admin).await;
    assert_eq!(versions, ["1.3", "2.3", "3.1"]);

    // A single one is told by its number.
    let one = press(&mut admin, "delete", &versions[..1], "").await;
    assert!(
        one.location()
            .query()
            .unwrap()
            .starts_with("done=deleted&id=1&undo=")
    );
    let rest = press(&mut admin, "delete", &versions[1..], "").await;
    assert!(
        rest.location()
            .query()
            .unwrap()
            .starts_with("done=deleted&count=2")
    );
    assert_eq!(rows(&admin).await, json!([]));
}

#[tokio::test]
async fn ad_4_a_selection_with_a_row_that_changed_or_went_does_nothing_by_half() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    add(&admin, &["a", "b", "c"]).await;
    let all = chosen(&admin).await;
    let off = [("version", "1"), ("enabled", "false")];
    admin.submit(LIST, &format!("{LIST}/1/switch"), &off).await;
    let gone = [("version", "1")];
    admin.submit(LIST, &format!("{LIST}/3/delete"), &gone).await;

    let asked = admin.peek(&query("delete", &all, "")).await;
    assert_eq!(asked.status, 200);
    for said in [
        "Not as the list showed it: mapping 1.",
        "Not there any more: mapping 3.",
        "name=\"row\" value=\"1.2\"",
        "name=\"row\" value=\"2.1\"",
    ] {
        assert!(asked.body.contains(said), "{said}: {}", asked.body);
    }
    let before = bridge.count("audit_log").await;
    let refused = press(&mut admin, "delete", &all, "").await;
    assert_eq!(refused.status, 412);
    assert!(refused.body.contains("<h2>Changed meanwhile</h2>"));
    assert!(refused.body.contains("name=\"row\" value=\"1.2\""));
    assert_eq!(rows(&admin).await.as_array().unwrap().len(), 2);
    assert_eq!(bridge.count("audit_log").await, before);
    // What it shows now may be done.
    let now = chosen(&admin).await;
    assert_eq!(press(&mut admin, "delete", &now, "").await.status, 303);
    assert_eq!(rows(&admin).await, json!([]));
}

#[tokio::test]
async fn a_selection_after_which_a_mapping_test_fails_is_refused_as_a_whole() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    add(&admin, &["a", "b"]).await;
    let test = json!({"name": "Crew <b> watches", "given": {"groups": ["b"]},
        "can": [{"role": "red5-subscriber", "room": "lobby"}]});
    let made = admin.api("POST", "/api/admin/tests", &test).await;
    assert_eq!(made.status, 201, "{}", made.body);

    let all = chosen(&admin).await;
    let before = bridge.count("audit_log").await;
    for change in ["off", "delete"] {
        let asked = admin.peek(&query(change, &all, "")).await;
        let failing = "Mapping tests that would fail";
        assert!(
            asked.status == 200 && asked.body.contains(failing),
            "{}",
            asked.body
        );
        let refused = press(&mut admin, change, &all, "").await;
        assert_eq!(refused.status, 409);
        for said in [
            failing,
            "Nothing was done, to none of them.",
            &escaped("Crew <b> watches"),
        ] {
            assert!(refused.body.contains(said), "{said}: {}", refused.body);
        }
    }
    assert_eq!(enabled(&admin).await, [true, true]);
    assert_eq!(bridge.count("audit_log").await, before);
    assert_eq!(press(&mut admin, "off", &all[..1], "").await.status, 303);
}

#[tokio::test]
async fn ad_5_a_selection_that_is_none_is_told_and_does_nothing() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    add(&admin, &["a", "b"]).await;
    for (change, rows, said) in [
        ("off", vec![], "No mapping is selected."),
        ("delete", vec!["99.1"], "Not there any more: mapping 99."),
        ("on", vec!["1.1", "2.1"], "mappings 1 and 2."),
    ] {
        let rows: Vec<String> = rows.into_iter().map(str::to_owned).collect();
        let asked = admin.peek(&query(change, &rows, "q=a")).await;
        assert!(
            asked.status == 400 && asked.body.contains(said),
            "{}",
            asked.body
        );
        assert!(
            asked
                .body
                .contains(&format!("href=\"{LIST}?q=a\">Back to the list"))
        );
        assert!(!asked.body.contains("name=\"do\""), "there is no button");
        let pressed = press(&mut admin, change, &rows, "q=a").await;
        assert!([400, 412].contains(&pressed.status), "{}", pressed.status);
    }
    let many = vec!["row=1.1"; 501].join("&");
    let numbered: Vec<_> = (1..=501).map(|id| format!("row={id}.1")).collect();
    for wrong in [
        "row=1.1",
        "do=&row=1.1",
        "do=OFF&row=1.1",
        "do=off&do=on&row=1.1",
        "do=off&row=1",
        "do=off&row=1.",
        "do=off&row=.1",
        "do=off&row=1.1.1",
        "do=off&row=-1.1",
        "do=off&row=%2B1.1",
        "do=off&row=1.x",
        "do=off&row=1.1%00",
        "do=off&row=99999999999999999999.1",
        "do=off&row=1.1&row=1.1",
        "do=off&row=1.1&row=1.2",
        "do=off&row=1.1&row=%3Cscript%3E",
        &format!("do=off&{many}"),
        &format!("do=off&{}", numbered.join("&")),
    ] {
        let asked = admin.peek(&format!("{SELECTED}?{wrong}")).await;
        assert_eq!(asked.status, 400, "{wrong}");
        assert!(!asked.body.contains("<script>"));
        let fields: Vec<_> = url::form_urlencoded::parse(wrong.as_bytes())
            .into_owned()
            .collect();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        let pressed = admin.submit(LIST, SELECTED, &fields).await;
        assert_eq!(pressed.status, 400, "{wrong}");
    }
    assert_eq!(enabled(&admin).await, [true, true]);
    assert_eq!(bridge.count("audit_log").await, 2);
    // Whatever else the address says of what was done, it is told by fixed words.
    for query in [
        "done=off&count=1",
        "done=off&count=501",
        "done=saved&count=3",
        "done=off&count=x&undo=x",
    ] {
        let list = admin.peek(&format!("{LIST}?{query}")).await;
        assert!(
            list.status == 200 && !list.body.contains("role=\"status\">3 m"),
            "{query}"
        );
        assert!(
            !list.body.contains(" mappings are off") && !list.body.contains("Undo"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn ad_1_a_selection_is_for_administrators() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    add(&admin, &["a"]).await;
    bridge.provider.person("vic").groups(["viewers"]);
    let mut vic = bridge.signed_in("vic").await;
    let rows = ["1.1".to_owned()];
    assert_eq!(vic.peek(&query("off", &rows, "")).await.status, 403);
    let fields = [("do", "delete"), ("row", "1.1")];
    assert_eq!(vic.submit("/", SELECTED, &fields).await.status, 403);
    assert_eq!(enabled(&admin).await, [true]);
}
