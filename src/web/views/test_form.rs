//! Mapping tests: the list, the form, and the page that asks before one is deleted.

use askama::Template;
use serde_json::{Map, Value, json};

use super::frame::Frame;
use super::line_errors::{self, LineError, LineField};
use super::shown::Shown;
use super::words;
use crate::domain::mapping_test::{
    EXPECTATIONS_MAX, Expectation, MappingTest, MappingTestDraft, MappingTestId,
};
use crate::domain::members::{FieldError, together};
use crate::domain::names::{Role, RoomName, Transport};
use crate::web::form::{Form, Repeated, filled};

const FIELDS: [LineField; 7] = [
    ("name", "name", "Name"),
    ("groups", "given.groups", "Groups"),
    ("username", "given.username", "User name"),
    ("subject", "given.subject", "Subject"),
    ("can", "can", "Can"),
    ("cannot", "cannot", "Cannot"),
    ("note", "note", "Note"),
];

/// How a line of "can" and "cannot" is written.
const SYNTAX: &str = "write publish or watch, then a room or *, and, if you like, RTMP, RTSP, WHIP or WHEP, as in publish studio-1 WHIP";

/// So many lines of a list are shown at once.
const SHOWN: usize = 5;

/// GET `/admin/tests`.
#[derive(Debug, Clone, Template)]
#[template(path = "tests.html")]
pub struct TestList {
    /// The bar.
    pub frame: Frame,
    /// By number.
    pub rows: Vec<TestRow>,
    /// The sentence about what the previous page did, and whether it succeeded. From the address, so only
    /// for display.
    pub done: Option<(&'static str, bool)>,
}

/// A test, and whether it passes.
#[derive(Debug, Clone)]
pub struct TestRow {
    pub(super) id: MappingTestId,
    pub(super) version: i64,
    pub(super) name: Shown,
    pub(super) given: Shown,
    pub(super) can: Vec<Shown>,
    pub(super) cannot: Vec<Shown>,
    pub(super) note: Shown,
    /// What is not as it states now; none: it passes.
    pub(super) because: Vec<Shown>,
}

impl TestRow {
    /// Of a test, and of what is not as it states.
    pub fn of(test: &MappingTest, because: Vec<String>) -> Self {
        let draft = &test.draft;
        let lines = |list: &[Expectation]| list.iter().map(|one| Shown(line(one))).collect();
        Self {
            id: test.id,
            version: test.version,
            name: Shown(draft.name().to_owned()),
            given: Shown(words::sentence(&draft.given().to_string())),
            can: lines(draft.can()),
            cannot: lines(draft.cannot()),
            note: Shown(draft.note().to_owned()),
            because: because.into_iter().map(Shown).collect(),
        }
    }

    fn fails(&self) -> bool {
        !self.because.is_empty()
    }
}

impl TestList {
    fn failing(&self) -> usize {
        self.rows.iter().filter(|row| row.fails()).count()
    }
}

/// GET `/admin/tests/{id}/delete`. Its form: POST to the same address with `version` and `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "test_delete.html")]
pub struct TestDelete {
    /// The bar.
    pub frame: Frame,
    /// The test.
    pub row: TestRow,
    /// Whether it was not deleted because of another edit.
    pub changed_meanwhile: bool,
}

/// GET `/admin/tests/new` and `/admin/tests/{id}`, and the answers with 400, 403, 404, 409 and 412. The form
/// is a POST to `/admin/tests`, or to `/admin/tests/{id}` with `version`; both with `form_token`.
#[derive(Debug, Clone, Template)]
#[template(path = "test_form.html")]
pub struct TestForm {
    /// The bar.
    pub frame: Frame,
    /// Which test is edited, and the version that was read; none for a new one.
    pub editing: Option<(MappingTestId, i64)>,
    /// What the fields hold.
    pub typed: TypedTest,
    /// What is wrong with them, by the members of the API.
    pub errors: Vec<FieldError>,
    /// Why nothing was saved, where that is no field's fault.
    pub not_saved: Option<TestNotSaved>,
}

/// Why a test was not saved.
#[derive(Debug, Clone)]
pub enum TestNotSaved {
    /// The form is from a page of an earlier session (403).
    SessionChanged,
    /// The test was deleted meanwhile (404); saving adds a new one.
    Gone(i64),
    /// A test of this number has the same name (409).
    Duplicate(i64),
    /// It would fail now, for these reasons (409).
    Fails(Vec<String>),
    /// Another edit was first (412); this is the test now.
    Stale(Box<TypedTest>),
}

/// The fields of the form, exactly as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TypedTest(Form);

impl TypedTest {
    /// As it was sent.
    ///
    /// # Errors
    /// Where a field is there twice.
    pub fn sent(form: Form) -> Result<Self, Repeated> {
        for (name, ..) in FIELDS {
            form.one(name)?;
        }
        Ok(Self(form))
    }

