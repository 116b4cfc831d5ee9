//! JSON objects of others, in which no member may stand twice: of a request, of a
//! token's header, of claims.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

/// Names and values, of which nothing is known yet.
pub type Object = Map<String, Value>;

/// An object that says nothing twice: of two readers of `{"sub":"a","sub":"b"}` one
/// sees `a` and the other `b` (RFC 8259 §4, RFC 7515 §4, RFC 7519 §4). Deeper than 128 levels is
/// refused by the parser.
pub struct Once(pub Object);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members).map(Self)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object without a member that is there twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Object, A::Error> {
        let mut object = Map::new();
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(object)
    }
}

/// The members of an object; none where it is something else, or names one twice.
pub fn object(json: &[u8]) -> Option<Object> {
    let object = serde_json::from_slice(json).ok();
    object.map(|Once(members)| members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Object> {
        object(text.as_bytes())
    }

    #[test]
    fn an_object_is_read_as_it_is() {
        let text = r#"{"sub":"ann","groups":["a"],"n":{"m":null}}"#;
        assert_eq!(read(text), serde_json::from_str(text).ok());
        assert_eq!(read("{}"), Some(Object::new()));
    }

    #[test]
    fn id_15_a_member_that_is_there_twice_makes_it_unreadable() {
        for text in [
            r#"{"sub":"ann","sub":"eve"}"#,
            r#"{"sub":"ann","sub":"ann"}"#,
            r#"{"sub":"ann","\u0073ub":"eve"}"#,
            r#"{"sub":"ann","x":1,"sub":null}"#,
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
