//! Reads single variables; collects every problem and every name that was read.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::str::FromStr;

use secrecy::SecretString;

use crate::visible::is_hidden;

/// Largest file in bytes; the longest secret is a list of keys.
const FILE_MAX: usize = 64 * 1024;

const QUOTES: [(char, char); 7] = [
    ('\'', '\''),
    ('"', '"'),
    ('`', '`'),
    ('“', '”'),
    ('„', '“'),
    ('‘', '’'),
    ('«', '»'),
];

const QUOTED: &str = "has quotes around it, which would be a part of it: leave them out";

/// A variable with its problem and the remedy. Never contains a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VariableError {
    /// The variable's name.
    pub variable: String,
    /// A sentence for operators.
    pub reason: String,
}

/// All problems of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub Vec<VariableError>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration is not usable:")?;
        for problem in &self.0 {
            writeln!(f, "  {}: {}", problem.variable, problem.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Reads variables. An invalid value is recorded and its default returned, so that all other
/// variables are read too; [`Reader::finish`] then fails.
pub struct Reader<'a> {
    values: &'a BTreeMap<String, OsString>,
    is_known: fn(&str) -> bool,
    /// Names of the variables that were read.
    pub(super) names: Vec<String>,
    problems: Vec<VariableError>,
}

impl<'a> Reader<'a> {
    /// `is_known` tells whether a word is the name of a variable.
    pub(super) fn new(values: &'a BTreeMap<String, OsString>, is_known: fn(&str) -> bool) -> Self {
        Self {
            values,
            is_known,
            names: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The result: every problem, or what was read.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, ConfigError> {
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            _ => Err(ConfigError(self.problems)),
        }
    }

    pub(super) fn problem(&mut self, variable: &str, reason: impl Into<String>) {
        self.problems.push(VariableError {
            variable: variable.to_owned(),
            reason: reason.into(),
        });
    }

    pub(super) fn has_problem(&self, variable: &str) -> bool {
        let mut problems = self.problems.iter();
        problems.any(|problem| problem.variable == variable)
    }

    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// The value; an empty value counts as absent.
    pub fn text(&mut self, variable: &str) -> Option<String> {
        self.names.push(variable.to_owned());
        let value = self.values.get(variable)?;
        let reason = match value.to_str() {
            // Quotes stay when a file of `NAME='value'` lines is read without a shell.
            Some(value) if is_quoted(value) => QUOTED,
            Some(value) => return Some(value.to_owned()).filter(|value| !value.is_empty()),
            None => "is not UTF-8 text",
        };
        self.problem(variable, reason);
        None
    }

    /// A value that must be set; `source` says where to get it.
    pub(super) fn required(&mut self, variable: &str, source: &str) -> Option<String> {
        let value = self.text(variable);
        if value.is_none() && !self.has_problem(variable) {
            self.problem(variable, format!("is required: {source}"));
        }
        value
    }

    /// The parsed value, or `default`. The reason of `parse` must not repeat the value.
    pub(super) fn parsed<T>(
        &mut self,
        variable: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> T {
        let value = self.text(variable);
        let parsed = value.and_then(|value| self.accept(variable, parse(&value)));
        parsed.unwrap_or(default)
    }

    /// Returns a success, and records a failure.
    pub(super) fn accept<T>(&mut self, variable: &str, outcome: Result<T, String>) -> Option<T> {
        outcome
            .map_err(|reason| self.problem(variable, reason))
            .ok()
    }

    /// One of several words; the first is the default.
    pub(super) fn choice<T: Copy, const N: usize>(
        &mut self,
        variable: &str,
        words: [(&str, T); N],
    ) -> T {
        self.parsed(variable, words[0].1, |value| {
            let known = words.iter().find(|(word, _)| *word == value);
            known.map(|(_, meaning)| *meaning).ok_or_else(|| {
                let words = words.map(|(word, _)| word);
                format!("must be one of {}", words.join(", "))
            })
        })
    }

    /// A whole number within bounds.
    pub(super) fn number<N: FromStr + PartialOrd + fmt::Display>(
        &mut self,
        variable: &str,
        default: N,
        bounds: RangeInclusive<N>,
    ) -> N {
        self.parsed(variable, default, |value| {
            let number = value.parse().ok().filter(|number| bounds.contains(number));
            number.ok_or_else(|| {
                let (least, most) = bounds.into_inner();
                format!("must be a whole number from {least} to {most}")
            })
        })
    }

    /// A comma-separated list, trimmed, or a JSON array of strings.
    pub fn list(&mut self, variable: &str) -> Vec<String> {
        self.parsed(variable, Vec::new(), parse_list)
    }

    /// A secret, from the variable X or from the file that `X_FILE` names.
    pub fn secret(&mut self, variable: &str) -> Option<SecretString> {
        let file_variable = format!("{variable}_FILE");
        match (self.text(variable), self.text(&file_variable)) {
            (Some(_), Some(_)) => {
                let reason = format!("set either it or {file_variable}, not both");
                self.problem(variable, reason);
                None
            }
            (Some(value), None) => {
                let judged = judge_secret(&value, self.is_known).map(|()| value.into());
                self.accept(variable, judged)
            }
            (None, Some(path)) => {
                let read = read_secret_file(&path, self.is_known).map(SecretString::from);
                self.accept(&file_variable, read)
            }
            (None, None) => None,
        }
    }

    /// A secret that must be set; `source` says where to get it.
    pub(super) fn required_secret(&mut self, variable: &str, source: &str) -> Option<SecretString> {
        let before = self.problem_count();
        let value = self.secret(variable);
        if value.is_none() && self.problem_count() == before {
            let reason = format!("is required (or {variable}_FILE): {source}");
            self.problem(variable, reason);
        }
        value
    }
}

/// The secret in a file, without one trailing line end, which editors and `echo` add. The reason
/// never repeats the file's content.
fn read_secret_file(path: &str, is_known: fn(&str) -> bool) -> Result<String, String> {
    let content = read_file(path)?;
    if content.starts_with(b"\xef\xbb\xbf") {
        return Err(
            "the file begins with a byte order mark, which would be a part of the secret: save it \
             as UTF-8 without one"
                .to_owned(),
        );
    }
    let text = String::from_utf8(content)
        .map_err(|_| "the file is not UTF-8 text: save it as UTF-8".to_owned())?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err("the file is empty".to_owned());
    }
    judge_secret(line, is_known).map_err(|reason| format!("the file {reason}"))?;
    Ok(line.to_owned())
}

/// The content of a file of at most [`FILE_MAX`] bytes.
pub(super) fn read_file(path: &str) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let limit = u64::try_from(FILE_MAX).unwrap_or(u64::MAX);
    File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut content))
        .map_err(|error| format!("the file cannot be read: {}", error.kind()))?;
    if content.len() > FILE_MAX {
        return Err(format!("the file is larger than {FILE_MAX} bytes"));
    }
    Ok(content)
}

