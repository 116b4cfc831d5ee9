//! The page that explains.

use super::{END_TAG, Sample, TAG, TURNED, error, person, sample};
use crate::domain::explain::{
    Decision, ExplainedIdentity, ExplainedRow, Explanation, RoomLeftOut, RowVerdict,
};
use crate::domain::grant::Grant;
use crate::domain::identity::GroupsFrom;
use crate::domain::mapping::MappingId;
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::rooms::GrantRoom;
use crate::domain::set::{AnyOr, NonEmpty};
use crate::web::views::{ExplainPage, Explained, TypedQuestion};

fn grant(role: Role, room: &str) -> Grant {
    let room = GrantRoom::Exact(RoomName::parse(room).unwrap());
    Grant {
        roles: NonEmpty::one(role),
        transports: AnyOr::Only(NonEmpty::new(Transport::ALL).unwrap()),
        rooms: AnyOr::Only(NonEmpty::one(room)),
    }
}

fn row(id: i64, verdict: RowVerdict, because: &str) -> ExplainedRow {
    let applies = verdict == RowVerdict::Applies;
    ExplainedRow {
        id: MappingId(id),
        verdict,
        because: because.to_owned(),
        grants: applies
            .then(|| grant(Role::Publisher, "studio-1"))
            .into_iter()
            .collect(),
        rooms_left_out: vec![RoomLeftOut {
            room: "{username}".to_owned(),
            because: format!("{{username}} is {because:?}"),
        }],
    }
}

fn explanation(names: [&str; 3], decision: Decision) -> Explanation {
    let [name, group, because] = names;
    Explanation {
        mapping_version: 42,
        at: "2026-11-24T12:00:00Z".parse().unwrap(),
        identity: ExplainedIdentity {
            issuer: "https://id.example.com".to_owned(),
            subject: Some(name.to_owned()),
            username: Some(name.to_owned()),
            name: Some(name.to_owned()),
            groups: vec![group.to_owned(), "crew".to_owned()],
        },
        groups_from: Some(GroupsFrom::Given),
        rows: vec![
            row(7, RowVerdict::Applies, because),
            row(9, RowVerdict::NearMiss, because),
        ],
        entitlement: vec![grant(Role::Publisher, "studio-1")],
        decision,
        red5: vec!["may publish over RTMP, RTSP or WHIP in studio-1".to_owned()],
    }
}

fn issued() -> Decision {
    Decision::Issued {
        scope: "red5-publisher room:studio-1".to_owned(),
        roles: vec!["red5-publisher".to_owned()],
        transports: vec!["*".to_owned()],
        rooms: vec!["studio-1".to_owned()],
        expires_in: 300,
        ttl_limited_by: Some("mapping"),
        left_out: vec![grant(Role::Subscriber, "lobby")],
    }
}

fn refused() -> Decision {
    Decision::Refused {
        code: "scope_not_granted",
        refused: vec!["green-room".to_owned()],
        because: "In green-room the person may only watch (WHEP).".to_owned(),
        nearest: vec![grant(Role::Subscriber, "green-room")],
    }
}

fn page(typed: &[&str; 3], explained: Option<&Explanation>) -> ExplainPage {
    let [username, groups, room] = typed.map(str::to_owned);
    ExplainPage {
        frame: person("Ann Lee", true),
        typed: TypedQuestion {
            username,
            groups,
            room,
            role: "red5-publisher".to_owned(),
            ..TypedQuestion::default()
        },
        errors: Vec::new(),
        not_found: false,
        explained: explained.map(Explained::of),
    }
}

pub fn samples() -> Vec<Sample> {
    let plain = ["ann", "staff\ncrew", "studio-1"];
    let hostile = [TAG, END_TAG, TURNED];
    let because = ["ann", "staff", "group \"staff\" is matched exactly"];
    vec![
        sample("explain", &page(&["", "", ""], None)),
        sample(
            "explain-issued",
            &page(&plain, Some(&explanation(because, issued()))),
        ),
        sample(
            "explain-refused",
            &page(&plain, Some(&explanation(because, refused()))),
        ),
        sample(
            "explain-wrong",
            &ExplainPage {
                errors: vec![
                    error("request.rooms[0]", "a room has no space in it"),
                    error("at", "must be a time in UTC"),
                ],
                ..page(&plain, None)
            },
        ),
        sample(
            "explain-gone",
            &ExplainPage {
                not_found: true,
                typed: TypedQuestion {
                    session: "none".to_owned(),
                    ..TypedQuestion::default()
                },
                ..page(&plain, None)
            },
        ),
        sample(
            "explain-unknown-person",
            &ExplainPage {
                not_found: true,
                typed: TypedQuestion {
                    person: TAG.to_owned(),
                    ..TypedQuestion::default()
                },
                ..page(&plain, None)
            },
        ),
        sample(
            "explain-hostile",
            &page(&hostile, Some(&explanation(hostile, refused()))),
        ),
    ]
}
