//! Who is blocked cannot go on, come in or come back.

use chrono::TimeDelta;

use super::*;
use crate::bridge::path_of;
use crate::callback::come_back;
use crate::eventually::eventually;
use crate::problem::problem;

/// Signs in and says how that ended.
async fn tries_to_sign_in(bridge: &TestBridge, name: &str) -> Answer {
    let mut browser = bridge.browser();
    let back = come_back(&bridge.provider, &mut browser, name).await;
    let answer = browser.get(&path_of(&back)).await;
    assert_eq!(browser.session().is_some(), answer.status == 303);
    answer
}

/// What a person types at the database.
async fn by_hand(bridge: &TestBridge, subject: &str, until: &str) {
    sqlx::query(
        "INSERT INTO blocked (issuer, subject, until, reason, created_at, created_by)
         VALUES ($1, $2, $3::timestamptz, 'by hand', now(), 'dba')",
    )
    .bind(bridge.provider.issuer())
    .bind(subject)
    .bind(Some(until).filter(|until| !until.is_empty()))
    .execute(&bridge.db)
    .await
    .unwrap();
}

#[tokio::test]
async fn se_5_a_block_ends_all_sessions_of_that_user_and_no_other() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    let (root, bob) = (bridge.admin().await, viewer(&bridge, "bob").await);
    let (desk, phone) = (viewer(&bridge, "ann").await, viewer(&bridge, "ann").await);

    let answer = block(&bridge, &root, "ann").await;

    assert_eq!(answer.status, 201, "{}", answer.body);
    for browser in [desk, phone] {
        problem(
            &browser.token(json!({})).await,
            401,
            "not_signed_in",
            &["login_url"],
        );
    }
    assert_eq!(bob.token(json!({})).await.status, 200);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE subject = 'ann'")
        .fetch_one(&bridge.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

/// Waits until so many connections of the database wait for a lock.
async fn waits_for_a_lock(bridge: &TestBridge, connections: i64) {
    eventually("the lock is waited for", async || {
        let waiting: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(&bridge.db)
        .await
        .unwrap();
        waiting == connections
    })
    .await;
}

/// Whatever waits for the change counter holds its session's row: a block that took the
/// counter first and then wanted that row would wait for a transaction that waits for it.
#[tokio::test]
async fn se_5_a_block_and_a_sign_out_at_the_same_moment_both_succeed() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    let root = bridge.admin().await;
    let mut ann = viewer(&bridge, "ann").await;
    let mut hand = bridge.db.begin().await.unwrap();
    sqlx::query("UPDATE change_counter SET value = value + 1")
        .execute(&mut *hand)
        .await
        .unwrap();
    let (blocked, left, ()) = tokio::join!(
        block(&bridge, &root, "ann"),
        async {
            waits_for_a_lock(&bridge, 1).await;
            ann.submit("/", "/auth/logout", &[]).await.status
        },
        async {
            waits_for_a_lock(&bridge, 2).await;
            hand.commit().await.unwrap();
        }
    );
    assert_eq!(blocked.status, 201, "{}", blocked.body);
    assert!([303, 401].contains(&left), "{left}");
}

#[tokio::test]
async fn se_5_who_is_blocked_cannot_sign_in_again_and_is_told_so() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge.provider.person("ann");
    block(&bridge, &root, "ann").await;

    let answer = tries_to_sign_in(&bridge, "ann").await;

    assert_eq!(answer.status, 403);
    assert!(
        answer.body.contains("Your access is blocked"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("<code>blocked</code>"));
    assert!(answer.body.contains("href=\"/auth/somebody-else\""));
    assert!(
        !answer.body.contains("Left the company."),
        "the reason is for administrators"
    );
    bridge.provider.person("Ann");
    assert_eq!(
        tries_to_sign_in(&bridge, "Ann").await.status,
        303,
        "another user"
    );
}

#[tokio::test]
async fn who_is_not_let_in_stays_who_they_were() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    block(&bridge, &root, "ann").await;
    let mut browser = bridge.signed_in("bob").await;
    let back = come_back(&bridge.provider, &mut browser, "ann").await;
    let answer = browser.get(&path_of(&back)).await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("You are still signed in as before."));
    assert!(browser.is_signed_in().await);
}

