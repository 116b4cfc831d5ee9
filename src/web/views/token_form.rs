//! The form that asks for a token: what it offers, what was chosen, and why no token was made, in
//! plain words beside the field that can change it.

use super::words::{self, GrantWords};
use crate::domain::grant::Grant;
use crate::domain::members::FieldError;
use crate::domain::names::{Role, RoomName, Transport};
use crate::domain::rooms::GrantRoom;
use crate::domain::set::AnyOr;

/// What a token is for when the form names no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    AnyRoom,
    Rooms(usize),
    /// None is made: the rooms are more than a token can carry.
    TooMany,
    /// None is made: patterns cannot be listed.
    Patterns,
    /// None is made, for another reason.
    Unknown,
}

/// What the form offers. Fields: `room` (empty: none named; `*`: any), `stream` (may be
/// empty; it is for the lines to copy and no part of the wish), `roles` and `transports` (each zero or more times; none: not named), `ttl_seconds`
/// (may be empty), `form_token`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    pub rooms: Vec<String>,
    pub patterns: Vec<String>,
    pub any_room: bool,
    pub roles: Vec<String>,
    /// Transports that are held by name; all of them where any is held.
    pub transports: Vec<String>,
    pub any_transport: bool,
    /// Lifetime in seconds of a token for which none is asked.
    pub usual_ttl_seconds: u64,
    /// What a token is for that names no room.
    pub unnamed: Unnamed,
    /// There are lines to copy, for which a stream's name is needed.
    pub lines: bool,
}

impl Choices {
    /// What these grants have between them, each sorted and without duplicates.
    pub fn of(grants: &[Grant], usual_ttl_seconds: u64) -> Self {
        let mut choices = Self {
            rooms: Vec::new(),
            patterns: Vec::new(),
            any_room: false,
            roles: Vec::new(),
            transports: Vec::new(),
            any_transport: grants.iter().any(|grant| grant.transports.is_any()),
            usual_ttl_seconds,
            unnamed: Unnamed::Unknown,
            lines: false,
        };
        for grant in grants {
            match &grant.rooms {
                AnyOr::Any => choices.any_room = true,
                AnyOr::Only(rooms) => {
                    for room in rooms {
                        match room {
                            GrantRoom::Exact(name) => choices.rooms.push(name.to_string()),
                            GrantRoom::Pattern(_) => choices.patterns.push(room.to_string()),
                        }
                    }
                }
            }
        }
        for list in [&mut choices.rooms, &mut choices.patterns] {
            list.sort_unstable();
            list.dedup();
        }
        choices.roles = Role::ALL
            .iter()
            .filter(|role| grants.iter().any(|grant| grant.roles.contains(role)))
            .map(ToString::to_string)
            .collect();
        choices.transports = Transport::ALL
            .iter()
            .filter(|transport| {
                grants.iter().any(|grant| {
                    let named = grant.transports.named();
                    named.is_none_or(|named| named.contains(transport))
                })
            })
            .map(ToString::to_string)
            .collect();
        choices
    }

    /// Whether a room that is not in the list may be asked for.
    pub(super) fn free_room(&self) -> bool {
        self.any_room || !self.patterns.is_empty()
    }
}

/// What was chosen, exactly as it was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    pub room: String,
    pub stream: String,
    pub roles: Vec<String>,
    pub transports: Vec<String>,
    pub ttl_seconds: String,
}

impl Chosen {
    pub(super) fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|chosen| chosen == role)
    }

    pub(super) fn has_transport(&self, transport: &str) -> bool {
        self.transports.iter().any(|chosen| chosen == transport)
    }
}

/// A refusal of the portal's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What to say, in the order of the form's fields.
    pub told: Vec<Told>,
    /// Why, with what is granted in place of what was asked for.
    pub because: Option<String>,
    /// What is granted, of the refused names or besides.
    pub instead: Vec<GrantWords>,
}

/// One sentence, with the names it is about. It begins small, to follow the
/// field's label and a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Field of the form that it stands beside; `None`: above the form.
    pub field: Option<&'static str>,
    /// The sentence; where names follow, it ends in a colon.
    pub text: String,
    /// Names from the request.
    pub names: Vec<String>,
}

/// Most grants that a refusal shows; all of them are on the same page.
const INSTEAD: usize = 4;

