//! Names of groups that differ where people do not look.
//!
//! Groups are compared exactly. `Crew` in a mapping and `crew` at the provider are two groups, and
//! most often one was meant; what would match if such differences did not count is pointed out.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::groups::GroupGlob;

/// In what two names differ, where that is all: at least one of the four.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each may be there or not")]
pub struct Difference {
    /// Upper and lower case.
    pub case: bool,
    /// A slash at the beginning, as Keycloak writes paths.
    pub leading_slash: bool,
    /// White space at an end.
    pub white_space: bool,
    /// One text in two forms of Unicode (UAX #15, compatibility included).
    pub unicode_form: bool,
}

/// Every difference.
const ALL: Difference = Difference {
    case: true,
    leading_slash: true,
    white_space: true,
    unicode_form: true,
};

impl Difference {
    /// `text` as it is without these differences.
    fn without(self, text: &str) -> String {
        let text = if self.unicode_form {
            text.nfkc().collect()
        } else {
            text.to_owned()
        };
        let text = if self.white_space { text.trim() } else { &text };
        let text = match text.strip_prefix('/') {
            Some(rest) if self.leading_slash => rest,
            _ => text,
        };
        if self.case {
            // Lower case alone would leave ẞ and ß apart from SS.
            text.to_uppercase().to_lowercase()
        } else {
            text.to_owned()
        }
    }

    /// The fewest differences without which the two are alike; none where they are alike as they
    /// are, or differ in more than these.
    fn between(is_alike: impl Fn(Self) -> bool) -> Option<Self> {
        if is_alike(Self::default()) || !is_alike(ALL) {
            return None;
        }
        let mut needed = ALL;
        let drops: [fn(&mut Self); 4] = [
            |difference| difference.case = false,
            |difference| difference.leading_slash = false,
            |difference| difference.white_space = false,
            |difference| difference.unicode_form = false,
        ];
        for drop in drops {
            let mut fewer = needed;
            drop(&mut fewer);
            if is_alike(fewer) {
                needed = fewer;
            }
        }
        Some(needed)
    }
}

impl fmt::Display for Difference {
    /// Follows "they differ in".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [
            (self.case, "upper and lower case"),
            (self.leading_slash, "a slash at the beginning"),
            (self.white_space, "white space at an end"),
            (self.unicode_form, "the Unicode form"),
        ];
        let words: Vec<_> = words.into_iter().filter(|(is, _)| *is).collect();
        for (at, (_, word)) in words.iter().enumerate() {
            let before = match at {
                0 => "",
                at if at + 1 == words.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}{word}")?;
        }
        Ok(())
    }
}

/// What is the same for two names exactly when they are equal or a near miss: to find the near
/// misses of many names without comparing each pair.
pub fn near_key(group: &str) -> String {
    ALL.without(group)
}

/// In what a group as a mapping has it differs from one that the provider sends, where it is a
/// near miss: none for equal names and for other ones.
pub fn near_miss(ours: &str, theirs: &str) -> Option<Difference> {
    Difference::between(|without| without.without(ours) == without.without(theirs))
}

/// The same of a glob: none where it matches the group, or would not even so.
pub fn near_miss_of_glob(ours: &GroupGlob, theirs: &str) -> Option<Difference> {
    Difference::between(|without| {
        let glob = GroupGlob::parse(&without.without(ours.as_str()));
        let group = without.without(theirs);
        glob.is_some_and(|glob| glob.captures(&group).is_some())
    })
}

/// Whether a group looks like the id of one instead of its name: a UUID (Entra), a SID (Active
/// Directory), or one long run of letters and digits (Okta, Google).
pub fn looks_like_id(group: &str) -> bool {
    let plain = group.trim_matches(['{', '}', '/']);
    let is_uuid = plain.len() == 36
        && plain.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    let is_long = plain.len() >= 20 && digits >= 2 || plain.len() >= 15 && digits >= 5;
    let is_run = is_long && plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_uuid || is_run || plain.starts_with("S-1-5-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(ours: &str, theirs: &str) -> Option<String> {
        near_miss(ours, theirs).map(|difference| difference.to_string())
    }

    #[test]
    fn names_that_differ_by_case_slash_space_or_form_are_near_and_others_are_not() {
        for (ours, theirs, differ) in [
            ("crew", "crew", None),
            ("crew", "crews", None),
            ("a b", "ab", None),
            ("crew", "//crew", None),
            ("Crew", "crew", Some("upper and lower case")),
            ("STRASSE", "straße", Some("upper and lower case")),
            ("crew", "/crew", Some("a slash at the beginning")),
            ("crew ", "crew", Some("white space at an end")),
            ("crew", "\u{a0}crew", Some("white space at an end")),
            ("Zu\u{308}rich", "Zürich", Some("the Unicode form")),
            ("crew", "\u{ff43}rew", Some("the Unicode form")),
            (
                "/Crew ",
                "crew",
                Some("upper and lower case, a slash at the beginning and white space at an end"),
            ),
        ] {
            assert_eq!(
                words(ours, theirs).as_deref(),
                differ,
                "{ours:?} {theirs:?}"
            );
            assert_eq!(near_miss(theirs, ours), near_miss(ours, theirs));
        }
    }

    #[test]
    fn a_glob_is_near_to_what_it_would_match_without_the_difference() {
        let near = |glob, group| {
            near_miss_of_glob(&GroupGlob::parse(glob).unwrap(), group)
                .map(|difference| difference.to_string())
        };
        assert_eq!(near("show-*", "show-7"), None);
        assert_eq!(near("show-*", "crew"), None);
        assert_eq!(
            near("Show-*", "show-7").as_deref(),
            Some("upper and lower case")
        );
        assert_eq!(
            near("show-*", "/show-7").as_deref(),
            Some("a slash at the beginning")
        );
    }

    #[test]
    fn an_id_is_told_from_a_name() {
        for id in [
            "0f8fad5b-d9cb-469f-a165-70867728950e",
            "{0F8FAD5B-D9CB-469F-A165-70867728950E}",
            "00g1emaKYZTWRYYRRTSK",
            "507f191e810c19729de860ea",
            "03fwokq00g8q2ps",
            "S-1-5-21-1004336348-1177238915-682003330-512",
        ] {
            assert!(looks_like_id(id), "{id}");
        }
        for name in [
            "crew",
            "show-2026-11-24",
            "studio12345",
            "administrators",
            "",
        ] {
            assert!(!looks_like_id(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn near_names_are_those_with_one_key(ours in "[/ ]?[aAåÅ\u{30a} ]{0,4}", theirs in "[/ ]?[aAåÅ\u{30a} ]{0,4}") {
            let alike = near_key(&ours) == near_key(&theirs);
            prop_assert_eq!(ours != theirs && alike, near_miss(&ours, &theirs).is_some());
        }
    }
}
