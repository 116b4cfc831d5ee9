//! `/docs`: the API for a developer. `scripts/api-page` renders the template from
//! `docs/openapi.json`.

use askama::Template;

use super::frame::Frame;

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "api_docs.html")]
pub struct ApiDocs {
    /// The bar.
    pub frame: Frame,
    /// The address of this bridge.
    pub bridge: String,
}
