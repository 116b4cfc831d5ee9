//! The path to a value in a set of claims: `groups`, `realm_access.roles`,
//! `https://example.com/groups`, or a JSON pointer such as `/a.b/c~1d`.

use serde_json::Value;
use thiserror::Error;

use crate::json::Object;

/// Maximum number of steps: real claims are not nested deeper, so a longer path is a typing error.
const STEPS_MAX: usize = 16;

/// A path through nested objects, never through arrays: positions have no meaning in claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimPath {
    /// The exact names.
    Pointer(Vec<String>),
    /// Names joined by dots that may contain dots themselves. At each level the whole rest is tried
    /// as one name, then the part before its first dot, before its second, and so on.
    Dotted(String),
}

/// A value, and the names of the members on the path to it.
pub(super) struct Found<'a> {
    pub(super) value: &'a Value,
    steps: Vec<&'a str>,
}

impl Found<'_> {
    /// The path as a JSON pointer.
    pub(super) fn pointer(&self) -> String {
        let escape = |step: &&str| step.replace('~', "~0").replace('/', "~1");
        let steps = self.steps.iter().map(escape);
        steps.fold(String::new(), |way, step| format!("{way}/{step}"))
    }
}

/// Why a path is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClaimPathError {
    /// The path, or a step of it, is empty (`a..b`, `.a`, `a.`).
    #[error("a claim's path and each of its steps must not be empty")]
    Empty,
    /// An invalid escape (RFC 6901 §3).
    #[error("in a JSON pointer ~ must be followed by 0 (a tilde) or 1 (a slash)")]
    Escape,
    /// More than sixteen steps.
    #[error("a claim's path has at most 16 steps")]
    TooDeep,
}

impl ClaimPath {
    /// Parses a dotted path or, with a leading `/`, a JSON pointer (RFC 6901). In a pointer, names
    /// may contain dots, and slashes as `~1`.
    ///
    /// # Errors
    /// If it is neither.
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
        Ok(if text.starts_with('/') {
            Self::Pointer(steps)
        } else {
            Self::Dotted(text.to_owned())
        })
    }

    /// The value at the path; `null` counts as absent.
    pub(super) fn find<'a>(&'a self, claims: &'a Object) -> Option<Found<'a>> {
        let mut steps = Vec::new();
        let value = match self {
            Self::Pointer(names) => follow(claims, names, &mut steps),
            Self::Dotted(text) => search(claims, text, &mut steps),
        }?;
        Some(Found { value, steps })
    }

    /// The top-level claims that the path can start at.
    pub fn roots(&self) -> Vec<&str> {
        match self {
            Self::Pointer(names) => names.first().map(String::as_str).into_iter().collect(),
            Self::Dotted(text) => names(text).map(|(name, _)| name).collect(),
        }
    }
}

fn follow<'a>(
    claims: &'a Object,
    names: &'a [String],
    steps: &mut Vec<&'a str>,
) -> Option<&'a Value> {
    let (last, way) = names.split_last()?;
    let mut here = claims;
    for name in way {
        here = here.get(name)?.as_object()?;
    }
    steps.extend(names.iter().map(String::as_str));
    here.get(last).filter(|value| !value.is_null())
}

fn search<'a>(claims: &'a Object, text: &'a str, steps: &mut Vec<&'a str>) -> Option<&'a Value> {
    names(text).find_map(|(name, rest)| {
        let value = claims.get(name).filter(|value| !value.is_null())?;
        steps.push(name);
        let found = match rest {
            None => Some(value),
            Some(rest) => value
                .as_object()
                .and_then(|inner| search(inner, rest, steps)),
        };
        if found.is_none() {
            steps.pop();
        }
        found
    })
}

/// The candidates for the next member's name, each with the rest of the path.
fn names(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let before_dots = text.match_indices('.');
    std::iter::once((text, None))
        .chain(before_dots.map(|(dot, _)| (&text[..dot], Some(&text[dot + 1..]))))
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
        let found = path.find(claims.as_object().unwrap());
        found.map(|found| found.value.clone())
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
    fn a_name_with_dots_is_found_at_each_level() {
        let claims = json!({
            "https://ex.org/groups": ["a"],
            "resource_access": {"my.app": {"roles": ["b"]}, "other": {"roles": ["c"]}},
            "x": {"y": {"z": 1}},
            "x.y": {"z": 2},
        });
        assert_eq!(find("https://ex.org/groups", &claims), Some(json!(["a"])));
        assert_eq!(
            find("resource_access.my.app.roles", &claims),
            Some(json!(["b"]))
        );
        assert_eq!(
            find("resource_access.other.roles", &claims),
            Some(json!(["c"]))
        );
        // The whole rest first, then the shorter name.
        assert_eq!(find("x.y", &claims), Some(json!({"z": 2})));
        assert_eq!(find("x.y.z", &claims), Some(json!(1)));
        assert_eq!(find("resource_access.my.app.other", &claims), None);
    }

    #[test]
    fn the_form_that_was_found_is_told_as_a_pointer() {
        let claims = json!({
            "https://ex.org/groups": [],
            "r": {"my.app": {"a~b": []}},
            "s": {"t": {"v": 1}},
            "s.t": {"u": 1},
        });
        let pointer = |text: &str| {
            let path = ClaimPath::parse(text).unwrap();
            let found = path.find(claims.as_object().unwrap());
            found.map(|found| found.pointer())
        };
        assert_eq!(
            pointer("https://ex.org/groups").unwrap(),
            "/https:~1~1ex.org~1groups"
        );
        assert_eq!(pointer("r.my.app.a~b").unwrap(), "/r/my.app/a~0b");
        assert_eq!(pointer("/r/my.app").unwrap(), "/r/my.app");
        // Nothing is told of a way that was tried and led nowhere.
        assert_eq!(pointer("s.t.u").unwrap(), "/s.t/u");
    }

    #[test]
    fn a_path_can_start_at_each_name_before_a_dot() {
        let roots = |text: &str| ClaimPath::parse(text).unwrap().roots().join(" ");
        assert_eq!(roots("groups"), "groups");
        assert_eq!(roots("a.b.c"), "a.b.c a a.b");
        assert_eq!(roots("/a.b/c"), "a.b");
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
