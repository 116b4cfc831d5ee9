//! Why no token was made, in plain words beside the field that can change it.

use super::times;
use super::token_form::Chosen;
use super::words::{self, GrantWords};
use crate::domain::grant::Grant;
use crate::domain::lifetime::LimitedBy;
use crate::domain::members::FieldError;
use crate::domain::names::{Role, RoomName, Transport};

/// A refusal of the portal's form; each is a `code` of the JSON answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// `scope_not_granted`
    NotGranted {
        /// The names that no grant covers.
        words: Vec<RefusedWord>,
        /// What is granted, of it or besides.
        instead: Vec<GrantWords>,
    },
    /// `room_required`: patterns cannot be listed.
    RoomRequired {
        /// As in the JSON answer.
        patterns: Vec<String>,
    },
    /// `ttl_too_short`: less than 60 seconds would be left.
    TtlTooShort {
        /// What set the end.
        limited_by: Option<LimitedBy>,
    },
    /// `too_many_rooms`: the token would be longer than allowed.
    TooManyRooms {
        /// Bytes that a token may have.
        max_bytes: usize,
    },
    /// `groups_overage`: nothing granted because the groups were not sent.
    GroupsOverage,
    /// `no_grant`
    NoGrant,
    /// `no_username`
    NoUsername,
    /// `blocked`
    Blocked,
    /// `invalid_request`: fields of the JSON request.
    Invalid {
        /// As in the JSON answer.
        errors: Vec<FieldError>,
    },
    /// `rate_limited`
    RateLimited {
        /// Seconds until it is worth trying again.
        retry_after: u64,
    },
    /// The form was of an earlier session.
    SessionChanged,
    /// `unavailable`: the grants are unknown at the moment.
    Unavailable,
}

/// A word of the form that is not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedWord {
    /// The field that holds it.
    pub field: &'static str,
    /// As the form shows it.
    pub text: String,
    /// It is granted, and not together with the others.
    pub held: bool,
}

/// Most grants that a refusal shows; all of them are on the same page.
const INSTEAD: usize = 4;

/// One sentence, with the names it is about. It begins small, to follow the
/// field's label and a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// Field of the form that it stands beside; `None`: above the form.
    pub field: Option<&'static str>,
    /// The sentence; where names follow, it ends in a colon.
    pub text: String,
    /// Names from the request or the grants.
    pub names: Vec<String>,
}

impl Told {
    fn new(field: Option<&'static str>, text: impl Into<String>) -> Self {
        Self {
            field,
            text: text.into(),
            names: Vec::new(),
        }
    }

    pub(super) fn label(&self) -> Option<&'static str> {
        let of_field = |(field, _): &&(&str, &str)| self.field == Some(*field);
        LABELS.iter().find(of_field).map(|(_, label)| *label)
    }

    pub(super) fn sentence(&self) -> String {
        words::sentence(&self.text)
    }
}

/// Labels of the form's fields.
const LABELS: [(&str, &str); 5] = [
    ("room", "Room"),
    ("stream", "Stream name"),
    ("roles", "What to do"),
    ("transports", "Protocols"),
    ("ttl_seconds", "Seconds it is good for"),
];

impl Refused {
    /// Of the names that an exchange refused, where the form has them.
    pub fn not_granted(refused: &[String], chosen: &Chosen, grants: &[Grant]) -> Self {
        let mut words = Vec::new();
        let mut instead: Vec<&Grant> = Vec::new();
        for name in refused {
            for (field, text) in places(name, chosen) {
                let with = |grant: &&Grant| holds(grant, field, name);
                let before = instead.len();
                instead.extend(grants.iter().filter(with));
                words.push(RefusedWord {
                    field,
                    text,
                    held: instead.len() > before,
                });
            }
        }
        if instead.is_empty() {
            instead.extend(grants);
        }
        instead.sort_unstable();
        instead.dedup();
        Self::NotGranted {
            words,
            instead: instead
                .into_iter()
                .take(INSTEAD)
                .map(GrantWords::of)
                .collect(),
        }
    }

