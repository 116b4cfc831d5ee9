//! Groups and names from claims.
//!
//! Reading groups never fails: whatever the provider sends, the result is a set of groups or none,
//! and never more than was sent. Values that are not understood are ignored, with a warning that
//! does not contain them, because they are personal data.

use std::collections::BTreeSet;

use serde_json::Value;

use super::claim_path::ClaimPath;
use crate::domain::identity::Groups;
use crate::domain::names::GROUP_MAX;
use crate::json::Object;

/// Maximum number of groups per person. If there are more, none counts: a truncated list would
/// decide arbitrarily.
pub const GROUPS_MAX: usize = 10_000;

/// Number of groups at which Okta truncates the claim.
const CUT_AT: usize = 100;

/// Longest user name or name in bytes.
pub const TEXT_MAX: usize = 512;

/// The groups; `None` if the claim is absent or `null`.
pub(super) fn groups(claims: &Object, path: &ClaimPath) -> Option<Groups> {
    if is_overage(claims, path) {
        tracing::warn!(
            event = "groups_overage",
            "the provider left the groups out because there are too many"
        );
        return Some(Groups::Overage);
    }
    Some(match path.find(claims)?.value {
        // A string is one group, even with commas.
        Value::String(group) => listed([group.as_str()]),
        Value::Array(elements) => {
            let strings: Vec<&str> = elements.iter().filter_map(Value::as_str).collect();
            if strings.len() < elements.len() {
                let ignored = elements.len() - strings.len();
                tracing::warn!(
                    event = "groups_ignored",
                    ignored,
                    "the groups claim holds elements that are no strings"
                );
            }
            listed(strings)
        }
        other => {
            tracing::warn!(
                event = "groups_ignored",
                seen = kind(other),
                "the groups claim is neither a string nor a list: no groups. Have the provider send \
                 a list, or let OIDC_GROUPS_CLAIM lead to one (as in realm_access.roles)"
            );
            Groups::Listed(BTreeSet::new())
        }
    })
}

fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> Groups {
    let (usable, unusable): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| is_usable(name));
    if !unusable.is_empty() {
        let ignored = unusable.len();
        tracing::warn!(
            event = "groups_ignored",
            ignored,
            "groups that are empty, too long or hold NUL are ignored"
        );
    }
    let set: BTreeSet<String> = usable.into_iter().map(str::to_owned).collect();
    if set.len() > GROUPS_MAX {
        tracing::warn!(
            event = "groups_overage",
            groups = set.len(),
            "more groups than the limit: all of them are ignored"
        );
        return Groups::Overage;
    }
    if set.len() == CUT_AT {
        tracing::warn!(
            event = "groups_may_be_cut",
            groups = CUT_AT,
            "exactly {CUT_AT} groups: Okta sends no more and says nothing. Have the provider send only \
             the groups of this application"
        );
    }
    Groups::Listed(set)
}

/// The JSON type of a value, so that the log does not need the value.
const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Object(_) => "object",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::Null | Value::String(_) | Value::Array(_) => "other",
    }
}

/// No mapping can name other groups, and Postgres stores no NUL.
fn is_usable(name: &str) -> bool {
    (1..=GROUP_MAX).contains(&name.len()) && !name.contains('\0')
}

/// Entra's overage: the claim is replaced by a reference to another service (`_claim_names`, OpenID
/// Connect Core §5.6.2), or by `hasgroups`.
fn is_overage(claims: &Object, path: &ClaimPath) -> bool {
    let roots = path.roots();
    let elsewhere = claims
        .get("_claim_names")
        .and_then(Value::as_object)
        .is_some_and(|names| roots.iter().any(|&root| names.contains_key(root)));
    let hidden = roots.contains(&"groups") && claims.get("hasgroups").is_some_and(is_true);
    elsewhere || hidden
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true) || value == "true"
}

