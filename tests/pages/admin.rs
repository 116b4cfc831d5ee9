//! The list of mappings, the form and the page that deletes one.

use super::{END_TAG, Sample, TAG, TURNED, error, paging, person, sample, shown, strings};
use crate::domain::mapping::{Mapping, MappingDraft, MappingId, MappingInput};
use crate::web::views::{
    Change, Done, Editing, MappingDelete, MappingForm, MappingList, MappingRow, Moment, Newer,
    TypedMapping,
};

fn input(group: Option<&str>, group_match: &str, rooms: &[&str]) -> MappingInput {
    MappingInput {
        group: group.map(str::to_owned),
        group_match: group_match.to_owned(),
        roles: strings(&["red5-publisher", "red5-subscriber"]),
        transports: strings(&["RTMP", "WHEP", "WHIP"]),
        rooms: strings(rooms),
        enabled: true,
        ..MappingInput::default()
    }
}

fn row(id: i64, input: MappingInput) -> MappingRow {
    let at = "2026-11-20T09:30:00Z".parse().unwrap();
    let mapping = Mapping {
        id: MappingId(id),
        draft: MappingDraft::parse(input).unwrap(),
        version: 3,
        created_at: at,
        created_by: "ann".to_owned(),
        updated_at: at,
        updated_by: "ann".to_owned(),
    };
    MappingRow::of(&mapping, "2026-11-24T12:00:00Z".parse().unwrap())
}

