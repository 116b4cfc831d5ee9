//! The page that takes changes back: one change set, a time, or one mapping. It shows what would be done,
//! and does it as one change set.

use serde_json::{Value, json};

use crate::bridge::{Answer, Browser, ORIGIN, TestBridge};

const PAGE: &str = "/admin/mappings/restore";
const LIST: &str = "/api/admin/mappings";

fn watch(group: &str, room: &str) -> Value {
    json!({"group": group, "match": "exact", "roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": [room]})
}

async fn change(admin: &Browser, changes: Value) {
    let path = format!("{LIST}/changes");
    let changes = json!({ "changes": changes });
    let answer = admin.api("POST", &path, &changes).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// What each row says: group and rooms.
async fn says(admin: &Browser) -> Vec<(String, String)> {
    let rows = admin.peek(LIST).await.json();
    let rows = rows["items"].as_array().unwrap().iter();
    let rows = rows.map(|row| {
        (
            row["group"].as_str().unwrap().to_owned(),
            row["rooms"].to_string(),
        )
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}

/// The newest change set of the history.
async fn newest_set(admin: &Browser) -> i64 {
    let audit = admin.peek("/api/admin/audit?limit=1").await.json();
    audit["items"][0]["change_set"].as_i64().unwrap()
}

fn shows(answer: &Answer, status: u16, said: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for said in said {
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
}

/// The form of a page that shows a plan, sent as it is.
async fn confirm(admin: &mut Browser, address: &str) -> Answer {
    let page = admin.peek(address).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let (_, query) = address.split_once('?').unwrap();
    let version = page.field("plan_version");
    let mut fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    for (name, value) in &fields {
        assert_eq!(page.field(name), *value);
    }
    fields.push(("plan_version".to_owned(), version));
    let fields: Vec<_> = fields
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    admin.submit("/", PAGE, &fields).await
}

/// Three rows, and a change set that adds one, replaces one and deletes one.
async fn changed(bridge: &TestBridge, admin: &Browser) -> i64 {
    let kept = bridge.add(&watch("kept", "lobby")).await;
    let gone = bridge.add(&watch("gone", "lobby")).await;
    let changes = json!([
        {"op": "create", "mapping": watch("new", "hall")},
        {"op": "replace", "id": kept["id"], "version": 1, "mapping": watch("kept", "vault")},
        {"op": "delete", "id": gone["id"], "version": 1},
    ]);
    change(admin, changes).await;
    newest_set(admin).await
}

#[tokio::test]
async fn ad_9_a_change_set_is_undone_from_the_history_and_so_is_that() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let set = changed(&bridge, &admin).await;
    let before = [("gone", "[\"lobby\"]"), ("kept", "[\"lobby\"]")];
    let after = [("kept", "[\"vault\"]"), ("new", "[\"hall\"]")];
    let owned = |rows: [(&str, &str); 2]| rows.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec();
    assert_eq!(says(&admin).await, owned(after));

    let address = format!("{PAGE}?change_set={set}");
    let history = admin.peek("/admin/history").await;
    shows(&history, 200, &[&address]);
    let audits = bridge.count("audit_log").await;
    let page = admin.peek(&address).await;
    let said = [
        "1 to add, 1 to change, 1 to remove.",
        "Add: </span><bdi class=\"name\">group &#34;gone&#34;: subscribe over WHEP in lobby</bdi>",
        "was group &#34;kept&#34;: subscribe over WHEP in vault",
        "Remove: </span><bdi class=\"name\">group &#34;new&#34;",
        "<h3>It grants</h3>",
        "<h3>It takes away</h3>",
    ];
    shows(&page, 200, &said);
    assert!(!page.body.contains("Left alone"));
    assert_eq!(says(&admin).await, owned(after), "asking changes nothing");
    assert_eq!(bridge.count("audit_log").await, audits);

    let done = confirm(&mut admin, &address).await;
    assert_eq!(done.status, 303, "{}", done.body);
    let undone = newest_set(&admin).await;
    assert!(undone > set);
    assert_eq!(
        done.location().as_str(),
        format!("{ORIGIN}/admin/history?done={undone}")
    );
    assert_eq!(says(&admin).await, owned(before));
    let told = admin.peek(&format!("/admin/history?done={undone}")).await;
    let way_back = format!("{PAGE}?change_set={undone}");
    shows(&told, 200, &[&way_back, &format!("as change set {undone}")]);

    assert_eq!(confirm(&mut admin, &way_back).await.status, 303);
    assert_eq!(says(&admin).await, owned(after));
    // It is as the page wants it: there is no button.
    let again = admin.peek(&way_back).await;
    shows(&again, 200, &["Left alone"]);
}

#[tokio::test]
async fn ad_4_what_was_changed_again_since_is_named_and_left_alone() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let set = changed(&bridge, &admin).await;
    let rows = admin.peek(LIST).await.json();
    let kept = rows["items"][0].clone();
    assert_eq!(kept["group"], "kept");
    let changes = json!([{"op": "replace", "id": kept["id"], "version": kept["version"], "mapping": watch("kept", "stage")}]);
    change(&admin, changes).await;

    let address = format!("{PAGE}?change_set={set}");
    let page = admin.peek(&address).await;
    let left = format!("Mapping {} was changed again since.", kept["id"]);
    shows(
        &page,
        200,
        &["Left alone", &left, "1 to add, 0 to change, 1 to remove."],
    );
    assert_eq!(confirm(&mut admin, &address).await.status, 303);
    let says = says(&admin).await;
    assert_eq!(says[0].0, "gone");
    assert_eq!(says[1], ("kept".to_owned(), "[\"stage\"]".to_owned()));
    assert_eq!(says.len(), 2);
}

#[tokio::test]
async fn ad_4_a_plan_that_is_stale_is_refused_and_shown_as_it_is_now() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let set = changed(&bridge, &admin).await;
    let set = set.to_string();
    let page = admin.peek(&format!("{PAGE}?change_set={set}")).await;
    let version = page.field("plan_version");
    bridge.add(&watch("other", "lobby")).await;
    let before = says(&admin).await;
    let fields = [("change_set", &*set), ("plan_version", &*version)];
    let stale = admin.submit("/", PAGE, &fields).await;
    shows(
        &stale,
        412,
        &[
            "The mappings were changed meanwhile",
            "1 to add, 1 to change",
        ],
    );
    assert_eq!(says(&admin).await, before);
    let version = stale.field("plan_version");
    let fields = [("change_set", &*set), ("plan_version", &*version)];
    assert_eq!(admin.submit("/", PAGE, &fields).await.status, 303);
    // Without the version of a plan nothing is done.
    let fields = [("change_set", &*set)];
    assert_eq!(admin.submit("/", PAGE, &fields).await.status, 400);
}

#[tokio::test]
async fn a_test_that_would_fail_refuses_to_restore_and_says_why() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let row = bridge.add(&watch("viewers", "vault")).await;
    let set = newest_set(&admin).await;
    let changes = json!([{"op": "replace", "id": row["id"], "version": 1, "mapping": watch("viewers", "lobby")}]);
    change(&admin, changes).await;
    let narrowed = newest_set(&admin).await;
    let test = json!({"name": "No vault", "given": {"groups": ["viewers"]},
                      "cannot": [{"role": "red5-subscriber", "room": "vault"}]});
    let changes = json!([{"op": "create_test", "test": test}]);
    change(&admin, changes).await;

    let address = format!("{PAGE}?change_set={narrowed}");
    shows(
        &admin.peek(&address).await,
        200,
        &["Mapping tests that would fail", "No vault"],
    );
    let refused = confirm(&mut admin, &address).await;
    let said = [
        "A mapping test would fail",
        "No vault",
        "group viewers can now watch in vault",
    ];
    shows(&refused, 409, &said);
    assert_eq!(says(&admin).await[0].1, "[\"lobby\"]");
    assert!(set < narrowed);
}