impl Told {
    pub(super) fn label(&self) -> Option<&'static str> {
        let of_field = |(field, _): &&(&str, &str)| self.field == Some(*field);
        LABELS.iter().find(of_field).map(|(_, label)| *label)
    }

    pub(super) fn sentence(&self) -> String {
        words::sentence(&self.text)
    }
}

const LABELS: [(&str, &str); 5] = [
    ("room", "Room"),
    ("stream", "Stream name"),
    ("roles", "What to do"),
    ("transports", "Protocols"),
    ("ttl_seconds", "Seconds it is good for"),
];

impl Refused {
    /// With the sentence of the refusal of this code.
    pub fn of(code: &str, sentence: &str) -> Self {
        let field = match code {
            "room_required" | "too_many_rooms" => Some("room"),
            "ttl_too_short" => Some("ttl_seconds"),
            _ => None,
        };
        Self::saying(vec![Told {
            field,
            text: sentence.to_owned(),
            names: Vec::new(),
        }])
    }

    /// Of wrong fields; those of the lists are named as in JSON.
    pub fn invalid(errors: &[FieldError]) -> Self {
        let told = errors.iter().map(|error| {
            let name = error.field.split('[').next().unwrap_or_default();
            let name = if name == "rooms" { "room" } else { name };
            let label = LABELS.iter().find(|(field, _)| *field == name);
            Told {
                field: label.map(|(field, _)| *field),
                text: error.reason.clone(),
                names: Vec::new(),
            }
        });
        Self::saying(told.collect())
    }

    /// Of the names that an exchange refused, where the form has them.
    pub fn not_granted(refused: &[String], chosen: &Chosen, grants: &[Grant]) -> Self {
        let mut told: Vec<Told> = Vec::new();
        let mut instead: Vec<&Grant> = Vec::new();
        for name in refused {
            for (field, word) in places(name, chosen) {
                let before = instead.len();
                instead.extend(grants.iter().filter(|grant| holds(grant, field, name)));
                let text = if instead.len() > before {
                    "granted to you, but not together with the rest of what you chose:"
                } else {
                    "not granted to you:"
                };
                let same = |told: &&mut Told| told.field == Some(field) && told.text == text;
                match told.iter_mut().find(same) {
                    Some(told) => told.names.push(word),
                    None => told.push(Told {
                        field: Some(field),
                        text: text.to_owned(),
                        names: vec![word],
                    }),
                }
            }
        }
        told.sort_by_key(|told| {
            LABELS
                .iter()
                .position(|(field, _)| told.field == Some(*field))
        });
        if instead.is_empty() {
            instead.extend(grants);
        }
        instead.sort_unstable();
        instead.dedup();
        let instead = instead.into_iter().take(INSTEAD).map(GrantWords::of);
        Self {
            told,
            because: None,
            instead: instead.collect(),
        }
    }

    fn saying(told: Vec<Told>) -> Self {
        Self {
            told,
            because: None,
            instead: Vec::new(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rooms::GrantRoom;
    use crate::domain::set::{AnyOr, NonEmpty};

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
            .told
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
        assert_eq!(refused.instead, both);
        // Of what is granted at all, that; else everything, up to a few.
        let room = strings(&["WHIP"]);
        let some = Refused::not_granted(&room, &chosen, &[publish.clone(), watch.clone()]);
        assert_eq!(some.instead, [GrantWords::of(&watch)]);
        let none = Refused::not_granted(&room, &chosen, std::slice::from_ref(&publish));
        assert_eq!(none.instead, [GrantWords::of(&publish)]);
        let rooms = ["a", "b", "c", "d", "e"];
        let many = rooms.map(|room| one(Role::Publisher, Transport::Rtmp, room));
        assert_eq!(
            Refused::not_granted(&room, &chosen, &many).instead.len(),
            INSTEAD
        );
    }

    #[test]
    fn an_invalid_member_of_a_list_stands_beside_the_list() {
        let error = |field: &str| FieldError {
            field: field.to_owned(),
            reason: "not like this".to_owned(),
        };
        let errors = ["rooms[0]", "roles[1]", "ttl_seconds", "other"].map(error);
        let told = Refused::invalid(&errors).told;
        let fields: Vec<_> = told.into_iter().map(|told| told.field).collect();
        assert_eq!(
            fields,
            [Some("room"), Some("roles"), Some("ttl_seconds"), None]
        );
    }
}