fn rows() -> Vec<MappingRow> {
    let instant = |text: &str| Some(text.parse().unwrap());
    let many: Vec<String> = (1..=40).map(|n| format!("classroom-{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    vec![
        row(
            1,
            input(Some("producers"), "exact", &["studio-1", "studio-2"]),
        ),
        row(
            2,
            MappingInput {
                roles: strings(&["red5-subscriber"]),
                transports: strings(&["*"]),
                note: "All-hands streams are open to the whole company.".to_owned(),
                ..input(None, "everyone", &["*"])
            },
        ),
        row(
            3,
            MappingInput {
                roles: strings(&["red5-publisher"]),
                transports: strings(&["WHIP"]),
                max_ttl_seconds: Some(3600),
                valid_from: instant("2026-12-01T08:00:00Z"),
                valid_until: instant("2026-12-24T18:00:00Z"),
                ..input(
                    Some("show-*-crew"),
                    "glob",
                    &["show-{1}", "show-{1}-backup"],
                )
            },
        ),
        row(
            7,
            MappingInput {
                enabled: false,
                roles: strings(&["red5-subscriber"]),
                transports: strings(&["WHEP"]),
                note: "Paused until the contract is signed.".to_owned(),
                ..input(Some("/partners/acme"), "exact", &["class-*", "{username}"])
            },
        ),
        row(
            8,
            MappingInput {
                valid_until: instant("2026-11-01T00:00:00Z"),
                ..input(Some("interns"), "exact", &many)
            },
        ),
    ]
}

fn hostile_rows() -> Vec<MappingRow> {
    let long_room = "r".repeat(128);
    let mut rows: Vec<MappingRow> = [TAG, END_TAG, TURNED, " staff ", "طاقم البث"]
        .into_iter()
        .zip(20..)
        .map(|(group, id)| row(id, input(Some(group), "exact", &["studio-1"])))
        .collect();
    rows.push(row(
        30,
        MappingInput {
            note: super::unbroken(),
            ..input(Some(&super::unbroken()), "exact", &[&long_room, "b"])
        },
    ));
    rows.push(MappingRow {
        updated_by: shown(TAG),
        ..row(
            31,
            MappingInput {
                note: format!("{TAG}{END_TAG}"),
                ..input(Some("*"), "glob", &["b"])
            },
        )
    });
    rows
}

fn list(rows: Vec<MappingRow>, total: i64, offset: i64) -> MappingList {
    MappingList {
        frame: person("Ann Lee", true),
        paging: paging("/red5/admin/mappings?", rows.len(), total, offset),
        rows,
        mapping_version: 42,
        done: None,
    }
}

fn form(typed: TypedMapping) -> MappingForm {
    MappingForm {
        frame: person("Ann Lee", true),
        editing: None,
        typed,
        errors: Vec::new(),
        twin: None,
        newer: None,
        gone: None,
        session_changed: false,
    }
}

fn mistyped() -> TypedMapping {
    TypedMapping {
        group_match: "glob".to_owned(),
        group: "show-crew".to_owned(),
        roles: Vec::new(),
        any_transport: true,
        transports: strings(&["WHIP"]),
        rooms: "studio-1\r\n\r\nroom one, two\r\nshow-{3}".to_owned(),
        max_ttl_seconds: "an hour".to_owned(),
        valid_from: "tomorrow".to_owned(),
        valid_until: "2026-13-01".to_owned(),
        ..TypedMapping::default()
    }
}

fn hostile_typed() -> TypedMapping {
    TypedMapping {
        group_match: "exact".to_owned(),
        group: format!("{TURNED}{TAG}"),
        rooms: format!("\n{END_TAG}\n{TAG}\n{}", super::unbroken()),
        max_ttl_seconds: TAG.to_owned(),
        valid_from: TAG.to_owned(),
        valid_until: super::unbroken(),
        note: format!("{END_TAG}{TAG}"),
        ..TypedMapping::default()
    }
}

fn after_another_sign_in() -> Sample {
    let page = MappingForm {
        session_changed: true,
        ..form(mistyped())
    };
    sample("mapping-session-changed", &page)
}

fn deleted_meanwhile() -> Sample {
    let page = MappingForm {
        gone: Some(12),
        ..form(mistyped())
    };
    sample("mapping-gone", &page)
}

fn forms() -> Vec<Sample> {
    let saved = input(Some("producers"), "exact", &["studio-1", "studio-2"]);
    let typed = TypedMapping {
        rooms: "studio-1\r\nstudio-3".to_owned(),
        max_ttl_seconds: "3600".to_owned(),
        ..TypedMapping::of(&saved)
    };
    let newer = |now: TypedMapping| Newer {
        now,
        version: 5,
        updated_by: shown("bo"),
        updated_at: Moment::of("2026-11-24T14:59:30Z".parse().unwrap()),
    };
    let editing = Some(Editing { id: 12, version: 3 });
    vec![
        sample("mapping-new", &form(TypedMapping::default())),
        sample(
            "mapping-edit",
            &MappingForm {
                editing,
                ..form(TypedMapping::of(&saved))
            },
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
                        "write a time in UTC, like 2026-11-24T15:04:05Z",
                    ),
                    error(
                        "valid_until",
                        "write a time in UTC, like 2026-11-24T15:04:05Z",
                    ),
                    error("max_ttl_seconds", "write whole seconds, 60 or more"),
                ],
                ..form(mistyped())
            },
        ),
        sample(
            "mapping-duplicate",
            &MappingForm {
                twin: Some(7),
                ..form(typed.clone())
            },
        ),
        sample(
            "mapping-conflict",
            &MappingForm {
                editing,
                newer: Some(newer(TypedMapping {
                    enabled: false,
                    note: "Paused by Bo".to_owned(),
                    ..TypedMapping::of(&saved)
                })),
                ..form(typed)
            },
        ),
        sample(
            "mapping-hostile",
            &MappingForm {
                editing,
                errors: vec![
                    error("rooms[1]", TAG),
                    error(TAG, END_TAG),
                    error("group", TAG),
                ],
                newer: Some(Newer {
                    updated_by: shown(TAG),
                    ..newer(TypedMapping {
                        group: END_TAG.to_owned(),
                        ..hostile_typed()
                    })
                }),
                ..form(hostile_typed())
            },
        ),
    ]
}

pub fn samples() -> Vec<Sample> {
    let delete = |row: MappingRow, changed_meanwhile| MappingDelete {
        frame: person("Ann Lee", true),
        row,
        changed_meanwhile,
    };
    let mut samples = vec![
        sample(
            "mappings-changed-meanwhile",
            &MappingList {
                done: Some(Done {
                    what: Change::ChangedMeanwhile,
                    id: 3,
                }),
                ..list(rows(), 5, 0)
            },
        ),
        sample(
            "mappings",
            &MappingList {
                done: Some(Done {
                    what: Change::Saved,
                    id: 3,
                }),
                ..list(rows(), 5, 0)
            },
        ),
        sample("mappings-empty", &list(Vec::new(), 0, 0)),
        sample("mappings-behind", &list(Vec::new(), 1, 50)),
        sample("mappings-middle", &list(rows(), 132, 50)),
        sample("mappings-hostile", &list(hostile_rows(), 7, 0)),
        sample("mapping-delete", &delete(rows().swap_remove(2), false)),
        sample(
            "mapping-delete-hostile",
            &delete(hostile_rows().swap_remove(6), true),
        ),
    ];
    samples.extend(forms());
    samples.push(after_another_sign_in());
    samples.push(deleted_meanwhile());
    samples
}
