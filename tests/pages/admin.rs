//! The list of mappings, the form and the page that deletes one.

use serde_json::{Value, json};

use super::{END_TAG, Sample, TAG, TURNED, error, paging, person, sample};
use crate::domain::effect::{ChangedTable, PersonEffect, RowChange};
use crate::domain::grant::Grant;
use crate::domain::mapping::{Mapping, MappingDraft, MappingId};
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::person::PersonId;
use crate::domain::rooms::GrantRoom;
use crate::domain::set::{AnyOr, NonEmpty};
use crate::flow::effect::{Effect, FailingTest, PeopleEffect, PersonChange};
use crate::web::form::Form;
use crate::web::views::{
    BulkChange, Done, Editing, EffectWords, ListPlace, MappingDelete, MappingForm, MappingList,
    MappingRow, NotDone, NotSaved, Return, SelectedMappings, TypedMapping, Which,
};

pub(super) fn sent(group: &str, group_match: &str, rooms: &[&str]) -> Value {
    json!({
        "group": group, "match": group_match, "roles": ["red5-publisher", "red5-subscriber"],
        "transports": ["RTMP", "WHEP", "WHIP"], "rooms": rooms
    })
}

/// The same with other members.
fn with(mut sent: Value, others: &Value) -> Value {
    for (name, value) in others.as_object().unwrap() {
        sent[name] = value.clone();
    }
    sent
}

pub(super) fn stored(id: i64, sent: Value) -> Mapping {
    let at = "2026-11-20T09:30:00Z".parse().unwrap();
    Mapping {
        id: MappingId(id),
        draft: MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap(),
        version: 3,
        created_at: at,
        created_by: "ann".to_owned(),
        updated_at: at,
        updated_by: "ann".to_owned(),
        last_used_at: None,
    }
}

fn shown(mapping: Mapping) -> MappingRow {
    MappingRow::of(mapping, "2026-11-24T12:00:00Z".parse().unwrap())
}

fn row(id: i64, sent: Value) -> MappingRow {
    shown(stored(id, sent))
}

fn rows() -> Vec<MappingRow> {
    let many: Vec<String> = (1..=40).map(|n| format!("classroom-{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let everyone = json!({
        "roles": ["red5-subscriber"], "transports": ["*"],
        "note": "All-hands streams are open to the whole company."
    });
    let shows = json!({
        "roles": ["red5-publisher"], "transports": ["WHIP"], "max_ttl_seconds": 3600,
        "valid_from": "2026-12-01T08:00:00Z", "valid_until": "2026-12-24T18:00:00Z"
    });
    let paused = json!({
        "enabled": false, "roles": ["red5-subscriber"], "transports": ["WHEP"],
        "note": "Paused until the contract is signed."
    });
    let over = json!({"valid_until": "2026-11-01T00:00:00Z"});
    let crew = sent("show-*-crew", "glob", &["show-{1}", "show-{1}-backup"]);
    let acme = sent("/partners/acme", "exact", &["class-*", "{username}"]);
    vec![
        row(1, sent("producers", "exact", &["studio-1", "studio-2"])),
        row(2, with(sent("", "everyone", &["*"]), &everyone)),
        row(3, with(crew, &shows)),
        row(7, with(acme, &paused)),
        row(8, with(sent("interns", "exact", &many), &over)),
    ]
}

fn hostile_rows() -> Vec<MappingRow> {
    let long_room = "r".repeat(128);
    let mut rows: Vec<MappingRow> = [TAG, END_TAG, TURNED, " staff ", "طاقم البث"]
        .into_iter()
        .zip(20..)
        .map(|(group, id)| row(id, sent(group, "exact", &["studio-1"])))
        .collect();
    let unbroken = super::unbroken();
    let long = sent(&unbroken, "exact", &[&long_room, "b"]);
    rows.push(row(30, with(long, &json!({"note": unbroken}))));
    let note = json!({"note": format!("{TAG}{END_TAG}")});
    rows.push(shown(Mapping {
        updated_by: TAG.to_owned(),
        ..stored(31, with(sent("*", "glob", &["b"]), &note))
    }));
    rows
}

fn list(rows: Vec<MappingRow>, total: i64, offset: i64) -> MappingList {
    MappingList {
        frame: person("Ann Lee", true),
        paging: paging("/red5/admin/mappings?limit=50", rows.len(), total, offset),
        rows,
        mapping_version: 42,
        typed: <[String; 8]>::default().into(),
        place: ListPlace::of(if offset == 0 {
            String::new()
        } else {
            format!("offset={offset}")
        }),
        told: None,
    }
}

fn told(id: i64, done: Done) -> Return {
    Return {
        of: Which::One(MappingId(id)),
        done: Some(done),
        undo: None,
    }
}

