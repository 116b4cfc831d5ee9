//! The mappings as a file, and a file as the mappings, in a browser.

use serde_json::{Value, json};

use crate::bridge::{Answer, Browser, ORIGIN, TestBridge};
use crate::mapping_files::export_of;

const PAGE: &str = "/admin/files";
const APPLY: &str = "/admin/files/apply";
const MB: usize = 1024 * 1024;

fn watch(group: &str, room: &str) -> Value {
    json!({"group": group, "match": "exact", "roles": ["red5-subscriber"], "transports": ["WHEP"], "rooms": [room]})
}

/// A form as a browser sends one with a file.
fn multipart(fields: &[(&str, &str)]) -> String {
    let parts = fields.iter().map(|(name, value)| {
        let file = match *name {
            "file" => "; filename=\"a.json\"\r\nContent-Type: application/json",
            _ => "",
        };
        format!("--x-y\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
    });
    parts.collect::<String>() + "--x-y--\r\n"
}

async fn send(admin: &Browser, path: &str, body: &str) -> Answer {
    let headers = [
        ("content-type", "multipart/form-data; boundary=x-y"),
        ("origin", ORIGIN),
    ];
    admin.send("POST", path, &headers, body).await
}

async fn upload(admin: &Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = admin.peek(PAGE).await.field("form_token");
    let mut all = vec![("form_token", token.as_str())];
    all.extend(fields);
    send(admin, path, &multipart(&all)).await
}

fn shows(answer: &Answer, status: u16, said: &[&str]) {
    assert_eq!(answer.status, status, "{}", answer.body);
    for said in said {
        assert!(answer.body.contains(said), "{said}: {}", answer.body);
    }
}

async fn groups(admin: &Browser) -> Vec<String> {
    let rows = admin.peek("/api/admin/mappings").await.json();
    let rows = rows["items"].as_array().unwrap().iter();
    rows.map(|row| row["group"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn ad_11_what_is_downloaded_is_what_the_command_line_exports_and_no_cell_is_a_formula() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    bridge.add(&watch("=1+1", "lobby")).await;
    bridge.add(&watch("crew", "a")).await;
    let page = admin.peek(PAGE).await;
    for (name, kind, words) in [
        ("mappings.json", "application/json", &["export"][..]),
        ("mappings.csv", "text/csv", &["export", "--csv"]),
    ] {
        let path = format!("{PAGE}/{name}");
        shows(&page, 200, &[&path]);
        let file = admin.peek(&path).await;
        assert_eq!(file.status, 200);
        assert!(file.header("content-type").starts_with(kind));
        let attachment = format!("attachment; filename=\"{name}\"");
        assert_eq!(file.header("content-disposition"), attachment);
        assert_eq!(file.body, export_of(&bridge.database_url, words));
    }
    // AD-11: no cell is a formula.
    let csv = admin.peek(&format!("{PAGE}/mappings.csv")).await;
    assert!(csv.body.contains("\r\n'=1+1,"), "{}", csv.body);
}

#[tokio::test]
async fn ad_9_a_file_is_shown_as_a_plan_and_applied_as_one_change_set_that_can_be_undone() {
    let bridge = TestBridge::start().await;
    let mut admin = bridge.admin().await;
    bridge.add(&watch("gone", "lobby")).await;
    bridge.add(&watch("kept", "lobby")).await;
    let file = json!({"mappings": [watch("kept", "hall"), watch("ne\u{202e}w", "a")]});
    let file = serde_json::to_string_pretty(&file).unwrap();
    for field in ["file", "text"] {
        let other = if field == "file" { "text" } else { "file" };
        let plan = upload(&admin, PAGE, &[(field, &file), (other, "")]).await;
        let said = [
            "1 to add, 1 to change, 1 to remove.",
            "Nothing was changed yet.",
            "Remove: </span><bdi class=\"name\">group &#34;gone&#34;",
            "<h3>It grants</h3>",
            "U+202E",
        ];
        shows(&plan, 200, &said);
    }
    // The text field needs no upload.
    let pasted = admin.submit(PAGE, PAGE, &[("text", &file)]).await;
    shows(&pasted, 200, &["1 to add, 1 to change, 1 to remove."]);
    assert_eq!(groups(&admin).await, ["gone", "kept"]);
    assert_eq!(bridge.count("audit_log").await, 2);

    let version = pasted.field("plan_version");
    let fields = [("content", &*file), ("plan_version", &version)];
    let applied = upload(&admin, APPLY, &fields).await;
    assert_eq!(applied.status, 303, "{}", applied.body);
    assert_eq!(groups(&admin).await, ["kept", "ne\u{202e}w"]);
    let audit = admin.peek("/api/admin/audit?limit=3").await.json();
    let items = audit["items"].as_array().unwrap();
    let set = &items[0]["change_set"];
    assert!(items.iter().all(|item| item["change_set"] == *set));
    let there = applied.location();
    assert_eq!(there.query(), Some(&*format!("done={set}")));
    let undo = format!("/admin/mappings/restore?change_set={set}");
    shows(
        &admin.peek(&format!("/admin/history?done={set}")).await,
        200,
        &[&undo],
    );
    // The same file again changes nothing.
    shows(
        &upload(&admin, PAGE, &[("file", &file)]).await,
        200,
        &["Nothing changes"],
    );
}

#[tokio::test]
async fn ad_4_a_mapping_test_that_came_after_the_plan_is_not_removed_unseen() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let file = json!({"mappings": [watch("crew", "hall")], "tests": []}).to_string();
    let plan = upload(&admin, PAGE, &[("file", &file)]).await;
    let version = plan.field("plan_version");
    let test = json!({"name": "The crew stays out", "given": {"groups": ["crew"]},
                      "cannot": [{"role": "red5-subscriber", "room": "hall"}]});
    let added = admin.api("POST", "/api/admin/tests", &test).await;
    assert_eq!(added.status, 201, "{}", added.body);
    let fields = [("content", &*file), ("plan_version", &version)];
    let stale = upload(&admin, APPLY, &fields).await;
    shows(
        &stale,
        412,
        &["The crew stays out", "1 to add, 0 to change, 1 to remove."],
    );
    assert_eq!(groups(&admin).await, [""; 0]);
    assert_eq!(bridge.count("mapping_tests").await, 1);
}

#[tokio::test]
async fn ad_4_a_plan_that_is_stale_is_refused_and_shown_again() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let file = json!({"mappings": [watch("crew", "hall")]}).to_string();
    let plan = upload(&admin, PAGE, &[("file", &file)]).await;
    let version = plan.field("plan_version");
    bridge.add(&watch("meanwhile", "lobby")).await;
    let fields = [("content", &*file), ("plan_version", &version)];
    let stale = upload(&admin, APPLY, &fields).await;
    shows(
        &stale,
        412,
        &[
            "The mappings were changed meanwhile",
            "1 to add, 0 to change, 1 to remove.",
            "meanwhile",
        ],
    );
    assert_eq!(groups(&admin).await, ["meanwhile"]);
    let version = stale.field("plan_version");
    let fields = [("content", &*file), ("plan_version", &version)];
    assert_eq!(upload(&admin, APPLY, &fields).await.status, 303);
    assert_eq!(groups(&admin).await, ["crew"]);
    for version in ["", "x", "1", "1,0"] {
        let fields = [("content", &*file), ("plan_version", version)];
        assert_eq!(
            upload(&admin, APPLY, &fields).await.status,
            400,
            "{version}"
        );
    }
}

#[tokio::test]
async fn a_test_that_would_fail_refuses_a_file_and_says_why() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let test = json!({"name": "No vault", "given": {"groups": ["viewers"]},
                      "cannot": [{"role": "red5-subscriber", "room": "vault"}]});
    assert_eq!(
        admin.api("POST", "/api/admin/tests", &test).await.status,
        201
    );
    let file = json!({"mappings": [watch("viewers", "vault")]}).to_string();
    let plan = upload(&admin, PAGE, &[("file", &file)]).await;
    shows(&plan, 200, &["Mapping tests that would fail", "No vault"]);
    let version = plan.field("plan_version");
    let fields = [("content", &*file), ("plan_version", &version)];
    let refused = upload(&admin, APPLY, &fields).await;
    shows(
        &refused,
        409,
        &[
            "A mapping test would fail",
            "group viewers can now watch in vault",
        ],
    );
    assert_eq!(bridge.count("mappings").await, 0);
}

