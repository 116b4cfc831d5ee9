//! Reads the members of a JSON object from a client one by one, and collects all errors.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::set::{AnyOr, NonEmpty};
use super::time::{MOMENT, moment};

/// An error in one field, and its remedy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct FieldError {
    /// The field's name in the API: `group`, `rooms[2]`.
    pub field: String,
    /// A sentence for the user.
    pub reason: String,
}

impl FieldError {
    /// An error in `field`.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            reason: reason.into(),
        }
    }
}

/// Takes the members out of a JSON object and collects errors.
#[derive(Debug)]
pub struct Members {
    members: Map<String, Value>,
    /// The errors so far.
    pub errors: Vec<FieldError>,
}

impl Members {
    /// The members of this object.
    pub fn new(members: Map<String, Value>) -> Self {
        Self {
            members,
            errors: Vec::new(),
        }
    }

    /// Reads an object with `read`.
    ///
    /// # Errors
    /// The errors of `read`, and one for each member that it did not take.
    pub fn judge<T>(
        members: Map<String, Value>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, Vec<FieldError>> {
        let mut members = Self::new(members);
        let read = read(&mut members);
        match (read, members.finish()) {
            (Some(good), errors) if errors.is_empty() => Ok(good),
            (_, errors) => Err(errors),
        }
    }

    /// Records an error. Only a field's first error is kept: a member of the wrong type would
    /// otherwise be reported as empty too.
    pub fn refuse(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        let field = field.into();
        let told = self.errors.iter().any(|error| {
            let rest = error.field.strip_prefix(&field);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        });
        if !told {
            self.push(field, reason);
        }
    }

    /// Records an error without comparing it with the others, because a body may cause very many.
    fn push(&mut self, field: impl Into<String>, reason: impl Into<String>) {
        self.errors.push(FieldError::new(field, reason));
    }

    /// A list of words; `None` if it is absent or invalid. `null` and the empty list are invalid,
    /// because neither may be read as "any".
    pub fn words(&mut self, field: &str) -> Option<Vec<String>> {
        let reason = "must be a list of one or more strings";
        let items = match self.members.remove(field)? {
            Value::Array(items) if !items.is_empty() => items,
            _ => {
                self.refuse(field, reason);
                return None;
            }
        };
        let before = self.errors.len();
        let mut words = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            match item {
                Value::String(word) => words.push(word),
                _ => self.push(format!("{field}[{i}]"), "must be a string"),
            }
        }
        (self.errors.len() == before).then_some(words)
    }

    /// A list of at most `most` strings; an empty or missing list means no strings.
    pub fn texts(&mut self, field: &str, most: usize) -> Option<Vec<String>> {
        let is_empty = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
        if self.members.get(field).is_none_or(is_empty) {
            self.members.remove(field);
            return Some(Vec::new());
        }
        let texts = self.words(field)?;
        if texts.len() > most {
            self.refuse(field, format!("at most {most} entries"));
            return None;
        }
        Some(texts)
    }

    /// Whether the member exists.
    pub fn has(&self, field: &str) -> bool {
        self.members.contains_key(field)
    }

    /// Parses each word with `read`; `None` if one is invalid. Then checks across lists are
    /// skipped, because they could blame a valid word.
    pub fn list<T: Ord>(
        &mut self,
        field: &str,
        words: &[String],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<NonEmpty<T>> {
        let before = self.errors.len();
        let mut members = Vec::with_capacity(words.len());
        for (i, word) in words.iter().enumerate() {
            match read(word) {
                Ok(member) => members.push(member),
                Err(reason) => self.push(format!("{field}[{i}]"), reason),
            }
        }
        (self.errors.len() == before).then_some(())?;
        NonEmpty::new(members)
    }

    /// Like [`Members::list`], for a list that may also be `*` alone.
    pub fn list_or_any<T: Ord>(
        &mut self,
        field: &str,
        words: &[String],
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<AnyOr<T>> {
        if !words.is_empty() && words.iter().all(|word| word == "*") {
            return Some(AnyOr::Any);
        }
        let read = |word: &str| match word {
            "*" => Err("* means any and stands alone: remove it, or remove the others".to_owned()),
            _ => read(word),
        };
        self.list(field, words, read).map(AnyOr::Only)
    }

    /// A whole number; `null` counts as absent.
    pub fn number(&mut self, field: &str) -> Option<i64> {
        let value = self
            .members
            .remove(field)
            .filter(|value| !value.is_null())?;
        let number = whole(&value);
        if number.is_none() {
            self.refuse(field, "must be a whole number");
        }
        number
    }

    /// A whole number that is required.
    pub fn required_number(&mut self, field: &str) -> Option<i64> {
        let before = self.errors.len();
        let number = self.number(field);
        if number.is_none() && self.errors.len() == before {
            self.refuse(field, "must be a whole number");
        }
        number
    }

    /// An object that is required.
    pub fn object(&mut self, field: &str) -> Option<Map<String, Value>> {
        if let Some(Value::Object(members)) = self.members.remove(field) {
            return Some(members);
        }
        self.refuse(field, "must be an object");
        None
    }

    /// A list of at most `most` objects that is required.
    pub fn objects(&mut self, field: &str, most: usize) -> Option<Vec<Map<String, Value>>> {
        let items = match self.members.remove(field) {
            Some(Value::Array(items)) if items.len() <= most => items,
            _ => {
                self.refuse(field, format!("must be a list of at most {most} objects"));
                return None;
            }
        };
        let before = self.errors.len();
        let mut objects = Vec::with_capacity(items.len());
        for (i, item) in items.into_iter().enumerate() {
            match item {
                Value::Object(members) => objects.push(members),
                _ => self.push(format!("{field}[{i}]"), "must be an object"),
            }
        }
        (self.errors.len() == before).then_some(objects)
    }

    /// Reads a nested object with `read`; its errors have paths from this object on.
    pub fn within<T>(
        &mut self,
        path: &str,
        object: Map<String, Value>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let judged = Self::judge(object, read);
        judged.map_err(|errors| self.take(path, errors)).ok()
    }

    /// Takes over the errors of a nested object.
    pub fn take(&mut self, path: &str, errors: Vec<FieldError>) {
        for error in errors {
            self.push(format!("{path}.{}", error.field), error.reason);
        }
    }

    /// A string; `null` counts as absent.
    pub fn text(&mut self, field: &str) -> Option<String> {
        match self.members.remove(field)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => {
                self.refuse(field, "must be a string");
                None
            }
        }
    }

    /// A boolean.
    pub fn flag(&mut self, field: &str) -> Option<bool> {
        let value = self.members.remove(field)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.refuse(field, "must be true or false");
        }
        flag
    }