    pub(super) fn instead(&self) -> &[GrantWords] {
        match self {
            Self::NotGranted { instead, .. } => instead,
            _ => &[],
        }
    }

    /// What to say, in the order of the form's fields.
    pub(super) fn told(&self) -> Vec<Told> {
        let above = |text: &str| vec![Told::new(None, text)];
        match self {
            Self::NotGranted { words, .. } => not_granted(words),
            Self::RoomRequired { patterns } => vec![Told {
                names: patterns.clone(),
                ..Told::new(
                    Some("room"),
                    "name one: what you may do is granted for each room of these forms, and such a list has no end:",
                )
            }],
            Self::TtlTooShort { limited_by } => vec![Told::new(
                Some("ttl_seconds"),
                match limited_by {
                    Some(LimitedBy::Mapping) => {
                        "a token is good for at least 60 seconds, and what was granted to you ends before that."
                    }
                    Some(LimitedBy::Session | LimitedBy::SubjectToken) => {
                        "a token is good for at least 60 seconds, and your sign-in ends before that. Sign out and in again."
                    }
                    Some(LimitedBy::Server) => {
                        "a token is good for at least 60 seconds, and the streaming server takes none that long. Tell your administrator."
                    }
                    None => "a token is good for at least 60 seconds.",
                },
            )],
            Self::TooManyRooms { max_bytes } => vec![Told::new(
                Some("room"),
                format!(
                    "a token for all of these rooms would be longer than the {max_bytes} bytes that the streaming clients take. Choose one room."
                ),
            )],
            Self::GroupsOverage => above(
                "you are in so many groups that your provider did not send them, so nothing is known to be granted. Ask your administrator to have the provider send only the groups of this application.",
            ),
            Self::NoGrant => above("nothing is granted to you."),
            Self::NoUsername => above(
                "the streaming server is to know you by your user name, and your provider sent none that can be used. Tell your administrator.",
            ),
            Self::Blocked => above("your access was blocked by an administrator."),
            Self::Invalid { errors } => invalid(errors),
            Self::RateLimited { retry_after } => vec![Told::new(
                None,
                format!(
                    "too many tokens were asked for. Try again in {}.",
                    times::duration((*retry_after).max(1))
                ),
            )],
            Self::SessionChanged => above(
                "you signed in again since this page was opened, perhaps in another tab. What you chose is still here: look at who you are, and press the button again.",
            ),
            Self::Unavailable => above(
                "it cannot be checked at the moment what is granted to you, so no token is made. Try again in a moment.",
            ),
        }
    }
}

/// The fields in which this name was chosen, and how the form shows it there.
fn places(name: &str, chosen: &Chosen) -> Vec<(&'static str, String)> {
    let shown = |any: &str, name: &str| if name == "*" { any } else { name }.to_owned();
    let mut places = Vec::new();
    if chosen.room.trim() == name {
        places.push(("room", shown("any room", name)));
    }
    if chosen.has_role(name) {
        places.push(("roles", words::role_word(name).to_owned()));
    }
    if chosen.has_transport(name) {
        places.push(("transports", shown("any protocol", name)));
    }
    places
}

fn holds(grant: &Grant, field: &str, name: &str) -> bool {
    match field {
        "room" => grant.has_room(RoomName::parse(name).as_ref()),
        "roles" => Role::parse(name).is_some_and(|role| grant.roles.contains(&role)),
        _ => grant.transports.covers(Transport::parse(name).as_ref()),
    }
}

fn not_granted(words: &[RefusedWord]) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for word in words {
        let text = if word.held {
            "granted to you, but not together with the rest of what you chose:"
        } else {
            "not granted to you:"
        };
        let same = |told: &&mut Told| told.field == Some(word.field) && told.text == text;
        match told.iter_mut().find(same) {
            Some(told) => told.names.push(word.text.clone()),
            None => told.push(Told {
                names: vec![word.text.clone()],
                ..Told::new(Some(word.field), text)
            }),
        }
    }
    let place = |told: &Told| {
        LABELS
            .iter()
            .position(|(field, _)| told.field == Some(*field))
    };
    told.sort_by_key(place);
    told
}

