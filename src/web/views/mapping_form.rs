//! The form of a mapping: to add, to edit, and again with what is wrong.
//!
//! What was typed is kept to the letter, so the form works on text. Its fields are those of
//! `domain::mapping`: they are read and shown here by their kind alone.

use askama::Template;
use serde_json::{Map, Value};

use super::effect::EffectWords;
use super::frame::Frame;
use super::mappings::ListPlace;
use super::shown::Shown;
use super::times::Moment;
use super::{times, words};
use crate::domain::mapping::{FIELDS, Field, FieldKind, Mapping, MappingDraft, MappingId};
use crate::domain::members::{FieldError, together};
use crate::domain::names::{Role, Transport};
use crate::flow::effect::FailingTest;
use crate::web::form::{Form, Repeated, filled};

/// GET `/admin/mappings/new` and `/admin/mappings/{id}`, and the answers with
/// 400, 403, 404, 409 and 412. The form is a POST to `/admin/mappings`, or to
/// `/admin/mappings/{id}` with `version`; both with `list` and `form_token`. With `review` nothing is
/// saved, and the answer (200) is the form with what saving would do.
#[derive(Debug, Clone, Template)]
#[template(path = "mapping_form.html")]
pub struct MappingForm {
    /// The bar.
    pub frame: Frame,
    /// Where in the list it was opened.
    pub place: ListPlace,
    /// Which mapping is edited; `None` for a new one.
    pub editing: Option<Editing>,
    /// What the fields hold.
    pub typed: TypedMapping,
    /// What is wrong with them; `field` as in the JSON API (`rooms[0]`).
    pub errors: Vec<FieldError>,
    /// Why nothing was saved, where that is no field's fault.
    pub not_saved: Option<NotSaved>,
    /// What saving it would do, where that was asked for.
    pub reviewed: Option<EffectWords>,
    /// Which mapping the fields of a new one come from.
    pub copied: Option<MappingId>,
    /// Who changed it last, and when, where that is known.
    pub last_change: Option<(Shown, Moment)>,
    /// Groups to choose from.
    pub groups: Vec<String>,
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
    /// Another edit was first (412).
    Stale(Conflict),
}

