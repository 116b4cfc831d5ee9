//! `--help`: what a word does, what it reads, how it ends, an example.

use super::{run, said};

const WORDS: [&str; 10] = [
    "serve",
    "migrate",
    "check",
    "keygen",
    "inspect",
    "explain",
    "mappings",
    "red5-config",
    "people",
    "healthcheck",
];

#[test]
fn the_program_lists_its_words_and_each_says_what_a_stranger_has_to_know() {
    let (code, text) = said(run(&["--help"], &[], b""));
    assert_eq!(code, 0);
    for word in WORDS {
        assert!(text.contains(&format!("\n  {word} ")), "{word} in {text}");
    }
    assert!(text.contains("Exit codes: 0 good, 1 a finding"), "{text}");
    assert!(text.contains("red5-bridge check"), "{text}");
    let whole = WORDS.iter().map(std::slice::from_ref);
    let mapping_words = ["export", "plan", "apply", "test"].map(|word| ["mappings", word]);
    for words in whole.chain(mapping_words.iter().map(<[&str; 2]>::as_slice)) {
        let word = words.join(" ");
        let (code, text) = said(run(&[words, &["--help"]].concat(), &[], b""));
        assert_eq!(code, 0, "{word}");
        assert!(text.contains("Exit codes: 0"), "{word}: {text}");
        let example = text.split("Example: ").nth(1).expect("an example");
        assert!(
            example.contains("red5-bridge") && example.contains(&word),
            "{text}"
        );
        for line in text.lines() {
            assert!(line.len() <= 100, "{line}");
        }
    }
}

#[test]
fn a_wrong_word_is_usage_and_what_was_meant_is_said() {
    for (words, meant) in [
        (&["chek"][..], "check"),
        (&["inspekt"], "inspect"),
        (&["red5-confg"], "red5-config"),
        (&["red5-config", "--show-secrets"], "--show-secret"),
    ] {
        let output = run(words, &[], b"");
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("similar") && text.contains(meant), "{text}");
        assert!(output.stdout.is_empty());
    }
    for words in [
        &["check", "more"][..],
        &["inspect", "a", "b"],
        &["--frobnicate"],
    ] {
        assert_eq!(run(words, &[], b"").status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn keygen_makes_a_key_that_the_configuration_takes() {
    let (code, key) = said(run(&["keygen"], &[], b""));
    assert_eq!(code, 0);
    let (_, other) = said(run(&["keygen"], &[], b""));
    assert_ne!(key, other);
    let (_, text) = said(run(&["check"], &[("BRIDGE_SECRET_KEYS", key.trim())], b""));
    assert!(!text.contains("BRIDGE_SECRET_KEYS"), "{text}");
    assert!(!text.contains(key.trim()), "{text}");
}
