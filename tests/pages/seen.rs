//! People who have been seen, one of them, and who can do something.

use super::people::{block, rows};
use super::{
    END_TAG, Sample, TAG, TURNED, error, paging, person, sample, shown, strings, unbroken,
};
use crate::domain::identity::{Groups, Identity};
use crate::domain::mapping::MappingId;
use crate::domain::person::{PersonId, SeenPerson};
use crate::web::views::seen::HeldWords;
use crate::web::views::words::{Doing, GrantWords, RoomWords};
use crate::web::views::{PeopleList, PersonPage, PersonRow, TypedDeed, WhoCanPage, WhoCanRow};

fn seen(number: u32, names: (&str, Option<&str>, Option<&str>), groups: Groups) -> PersonRow {
    let (subject, username, name) = names;
    PersonRow::of(SeenPerson {
        id: PersonId::parse(&format!("p_{number:032x}")).unwrap(),
        identity: Identity {
            issuer: "https://id.example.com/realms/streaming".to_owned(),
            subject: subject.to_owned(),
            username: username.map(str::to_owned),
            name: name.map(str::to_owned),
            groups,
        },
        last_seen_at: "2026-11-24T15:04:05Z".parse().unwrap(),
        signed_in: number % 2 == 1,
        blocked: number % 3 == 1,
    })
}

fn listed(groups: &[&str]) -> Groups {
    Groups::Listed(strings(groups).into_iter().collect())
}

fn people() -> Vec<PersonRow> {
    vec![
        seen(
            1,
            ("5a2e90c4-51c0", Some("ann"), Some("Ann Lee")),
            listed(&["crew", "lead"]),
        ),
        seen(2, ("77c1", None, None), Groups::Overage),
        seen(3, ("77c2", None, None), listed(&[])),
        seen(
            4,
            (&unbroken()[..255], Some(&unbroken()), Some(&unbroken())),
            listed(&[&unbroken()]),
        ),
        seen(
            5,
            (TAG, Some(END_TAG), Some(TURNED)),
            listed(&[TAG, END_TAG, TURNED, "a", "b"]),
        ),
    ]
}

fn list(rows: Vec<PersonRow>, text: &str) -> PeopleList {
    let shown = rows.len();
    PeopleList {
        frame: person("Ann Lee", true),
        paging: paging(
            "/red5/admin/people?",
            shown,
            if shown == 0 { 0 } else { 120 },
            0,
        ),
        rows,
        text: text.to_owned(),
        group: text.to_owned(),
    }
}

fn held(mapping: i64, group: Option<&str>) -> HeldWords {
    HeldWords {
        grant: GrantWords {
            does: vec![Doing {
                verb: "Publish",
                over: "WHIP".to_owned(),
            }],
            rooms: RoomWords {
                exact: strings(&["studio-1"]),
                ..RoomWords::default()
            },
        },
        mapping: MappingId(mapping),
        group: group.map(shown),
    }
}

fn page(number: usize) -> PersonPage {
    PersonPage {
        frame: person("Ann Lee", true),
        row: people().swap_remove(number),
        held: Vec::new(),
        sessions: Vec::new(),
        block: None,
    }
}

fn asked(typed: TypedDeed) -> WhoCanPage {
    WhoCanPage {
        frame: person("Ann Lee", true),
        typed,
        errors: Vec::new(),
        answer: None,
    }
}

pub fn samples() -> Vec<Sample> {
    let typed = |room: &str| TypedDeed {
        role: "red5-publisher".to_owned(),
        room: room.to_owned(),
        transport: "WHIP".to_owned(),
        seen: true,
    };
    let can = |row: PersonRow| WhoCanRow {
        row,
        mappings: vec![MappingId(7), MappingId(9)],
    };
    let answer: Vec<WhoCanRow> = people().into_iter().map(can).collect();
    vec![
        sample("people", &list(people(), "")),
        sample("people-found", &list(people(), TAG)),
        sample("people-none", &list(Vec::new(), "unknown")),
        sample(
            "person",
            &PersonPage {
                held: vec![held(7, Some("crew")), held(9, None)],
                sessions: rows(),
                block: Some(block("5a2e90c4-51c0", "Left the company.", None)),
                ..page(0)
            },
        ),
        sample("person-overage", &page(1)),
        sample("person-without", &page(2)),
        sample("person-long", &page(3)),
        sample(
            "person-hostile",
            &PersonPage {
                held: vec![held(7, Some(TAG))],
                sessions: rows(),
                block: Some(block(TAG, END_TAG, Some("2026-11-21T08:00:00Z"))),
                ..page(4)
            },
        ),
        sample("who-can", &asked(TypedDeed::default())),
        sample(
            "who-can-answer",
            &WhoCanPage {
                answer: Some((answer, paging("/red5/admin/who-can?", 5, 120, 0))),
                ..asked(typed("studio-1"))
            },
        ),
        sample(
            "who-can-none",
            &WhoCanPage {
                answer: Some((Vec::new(), paging("/red5/admin/who-can?", 0, 0, 0))),
                ..asked(typed("studio-1"))
            },
        ),
        sample(
            "who-can-wrong",
            &WhoCanPage {
                errors: vec![error("room", TAG), error("limit", END_TAG)],
                ..asked(typed(TAG))
            },
        ),
    ]
}