#[tokio::test]
async fn the_table_of_a_time_and_one_mapping_come_back_and_what_is_gone_under_a_new_number() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let row = bridge.add(&watch("crew", "lobby")).await;
    let id = row["id"].to_string();
    let changes = json!([{"op": "delete", "id": row["id"], "version": 1}]);
    change(&admin, changes).await;
    let history = admin.peek(&format!("/admin/history?mapping={id}")).await;
    let links: Vec<&str> = history.body.split("href=\"").skip(1).collect();
    let link = |begin: &str| {
        let found = links.iter().find(|link| link.starts_with(begin)).unwrap();
        found.split('"').next().unwrap().replace("&amp;", "&")
    };

    // The newest change is the removal: before it the row was there.
    let at = link("/admin/mappings/restore?at=");
    shows(
        &admin.peek(&at).await,
        200,
        &["1 to add, 0 to change, 0 to remove."],
    );
    assert_eq!(confirm(&mut admin, &at).await.status, 303);
    let back = admin.peek(LIST).await.json()["items"][0].clone();
    assert_eq!(back["group"], "crew");
    assert_ne!(back["id"].to_string(), id);

    // The mapping as it was: it says the same as the one that came back.
    let one = link(&format!("/admin/mappings/restore?mapping={id}&amp;audit="));
    shows(
        &admin.peek(&one).await,
        409,
        &["two mappings that say the same"],
    );
    let changes = json!([{"op": "delete", "id": back["id"], "version": back["version"]}]);
    change(&admin, changes).await;
    assert_eq!(confirm(&mut admin, &one).await.status, 303);
    assert_eq!(
        says(&admin).await,
        [("crew".to_owned(), "[\"lobby\"]".to_owned())]
    );
}