    /// What the form holds when this test is opened.
    pub fn of(draft: &MappingTestDraft) -> Self {
        let given = serde_json::to_value(draft.given()).unwrap_or_default();
        let text = |member: &str| given[member].as_str().unwrap_or_default().to_owned();
        let groups: Vec<&str> = draft.given().groups().collect();
        let lines = |list: &[Expectation]| list.iter().map(line).collect::<Vec<_>>().join("\n");
        let fields = [
            ("name", draft.name().to_owned()),
            ("groups", groups.join("\n")),
            ("username", text("username")),
            ("subject", text("subject")),
            ("can", lines(draft.can())),
            ("cannot", lines(draft.cannot())),
            ("note", draft.note().to_owned()),
        ];
        let fields = fields.map(|(name, text)| (name.to_owned(), text));
        Self(Form::new(fields.into()))
    }

    /// Judged by the same rules as JSON.
    ///
    /// # Errors
    /// Each invalid field.
    pub fn read(&self) -> Result<MappingTestDraft, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut expectations = |name: &str| {
            let lines = self.lines(name);
            // Stands for a line that cannot be read, so that the others keep their places.
            let any = || json!({"role": "red5-publisher", "room": "*"});
            // Not one error for each of a hundred thousand lines.
            if lines.len() > EXPECTATIONS_MAX {
                let reason = format!("at most {EXPECTATIONS_MAX} entries");
                errors.push(FieldError::new(name, reason));
                return json!([any()]);
            }
            let lines = lines.into_iter().enumerate();
            let read = lines.map(|(at, line)| {
                expectation(line).unwrap_or_else(|| {
                    errors.push(FieldError::new(format!("{name}[{at}]"), SYNTAX));
                    any()
                })
            });
            Value::Array(read.collect())
        };
        let (can, cannot) = (expectations("can"), expectations("cannot"));
        let mut given = Map::new();
        given.insert("groups".to_owned(), json!(self.lines("groups")));
        for name in ["username", "subject"] {
            if let Some(text) = filled(&self.text(name)) {
                given.insert(name.to_owned(), json!(text));
            }
        }
        let sent = [
            ("name", json!(self.text("name"))),
            ("given", Value::Object(given)),
            ("can", can),
            ("cannot", cannot),
            ("note", json!(self.text("note"))),
        ];
        let sent = sent.map(|(name, value)| (name.to_owned(), value));
        let judged = together(errors, MappingTestDraft::parse(sent.into_iter().collect()));
        judged.map_err(|mut errors| {
            line_errors::sort(&mut errors, &FIELDS);
            errors
        })
    }

    fn text(&self, name: &str) -> String {
        self.0.text(name)
    }

    /// The question whose answer says why the test passes or fails.
    fn explained(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for name in ["groups", "username", "subject"] {
            query.append_pair(name, &self.text(name));
        }
        query.finish()
    }

    fn lines<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        line_errors::lines(&self.0, name)
    }
}

/// What may be attempted, as a line: `publish studio-1 WHIP`.
fn line(expectation: &Expectation) -> String {
    let verb = match expectation.role {
        Role::Publisher => "publish",
        Role::Subscriber => "watch",
    };
    let room = expectation.room.as_ref().map_or("*", RoomName::as_str);
    let transport = expectation.transport.map(Transport::as_str);
    let transport = transport.map(|word| format!(" {word}"));
    format!("{verb} {room}{}", transport.unwrap_or_default())
}

/// Parses such a line into the JSON form; `None` if it is malformed. Red5's role names are accepted too.
fn expectation(line: &str) -> Option<Value> {
    let mut words = line.split_whitespace();
    let role = match words.next()? {
        "publish" => Role::Publisher,
        "watch" => Role::Subscriber,
        name => Role::parse(name)?,
    };
    let room = words.next()?;
    let transport = words.next();
    match words.next() {
        Some(_) => None,
        None => Some(json!({"role": role.as_str(), "room": room, "transport": transport})),
    }
}

impl TestForm {
    fn form_errors(&self) -> impl Iterator<Item = LineError> {
        let errors = self.errors.iter();
        errors.map(|error| {
            let reason = in_words_of_the_form(&error.reason);
            LineError::of(error, &FIELDS, &self.typed.0, reason)
        })
    }

