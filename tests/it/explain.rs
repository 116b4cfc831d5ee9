//! Why a person may or may not do something: `/api/admin/explain`, `/admin/explain`, and
//! `red5-bridge explain`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use red5_bridge::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::bridge::{Answer, Browser, RED5_SECRET, TestBridge, environment};
use crate::problem::{problem, wrong_fields};

const EXPLAIN: &str = "/api/admin/explain";

async fn explained(root: &Browser, question: Value) -> Value {
    let answer = root.api("POST", EXPLAIN, &question).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn asked(root: &Browser, question: Value) -> Answer {
    root.api("POST", EXPLAIN, &question).await
}

/// The public id of the session of a person.
async fn session_of(root: &Browser, subject: &str) -> String {
    let listed = root.peek("/api/admin/sessions").await.json();
    let items = listed["items"].as_array().unwrap();
    let found = items
        .iter()
        .find(|item| item["subject"] == subject)
        .unwrap();
    found["id"].as_str().unwrap().to_owned()
}

/// Viewers watch in the green room, the crew publishes on the stage.
async fn theatre(bridge: &TestBridge) {
    let watch = &["red5-subscriber"][..];
    bridge
        .map("viewers", watch, &["WHEP"], &["green-room"])
        .await;
    bridge
        .map("crew", &["red5-publisher"], &["WHIP"], &["stage"])
        .await;
}

#[tokio::test]
async fn an_identity_gets_its_rows_its_entitlement_and_the_decision() {
    let bridge = TestBridge::start().await;
    theatre(&bridge).await;
    let root = bridge.admin().await;

    let told = explained(
        &root,
        json!({
            "identity": {"groups": ["crew"], "username": "vic"},
            "request": {"roles": ["red5-publisher"], "rooms": ["stage"], "ttl_seconds": 60},
        }),
    )
    .await;

    let grant = json!({"roles": ["red5-publisher"], "transports": ["WHIP"], "rooms": ["stage"]});
    assert_eq!(told["identity"]["username"], "vic");
    assert_eq!(told["identity"]["subject"], Value::Null);
    assert_eq!(told["identity"]["groups"], json!(["crew"]));
    assert_eq!(told["groups_from"], "given");
    assert_eq!(told["entitlement"], json!([grant]));
    assert_eq!(told["rows"].as_array().unwrap().len(), 1);
    assert_eq!(told["rows"][0]["verdict"], "applies");
    assert_eq!(
        told["rows"][0]["because"],
        "group \"crew\" is matched exactly"
    );
    assert_eq!(told["rows"][0]["grants"], json!([grant]));
    assert_eq!(
        told["decision"],
        json!({
            "outcome": "issued", "scope": "red5-publisher room:stage transport:WHIP",
            "roles": ["red5-publisher"], "transports": ["WHIP"], "rooms": ["stage"],
            "expires_in": 60, "ttl_limited_by": null, "left_out": [],
        })
    );
    assert_eq!(told["red5"], json!(["may publish over WHIP in stage"]));
}

#[tokio::test]
async fn a_refusal_says_the_same_to_the_administrator_the_app_and_the_person() {
    let bridge = TestBridge::start().await;
    theatre(&bridge).await;
    bridge.provider.person("vic").groups(["viewers", "crew"]);
    let mut vic = bridge.signed_in("vic").await;
    let root = bridge.admin().await;
    let wish = json!({"roles": ["red5-publisher"], "rooms": ["green-room"]});

    let session = session_of(&root, "vic").await;
    let told = explained(&root, json!({"session": session, "request": wish})).await;
    let decision = &told["decision"];
    assert_eq!(decision["outcome"], "refused");
    assert_eq!(decision["code"], "scope_not_granted");
    assert_eq!(decision["refused"], json!(["green-room", "red5-publisher"]));
    assert_eq!(
        decision["because"],
        "In green-room the person may only watch (WHEP). The person may publish in stage."
    );
    assert_eq!(decision["nearest"].as_array().unwrap().len(), 2);
    assert_eq!(told["red5"], json!([]));

    let refused = vic.token(wish).await;
    let body = problem(&refused, 403, "scope_not_granted", &["refused"]);
    let said = "In green-room you may only watch (WHEP). You may publish in stage.";
    assert_eq!(body["detail"], said);
    assert_eq!(body["refused"], json!(["green-room", "red5-publisher"]));

    let fields = [("room", "green-room"), ("roles", "red5-publisher")];
    let page = vic.submit("/", "/portal/token", &fields).await;
    assert!(page.body.contains(said), "{}", page.body);
}

#[tokio::test]
async fn each_row_that_has_to_do_with_the_person_has_its_verdict() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let at = |seconds: i64| {
        let at = chrono::DateTime::from_timestamp(bridge.now() + seconds, 0).unwrap();
        json!(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    };
    let rows = [
        ("applies", json!({"rooms": ["a"]})),
        ("disabled", json!({"rooms": ["b"], "enabled": false})),
        ("over", json!({"rooms": ["c"], "valid_until": at(-10)})),
        ("not_yet", json!({"rooms": ["d"], "valid_from": at(600)})),
        (
            "ends_too_soon",
            json!({"rooms": ["e"], "valid_until": at(30)}),
        ),
        ("no_room_left", json!({"rooms": ["{username}"]})),
        ("near_miss", json!({"rooms": ["f"], "group": "/Crew"})),
    ];
    for (_, row) in &rows {
        let mut mapping = json!({
            "group": "crew", "match": "exact", "roles": ["red5-publisher"], "transports": ["WHIP"],
        });
        for (name, value) in row.as_object().unwrap() {
            mapping[name] = value.clone();
        }
        bridge.add(&mapping).await;
    }
    bridge
        .map("others", &["red5-publisher"], &["WHIP"], &["a"])
        .await;

    let told = explained(&root, json!({"identity": {"groups": ["crew"]}})).await;
    let verdicts: Vec<&str> = told["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["verdict"].as_str().unwrap())
        .collect();
    assert_eq!(verdicts, rows.map(|(verdict, _)| verdict));
    assert_eq!(
        told["rows"][5]["rooms_left_out"],
        json!([{"room": "{username}", "because": "{username} is empty for this person"}])
    );

    // The clock moves with `at`.
    let later = json!({"identity": {"groups": ["crew"]}, "at": at(700)});
    let told = explained(&root, later).await;
    assert_eq!(told["at"], at(700));
    assert_eq!(told["rows"][3]["verdict"], "applies");
    assert_eq!(told["rows"][4]["verdict"], "over");
}

#[tokio::test]
async fn a_session_claims_and_a_token_name_the_person_as_well() {
    let bridge = TestBridge::start_with(&[("OIDC_GROUPS_CLAIM", "realm_access.roles")]).await;
    bridge
        .provider
        .person("root")
        .claim("realm_access", json!({"roles": ["streaming-admins"]}));
    theatre(&bridge).await;
    let root = bridge.signed_in("root").await;
    bridge
        .provider
        .person("vic")
        .claim("realm_access", json!({"roles": ["viewers"]}))
        .claim("preferred_username", "vic");
    let vic = bridge.signed_in("vic").await;

    let session = session_of(&root, "vic").await;
    let of_session = explained(&root, json!({"session": session})).await;
    assert_eq!(of_session["identity"]["groups"], json!(["viewers"]));
    assert_eq!(of_session["identity"]["subject"], "vic");
    assert_eq!(of_session["groups_from"], "id_token");
    assert_eq!(of_session["decision"]["outcome"], "issued");

    let claims = json!({"sub": "s", "realm_access": {"roles": ["crew"]}, "groups": ["viewers"]});
    let of_claims = explained(&root, json!({"claims": claims})).await;
    assert_eq!(of_claims["identity"]["groups"], json!(["crew"]));
    assert_eq!(of_claims["groups_from"], "given");

    let token = vic.token(json!({})).await.json()["access_token"].clone();
    bridge.clock.advance(TimeDelta::seconds(400));
    let of_token = explained(&root, json!({"token": token})).await;
    assert_eq!(of_token["identity"]["subject"], "vic");
    assert_eq!(of_token["identity"]["groups"], json!(["viewers"]));

    let ended = root
        .api(
            "DELETE",
            &format!("/api/admin/sessions/{session}"),
            &json!({}),
        )
        .await;
    assert_eq!(ended.status, 204);
    let gone = json!({"session": session});
    problem(&asked(&root, gone).await, 404, "not_found", &[]);
    // The person of a token is known after the session, with the groups seen last.
    let of_token = explained(&root, json!({"token": token})).await;
    assert_eq!(of_token["identity"]["groups"], json!(["viewers"]));
}

#[tokio::test]
async fn a_question_that_cannot_be_answered_is_refused_by_field() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    for (question, fields) in [
        (json!({}), vec!["identity"]),
        (json!({"request": {}}), vec!["identity"]),
        (
            json!({"identity": {}, "claims": {}}),
            vec!["identity", "claims"],
        ),
        (json!({"identity": []}), vec!["identity"]),
        (
            json!({"identity": {"groups": "crew"}}),
            vec!["identity.groups"],
        ),
        (
            json!({"identity": {"groups": ["crew", "", "\u{0}"]}}),
            vec!["identity.groups[1]", "identity.groups[2]"],
        ),
        (json!({"identity": {"name": "x"}}), vec!["identity.name"]),
        (json!({"session": null}), vec!["session"]),
        (json!({"claims": "x"}), vec!["claims"]),
        (json!({"identity": {}, "more": 1}), vec!["more"]),
        (
            json!({"identity": {}, "request": {"rooms": ["a b"], "x": 1}}),
            vec!["request.rooms[0]", "request.x"],
        ),
        (json!({"identity": {}, "request": null}), vec!["request"]),
        (json!({"identity": {}, "at": "yesterday"}), vec!["at"]),
        (json!({"token": "a.b.c"}), vec!["token"]),
    ] {
        let answer = asked(&root, question.clone()).await;
        assert_eq!(wrong_fields(&answer), fields, "{question}");
    }
    for gone in [
        json!({"session": "none"}),
        json!({"session": "0f8fad5b-d9cb-469f-a165-70867728950e"}),
        json!({"person": "p_none"}),
    ] {
        problem(&asked(&root, gone).await, 404, "not_found", &[]);
    }
}

#[tokio::test]
async fn a_blocked_person_and_one_without_a_grant_are_told_apart() {
    let bridge = TestBridge::start().await;
    theatre(&bridge).await;
    let root = bridge.admin().await;
    let code = async |identity: Value| {
        let told = explained(&root, json!({"identity": identity})).await;
        assert!(told["decision"]["because"].as_str().unwrap().ends_with('.'));
        told["decision"]["code"].clone()
    };
    assert_eq!(code(json!({"groups": []})).await, "no_grant");
    let block = json!({
        "issuer": bridge.provider.issuer(), "subject": "vic", "reason": "Left the company.",
    });
    assert_eq!(
        root.api("POST", "/api/admin/blocks", &block).await.status,
        201
    );
    assert_eq!(
        code(json!({"groups": ["crew"], "subject": "vic"})).await,
        "blocked"
    );
}

/// One of several, or none.
fn some<'a>(random: &mut StdRng, all: &[&'a str]) -> Option<Vec<&'a str>> {
    let count = random.gen_range(0..=all.len().min(2));
    let chosen: Vec<&str> = all.choose_multiple(random, count).copied().collect();
    (!chosen.is_empty()).then_some(chosen)
}

