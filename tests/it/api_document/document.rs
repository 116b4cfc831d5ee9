//! `docs/openapi.json`, as what every exchange of every test is held to.
//!
//! [`check`] is called for each request that a test's browser sends. What the
//! document does not know must not come back, and what was taken must be
//! something that it allows: the document is true, or a test fails.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::{Value, json};

use crate::bridge::Answer;

const URL: &str = "https://document.example/openapi.json";

/// Schemas that are parts of others, and cannot know all members.
const PARTS: [&str; 4] = ["Problem", "ExactRule", "GlobRule", "EveryoneRule"];

/// Rules between members, which no schema of one member can tell. They are
/// written in the descriptions.
const BETWEEN_MEMBERS: [&str; 25] = [
    "is no token of this bridge",
    "is read-only: ",
    "at most 512 bytes",
    "needs a glob with at least",
    "can do nothing over these transports",
    "serves none of these roles",
    "must be later than valid_from",
    "must be later than now",
    "is you: ",
    "a time from 1970 to 9999",
    "in which no member stands twice",
    "must not be in the future",
    "is named by changes[",
    "state at least one thing",
    "can never serve",
    "1 to 512 bytes",
    "must be written as a browser opens it",
    "must be https, http to a loopback host",
    "must be an absolute address",
    "must have neither a fragment",
    "must be exactly as a browser sends it",
    "refresh_token needs authorization_code",
    "one or more addresses for authorization_code",
    "cannot change: register another client",
    "is public: only a confidential client",
];

/// The document, with every schema indices that stands in it.
pub struct Document {
    pub json: Value,
    schemas: Schemas,
    indices: BTreeMap<String, SchemaIndex>,
}

pub static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::read);

impl Document {
    fn read() -> Self {
        let text = include_str!("../../../docs/openapi.json");
        let json: Value = serde_json::from_str(text).unwrap();
        let mut strict = json.clone();
        // Answers may gain members in later versions, but not unnoticed.
        let schemas = strict["components"]["schemas"].as_object_mut().unwrap();
        for (name, schema) in schemas {
            if !PARTS.contains(&name.as_str()) {
                close(schema);
            }
        }
        close(&mut strict["paths"]);
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource(URL, strict).unwrap();
        let mut schemas = Schemas::new();
        let mut indices = BTreeMap::new();
        for place in places(&json, "schema") {
            let index = compiler.compile(&format!("{URL}#{place}"), &mut schemas);
            indices.insert(place, index.unwrap_or_else(|error| panic!("{error:#}")));
        }
        Self {
            json,
            schemas,
            indices,
        }
    }

    /// Whether the schema at this place takes the value; why not, otherwise.
    pub fn judge(&self, place: &str, value: &Value) -> Result<(), String> {
        let index = self
            .indices
            .get(place)
            .unwrap_or_else(|| panic!("no schema at {place}"));
        self.schemas
            .validate(value, *index)
            .map_err(|error| format!("{error:#}"))
    }

    /// Where a value is, when it only names another.
    pub fn place(&self, place: &str) -> String {
        let here = self
            .json
            .pointer(place)
            .unwrap_or_else(|| panic!("nothing at {place}"));
        match here["$ref"].as_str() {
            Some(name) => self.place(name.strip_prefix('#').unwrap()),
            None => place.to_owned(),
        }
    }

    /// Those of an address, in upper case.
    fn methods(&self, template: &str) -> BTreeSet<String> {
        let members = self.json["paths"][template].as_object().unwrap().keys();
        let described = members
            .filter(|name| *name != "parameters")
            .map(|name| name.to_uppercase());
        let mut all: BTreeSet<String> = described.collect();
        if all.contains("GET") {
            all.insert("HEAD".to_owned());
        }
        all
    }

    /// Whether an operation has a parameter of this name.
    fn has_parameter(&self, operation: &str, name: &Value) -> bool {
        let place = format!("{operation}/parameters");
        let parameters = self.json.pointer(&place).and_then(Value::as_array);
        (0..parameters.map_or(0, Vec::len)).any(|at| {
            let parameter = self.place(&format!("{place}/{at}"));
            self.json.pointer(&parameter).unwrap()["name"] == *name
        })
    }

    /// The path of the document that an address has.
    fn path_of(&self, address: &str) -> Option<String> {
        let path = address.split('?').next().unwrap();
        let same = |template: &&String| {
            let (ours, theirs) = (path.split('/'), template.split('/'));
            ours.clone().count() == theirs.clone().count()
                && ours
                    .zip(theirs)
                    .all(|(one, other)| one == other || (other.starts_with('{') && !one.is_empty()))
        };
        let paths = self.json["paths"].as_object().unwrap();
        paths.keys().find(same).cloned()
    }
}

