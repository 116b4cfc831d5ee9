//! Forms with stars, filed under what stands before their first star and
//! behind their last.
//!
//! Ten thousand globs against ten thousand groups would be too many
//! comparisons for one request. Most forms begin or end with a few fixed
//! characters: only those whose both ends a text shares are tried on it.

use std::collections::{BTreeSet, HashMap};

/// Values, each filed under the two ends of its form.
#[derive(Debug)]
pub(super) struct Affixes<T>(Shelf<Shelf<Vec<T>>>);

impl<T> Affixes<T> {
    pub(super) fn insert(&mut self, form: &str, value: T) {
        let (beginning, rest) = form.split_once('*').unwrap_or((form, ""));
        let end = rest.rsplit('*').next().unwrap_or_default();
        self.0.at(beginning).at(end).push(value);
    }

    /// Everything whose form may match `text`: the others cannot.
    pub(super) fn candidates<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a T> {
        let by_end = self.0.find(|length| text.get(..length));
        by_end
            .flat_map(move |shelf| shelf.find(|length| text.get(text.len().checked_sub(length)?..)))
            .flatten()
    }
}

impl<T> Default for Affixes<T> {
    fn default() -> Self {
        Self(Shelf::default())
    }
}

/// Values under texts of a few different lengths.
#[derive(Debug)]
struct Shelf<V> {
    filed: HashMap<String, V>,
    /// How long the texts are, in bytes.
    lengths: BTreeSet<usize>,
}

impl<V: Default> Shelf<V> {
    fn at(&mut self, text: &str) -> &mut V {
        self.lengths.insert(text.len());
        self.filed.entry(text.to_owned()).or_default()
    }
}

impl<V> Shelf<V> {
    /// What is filed under the texts that `cut` gives for each length.
    fn find<'a>(&'a self, cut: impl Fn(usize) -> Option<&'a str>) -> impl Iterator<Item = &'a V> {
        self.lengths
            .iter()
            .filter_map(move |length| self.filed.get(cut(*length)?))
    }
}

impl<V> Default for Shelf<V> {
    fn default() -> Self {
        Self {
            filed: HashMap::new(),
            lengths: BTreeSet::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(forms: &[&'static str], text: &str) -> Vec<&'static str> {
        let mut affixes = Affixes::default();
        for form in forms {
            affixes.insert(form, *form);
        }
        affixes.candidates(text).copied().collect()
    }

    #[test]
    fn only_forms_with_both_ends_of_the_text_are_tried() {
        let forms = [
            "*", "*bc", "*-x", "ab*", "ab*c", "a*-*c", "abcd*", "b*", "ab*d",
        ];
        assert_eq!(
            candidates(&forms, "abc"),
            ["*", "*bc", "a*-*c", "ab*", "ab*c"]
        );
        assert_eq!(candidates(&forms, ""), ["*"]);
    }

    #[test]
    fn an_end_that_would_cut_a_character_of_the_text_is_passed_over() {
        assert_eq!(candidates(&["a*", "é*", "*a", "*é"], "é"), ["*é", "é*"]);
    }

    #[test]
    fn av_7_of_ten_thousand_forms_a_text_is_tried_on_a_few() {
        let mut affixes = Affixes::default();
        for i in 0..2500 {
            affixes.insert(&format!("team-{i}-*"), i);
            affixes.insert(&format!("*-{i}"), i);
            affixes.insert(&format!("team-*-{i}"), i);
            affixes.insert(&format!("a*-{i}-*"), i);
        }
        let mut tried: Vec<i32> = affixes.candidates("team-7-1234").copied().collect();
        tried.sort_unstable();
        assert_eq!(tried, [7, 1234, 1234]);
    }
}
