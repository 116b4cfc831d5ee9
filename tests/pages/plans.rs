//! The pages that show what becomes of many rows: an earlier state, a change set that is undone, and a file.

use serde_json::json;

use super::admin::{effect_of, failing, sent, stored};
use super::mapping_tests::{hostile, plain, test};
use super::{END_TAG, Sample, TAG, TURNED, error, person, sample, strings, unbroken};
use crate::domain::change_set::{Edit, TableChange};
use crate::domain::tables::MappingTables;
use crate::domain::undo::{LeftAlone, RowKey};
use crate::flow::effect::FailingTest;
use crate::flow::mappings::ChangeOutcome;
use crate::web::views::{FilesPage, LeftWords, PlanRefused, PlanWords, RestorePage, TypedRestore};

/// A row of each kind is added, changed and removed, some with hostile names.
fn plan(tests_failing: Vec<FailingTest>) -> PlanWords {
    let note = json!({"note": END_TAG});
    let mut noted = sent("kept", "exact", &["lobby"]);
    noted["note"] = note["note"].clone();
    let before = vec![
        stored(7, sent("producers", "exact", &["studio-1", "studio-2"])),
        stored(8, sent(TAG, "exact", &["a"])),
        stored(9, sent("kept", "exact", &["lobby"])),
    ];
    let mappings = [
        Edit::Create(stored(0, sent(TURNED, "exact", &["b", "c-*"])).draft),
        Edit::Create(stored(0, sent(&unbroken(), "exact", &[&unbroken()[..128]])).draft),
        Edit::Replace {
            id: 7,
            version: 3,
            draft: stored(0, sent("producers", "exact", &["studio-3"])).draft,
        },
        Edit::Replace {
            id: 9,
            version: 3,
            draft: stored(0, noted).draft,
        },
        Edit::Delete { id: 8, version: 3 },
    ];
    let tests = [Edit::Create(hostile()), Edit::Delete { id: 1, version: 3 }];
    let mappings = mappings.into_iter().map(TableChange::Mapping);
    let changes = mappings.chain(tests.into_iter().map(TableChange::Test));
    let after = stored(7, sent("producers", "exact", &["studio-3"]));
    PlanWords::of(ChangeOutcome {
        effect: effect_of(Some(&before[0]), Some(&after), tests_failing),
        written: None,
        change_set: None,
        before: MappingTables {
            mappings: before.into_iter().map(std::sync::Arc::new).collect(),
            tests: vec![test(1, plain())],
        },
        changes: changes.collect(),
    })
}

fn nothing() -> PlanWords {
    PlanWords::of(ChangeOutcome {
        effect: effect_of(None, None, Vec::new()),
        written: None,
        change_set: None,
        before: MappingTables::default(),
        changes: Vec::new(),
    })
}

fn restore(typed: TypedRestore, plan: Option<PlanWords>) -> RestorePage {
    RestorePage {
        frame: person("Ann Lee", true),
        typed,
        errors: Vec::new(),
        unknown: false,
        not_done: None,
        plan,
        left_alone: Vec::new(),
    }
}

fn files(plan: Option<PlanWords>) -> FilesPage {
    FilesPage {
        frame: person("Ann Lee", true),
        text: String::new(),
        errors: Vec::new(),
        not_done: None,
        plan: plan.map(|plan| (plan, format!("{{\"mappings\": []}} {END_TAG}{TAG}"))),
    }
}

pub fn samples() -> Vec<Sample> {
    let mut samples = restores();
    samples.extend([
        sample("files", &files(None)),
        sample("files-plan", &files(Some(plan(Vec::new())))),
        sample("files-nothing", &files(Some(nothing()))),
        sample(
            "files-test-fails",
            &FilesPage {
                not_done: Some(PlanRefused::TestsFailed(failing(TAG, END_TAG))),
                ..files(Some(plan(failing(TAG, END_TAG))))
            },
        ),
        sample(
            "files-stale",
            &FilesPage {
                not_done: Some(PlanRefused::Stale),
                ..files(Some(plan(Vec::new())))
            },
        ),
        sample(
            "files-wrong",
            &FilesPage {
                text: format!("{END_TAG}\n{TAG}"),
                errors: strings(&[
                    "mappings[1].rooms[0]: a room is …",
                    TAG,
                    TURNED,
                    &unbroken(),
                ])
                .into_iter()
                .cycle()
                .take(60)
                .collect(),
                ..files(None)
            },
        ),
    ]);
    samples
}

fn restores() -> Vec<Sample> {
    let at = |at: &str| TypedRestore {
        at: at.to_owned(),
        ..TypedRestore::default()
    };
    let set = || TypedRestore {
        change_set: "12".to_owned(),
        ..TypedRestore::default()
    };
    let row = || TypedRestore {
        mapping: "7".to_owned(),
        audit: "31".to_owned(),
        ..TypedRestore::default()
    };
    let left = [
        (RowKey::Mapping(7), LeftAlone::ChangedSince),
        (RowKey::Mapping(8), LeftAlone::RemovedSince),
        (RowKey::Test(3), LeftAlone::Twin(5)),
        (RowKey::Test(4), LeftAlone::Unreadable),
    ];
    vec![
        sample("restore-ask", &restore(TypedRestore::default(), None)),
        sample(
            "restore-at",
            &restore(at("2026-11-24 10:00"), Some(plan(Vec::new()))),
        ),
        sample(
            "restore-nothing",
            &restore(at("2026-11-24"), Some(nothing())),
        ),
        sample("restore-row", &restore(row(), Some(plan(Vec::new())))),
        sample(
            "restore-undo",
            &RestorePage {
                left_alone: left.map(LeftWords::of).into(),
                ..restore(set(), Some(plan(Vec::new())))
            },
        ),
        sample(
            "restore-test-fails",
            &RestorePage {
                not_done: Some(PlanRefused::TestsFailed(failing("Viewers", TAG))),
                ..restore(set(), Some(plan(failing("Viewers", TAG))))
            },
        ),
        sample(
            "restore-duplicate",
            &RestorePage {
                not_done: Some(PlanRefused::Duplicate),
                ..restore(row(), None)
            },
        ),
        sample(
            "restore-unknown",
            &RestorePage {
                unknown: true,
                ..restore(set(), None)
            },
        ),
        sample(
            "restore-wrong",
            &RestorePage {
                errors: vec![error("at", "ask for one thing")],
                ..restore(
                    TypedRestore {
                        at: TAG.to_owned(),
                        change_set: END_TAG.to_owned(),
                        mapping: TURNED.to_owned(),
                        audit: TAG.to_owned(),
                    },
                    None,
                )
            },
        ),
    ]
}
