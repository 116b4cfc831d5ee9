//! A schema in a few words: what may stand in a field.

use serde_json::Value;

use super::read::Document;

/// In back quotes what is code. What has a name is called by it.
pub(super) fn kind(document: Document<'_>, schema: &Value) -> String {
    let schema = document.resolve(schema);
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    if let Some(only) = schema.get("const") {
        return format!("`{}`", plain(only));
    }
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        return any_of(choices.iter().map(|choice| format!("`{}`", plain(choice))));
    }
    let alternatives = ["anyOf", "oneOf"].into_iter().find_map(|of| schema.get(of));
    if let (None, Some(alternatives)) = (schema.get("type"), alternatives) {
        let alternatives = alternatives.as_array().into_iter().flatten();
        return any_of(alternatives.map(|alternative| kind(document, alternative)));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return "anything".to_owned(),
    };
    any_of(
        types
            .into_iter()
            .map(|name| of_type(document, schema, name)),
    )
}

fn of_type(document: Document<'_>, schema: &Value, name: &str) -> String {
    match name {
        "integer" => format!("whole number{}", bounds(schema, "minimum", "maximum", "")),
        "string" if schema["format"] == "date-time" => "time".to_owned(),
        "string" if schema["format"] == "uri" => "address".to_owned(),
        "string" => {
            let bounds = bounds(schema, "minLength", "maxLength", " characters");
            match schema["pattern"].as_str() {
                Some(pattern) => format!("text{bounds}, `{pattern}`"),
                None => format!("text{bounds}"),
            }
        }
        "array" => {
            let items = document.resolve(&schema["items"]);
            if let Some(only) = items.get("const") {
                return format!("`[{only}]`");
            }
            let bounds = bounds(schema, "minItems", "maxItems", "");
            format!("list of {}{bounds}", kind(document, items))
        }
        "boolean" => "`true` or `false`".to_owned(),
        "null" => "`null`".to_owned(),
        other => other.to_owned(),
    }
}

fn bounds(schema: &Value, least: &str, most: &str, unit: &str) -> String {
    match (schema.get(least), schema.get(most)) {
        (Some(least), Some(most)) if least == most => format!(", {least}{unit}"),
        (Some(least), Some(most)) => format!(", {least} to {most}{unit}"),
        (Some(least), None) => format!(", {least} or more{unit}"),
        (None, Some(most)) => format!(", at most {most}{unit}"),
        (None, None) => String::new(),
    }
}

/// Each once, in the order of the document.
fn any_of(choices: impl Iterator<Item = String>) -> String {
    let mut different: Vec<String> = Vec::new();
    for choice in choices {
        if !different.contains(&choice) {
            different.push(choice);
        }
    }
    different.join(" or ")
}

/// Text without its quotes.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
