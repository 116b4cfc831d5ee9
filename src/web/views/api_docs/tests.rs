use serde_json::json;

use super::kind::kind;
use super::read::Document;
use super::*;

fn description() -> ApiDescription {
    let document = include_str!("../../../../docs/openapi.json");
    ApiDescription::read(&serde_json::from_str(document).unwrap())
}

fn operation(id: &str) -> Operation {
    let groups = description().groups.into_iter();
    let mut all = groups.flat_map(|group| group.operations);
    all.find(|operation| operation.id == id).unwrap()
}

fn field(fields: &[Field], name: &str) -> Field {
    let found = fields.iter().find(|field| field.name == name);
    found.unwrap_or_else(|| panic!("no {name}")).clone()
}

#[test]
fn every_operation_is_shown_once_below_its_tag() {
    let shown: Vec<String> = description()
        .groups
        .iter()
        .flat_map(|group| &group.operations)
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    assert_eq!(
        shown,
        [
            "POST /api/logout",
            "OPTIONS /api/logout",
            "GET /api/session",
            "OPTIONS /api/session",
            "POST /api/token",
            "OPTIONS /api/token",
            "GET /api/admin/mappings",
            "POST /api/admin/mappings",
            "GET /api/admin/mappings/{id}",
            "PUT /api/admin/mappings/{id}",
            "DELETE /api/admin/mappings/{id}",
            "GET /api/admin/blocks",
            "POST /api/admin/blocks",
            "DELETE /api/admin/blocks",
            "GET /api/admin/sessions",
            "DELETE /api/admin/sessions",
            "DELETE /api/admin/sessions/{id}",
            "GET /livez",
            "GET /readyz",
        ]
    );
}

#[test]
fn a_request_shows_its_parameters_and_the_members_of_its_body() {
    let put = operation("replaceMapping");
    assert!(put.signed_in);
    let id = field(&put.fields, "id");
    assert_eq!((id.place, id.required), ("path", true));
    let header = field(&put.fields, "X-Red5-Bridge");
    assert_eq!(header.kind.to_string(), "`1`");
    let until = field(&put.fields, "valid_until");
    assert_eq!(until.kind.to_string(), "time or `null`");
    assert!(
        until.about[0]
            .to_string()
            .starts_with("First moment at which it is over")
    );
    assert_eq!(put.examples.len(), 1);
    assert!(!operation("readyz").signed_in);
}

#[test]
fn an_answer_shows_the_members_of_members_and_each_code() {
    let session = operation("getSession");
    let names: Vec<&str> = session.answers[0]
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    for name in ["Vary", "identity.groups", "entitlement[].rooms"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let token = operation("getToken");
    let refused = token
        .answers
        .iter()
        .find(|answer| answer.status == "403")
        .unwrap();
    assert_eq!(
        refused.codes,
        [
            "forbidden_origin",
            "no_grant",
            "no_username",
            "groups_overage",
            "scope_not_granted",
            "room_required",
            "ttl_too_short",
            "blocked"
        ]
    );
    assert!(refused.fields.is_empty());
}

#[test]
fn a_schema_is_put_into_words() {
    let document = json!({ "other": { "type": "string", "minLength": 1, "pattern": "^a" } });
    let words = [
        (
            json!({ "type": "integer", "minimum": 1, "maximum": 5 }),
            "whole number, 1 to 5",
        ),
        (
            json!({ "type": ["integer", "null"], "maximum": 5 }),
            "whole number, at most 5 or `null`",
        ),
        (
            json!({ "$ref": "#/other" }),
            "text, 1 or more characters, `^a`",
        ),
        (
            json!({ "type": "array", "items": { "const": "*" }, "minItems": 1, "maxItems": 1 }),
            "`[\"*\"]`",
        ),
        (
            json!({ "anyOf": [{ "type": "boolean" }, { "type": "boolean" }, { "enum": [null, "a"] }] }),
            "`true` or `false` or `null` or `a`",
        ),
        (json!({ "type": "string", "format": "date-time" }), "time"),
        (json!({ "type": "object" }), "object"),
        (
            json!({ "type": "array", "minItems": 1, "items": { "title": "room", "type": "string" } }),
            "list of room, 1 or more",
        ),
        (json!({}), "anything"),
    ];
    for (schema, expected) in words {
        assert_eq!(kind(Document::of(&document), &schema), expected, "{schema}");
    }
}

#[test]
fn back_quotes_set_off_code() {
    let prose = Prose::paragraphs("Send `a` or `b`.\n\n`c` alone");
    let shown: Vec<String> = prose.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["Send `a` or `b`.", "`c` alone"]);
    assert_eq!(prose[1].runs.len(), 2);
    assert!(Prose::of("").is_empty());
}
