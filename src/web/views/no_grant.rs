//! Signed in, and nothing granted: a 403 page that says so and leads nowhere
//! but out. It never begins a sign-in, so it can never be part of a loop.

use askama::Template;

use super::frame::Frame;
use super::portal::Who;

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "no_grant.html")]
pub struct NoGrant {
    /// The bar.
    pub frame: Frame,
    /// Who is signed in, with the groups seen.
    pub who: Who,
}
