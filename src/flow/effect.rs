//! What changes of the tables do, for every possible identity and for the people who were seen.

use std::cell::OnceCell;
use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tokio::task::yield_now;

use super::exchange::{Basis, NoToken, TokenRules};
use crate::domain::block::Blocks;
use crate::domain::change_set::TableChange;
use crate::domain::effect::{
    ChangedTable, PersonEffect, RowChange, TableEffect, Warning, WarningCode, between,
};
use crate::domain::entitlement::Entitlement;
use crate::domain::identity::Identity;
use crate::domain::lifetime::SubjectEnd;
use crate::domain::mapping::MappingDraft;
use crate::domain::mapping_test::MappingTest;
use crate::domain::person::PersonId;
use crate::domain::resolve::Mappings;
use crate::domain::tables::MappingTables;
use crate::domain::wish::Wish;
use crate::signer;
use crate::store::StoreError;
use crate::store::mappings::{ChangedTables, TableRow};
use crate::store::people::{Considered, PeopleConcerned, PeopleReader};

/// Most people of one answer.
const PEOPLE_MAX: usize = 200;

/// So many people are judged before other requests of the worker have their turn.
const AT_ONCE: usize = 200;

/// A token of more bytes is too long for some places, such as the URL of a player.
const LONG_TOKEN_BYTES: usize = 1024;

/// What changes do.
#[derive(Debug, Serialize)]
pub struct Effect {
    /// The number of the last change to the mappings.
    pub mapping_version: i64,
    /// For every possible identity.
    #[serde(flatten)]
    pub table: TableEffect,
    /// What to look at before they are saved.
    pub warnings: Vec<Warning>,
    /// The tests that fail afterwards.
    pub tests_failing: Vec<FailingTest>,
    /// For the people who are signed in or were seen lately, now.
    pub people: PeopleEffect,
}

/// What changes do for people.
#[derive(Debug, Default, Serialize)]
pub struct PeopleEffect {
    /// How many people were looked at.
    pub considered: i64,
    /// How many of them are signed in.
    pub signed_in: i64,
    /// How many of them can do something else afterwards.
    pub changed: usize,
    /// At most 200 of these: first those who gain, then by user name and subject.
    pub items: Vec<PersonChange>,
    /// How many there are besides.
    pub more: usize,
}

/// What changes do for one person.
#[derive(Debug, Serialize)]
pub struct PersonChange {
    /// The public id.
    pub person: PersonId,
    /// The user name.
    pub username: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// Whether they are signed in.
    pub signed_in: bool,
    /// What they gain and lose.
    #[serde(flatten)]
    pub effect: PersonEffect,
}

/// A mapping test that fails on the tables as they would be, or are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailingTest {
    /// Its number; none for one that the change set creates.
    pub id: Option<i64>,
    /// Its name.
    pub name: String,
    /// The change that writes it, if one does.
    pub change: Option<usize>,
    /// What is not as the test states, a sentence each.
    pub because: Vec<String>,
}

/// What a person is judged by, beside the tables.
#[derive(Debug, Clone)]
pub struct PeopleRules {
    /// `BRIDGE_SESSION_IDLE_MINUTES`
    pub idle: TimeDelta,
    /// `BRIDGE_SEEN_DAYS`
    pub seen: TimeDelta,
    /// What tokens have in common; none: nothing is said of default tokens.
    pub tokens: Option<TokenRules>,
}

/// Both tables made ready to be asked, each at its first question.
#[derive(Default)]
pub(super) struct CompiledTables {
    before: OnceCell<Mappings>,
    after: OnceCell<Mappings>,
}

impl CompiledTables {
    /// Those of `changed`, before and after.
    fn of(&self, changed: &ChangedTables) -> [&Mappings; 2] {
        let compile = |tables: &MappingTables| Mappings::compile(tables.mappings.iter().cloned());
        [
            self.before.get_or_init(|| compile(&changed.before)),
            self.after.get_or_init(|| compile(&changed.after)),
        ]
    }
}