fn invalid(errors: &[FieldError]) -> Vec<Told> {
    errors
        .iter()
        .map(|error| {
            let name = error.field.split('[').next().unwrap_or_default();
            let field = match name {
                "room" | "rooms" => Some("room"),
                "stream" => Some("stream"),
                "roles" => Some("roles"),
                "transports" => Some("transports"),
                "ttl_seconds" => Some("ttl_seconds"),
                _ => None,
            };
            Told::new(field, error.reason.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rooms::GrantRoom;
    use crate::domain::set::{AnyOr, NonEmpty};

    fn told(refused: &Refused) -> Vec<(Option<&'static str>, Vec<String>)> {
        let told = refused.told();
        told.into_iter().map(|t| (t.field, t.names)).collect()
    }

    #[test]
    fn each_refused_name_stands_beside_its_field_with_what_is_granted_instead() {
        let one = |role, transport, room| Grant {
            roles: NonEmpty::one(role),
            transports: AnyOr::Only(NonEmpty::one(transport)),
            rooms: AnyOr::Only(NonEmpty::one(GrantRoom::Exact(
                RoomName::parse(room).unwrap(),
            ))),
        };
        let watch = one(Role::Subscriber, Transport::Whep, "WHIP");
        let publish = one(Role::Publisher, Transport::Rtmp, "stage");
        let strings = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let chosen = Chosen {
            // A room may be called like a protocol.
            room: " WHIP ".to_owned(),
            roles: strings(&["red5-publisher"]),
            transports: strings(&["*", "RTSP"]),
            ..Chosen::default()
        };
        let names: Vec<String> = strings(&["*", "RTSP", "WHIP", "red5-publisher"]);
        let refused = Refused::not_granted(&names, &chosen, &[publish.clone(), watch.clone()]);
        let told: Vec<_> = refused
            .told()
            .into_iter()
            .map(|told| {
                (
                    told.field.unwrap(),
                    told.names,
                    told.text.starts_with("granted"),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("room", strings(&["WHIP"]), true),
                ("roles", strings(&["Publish"]), true),
                ("transports", strings(&["any protocol", "RTSP"]), false),
            ]
        );
        let both = [GrantWords::of(&publish), GrantWords::of(&watch)];
        assert_eq!(refused.instead(), both);
        // Of what is granted at all, that; else everything, up to a few.
        let room = strings(&["WHIP"]);
        let some = Refused::not_granted(&room, &chosen, &[publish.clone(), watch.clone()]);
        assert_eq!(some.instead(), [GrantWords::of(&watch)]);
        let none = Refused::not_granted(&room, &chosen, std::slice::from_ref(&publish));
        assert_eq!(none.instead(), [GrantWords::of(&publish)]);
        let rooms = ["a", "b", "c", "d", "e"];
        let many = rooms.map(|room| one(Role::Publisher, Transport::Rtmp, room));
        assert_eq!(
            Refused::not_granted(&room, &chosen, &many).instead().len(),
            INSTEAD
        );
    }

    #[test]
    fn an_invalid_member_of_a_list_stands_beside_the_list() {
        let error = |field: &str| FieldError {
            field: field.to_owned(),
            reason: "not like this".to_owned(),
        };
        let refused = Refused::Invalid {
            errors: ["rooms[0]", "roles[1]", "ttl_seconds", "nobody"]
                .map(error)
                .to_vec(),
        };
        let fields: Vec<_> = told(&refused).into_iter().map(|(field, _)| field).collect();
        assert_eq!(
            fields,
            [Some("room"), Some("roles"), Some("ttl_seconds"), None]
        );
    }

    #[test]
    fn every_refusal_says_something() {
        for refused in [
            Refused::GroupsOverage,
            Refused::NoGrant,
            Refused::NoUsername,
            Refused::Blocked,
            Refused::Unavailable,
            Refused::TooManyRooms { max_bytes: 4096 },
            Refused::TtlTooShort { limited_by: None },
            Refused::RateLimited { retry_after: 0 },
            Refused::RoomRequired {
                patterns: vec!["class-*".to_owned()],
            },
        ] {
            assert_eq!(refused.told().len(), 1, "{refused:?}");
        }
    }
}