/// A user name or display name; `None` if it is absent or not displayable.
pub(super) fn text(claims: &Object, path: &ClaimPath) -> Option<String> {
    let text = path.find(claims)?.value.as_str()?;
    let fits = (1..=TEXT_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> ClaimPath {
        ClaimPath::parse(text).unwrap()
    }

    fn read(claims: &Value) -> Option<Groups> {
        groups(claims.as_object().unwrap(), &path("groups"))
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "it is compared with what may be absent"
    )]
    fn these(names: &[&str]) -> Option<Groups> {
        Some(Groups::Listed(
            names.iter().map(|&name| name.to_owned()).collect(),
        ))
    }

    #[test]
    fn id_13_a_list_of_strings_is_those_groups() {
        assert_eq!(
            read(&json!({"groups": ["b", "a", "b"]})),
            these(&["a", "b"])
        );
        assert_eq!(read(&json!({"groups": []})), these(&[]));
    }

    #[test]
    fn id_13_one_string_is_one_group_never_split() {
        assert_eq!(read(&json!({"groups": "a,b c;d"})), these(&["a,b c;d"]));
        assert_eq!(read(&json!({"groups": ""})), these(&[]));
    }

    #[test]
    fn id_13_elements_that_are_no_strings_are_ignored() {
        let mixed = json!({"groups": ["a", 1, null, true, ["b"], {"c": "d"}, "e"]});
        assert_eq!(read(&mixed), these(&["a", "e"]));
    }

    #[test]
    fn id_13_objects_numbers_and_truth_values_are_no_groups() {
        for value in [
            json!({"a": "b"}),
            json!(7),
            json!(1.5),
            json!(true),
            json!(false),
        ] {
            assert_eq!(read(&json!({ "groups": value })), these(&[]), "{value}");
        }
    }

    #[test]
    fn id_13_null_and_missing_are_absent() {
        assert_eq!(read(&json!({"groups": null})), None);
        assert_eq!(read(&json!({})), None);
        assert_eq!(read(&json!({"roles": ["a"]})), None);
    }

    #[test]
    fn id_13_a_nested_path_is_followed() {
        let claims = json!({"realm_access": {"roles": ["a"]}, "groups": ["b"]});
        let found = groups(claims.as_object().unwrap(), &path("realm_access.roles"));
        assert_eq!(found, these(&["a"]));
    }

    #[test]
    fn id_13_case_slash_space_and_unicode_form_stay_as_they_are() {
        let names = [
            "Team",
            "team",
            "/team",
            " team ",
            "caf\u{e9}",
            "cafe\u{301}",
            "a\nb",
        ];
        assert_eq!(read(&json!({ "groups": names })), these(&names));
    }

    #[test]
    fn id_13_names_that_cannot_be_stored_are_ignored() {
        let (long, too_long) = ("x".repeat(512), "x".repeat(513));
        let claims = json!({"groups": ["a", "", "b\u{0}c", long, too_long]});
        assert_eq!(read(&claims), these(&["a", &long]));
    }

    #[test]
    fn id_13_ten_thousand_groups_count_and_one_more_makes_none_count() {
        let many = |n: usize| (0..n).map(|i| format!("g{i}")).collect::<Vec<_>>();
        let Some(Groups::Listed(set)) = read(&json!({"groups": many(10_000)})) else {
            panic!("not listed");
        };
        assert_eq!(set.len(), 10_000);
        assert_eq!(
            read(&json!({"groups": many(10_001)})),
            Some(Groups::Overage)
        );
    }

    #[test]
    fn id_14_entras_overage_is_no_groups_even_beside_a_list() {
        for claims in [
            json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {}}),
            json!({"hasgroups": true}),
            json!({"hasgroups": "true"}),
            json!({"groups": ["a"], "_claim_names": {"groups": "src1"}}),
            json!({"groups": ["a"], "hasgroups": true}),
        ] {
            assert_eq!(read(&claims), Some(Groups::Overage), "{claims}");
        }
    }

    #[test]
    fn id_14_what_only_looks_like_overage_is_not() {
        for claims in [
            json!({"groups": ["a"], "_claim_names": {"address": "src1"}}),
            json!({"groups": ["a"], "_claim_names": "groups"}),
            json!({"groups": ["a"], "hasgroups": false}),
        ] {
            assert_eq!(read(&claims), these(&["a"]), "{claims}");
        }
    }

    #[test]
    fn id_14_overage_of_groups_does_not_touch_another_claim() {
        let claims = json!({"roles": ["a"], "_claim_names": {"groups": "src1"}, "hasgroups": true});
        assert_eq!(
            groups(claims.as_object().unwrap(), &path("roles")),
            these(&["a"])
        );
        let claims = json!({"roles": ["a"], "_claim_names": {"roles": "src1"}});
        assert_eq!(
            groups(claims.as_object().unwrap(), &path("roles")),
            Some(Groups::Overage)
        );
    }

    #[test]
    fn a_name_is_a_string_that_can_be_shown() {
        let name = |value: Value| {
            let claims = json!({ "name": value });
            text(claims.as_object().unwrap(), &path("name"))
        };
        assert_eq!(name(json!("Änn Ó")), Some("Änn Ó".to_owned()));
        assert_eq!(name(json!("x".repeat(512))), Some("x".repeat(512)));
        for bad in [
            json!(""),
            json!("x".repeat(513)),
            json!("a\nb"),
            json!("a\u{0}"),
            json!(7),
            json!(null),
        ] {
            assert_eq!(name(bad.clone()), None, "{bad}");
        }
    }
}