/// The changes of mappings, and the place of each in the change set.
fn changed_rows<'c>(
    before: &'c MappingTables,
    changes: &'c [TableChange],
) -> (Vec<RowChange<'c>>, Vec<usize>) {
    let rows = changes.iter().enumerate();
    let rows = rows.filter_map(|(place, change)| match change {
        TableChange::Mapping(edit) => {
            let before = edit.target().and_then(|(id, _)| before.mapping(id));
            let after = edit.draft();
            Some((RowChange { before, after }, place))
        }
        TableChange::Test(_) => None,
    });
    rows.unzip()
}

/// The people whom changes touch, read before they are written.
pub(super) async fn people_concerned(
    mut people: PeopleReader<'_>,
    rules: &PeopleRules,
    before: &MappingTables,
    changes: &[TableChange],
    now: DateTime<Utc>,
) -> Result<PeopleConcerned, StoreError> {
    let considered = Considered {
        now,
        idle_since: now - rules.idle,
        seen_since: now - rules.seen,
    };
    let (rows, _) = changed_rows(before, changes);
    let before = rows.iter().filter_map(|row| row.before);
    let before = before.map(|row| row.draft.group());
    let written = rows.iter().filter_map(|row| row.after);
    let written: Vec<_> = written.map(MappingDraft::group).collect();
    let groups = before.chain(written.iter().copied());
    people.concerned(considered, groups, &written).await
}

/// What changes do, or did, for the people whom they touch and for every possible identity.
pub(super) async fn effect(
    rules: &PeopleRules,
    changed: &ChangedTables,
    compiled: &CompiledTables,
    concerned: PeopleConcerned,
    tests_failing: Vec<FailingTest>,
    now: DateTime<Utc>,
) -> Effect {
    let (rows, places) = changed_rows(&changed.before, &changed.changes);
    let table = ChangedTable::new(changed.before.mappings.iter().map(|row| &**row), &rows, now);
    let mut warnings = table.warnings(&concerned.groups);
    // They count the changes of mappings alone.
    let in_set = |place: Option<usize>| place.and_then(|place| places.get(place).copied());
    for warning in &mut warnings {
        warning.change = in_set(warning.change);
        warning.with_change = in_set(warning.with_change);
    }
    let (people, found) = judge_people(concerned, rules, changed, compiled, now).await;
    warnings.extend(found);
    Effect {
        mapping_version: changed.mapping_version,
        table: table.effect(),
        warnings,
        tests_failing,
        people,
    }
}

/// Who can do something else afterwards, and what to look at in their default tokens.
async fn judge_people(
    PeopleConcerned { count, people, .. }: PeopleConcerned,
    rules: &PeopleRules,
    changed: &ChangedTables,
    compiled: &CompiledTables,
    now: DateTime<Utc>,
) -> (PeopleEffect, Vec<Warning>) {
    let mut items = Vec::new();
    let mut longest: Option<(usize, String)> = None;
    let mut without_room: Vec<String> = Vec::new();
    for (at, person) in people.into_iter().enumerate() {
        if at % AT_ONCE == AT_ONCE - 1 {
            yield_now().await;
        }
        let identity = &person.identity;
        let tables = compiled.of(changed);
        let held = tables.map(|mappings| mappings.resolve(identity, now));
        let effect = between(&held[0], &held[1]);
        if effect.is_none() {
            continue;
        }
        let default = |held: &Entitlement| {
            let tokens = rules.tokens.as_ref()?;
            Some(default_token(tokens, identity, held, now))
        };
        let called = || {
            identity
                .username
                .as_ref()
                .unwrap_or(&identity.subject)
                .clone()
        };
        match default(&held[1]) {
            Some(Err(NoToken::RoomRequired { .. })) => {
                if let Some(Ok(_)) = default(&held[0]) {
                    without_room.push(called());
                }
            }
            Some(Ok(bytes))
                if bytes > longest.as_ref().map_or(LONG_TOKEN_BYTES, |(most, _)| *most) =>
            {
                longest = Some((bytes, called()));
            }
            _ => {}
        }
        items.push(PersonChange {
            person: person.id,
            username: person.identity.username,
            name: person.identity.name,
            signed_in: person.signed_in,
            effect,
        });
    }
    // They come by user name and subject; the sort keeps that.
    items.sort_by_key(|item| item.effect.gains.is_empty());
    let changed = items.len();
    items.truncate(PEOPLE_MAX);
    let more = changed - items.len();
    let people = PeopleEffect {
        considered: count.considered,
        signed_in: count.signed_in,
        changed,
        items,
        more,
    };
    let long = longest.map(|(bytes, person)| {
        let text = format!(
            "The default token of {person} would have {bytes} bytes; beyond {LONG_TOKEN_BYTES} it is too \
             long for some players. Name a room when a token is requested, or grant fewer rooms."
        );
        Warning::of_all(WarningCode::LongToken, text)
    });
    let without = without_room.first().map(|person| {
        let text = match without_room.len() {
            1 => format!("{person} would have to name a room to get a token, and did not."),
            many => format!(
                "{many} people would have to name a room to get a token, and did not: {person} is one."
            ),
        };
        Warning::of_all(WarningCode::NoDefaultRoom, text)
    });
    (people, long.into_iter().chain(without).collect())
}