/// An edit that met another's.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// The mapping as it is now.
    now: Box<Mapping>,
    /// Every field, in the order of the form.
    fields: Vec<Compared>,
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
                Value::String(text) if *kind == FieldKind::Time => add(name, &shown_time(text)),
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
                FieldKind::Time => match filled(&text).map(times::typed) {
                    Some(None) => {
                        errors.push(FieldError::new(name, times::TYPED));
                        continue;
                    }
                    time => time.flatten().into(),
                },
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
            .map_err(|errors| errors.into_iter().map(in_words_of_the_form).collect())
    }

    /// Whether the button was pressed that asks what saving would do.
    pub fn is_for_review(&self) -> bool {
        self.0.all("review").next().is_some()
    }

    /// What was typed where it differs from what was opened, and elsewhere what is there now.
    fn merged(&self, opened: &Self, now: &Self) -> Self {
        let mut fields = Vec::new();
        for field in &FIELDS {
            let is_untouched = self.lines(field) == opened.lines(field);
            let source = if is_untouched { now } else { self };
            for name in [field.name.to_owned(), format!("{}_are", field.name)] {
                let values = source.0.all(&name);
                fields.extend(values.map(|value| (name.clone(), value.to_owned())));
            }
        }
        Self(Form::new(fields))
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

    /// Every field as it was opened, where that is known, as it is now and as it was typed.
    fn compare(opened: Option<&Self>, now: &Self, mine: &Self) -> Vec<Compared> {
        let compared = FIELDS.iter().map(|field| Compared {
            label: field.label,
            opened: opened.map(|opened| opened.lines(field)),
            now: now.lines(field),
            mine: mine.lines(field),
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
            FieldKind::Time => shown_time(&self.text(field.name)),
            FieldKind::Text | FieldKind::Number => self.text(field.name),
        };
        Shown(text).lines()
    }
}

fn last_change(row: &Mapping) -> (Shown, Moment) {
    (Shown(row.updated_by.clone()), Moment::of(row.updated_at))
}

/// A time as the form shows it; what is none is left as it is.
fn shown_time(text: &str) -> String {
    let at = times::typed(text).and_then(|text| text.parse().ok());
    at.map_or_else(|| text.to_owned(), times::reading_time)
}

/// The reasons of `domain::mapping` speak of the members of JSON.
fn in_words_of_the_form(error: FieldError) -> FieldError {
    let reason = error.reason;
    let reason = match error.field.as_str() {
        "match" => "choose one of these".to_owned(),
        "group" => reason.replace("choose exact", "choose one group, named exactly"),
        "roles" | "transports" | "rooms" => reason
            .replace("transport", "protocol")
            .replace(", or * for any", ", or choose any"),
        "valid_until" => reason.replace("valid_from", "“Valid from”"),
        _ => reason,
    };
    FieldError::new(error.field, reason)
}

/// One field after a conflict.
#[derive(Debug, Clone)]
struct Compared {
    label: &'static str,
    /// None where it is not known any more.
    opened: Option<Vec<Shown>>,
    now: Vec<Shown>,
    mine: Vec<Shown>,
}

impl Compared {
    /// Who changed it, where the two are not the same now.
    fn mark(&self) -> Option<&'static str> {
        let opened = self.opened.as_ref();
        if self.now == self.mine {
            None
        } else if opened == Some(&self.mine) {
            Some("changed meanwhile")
        } else if opened == Some(&self.now) {
            Some("changed by you")
        } else if opened.is_some() {
            Some("changed by both")
        } else {
            Some("differs")
        }
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

    /// The form of a mapping as it is now.
    #[must_use]
    pub fn opening(mut self, row: &Mapping) -> Self {
        self.typed = TypedMapping::of(&row.draft);
        self.last_change = Some(last_change(row));
        self
    }

    /// The form of a new mapping with the fields of another.
    #[must_use]
    pub fn copying(mut self, row: &Mapping) -> Self {
        self.typed = TypedMapping::of(&row.draft);
        self.copied = Some(row.id);
        self
    }

    /// The form after another edit was first: what was not touched is as it is now, and saving
    /// replaces the version that is shown. `opened` is the mapping as the form had it, where that is
    /// known.
    #[must_use]
    pub fn meeting(mut self, opened: Option<&Mapping>, now: Box<Mapping>) -> Self {
        let opened = opened.map(|opened| TypedMapping::of(&opened.draft));
        let there = TypedMapping::of(&now.draft);
        let fields = TypedMapping::compare(opened.as_ref(), &there, &self.typed);
        if let Some(opened) = opened {
            self.typed = self.typed.merged(&opened, &there);
        }
        self.last_change = Some(last_change(&now));
        self.editing = Some(Editing {
            id: now.id,
            version: now.version,
        });
        self.not_saved = Some(NotSaved::Stale(Conflict { now, fields }));
        self
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
        TypedMapping::compare(None, now, typed)
            .iter()
            .filter(|field| field.mark().is_some())
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
    fn after_a_conflict_what_was_not_touched_is_as_it_is_now_and_the_rest_as_typed() {
        let opened = typed(&[
            ("group", "crew"),
            ("rooms", "a\nb"),
            ("transports_are", "any"),
            ("valid_from", "2026-12-01 00:00 UTC"),
            ("note", "old"),
            ("enabled", "true"),
        ]);
        let now = typed(&[
            ("group", "crew"),
            ("rooms", "c"),
            ("transports", "WHIP"),
            ("valid_from", "2026-12-02 00:00 UTC"),
            ("note", "theirs"),
        ]);
        let mine = typed(&[
            ("group", "staff"),
            ("rooms", "b\r\na\r\n"),
            ("transports_are", "any"),
            ("transports_are", "any"),
            ("valid_from", "2026-12-01"),
            ("note", "mine"),
            ("enabled", "true"),
            ("version", "1"),
        ]);
        let expected = typed(&[
            ("group", "staff"),
            ("transports", "WHIP"),
            ("rooms", "c"),
            ("valid_from", "2026-12-02 00:00 UTC"),
            ("note", "mine"),
        ]);
        assert_eq!(mine.merged(&opened, &now), expected);
        let compared = TypedMapping::compare(Some(&opened), &now, &mine);
        let marks = compared.iter().map(|field| (field.label, field.mark()));
        let marks: Vec<_> = marks
            .filter_map(|(label, mark)| Some((label, mark?)))
            .collect();
        assert_eq!(
            marks,
            [
                ("Group", "changed by you"),
                ("Protocols", "changed meanwhile"),
                ("Rooms", "changed meanwhile"),
                ("Valid from", "changed meanwhile"),
                ("Enabled", "changed meanwhile"),
                ("Note", "changed by both"),
            ]
        );
    }

    #[test]
    fn no_error_speaks_of_members_that_the_form_does_not_show() {
        let wrong = [
            typed(&[]),
            typed(&[("match", "exact"), ("rooms_are", "any"), ("rooms", "a")]),
            typed(&[("match", "glob"), ("group", "crew")]),
            typed(&[
                ("roles", "red5-publisher"),
                ("transports", "WHEP"),
                ("max_ttl_seconds", "x"),
                ("valid_from", "soon"),
            ]),
            typed(&[("valid_from", "2026-12-01"), ("valid_until", "2026-12-01")]),
        ];
        for typed in wrong {
            for error in typed.read().unwrap_err() {
                for word in ["transport", "valid_", "exact,", "choose exact", " * "] {
                    assert!(!error.reason.contains(word), "{error:?}");
                }
            }
        }
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
