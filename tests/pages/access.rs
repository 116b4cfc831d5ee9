//! The portal and the page of a user without grants.

use super::{END_TAG, Sample, TAG, TURNED, error, person, sample, shown, signed_out, strings};
use crate::domain::grant::Grant;
use crate::domain::lifetime::LimitedBy;
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::rooms::GrantRoom;
use crate::domain::rooms::RoomPattern;
use crate::domain::set::{AnyOr, NonEmpty};
use crate::web::views::{
    Choices, Chosen, CopyLine, Frame, GrantWords, Lines, NoGrant, Outcome, Portal, QrImage,
    Refused, ShownToken, Unnamed, Welcome, Who,
};

const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJuYW1lIjoiQW5uIExlZSIsInJvbGVzIjoicmVkNS1wdWJsaXNoZXIiLCJyZWQ1LXRyYW5zcG9ydCI6IldISVAiLCJyZWQ1LXJvb20iOiJzdHVkaW8tMSIsImV4cCI6MTc5NTUzMjY0NX0.J7vGq9u2Qd6mX0eYh1bqkz3o5J8mYv1nWc4rT2sLx0A";

fn grant(roles: &[Role], transports: &[Transport], rooms: &[&str]) -> Grant {
    let room = |room: &&str| {
        if room.contains('*') {
            GrantRoom::Pattern(RoomPattern::parse(room).unwrap())
        } else {
            GrantRoom::Exact(RoomName::parse(room).unwrap())
        }
    };
    Grant {
        roles: NonEmpty::new(roles.iter().copied()).unwrap(),
        transports: NonEmpty::new(transports.iter().copied()).map_or(AnyOr::Any, AnyOr::Only),
        rooms: NonEmpty::new(rooms.iter().map(room)).map_or(AnyOr::Any, AnyOr::Only),
    }
}

fn producer() -> Vec<Grant> {
    use Role::{Publisher, Subscriber};
    use Transport::{Rtmp, Rtsp, Whep, Whip};
    vec![
        grant(&[Publisher], &[Rtmp, Whip], &["studio-1", "studio-2"]),
        grant(
            &[Publisher, Subscriber],
            &[Whep, Whip],
            &["class-*", "lobby"],
        ),
        grant(&[Subscriber], &[], &[]),
        grant(&[Publisher, Subscriber], &[Rtmp, Rtsp], &["control-room"]),
    ]
}

fn ann() -> Who {
    Who {
        name: Some(shown("Ann Lee")),
        username: Some(shown("ann")),
        subject: shown("248289761001"),
        issuer: shown("https://login.example.com/realms/media"),
        groups: ["/media/crew", "producers", "staff"].map(shown).to_vec(),
        groups_overage: false,
    }
}

fn hostile() -> Who {
    let mut groups: Vec<_> = [TAG, END_TAG, TURNED, " staff ", "طاقم البث"]
        .map(shown)
        .to_vec();
    groups.push(shown(&super::unbroken()));
    Who {
        name: Some(shown(TAG)),
        username: Some(shown(&super::unbroken())),
        subject: shown(END_TAG),
        issuer: shown("https://login.example.com"),
        groups,
        groups_overage: false,
    }
}

fn portal(frame: Frame, who: Who, grants: &[Grant]) -> Portal {
    Portal {
        frame,
        who,
        grants: grants.iter().map(GrantWords::of).collect(),
        choices: Choices {
            unnamed: Unnamed::Rooms(2),
            lines: true,
            ..Choices::of(grants, 300)
        },
        chosen: Chosen::default(),
        outcome: None,
        shown_once: false,
    }
}

fn issued() -> ShownToken {
    let grants = producer();
    ShownToken {
        token: TOKEN.to_owned(),
        expires_in: 245,
        expires_at: "2026-11-24T15:04:05Z".parse().unwrap(),
        limited_by: Some(LimitedBy::Mapping),
        allows: GrantWords::of(&grant(
            &[Role::Publisher],
            &[Transport::Whip],
            &["studio-1"],
        )),
        left_out: grants.iter().map(GrantWords::of).collect(),
        lines: Lines::Ready(vec![
            CopyLine {
                label: "Red5 HTML5 SDK, publishing",
                text: format!(
                    "{{\n  protocol: \"https\",\n  host: \"media.example.com\",\n  port: 443,\n  app: \"live/studio-1\",\n  streamName: \"show\",\n  connectionParams: {{ username: \"jwt\", password: \"jwt\", token: \"{TOKEN}\" }}\n}}"
                ),
                qr: None,
            },
            CopyLine {
                label: "WHIP address (OBS: service WHIP, server; no bearer token)",
                text: format!(
                    "https://media.example.com/live/studio-1/whip/endpoint/show?username=jwt&password=jwt&token={TOKEN}"
                ),
                qr: Some(QrImage {
                    of: "WHIP address",
                    size: 29,
                    path: "M4 4h7v1h-7zM4 10h7v1h-7zM4 4h1v7h-1zM10 4h1v7h-1z".to_owned(),
                }),
            },
        ]),
    }
}

fn many_rooms() -> Grant {
    let rooms: Vec<String> = (1..=40).map(|n| format!("classroom-{n:02}")).collect();
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    grant(&[Role::Subscriber], &[Transport::Whep], &rooms)
}

fn many_grants() -> Vec<Grant> {
    let rooms: Vec<String> = (1..=40).map(|n| format!("classroom-{n:02}")).collect();
    rooms
        .iter()
        .map(|room| grant(&[Role::Publisher], &[Transport::Rtmp], &[room.as_str()]))
        .collect()
}