#[tokio::test]
async fn what_is_explained_is_what_an_exchange_answers() {
    const ROOMS: [&str; 5] = ["a", "b", "x-1", "vic", "nowhere"];
    let bridge = TestBridge::start().await;
    let mut random = StdRng::seed_from_u64(7);
    let transports = ["RTMP", "WHIP", "WHEP"];
    for row in 0..12 {
        let groups = ["g0", "g1", "g2", "g*"];
        let group = groups[row % 4];
        let kind = if group.contains('*') { "glob" } else { "exact" };
        let rooms = [
            format!("r{row}"),
            ["a", "b", "x-*", "{username}", "c"][row % 5].to_owned(),
        ];
        let transports = match row % 5 {
            0 => vec!["*"],
            one if one % 2 == 1 => vec!["RTMP", "WHIP"],
            _ => vec!["RTMP", "WHEP"],
        };
        let roles = if row % 2 == 1 {
            ["red5-publisher"]
        } else {
            ["red5-subscriber"]
        };
        let roles = if row % 5 == 0 {
            vec!["red5-publisher", "red5-subscriber"]
        } else {
            roles.to_vec()
        };
        let transports = if roles == ["red5-publisher"] && transports.contains(&"WHEP") {
            vec!["WHIP"]
        } else if roles == ["red5-subscriber"] && transports.contains(&"WHIP") {
            vec!["WHEP"]
        } else {
            transports
        };
        let ttl = if row % 3 == 0 { json!(90) } else { Value::Null };
        bridge
            .add(&json!({
                "group": group, "match": kind, "roles": roles, "transports": transports,
                "rooms": rooms, "max_ttl_seconds": ttl,
            }))
            .await;
    }
    bridge
        .provider
        .person("vic")
        .groups(["g0", "g1"])
        .claim("preferred_username", "vic");
    let vic = bridge.signed_in("vic").await;
    let root = bridge.admin().await;
    let session = session_of(&root, "vic").await;
    let (mut issued, mut refused) = (0, 0);
    for _ in 0..120 {
        let mut wish = json!({});
        let roles = some(&mut random, &["red5-publisher", "red5-subscriber"]);
        for (name, list) in [
            ("roles", roles),
            ("transports", some(&mut random, &transports)),
            ("rooms", some(&mut random, &ROOMS)),
        ] {
            if let Some(list) = list {
                wish[name] = json!(list);
            }
        }
        if random.gen_bool(0.3) {
            wish["ttl_seconds"] = json!(random.gen_range(60..200));
        }
        let told = explained(&root, json!({"session": session, "request": wish})).await;
        let decision = &told["decision"];
        let answer = vic.token(wish.clone()).await;
        let token = answer.json();
        if answer.status == 200 {
            issued += 1;
            assert_eq!(decision["outcome"], "issued", "{wish}");
            assert_eq!(told["mapping_version"], token["mapping_version"]);
            for member in [
                "scope",
                "roles",
                "transports",
                "rooms",
                "expires_in",
                "ttl_limited_by",
                "left_out",
            ] {
                assert_eq!(decision[member], token[member], "{wish} {member}");
            }
        } else {
            refused += 1;
            assert_eq!(decision["outcome"], "refused", "{wish}");
            assert_eq!(decision["code"], token["code"], "{wish}");
            let names = token.get("refused").cloned().unwrap_or_else(|| json!([]));
            assert_eq!(decision["refused"], names, "{wish}");
        }
    }
    assert!(issued > 10 && refused > 10, "{issued} {refused}");
}