/// Refuses leftovers of copying, which would become a part of the secret. `is_known` tells whether
/// a word is the name of a variable.
fn judge_secret(text: &str, is_known: fn(&str) -> bool) -> Result<(), String> {
    let reason = if text.contains(['\n', '\r']) {
        "has more than one line: leave the secret alone in it, on one line"
    } else if text.contains(is_hidden) {
        "has an invisible character, which would be a part of the secret: write it anew"
    } else if text.trim() != text {
        "has white space at its beginning or end, which would be a part of the secret"
    } else if is_quoted(text) {
        QUOTED
    } else if begins_with_a_name(text, is_known) {
        "begins with a name and =, which would be a part of the secret: leave only what stands behind"
    } else {
        return Ok(());
    };
    Err(reason.to_owned())
}

fn is_quoted(text: &str) -> bool {
    let mut quotes = QUOTES.iter();
    text.len() > 1 && quotes.any(|(open, close)| text.starts_with(*open) && text.ends_with(*close))
}

/// Whether a whole line of an `.env` file or of Red5's properties was copied.
fn begins_with_a_name(text: &str, is_known: fn(&str) -> bool) -> bool {
    let text = text.strip_prefix("export ").unwrap_or(text);
    let name = text.split_once('=').map_or("", |(name, _)| name);
    let name = name.trim_end().to_ascii_uppercase();
    name == "JWT.SECRET" || is_known(&name)
}

/// A comma-separated list, trimmed, or a JSON array. An empty member is a mistake and is refused.
pub(super) fn parse_list(value: &str) -> Result<Vec<String>, String> {
    let members: Vec<String> = if value.trim_start().starts_with('[') {
        serde_json::from_str(value).map_err(|_| "is not a JSON array of strings".to_owned())?
    } else {
        let members = value.split(',').map(|member| member.trim().to_owned());
        let members: Vec<_> = members.collect();
        // The quotes would be part of the member, and a comma between them would still separate
        // members.
        let quoted = |member: &String| member.starts_with(['"', '\'']) || member.ends_with('"');
        if members.iter().any(quoted) {
            return Err(
                "has quotes in a list: leave them out, or write a JSON array where a name has a comma"
                    .to_owned(),
            );
        }
        members
    };
    if members.iter().any(String::is_empty) {
        return Err("has an empty member; remove the extra comma".to_owned());
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::parse_list;

    #[test]
    fn sc_1_a_member_with_a_quote_at_an_end_is_refused_outside_of_a_json_array() {
        for value in ["a,\"b,c\"", "'a',b", "\"a\",\"b\"", "a,b\""] {
            let reason = parse_list(value).expect_err(value);
            assert!(reason.contains("JSON array"), "{value}: {reason}");
        }
        assert_eq!(parse_list("it's,b'").unwrap(), ["it's", "b'"]);
        assert_eq!(parse_list("[\"'a'\"]").unwrap(), ["'a'"]);
    }
}
