//! Why no token was made, in plain words beside the field that can change it.

use super::{times, words};
use crate::domain::lifetime::LimitedBy;
use crate::domain::mapping::FieldError;
use crate::domain::names::{Role, Transport};

/// A refusal of the portal's form; each is a `code` of the JSON answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// `scope_not_granted`: the names that no grant covers.
    NotGranted {
        /// As in the JSON answer.
        refused: Vec<String>,
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
    /// `unavailable`: nobody knows at the moment what is granted.
    Unavailable,
}

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

const NOT_TOGETHER: &str = "not granted to you, or not together with the rest of what you chose:";

/// Labels of the form's fields.
const LABELS: [(&str, &str); 4] = [
    ("room", "Room"),
    ("roles", "What to do"),
    ("transports", "Protocols"),
    ("ttl_seconds", "Seconds it is good for"),
];

impl Refused {
    /// What to say, in the order of the form's fields.
    pub(super) fn told(&self) -> Vec<Told> {
        let above = |text: &str| vec![Told::new(None, text)];
        match self {
            Self::NotGranted { refused } => not_granted(refused),
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

fn not_granted(refused: &[String]) -> Vec<Told> {
    let mut by_field = [
        ("room", Vec::new()),
        ("roles", Vec::new()),
        ("transports", Vec::new()),
        ("", Vec::new()),
    ];
    for name in refused {
        let at = if name == "*" {
            3
        } else if Role::parse(name).is_some() {
            1
        } else if Transport::parse(name).is_some() {
            2
        } else {
            0
        };
        let name = match name.as_str() {
            "*" => "any",
            role if at == 1 => words::role_word(role),
            name => name,
        };
        by_field[at].1.push(name.to_owned());
    }
    by_field
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(field, names)| Told {
            names,
            ..Told::new((!field.is_empty()).then_some(field), NOT_TOGETHER)
        })
        .collect()
}

fn invalid(errors: &[FieldError]) -> Vec<Told> {
    errors
        .iter()
        .map(|error| {
            let name = error.field.split('[').next().unwrap_or_default();
            let field = match name {
                "room" | "rooms" => Some("room"),
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

    fn told(refused: &Refused) -> Vec<(Option<&'static str>, Vec<String>)> {
        let told = refused.told();
        told.into_iter().map(|t| (t.field, t.names)).collect()
    }

    #[test]
    fn each_refused_name_stands_beside_its_field() {
        let refused = ["*", "RTMP", "red5-publisher", "studio-2", "whip-room"];
        let refused = Refused::NotGranted {
            refused: refused.map(str::to_owned).to_vec(),
        };
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(
            told(&refused),
            [
                (Some("room"), names(&["studio-2", "whip-room"])),
                (Some("roles"), names(&["Publish"])),
                (Some("transports"), names(&["RTMP"])),
                (None, names(&["any"])),
            ]
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
