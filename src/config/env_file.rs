//! `.env`, checked line by line before dotenvy parses it.
//!
//! dotenvy replaces `$NAME`, resolves escapes, cuts a value at ` #` and joins lines whose quotes do
//! not close, all without an error. So only values that dotenvy leaves unchanged are accepted:
//! plain, in single quotes, or in double quotes. dotenvy still parses each accepted line, without a
//! comment after a quoted value, and its result is compared with the text.

use std::collections::HashMap;
use std::io::ErrorKind;

use super::reader::{ConfigError, VariableError};
use crate::visible::is_hidden;

const FILE: &str = ".env";

/// The only white space allowed between the parts of a line.
const BLANKS: [char; 2] = [' ', '\t'];

/// The remedy for a value that cannot be written in this file.
const ELSEWHERE: &str =
    "set it in the environment, or a secret in a file of its own (its name with _FILE)";

/// Reads `.env` in the current folder, if it exists.
pub(super) fn read() -> Result<Vec<(String, String)>, ConfigError> {
    match std::fs::read(FILE) {
        Ok(content) => parse(&content),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let reason = format!("the file cannot be read: {}", error.kind());
            Err(ConfigError(vec![problem(reason)]))
        }
    }
}

/// The names and values in the file, in order. Every invalid line is reported with its number and
/// variable, never with a value.
///
/// # Errors
/// If a part would be lost, replaced or read differently than it is written.
pub fn parse(content: &[u8]) -> Result<Vec<(String, String)>, ConfigError> {
    if content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") {
        let reason =
            "the file is UTF-16, as some editors and shells on Windows write it: save it as UTF-8";
        return Err(ConfigError(vec![problem(reason.to_owned())]));
    }
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let (mut variables, mut problems) = (Vec::new(), Vec::new());
    let mut first_lines: HashMap<&str, usize> = HashMap::new();
    for (number, line) in (1..).zip(content.split(|byte| *byte == b'\n')) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let Ok(line) = str::from_utf8(line) else {
            let reason = "is not UTF-8 text: save the file as UTF-8";
            problems.push(problem(format!("line {number}: {reason}")));
            continue;
        };
        let line = line.trim_matches(BLANKS);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, written) = match split(line) {
            Ok(parts) => parts,
            Err(reason) => {
                problems.push(problem(format!("line {number}: {reason}")));
                continue;
            }
        };
        let mut reasons = Vec::new();
        match value(name, written) {
            Ok(value) => variables.push((name.to_owned(), value)),
            Err(reason) => reasons.push(reason),
        }
        let first = *first_lines.entry(name).or_insert(number);
        if first < number {
            reasons.push(format!(
                "it stands a second time (first in line {first}): remove one of them"
            ));
        }
        if !reasons.is_empty() {
            let shown = if is_no_secret(name) {
                format!(", {name}")
            } else {
                String::new()
            };
            let reasons = reasons.join("; ");
            problems.push(problem(format!("line {number}{shown}: {reasons}")));
        }
    }
    if problems.is_empty() {
        Ok(variables)
    } else {
        Err(ConfigError(problems))
    }
}

fn problem(reason: String) -> VariableError {
    VariableError {
        variable: FILE.to_owned(),
        reason,
    }
}

/// A fragment of a secret that an editor wrapped can look like `NAME==`. Base64 and hexadecimal
/// text contains no such words.
fn is_no_secret(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.len() <= 64 && name.contains('_') && name.chars().all(plain)
}

/// Splits a line into the name and the text after the `=`.
fn split(line: &str) -> Result<(&str, &str), &'static str> {
    let (left, right) = line
        .split_once('=')
        .ok_or("is not NAME=value; a value stands on one line, and a comment begins with #")?;
    let left = left.trim_end_matches(BLANKS);
    // `export NAME=value` is accepted, because a shell may read the file too.
    let exported = left.strip_prefix("export");
    let exported = exported.filter(|name| name.starts_with(BLANKS));
    let name = exported.unwrap_or(left).trim_start_matches(BLANKS);
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    if !name.chars().all(word) || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return Err("is not NAME=value: a name has letters, digits and _ alone");
    }
    Ok((name, right.trim_start_matches(BLANKS)))
}

/// The value, if dotenvy reads it as it is written.
fn value(name: &str, text: &str) -> Result<String, String> {
    let (written, value) = match text.chars().next() {
        Some(quote @ ('\'' | '"')) => quoted(text, quote)?,
        _ => (plain(text)?, text),
    };
    let line = format!("{name}={written}");
    match dotenvy::from_read_iter(line.as_bytes()).next() {
        Some(Ok(read)) if read.0 == name && read.1 == value => Ok(read.1),
        _ => Err(format!("cannot be read as it is written: {ELSEWHERE}")),
    }
}