#[tokio::test]
async fn explaining_changes_nothing_and_is_not_counted_as_an_exchange() {
    let bridge = TestBridge::start_with(&[("BRIDGE_OPS_LISTEN", "127.0.0.1:0")]).await;
    theatre(&bridge).await;
    let root = bridge.admin().await;
    let before = (
        bridge.count("audit_log").await,
        bridge.count("sessions").await,
    );
    explained(&root, json!({"identity": {"groups": ["crew"]}})).await;
    explained(&root, json!({"identity": {"groups": []}})).await;
    assert_eq!(
        before,
        (
            bridge.count("audit_log").await,
            bridge.count("sessions").await
        )
    );
    let metrics = Browser::new(bridge.ops_address.as_ref().unwrap())
        .peek("/metrics")
        .await;
    let counted = metrics
        .body
        .lines()
        .filter(|line| line.contains("exchange") && !line.starts_with('#'));
    for line in counted {
        assert!(line.ends_with(" 0") || line.ends_with(" 0.0"), "{line}");
    }
}

#[tokio::test]
async fn ad_1_only_an_administrator_of_our_own_pages_is_answered() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("vic").groups(["viewers"]);
    let vic = bridge.signed_in("vic").await;
    let question = json!({"identity": {}});
    problem(&asked(&vic, question.clone()).await, 403, "not_admin", &[]);
    let stranger = asked(&bridge.browser(), question.clone()).await;
    assert_eq!(stranger.status, 401);
    let root = bridge.admin().await;
    let headers = [
        ("content-type", "application/json"),
        ("origin", "https://evil.example"),
    ];
    let foreign = root
        .send("POST", EXPLAIN, &headers, &question.to_string())
        .await;
    problem(&foreign, 403, "forbidden_origin", &[]);
}

