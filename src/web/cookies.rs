//! The cookies: of the session, of sign-in attempts, and of a sign-out on its way to the provider.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header;

use crate::config::addresses::PublicUrl;
use crate::fingerprint::fingerprint;
use crate::flow::attempt::{ATTEMPT_MINUTES, SealedAttempt, is_label};
use crate::flow::sessions::SessionSecret;
use crate::flow::sign_out::{TICKET_SECONDS, Ticket};

/// Maximum number of sign-in attempts in one browser (LR-5).
pub const ATTEMPTS_MAX: usize = 5;

/// Most bytes that the values of these attempts have together: with their names and the session's cookie they fit the
/// 8 KB that proxies commonly take as one header. Five attempts do, unless clients sent long requests.
pub const ATTEMPTS_BYTES_MAX: usize = 7600;

/// Maximum number of attempts that one answer removes. Each removal takes about 100 bytes in the
/// head, and proxies commonly limit the head to 4 KB. If an attacker planted hundreds, later
/// answers remove the rest.
pub const REMOVALS_MAX: usize = 10;

/// Names and attributes of the cookies, derived from the public URL.
#[derive(Debug, Clone)]
pub struct Cookies {
    is_https: bool,
    session: String,
    attempt_prefix: String,
    sign_out: String,
}

impl Cookies {
    /// The cookies of the bridge at this URL.
    pub fn new(url: &PublicUrl) -> Self {
        let prefix = if url.is_https() { "__Host-" } else { "" };
        // `__Host-` requires Path=/, so two bridges on one host need different names.
        let suffix = if url.base_path().is_empty() {
            String::new()
        } else {
            format!("_{:.8}", fingerprint(url.to_string().as_bytes()))
        };
        Self {
            is_https: url.is_https(),
            session: format!("{prefix}bridge_session{suffix}"),
            attempt_prefix: format!("{prefix}bridge_login{suffix}_"),
            sign_out: format!("{prefix}bridge_sign_out{suffix}"),
        }
    }

    pub fn session(&self, request: &HttpRequest) -> Option<SessionSecret> {
        SessionSecret::parse(only(request, &self.session)?)
    }

    pub fn attempt<'r>(&self, request: &'r HttpRequest, label: &str) -> Option<&'r str> {
        only(request, &self.attempt_name(label))
    }

    /// The ticket for the provider's sign-out.
    pub fn sign_out(&self, request: &HttpRequest) -> Option<Ticket> {
        only(request, &self.sign_out).map(Ticket::of_cookie)
    }

    /// All attempts, with name and value.
    pub fn attempts<'r>(&self, request: &'r HttpRequest) -> Vec<(&'r str, &'r str)> {
        let label = |name: &'r str| name.strip_prefix(&*self.attempt_prefix);
        cookies(request)
            .filter(|(name, _)| label(name).is_some_and(is_label))
            .collect()
    }

    /// The session's cookie. `SameSite=Lax`: with Strict, the browser would not send it after the
    /// redirect from the provider.
    pub fn of_session(&self, secret: &SessionSecret, seconds: i64) -> Cookie<'static> {
        self.cookie(&self.session, secret.expose(), seconds)
    }

    pub fn of_attempt(&self, attempt: &SealedAttempt) -> Cookie<'static> {
        let name = self.attempt_name(&attempt.label);
        self.cookie(&name, &attempt.value, ATTEMPT_MINUTES * 60)
    }

    /// The cookie of the ticket for the provider's sign-out; sent to the next page only.
    pub fn of_sign_out(&self, ticket: &Ticket) -> Cookie<'static> {
        self.cookie(&self.sign_out, ticket.expose(), TICKET_SECONDS)
    }

    /// Replaces the ticket: the step after the provider's sign-out, where the provider may ask the
    /// user for confirmation.
    pub fn of_next_step(&self, next: &'static str) -> Cookie<'static> {
        self.cookie(&self.sign_out, next, ATTEMPT_MINUTES * 60)
    }

    pub fn session_removal(&self) -> Cookie<'static> {
        self.removal(&self.session)
    }

    pub fn attempt_removal(&self, label: &str) -> Cookie<'static> {
        self.removal(&self.attempt_name(label))
    }

    /// Removes the ticket or its replacement.
    pub fn sign_out_removal(&self) -> Cookie<'static> {
        self.removal(&self.sign_out)
    }

    /// Removes the cookie with this name.
    pub fn removal(&self, name: &str) -> Cookie<'static> {
        self.cookie(name, "", 0)
    }

    fn attempt_name(&self, label: &str) -> String {
        format!("{}{label}", self.attempt_prefix)
    }

    /// A removal needs the same attributes, or browsers ignore it (SE-2).
    fn cookie(&self, name: &str, value: &str, seconds: i64) -> Cookie<'static> {
        Cookie::build(name.to_owned(), value.to_owned())
            .path("/")
            .secure(self.is_https)
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(Duration::seconds(seconds))
            .finish()
    }
}

/// The value of the cookie with this name, if there is exactly one. Of two, one may have been
/// planted, and it is unknown which (SE-9).
fn only<'r>(request: &'r HttpRequest, wanted: &str) -> Option<&'r str> {
    let mut values = cookies(request).filter(|(name, _)| *name == wanted);
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}

/// Name and value of every well-formed cookie (SE-8). Other services on the domain may set cookies
/// with any content; one that is not valid text must not hide the others.
fn cookies(request: &HttpRequest) -> impl Iterator<Item = (&str, &str)> {
    request
        .headers()
        .get_all(header::COOKIE)
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok())
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
}