/// What was selected, and would be changed.
fn selected(change: BulkChange, rows: Vec<MappingRow>) -> SelectedMappings {
    let gone = stored(
        3,
        sent("show-*-crew", "glob", &["show-{1}", "class-*", "studio-1"]),
    );
    SelectedMappings {
        frame: person("Ann Lee", true),
        place: ListPlace::of("q=crew&offset=50".to_owned()),
        change,
        effect: (!rows.is_empty()).then(|| effect(Some(&gone), None, Vec::new())),
        rows,
        already: Vec::new(),
        changed: Vec::new(),
        gone: Vec::new(),
        not_done: None,
    }
}

fn selections() -> Vec<Sample> {
    let ids = |ids: &[i64]| ids.iter().copied().map(MappingId).collect();
    let off = || selected(BulkChange::SwitchOff, rows());
    vec![
        sample("mappings-selected", &off()),
        sample(
            "mappings-selected-hostile",
            &SelectedMappings {
                changed: ids(&[20, 21, 30]),
                gone: ids(&[5]),
                already: ids(&[6, 7]),
                not_done: Some(NotDone::ChangedMeanwhile),
                ..selected(BulkChange::SwitchOn, hostile_rows())
            },
        ),
        sample(
            "mappings-selected-test-fails",
            &SelectedMappings {
                not_done: Some(NotDone::TestFails),
                ..selected(BulkChange::Delete, rows())
            },
        ),
        sample(
            "mappings-selected-none",
            &selected(BulkChange::Delete, Vec::new()),
        ),
        sample(
            "mappings-selected-already",
            &SelectedMappings {
                already: ids(&[6]),
                ..selected(BulkChange::SwitchOff, Vec::new())
            },
        ),
        sample(
            "mappings-several",
            &MappingList {
                told: Some(Return {
                    of: Which::Several(3),
                    done: Some(Done::OFF),
                    undo: Some(12),
                }),
                ..list(rows(), 132, 50)
            },
        ),
    ]
}

fn form(typed: TypedMapping) -> MappingForm {
    MappingForm {
        frame: person("Ann Lee", true),
        place: ListPlace::of("q=crew&offset=50".to_owned()),
        copied: None,
        last_change: None,
        groups: vec!["crew".to_owned(), TAG.to_owned(), TURNED.to_owned()],
        editing: None,
        typed,
        errors: Vec::new(),
        not_saved: None,
        reviewed: None,
    }
}

fn effect(
    before: Option<&Mapping>,
    after: Option<&Mapping>,
    tests_failing: Vec<FailingTest>,
) -> EffectWords {
    EffectWords::of(effect_of(before, after, tests_failing))
}

/// What becomes of a table in which `before` is the only row, or none.
pub(super) fn effect_of(
    before: Option<&Mapping>,
    after: Option<&Mapping>,
    tests_failing: Vec<FailingTest>,
) -> Effect {
    let change = [RowChange {
        before,
        after: after.map(|row| &row.draft),
    }];
    let now = "2026-11-24T12:00:00Z".parse().unwrap();
    let covering = after.map(|row| Mapping {
        id: MappingId(7),
        ..row.clone()
    });
    let table = ChangedTable::new(before, &change, now);
    let beside = ChangedTable::new(covering.iter(), &change, now);
    Effect {
        mapping_version: 42,
        table: table.effect(),
        warnings: beside.warnings(&["Crew ".to_owned()].into()),
        tests_failing,
        people: people(),
    }
}

/// More people than are named, one with a hostile name.
fn people() -> PeopleEffect {
    let grant = |room: &str| Grant {
        roles: NonEmpty::one(Role::Subscriber),
        transports: AnyOr::Only(NonEmpty::one(Transport::Whep)),
        rooms: AnyOr::Only(NonEmpty::one(GrantRoom::Exact(
            RoomName::parse(room).unwrap(),
        ))),
    };
    let names = ["vic", TAG, TURNED, ""].into_iter().cycle().take(25);
    let items = names.enumerate().map(|(at, name)| PersonChange {
        person: PersonId::parse(&format!("p_{at:032x}")).unwrap(),
        username: (!name.is_empty()).then(|| name.to_owned()),
        name: None,
        signed_in: at % 2 == 0,
        effect: PersonEffect {
            gains: ["a", "b", "c", "d", "e"][..at % 6]
                .iter()
                .map(|room| grant(room))
                .collect(),
            losses: vec![grant("lobby")],
        },
    });
    PeopleEffect {
        considered: 5050,
        signed_in: 50,
        changed: 1012,
        items: items.collect(),
        more: 987,
    }
}

pub(super) fn failing(name: &str, because: &str) -> Vec<FailingTest> {
    let test = FailingTest {
        id: Some(3),
        name: name.to_owned(),
        change: None,
        because: vec![because.to_owned(), "and more".to_owned()],
    };
    vec![test]
}

