//! The pages of a list.

use crate::domain::members::FieldError;
use crate::web::form::Form;

const LIMIT: i64 = 50;
const LIMIT_MAX: i64 = 500;

/// `limit` and `offset` of a query.
pub(in crate::web) fn page_of(query: &Form) -> Result<(i64, i64), Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut number = |name: &str, default: i64, least: i64, most: i64| {
        let value = match query.one(name) {
            Ok(None) => return default,
            Ok(Some(value)) => value.parse().ok(),
            Err(_) => None,
        };
        let good = value.filter(|value| (least..=most).contains(value));
        good.unwrap_or_else(|| {
            let reason = format!("must be one whole number from {least} to {most}");
            errors.push(FieldError::new(name, reason));
            default
        })
    };
    let limit = number("limit", LIMIT, 1, LIMIT_MAX);
    let offset = number("offset", 0, 0, i64::from(i32::MAX));
    if errors.is_empty() {
        Ok((limit, offset))
    } else {
        Err(errors)
    }
}
