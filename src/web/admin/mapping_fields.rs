//! The fields of the mapping form: kept as they were typed, and judged by the
//! same rules as JSON.

use chrono::{DateTime, Utc};

use crate::domain::mapping::{FieldError, MappingDraft, MappingInput};
use crate::web::body::{MOMENT, moment, together};
use crate::web::form::{Form, Repeated, filled};
use crate::web::views::TypedMapping;

/// Fields of which the page sends one each.
const SINGLE: [&str; 10] = [
    "match",
    "group",
    "transports_are",
    "rooms_are",
    "rooms",
    "max_ttl_seconds",
    "valid_from",
    "valid_until",
    "enabled",
    "note",
];

/// Exactly what was typed, to be judged and to be shown again. Of a field that
/// is there twice neither is chosen: our page did not send that.
pub(in crate::web) fn typed(form: &Form) -> Result<TypedMapping, Repeated> {
    for field in SINGLE {
        form.one(field)?;
    }
    Ok(TypedMapping {
        group_match: form.text("match"),
        group: form.text("group"),
        roles: form.all("roles").map(str::to_owned).collect(),
        any_transport: form.text("transports_are") == "any",
        transports: form.all("transports").map(str::to_owned).collect(),
        any_room: form.text("rooms_are") == "any",
        rooms: form.text("rooms"),
        max_ttl_seconds: form.text("max_ttl_seconds"),
        valid_from: form.text("valid_from"),
        valid_until: form.text("valid_until"),
        enabled: form.text("enabled") == "true",
        note: form.text("note"),
    })
}

/// What was typed, judged: the same rules as for JSON.
pub(in crate::web) fn read(typed: &TypedMapping) -> Result<MappingDraft, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut time = |field: &str, text: &str| -> Option<DateTime<Utc>> {
        let time = moment(filled(text)?);
        if time.is_none() {
            errors.push(FieldError::new(field, MOMENT));
        }
        time
    };
    let valid_from = time("valid_from", &typed.valid_from);
    let valid_until = time("valid_until", &typed.valid_until);
    // A list with "any" still chosen would grant everything.
    let mut list = |field: &str, any: bool, words: Vec<String>| match (any, words.is_empty()) {
        (true, true) => vec!["*".to_owned()],
        (true, false) => {
            errors.push(FieldError::new(field, "choose any, or these, not both"));
            words
        }
        (false, _) => words,
    };
    let rooms: Vec<String> = typed.room_lines().map(str::to_owned).collect();
    let transports = list("transports", typed.any_transport, typed.transports.clone());
    let rooms = list("rooms", typed.any_room, rooms);
    let input = MappingInput {
        group: Some(typed.group.clone()).filter(|group| !group.is_empty()),
        group_match: typed.group_match.clone(),
        roles: typed.roles.clone(),
        transports,
        rooms,
        // What is no number is refused as one that is out of bounds.
        max_ttl_seconds: filled(&typed.max_ttl_seconds).map(|text| text.parse().unwrap_or(-1)),
        valid_from,
        valid_until,
        enabled: typed.enabled,
        note: typed.note.replace("\r\n", "\n"),
    };
    together(errors, MappingDraft::parse(input))
}
