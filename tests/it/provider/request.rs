//! What the provider was asked.

use std::collections::HashMap;

use actix_web::HttpRequest;
use url::form_urlencoded;

/// A part of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Discovery,
    Jwks,
    Authorize,
    Token,
    Userinfo,
    EndSession,
    Revocation,
    Introspection,
    /// A path that the discovery document does not name.
    Elsewhere,
}

impl Endpoint {
    pub fn at(path: &str, routes: &HashMap<String, Self>) -> Self {
        if let Some(endpoint) = routes.get(path) {
            return *endpoint;
        }
        match path {
            "/.well-known/openid-configuration" => Self::Discovery,
            "/jwks" => Self::Jwks,
            "/authorize" => Self::Authorize,
            "/token" => Self::Token,
            "/userinfo" => Self::Userinfo,
            "/end-session" => Self::EndSession,
            "/revoke" => Self::Revocation,
            "/introspect" => Self::Introspection,
            _ => Self::Elsewhere,
        }
    }
}

/// One request, as it came in.
#[derive(Debug, Clone)]
pub struct Request {
    pub endpoint: Endpoint,
    pub method: String,
    pub path: String,
    /// As it stood in the address.
    pub raw_query: String,
    pub query: HashMap<String, String>,
    pub form: HashMap<String, String>,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
}

impl Request {
    pub fn read(request: &HttpRequest, body: &[u8], routes: &HashMap<String, Endpoint>) -> Self {
        let header = |(name, value): (&actix_web::http::header::HeaderName, &_)| {
            let value: &actix_web::http::header::HeaderValue = value;
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        };
        Self {
            endpoint: Endpoint::at(request.path(), routes),
            method: request.method().to_string(),
            path: request.path().to_owned(),
            raw_query: request.query_string().to_owned(),
            query: pairs(request.query_string().as_bytes()),
            form: pairs(body),
            headers: request.headers().iter().map(header).collect(),
        }
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A parameter that is repeated makes the test fail: nothing of ours repeats one.
fn pairs(text: &[u8]) -> HashMap<String, String> {
    let mut pairs = HashMap::new();
    for (name, value) in form_urlencoded::parse(text) {
        let before = pairs.insert(name.to_string(), value.into_owned());
        assert_eq!(before, None, "{name} was sent twice");
    }
    pairs
}
