//! A thousand globs and a person in ten thousand groups: what the first exchange costs to find
//! what matches, what those that follow cost, and what comparing every pair would. Then the same
//! of a thousand patterns and ten thousand rooms, which each exchange looks at.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use red5_bridge::clock::{Clock, SystemClock};
use red5_bridge::domain::grant::Ask;
use red5_bridge::domain::groups::GroupGlob;
use red5_bridge::domain::identity::{Groups, Identity};
use red5_bridge::domain::names::RoomName;
use red5_bridge::domain::resolve::{Mappings, MatchMemo};
use red5_bridge::domain::rooms::RoomPattern;

use crate::resolve::{both, person, row};

const GROUPS: usize = 10_000;
const GLOBS: usize = 1_000;

/// Of each figure, the median of as many.
const TIMES: usize = 5;

/// Makes the glob of a number.
type Form = fn(usize) -> String;

const FORMS: [(&str, Form); 6] = [
    ("*-7-*", |i| format!("*-{i}-*")),
    ("org-*-7-crew", |i| format!("org-*-{i}-crew")),
    ("*7*unit*, few match", |i| format!("*{i}*unit*")),
    ("*crew*7*, none matches", |i| format!("*crew*{i}*")),
    ("*0*0*7*x*, none matches", |i| {
        let digits = format!("{i:03}");
        let [a, b, c] = [0, 1, 2].map(|at| &digits[at..=at]);
        format!("*{a}*{b}*{c}*x*")
    }),
    ("*, all match", |_| "*".to_owned()),
];

/// The figures, in words.
pub fn table() -> Vec<String> {
    let groups = (0..GROUPS).map(|i| format!("org-{i}-unit-{}-crew", i % 3000));
    let person = Identity {
        groups: Groups::Listed(groups.collect()),
        ..person()
    };
    let mut lines = vec![
        String::new(),
        format!("in process: {GLOBS} globs, and a person in {GROUPS} groups"),
        format!(
            "{:28}{:>12}{:>12}{:>16}{:>9}",
            "", "first", "then", "pair by pair", "ratio"
        ),
    ];
    for (name, form) in FORMS {
        let globs: Vec<String> = (0..GLOBS).map(form).collect();
        let [first, then, pairs] = median(|| measured(&globs, &person));
        lines.push(format!(
            "{name:28}{:>9.2} ms{:>9.1} us{:>13.0} ms{:>9.4}",
            first.as_secs_f64() * 1e3,
            then.as_secs_f64() * 1e6,
            pairs.as_secs_f64() * 1e3,
            first.as_secs_f64() / pairs.as_secs_f64(),
        ));
    }
    let [chosen, pairs] = median(|| rooms(&person));
    lines.push(format!(
        "{:28}{:>9.2} ms{:>28.0} ms{:>9.4}",
        "rooms, patterns *-7-*",
        chosen.as_secs_f64() * 1e3,
        pairs.as_secs_f64() * 1e3,
        chosen.as_secs_f64() / pairs.as_secs_f64(),
    ));
    lines
}

/// A scope is chosen where nothing is named, by one who holds ten thousand rooms and a thousand
/// patterns.
fn rooms(person: &Identity) -> [Duration; 2] {
    let named = (0..GROUPS).map(|i| format!("org-{i}-unit-{}-crew", i % 3000));
    let forms = (0..GLOBS).map(|i| format!("*-{i}-*"));
    let rules: Vec<String> = named.chain(forms).collect();
    let rows = rules.chunks(500).enumerate();
    let rows = rows.map(|(i, rules)| row(i, "*", "glob", rules));
    let held = Mappings::compile(rows).resolve(person, SystemClock.now());
    let began = Instant::now();
    black_box(held.scope(&Ask::default()).unwrap());
    let chosen = began.elapsed();
    let (named, forms) = rules.split_at(GROUPS);
    let named: Vec<RoomName> = named
        .iter()
        .filter_map(|room| RoomName::parse(room))
        .collect();
    let forms: Vec<RoomPattern> = forms
        .iter()
        .filter_map(|form| RoomPattern::parse(form))
        .collect();
    let began = Instant::now();
    for room in &named {
        for form in &forms {
            black_box(form.matches(black_box(room)));
        }
    }
    [chosen, began.elapsed()]
}

fn measured(globs: &[String], person: &Identity) -> [Duration; 3] {
    let now = SystemClock.now();
    let rows = globs.iter().enumerate();
    let rows = rows.map(|(i, glob)| row(i, glob, "glob", &both(i)));
    let mappings = Arc::new(Mappings::compile(rows));
    let memo = MatchMemo::default();
    let resolve = || {
        let began = Instant::now();
        black_box(memo.resolve(&mappings, black_box(person), now));
        began.elapsed()
    };
    let (first, then) = (resolve(), resolve());
    let globs: Vec<GroupGlob> = globs
        .iter()
        .map(|glob| GroupGlob::parse(glob).unwrap())
        .collect();
    let began = Instant::now();
    for group in person.groups.listed() {
        for glob in &globs {
            black_box(glob.captures(black_box(group)).is_some());
        }
    }
    [first, then, began.elapsed()]
}

fn median<const N: usize>(measure: impl Fn() -> [Duration; N]) -> [Duration; N] {
    let all: Vec<[Duration; N]> = (0..TIMES).map(|_| measure()).collect();
    std::array::from_fn(|figure| {
        let mut times: Vec<Duration> = all.iter().map(|times| times[figure]).collect();
        times.sort_unstable();
        times[TIMES / 2]
    })
}