#[tokio::test]
async fn ad_8_what_is_no_earlier_state_is_said_so() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    let row = bridge.add(&watch("crew", "lobby")).await;
    let set = newest_set(&admin).await;
    let id = row["id"].to_string();
    let blank = admin.peek(PAGE).await;
    shows(
        &blank,
        200,
        &["Restore an earlier state", "<label for=\"at\">"],
    );
    for (query, status, said) in [
        ("at=tomorrow", 400, "<a href=\"#at\">When</a>"),
        ("at=2999-01-01", 400, "must not be in the future"),
        ("at=2026-01-01&change_set=1", 400, "ask for one thing"),
        (&format!("mapping={id}"), 400, "ask for one thing"),
        ("change_set=0", 400, "<code>change_set</code>"),
        ("change_set=-1", 400, "<code>change_set</code>"),
        (
            "change_set=99999999999999999999",
            400,
            "<code>change_set</code>",
        ),
        ("change_set=%00", 400, "<code>change_set</code>"),
        (
            "change_set=%22%3E%3Cimg+src=x%3E",
            400,
            "<code>change_set</code>",
        ),
        (
            &format!("change_set={set}&change_set={set}"),
            400,
            "<code>change_set</code>",
        ),
        ("change_set=999999", 404, "There is no such change"),
        (
            &format!("mapping={id}&audit=999999"),
            404,
            "There is no such change",
        ),
    ] {
        let answer = admin.peek(&format!("{PAGE}?{query}")).await;
        shows(&answer, status, &[said]);
        assert!(!answer.body.contains("<img src=x"), "{query}");
        let fields: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .chain([("plan_version".to_owned(), "1.0".to_owned())])
            .collect();
        let fields: Vec<_> = fields
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        let answer = admin.submit("/", PAGE, &fields).await;
        assert!(
            [status, 412].contains(&answer.status),
            "{query}: {}",
            answer.status
        );
    }
    assert_eq!(bridge.count("mappings").await, 1);
}

#[tokio::test]
async fn ch_6_ad_5_a_former_state_that_the_rules_of_now_refuse_is_not_made_again() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let row = bridge.add(&watch("crew", "lobby")).await;
    let mut bad = row.clone();
    bad["rooms"] = json!(["a b"]);
    sqlx::query(
        "INSERT INTO audit_log (at, actor_issuer, actor_subject, actor_label, action, object, before, after, change_set)
         VALUES (now(), 'sql', 'x', 'x', 'mapping.replaced', $1, $2, $3, 777)",
    )
    .bind(row["id"].to_string())
    .bind(bad)
    .bind(&row)
    .execute(&bridge.db)
    .await
    .unwrap();
    let page = admin.peek(&format!("{PAGE}?change_set=777")).await;
    let said = format!("Mapping {} cannot be made as it was", row["id"]);
    shows(&page, 200, &[&said, "Nothing changes"]);
}
