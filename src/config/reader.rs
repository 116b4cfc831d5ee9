//! Reads variables one by one and remembers everything that is wrong.

use std::fmt;

use secrecy::SecretString;

use super::secret;

/// One variable, what is wrong with it and what to do. Never holds a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: String,
    /// A sentence for the operator.
    pub reason: String,
}

/// All that is wrong, at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration is not usable:")?;
        for problem in &self.0 {
            writeln!(f, "  {}: {}", problem.variable, problem.reason)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A variable that is set to something that is not UTF-8.
pub struct NotText;

/// Where values come from; tests give a table.
pub type Lookup<'a> = dyn Fn(&str) -> Result<Option<String>, NotText> + 'a;

/// Reads variables, and remembers what is wrong with each.
pub struct Reader<'a> {
    lookup: &'a Lookup<'a>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a Lookup<'a>) -> Self {
        Self {
            lookup,
            problems: Vec::new(),
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(super) fn problem(&mut self, variable: &str, reason: impl Into<String>) {
        self.problems.push(Problem {
            variable: variable.to_owned(),
            reason: reason.into(),
        });
    }

    /// How many there are by now.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.len()
    }

    /// The value, if it is set; an empty one counts as absent.
    pub(super) fn text(&mut self, variable: &str) -> Option<String> {
        match (self.lookup)(variable) {
            // A file of `NAME='value'` that is read without a shell leaves them there.
            Ok(Some(value)) if secret::is_quoted(&value) => {
                self.problem(variable, secret::QUOTED);
                None
            }
            Ok(value) => value.filter(|value| !value.is_empty()),
            Err(NotText) => {
                self.problem(variable, "is not UTF-8 text");
                None
            }
        }
    }

    /// The value; absent is a problem, and `source` says where it comes from.
    pub(super) fn required(&mut self, variable: &str, source: &str) -> Option<String> {
        let value = self.text(variable);
        if value.is_none() && !self.has_problem(variable) {
            self.problem(variable, format!("is required: {source}"));
        }
        value
    }

    /// The value as `parse` reads it, or `default`. The reason of `parse` must
    /// not repeat the value.
    pub(super) fn parsed<T>(
        &mut self,
        variable: &str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match self.text(variable) {
            None => Some(default),
            Some(value) => self.judged(variable, parse(&value)),
        }
    }

    /// Keeps what is good and notes what is not.
    pub(super) fn judged<T>(&mut self, variable: &str, outcome: Result<T, String>) -> Option<T> {
        outcome
            .map_err(|reason| self.problem(variable, reason))
            .ok()
    }

    /// A secret, from `X` or from the file that `X_FILE` names.
    pub fn secret(&mut self, variable: &str) -> Option<SecretString> {
        let file_variable = format!("{variable}_FILE");
        let file = self.text(&file_variable);
        match (self.text(variable), file) {
            (Some(_), Some(_)) => {
                self.problem(
                    variable,
                    format!("set either it or {file_variable}, not both"),
                );
                None
            }
            (Some(value), None) => {
                let judged = secret::judge(&value).map(|()| value.into());
                self.judged(variable, judged)
            }
            (None, None) => None,
            (None, Some(path)) => {
                let read = secret::read_file(&path).map(SecretString::from);
                self.judged(&file_variable, read)
            }
        }
    }

    /// A secret that must be there; `source` says where it comes from.
    pub(super) fn required_secret(&mut self, variable: &str, source: &str) -> Option<SecretString> {
        let before = self.problems.len();
        let value = self.secret(variable);
        if value.is_none() && self.problems.len() == before {
            self.problem(
                variable,
                format!("is required (or {variable}_FILE): {source}"),
            );
        }
        value
    }

    /// Comma-separated and trimmed, or a JSON array of strings. Empty members
    /// are a slip and are refused.
    pub fn list(&mut self, variable: &str) -> Option<Vec<String>> {
        self.text(variable).map_or(Some(Vec::new()), |value| {
            self.judged(variable, parse_list(&value))
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &mut self,
        variable: &str,
        default: u32,
        range: std::ops::RangeInclusive<u32>,
    ) -> Option<u32> {
        let (least, most) = (*range.start(), *range.end());
        self.parsed(variable, default, |value| {
            let number = value.parse().ok().filter(|number| range.contains(number));
            number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
        })
    }

    fn has_problem(&self, variable: &str) -> bool {
        self.problems
            .iter()
            .any(|problem| problem.variable == variable)
    }
}

/// Comma-separated and trimmed, or a JSON array.
pub(super) fn parse_list(value: &str) -> Result<Vec<String>, String> {
    let members: Vec<String> = if value.trim_start().starts_with('[') {
        serde_json::from_str(value).map_err(|_| "is not a JSON array of strings".to_owned())?
    } else {
        let members = value.split(',').map(|member| member.trim().to_owned());
        let members: Vec<_> = members.collect();
        // They would count, and a comma between them would still separate.
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