#[tokio::test]
async fn ch_6_ad_5_a_wrong_file_changes_nothing_and_each_error_names_its_place() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    bridge.add(&watch("kept", "lobby")).await;
    let mut assigned = watch("crew", "hall");
    assigned["created_by"] = json!("x");
    let twins = json!({"mappings": [watch("a", "b"), watch("a", "b")]}).to_string();
    for (file, said) in [
        ("", "choose a file, or paste its content"),
        ("  \r\n ", "choose a file, or paste its content"),
        ("nonsense", "is not JSON: "),
        ("[]", "must be an object"),
        (
            "{\"mappings\":[],\"mappings\":[]}",
            "a member is there twice",
        ),
        (
            &json!({"mappings": [watch("crew", "a b")]}).to_string(),
            "mappings[0].rooms[0]: ",
        ),
        (
            &json!({"mappings": [assigned]}).to_string(),
            "mappings[0].created_by: ",
        ),
        (
            &json!({"mappings": [watch("a\u{0}b", "c")]}).to_string(),
            "mappings[0].group: ",
        ),
        (&twins, "mappings[1]: says the same as mappings[0]"),
        (
            "group,match,roles\r\ncrew,exact,red5-publisher",
            "CSV is for reading",
        ),
        ("{\"<img src=x>\":1}", "is unknown here"),
        (&"[".repeat(100_000), "is not JSON: "),
    ] {
        for (field, other) in [("file", "text"), ("text", "file")] {
            let wrong = upload(&admin, PAGE, &[(field, file), (other, "")]).await;
            shows(
                &wrong,
                400,
                &["The file cannot be read", said, "Nothing was changed."],
            );
            assert!(!wrong.body.contains("<img src=x"), "{}", wrong.body);
        }
        let fields = [("content", file), ("plan_version", "1")];
        assert_eq!(upload(&admin, APPLY, &fields).await.status, 400);
    }
    let both = upload(&admin, PAGE, &[("file", "{}"), ("text", "{}")]).await;
    shows(&both, 400, &["not both"]);
    let many: Vec<Value> = (0..60).map(|_| watch("a b", "c d")).collect();
    let many = upload(
        &admin,
        PAGE,
        &[("file", &json!({ "mappings": many }).to_string())],
    )
    .await;
    shows(&many, 400, &["and 10 more"]);
    assert_eq!(groups(&admin).await, ["kept"]);
    assert_eq!(bridge.count("audit_log").await, 1);
}

