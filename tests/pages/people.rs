//! Who is signed in, who is blocked, and stopping a user.

use chrono::{DateTime, Utc};

use super::{END_TAG, Sample, TAG, TURNED, error, paging, person, sample, unbroken};
use crate::domain::block::Block;
use crate::domain::identity::PersonKey;
use crate::domain::session::{SessionId, SessionSummary};
use crate::web::form::Form;
use crate::web::views::{
    BlockForm, BlockLift, BlockList, BlockRow, Notice, OwnSessions, PersonWords, SessionList,
    SessionRow, SessionStop, TypedBlock,
};

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn key(subject: &str) -> PersonKey {
    PersonKey {
        issuer: "https://id.example.com/realms/streaming".to_owned(),
        subject: subject.to_owned(),
    }
}

fn row(number: u32, who: (&str, Option<&str>, Option<&str>), current: bool) -> SessionRow {
    let (subject, username, name) = who;
    let id = format!("5f0c1f6e-4a0b-4b8e-9d7a-{number:012}");
    let PersonKey { issuer, subject } = key(subject);
    let session = SessionSummary {
        id: SessionId::parse(&id).unwrap(),
        hash: [0; 32],
        is_device: number == 2,
        issuer,
        subject,
        username: username.map(str::to_owned),
        name: name.map(str::to_owned),
        created_at: at("2026-11-24T15:00:00Z"),
        last_seen_at: at("2026-11-24T15:04:05Z"),
        groups_read_at: at("2026-11-24T15:00:00Z"),
        ends_at: at("2026-11-24T16:00:00Z"),
        browser: Some("unknown browser on Windows".to_owned()),
        address: (number % 2 == 1).then(|| "2001:db8:1234:5678:9abc:def0:1234:5678".to_owned()),
    };
    SessionRow { session, current }
}

pub(super) fn rows() -> Vec<SessionRow> {
    vec![
        row(1, ("5a2e90c4-51c0", Some("ann"), Some("Ann Lee")), true),
        row(2, ("77c1", None, None), false),
        row(
            3,
            (&unbroken()[..255], Some(&unbroken()), Some(&unbroken())),
            false,
        ),
        row(4, (TAG, Some(END_TAG), Some(TURNED)), false),
    ]
}

pub(super) fn block(subject: &str, reason: &str, until: Option<&str>) -> BlockRow {
    let block = Block {
        person: key(subject),
        username: (subject == TAG).then(|| END_TAG.to_owned()),
        name: (subject == TAG).then(|| TURNED.to_owned()),
        until: until.map(at),
        reason: reason.to_owned(),
        created_at: at("2026-11-20T09:30:00Z"),
        created_by: "ann".to_owned(),
    };
    BlockRow::of(block, at("2026-11-24T15:04:05Z"))
}

fn notice(query: &str) -> Option<Notice> {
    Notice::of(&Form::parse(query.as_bytes()).unwrap())
}

fn list(rows: Vec<SessionRow>, person_filter: &str, done: Option<Notice>) -> SessionList {
    let shown = rows.len();
    let total = if shown == 0 { 0 } else { 120 };
    SessionList {
        frame: person("Ann Lee", true),
        paging: paging("/red5/admin/sessions?person=ann&limit=50", shown, total, 0),
        rows,
        person: person_filter.to_owned(),
        done,
    }
}

fn form(typed: TypedBlock, errors: &[(&str, &str)]) -> BlockForm {
    BlockForm {
        frame: person("Ann Lee", true),
        typed,
        errors: errors
            .iter()
            .map(|(field, why)| error(field, why))
            .collect(),
        person: String::new(),
        found: Vec::new(),
        more: false,
        known: None,
        unknown: false,
    }
}

pub fn samples() -> Vec<Sample> {
    let blocks = vec![
        block("5a2e90c4-51c0", "Left the company.", None),
        block(
            "77c1",
            "Password stolen;\nback when it is changed.",
            Some("2026-11-25T08:00:00Z"),
        ),
        block(
            "b-2",
            "Was to be let in again.",
            Some("2026-11-21T08:00:00Z"),
        ),
        block(TAG, END_TAG, None),
        block(&unbroken()[..255], &unbroken(), None),
    ];
    let block_list = |rows: Vec<BlockRow>, total| BlockList {
        frame: person("Ann Lee", true),
        paging: paging("/red5/admin/blocks?limit=50", rows.len(), total, 0),
        rows,
        done: None,
    };
    let lift = |row| BlockLift {
        frame: person("Ann Lee", true),
        row,
    };
    let stop = |row, sessions| SessionStop {
        frame: person("Ann Lee", true),
        row,
        sessions,
    };
    let own = |done| OwnSessions {
        frame: person("Vic Viewer", false),
        rows: rows(),
        done,
    };
    let mut samples = block_forms();
    samples.extend([
        sample("sessions", &list(rows(), "", None)),
        sample("sessions-found", &list(rows(), TAG, notice("done=ended"))),
        sample(
            "sessions-none",
            &list(Vec::new(), "unknown", notice("done=all-ended&ended=0")),
        ),
        sample(
            "session-stop",
            &stop(row(2, ("77c1", Some("vic"), Some("Vic Viewer")), false), 2),
        ),
        sample("session-stop-own", &stop(rows().remove(0), 1)),
        sample("session-stop-long", &stop(rows().remove(2), 1)),
        sample("session-stop-hostile", &stop(rows().remove(3), 1)),
        sample("blocks", &block_list(blocks.clone(), 120)),
        sample("blocks-none", &block_list(Vec::new(), 0)),
        sample("block-lift", &lift(blocks[1].clone())),
        sample("block-lift-hostile", &lift(blocks[3].clone())),
        sample("own-sessions", &own(None)),
        sample("own-sessions-ended", &own(notice("done=ended"))),
        sample("own-sessions-gone", &own(notice("done=gone"))),
    ]);
    samples
}

fn block_forms() -> Vec<Sample> {
    let people = || {
        let rows = rows().into_iter();
        rows.map(|row| PersonWords::of_session(&row.session))
    };
    let known = TypedBlock {
        issuer: "https://id.example.com/realms/streaming".to_owned(),
        subject: "5a2e90c4-51c0".to_owned(),
        ..TypedBlock::default()
    };
    let hostile = TypedBlock {
        issuer: TAG.to_owned(),
        subject: TAG.to_owned(),
        hours: "24".to_owned(),
        reason: END_TAG.to_owned(),
    };
    let wrong = [
        (
            "issuer",
            "must be the provider's issuer, as OIDC_ISSUER_URL has it",
        ),
        (
            "subject",
            "must be 1 to 255 printable ASCII characters, as the provider's sub",
        ),
        (
            "reason",
            "1 to 1000 characters; line breaks, but no other control characters",
        ),
    ];
    vec![
        sample(
            "block-form",
            &BlockForm {
                known: people().next().map(|ann| (ann, 1)),
                ..form(known, &[])
            },
        ),
        sample(
            "block-form-found",
            &BlockForm {
                person: TAG.to_owned(),
                found: people().collect(),
                more: true,
                ..form(TypedBlock::default(), &[])
            },
        ),
        sample(
            "block-form-none-found",
            &BlockForm {
                person: unbroken(),
                ..form(TypedBlock::default(), &[])
            },
        ),
        sample(
            "block-form-unknown",
            &BlockForm {
                unknown: true,
                ..form(hostile.clone(), &[])
            },
        ),
        sample("block-form-wrong", &form(hostile, &wrong)),
    ]
}