fn needs(lines: Lines) -> Portal {
    Portal {
        outcome: Some(Outcome::Issued(Box::new(ShownToken { lines, ..issued() }))),
        ..portal(person("Ann Lee", false), ann(), &producer())
    }
}

pub fn samples() -> Vec<Sample> {
    let mut samples = portals();
    samples.extend(portals_of_need());
    samples.extend(refusals());
    samples.extend(no_grants());
    samples
}

fn portals() -> Vec<Sample> {
    let exact = [
        many_rooms(),
        grant(&[Role::Subscriber], &[Transport::Rtmp], &["studio-1"]),
    ];
    vec![
        sample(
            "welcome",
            &Welcome {
                frame: signed_out(),
                return_to: "/red5/".to_owned(),
            },
        ),
        sample(
            "portal",
            &portal(person("Ann Lee", true), ann(), &producer()),
        ),
        sample("portal-viewer", &portal(person("Bo", false), ann(), &exact)),
        sample(
            "portal-token",
            &Portal {
                chosen: Chosen {
                    room: "studio-1".to_owned(),
                    stream: "show".to_owned(),
                    roles: strings(&["red5-publisher"]),
                    transports: strings(&["WHIP"]),
                    ttl_seconds: String::new(),
                },
                outcome: Some(Outcome::Issued(Box::new(issued()))),
                ..portal(person("Ann Lee", false), ann(), &producer())
            },
        ),
        sample(
            "portal-hostile",
            &Portal {
                chosen: Chosen {
                    room: TAG.to_owned(),
                    ttl_seconds: END_TAG.to_owned(),
                    ..Chosen::default()
                },
                outcome: Some(Outcome::Refused(Refused::invalid(&[
                    error("rooms[0]", TAG),
                    error(END_TAG, END_TAG),
                ]))),
                ..portal(
                    person(TAG, true),
                    hostile(),
                    &[grant(
                        &[Role::Subscriber],
                        &[],
                        &["r".repeat(128).as_str(), "x-*"],
                    )],
                )
            },
        ),
        sample(
            "portal-hostile-select",
            &Portal {
                chosen: Chosen {
                    room: TAG.to_owned(),
                    ..Chosen::default()
                },
                outcome: Some(Outcome::Refused(Refused::not_granted(
                    &strings(&[TAG]),
                    &Chosen {
                        room: TAG.to_owned(),
                        ..Chosen::default()
                    },
                    &[many_rooms()],
                ))),
                ..portal(person(END_TAG, false), hostile(), &exact)
            },
        ),
        sample(
            "portal-admin-without-grants",
            &Portal {
                who: Who {
                    groups: Vec::new(),
                    groups_overage: true,
                    ..ann()
                },
                ..portal(person("Ann Lee", true), ann(), &[])
            },
        ),
    ]
}

fn portals_of_need() -> Vec<Sample> {
    vec![
        sample(
            "portal-shown-once",
            &Portal {
                shown_once: true,
                ..portal(person("Bo", false), ann(), &producer())
            },
        ),
        sample(
            "portal-many-grants",
            &Portal {
                choices: Choices {
                    unnamed: Unnamed::TooMany,
                    ..Choices::of(&many_grants(), 300)
                },
                ..portal(person("Bo", false), ann(), &many_grants())
            },
        ),
        sample("portal-token-needs-a-room", &needs(Lines::NeedRoom)),
        sample("portal-token-needs-a-stream", &needs(Lines::NeedStream)),
        sample("portal-token-needs-a-node", &needs(Lines::NeedNode)),
    ]
}

fn refusals() -> Vec<Sample> {
    let refused = |refused| Portal {
        chosen: Chosen {
            room: "studio-9".to_owned(),
            roles: strings(&["red5-publisher"]),
            transports: strings(&["RTMP", "*"]),
            ttl_seconds: "30".to_owned(),
            ..Chosen::default()
        },
        outcome: Some(Outcome::Refused(refused)),
        ..portal(person("Ann Lee", false), ann(), &producer())
    };
    let chosen = refused(Refused::of("no_grant", "")).chosen;
    let names = strings(&["*", "RTMP", "red5-publisher", "studio-9"]);
    let not_granted = Refused::not_granted(&names, &chosen, &producer());
    vec![
        sample("portal-refused", &refused(not_granted)),
        sample(
            "portal-room-required",
            &refused(Refused::of(
                "room_required",
                "name a room, of the form class-* or show-*-live.",
            )),
        ),
        sample(
            "portal-too-short",
            &refused(Refused::of(
                "ttl_too_short",
                "your sign-in ends before that.",
            )),
        ),
    ]
}

fn no_grants() -> Vec<Sample> {
    vec![
        sample(
            "no-grant",
            &NoGrant {
                frame: person("Ann Lee", false),
                who: ann(),
            },
        ),
        sample(
            "no-grant-no-groups",
            &NoGrant {
                frame: person("Ann Lee", false),
                who: Who {
                    groups: Vec::new(),
                    ..ann()
                },
            },
        ),
        sample(
            "no-grant-overage",
            &NoGrant {
                frame: person("Ann Lee", false),
                who: Who {
                    groups: Vec::new(),
                    groups_overage: true,
                    ..ann()
                },
            },
        ),
        sample(
            "no-grant-hostile",
            &NoGrant {
                frame: person(&super::unbroken(), false),
                who: hostile(),
            },
        ),
    ]
}
