//! `/openapi.json`, `/docs`: what the API takes and answers, for tools and for
//! people, out of one document that is part of the program.
//!
//! Neither has CORS headers (CS-5, CS-6): a tool fetches what it needs by itself,
//! and no page of another origin needs any of it to run.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::Value;

use super::page::{self, Visitor};
use super::site::Site;
use super::views::{ApiDescription, ApiDocs};

/// As it is committed, for app authors to read there too.
const DOCUMENT: &str = include_str!("../../docs/openapi.json");

/// The bridge in it, its examples included.
const EXAMPLE_BRIDGE: &str = "https://bridge.example.com";

/// The document of one bridge.
#[derive(Debug)]
pub struct ApiDocument {
    json: web::Bytes,
    description: Arc<ApiDescription>,
}

impl ApiDocument {
    /// The document, in which this bridge stands for the example's.
    pub fn of(site: &Site) -> Self {
        let json = DOCUMENT.replace(EXAMPLE_BRIDGE, &within_json(&site.to("")));
        Self {
            description: Arc::new(ApiDescription::read(&parsed(&json))),
            json: json.into(),
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "the document is part of the program, and the tests read it"
)]
fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("docs/openapi.json is JSON")
}

/// As it may stand between the quotes of a JSON string.
fn within_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.trim_matches('"').to_owned()
}

/// GET `/openapi.json`
pub async fn document(document: web::Data<ApiDocument>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(document.json.clone())
}

/// GET `/docs`
pub async fn docs(visitor: Visitor, document: web::Data<ApiDocument>) -> HttpResponse {
    let page = ApiDocs {
        frame: visitor.frame(),
        description: Arc::clone(&document.description),
    };
    page::show(StatusCode::OK, &page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::urls::PublicUrl;

    #[test]
    fn the_document_names_this_bridge_and_no_other() {
        let url = PublicUrl::parse("https://live.example.net/red5").unwrap();
        let document = ApiDocument::of(&Site::new(url, Vec::new()));
        let text = std::str::from_utf8(&document.json).unwrap();
        let json: Value = serde_json::from_str(text).unwrap();
        assert_eq!(json["servers"][0]["url"], "https://live.example.net/red5");
        assert!(!text.contains(EXAMPLE_BRIDGE));
        assert!(text.contains("https://live.example.net/red5/auth/login"));
    }

    #[test]
    fn a_quote_in_an_address_stays_within_its_string() {
        assert_eq!(within_json("https://a\"b\\c"), "https://a\\\"b\\\\c");
    }
}
