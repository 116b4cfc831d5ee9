//! The table of people.

use red5_bridge::domain::change_set::TableChange;
use red5_bridge::domain::groups::GroupMatch;
use red5_bridge::domain::identity::Actor;
use red5_bridge::domain::tables::MappingTables;
use red5_bridge::store::mappings::{ChangeContext, unjudged};
use red5_bridge::store::people::{Considered, PeopleCount, PeopleReader};
use red5_bridge::store::refresh_lease::{Lease, NewIdentity, RefreshResult};

use super::*;

/// Those who are seen at 100 s, of a month.
fn considered() -> Considered {
    Considered {
        now: at(100),
        idle_since: at(100) - IDLE,
        seen_since: at(100) - TimeDelta::days(30),
    }
}

fn in_groups(number: u32, groups: &[&str]) -> StoredSession {
    let groups = groups.iter().map(|&group| group.to_owned());
    StoredSession {
        identity: Identity {
            groups: Groups::Listed(groups.collect()),
            ..session(number).identity
        },
        ..session(number)
    }
}

async fn xmin(database: &Database) -> i64 {
    database
        .number("SELECT xmin::text::bigint FROM people")
        .await
}

#[tokio::test]
async fn a_refresh_that_changed_nothing_does_not_write_the_person_and_one_that_did_does() {
    let database = Database::new().await;
    let store = database.store();
    let live = SessionCache::new(store.clone(), IDLE);
    let tokens = SealedTokens {
        refresh_token: Some(b"sealed".to_vec()),
        ..no_tokens()
    };
    let signed_in = live
        .start(session(1), &tokens, &no_origin(), SessionFor::NEW_BROWSER)
        .await;
    signed_in.unwrap();
    let refresh = async |version, identity: Identity| {
        let length = Duration::from_mins(1);
        let lease = store.take_lease(&hash(1), version, &[1; 16], length).await;
        assert!(matches!(lease.unwrap(), Lease::Taken(_)));
        let result = RefreshResult::Identity(NewIdentity {
            identity,
            read_at: at(50),
            tokens: no_tokens(),
        });
        assert!(
            store
                .give_lease_back(&hash(1), &[1; 16], &result)
                .await
                .unwrap()
        );
    };
    let written = xmin(&database).await;
    refresh(1, session(1).identity).await;
    assert_eq!(xmin(&database).await, written);
    refresh(2, in_groups(1, &["other"]).identity).await;
    assert_ne!(xmin(&database).await, written);
    let seen = "SELECT extract(epoch FROM last_seen_at)::bigint FROM people";
    assert_eq!(database.number(seen).await, at(50).timestamp());
}

#[tokio::test]
async fn a_sign_in_that_is_refused_makes_no_person_known() {
    let database = Database::new().await;
    database
        .by_hand(
            "INSERT INTO blocked (issuer, subject, reason, created_at, created_by)
             VALUES ('https://login.example', 's-1', 'x', now(), 'dba')",
        )
        .await
        .unwrap();
    let live = SessionCache::new(database.store(), IDLE);
    let refused = live
        .start(
            session(1),
            &no_tokens(),
            &no_origin(),
            SessionFor::NEW_BROWSER,
        )
        .await;
    assert!(refused.is_err());
    assert_eq!(database.number("SELECT count(*) FROM people").await, 0);
}

#[tokio::test]
async fn the_sweep_removes_people_without_a_session_who_were_last_seen_before() {
    let database = Database::new().await;
    let store = database.store();
    let live = SessionCache::new(store.clone(), IDLE);
    for number in [1, 2] {
        start(&live, session(number)).await;
    }
    assert!(end(&live, 2).await);
    assert_eq!(store.sweep_people(at(-1)).await.unwrap(), 0);
    assert_eq!(store.sweep_people(at(0)).await.unwrap(), 1);
    assert_eq!(
        database
            .number("SELECT count(*) FROM people WHERE subject = 's-1'")
            .await,
        1
    );
    // With the session's row goes the reason to keep the person.
    store
        .sweep(at(13 * 3600), IDLE, TimeDelta::zero())
        .await
        .unwrap();
    assert_eq!(database.number("SELECT count(*) FROM people").await, 0);
}