/// The value with its quotes but without a trailing comment, and the value without its quotes.
fn quoted(text: &str, quote: char) -> Result<(&str, &str), String> {
    let inner = text.strip_prefix(quote).unwrap_or(text);
    let Some((value, behind)) = inner.split_once(quote) else {
        return Err(
            "has a quote that is not closed on its line; a value stands on one line".to_owned(),
        );
    };
    if quote == '"' {
        require_unreplaced(value, inner.trim_end_matches('"'))?;
    } else if value.ends_with('\\') {
        // dotenvy would read the closing quote as part of the value.
        return Err(format!("ends with a backslash: {ELSEWHERE}"));
    }
    let comment = behind.trim_start_matches(BLANKS);
    let is_comment = comment.starts_with('#') && comment.len() < behind.len();
    if !comment.is_empty() && !is_comment {
        return Err(format!(
            "has text behind its closing quote: {}",
            remedy(inner.trim_end_matches(quote))
        ));
    }
    if value.contains(|c: char| c.is_control() && c != '\t') {
        return Err("has a control character".to_owned());
    }
    Ok((&text[..text.len() - behind.len()], value))
}

/// An unquoted value.
fn plain(text: &str) -> Result<&str, String> {
    require_unreplaced(text, text)?;
    let remedy = remedy(text);
    if text.starts_with('#') || text.contains(" #") || text.contains("\t#") {
        Err("has a # behind a blank, which would begin a comment: put the value in single quotes, or \
             the comment on a line of its own"
            .to_owned())
    } else if text.starts_with('=') {
        // The end of wrapped base64 looks like this.
        Err(format!(
            "begins with =: {remedy}, or join the line with the one before"
        ))
    } else if text.contains(['\'', '"']) {
        Err(format!(
            "has a quote inside, which would be taken off: {remedy}"
        ))
    } else if text.contains(BLANKS) {
        Err(format!("has a blank: {remedy}"))
    } else if text.contains(is_hidden) {
        Err(format!(
            "has an invisible character: remove it, or {remedy}"
        ))
    } else {
        Ok(text)
    }
}

/// Refuses characters that dotenvy replaces outside of single quotes.
fn require_unreplaced(value: &str, whole: &str) -> Result<(), String> {
    let what = if value.contains('$') {
        "has a $ outside single quotes, which would be replaced"
    } else if value.contains('\\') {
        "has a \\ outside single quotes, which would be taken for an escape"
    } else {
        return Ok(());
    };
    Err(format!("{what}: {}", remedy(whole)))
}

