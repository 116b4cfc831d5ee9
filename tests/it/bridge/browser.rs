//! A browser as far as HTTP goes: it keeps cookies, follows nothing by
//! itself, and sends what the test says.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::redirect::Policy;
use serde_json::Value;
use url::Url;

use super::ORIGIN;
use crate::api_document::document;
use crate::eventually::eventually;

/// One person's browser.
#[derive(Clone)]
pub struct Browser {
    client: reqwest::Client,
    address: String,
    /// Name and value.
    pub cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The one value of a header.
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().unwrap_or_else(|| panic!("no {name}"));
        assert!(values.next().is_none(), "{name} twice");
        value.to_str().unwrap()
    }

    pub fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    pub fn location(&self) -> Url {
        Url::parse(self.header("location")).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// `code` of a refusal.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }

    /// All `Set-Cookie` lines.
    pub fn set_cookies(&self) -> Vec<String> {
        let lines = self.headers.get_all(SET_COOKIE).iter();
        lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect()
    }

    /// Where a page leads on to by itself.
    pub fn leads_on_to(&self) -> Url {
        let (_, rest) = self.body.split_once("content=\"0; url=").unwrap();
        let (address, _) = rest.split_once('"').unwrap();
        address.replace("&#38;", "&").parse().unwrap()
    }

    /// The value of a hidden field of a page.
    pub fn field(&self, name: &str) -> String {
        let wanted = format!("name=\"{name}\" value=\"");
        let (_, rest) = self
            .body
            .split_once(&wanted)
            .unwrap_or_else(|| panic!("no field {name}: {}", self.body));
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Browser {
    pub fn new(address: &str) -> Self {
        Self::keeping(address, usize::MAX)
    }

    /// One whose every request has a connection of its own, so that a balancer decides
    /// about each.
    pub fn without_keep_alive(address: &str) -> Self {
        Self::keeping(address, 0)
    }

    fn keeping(address: &str, connections: usize) -> Self {
        red5_bridge::oidc::http::install_crypto();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .pool_max_idle_per_host(connections)
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            client,
            address: address.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// The same browser, led to another instance.
    pub fn at(&self, address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..self.clone()
        }
    }

    /// The name of the session's cookie, if there is one.
    pub fn session(&self) -> Option<(String, String)> {
        let found = self
            .cookies
            .iter()
            .find(|(name, _)| name.contains("bridge_session"));
        found.map(|(name, value)| (name.clone(), value.clone()))
    }

    /// Sends a request with the cookies, and nothing else that was not said.
    /// What the API answers is held to its description.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.sent(method, path, headers, body).await.unwrap()
    }

    /// The same where there may be no answer.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<Answer> {
        self.sent(method, path, headers, body).await.ok()
    }

    async fn sent(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Answer, reqwest::Error> {
        let method: reqwest::Method = method.parse().unwrap();
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.address));
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(n, v)| format!("{n}={v}"))
                .collect();
            request = request.header("cookie", pairs.join("; "));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body.to_owned()).send().await?;
        let answer = Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.text().await?,
        };
        document::check(method.as_str(), path, body, &answer);
        Ok(answer)
    }

    /// The same, and keeps the cookies of the answer.
    pub async fn visit(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let answer = self.send(method, path, headers, body).await;
        for line in answer.set_cookies() {
            let (name, rest) = line.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if line.contains("Max-Age=0") || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// A page, without keeping cookies of the answer.
    pub async fn peek(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    /// Whether the session is good for anything.
    pub async fn is_signed_in(&self) -> bool {
        match self.peek("/api/session").await.status {
            200 => true,
            401 => false,
            other => panic!("{other}"),
        }
    }

    /// Waits until `/readyz` says that the bridge is ready.
    pub async fn ready(&self) {
        eventually("the bridge is ready", async || {
            self.peek("/readyz").await.status == 200
        })
        .await;
    }

    /// A form of one of our pages, sent as a browser sends it. The form's
    /// token is read from the page at `from`.
    pub async fn submit(&mut self, from: &str, to: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.peek(from).await.field("form_token");
        let mut all = vec![("form_token", token.as_str())];
        all.extend(fields);
        self.post_form(to, &all, ORIGIN).await
    }

    /// A form as it is, from a page of `origin`.
    pub async fn post_form(&mut self, to: &str, fields: &[(&str, &str)], origin: &str) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("origin", origin),
        ];
        self.visit("POST", to, &headers, &body).await
    }

    /// A script's request from our own origin.
    pub async fn api(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.api_with(method, path, &[], body).await
    }

    /// The same with more headers, such as `If-Match`.
    pub async fn api_with(
        &self,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        self.send(method, path, &of_a_script(more), &body.to_string())
            .await
    }

    /// The same where there may be no answer.
    pub async fn try_api(
        &self,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &Value,
    ) -> Option<Answer> {
        self.try_send(method, path, &of_a_script(more), &body.to_string())
            .await
    }

    /// `POST /api/token`
    pub async fn token(&self, wish: Value) -> Answer {
        self.api("POST", "/api/token", &wish).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.visit("GET", path, &[], "").await
    }
}

/// The headers of a script of our own origin, and more.
fn of_a_script<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut headers = vec![
        ("content-type", "application/json"),
        ("x-red5-bridge", "1"),
        ("origin", ORIGIN),
    ];
    headers.extend(more);
    headers
}