/// Every place in the document at which there is a member of this name.
pub fn places(json: &Value, name: &str) -> Vec<String> {
    fn walk(here: &Value, place: &str, name: &str, found: &mut Vec<String>) {
        match here {
            Value::Object(members) => {
                for (key, member) in members {
                    // What an example holds is no part of the document.
                    if key == "examples" && name != "examples" {
                        continue;
                    }
                    let place = format!("{place}/{}", escaped(key));
                    if key == name {
                        found.push(place.clone());
                    }
                    walk(member, &place, name, found);
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    walk(item, &format!("{place}/{at}"), name, found);
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(json, "", name, &mut found);
    found
}

/// As a step of a JSON pointer (RFC 6901).
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Of `Allow`.
fn methods(list: &str) -> BTreeSet<String> {
    list.split(", ").map(str::to_owned).collect()
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            for (_, member) in members.iter_mut().filter(|(name, _)| *name != "oneOf") {
                close(member);
            }
            let is_open =
                members.contains_key("properties") && !members.contains_key("additionalProperties");
            if is_open {
                members.insert("unevaluatedProperties".to_owned(), json!(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Holds one exchange to the document. `path` is below the base path.
pub fn check(method: &str, path: &str, sent: &str, answer: &Answer) {
    let document = &*DOCUMENT;
    let what = format!("{method} {path}: {} {}", answer.status, answer.body);
    let Some(template) = document.path_of(path) else {
        return;
    };
    let is_page = answer
        .headers
        .get("content-type")
        .is_some_and(|it| it == "text/html; charset=utf-8");
    if answer.status == 404 && is_page {
        return; // not below the base path
    }
    // Methods are compared exactly; HEAD is GET without its body (RFC 9110 §9.3.2).
    let method = match method {
        "HEAD" => "get".to_owned(),
        other if other == other.to_uppercase() => other.to_lowercase(),
        _ => "no method".to_owned(),
    };
    let operation = format!("/paths/{}/{method}", escaped(&template));
    if document.json.pointer(&operation).is_none() {
        assert_eq!(answer.status, 405, "{what}");
        let of_clients = template.starts_with("/oauth2/") || template.starts_with("/.well-known/");
        let refusal = if of_clients {
            "/components/responses/OAuthMethodNotAllowed"
        } else {
            "/components/responses/MethodNotAllowed"
        };
        check_answer(document, refusal, answer, &what);
        assert_eq!(
            methods(answer.header("allow")),
            document.methods(&template),
            "{what}"
        );
        return;
    }
    let response = format!("{operation}/responses/{}", answer.status);
    assert!(
        document.json.pointer(&response).is_some(),
        "not described: {what}"
    );
    check_answer(document, &document.place(&response), answer, &what);
    if document
        .json
        .pointer(&format!("{operation}/requestBody"))
        .is_some()
    {
        check_request(document, &operation, sent, answer, &what);
    }
}

fn check_answer(document: &Document, response: &str, answer: &Answer, what: &str) {
    let described = document.json.pointer(response).unwrap();
    for (name, header) in described["headers"].as_object().into_iter().flatten() {
        let place = document.place(&format!("{response}/headers/{name}"));
        let header = if header["$ref"].is_null() {
            header
        } else {
            document.json.pointer(&place).unwrap()
        };
        let mut values = answer.headers.get_all(name.as_str()).iter();
        match values.next() {
            None => assert!(header["required"] != true, "{name} is missing: {what}"),
            Some(value) => {
                let value = Value::from(value.to_str().unwrap());
                let judged = document.judge(&format!("{place}/schema"), &value);
                assert_eq!(judged, Ok(()), "{name} of {what}");
            }
        }
        assert!(values.next().is_none(), "{name} twice: {what}");
    }
    let Some(content) = described["content"].as_object() else {
        assert_eq!(answer.body, "", "{what}");
        return;
    };
    let media_type = answer.header("content-type");
    assert!(content.contains_key(media_type), "{media_type}: {what}");
    // To HEAD; or a file.
    if answer.body.is_empty() || !media_type.ends_with("json") || media_type.ends_with("ndjson") {
        return;
    }
    let place = format!("{response}/content/{}/schema", escaped(media_type));
    assert_eq!(document.judge(&place, &answer.json()), Ok(()), "{what}");
}

/// What was taken is allowed; what is allowed was only refused for a reason
/// that no schema can tell.
fn check_request(document: &Document, operation: &str, sent: &str, answer: &Answer, what: &str) {
    let content = format!("{operation}/requestBody/content");
    let form = format!("{content}/application~1x-www-form-urlencoded/schema");
    if document.json.pointer(&form).is_some() {
        let fields: serde_json::Map<String, Value> = url::form_urlencoded::parse(sent.as_bytes())
            .map(|(name, value)| (name.into_owned(), json!(value)))
            .collect();
        if answer.status < 300 {
            let judged = document.judge(&form, &Value::Object(fields));
            assert_eq!(judged, Ok(()), "taken: {sent} {what}");
        }
        return;
    }
    let sent = if sent.is_empty() { "{}" } else { sent };
    let place = format!("{content}/application~1json/schema");
    let judged = match serde_json::from_str(sent) {
        Ok(value) => document.judge(&place, &value),
        Err(error) => Err(error.to_string()),
    };
    if answer.status < 300 {
        assert_eq!(judged, Ok(()), "taken: {sent} {what}");
    }
    if answer.status == 400 && judged.is_ok() && answer.json()["code"] == "invalid_request" {
        let answer = answer.json();
        for error in answer["errors"].as_array().unwrap() {
            let reason = error["reason"].as_str().unwrap();
            let is_told = BETWEEN_MEMBERS.iter().any(|rule| reason.contains(rule));
            // The body is judged here, and not the address and the headers.
            let is_elsewhere = document.has_parameter(operation, &error["field"]);
            assert!(is_told || is_elsewhere, "allowed: {sent} {what}");
        }
    }
}