#[tokio::test]
async fn cs_1_cs_3_a_file_needs_our_origin_our_token_and_an_administrator() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    let file = json!({"mappings": [watch("crew", "hall")]}).to_string();
    let token = admin.peek(PAGE).await.field("form_token");
    let good = multipart(&[
        ("form_token", &token),
        ("content", &file),
        ("plan_version", "0"),
    ]);
    let kind = ("content-type", "multipart/form-data; boundary=x-y");
    for path in [PAGE, APPLY] {
        for origin in ["https://evil.example", "null"] {
            let headers = [kind, ("origin", origin)];
            assert_eq!(admin.send("POST", path, &headers, &good).await.status, 403);
        }
        let without = multipart(&[("content", &file), ("plan_version", "0")]);
        assert_eq!(send(&admin, path, &without).await.status, 403);
        let twice = multipart(&[
            ("form_token", &token),
            ("form_token", &token),
            ("content", &file),
        ]);
        assert_eq!(send(&admin, path, &twice).await.status, 403);
        assert_eq!(send(&vic, path, &good).await.status, 403);
        assert_ne!(send(&bridge.browser(), path, &good).await.status, 200);
    }
    for name in ["mappings.json", "mappings.csv"] {
        let path = format!("{PAGE}/{name}");
        assert_eq!(vic.peek(&path).await.status, 403);
        assert_ne!(bridge.browser().peek(&path).await.status, 200);
    }
    // A form of an earlier session: what was pasted is kept.
    let mut again = admin.clone();
    bridge.sign_in(&mut again, "root").await;
    let pasted = multipart(&[("form_token", &token), ("text", &file)]);
    let answer = send(&again, PAGE, &pasted).await;
    shows(&answer, 403, &["You signed in again", "&#34;crew&#34;"]);
    let answer = send(&again, APPLY, &good).await;
    shows(&answer, 403, &["You signed in again", "1 to add"]);
    assert_eq!(bridge.count("mappings").await, 0);
}