/// Forms that were sent with "Review".
fn reviews() -> Vec<Sample> {
    let saved = || sent("producers", "exact", &["studio-1", "studio-2"]);
    let (opened, same) = (stored(12, saved()), stored(12, saved()));
    let many: Vec<String> = (1..=12).map(|n| format!("hall-{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let window =
        json!({"valid_from": "2026-12-01T08:00:00Z", "valid_until": "2026-12-24T18:00:00Z"});
    let other = stored(12, with(sent("crew", "exact", &many), &window));
    let open = json!({"roles": ["red5-subscriber"], "transports": ["*"]});
    let everyone = stored(12, with(sent("", "everyone", &["*"]), &open));
    let hostile = json!({"rooms": ["b"], "note": END_TAG});
    let hostile = stored(
        12,
        with(sent(&format!("{TURNED}{TAG}*"), "exact", &["b"]), &hostile),
    );
    let editing = Some(Editing {
        id: MappingId(12),
        version: 3,
    });
    let page = |row: &Mapping, effect: EffectWords| MappingForm {
        editing,
        reviewed: Some(effect),
        ..form(TypedMapping::of(&row.draft))
    };
    let tests = failing(
        "Viewers never publish",
        "group viewers can now publish in lobby",
    );
    vec![
        sample(
            "mapping-review-none",
            &page(&same, effect(Some(&opened), Some(&same), Vec::new())),
        ),
        sample(
            "mapping-review-both",
            &page(&other, effect(Some(&opened), Some(&other), tests)),
        ),
        sample(
            "mapping-review-new",
            &MappingForm {
                editing: None,
                ..page(&everyone, effect(None, Some(&everyone), Vec::new()))
            },
        ),
        sample(
            "mapping-review-hostile",
            &page(
                &hostile,
                effect(None, Some(&hostile), failing(TAG, END_TAG)),
            ),
        ),
    ]
}

fn typed(fields: &[(&str, &str)]) -> TypedMapping {
    let fields = fields.iter();
    let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    TypedMapping::sent(Form::new(fields.collect())).unwrap()
}

fn mistyped() -> TypedMapping {
    typed(&[
        ("match", "glob"),
        ("group", "show-crew"),
        ("transports_are", "any"),
        ("transports", "WHIP"),
        ("rooms", "studio-1\r\n\r\nroom one, two\r\nshow-{3}"),
        ("max_ttl_seconds", "an hour"),
        ("valid_from", "tomorrow"),
        ("valid_until", "2026-13-01"),
        ("enabled", "true"),
    ])
}

fn hostile_typed() -> TypedMapping {
    let unbroken = super::unbroken();
    typed(&[
        ("match", "exact"),
        ("group", &format!("{TURNED}{TAG}")),
        ("rooms", &format!("\n{END_TAG}\n{TAG}\n{unbroken}")),
        ("max_ttl_seconds", TAG),
        ("valid_from", TAG),
        ("valid_until", &unbroken),
        ("enabled", "true"),
        ("note", &format!("{END_TAG}{TAG}")),
    ])
}

fn after_another_sign_in() -> Sample {
    let page = MappingForm {
        not_saved: Some(NotSaved::SessionChanged),
        ..form(mistyped())
    };
    sample("mapping-session-changed", &page)
}

fn deleted_meanwhile() -> Sample {
    let page = MappingForm {
        not_saved: Some(NotSaved::Gone(MappingId(12))),
        ..form(mistyped())
    };
    sample("mapping-gone", &page)
}

/// An edit of mapping 12, which was opened as `before`, that met another's.
fn conflict(
    typed: TypedMapping,
    before: Option<Value>,
    sent: Value,
    updated_by: &str,
) -> MappingForm {
    let now = Mapping {
        version: 5,
        updated_by: updated_by.to_owned(),
        updated_at: "2026-11-24T14:59:30Z".parse().unwrap(),
        ..stored(12, sent)
    };
    let editing = Some(Editing {
        id: MappingId(12),
        version: 3,
    });
    let before = before.map(|sent| stored(12, sent));
    let form = MappingForm {
        editing,
        ..form(typed)
    };
    form.meeting(before.as_ref(), Box::new(now))
}

fn forms() -> Vec<Sample> {
    let saved = || sent("producers", "exact", &["studio-1", "studio-2"]);
    let opened = || TypedMapping::of(&stored(12, saved()).draft);
    let changed = json!({"rooms": ["studio-1", "studio-3"], "max_ttl_seconds": 3600});
    let changed = TypedMapping::of(&stored(12, with(saved(), &changed)).draft);
    let editing = Some(Editing {
        id: MappingId(12),
        version: 3,
    });
    vec![
        sample("mapping-new", &form(TypedMapping::default())),
        sample(
            "mapping-copy",
            &form(TypedMapping::default()).copying(&stored(7, saved())),
        ),
        sample(
            "mapping-edit",
            &MappingForm {
                editing,
                ..form(opened())
            }
            .opening(&Mapping {
                updated_by: TAG.to_owned(),
                ..stored(12, saved())
            }),
        ),
        sample(
            "mapping-errors",
            &MappingForm {
                errors: vec![
                    error(
                        "group",
                        "a glob has 1 to 8 stars and at most 512 bytes, without control characters; without a star it is an exact group",
                    ),
                    error("roles", "choose at least one role"),
                    error(
                        "rooms[1]",
                        "a room is 1 to 128 characters out of A-Z a-z 0-9 . _ ~ @ - and is not \".\" or \"..\"",
                    ),
                    error(
                        "rooms[2]",
                        "{3} needs a glob with at least 3 stars; this mapping's group has 0",
                    ),
                    error(
                        "transports",
                        "choose any protocol, or these protocols, not both",
                    ),
                    error(
                        "valid_from",
                        "write a date, or a date and a time: 2026-12-01, or 2026-12-01 10:00; it is read as UTC",
                    ),
                    error(
                        "valid_until",
                        "write a date, or a date and a time: 2026-12-01, or 2026-12-01 10:00; it is read as UTC",
                    ),
                    error("max_ttl_seconds", "write whole seconds, 60 or more"),
                ],
                ..form(mistyped())
            },
        ),
        sample(
            "mapping-duplicate",
            &MappingForm {
                not_saved: Some(NotSaved::Duplicate(MappingId(7))),
                ..form(changed.clone())
            },
        ),
        sample(
            "mapping-conflict",
            &conflict(
                changed,
                Some(saved()),
                with(saved(), &json!({"enabled": false, "note": "Paused by Bo"})),
                "bo",
            ),
        ),
        sample(
            "mapping-hostile",
            &MappingForm {
                errors: vec![
                    error("rooms[1]", TAG),
                    error(TAG, END_TAG),
                    error("group", TAG),
                ],
                ..conflict(
                    hostile_typed(),
                    None,
                    with(
                        sent(END_TAG, "exact", &["b"]),
                        &json!({"note": format!("{END_TAG}{TAG}{}", super::unbroken())}),
                    ),
                    TAG,
                )
            },
        ),
    ]
}

pub fn samples() -> Vec<Sample> {
    let gone = stored(
        3,
        sent("show-*-crew", "glob", &["show-{1}", "class-*", "studio-1"]),
    );
    let delete = |row: MappingRow, not_done| MappingDelete {
        frame: person("Ann Lee", true),
        row,
        effect: effect(Some(&gone), None, Vec::new()),
        place: ListPlace::of("q=crew&offset=50".to_owned()),
        not_done,
    };
    let mut samples = vec![
        sample(
            "mappings-changed-meanwhile",
            &MappingList {
                told: Some(told(3, Done::CHANGED)),
                ..list(rows(), 5, 0)
            },
        ),
        sample(
            "mappings",
            &MappingList {
                told: Some(told(3, Done::SAVED)),
                ..list(rows(), 5, 0)
            },
        ),
        sample("mappings-empty", &list(Vec::new(), 0, 0)),
        sample(
            "mappings-none-fit",
            &MappingList {
                typed: [TAG, TURNED, END_TAG, TAG, "WHIP", "over", "90", "-group"]
                    .map(str::to_owned)
                    .into(),
                ..list(Vec::new(), 0, 0)
            },
        ),
        sample("mappings-behind", &list(Vec::new(), 1, 50)),
        sample("mappings-middle", &list(rows(), 132, 50)),
        sample(
            "mappings-told-elsewhere",
            &MappingList {
                told: Some(told(99, Done::ADDED)),
                ..list(rows(), 132, 50)
            },
        ),
        sample(
            "mappings-deleted",
            &MappingList {
                told: Some(told(99, Done::DELETED)),
                ..list(rows(), 132, 50)
            },
        ),
        sample("mappings-hostile", &list(hostile_rows(), 7, 0)),
        sample("mapping-delete", &delete(rows().swap_remove(2), None)),
        sample(
            "mapping-delete-hostile",
            &delete(
                hostile_rows().swap_remove(6),
                Some(NotDone::ChangedMeanwhile),
            ),
        ),
        sample(
            "mapping-delete-test-fails",
            &MappingDelete {
                effect: effect(Some(&gone), None, failing("The crew publishes", TAG)),
                ..delete(rows().swap_remove(2), Some(NotDone::TestFails))
            },
        ),
    ];
    samples.extend(forms());
    samples.extend(reviews());
    samples.extend(selections());
    samples.push(after_another_sign_in());
    samples.push(deleted_meanwhile());
    samples
}
