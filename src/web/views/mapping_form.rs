//! The form of a mapping: to add, to edit, and again with what is wrong.
//!
//! What was typed is kept to the letter, so the form works on text. Turning
//! it into a `MappingInput` is the handler's; it must refuse `any` beside a
//! list that is not empty, and never choose one of the two.

use askama::Template;

use super::differences;
use super::frame::Frame;
use super::shown::Shown;
use super::times::Moment;
use super::{times, words};
use crate::domain::mapping::{FieldError, Mapping, MappingInput};
use crate::domain::names::{Role, Transport};

/// GET `/admin/mappings/new` and `/admin/mappings/{id}`, and the answers with
/// 400, 409 and 412. The form is a POST to `/admin/mappings`, or to
/// `/admin/mappings/{id}` with `version`; both with `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "mapping_form.html")]
pub struct MappingForm {
    /// The bar.
    pub frame: Frame,
    /// Which mapping is edited; `None` for a new one.
    pub editing: Option<Editing>,
    /// What the fields hold.
    pub typed: TypedMapping,
    /// What is wrong with them; `field` as in the JSON API (`rooms[0]`).
    pub errors: Vec<FieldError>,
    /// The mapping that is alike (409).
    pub twin: Option<i64>,
    /// The mapping as it is now, when it is no longer the one that was edited (412).
    pub newer: Option<Newer>,
    /// The mapping that was edited and is not there any more (404); saving adds a new one.
    pub gone: Option<i64>,
    /// It was sent from a page of an earlier session (403).
    pub session_changed: bool,
}

/// Which mapping is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Editing {
    /// `id`
    pub id: i64,
    /// The version that was read; the form sends it back.
    pub version: i64,
}

/// The mapping as another administrator changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newer {
    /// Its fields, written as the form would show them.
    pub now: TypedMapping,
    /// Its version; saving again replaces this one.
    pub version: i64,
    /// Who.
    pub updated_by: Shown,
    /// When.
    pub updated_at: Moment,
}

impl Newer {
    /// Of the mapping as it is now.
    pub fn of(mapping: &Mapping) -> Self {
        Self {
            now: TypedMapping::of(&mapping.draft.to_input()),
            version: mapping.version,
            updated_by: Shown(mapping.updated_by.clone()),
            updated_at: Moment::of(mapping.updated_at),
        }
    }
}

/// The fields, by the names that the form sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedMapping {
    /// `match`: `exact`, `glob` or `everyone`.
    pub group_match: String,
    /// `group`
    pub group: String,
    /// Each `roles`.
    pub roles: Vec<String>,
    /// `transports_are` is `any`, not `listed`.
    pub any_transport: bool,
    /// Each `transports`.
    pub transports: Vec<String>,
    /// `rooms_are` is `any`, not `listed`.
    pub any_room: bool,
    /// `rooms`: one to a line; lines of white space alone do not count.
    pub rooms: String,
    /// `max_ttl_seconds`
    pub max_ttl_seconds: String,
    /// `valid_from`
    pub valid_from: String,
    /// `valid_until`
    pub valid_until: String,
    /// `enabled` was sent (its value is `true`).
    pub enabled: bool,
    /// `note`
    pub note: String,
}

impl Default for TypedMapping {
    /// A new mapping: for one group, nothing granted yet, and *any* not chosen.
    fn default() -> Self {
        Self {
            group_match: "exact".to_owned(),
            group: String::new(),
            roles: Vec::new(),
            any_transport: false,
            transports: Vec::new(),
            any_room: false,
            rooms: String::new(),
            max_ttl_seconds: String::new(),
            valid_from: String::new(),
            valid_until: String::new(),
            enabled: true,
            note: String::new(),
        }
    }
}

