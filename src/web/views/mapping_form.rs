//! The form of a mapping: to add, to edit, and again with what is wrong.
//!
//! What was typed is kept to the letter, so the form works on text. Its fields are those of
//! `domain::mapping`: they are read and shown here by their kind alone.

use askama::Template;
use serde_json::{Map, Value};

use super::frame::Frame;
use super::shown::Shown;
use super::{times, words};
use crate::domain::mapping::{FIELDS, Field, FieldKind, Mapping, MappingDraft, MappingId};
use crate::domain::members::{FieldError, together};
use crate::domain::names::{Role, Transport};
use crate::flow::effect::FailingTest;
use crate::web::form::{Form, Repeated, filled};

/// GET `/admin/mappings/new` and `/admin/mappings/{id}`, and the answers with
/// 400, 403, 404, 409 and 412. The form is a POST to `/admin/mappings`, or to
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
    /// Why nothing was saved, where that is no field's fault.
    pub not_saved: Option<NotSaved>,
}

/// Which mapping is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Editing {
    /// `id`
    pub id: MappingId,
    /// The version that was read; the form sends it back.
    pub version: i64,
}

/// Why nothing was saved.
#[derive(Debug, Clone)]
pub enum NotSaved {
    /// The form is from a page of an earlier session (403).
    SessionChanged,
    /// The mapping was deleted meanwhile (404); saving adds a new one.
    Gone(MappingId),
    /// This mapping says the same (409).
    Duplicate(MappingId),
    /// These mapping tests would fail (409).
    TestsFailed(Vec<FailingTest>),
    /// Another edit was first (412): the mapping as it is now.
    Stale(Box<Mapping>),
}

/// The fields of the form, exactly as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedMapping(Form);

impl Default for TypedMapping {
    /// A new mapping: for one group, nothing granted yet, and *any* not chosen.
    fn default() -> Self {
        let fields = [("match", "exact"), ("enabled", "true")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(Form::new(fields.into()))
    }
}

impl TypedMapping {
    /// As it was sent. Of a field that is there twice neither is chosen: our page did not send that.
    ///
    /// # Errors
    /// Where a field that the page sends once is there twice.
    pub fn sent(form: Form) -> Result<Self, Repeated> {
        for Field { name, kind, .. } in &FIELDS {
            if *kind != FieldKind::Words {
                form.one(name)?;
            }
            form.one(&format!("{name}_are"))?;
        }
        Ok(Self(form))
    }

    /// What the form holds when this mapping is opened.
    pub fn of(draft: &MappingDraft) -> Self {
        let members = serde_json::to_value(draft).unwrap_or_default();
        let mut fields = Vec::new();
        for Field { name, kind, .. } in &FIELDS {
            let mut add = |name: &str, text: &str| fields.push((name.to_owned(), text.to_owned()));
            match &members[*name] {
                Value::String(text) => add(name, text),
                Value::Number(number) => add(name, &number.to_string()),
                Value::Bool(true) => add(name, "true"),
                Value::Array(words) => {
                    let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                    match words.as_slice() {
                        ["*"] => add(&format!("{name}_are"), "any"),
                        words if *kind == FieldKind::Lines => add(name, &words.join("\n")),
                        words => words.iter().for_each(|word| add(name, word)),
                    }
                }
                _ => {}
            }
        }
        Self(Form::new(fields))
    }

    /// Judged by the same rules as JSON.
    ///
    /// # Errors
    /// Each invalid field.
    pub fn read(&self) -> Result<MappingDraft, Vec<FieldError>> {
        let mut sent = Map::new();
        let mut errors = Vec::new();
        for field in &FIELDS {
            let name = field.name;
            let text = self.0.text(name);
            let value = match field.kind {
                FieldKind::Text => text.into(),
                FieldKind::Time => filled(&text).into(),
                // What is no number is refused as one that is out of bounds.
                FieldKind::Number => filled(&text).map(|text| text.parse().unwrap_or(-1)).into(),
                FieldKind::Switch => (text == "true").into(),
                FieldKind::Words | FieldKind::Lines => {
                    let words = self.words(field);
                    match (self.is_any(name), words.is_empty()) {
                        (true, true) => vec!["*"].into(),
                        (false, true) => continue,
                        (false, false) => words.into(),
                        // A list with "any" still chosen would grant everything.
                        (true, false) => {
                            errors.push(FieldError::new(name, "choose any, or these, not both"));
                            words.into()
                        }
                    }
                }
            };
            sent.insert(name.to_owned(), value);
        }
        together(errors, MappingDraft::parse(sent))
    }

    fn text(&self, name: &str) -> String {
        self.0.text(name)
    }

    fn has(&self, name: &str, word: &str) -> bool {
        self.0.all(name).any(|typed| typed == word)
    }

    fn is_any(&self, name: &str) -> bool {
        self.0.text(&format!("{name}_are")) == "any"
    }

    /// The words of a list, in their order: `rooms[1]` of an error is the
    /// second of these. Lines of white space alone do not count.
    fn words(&self, field: &Field) -> Vec<&str> {
        let typed = self.0.all(field.name);
        if field.kind == FieldKind::Lines {
            let lines = typed.flat_map(str::lines);
            lines.filter(|line| !line.trim().is_empty()).collect()
        } else {
            typed.collect()
        }
    }

    fn unseen_in_group(&self) -> Vec<String> {
        Shown(self.text("group")).unseen()
    }

    /// Every field beside what was typed, in the order of the form.
    fn compare(&self, typed: &Self) -> Vec<Compared> {
        let compared = FIELDS.iter().map(|field| Compared {
            label: field.label,
            now: self.lines(field),
            typed: typed.lines(field),
        });
        compared.collect()
    }