#[tokio::test]
async fn se_5_a_block_lasts_until_its_moment_or_until_it_is_lifted() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge.provider.person("ann");
    bridge.provider.person("bob");
    let now = chrono::DateTime::from_timestamp(bridge.now(), 0).unwrap();
    let ten = json!({
        "issuer": bridge.provider.issuer(), "subject": "ann", "reason": "Ten minutes.",
        "until": (now + TimeDelta::minutes(10)).to_rfc3339(),
    });
    assert_eq!(root.api("POST", BLOCKS, &ten).await.status, 201);
    block(&bridge, &root, "bob").await;

    bridge.clock.advance(TimeDelta::seconds(9 * 60 + 55));
    assert_eq!(tries_to_sign_in(&bridge, "ann").await.status, 403);
    bridge.clock.advance(TimeDelta::seconds(10));
    assert_eq!(tries_to_sign_in(&bridge, "ann").await.status, 303);
    assert_eq!(tries_to_sign_in(&bridge, "bob").await.status, 403);

    let lifted = root
        .api("DELETE", &of(BLOCKS, &bridge, "bob"), &json!({}))
        .await;
    assert_eq!(lifted.status, 204, "{}", lifted.body);
    let bob = bridge.signed_in("bob").await;
    assert!(bob.is_signed_in().await);
}

#[tokio::test]
async fn a_block_by_hand_shuts_every_door_to_a_session_that_is_still_there() {
    let bridge = TestBridge::start_with(&[("BRIDGE_MAX_STALENESS_SECONDS", "300")]).await;
    bridge.map_lobby().await;
    let mut ann = viewer(&bridge, "ann").await;
    assert_eq!(ann.token(json!({})).await.status, 200);
    let form_token = ann.peek("/").await.field("form_token");

    by_hand(&bridge, "ann", "").await;
    eventually("she is refused", async || {
        ann.token(json!({})).await.status == 403
    })
    .await;

    problem(&ann.token(json!({})).await, 403, "blocked", &[]);
    problem(&ann.peek("/api/session").await, 403, "blocked", &[]);
    problem(&ann.peek(SESSIONS).await, 403, "blocked", &[]);
    for page in ["/", "/admin/mappings"] {
        let answer = ann.peek(page).await;
        assert_eq!(answer.status, 403, "{page}");
        assert!(answer.body.contains("Your access is blocked"), "{page}");
    }
    let fields = [("form_token", form_token.as_str())];
    let answer = ann
        .post_form("/portal/token", &fields, crate::bridge::ORIGIN)
        .await;
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("Your access is blocked"));
    // Another user of the same browser can still sign in.
    bridge.provider.person("bob").groups(["viewers"]);
    bridge.sign_in(&mut ann, "bob").await;
    assert_eq!(ann.token(json!({})).await.status, 200);
}

#[tokio::test]
async fn when_a_block_by_hand_is_over_or_gone_the_session_goes_on() {
    let bridge = TestBridge::start_with(&[("BRIDGE_MAX_STALENESS_SECONDS", "300")]).await;
    bridge.map_lobby().await;
    let ann = viewer(&bridge, "ann").await;
    let status = async || ann.token(json!({})).await.status;
    by_hand(&bridge, "ann", "").await;
    eventually("she is refused", async || status().await == 403).await;
    for statement in [
        "UPDATE blocked SET until = now() - interval '1 hour'",
        "UPDATE blocked SET until = NULL",
        "DELETE FROM blocked",
    ] {
        let wanted = if statement.contains("NULL") { 403 } else { 200 };
        sqlx::query(statement).execute(&bridge.db).await.unwrap();
        eventually(statement, async || status().await == wanted).await;
    }
    by_hand(&bridge, "ann", "").await;
    eventually("she is refused", async || status().await == 403).await;
    sqlx::query("TRUNCATE blocked")
        .execute(&bridge.db)
        .await
        .unwrap();
    eventually("she is served again", async || status().await == 200).await;
}

#[tokio::test]
async fn se_5_a_block_on_one_instance_counts_on_the_other_within_moments() {
    let bridge = TestBridge::start().await;
    let other = TestBridge::start_on(&bridge.database_url, &[]).await;
    bridge.map_lobby().await;
    let (root, ann) = (bridge.admin().await, viewer(&bridge, "ann").await);
    let mut there = other.browser();
    there.cookies = ann.cookies.clone();
    assert_eq!(there.token(json!({})).await.status, 200);

    block(&bridge, &root, "ann").await;

    assert_eq!(ann.token(json!({})).await.status, 401);
    eventually("the other instance hears of it", async || {
        there.token(json!({})).await.status == 401
    })
    .await;
}

