//! The mapping tests.

use serde_json::{Value, json};

use super::{END_TAG, Sample, TAG, TURNED, person, sample, strings, unbroken};
use crate::domain::mapping_test::{MappingTest, MappingTestDraft, MappingTestId};
use crate::web::form::Form;
use crate::web::views::{TestDelete, TestForm, TestList, TestNotSaved, TestRow, TypedTest};

fn draft(sent: Value) -> MappingTestDraft {
    MappingTestDraft::parse(serde_json::from_value(sent).unwrap()).unwrap()
}

pub(super) fn plain() -> MappingTestDraft {
    draft(json!({
        "name": "Viewers never publish",
        "given": {"groups": ["viewers"]},
        "can": [{"role": "red5-subscriber", "room": "lobby"}],
        "cannot": [{"role": "red5-publisher", "room": "*"}],
        "note": "Asked for by the editors,\nafter the night of the 3rd.",
    }))
}

pub(super) fn hostile() -> MappingTestDraft {
    let room = |n| format!("{}-{n}", &unbroken()[..120]);
    let cannot = (0..30)
        .map(|n| json!({"role": "red5-publisher", "room": room(n), "transport": "WHIP"}))
        .collect::<Vec<_>>();
    draft(json!({
        "name": END_TAG,
        "given": {"groups": [TURNED, TAG, END_TAG, unbroken()], "username": TAG, "subject": "\"><b>"},
        "cannot": cannot,
        "note": TAG,
    }))
}

pub(super) fn test(id: i64, draft: MappingTestDraft) -> MappingTest {
    MappingTest {
        id: MappingTestId(id),
        draft,
        version: 3,
    }
}

fn row(id: i64, draft: MappingTestDraft, because: &[&str]) -> TestRow {
    TestRow::of(&test(id, draft), strings(because))
}

fn list(rows: Vec<TestRow>, done: Option<(&'static str, bool)>) -> TestList {
    TestList {
        frame: person("Ann Lee", true),
        rows,
        done,
    }
}

fn form(typed: TypedTest) -> TestForm {
    TestForm {
        frame: person("Ann Lee", true),
        editing: Some((MappingTestId(7), 3)),
        errors: typed.read().err().unwrap_or_default(),
        typed,
        not_saved: None,
    }
}

fn not_saved(why: TestNotSaved, typed: &MappingTestDraft) -> TestForm {
    TestForm {
        not_saved: Some(why),
        ..form(TypedTest::of(typed))
    }
}

pub fn samples() -> Vec<Sample> {
    let why: &[&str] = &["group viewers can now publish in lobby", TURNED, TAG];
    let wrong = [
        ("name", ""),
        ("groups", "viewers\r\nbad\u{7}"),
        ("username", "\u{7}"),
        ("subject", "é"),
        ("can", "look lobby\r\nwatch\r\nwatch lobby WHIP"),
        ("cannot", END_TAG),
        ("note", "bad\u{7}"),
    ];
    let wrong = wrong.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let wrong = TypedTest::sent(Form::new(wrong.into())).unwrap();
    let blank = TestForm {
        editing: None,
        errors: Vec::new(),
        ..form(TypedTest::default())
    };
    let gone = TestForm {
        editing: None,
        ..not_saved(TestNotSaved::Gone(7), &plain())
    };
    let now = Box::new(TypedTest::of(&hostile()));
    let delete = |row, changed_meanwhile| TestDelete {
        frame: person("Ann Lee", true),
        row,
        changed_meanwhile,
    };
    let rows = vec![
        row(7, plain(), &[]),
        row(8, plain(), why),
        row(9, hostile(), why),
    ];
    vec![
        sample("tests", &list(rows, Some(("The test was added.", true)))),
        sample(
            "tests-none",
            &list(
                Vec::new(),
                Some(("That test is not there any more.", false)),
            ),
        ),
        sample("test-new", &blank),
        sample("test-edit", &form(TypedTest::of(&plain()))),
        sample("test-hostile", &form(TypedTest::of(&hostile()))),
        sample("test-errors", &form(wrong)),
        sample(
            "test-session",
            &not_saved(TestNotSaved::SessionChanged, &plain()),
        ),
        sample("test-gone", &gone),
        sample(
            "test-fails",
            &not_saved(TestNotSaved::Fails(strings(why)), &plain()),
        ),
        sample(
            "test-conflict",
            &not_saved(TestNotSaved::Stale(now), &plain()),
        ),
        sample("test-delete", &delete(row(7, plain(), &[]), false)),
        sample("test-delete-stale", &delete(row(9, hostile(), &[]), true)),
    ]
}