    /// A time (RFC 3339); `null` counts as absent.
    pub fn moment(&mut self, field: &str) -> Option<DateTime<Utc>> {
        let text = self.text(field)?;
        let moment = moment(&text);
        if moment.is_none() {
            self.refuse(field, MOMENT);
        }
        moment
    }

    /// Refuses `null` where it must not count as absent.
    pub fn refuse_null(&mut self, field: &str) {
        if self.members.get(field).is_some_and(Value::is_null) {
            self.members.remove(field);
            self.refuse(field, "must not be null; leave it out otherwise");
        }
    }

    /// Lets `null` count as absent.
    pub fn drop_null(&mut self, field: &str) {
        if self.members.get(field).is_some_and(Value::is_null) {
            self.members.remove(field);
        }
    }

    /// Refuses all remaining members, because they are unknown (mass assignment, AD-5).
    pub fn finish(mut self) -> Vec<FieldError> {
        let unknown: Vec<String> = self.members.keys().cloned().collect();
        for field in unknown {
            self.push(field, "is unknown here; remove it");
        }
        self.errors
    }
}

/// A whole number in any notation: 60, 60.0 and 6e1 are equal in JSON Schema and most programs (RFC
/// 8259 §6). A number that needs 64 bits is out of every bound; one that needs more counts as no
/// whole number.
fn whole(value: &Value) -> Option<i64> {
    const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;
    if value.is_u64() || value.is_i64() {
        return Some(value.as_i64().unwrap_or(i64::MAX));
    }
    let number = value.as_f64()?;
    let is_whole = number.fract() == 0.0 && number.abs() < TWO_TO_64;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is whole; the cast takes what is too large for the largest"
    )]
    let number = number as i64;
    is_whole.then_some(number)
}

/// A value that was computed alongside `errors`; valid only if there are none.
pub fn together<T>(
    mut errors: Vec<FieldError>,
    judged: Result<T, Vec<FieldError>>,
) -> Result<T, Vec<FieldError>> {
    match judged {
        Ok(good) if errors.is_empty() => Ok(good),
        Ok(_) => Err(errors),
        Err(more) => {
            errors.extend(more);
            Err(errors)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(value: Value) -> Members {
        let Value::Object(members) = value else {
            panic!("{value}");
        };
        Members::new(members)
    }

    #[test]
    fn a_text_that_is_null_is_absent_and_of_another_type_is_wrong() {
        let mut read = members(json!({"group": null, "note": "x", "match": 7}));
        assert_eq!(read.text("group"), None);
        assert_eq!(read.text("note").as_deref(), Some("x"));
        assert!(read.errors.is_empty());
        assert_eq!(read.text("match"), None);
        assert_eq!(read.errors, [FieldError::new("match", "must be a string")]);
    }

    #[test]
    fn of_one_field_the_first_error_is_told() {
        let mut read = members(json!({"rooms": ["a", 1], "room": 1}));
        assert_eq!(read.words("rooms"), None);
        read.refuse("rooms", "is empty");
        read.refuse("room", "is another field");
        let fields: Vec<&str> = read.errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["rooms[1]", "room"]);
    }

    #[test]
    fn a_whole_number_may_be_written_in_any_way_that_64_bits_hold() {
        for (written, number) in [
            (json!(60), Some(60)),
            (json!(60.0), Some(60)),
            (json!(-1.0), Some(-1)),
            (json!(6e1), Some(60)),
            (json!(u64::MAX), Some(i64::MAX)),
            (json!(1e19), Some(i64::MAX)),
            (json!(18_446_744_073_709_551_616.0), None),
            (json!(-18_446_744_073_709_551_616.0), None),
            (json!(1e300), None),
            (json!(0.5), None),
            (json!("60"), None),
            (json!(true), None),
        ] {
            assert_eq!(whole(&written), number, "{written}");
        }
    }
}