#[tokio::test]
async fn the_page_answers_the_question_of_its_address() {
    let bridge = TestBridge::start().await;
    theatre(&bridge).await;
    let root = bridge.admin().await;

    let blank = root.peek("/admin/explain").await;
    assert_eq!(blank.status, 200);
    assert!(!blank.body.contains("The answer"));

    let asked =
        "/admin/explain?groups=crew%0D%0ACREW&role=red5-publisher&room=stage&transport=WHIP";
    let page = root.peek(asked).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for text in [
        "A token is issued",
        "may publish over WHIP in stage",
        "Group &#34;crew&#34; is matched exactly",
        "<option value=\"WHIP\" selected>",
    ] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }

    let refused = root
        .peek("/admin/explain?groups=viewers&role=red5-publisher&room=green-room")
        .await;
    assert_eq!(refused.status, 200);
    assert!(
        refused
            .body
            .contains("In green-room the person may only watch (WHEP).")
    );

    let wrong = root.peek("/admin/explain?groups=crew&room=a+b").await;
    assert_eq!(wrong.status, 400);
    assert!(
        wrong.body.contains("<a href=\"#room\">Room</a>"),
        "{}",
        wrong.body
    );
    let gone = root.peek("/admin/explain?session=none").await;
    assert_eq!(gone.status, 404);
    assert!(gone.body.contains("There is no such session"));

    let listed = root.peek("/admin/sessions").await;
    let id = session_of(&root, "root").await;
    assert!(
        listed
            .body
            .contains(&format!("/admin/explain?session={id}"))
    );
    let own = root.peek(&format!("/admin/explain?session={id}")).await;
    assert_eq!(own.status, 200);
    assert!(own.body.contains("No token is issued"));
}

