//! When a row counts, and until when.

use super::*;

#[test]
fn a_row_that_is_switched_off_gives_nothing() {
    let mappings = compiled([row(1, "everyone", "", &["a"]).with(|input| input.enabled = false)]);
    assert!(mappings.resolve(&member(&[]), now()).is_empty());
    assert_eq!((mappings.len(), mappings.is_empty()), (1, false));
    assert_eq!((compiled([]).len(), compiled([]).is_empty()), (0, true));
}

#[test]
fn a_window_begins_with_its_first_moment_and_ends_a_minute_early() {
    let counts = |from: Option<i64>, until: Option<i64>| {
        let mappings = compiled([row(1, "everyone", "", &["a"]).with(|input| {
            input.valid_from = from.map(at);
            input.valid_until = until.map(at);
        })]);
        !mappings.resolve(&member(&[]), now()).is_empty()
    };
    assert!(counts(Some(0), None));
    assert!(!counts(Some(1), None));
    assert!(counts(Some(-1), Some(60)));
    assert!(!counts(None, Some(59)));
    assert!(!counts(None, Some(0)));
    assert!(!counts(Some(-9), Some(-1)));
    // A window that has not begun grants nothing, however much of it is left.
    assert!(!counts(Some(3600), Some(7200)));
}

#[test]
fn a_bound_is_the_earlier_of_the_windows_end_and_the_longest_life() {
    let bound = |until: Option<i64>, seconds| {
        let mappings = compiled([row(1, "everyone", "", &["a"]).with(|input| {
            input.valid_until = until.map(at);
            input.max_ttl_seconds = seconds;
        })]);
        mappings.resolve(&member(&[]), now()).held()[0].bound
    };
    assert_eq!(bound(None, None), None);
    assert_eq!(bound(Some(100), None), Some(at(100)));
    assert_eq!(bound(None, Some(90)), Some(at(90)));
    assert_eq!(bound(Some(100), Some(90)), Some(at(90)));
    assert_eq!(bound(Some(100), Some(110)), Some(at(100)));
}
