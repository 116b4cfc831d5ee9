//! What is fuzzed: a function for each target, which panics when something
//! does not hold.
//!
//! The targets are part of the crate because what they try is private, and stays so: this
//! module is compiled for tests and, with the feature `fuzz`, for the programs in
//! `fuzz/` (`make fuzz`), never into the bridge. The tests run every target over its
//! committed corpus and some thousands of changed inputs, so that what fuzzing
//! found stays found.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target fails by panicking"
)]

mod globs;
mod inspect;
mod return_to;
#[cfg(test)]
mod tests;

pub use crate::oidc::fuzzing::{groups, id_token};
pub use crate::web::fuzzing::{cookies, mapping};
pub use globs::globs;
pub use inspect::inspect;
pub use return_to::return_to;

/// Panics when something does not hold for this input.
pub type Target = fn(&[u8]);

/// Every target with the name of its corpus.
pub const TARGETS: [(&str, Target); 7] = [
    ("cookies", cookies),
    ("globs", globs),
    ("groups", groups),
    ("id_token", id_token),
    ("inspect", inspect),
    ("mapping", mapping),
    ("return_to", return_to),
];

/// The input as lines of text; nothing when it is no text.
pub(crate) fn lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let text = std::str::from_utf8(data).ok()?;
    let mut lines = text.splitn(N, '\n');
    let lines = std::array::from_fn(|_| lines.next().unwrap_or_default());
    Some(lines)
}
