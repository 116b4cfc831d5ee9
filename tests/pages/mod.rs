//! One filled context for each state that a page can be in, ordinary and
//! hostile. The tests check all of them; with `BRIDGE_PAGES_DIR` set they are
//! also written there, to be looked at in a browser.

mod access;
mod admin;
mod around;
mod clients;
mod explain;
mod history;
mod mapping_tests;
mod people;
mod plans;
mod seen;

use askama::Template;

use super::shown::Shown;
use super::{Frame, Paging, Person};
use crate::domain::list::PageRange;
use crate::domain::members::FieldError;

/// CS-10: leaves an attribute and a tag, where it is not escaped.
pub(super) const TAG: &str = "\"><img src=x onerror=alert(1)>'";
/// CS-10: leaves a script or a text area, where it is not escaped.
pub(super) const END_TAG: &str = "</script></textarea></title><script>alert(1)</script>&lt;";
/// Turns what follows round, and hides.
pub(super) const TURNED: &str = "crew\u{202e}nimda\u{2066}\u{200b}";

/// 300 characters without a place to break.
pub(super) fn unbroken() -> String {
    "averylongname".repeat(24)[..300].to_owned()
}

/// A page in one state.
pub(super) struct Sample {
    /// Names the state, and the file that it is written to.
    pub name: &'static str,
    pub html: String,
}

fn sample(name: &'static str, page: &impl Template) -> Sample {
    Sample {
        name,
        html: page.render().unwrap(),
    }
}

fn paging(list: &str, shown: usize, total: i64, offset: i64) -> Paging {
    Paging {
        list: list.to_owned(),
        shown,
        total,
        range: PageRange { limit: 50, offset },
    }
}

/// All pages in all states.
pub(super) fn all() -> Vec<Sample> {
    let mut all = access::samples();
    all.extend(admin::samples());
    all.extend(around::samples());
    all.extend(clients::samples());
    all.extend(explain::samples());
    all.extend(history::samples());
    all.extend(mapping_tests::samples());
    all.extend(people::samples());
    all.extend(plans::samples());
    all.extend(seen::samples());
    all
}

fn signed_out() -> Frame {
    Frame {
        base: "/red5".to_owned(),
        person: None,
    }
}

fn person(name: &str, administrator: bool) -> Frame {
    Frame {
        base: "/red5".to_owned(),
        person: Some(Person {
            name: name.to_owned(),
            administrator,
            form_token: "q0vX3Zt8wI2n".to_owned(),
        }),
    }
}

fn shown(text: &str) -> Shown {
    Shown(text.to_owned())
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn error(field: &str, reason: &str) -> FieldError {
    FieldError::new(field, reason)
}