#[tokio::test]
async fn se_5_of_a_block_and_a_sign_in_at_the_same_moment_the_block_wins() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    bridge.provider.person("ann");
    for _ in 0..12 {
        let mut browsers = [bridge.browser(), bridge.browser(), bridge.browser()];
        let mut answers = Vec::new();
        for browser in &mut browsers {
            answers.push(path_of(&come_back(&bridge.provider, browser, "ann").await));
        }
        let [one, two, three] = &mut browsers;
        let (.., blocked) = tokio::join!(
            one.get(&answers[0]),
            two.get(&answers[1]),
            three.get(&answers[2]),
            block(&bridge, &root, "ann"),
        );
        assert!(blocked.status < 300, "{}", blocked.body);
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions WHERE subject = 'ann'")
            .fetch_one(&bridge.db)
            .await
            .unwrap();
        assert_eq!(left, 0, "a session outlived the block");
        for browser in &browsers {
            assert!(!browser.is_signed_in().await);
        }
        root.api("DELETE", &of(BLOCKS, &bridge, "ann"), &json!({}))
            .await;
    }
}

#[tokio::test]
async fn a_sign_in_waits_for_the_block_that_is_being_written() {
    let bridge = TestBridge::start().await;
    bridge.provider.person("ann");
    let mut browser = bridge.browser();
    let back = path_of(&come_back(&bridge.provider, &mut browser, "ann").await);
    // As a block does it: the person's lock first.
    let mut blocking = bridge.db.begin().await.unwrap();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
        .bind(format!("person\u{1}{}\u{1}ann", bridge.provider.issuer()))
        .execute(&mut *blocking)
        .await
        .unwrap();
    let signing_in = tokio::spawn(async move { browser.get(&back).await.status });
    waits_for_a_lock(&bridge, 1).await;
    assert!(!signing_in.is_finished());
    sqlx::query(
        "INSERT INTO blocked (issuer, subject, reason, created_at, created_by)
         VALUES ($1, 'ann', 'by hand', now(), 'dba')",
    )
    .bind(bridge.provider.issuer())
    .execute(&mut *blocking)
    .await
    .unwrap();
    blocking.commit().await.unwrap();
    assert_eq!(signing_in.await.unwrap(), 403);
    assert_eq!(bridge.count("sessions").await, 0);
}

#[tokio::test]
async fn ad_9_a_block_and_its_end_are_in_the_audit_log() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    viewer(&bridge, "ann").await;
    viewer(&bridge, "ann").await;
    assert_eq!(block(&bridge, &root, "ann").await.status, 201);
    assert_eq!(
        block(&bridge, &root, "ann").await.status,
        200,
        "in its place"
    );
    root.api("DELETE", &of(BLOCKS, &bridge, "ann"), &json!({}))
        .await;

    let object = format!("{} ann", bridge.provider.issuer());
    let rows = audit(&bridge).await;
    let actions: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(
        actions,
        ["person.blocked", "person.blocked", "person.unblocked"]
    );
    assert!(rows.iter().all(|row| row.1 == object));
    let (first, second, last) = (&rows[0], &rows[1], &rows[2]);
    assert_eq!(first.2, None);
    let after = first.3.as_ref().unwrap();
    assert_eq!(after["reason"], "Left the company.");
    assert_eq!(after["created_by"], "root");
    assert_eq!(after["sessions_ended"].as_array().unwrap().len(), 2);
    assert_eq!(
        second.2.as_ref().unwrap()["created_at"],
        after["created_at"]
    );
    assert_eq!(last.2.as_ref().unwrap()["subject"], "ann");
    assert_eq!(last.3, None);
}

#[tokio::test]
async fn ad_9_without_its_audit_row_no_session_ends_and_no_block_changes() {
    let bridge = TestBridge::start().await;
    bridge.map_lobby().await;
    let (root, ann) = (bridge.admin().await, viewer(&bridge, "ann").await);
    block(&bridge, &root, "bob").await;
    let sessions = root.peek(SESSIONS).await.json();
    let id = sessions["items"][0]["id"].as_str().unwrap().to_owned();
    sqlx::query("ALTER TABLE audit_log ADD CONSTRAINT broken CHECK (false) NOT VALID")
        .execute(&bridge.db)
        .await
        .unwrap();
    let nothing = json!({});
    problem(&block(&bridge, &root, "ann").await, 500, "internal", &[]);
    for path in [
        format!("{SESSIONS}/{id}"),
        of(SESSIONS, &bridge, "ann"),
        of(BLOCKS, &bridge, "bob"),
    ] {
        problem(
            &root.api("DELETE", &path, &nothing).await,
            500,
            "internal",
            &[],
        );
    }
    assert_eq!(ann.token(json!({})).await.status, 200);
    assert_eq!(bridge.count("blocked").await, 1);
}

#[tokio::test]
async fn an_administrator_cannot_block_themselves() {
    let bridge = TestBridge::start().await;
    let root = bridge.admin().await;
    let answer = block(&bridge, &root, "root").await;
    assert_eq!(crate::problem::wrong_fields(&answer), ["subject"]);
    assert!(root.is_signed_in().await);
    assert_eq!(bridge.count("blocked").await, 0);
}