#[tokio::test]
async fn av_2_a_form_with_a_file_is_bounded_and_none_that_is_broken_is_read() {
    let bridge = TestBridge::start().await;
    let admin = bridge.admin().await;
    let token = admin.peek(PAGE).await.field("form_token");
    let part = |name: &str, value: &str| {
        format!("--x-y\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let head = part("form_token", &token);
    for (body, status) in [
        (String::new(), 400),
        ("--x-y--\r\n".to_owned(), 403),
        (head.clone(), 400),
        (format!("{head}--x-y\r\n\r\n{{}}\r\n--x-y--\r\n"), 400),
        (
            format!("{head}--x-y\r\nContent-Disposition: form-data\r\n\r\n{{}}\r\n--x-y--\r\n"),
            400,
        ),
        (
            format!("{head}--x-y\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n{{}}"),
            400,
        ),
        (
            format!(
                "{head}--x-y\r\n{}: x\r\n\r\n{{}}\r\n--x-y--\r\n",
                "h".repeat(200_000)
            ),
            400,
        ),
        (head.clone() + &part("text", "{}") + "--x-y--\r\n", 200),
    ] {
        let answer = send(&admin, PAGE, &body).await;
        assert_eq!(answer.status, status, "{body:.200}: {}", answer.body);
    }
    // Exactly 16 MB of a file are read; one byte more is not.
    let file = |bytes: usize| {
        let note = "x".repeat(bytes - "{\"a\":\"\"}".len());
        format!("{{\"a\":\"{note}\"}}")
    };
    for (bytes, status) in [(16 * MB, 400), (16 * MB + 1, 413), (17 * MB, 413)] {
        let body = multipart(&[("form_token", &token), ("file", &file(bytes))]);
        assert_eq!(send(&admin, PAGE, &body).await.status, status, "{bytes}");
    }
    // An upload that is no text.
    let latin = [part("form_token", &token).as_bytes(), b"--x-y\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n{\"\xe9\":1}\r\n--x-y--\r\n"].concat();
    let (name, value) = admin.session().unwrap();
    let length = latin.len();
    let head = format!(
        "POST {PAGE} HTTP/1.1\r\nHost: bridge.example\r\nConnection: close\r\nCookie: {name}={value}\r\n\
         Origin: {ORIGIN}\r\nContent-Type: multipart/form-data; boundary=x-y\r\nContent-Length: {length}\r\n\r\n"
    );
    let said = crate::raw::converse(&bridge, &[head.as_bytes(), &latin].concat()).await;
    assert!(
        said.contains("400 Bad Request") && said.contains("Save the file as UTF-8"),
        "{said}"
    );
    assert_eq!(bridge.count("mappings").await, 0);
}
