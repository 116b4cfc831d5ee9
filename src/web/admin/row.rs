//! One row with a version: its number in the path, and its `ETag`.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::domain::members::FieldError;
use crate::flow::mappings::ChangeError;
use crate::web::error::Refusal;
use crate::web::form::Form;
use crate::web::views::problem as problems;

/// Answers with a row; the `ETag` carries its version.
pub(super) fn versioned(
    mut response: HttpResponseBuilder,
    version: i64,
    row: &impl Serialize,
) -> HttpResponse {
    response
        .insert_header((header::ETAG, format!("\"{version}\"")))
        .json(row)
}

/// Anything that is no number of a row is the number of none (AD-8).
pub(super) fn parse_id(text: &str) -> Result<i64, Refusal> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let id = text.parse().ok().filter(|_| plain);
    id.ok_or_else(|| Refusal::new(problems::NOT_FOUND))
}

/// The version of `If-Match`; `*` would overwrite whatever is there.
pub(super) fn if_match(request: &HttpRequest) -> Result<i64, Refusal> {
    let mut values = request.headers().get_all(header::IF_MATCH);
    let value = values.next().and_then(|value| value.to_str().ok());
    let (Some(value), None) = (value.map(str::trim), values.next()) else {
        return Err(Refusal::new(problems::PRECONDITION_REQUIRED));
    };
    if value == "*" {
        return Err(Refusal::new(problems::PRECONDITION_REQUIRED));
    }
    let text = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    let version = text.and_then(|text| {
        // "+3" and "03" are other tags than "3" (RFC 9110 §8.8.3.2).
        let version: i64 = text.parse().ok()?;
        (version.to_string() == text).then_some(version)
    });
    version.ok_or_else(|| {
        let reason = "must be one ETag as it was read, such as \"3\"";
        Refusal::invalid(&[FieldError::new("If-Match", reason)])
    })
}

/// The read-only members that an edit sends back and that must be those of the row. The others are not looked at: of two
/// editors the second would be told of a wrong `updated_at` instead of the first's edit.
pub(super) struct SentBack(Vec<(&'static str, Value)>);

impl SentBack {
    pub(super) fn of(members: &Map<String, Value>) -> Self {
        let names = ["id", "version", "created_at", "created_by"].into_iter();
        Self(
            names
                .filter_map(|name| Some((name, members.get(name)?.clone())))
                .collect(),
        )
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The version is compared with `If-Match`, not with the row: a row that was changed meanwhile is a stale edit (412)
    /// and no wrong field.
    pub(super) fn compare(
        self,
        current: &impl Serialize,
        version: i64,
    ) -> Result<(), Vec<FieldError>> {
        let mut row = json!(current);
        row["version"] = json!(version);
        let differing = self
            .0
            .into_iter()
            .filter(|(name, value)| row[*name] != *value);
        let reason = "is read-only: send it as it was read, or leave it out";
        let errors: Vec<_> = differing
            .map(|(name, _)| FieldError::new(name, reason))
            .collect();
        if errors.is_empty() {
            Ok(())
        } else {
            Err(errors)
        }
    }
}

/// A change of one row was refused: the request names no change, and a row that is not there is unknown.
pub(super) fn of_one_row(error: ChangeError) -> Refusal {
    match error {
        ChangeError::StaleRow { current: None, .. } => Refusal::new(problems::NOT_FOUND),
        ChangeError::StaleRow { current, .. } => {
            Refusal::new(problems::STALE).with("current", json!(current))
        }
        ChangeError::Duplicate { .. } => Refusal::new(problems::DUPLICATE),
        error => error.into(),
    }
}

/// The version of the row that a form was opened with.
pub(super) fn version_of(form: &Form) -> Result<i64, Refusal> {
    let version = form.one("version").ok().flatten();
    let version = version.and_then(|version| version.parse().ok());
    version.ok_or_else(|| Refusal::new(problems::INVALID_REQUEST))
}