#[tokio::test]
async fn those_whom_a_mapping_is_for_are_found_and_all_are_counted() {
    let database = Database::new().await;
    let store = database.store();
    let live = SessionCache::new(store.clone(), IDLE);
    for (number, groups) in [
        (1, &["crew"][..]),
        (2, &["show-7"]),
        (3, &["crew", "x"]),
        (4, &[]),
    ] {
        start(&live, in_groups(number, groups)).await;
    }
    assert!(end(&live, 3).await);
    let found = async |groups: &[GroupMatch]| {
        let people = store.people_in(considered(), groups).await.unwrap();
        let subjects = people.into_iter().map(|person| person.identity.subject);
        subjects.collect::<Vec<_>>()
    };
    let group = |kind: &str, group: &str| {
        let mut sent = sent(group, "lobby");
        sent.insert("match".to_owned(), json!(kind));
        MappingDraft::parse(sent).unwrap().group().clone()
    };
    let (crew, shows) = (group("exact", "crew"), group("glob", "show-*"));
    assert_eq!(found(&[]).await, [""; 0]);
    assert_eq!(found(std::slice::from_ref(&crew)).await, ["s-1", "s-3"]);
    assert_eq!(found(std::slice::from_ref(&shows)).await, ["s-2"]);
    assert_eq!(found(&[crew, shows]).await, ["s-1", "s-2", "s-3"]);
    assert_eq!(
        found(&[group("everyone", "")]).await,
        ["s-1", "s-2", "s-3", "s-4"]
    );
    let concerned = async |considered, named: &[&GroupMatch]| {
        let actor = Actor::cli("test");
        let attempt = ChangeContext {
            dry_run: true,
            ..ChangeContext::new(&actor, at(0))
        };
        let read = async |_: &MappingTables, _: &[TableChange], mut people: PeopleReader<'_>| {
            let named_groups = named.iter().copied();
            people.concerned(considered, named_groups, named).await
        };
        let changed = store.change(attempt, |_| vec![], read, unjudged).await;
        changed.unwrap().1
    };
    let all = concerned(considered(), &[]).await;
    assert_eq!(
        all.count,
        PeopleCount {
            considered: 4,
            signed_in: 3
        }
    );
    let only_now = Considered {
        seen_since: at(100),
        ..considered()
    };
    let now = concerned(only_now, &[]).await;
    assert_eq!(
        now.count,
        PeopleCount {
            considered: 3,
            signed_in: 3
        }
    );
    // Groups of other people are read for a group alone that none of them is in.
    let (crew, clerks) = (group("exact", "crew"), group("exact", "clerks"));
    let seen = concerned(considered(), &[&crew]).await.groups;
    assert_eq!(Vec::from_iter(seen), ["crew", "x"]);
    let seen = concerned(considered(), &[&crew, &clerks]).await.groups;
    assert_eq!(Vec::from_iter(seen), ["crew", "show-7", "x"]);
}

#[tokio::test]
async fn people_who_are_signed_in_when_the_table_is_made_are_in_it() {
    let database = Database::new().await;
    let live = SessionCache::new(database.store(), IDLE);
    let older = in_groups(1, &["older"]);
    let newer = StoredSession {
        hash: hash(9),
        created_at: at(10),
        ..in_groups(1, &["newer"])
    };
    for session in [older, newer, session(2)] {
        start(&live, session).await;
    }
    database
        .by_hand("DROP TABLE people; DELETE FROM _sqlx_migrations WHERE version = 20")
        .await
        .unwrap();
    Store::new(&database.url).unwrap().migrate().await.unwrap();
    let people = "SELECT count(*) FROM people WHERE groups = '{newer}' OR subject = 's-2'";
    assert_eq!(database.number(people).await, 2);
    assert_eq!(database.number("SELECT count(*) FROM people").await, 2);
}
