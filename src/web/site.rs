//! Where the bridge is and what its cookies are called.

use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use crate::config::urls::{Origin, PublicUrl};
use crate::fingerprint::fingerprint;
use crate::flow::attempt::{ATTEMPT_MINUTES, SealedAttempt, is_label};
use crate::flow::sessions::SessionSecret;
use crate::flow::sign_out::{TICKET_SECONDS, Ticket};

/// Most sign-ins under way in one browser (LR-5).
pub const ATTEMPTS_MAX: usize = 5;

/// Most attempts that one answer removes. A line of its head takes about 100 bytes, and
/// proxies commonly take a head of 4 KB; of hundreds that an attacker planted, the
/// answers that follow remove the rest.
pub const REMOVALS_MAX: usize = 10;

/// The bridge as people reach it. Everything here follows from the public URL
/// alone: no header of a request decides (LR-10).
#[derive(Debug, Clone)]
pub struct Site {
    url: PublicUrl,
    allowed_origins: Vec<Origin>,
    session_cookie: String,
    attempt_prefix: String,
    sign_out_cookie: String,
}

impl Site {
    /// From the configuration.
    pub fn new(url: PublicUrl, allowed_origins: Vec<Origin>) -> Self {
        let prefix = if url.is_https() { "__Host-" } else { "" };
        // `__Host-` demands Path=/, so two bridges on one host need other names.
        let suffix = if url.base_path().is_empty() {
            String::new()
        } else {
            format!("_{:.8}", fingerprint(url.to_string().as_bytes()))
        };
        Self {
            session_cookie: format!("{prefix}bridge_session{suffix}"),
            attempt_prefix: format!("{prefix}bridge_login{suffix}_"),
            sign_out_cookie: format!("{prefix}bridge_sign_out{suffix}"),
            allowed_origins,
            url,
        }
    }

    /// `/red5`, or nothing.
    pub fn base(&self) -> &str {
        self.url.base_path()
    }

    /// The absolute address of one of our paths.
    pub fn to(&self, path: &str) -> String {
        self.url.to(path)
    }

    /// The path, as a browser sees it.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base())
    }

    /// Whether browsers should be held to https.
    pub fn is_https(&self) -> bool {
        self.url.is_https()
    }

    /// Whether `origin` is our own.
    pub fn is_own(&self, origin: &str) -> bool {
        self.url.origin().as_str() == origin
    }

    /// Whether `origin` is one of the configured apps.
    pub fn is_allowed(&self, origin: &str) -> bool {
        self.allowed_origins
            .iter()
            .any(|allowed| allowed.as_str() == origin)
    }

    /// The session of a request.
    pub fn session(&self, request: &HttpRequest) -> Option<SessionSecret> {
        SessionSecret::parse(only(request, &self.session_cookie)?)
    }

    /// The sealed attempt named `label`.
    pub fn attempt<'r>(&self, request: &'r HttpRequest, label: &str) -> Option<&'r str> {
        only(request, &format!("{}{label}", self.attempt_prefix))
    }

    /// The ticket to the provider's sign-out.
    pub fn sign_out(&self, request: &HttpRequest) -> Option<Ticket> {
        only(request, &self.sign_out_cookie).map(Ticket::of_cookie)
    }

    /// All attempts under way, name and value.
    pub fn attempts<'r>(&self, request: &'r HttpRequest) -> Vec<(&'r str, &'r str)> {
        let label = |name: &'r str| name.strip_prefix(&*self.attempt_prefix);
        cookies(request)
            .filter(|(name, _)| label(name).is_some_and(is_label))
            .collect()
    }

    /// Sets the session's cookie. Lax: Strict would lose it on the way back
    /// from the provider.
    pub fn session_cookie(&self, secret: &SessionSecret, seconds: i64) -> Cookie<'static> {
        self.cookie(
            self.session_cookie.clone(),
            secret.expose().to_owned(),
            seconds,
        )
    }

    /// Removes it.
    pub fn session_removal(&self) -> Cookie<'static> {
        self.cookie(self.session_cookie.clone(), String::new(), 0)
    }

    /// Sets an attempt's cookie.
    pub fn attempt_cookie(&self, attempt: &SealedAttempt) -> Cookie<'static> {
        let name = format!("{}{}", self.attempt_prefix, attempt.label);
        self.cookie(name, attempt.value.clone(), ATTEMPT_MINUTES * 60)
    }

    /// Removes the attempt named `label`.
    pub fn attempt_removal(&self, label: &str) -> Cookie<'static> {
        self.cookie(format!("{}{label}", self.attempt_prefix), String::new(), 0)
    }

    /// Sets the ticket to the provider's sign-out, for the next page alone.
    pub fn sign_out_cookie(&self, ticket: &Ticket) -> Cookie<'static> {
        let value = ticket.expose().to_owned();
        self.cookie(self.sign_out_cookie.clone(), value, TICKET_SECONDS)
    }

    /// In place of a ticket: what comes after the provider's sign-out, at which people may
    /// be asked something.
    pub fn sign_out_mark(&self, next: &'static str) -> Cookie<'static> {
        let name = self.sign_out_cookie.clone();
        self.cookie(name, next.to_owned(), ATTEMPT_MINUTES * 60)
    }

    /// Removes it.
    pub fn sign_out_removal(&self) -> Cookie<'static> {
        self.cookie(self.sign_out_cookie.clone(), String::new(), 0)
    }

    /// Removes a cookie of this name.
    pub fn removal(&self, name: &str) -> Cookie<'static> {
        self.cookie(name.to_owned(), String::new(), 0)
    }

    /// A removal has the same attributes, or browsers ignore it (SE-2).
    fn cookie(&self, name: String, value: String, seconds: i64) -> Cookie<'static> {
        Cookie::build(name, value)
            .path("/")
            .secure(self.is_https())
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(seconds))
            .finish()
    }
}

/// The value of the one cookie of this name. Two are none: one of them was
/// planted, and it is unknown which (SE-9).
fn only<'r>(request: &'r HttpRequest, wanted: &str) -> Option<&'r str> {
    let mut values = cookies(request).filter(|(name, _)| *name == wanted);
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}

/// Name and value of every cookie, malformed ones passed over (SE-8). Cookies
/// of other services on the domain come along, and may hold anything: one that
/// is no text must not hide the others.
fn cookies(request: &HttpRequest) -> impl Iterator<Item = (&str, &str)> {
    request
        .headers()
        .get_all(header::COOKIE)
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
}

/// 303: a POST becomes a GET, and no address stays behind in a form.
pub fn see_other(location: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::LOCATION, location));
    response
}
