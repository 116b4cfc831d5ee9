//! The fields of a form or a query.

use actix_web::HttpRequest;
use percent_encoding::percent_decode;

/// Fields in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// From fields in order.
    pub fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// Parses a body.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidUtf8> {
        fields(bytes).map(Self).ok_or(InvalidUtf8)
    }

    /// One value as forms encode it; `None` if it is not UTF-8.
    pub fn value(bytes: &[u8]) -> Option<String> {
        text(bytes)
    }

    /// Parses the query.
    pub fn of_query(request: &HttpRequest) -> Result<Self, InvalidUtf8> {
        Self::parse(request.query_string().as_bytes())
    }

    /// The field's value if it was sent exactly once, `None` if it is absent.
    pub fn one<'a>(&'a self, name: &'a str) -> Result<Option<&'a str>, Repeated> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Repeated);
        }
        Ok(first)
    }

    /// The fields whose values are not empty.
    #[must_use]
    pub fn without_empty(self) -> Self {
        let filled = self.0.into_iter().filter(|(_, value)| !value.is_empty());
        Self(filled.collect())
    }

    /// The names of the fields, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// All values of a repeatable field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// The field's value, empty if absent. If it is repeated, the first value counts, both for
    /// display and for checks.
    pub fn text(&self, name: &str) -> String {
        self.all(name).next().unwrap_or_default().to_owned()
    }
}

/// A parameter is repeated although it must not be (RFC 6749 §3.1).
#[derive(Debug, PartialEq, Eq)]
pub struct Repeated;

/// A form or query contains invalid UTF-8.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidUtf8;

/// `None` if anything is invalid UTF-8. The standard parser would insert U+FFFD, so that two
/// different texts could become equal.
fn fields(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    bytes
        .split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = at.map_or((pair, &[][..]), |at| (&pair[..at], &pair[at + 1..]));
            Some((text(name)?, text(value)?))
        })
        .collect()
}

fn text(bytes: &[u8]) -> Option<String> {
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    String::from_utf8(percent_decode(&spaced).collect()).ok()
}

/// The field's text without surrounding white space; `None` if nothing is left.
pub fn filled(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Vec<(String, String)> {
        Form::parse(text.as_bytes()).unwrap().0
    }

    proptest! {
        #[test]
        fn a_form_of_text_is_read_as_the_standard_reads_it(
            text in "([a-c=&+%]|%2[0-9B]|%C3%A9|[ -~]|é|\u{0}){0,40}"
        ) {
            let standard: Vec<(String, String)> = url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect();
            if let Ok(form) = Form::parse(text.as_bytes()) {
                prop_assert_eq!(form.0, standard);
            } else {
                // "%" and two letters that happen to follow it may be half a character.
                let mended = |text: &str| text.contains(char::REPLACEMENT_CHARACTER);
                prop_assert!(standard.iter().any(|(name, value)| mended(name) || mended(value)));
            }
        }
    }

    #[test]
    fn what_is_no_text_makes_the_whole_no_form() {
        for bytes in [
            &b"a=%ff"[..],
            b"a=b&%c3=x",
            b"a=\xff",
            b"a=%c3%28",
            b"a=%ed%a0%80",
            b"a=%c0%af",
            b"a=%f8%88%80%80%80",
        ] {
            assert_eq!(Form::parse(bytes).err(), Some(InvalidUtf8), "{bytes:?}");
        }
        assert_eq!(
            parsed("a=%C3%A9&b"),
            [("a".into(), "é".into()), ("b".into(), String::new())]
        );
    }
}