    /// A field line by line, to be compared. Lists are compared as sets and shown sorted: their
    /// order means nothing.
    fn lines(&self, field: &Field) -> Vec<Shown> {
        let text = match field.kind {
            FieldKind::Switch if self.has(field.name, "true") => "yes".to_owned(),
            FieldKind::Switch => "no".to_owned(),
            FieldKind::Words | FieldKind::Lines => {
                let mut words = self.words(field);
                words.sort_unstable();
                words.dedup();
                let any = self.is_any(field.name).then_some("Any");
                let words = words.into_iter().map(words::role_word);
                any.into_iter().chain(words).collect::<Vec<_>>().join("\n")
            }
            FieldKind::Text | FieldKind::Number | FieldKind::Time => self.text(field.name),
        };
        Shown(text).lines()
    }
}

/// One field after a conflict: as it is now beside what was typed.
#[derive(Debug)]
struct Compared {
    label: &'static str,
    now: Vec<Shown>,
    typed: Vec<Shown>,
}

impl Compared {
    fn differs(&self) -> bool {
        self.now != self.typed
    }
}

/// A problem as the page tells it.
#[derive(Debug)]
struct FormError<'a> {
    /// Control that the summary leads to; empty where there is none.
    control: &'static str,
    label: &'static str,
    /// The room that it is about.
    entry: Option<&'a str>,
    /// What is wrong and what to do.
    reason: &'a str,
}

impl MappingForm {
    fn form_errors(&self) -> impl Iterator<Item = FormError<'_>> {
        self.errors.iter().map(|error| {
            let (name, index) = error.field.split_once('[').unwrap_or((&error.field, ""));
            let field = FIELDS.iter().find(|field| field.name == name);
            let index = index.strip_suffix(']').and_then(|at| at.parse().ok());
            let lines = field.filter(|field| field.kind == FieldKind::Lines);
            let entry = |at: usize| self.typed.words(lines?).get(at).copied();
            FormError {
                control: field.map_or("", |field| field.control),
                label: field.map_or("Mapping", |field| field.label),
                entry: index.and_then(entry),
                reason: &error.reason,
            }
        })
    }

    fn errors_at(&self, name: &str) -> Vec<FormError<'_>> {
        let field = FIELDS.iter().find(|field| field.name == name);
        let label = field.map(|field| field.label);
        let errors = self.form_errors();
        errors.filter(|error| Some(error.label) == label).collect()
    }

    fn has_error(&self, name: &str) -> bool {
        !self.errors_at(name).is_empty()
    }

    fn has_problem(&self) -> bool {
        let is_problem = |not_saved: &NotSaved| !matches!(not_saved, NotSaved::SessionChanged);
        !self.errors.is_empty() || self.not_saved.as_ref().is_some_and(is_problem)
    }

    fn compared(&self, now: &Mapping) -> Vec<Compared> {
        TypedMapping::of(&now.draft).compare(&self.typed)
    }

    fn is_stale(&self) -> bool {
        matches!(self.not_saved, Some(NotSaved::Stale(_)))
    }

    /// The version that saving replaces: after a conflict, the one just shown.
    fn version(&self) -> Option<i64> {
        match &self.not_saved {
            Some(NotSaved::Stale(now)) => Some(now.version),
            _ => self.editing.map(|editing| editing.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)]) -> TypedMapping {
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TypedMapping(Form::new(fields.collect()))
    }

    fn differing(now: &TypedMapping, typed: &TypedMapping) -> Vec<&'static str> {
        now.compare(typed)
            .iter()
            .filter(|field| field.differs())
            .map(|field| field.label)
            .collect()
    }

    #[test]
    fn the_same_mapping_differs_nowhere_whatever_the_order_of_its_lists() {
        let now = typed(&[
            ("rooms", "b\na"),
            ("transports", "WHIP"),
            ("transports", "RTMP"),
        ]);
        let typed = typed(&[
            ("transports", "RTMP"),
            ("transports", "WHIP"),
            ("rooms", "a\r\n\r\nb\r\n"),
        ]);
        assert_eq!(differing(&now, &typed), Vec::<&str>::new());
    }

    #[test]
    fn each_field_that_differs_is_told() {
        let now = TypedMapping::default();
        let typed = typed(&[
            ("match", "glob"),
            ("group", "crew-*"),
            ("roles", "red5-publisher"),
            ("transports_are", "any"),
            ("rooms_are", "any"),
            ("max_ttl_seconds", "60"),
            ("valid_from", "a"),
            ("valid_until", "b"),
            ("note", "n"),
        ]);
        assert_eq!(differing(&now, &typed).len(), FIELDS.len());
    }

    #[test]
    fn a_mapping_that_is_opened_and_saved_is_the_same() {
        for (transports, rooms) in [
            (serde_json::json!(["*"]), serde_json::json!(["*"])),
            (
                serde_json::json!(["RTMP", "WHIP"]),
                serde_json::json!(["a", "b-*"]),
            ),
        ] {
            let sent = serde_json::json!({
                "group": " crew-* ", "match": "glob", "roles": ["red5-publisher"], "rooms": rooms,
                "transports": transports, "max_ttl_seconds": 60, "enabled": false, "note": "a\nb",
                "valid_from": "2026-11-24T15:04:05Z", "valid_until": "2026-11-24T15:04:06Z",
            });
            let draft = MappingDraft::parse(serde_json::from_value(sent).unwrap()).unwrap();
            assert_eq!(TypedMapping::of(&draft).read(), Ok(draft));
        }
    }
}
