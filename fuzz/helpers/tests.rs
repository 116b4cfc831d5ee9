//! Every target over its corpus and over some thousands of changed inputs,
//! always the same ones. What fuzzing finds becomes a file of the corpus.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::TARGETS;

/// Changed inputs for each target; all the targets together take seconds.
const CHANGED: usize = 4000;

/// A machine under load tries fewer.
const TIME_MAX: Duration = Duration::from_millis(2500);

/// Most bytes of a changed input.
const BYTES_MAX: usize = 2048;

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Numbers that look like chance and are the same every time (`SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound.max(1)).unwrap();
        usize::try_from((z ^ (z >> 31)) % bound).unwrap()
    }

    /// One input of the corpus, changed in one to four places.
    fn changed(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        const WORDS: [&[u8]; 24] = [
            b"/",
            b"\\",
            b"//",
            b".",
            b"..",
            b"%2e",
            b"@",
            b":",
            b"*",
            b"{1}",
            b"{sub}",
            b"\n",
            b"\0",
            b"\t",
            b"\"",
            b",",
            b"[",
            b"]",
            b"null",
            b"0",
            b"-1",
            b"1e9",
            b"\xc3\xa9",
            b";",
        ];
        let mut input = corpus[self.below(corpus.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(input.len() + 1);
            let end = (at + self.below(8)).min(input.len());
            match self.below(6) {
                0 if at < input.len() => input[at] ^= 1 << self.below(8),
                1 if at < input.len() => input[at] = u8::try_from(self.below(256)).unwrap(),
                2 => drop(input.drain(at..end)),
                3 => {
                    let piece = input[at..end].to_vec();
                    input.splice(at..at, piece);
                }
                4 => {
                    let other = &corpus[self.below(corpus.len())];
                    let from = self.below(other.len() + 1);
                    input.truncate(at);
                    input.extend_from_slice(&other[from..]);
                }
                _ => {
                    let word = WORDS[self.below(WORDS.len())];
                    input.splice(at..at, word.iter().copied());
                }
            }
        }
        input.truncate(BYTES_MAX);
        input
    }
}

fn holds(name: &str, target: fn(&[u8])) {
    let corpus = corpus(name);
    assert!(corpus.len() >= 5, "{name}: {} inputs", corpus.len());
    for input in &corpus {
        target(input);
    }
    let began = Instant::now();
    let mut numbers = Numbers(1);
    for _ in 0..CHANGED {
        let input = numbers.changed(&corpus);
        // Fails with the input in sight.
        let outcome = std::panic::catch_unwind(|| target(&input));
        assert!(outcome.is_ok(), "{name}: {}", input.escape_ascii());
        if began.elapsed() > TIME_MAX {
            break;
        }
    }
}

macro_rules! each_target_holds {
    ($($name:ident)*) => {
        const TRIED: &[&str] = &[$(stringify!($name)),*];

        mod over_its_corpus_and_what_is_like_it_each_target_holds {
            $(
                #[test]
                fn $name() {
                    super::holds(stringify!($name), crate::fuzzing::$name);
                }
            )*
        }
    };
}

each_target_holds!(cookies globs groups id_token inspect mapping return_to);

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let names = |folder: &Path, end: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        names
            .map(|name| name.trim_end_matches(end).to_owned())
            .collect()
    };
    let targets: BTreeSet<String> = TARGETS.map(|(name, _)| name.to_owned()).into();
    let folder = fuzz_folder();
    assert_eq!(names(&folder.join("fuzz_targets"), ".rs"), targets);
    assert_eq!(names(&folder.join("corpus"), ""), targets);
    assert_eq!(TRIED, TARGETS.map(|(name, _)| name));
}