impl TypedMapping {
    /// What the form holds when this mapping is opened.
    pub fn of(input: &MappingInput) -> Self {
        let is_any = |list: &[String]| matches!(list, [only] if only == "*");
        let (any_transport, any_room) = (is_any(&input.transports), is_any(&input.rooms));
        Self {
            group_match: input.group_match.clone(),
            group: input.group.clone().unwrap_or_default(),
            roles: input.roles.clone(),
            any_transport,
            transports: if any_transport {
                Vec::new()
            } else {
                input.transports.clone()
            },
            any_room,
            rooms: if any_room {
                String::new()
            } else {
                input.rooms.join("\n")
            },
            max_ttl_seconds: input
                .max_ttl_seconds
                .map(|seconds| seconds.to_string())
                .unwrap_or_default(),
            valid_from: input.valid_from.map(times::instant).unwrap_or_default(),
            valid_until: input.valid_until.map(times::instant).unwrap_or_default(),
            enabled: input.enabled,
            note: input.note.clone(),
        }
    }

    /// The rooms that count, in their order: `rooms[1]` of an error is the
    /// second of these.
    pub fn room_lines(&self) -> impl Iterator<Item = &str> {
        self.rooms.lines().filter(|line| !line.trim().is_empty())
    }

    fn has_role(&self, role: Role) -> bool {
        self.roles.iter().any(|typed| typed == role.as_str())
    }

    fn has_transport(&self, transport: Transport) -> bool {
        self.transports
            .iter()
            .any(|typed| typed == transport.as_str())
    }

    fn unseen_in_group(&self) -> Vec<String> {
        Shown(self.group.clone()).unseen()
    }
}

/// A problem as the page tells it.
#[derive(Debug, PartialEq, Eq)]
struct FormError<'a> {
    /// Control that the summary leads to; empty where there is none.
    control: &'static str,
    /// What the field is called.
    label: &'static str,
    /// The room that it is about.
    entry: Option<&'a str>,
    /// What is wrong and what to do.
    reason: &'a str,
}

/// Field of the JSON API, label on the page, and the control that takes the focus.
const FIELDS: [(&str, &str, &str); 10] = [
    ("match", "Applies to", "match-exact"),
    ("group", "Group", "group"),
    ("roles", "May", "roles-red5-publisher"),
    ("transports", "Protocols", "transports-listed"),
    ("rooms", "Rooms", "rooms"),
    ("max_ttl_seconds", "Longest token", "max_ttl_seconds"),
    ("valid_from", "Valid from", "valid_from"),
    ("valid_until", "Valid until", "valid_until"),
    ("enabled", "Enabled", "enabled"),
    ("note", "Note", "note"),
];

impl MappingForm {
    fn form_errors(&self) -> Vec<FormError<'_>> {
        self.errors
            .iter()
            .map(|error| {
                let name = error.field.split('[').next().unwrap_or_default();
                let (_, label, control) = FIELDS
                    .into_iter()
                    .find(|(field, _, _)| *field == name)
                    .unwrap_or(("", "Mapping", ""));
                FormError {
                    control,
                    label,
                    entry: (name == "rooms")
                        .then(|| index(&error.field))
                        .flatten()
                        .and_then(|at| self.typed.room_lines().nth(at)),
                    reason: &error.reason,
                }
            })
            .collect()
    }

    fn errors_at(&self, label: &str) -> Vec<FormError<'_>> {
        let mut errors = self.form_errors();
        errors.retain(|error| error.label == label);
        errors
    }

    fn has_error(&self, label: &str) -> bool {
        !self.errors_at(label).is_empty()
    }

    fn has_problem(&self) -> bool {
        !self.errors.is_empty()
            || self.twin.is_some()
            || self.newer.is_some()
            || self.gone.is_some()
    }

    /// The version that saving replaces: after a conflict, the one just shown.
    fn version(&self) -> Option<i64> {
        let newer = self.newer.as_ref().map(|newer| newer.version);
        newer.or(self.editing.map(|editing| editing.version))
    }
}

/// `1` of `rooms[1]`.
fn index(field: &str) -> Option<usize> {
    let (_, rest) = field.split_once('[')?;
    rest.strip_suffix(']')?.parse().ok()
}
