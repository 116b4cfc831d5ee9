//! What all lists share: which page of them an address asks for, and what narrows it.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use crate::domain::list::{ListPage, PageRange};
use crate::domain::members::{FieldError, together};
use crate::domain::names::GROUP_MAX;
use crate::web::extract::Page;
use crate::web::form::{Form, filled};
use crate::web::views::Paging;

const LIMIT: i64 = 50;

/// Most rows of a page.
pub const LIMIT_MAX: i64 = 500;

/// Longest text of a filter, in characters.
const FILTER_MAX: usize = 255;

/// The query of a list: its filters, and the page.
pub struct ListQuery<const N: usize> {
    names: [&'static str; N],
    /// The text of each filter; an empty one narrows nothing.
    pub filters: [String; N],
    /// `limit` and `offset`
    pub range: PageRange,
}

impl<const N: usize> ListQuery<N> {
    /// Of a list with these filters. Each field that is wrong is named.
    pub fn read(query: &Form, names: [&'static str; N]) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let filters = names.map(|name| {
            let text = filter(query, name);
            text.unwrap_or_else(|error| {
                errors.push(error);
                String::new()
            })
        });
        together(errors, page_range(query)).map(|range| Self {
            names,
            filters,
            range,
        })
    }

    /// Like `read`, for an HTML page: its form sends a page number instead of an offset.
    pub fn read_page(query: &Form, names: [&'static str; N]) -> Result<Self, Vec<FieldError>> {
        let typed = query.one("page").map(|text| text.and_then(filled));
        let number = match typed {
            Ok(None) => return Self::read(query, names),
            Ok(Some(text)) => text.parse::<i64>().ok(),
            Err(_) => None,
        };
        let most = i64::from(i32::MAX) / LIMIT_MAX;
        let number = number.filter(|number| (1..=most).contains(number));
        let wrong = number.is_none().then(|| {
            let reason = format!("must be one whole number from 1 to {most}");
            FieldError::new("page", reason)
        });
        let mut read = together(Vec::from_iter(wrong), Self::read(query, names))?;
        read.range.offset = (number.unwrap_or(1) - 1) * read.range.limit;
        Ok(read)
    }

    /// The query of this page, without parameters that have their default value.
    pub fn query(&self) -> String {
        let mut query = self.narrowed();
        for (name, number, usual) in [
            ("limit", self.range.limit, LIMIT),
            ("offset", self.range.offset, 0),
        ] {
            if number != usual {
                query.append_pair(name, &number.to_string());
            }
        }
        query.finish()
    }

    fn narrowed(&self) -> url::form_urlencoded::Serializer<'static, String> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let filters = self.names.iter().zip(&self.filters);
        query.extend_pairs(filters.filter(|(_, text)| !text.is_empty()));
        query
    }

    /// The way to the pages before and after this one of the list at `path`.
    pub fn paging(&self, page: &Page, path: &str, shown: usize, total: i64) -> Paging {
        let mut query = self.narrowed();
        query.append_pair("limit", &self.range.limit.to_string());
        Paging {
            list: format!("{}{path}?{}", page.site().base(), query.finish()),
            shown,
            total,
            range: self.range,
        }
    }
}

/// A page of a list as programs read it.
pub fn list_answer<T>(found: &ListPage<T>, as_json: impl Fn(&T) -> Value) -> HttpResponse {
    let items: Vec<Value> = found.items.iter().map(as_json).collect();
    HttpResponse::Ok().json(json!({ "items": items, "total": found.total }))
}

/// `limit` and `offset` of a query.
pub fn page_range(query: &Form) -> Result<PageRange, Vec<FieldError>> {
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
    together(errors, Ok(PageRange { limit, offset }))
}

/// A text to look for, empty where there is none.
pub fn filter(query: &Form, name: &str) -> Result<String, FieldError> {
    let most = match name {
        "group" => GROUP_MAX,
        _ => FILTER_MAX,
    };
    let is_valid =
        |text: &&str| text.chars().count() <= most && !text.chars().any(char::is_control);
    let text = query.one(name).ok().map(Option::unwrap_or_default);
    text.filter(is_valid).map(str::to_owned).ok_or_else(|| {
        let reason =
            format!("must be one text of at most {most} characters, without control characters");
        FieldError::new(name, reason)
    })
}
