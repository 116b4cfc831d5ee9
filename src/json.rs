//! JSON of others, in which no object may have a member twice, at any depth: requests,
//! token headers, claims, and the provider's documents and answers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Names and values, of which nothing is known yet.
pub type Object = Map<String, Value>;

/// A value in which no object has a member twice, at any depth: of two readers of
/// `{"sub":"a","sub":"b"}` one sees `a` and the other `b` (RFC 8259 §4, RFC 7515 §4,
/// RFC 7519 §4). The parser refuses more than 128 levels.
pub struct UniqueMembers(pub Value);

impl<'de> Deserialize<'de> for UniqueMembers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(Self)
    }
}

/// Builds a [`Value`] as the library's own visitor does, but for the check.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a member that is there twice")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(UniqueMembers(element)) = elements.next_element()? {
            list.push(element);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, UniqueMembers(value))) = members.next_entry()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// The members of an object; none where it is something else, or names one twice.
pub fn object(json: &[u8]) -> Option<Object> {
    match serde_json::from_slice(json) {
        Ok(UniqueMembers(Value::Object(members))) => Some(members),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Object> {
        object(text.as_bytes())
    }

    #[test]
    fn an_object_is_read_as_it_is() {
        for text in [
            r#"{"sub":"ann","groups":["a"],"n":{"m":null}}"#,
            r#"{"a":[true,-1,18446744073709551615,1.5,1E9,"\u00e4",{"a":{"a":[]}}]}"#,
        ] {
            assert_eq!(read(text), serde_json::from_str(text).ok());
        }
        assert_eq!(read("{}"), Some(Object::new()));
    }

    #[test]
    fn id_15_a_member_that_is_there_twice_makes_it_unreadable() {
        for text in [
            r#"{"sub":"ann","sub":"eve"}"#,
            r#"{"sub":"ann","sub":"ann"}"#,
            r#"{"sub":"ann","\u0073ub":"eve"}"#,
            r#"{"sub":"ann","x":1,"sub":null}"#,
            r#"{"realm_access":{"roles":["a"],"roles":["bridge-admins"]}}"#,
            r#"{"keys":[{"kid":"a","kid":"b"}]}"#,
            r#"{"a":[[{"b":{"c":{"d":1,"d":1}}}]]}"#,
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn id_15_what_is_no_object_is_not_read() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in ["", "[]", "null", "7", "\"x\"", "{} {}", "{", &deep] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