/// How to quote a value so that it is read unchanged.
fn remedy(value: &str) -> &'static str {
    if !value.contains('\'') {
        "put it in single quotes"
    } else if !value.contains(['"', '$', '\\']) {
        "put it in double quotes"
    } else {
        ELSEWHERE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reasons(content: &[u8]) -> Vec<String> {
        let problems = parse(content).expect_err("it is refused").0;
        problems
            .into_iter()
            .map(|problem| format!("{}: {}", problem.variable, problem.reason))
            .collect()
    }

    fn value(line: &str) -> String {
        let variables = parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(variables.len(), 1, "{line}");
        variables[0].1.clone()
    }

    #[test]
    fn sc_1_a_value_is_read_as_it_is_written() {
        for (line, expected) in [
            ("A=", ""),
            ("A=b", "b"),
            ("  export\tA = b \t\r", "b"),
            ("A=b#c", "b#c"),
            ("A=b=c==", "b=c=="),
            ("A=''", ""),
            ("A='b $c \\d \"e\" #f'", "b $c \\d \"e\" #f"),
            ("A='b\\\\c'", "b\\\\c"),
            ("A='[\"b,c\",\"d\"]'", "[\"b,c\",\"d\"]"),
            ("A=\"it's # b\"", "it's # b"),
            ("A='b' # don't", "b"),
            ("A='b'  # don't $x \\", "b"),
            (
                "A=postgres://u:p%40@h/d?sslmode=verify-full&x=y",
                "postgres://u:p%40@h/d?sslmode=verify-full&x=y",
            ),
            ("A='\u{a0}é\t'", "\u{a0}é\t"),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn sc_1_the_ends_of_lines_and_a_byte_order_mark_are_no_part_of_it() {
        for content in [
            "\u{feff}A=b\r\nB='c'\r\n",
            "A=b\nB='c'",
            "\n# A=x 'y\n  # don't\nA=b \n\t\nB='c'  ",
        ] {
            let pairs = parse(content.as_bytes()).unwrap();
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            assert_eq!(pairs, [("A", "b"), ("B", "c")], "{content:?}");
        }
        assert_eq!(parse(b"").unwrap(), []);
    }

    #[test]
    fn sc_1_what_would_be_lost_or_replaced_is_refused_by_line_and_variable() {
        for (value, words) in [
            (
                "stream$Admins",
                "$ outside single quotes, which would be replaced: put it in single quotes",
            ),
            (
                "\"a$b\"",
                "$ outside single quotes, which would be replaced: put it in single quotes",
            ),
            (
                "a\\$b",
                "$ outside single quotes, which would be replaced: put it in single quotes",
            ),
            (
                "\"it's $b\"",
                "$ outside single quotes, which would be replaced: set it in the environment",
            ),
            ("a\\b", "\\ outside single quotes"),
            ("a\\", "\\ outside single quotes"),
            ("\"a\\nb\"", "\\ outside single quotes"),
            ("\"a\\\"b\"", "\\ outside single quotes"),
            ("a b", "has a blank: put it in single quotes"),
            ("a\tb", "has a blank: put it in single quotes"),
            (
                "it is b's",
                "has a quote inside, which would be taken off: put it in double quotes",
            ),
            ("a #b", "# behind a blank"),
            ("#b", "# behind a blank"),
            (" # b", "# behind a blank"),
            ("a\t#b", "# behind a blank"),
            ("=", "begins with ="),
            (
                "[\"a\"]",
                "quote inside, which would be taken off: put it in single quotes",
            ),
            ("a'b'", "quote inside"),
            ("'a", "quote that is not closed"),
            ("\"a", "quote that is not closed"),
            ("'a'b", "text behind its closing quote"),
            ("'a'#b", "text behind its closing quote"),
            ("'a' b", "text behind its closing quote"),
            ("'a''b'", "text behind its closing quote"),
            ("'a\\'", "ends with a backslash: set it in the environment"),
            (
                "'a\\\\'",
                "ends with a backslash: set it in the environment",
            ),
            ("a\0b", "an invisible character"),
            ("'a\0b'", "a control character"),
            ("a\u{a0}", "an invisible character"),
            ("\u{feff}a", "an invisible character"),
            ("a\rb", "an invisible character"),
        ] {
            let content = format!("BRIDGE_ADMIN_GROUPS=x\nRED5_JWT_SECRET={value}\n\nA=b");
            let reasons = reasons(content.as_bytes());
            assert_eq!(reasons.len(), 1, "{value:?}: {reasons:?}");
            let begin = ".env: line 2, RED5_JWT_SECRET: ";
            assert!(
                reasons[0].starts_with(begin) && reasons[0].contains(words),
                "{value:?}: {reasons:?}"
            );
        }
    }

    #[test]
    fn sc_1_every_line_that_is_wrong_is_named_at_once() {
        let content =
            b"# \xff\nA_B=1\n\nno equals sign\nBRIDGE-LISTEN=x\n1A=x\nA_B=2\nexport A_B='3\n=x\nexport A_B=4";
        let reasons = reasons(content);
        let begins = [
            ".env: line 1: is not UTF-8 text",
            ".env: line 4: is not NAME=value",
            ".env: line 5: is not NAME=value",
            ".env: line 6: is not NAME=value",
            ".env: line 7, A_B: it stands a second time (first in line 2)",
            ".env: line 8, A_B: has a quote that is not closed on its line; a value stands on one line; it stands a second time (first in line 2)",
            ".env: line 9: is not NAME=value",
            ".env: line 10, A_B: it stands a second time (first in line 2)",
        ];
        assert_eq!(reasons.len(), begins.len(), "{reasons:?}");
        for (reason, begin) in reasons.iter().zip(begins) {
            assert!(reason.starts_with(begin), "{reason} {begin}");
        }
        assert!(super::parse(b"\xff\xfeA\0").is_err_and(|p| p.to_string().contains("UTF-16")));
    }

    #[test]
    fn sc_2_a_secret_on_several_lines_is_refused_and_no_piece_of_it_is_shown() {
        let content =
            "RED5_JWT_SECRET='canary1\nY2FuYXJ5Mg==\nY2FuYXJ5Mg==\ncanary3$=canary4\ncanary5'\n";
        let reasons = reasons(content.as_bytes());
        assert_eq!(reasons.len(), 5, "{reasons:?}");
        let text = reasons.join("\n");
        assert!(!text.contains("canary") && !text.contains("Y2Fu"), "{text}");
    }

    /// Values out of everything that dotenvy has a rule for.
    fn values() -> impl Strategy<Value = String> {
        let text = "[ab=#'\"$\\\\{} \t\u{a0}]{0,4}";
        prop_oneof![
            text,
            (text, text).prop_map(|(text, behind)| format!("'{text}'{behind}")),
            (text, text).prop_map(|(text, behind)| format!("\"{text}\"{behind}")),
            (text, text).prop_map(|(text, comment)| format!("'{text}' #{comment}")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

        /// dotenvy reads each value that passes as it is written, so that the comparison at run
        /// time refuses nothing.
        #[test]
        fn sc_1_what_passes_is_what_dotenvy_reads(begin in "(export )?A ?= ?", value in values()) {
            let line = begin + &value;
            let line = line.trim_matches(BLANKS);
            if let Ok((name, written)) = split(line) {
                let refused = super::value(name, written).err().unwrap_or_default();
                prop_assert!(!refused.contains("as it is written"), "{line:?}");
            }
        }

        /// Each of these forms returns the value whole.
        #[test]
        fn sc_1_a_value_in_quotes_comes_back_whole(text in "[a-zé #$\"\\\\=\\[\\],{}]{0,12}x") {
            prop_assert_eq!(value(&format!("A='{text}'")), text);
        }
    }
}
