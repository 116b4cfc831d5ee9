//! From the JSON of `docs/openapi.json` to what the page shows. It is our own
//! document: what it does not have is not shown, and nothing here can fail.

use serde_json::{Map, Value};

use super::kind::kind;
use super::{Answer, ApiDescription, Example, Field, Group, Operation, Prose};

/// In the order of the page.
const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "options"];

/// Deepest member of a member that is shown.
const DEPTH_MAX: usize = 3;

/// The whole, to find what a `$ref` names.
#[derive(Clone, Copy)]
pub(super) struct Document<'d>(&'d Value);

impl ApiDescription {
    /// Of a document in the form of `OpenAPI`.
    pub fn read(document: &Value) -> Self {
        let all = Document(document);
        let groups = list(&document["tags"]).map(|tag| Group {
            name: text(&tag["name"]),
            about: Prose::paragraphs(&text(&tag["description"])),
            operations: all.operations(&tag["name"]),
        });
        Self {
            version: text(&document["info"]["version"]),
            intro: Prose::paragraphs(&text(&document["info"]["description"])),
            groups: groups.collect(),
        }
    }
}

impl<'d> Document<'d> {
    #[cfg(test)]
    pub(super) fn of(document: &'d Value) -> Self {
        Self(document)
    }

    /// What a value is, if it only names another.
    pub(super) fn resolve(self, value: &'d Value) -> &'d Value {
        self.named(value).last().unwrap_or(value)
    }

    /// The value, what it names, what that names.
    fn named(self, value: &'d Value) -> impl Iterator<Item = &'d Value> {
        let next = move |here: &&'d Value| {
            let name = here.get("$ref")?.as_str()?;
            self.0.pointer(name.strip_prefix('#')?)
        };
        // A circle would be a mistake of ours; the page ends all the same.
        std::iter::successors(Some(value), next).take(8)
    }

    /// The first description on the way.
    fn about(self, value: &'d Value) -> Vec<Prose> {
        let mut named = self.named(value);
        let said = named.find_map(|here| here["description"].as_str());
        Prose::paragraphs(said.unwrap_or_default())
    }

    fn operations(self, tag: &Value) -> Vec<Operation> {
        let paths = members(&self.0["paths"]);
        let all = paths.flat_map(|(path, item)| {
            let methods = METHODS
                .iter()
                .filter_map(|method| Some((*method, item.get(*method)?)));
            methods.map(move |(method, operation)| (path, item, method, operation))
        });
        all.filter(|(.., operation)| list(&operation["tags"]).any(|other| other == tag))
            .map(|(path, item, method, operation)| self.operation(path, item, method, operation))
            .collect()
    }

    fn operation(self, path: &str, item: &'d Value, method: &str, it: &'d Value) -> Operation {
        let parameters = list(&item["parameters"]).chain(list(&it["parameters"]));
        let mut fields: Vec<Field> = parameters.map(|field| self.parameter(field)).collect();
        let body = self.resolve(&it["requestBody"]);
        let content = &body["content"]["application/json"];
        self.push_members(&mut fields, &content["schema"], "", 0);
        let security = it.get("security").unwrap_or(&self.0["security"]);
        Operation {
            id: text(&it["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&it["summary"]),
            about: Prose::paragraphs(&text(&it["description"])),
            signed_in: list(security).next().is_some(),
            fields,
            body: Prose::paragraphs(&text(&body["description"])),
            examples: self.examples(content),
            answers: members(&it["responses"])
                .map(|(status, answer)| self.answer(status, answer))
                .collect(),
        }
    }

    fn parameter(self, value: &'d Value) -> Field {
        let value = self.resolve(value);
        let place = ["query", "header", "path"]
            .into_iter()
            .find(|place| value["in"] == *place);
        Field {
            name: text(&value["name"]),
            place: place.unwrap_or_default(),
            required: value["required"] == true,
            kind: Prose::of(&kind(self, &value["schema"])),
            about: Prose::paragraphs(&text(&value["description"])),
        }
    }

    /// The members of an object, and theirs.
    fn push_members(self, to: &mut Vec<Field>, schema: &'d Value, prefix: &str, depth: usize) {
        let schema = self.resolve(schema);
        let required = |name: &str| list(&schema["required"]).any(|other| other == name);
        for (name, member) in members(&schema["properties"]) {
            let name_here = format!("{prefix}{name}");
            to.push(Field {
                name: name_here.clone(),
                place: "body",
                required: required(name),
                kind: Prose::of(&kind(self, member)),
                about: self.about(member),
            });
            if depth < DEPTH_MAX {
                let member = self.resolve(member);
                let (within, end) = match member.get("items") {
                    Some(items) => (items, "[]."),
                    None => (member, "."),
                };
                self.push_members(to, within, &format!("{name_here}{end}"), depth + 1);
            }
        }
    }

    fn answer(self, status: &str, value: &'d Value) -> Answer {
        let value = self.resolve(value);
        let headers = members(&value["headers"]).map(|(name, header)| {
            let header = self.resolve(header);
            Field {
                name: name.to_owned(),
                place: "header",
                required: header["required"] == true,
                kind: Prose::of(&kind(self, &header["schema"])),
                about: Prose::paragraphs(&text(&header["description"])),
            }
        });
        let mut fields: Vec<Field> = headers.collect();
        let good = &value["content"]["application/json"];
        self.push_members(&mut fields, &good["schema"], "", 0);
        let refusal = &value["content"]["application/problem+json"];
        let schema = &refusal["schema"];
        let several = schema.get("oneOf").map(|all| list(all).collect());
        let kinds: Vec<&Value> = several.unwrap_or_else(|| vec![schema]);
        let codes = kinds
            .into_iter()
            .map(|kind| self.resolve(kind))
            .filter_map(|kind| {
                kind["properties"]["code"]["const"]
                    .as_str()
                    .map(str::to_owned)
            });
        Answer {
            status: status.to_owned(),
            about: Prose::paragraphs(&text(&value["description"])),
            codes: codes.collect(),
            fields,
            examples: [good, refusal]
                .into_iter()
                .flat_map(|content| self.examples(content))
                .collect(),
        }
    }

    fn examples(self, content: &'d Value) -> Vec<Example> {
        let examples = members(&content["examples"]).map(|(_, example)| {
            let example = self.resolve(example);
            Example {
                summary: text(&example["summary"]),
                json: format!("{:#}", example["value"]),
            }
        });
        examples.collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let members = value.as_object().into_iter().flat_map(Map::iter);
    members.map(|(name, member)| (name.as_str(), member))
}
