//! Where in a set of claims a value is: `groups`, `realm_access.roles`, or a JSON
//! pointer such as `/https:~1~1example.com~1groups`.

use serde_json::Value;
use thiserror::Error;

use crate::once::Object;

/// Most steps of a path: nothing real is nested deeper, and a typing error is found early.
const STEPS_MAX: usize = 16;

/// A way through nested objects. Never through arrays: a position says nothing in claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath {
    steps: Vec<String>,
}

/// Why a path cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClaimPathError {
    /// Nothing, or a step of nothing (`a..b`, `.a`, `a.`).
    #[error("a claim's path and each of its steps must not be empty")]
    Empty,
    /// RFC 6901 §3.
    #[error("in a JSON pointer ~ must be followed by 0 (a tilde) or 1 (a slash)")]
    Escape,
    /// More than sixteen steps.
    #[error("a claim's path has at most 16 steps")]
    TooDeep,
}

impl ClaimPath {
    /// Reads a dotted path, or with a leading `/` a JSON pointer (RFC 6901), whose
    /// names may hold dots, and slashes as `~1`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, ClaimPathError> {
        let steps: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescape).collect::<Result<_, _>>()?,
            None => text.split('.').map(str::to_owned).collect(),
        };
        if steps.iter().any(String::is_empty) {
            return Err(ClaimPathError::Empty);
        }
        if steps.len() > STEPS_MAX {
            return Err(ClaimPathError::TooDeep);
        }
        Ok(Self { steps })
    }

    /// The value there. `null` counts as absent.
    pub(super) fn find<'a>(&self, claims: &'a Object) -> Option<&'a Value> {
        let (last, way) = self.steps.split_last()?;
        let mut here = claims;
        for step in way {
            here = here.get(step)?.as_object()?;
        }
        here.get(last).filter(|value| !value.is_null())
    }

    /// The top-level claim that the path starts at.
    pub fn root(&self) -> &str {
        self.steps.first().map_or("", String::as_str)
    }
}

fn unescape(step: &str) -> Result<String, ClaimPathError> {
    let mut plain = String::with_capacity(step.len());
    let mut chars = step.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '~' => match chars.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return Err(ClaimPathError::Escape),
            },
            other => other,
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn find(path: &str, claims: &Value) -> Option<Value> {
        let path = ClaimPath::parse(path).unwrap();
        path.find(claims.as_object().unwrap()).cloned()
    }

    #[test]
    fn a_dotted_path_goes_into_objects() {
        let claims = json!({"groups": ["a"], "realm_access": {"roles": ["b"]}});
        assert_eq!(find("groups", &claims), Some(json!(["a"])));
        assert_eq!(find("realm_access.roles", &claims), Some(json!(["b"])));
        assert_eq!(find("realm_access.other", &claims), None);
        assert_eq!(find("groups.roles", &claims), None);
        assert_eq!(find("groups.0", &claims), None);
    }

    #[test]
    fn a_pointer_reaches_names_with_dots_slashes_and_tildes() {
        let claims = json!({"https://x.example/groups": ["a"], "a~b": {"c.d": ["b"]}});
        assert_eq!(
            find("/https:~1~1x.example~1groups", &claims),
            Some(json!(["a"]))
        );
        assert_eq!(find("/a~0b/c.d", &claims), Some(json!(["b"])));
        assert_eq!(find("/a~0b/c", &claims), None);
    }

    #[test]
    fn null_counts_as_absent() {
        assert_eq!(find("groups", &json!({"groups": null})), None);
        assert_eq!(find("a.b", &json!({"a": {"b": null}})), None);
    }

    #[test]
    fn a_path_that_cannot_be_read_is_refused() {
        for path in ["", ".", "a.", ".a", "a..b", "/", "//a", "/a/"] {
            assert_eq!(ClaimPath::parse(path), Err(ClaimPathError::Empty), "{path}");
        }
        for path in ["/~", "/a~2", "/a~", "/~~0"] {
            assert_eq!(
                ClaimPath::parse(path),
                Err(ClaimPathError::Escape),
                "{path}"
            );
        }
    }

    #[test]
    fn sixteen_steps_pass_and_seventeen_do_not() {
        assert!(ClaimPath::parse(&["a"; 16].join(".")).is_ok());
        assert_eq!(
            ClaimPath::parse(&["a"; 17].join(".")),
            Err(ClaimPathError::TooDeep)
        );
    }

    #[test]
    fn a_tilde_in_a_dotted_path_is_only_a_tilde() {
        assert_eq!(find("a~1b", &json!({"a~1b": "x"})), Some(json!("x")));
    }
}
