use std::cell::Cell;

use super::*;
use proptest::prelude::*;

fn indexed<'f>(forms: &[&'f str]) -> PatternIndex<&'f str> {
    PatternIndex::new(forms.to_vec(), |form| form, usize::MAX)
}

fn candidates<'f>(forms: &[&'f str], text: &str) -> Vec<&'f str> {
    let forms = indexed(forms);
    let mut found: Vec<&str> = forms
        .search()
        .candidates(text, |_| true)
        .into_iter()
        .copied()
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn only_forms_whose_pieces_the_text_has_in_their_order_are_tried() {
    let forms = [
        "*", "**", "*bc", "*-x", "ab*", "ab*c", "a*-*c", "abcd*", "b*", "ab*d", "*b*", "*c*b*",
        "*a*b*c*", "a*a", "*b*b*", "abc", "ab",
    ];
    assert_eq!(
        candidates(&forms, "abc"),
        ["*", "**", "*a*b*c*", "*b*", "*bc", "ab*", "ab*c", "abc"]
    );
    assert_eq!(candidates(&forms, ""), ["*", "**"]);
    assert_eq!(candidates(&["*b*c*b*", "*c*b*b*"], "bcb"), ["*b*c*b*"]);
}

#[test]
fn a_character_is_never_cut() {
    assert_eq!(
        candidates(&["a*", "é*", "*a", "*é", "*é*"], "é"),
        ["*é", "*é*", "é*"]
    );
}

#[test]
fn what_is_not_wanted_is_not_tried() {
    for texts in [1, usize::MAX] {
        let forms = PatternIndex::new(vec!["a*", "*b", "*"], |form| form, texts);
        let tried = forms.search().candidates("ab", |form| *form != "a*").len();
        assert_eq!(tried, 2);
    }
}

#[test]
fn with_few_pairs_every_form_is_tried() {
    for (texts, tried) in [(4_999, 2), (5_000, 1)] {
        let forms = PatternIndex::new(vec!["a*", "b*"], |form| form, texts);
        assert_eq!(forms.search().candidates("ax", |_| true).len(), tried);
    }
}

#[test]
fn av_7_of_ten_thousand_forms_a_text_is_tried_on_a_few() {
    let forms: Vec<String> = (0..2500)
        .flat_map(|i| {
            [
                format!("team-{i}-*"),
                format!("*-{i}"),
                format!("team-*-{i}"),
                format!("a*-{i}-*"),
            ]
        })
        .collect();
    let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
    assert_eq!(
        candidates(&forms, "team-7-1234"),
        ["*-1234", "team-*-1234", "team-7-*"]
    );
}

#[test]
fn a_piece_of_an_earlier_text_is_forgotten() {
    let forms = indexed(&["*a*b*", "*b*"]);
    let mut search = forms.search();
    assert_eq!(search.candidates("ab", |_| true).len(), 2);
    assert!(search.candidates("a", |_| true).is_empty());
}

/// How many pairs are looked at, and how many of them are worth comparing, of ten
/// thousand texts and a thousand forms.
fn pairs(form: impl Fn(usize) -> String) -> (usize, usize) {
    let forms: Vec<String> = (0..1000).map(form).collect();
    let forms: Vec<&str> = forms.iter().map(String::as_str).collect();
    let forms = indexed(&forms);
    let mut search = forms.search();
    let looked_at = Cell::new(0);
    let candidates = |i| {
        let text = format!("org-{i}-unit-{}-crew", i % 3000);
        let count = |_: &&str| {
            looked_at.set(looked_at.get() + 1);
            true
        };
        search.candidates(&text, count).len()
    };
    let compared = (0..10_000).map(candidates).sum();
    (looked_at.get(), compared)
}

#[test]
fn av_7_forms_that_are_open_at_both_ends_or_begin_alike_are_compared_where_they_match() {
    // Each number below 1,000 stands in four texts, in one of them twice.
    assert_eq!(pairs(|i| format!("*-{i}-*")), (4000, 4000));
    assert_eq!(pairs(|i| format!("org-*-{i}-*")), (4000, 4000));
    assert_eq!(pairs(|i| format!("*-{i}-crew")), (4000, 4000));
    assert_eq!(pairs(|i| format!("*-unit-*-{i}-crew")), (4000, 0));
    assert_eq!(pairs(|i| format!("*u*n*i*t*x{i}*")), (0, 0));
    assert_eq!(pairs(|i| format!("*crew*unit*{}*", i % 10)).1, 0);
}

/// Every way to read the text.
fn twin(form: &[u8], text: &[u8]) -> bool {
    match form.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|n| twin(rest, &text[n..])),
        Some((c, rest)) => text.first() == Some(c) && twin(rest, &text[1..]),
    }
}

proptest! {
    #[test]
    fn whatever_matches_is_a_candidate(
        forms in prop::collection::vec("[ab*é]{0,6}", 1..12),
        texts in prop::collection::vec("[abé*]{0,8}", 1..6),
    ) {
        let words: Vec<&str> = forms.iter().map(String::as_str).collect();
        let indexed = indexed(&words);
        let mut search = indexed.search();
        for text in &texts {
            let found = search.candidates(text, |_| true);
            for form in &words {
                if twin(form.as_bytes(), text.as_bytes()) {
                    prop_assert!(found.contains(&form), "{form:?} {text:?}");
                }
            }
        }
    }

    #[test]
    fn each_form_is_tried_once(form in "[ab*]{0,6}", text in "[ab]{0,8}") {
        prop_assert!(candidates(&[&form], &text).len() <= 1);
    }
}