/// The length in bytes of the token of a request that names nothing.
fn default_token(
    tokens: &TokenRules,
    identity: &Identity,
    entitlement: &Entitlement,
    now: DateTime<Utc>,
) -> Result<usize, NoToken> {
    let basis = Basis {
        identity,
        entitlement,
        blocks: &Blocks::default(),
        end: SubjectEnd::Session(DateTime::<Utc>::MAX_UTC),
        client_seconds: None,
        now,
        may_lack_subject: false,
    };
    let decided = tokens.decide(basis, &Wish::default())?;
    Ok(signer::length(&decided.claims)?)
}

/// The tests that fail afterwards, and those of them that did not fail before.
pub(super) fn failing_tests(
    changed: &ChangedTables,
    compiled: &CompiledTables,
    now: DateTime<Utc>,
) -> (Vec<FailingTest>, Vec<FailingTest>) {
    let (mut all, mut new) = (Vec::new(), Vec::new());
    let ChangedTables {
        before,
        after,
        written,
        ..
    } = changed;
    if after.tests.is_empty() {
        return (all, new);
    }
    let [mappings_before, mappings_after] = compiled.of(changed);
    let failed = failures_of(&before.tests, mappings_before, now);
    let failed: HashSet<i64> = failed.map(|(test, _)| test.id.0).collect();
    for (test, because) in failures_of(&after.tests, mappings_after, now) {
        let is_written =
            |row: &Option<TableRow>| matches!(row, Some(TableRow::Test(row)) if row.id == test.id);
        let is_created = before.tests.iter().all(|old| old.id != test.id);
        let failing = FailingTest {
            id: (!is_created).then_some(test.id.0),
            name: test.draft.name().to_owned(),
            change: written.iter().position(is_written),
            because,
        };
        if !failed.contains(&test.id.0) {
            new.push(failing.clone());
        }
        all.push(failing);
    }
    (all, new)
}

/// The tests that fail on these tables, each with what is not as it states.
pub fn failures(tables: &MappingTables, now: DateTime<Utc>) -> Vec<(&MappingTest, Vec<String>)> {
    let mappings = Mappings::compile(tables.mappings.iter().cloned());
    failures_of(&tables.tests, &mappings, now).collect()
}

fn failures_of<'t>(
    tests: &'t [MappingTest],
    mappings: &Mappings,
    now: DateTime<Utc>,
) -> impl Iterator<Item = (&'t MappingTest, Vec<String>)> {
    let judged = tests.iter();
    let judged = judged.map(move |test| (test, test.draft.check(mappings, now)));
    judged.filter(|(_, because)| !because.is_empty())
}
