//! The parameters of a list: each read once, and everything that is wrong reported at once.

use chrono::{DateTime, Utc};

use super::form::Form;
use crate::domain::members::FieldError;
use crate::domain::time::{MOMENT, moment};

/// Parameters that are read one by one.
pub struct Query {
    fields: Form,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
    refuses_unknown: bool,
}

impl Query {
    /// Of a program, which is told of a parameter that is not known.
    pub fn of_program(fields: Form) -> Self {
        Self {
            fields,
            known: Vec::new(),
            errors: Vec::new(),
            refuses_unknown: true,
        }
    }

    /// Of a page: a form also sends what was left empty, and another page may add what it says of
    /// itself.
    pub fn of_page(fields: Form) -> Self {
        Self {
            refuses_unknown: false,
            ..Self::of_program(fields.without_empty())
        }
    }

    /// The parameter as `parse` reads it, or an error with its `rule`; none where it is absent.
    pub fn read<T>(
        &mut self,
        name: &'static str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.known.push(name);
        let read = match self.fields.one(name) {
            Ok(None) => return None,
            Ok(Some(text)) => parse(text),
            Err(_) => None,
        };
        if read.is_none() {
            self.errors.push(FieldError::new(name, rule));
        }
        read
    }

    /// The same of one that must be there.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        rule: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if self.fields.one(name) == Ok(None) {
            self.errors.push(FieldError::new(name, rule));
        }
        self.read(name, rule, parse)
    }

    /// A whole number from 1 to `most`.
    pub fn number(&mut self, name: &'static str, most: i64) -> Option<i64> {
        let rule = format!("must be one whole number from 1 to {most}");
        self.read(name, &rule, |text| {
            let number = text.parse().ok();
            number.filter(|number| (1..=most).contains(number))
        })
    }

    /// A time; a date alone is its beginning in UTC.
    pub fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        self.read(name, MOMENT, |text| {
            moment(text).or_else(|| moment(&format!("{text}T00:00:00Z")))
        })
    }

    /// A time that is not after `now`.
    pub fn past(&mut self, name: &'static str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let time = self.time(name)?;
        if now < time {
            let error = FieldError::new(name, "must not be in the future");
            self.errors.push(error);
        }
        Some(time)
    }

    /// What `read` makes of these parameters.
    pub fn with<T: Default>(
        &mut self,
        names: &[&'static str],
        read: impl FnOnce(&Form) -> Result<T, Vec<FieldError>>,
    ) -> T {
        self.known.extend(names);
        read(&self.fields).unwrap_or_else(|errors| {
            self.errors.extend(errors);
            T::default()
        })
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.fields.names().next().is_none()
    }

    /// As it was typed, for a form that is shown again.
    pub fn text(&self, name: &str) -> String {
        self.fields.text(name)
    }

    /// What was read, if nothing is wrong.
    ///
    /// # Errors
    /// Each parameter that is wrong or, of a program, unknown.
    pub fn finish<T>(mut self, read: Option<T>) -> Result<T, Vec<FieldError>> {
        if self.refuses_unknown {
            for name in self.fields.names() {
                let is_told = self.errors.iter().any(|error| error.field == name);
                if !self.known.contains(&name) && !is_told {
                    let error = FieldError::new(name, "is no parameter of this address");
                    self.errors.push(error);
                }
            }
        }
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => Err(self.errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        Form::parse(text.as_bytes()).unwrap()
    }

    fn wrong(mut query: Query) -> Vec<String> {
        let number = |text: &str| text.parse::<u8>().ok();
        query.required("a", "must be a number", number);
        query.read("b", "must be a number", number);
        let errors = query.finish(Some(())).err().unwrap_or_default();
        errors.into_iter().map(|error| error.field).collect()
    }

    #[test]
    fn every_parameter_that_is_wrong_missing_repeated_or_unknown_is_named_once() {
        for (sent, of_program, of_page) in [
            ("a=1&b=2", &[][..], &[][..]),
            ("a=1&b=", &["b"], &[]),
            ("", &["a"], &["a"]),
            ("a=", &["a"], &["a"]),
            ("a=x&b=y", &["a", "b"], &["a", "b"]),
            ("a=1&a=1", &["a"], &["a"]),
            ("a=1&c=1&c=2&d", &["c", "d"], &[]),
        ] {
            assert_eq!(wrong(Query::of_program(form(sent))), of_program, "{sent}");
            assert_eq!(wrong(Query::of_page(form(sent))), of_page, "{sent}");
        }
    }
}
