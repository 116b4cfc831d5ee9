//! `/docs`: the API for a developer, made from `docs/openapi.json` alone.

mod kind;
mod prose;
mod read;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use askama::Template;

use super::frame::Frame;

pub use prose::{Prose, Run};

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "api_docs.html")]
pub struct ApiDocs {
    /// What every page has around it.
    pub frame: Frame,
    /// What it shows.
    pub description: Arc<ApiDescription>,
}

/// The document in the order and in the words of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiDescription {
    /// Of the document.
    pub version: String,
    /// Paragraphs.
    pub intro: Vec<Prose>,
    /// Operations by tag, in the document's order of tags.
    pub groups: Vec<Group>,
}

/// The operations of one tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The tag.
    pub name: String,
    /// What it says of itself.
    pub about: Vec<Prose>,
    /// Its operations, by path.
    pub operations: Vec<Operation>,
}

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `operationId`, which the page's links lead to.
    pub id: String,
    /// In upper case.
    pub method: String,
    /// Below the base path.
    pub path: String,
    /// One line.
    pub summary: String,
    /// Paragraphs.
    pub about: Vec<Prose>,
    /// Whether a session is required.
    pub signed_in: bool,
    /// Parameters, then members of the body.
    pub fields: Vec<Field>,
    /// What is said of the body as a whole.
    pub body: Vec<Prose>,
    /// Bodies to send.
    pub examples: Vec<Example>,
    /// By status.
    pub answers: Vec<Answer>,
}

/// A parameter, a header or a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// As it is written; a member of a member as `identity.name`, of a list's
    /// element as `items[].id`.
    pub name: String,
    /// `query`, `header`, `path`, or `body`.
    pub place: &'static str,
    /// Whether it has to be there.
    pub required: bool,
    /// What may stand there.
    pub kind: Prose,
    /// What it means.
    pub about: Vec<Prose>,
}

/// Something that may come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Three digits.
    pub status: String,
    /// What it means.
    pub about: Vec<Prose>,
    /// Every `code` that it may have; none where it is no refusal.
    pub codes: Vec<String>,
    /// Headers, then members of the body of what is no refusal.
    pub fields: Vec<Field>,
    /// Bodies as they come.
    pub examples: Vec<Example>,
}

/// JSON to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What it shows; may be empty.
    pub summary: String,
    /// With line breaks.
    pub json: String,
}
