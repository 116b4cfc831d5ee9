//! Which groups a mapping is for.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::names::GroupName;

/// Most stars in one glob; more would only be a slower way to say less.
pub const GLOB_STARS_MAX: usize = 8;

/// The group side of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupMatch {
    /// This group, compared exactly.
    Exact(GroupName),
    /// Every group of this form.
    Glob(GroupGlob),
    /// Everyone who is signed in.
    Everyone,
}

impl GroupMatch {
    /// The word in JSON and in the database.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Glob(_) => "glob",
            Self::Everyone => "everyone",
        }
    }

    /// The group as it was written; none for everyone.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Exact(name) => Some(name.as_str()),
            Self::Glob(glob) => Some(glob.as_str()),
            Self::Everyone => None,
        }
    }

    /// Whether each identity that `other` matches is matched here too.
    ///
    /// A glob includes another exactly when it matches the other's text: a star there stands for
    /// any text, and nothing here but a star can take it, because no piece between stars has one.
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other.group()) {
            (Self::Everyone, _) => true,
            // Also of someone without a group.
            (_, None) => false,
            (Self::Glob(glob), Some(group)) => glob.captures(group).is_some(),
            (Self::Exact(_), Some(_)) => self == other,
        }
    }

    /// How many captures a room template may use.
    pub fn captures(&self) -> usize {
        match self {
            Self::Glob(glob) => glob.stars(),
            Self::Exact(_) | Self::Everyone => 0,
        }
    }
}

impl Serialize for GroupMatch {
    /// As the members `group` and `match`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(2))?;
        members.serialize_entry("group", &self.group())?;
        members.serialize_entry("match", self.word())?;
        members.end()
    }
}

/// A form of group names in which each `*` stands for any run of characters,
/// also an empty one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupGlob(GroupName);

impl GroupGlob {
    /// Refuses a text without a star (that is an exact group) or with more
    /// than [`GLOB_STARS_MAX`].
    pub fn parse(text: &str) -> Option<Self> {
        let stars = text.matches('*').count();
        if !(1..=GLOB_STARS_MAX).contains(&stars) {
            return None;
        }
        GroupName::parse(text).map(Self)
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// How many stars it has.
    pub fn stars(&self) -> usize {
        self.as_str().matches('*').count()
    }

    /// What each star stands for in `group`, the first star as short as can
    /// be, then the second, and so on; `None` when the group has another form.
    ///
    /// Every piece between two stars is taken at its first place. That makes
    /// each star as short as can be and leaves most for the rest, so no choice
    /// is ever undone, however many stars there are.
    pub fn captures<'g>(&self, group: &'g str) -> Option<Vec<&'g str>> {
        let mut pieces = self.as_str().split('*');
        let first = pieces.next().unwrap_or_default();
        let last = pieces.next_back().unwrap_or_default();
        // The outer pieces have one place only, and mostly say no at once.
        let mut rest = group.strip_prefix(first)?.strip_suffix(last)?;
        let mut captures = Vec::new();
        for piece in pieces {
            let (capture, after) = rest.split_once(piece)?;
            captures.push(capture);
            rest = after;
        }
        captures.push(rest);
        Some(captures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn captures<'g>(glob: &str, group: &'g str) -> Option<Vec<&'g str>> {
        GroupGlob::parse(glob).unwrap().captures(group)
    }

    #[test]
    fn a_star_takes_the_shortest_run_first() {
        assert_eq!(captures("show-*", "show-7"), Some(vec!["7"]));
        assert_eq!(captures("show-*", "show-"), Some(vec![""]));
        assert_eq!(captures("*-*", "a-b-c"), Some(vec!["a", "b-c"]));
        assert_eq!(captures("**", "ab"), Some(vec!["", "ab"]));
        assert_eq!(captures("*a*", "aa"), Some(vec!["", "a"]));
        assert_eq!(captures("/x/*/y", "/x/é/y"), Some(vec!["é"]));
    }

    #[test]
    fn another_form_captures_nothing() {
        assert_eq!(captures("show-*", "Show-7"), None);
        assert_eq!(captures("a*a", "a"), None);
        assert_eq!(captures("*b", "abc"), None);
    }

    #[test]
    fn a_glob_has_one_to_eight_stars() {
        assert_eq!(GroupGlob::parse("plain"), None);
        assert_eq!(GroupGlob::parse("********").map(|g| g.stars()), Some(8));
        assert_eq!(GroupGlob::parse("*********"), None);
        assert_eq!(GroupGlob::parse("a*\n"), None);
    }

    /// Every way to read the group, shortest first star first.
    fn twin(glob: &str, group: &str) -> Option<Vec<String>> {
        let mut chars = glob.chars();
        match chars.next() {
            None => group.is_empty().then(Vec::new),
            Some('*') => (0..=group.len()).find_map(|n| {
                let mut captures = twin(chars.as_str(), &group[n..])?;
                captures.insert(0, group[..n].to_owned());
                Some(captures)
            }),
            Some(c) => twin(chars.as_str(), group.strip_prefix(c)?),
        }
    }

    proptest! {
        #[test]
        fn captures_agree_with_trying_everything(glob in "[ab*]{1,7}", group in "[ab]{0,8}") {
            prop_assume!(GroupGlob::parse(&glob).is_some());
            let ours = captures(&glob, &group)
                .map(|found| found.into_iter().map(str::to_owned).collect::<Vec<_>>());
            prop_assert_eq!(ours, twin(&glob, &group));
        }
    }
}