/// How the command ends, and what it prints.
fn run(bridge: &TestBridge, words: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_red5-bridge"))
        .arg("explain")
        .args(words)
        .env_clear()
        .envs(environment(&bridge.database_url, bridge.provider.issuer()))
        .env("RED5_JWT_SECRET", RED5_SECRET)
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[tokio::test]
async fn the_command_answers_in_words_or_as_json() {
    let bridge = TestBridge::start().await;
    theatre(&bridge).await;
    let question = r#"{"identity":{"groups":["crew"]},"request":{"rooms":["stage"]}}"#;

    let (code, text, complaint) = run(&bridge, &[], question);
    assert_eq!(code, 0, "{complaint}");
    for line in [
        "groups      \"crew\"",
        "mapping     2: applies: group \"crew\" is matched exactly",
        "holds       publish over WHIP in stage",
        "issued      a token for 300 seconds",
        "Red5        may publish over WHIP in stage",
    ] {
        assert!(text.lines().any(|said| said == line), "{line} in {text}");
    }

    let (code, text, _) = run(&bridge, &["--json", "-"], question);
    assert_eq!(code, 0);
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["decision"]["outcome"], "issued");

    let (code, _, complaint) = run(&bridge, &[], r#"{"identity":{},"more":1}"#);
    assert_eq!(code, 2);
    assert!(complaint.contains("more: is unknown here"), "{complaint}");
    let (code, _, complaint) = run(&bridge, &[], r#"{"session":"none"}"#);
    assert_eq!(code, 1);
    assert!(complaint.contains("no such session"), "{complaint}");
}

#[tokio::test]
async fn a_moment_in_the_past_takes_the_table_as_it_stood() {
    let bridge = TestBridge::start().await;
    theatre(&bridge).await;
    let root = bridge.admin().await;
    let then = SystemClock.now();
    let rows = root.peek("/api/admin/mappings").await.json();
    bridge.clock.advance(TimeDelta::seconds(5));
    for row in rows["items"].as_array().unwrap() {
        let one = format!("/api/admin/mappings/{}", row["id"]);
        let gone = root
            .api_with("DELETE", &one, &[("if-match", "\"1\"")], &json!({}))
            .await;
        assert_eq!(gone.status, 204);
    }
    let crew = json!({"groups": ["crew"]});
    let now = explained(&root, json!({"identity": crew})).await;
    assert_eq!(now["decision"]["code"], "no_grant");
    let told = explained(&root, json!({"identity": crew, "at": then})).await;
    assert_eq!(told["decision"]["outcome"], "issued", "{told}");
    assert_eq!(told["mapping_version"], rows["mapping_version"]);
}

#[tokio::test]
async fn a_person_is_explained_after_they_signed_out_as_well() {
    let bridge = TestBridge::start().await;
    theatre(&bridge).await;
    bridge.provider.person("cora").groups(["crew"]);
    bridge.signed_in("cora").await;
    let root = bridge.admin().await;
    let people = root.peek("/api/admin/people?q=cora").await.json();
    let person = people["items"][0]["id"].clone();
    for _ in 0..2 {
        let told = explained(&root, json!({ "person": person })).await;
        assert_eq!(told["identity"]["subject"], "cora");
        assert_eq!(
            told["decision"]["roles"],
            json!(["red5-publisher"]),
            "{told}"
        );
        sqlx::query("DELETE FROM sessions WHERE subject = 'cora'")
            .execute(&bridge.db)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn the_page_explains_a_person_from_their_own_page_and_says_at_the_field_who_is_unknown() {
    let bridge = TestBridge::start().await;
    theatre(&bridge).await;
    bridge.provider.person("cora").groups(["crew"]);
    bridge.signed_in("cora").await;
    let root = bridge.admin().await;
    let people = root.peek("/api/admin/people?q=cora").await.json();
    let person = people["items"][0]["id"].as_str().unwrap();
    let address = format!("/admin/explain?person={person}");
    let own = root.peek(&format!("/admin/people/{person}")).await;
    assert!(own.body.contains(&address), "{}", own.body);

    let asked = format!("{address}&role=red5-publisher&room=stage&at=2126-12-01+10:00");
    let page = root.peek(&asked).await;
    assert_eq!(page.status, 200, "{}", page.body);
    for text in [
        "Group &#34;crew&#34; is matched exactly",
        "2126-12-01 10:00 UTC",
        person,
    ] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }
    for unknown in ["p_00000000000000000000000000000000", "cora", "%22%3E%3Cb"] {
        let page = root.peek(&format!("/admin/explain?person={unknown}")).await;
        assert_eq!(page.status, 404, "{unknown}");
        assert!(page.body.contains("<a href=\"#person\">Person</a>"));
        assert!(page.body.contains("id=\"person-error\""), "{}", page.body);
    }
}