    fn errors_at(&self, name: &str) -> Vec<LineError> {
        let errors = self.form_errors();
        errors.filter(|error| error.control == name).collect()
    }

    fn has_problem(&self) -> bool {
        let is_problem = |not: &TestNotSaved| !matches!(not, TestNotSaved::SessionChanged);
        !self.errors.is_empty() || self.not_saved.as_ref().is_some_and(is_problem)
    }

    /// Each field as it is now, and as it was typed, line by line.
    fn compared(&self, now: &TypedTest) -> Vec<(&'static str, [Vec<Shown>; 2])> {
        let fields = FIELDS.into_iter();
        let compared = fields.map(|(name, _, label)| {
            let sides = [now, &self.typed].map(|typed| Shown(typed.text(name)).lines());
            (label, sides)
        });
        compared.collect()
    }
}

/// The reasons of `domain::mapping_test` speak of the members of JSON.
fn in_words_of_the_form(reason: &str) -> String {
    let reason = reason
        .replace("red5-publisher or red5-subscriber", "publish or watch")
        .replace(
            "can never serve red5-publisher",
            "can never be used to publish",
        )
        .replace(
            "can never serve red5-subscriber",
            "can never be used to watch",
        )
        .replace("here or in cannot", "here or under “Cannot”")
        .replace("leave it out for none", "empty it for none");
    reason.replace("; leave it out otherwise", "; or write none")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&str, &str)]) -> TypedTest {
        let fields = fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        TypedTest(Form::new(fields.collect()))
    }

    fn errors(fields: &[(&str, &str)]) -> Vec<(String, Option<usize>)> {
        let typed = typed(fields);
        let errors = typed.read().unwrap_err();
        let form = TestForm {
            frame: Frame {
                base: String::new(),
                person: None,
            },
            editing: None,
            typed,
            errors,
            not_saved: None,
        };
        let errors = form.form_errors();
        errors
            .map(|error| (error.control.to_owned(), error.line))
            .collect()
    }

    #[test]
    fn a_test_that_is_opened_and_saved_is_the_same() {
        let sent = json!({
            "name": "Crew", "given": {"groups": [" a ", "b c"], "username": "ann", "subject": "5a2e"},
            "can": [{"role": "red5-publisher", "room": "studio-1", "transport": "WHIP"}, {"role": "red5-subscriber", "room": "*"}],
            "cannot": [{"role": "red5-subscriber", "room": "vault"}], "note": "a\nb",
        });
        let draft = MappingTestDraft::parse(serde_json::from_value(sent).unwrap()).unwrap();
        let opened = TypedTest::of(&draft);
        assert_eq!(opened.text("can"), "publish studio-1 WHIP\nwatch *");
        assert_eq!(opened.read(), Ok(draft));
    }

    #[test]
    fn too_many_lines_are_one_error() {
        let lines = "x\n".repeat(EXPECTATIONS_MAX + 1);
        let found = errors(&[("name", "x"), ("can", &lines)]);
        assert_eq!(found, [("can".to_owned(), None)]);
    }

    #[test]
    fn the_names_of_red5s_roles_are_understood_too() {
        let read = |can| typed(&[("name", "x"), ("can", can)]).read();
        assert_eq!(
            read("red5-publisher a WHIP\r\n\r\n  red5-subscriber   *  "),
            read("publish a WHIP\nwatch *")
        );
    }

    #[test]
    fn an_error_names_the_line_as_people_count() {
        let good = [("name", "x"), ("can", "watch a")];
        let with = |more: &[(&'static str, &'static str)]| {
            let mut fields = good.to_vec();
            fields.extend(more);
            errors(&fields)
        };
        let at = |control: &str, line| vec![(control.to_owned(), line)];
        for (cannot, line) in [
            ("fly *", 1),
            ("\n\nwatch\n", 3),
            ("watch a\nwatch a WHIP WHEP", 2),
            ("watch a\n\nwatch a/b", 3),
            ("watch a WHAT", 1),
            ("publish a WHEP", 1),
        ] {
            assert_eq!(
                with(&[("cannot", cannot)]),
                at("cannot", Some(line)),
                "{cannot}"
            );
        }
        let long = "g".repeat(2000);
        let groups = format!("a\n\n{long}");
        let mut fields = good.to_vec();
        fields.push(("groups", &groups));
        assert_eq!(errors(&fields), at("groups", Some(3)));
        assert_eq!(with(&[("subject", "é")]), at("subject", None));
        assert_eq!(errors(&[("name", "x")]), at("can", None));
        assert_eq!(errors(&[("can", "watch a")]), at("name", None));
    }
}
