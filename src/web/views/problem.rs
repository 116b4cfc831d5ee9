//! Why a request did not get what it asked for: one table of the codes, with the status and
//! the sentence of each, and the page that shows them.
//!
//! The words are fixed: nothing that came with a request, or that the provider said, is
//! repeated on the page (CB-6). No page begins a sign-in by itself, so nothing loops.

use askama::Template;

use super::frame::Frame;

/// A kind of refusal (RFC 9457: a problem type).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// Stable, and the same on the page, in JSON, in the log and in the metrics.
    pub code: &'static str,
    pub status: u16,
    title: &'static str,
    sentence: &'static str,
    /// For programs, where the sentence must say something else.
    detail: Option<&'static str>,
    ways_out: &'static [WayOut],
}

/// Where a page leads, besides home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayOut {
    /// Sign in, and come back.
    SignIn,
    /// Begin the sign-in that failed once more.
    SignInAgain,
    /// Sign in with another account.
    OtherAccount,
    /// Send the same request again.
    TryAgain,
}

use WayOut::{OtherAccount, SignIn, SignInAgain, TryAgain};

impl Problem {
    const fn new(
        status: u16,
        code: &'static str,
        title: &'static str,
        sentence: &'static str,
    ) -> Self {
        Self {
            code,
            status,
            title,
            sentence,
            detail: None,
            ways_out: &[],
        }
    }

    /// Of the API alone.
    const fn of_api(status: u16, code: &'static str, sentence: &'static str) -> Self {
        Self::new(status, code, "This cannot be done", sentence)
    }

    /// Trying again may help.
    const fn passing(
        status: u16,
        code: &'static str,
        title: &'static str,
        sentence: &'static str,
    ) -> Self {
        Self::new(status, code, title, sentence).leading(&[TryAgain])
    }

    /// Of a sign-in that failed.
    const fn of_sign_in(
        status: u16,
        code: &'static str,
        title: &'static str,
        sentence: &'static str,
    ) -> Self {
        Self::new(status, code, title, sentence).leading(&[SignInAgain])
    }

    const fn in_api(self, detail: &'static str) -> Self {
        Self {
            detail: Some(detail),
            ..self
        }
    }

    const fn leading(self, ways_out: &'static [WayOut]) -> Self {
        Self { ways_out, ..self }
    }

    /// The same under the provider's own word.
    #[must_use]
    pub fn coded(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// The error of RFC 6749 §5.2 that stands for it, in answers to clients.
    pub fn oauth_error(&self) -> &'static str {
        match self.code {
            own @ ("invalid_client"
            | "invalid_grant"
            | "unauthorized_client"
            | "unsupported_grant_type"
            | "invalid_scope"
            | "invalid_target"
            | "invalid_request"
            | "consent_required"
            | "access_denied"
            | "authorization_pending"
            | "slow_down"
            | "expired_token") => own,
            "no_grant" | "groups_overage" | "scope_not_granted" | "room_required"
            | "too_many_rooms" | "no_username" => "invalid_scope",
            "blocked" => "invalid_grant",
            _ if matches!(self.status, 429 | 502 | 503) => "temporarily_unavailable",
            _ if self.status >= 500 => "server_error",
            _ => "invalid_request",
        }
    }

    /// The status in answers to clients: 400, unless the refusal is about the client, the size, the rate or the server.
    pub fn oauth_status(&self) -> u16 {
        match self.status {
            403 => 400,
            status => status,
        }
    }

    /// The sentence for programs.
    pub fn detail(&self) -> &'static str {
        self.detail.unwrap_or(self.sentence)
    }

    fn leads(&self, way_out: WayOut) -> bool {
        self.ways_out.contains(&way_out)
    }
}

pub const INVALID_REQUEST: Problem = Problem::new(
    400,
    "invalid_request",
    "This request cannot be read",
    "Something in it is missing, given twice, or not what is expected in its place. Nothing was changed.",
)
.in_api("Some fields are wrong; errors names each.");

pub const NOT_SIGNED_IN: Problem = Problem::new(
    401,
    "not_signed_in",
    "Sign in to go on",
    "You are not signed in, or your sign-in has ended. Nothing was changed.",
)
.in_api("Sign in first; login_url leads there.")
.leading(&[SignIn]);

/// 401: a script of another site, with which the browser sends no cookie.
pub const CROSS_SITE: Problem = Problem::of_api(
    401,
    "cross_site",
    "The app is on another site than the bridge, so the browser sends no session cookie, and signing in does not change that. Serve both below one domain (app.example.com and bridge.example.com).",
);

/// 403: a question for Red5 servers alone, from another address.
pub const FORBIDDEN_NETWORK: Problem = Problem::of_api(
    403,
    "forbidden_network",
    "Only Red5 servers may ask this: the networks of RED5_ROUND_TRIP_NETWORKS.",
);

/// 403: sent from another site, or without the header or the form token.
pub const FORBIDDEN_ORIGIN: Problem = Problem::new(
    403,
    "forbidden_origin",
    "This form did not come from here",
    "It was sent from another site, or your browser did not say where from. Nothing was changed. Open the page here and repeat what you did.",
)
.in_api("Send X-Red5-Bridge: 1 from the bridge's own origin or, for /api/token and /api/logout alone, from one of BRIDGE_ALLOWED_ORIGINS.");

/// 403: a form of a page of an earlier session.
pub const SESSION_CHANGED: Problem = Problem::new(
    403,
    "session_changed",
    "You signed in again since this page was opened",
    "Perhaps in another tab, perhaps with another account: the name above is the one that counts now. Nothing was changed. Open the page again and repeat what you did.",
);

pub const NOT_ADMIN: Problem = Problem::new(
    403,
    "not_admin",
    "This page is for administrators",
    "You are signed in, and you are not an administrator. Administrators are the members of the groups that the operator of this service has set.",
)
.in_api("Only members of BRIDGE_ADMIN_GROUPS administer.");

pub const BLOCKED: Problem = Problem::new(
    403,
    "blocked",
    "Your access is blocked",
    "An administrator has blocked your access. If that is a mistake, ask your administrator.",
)
.leading(&[OtherAccount]);

pub const NO_GRANT: Problem = Problem::of_api(
    403,
    "no_grant",
    "No mapping grants anything to your groups. Ask your administrator.",
);

pub const GROUPS_OVERAGE: Problem = Problem::of_api(
    403,
    "groups_overage",
    "The provider did not send your groups because there are too many. Have it send only the groups of this application.",
);

pub const NO_USERNAME: Problem = Problem::of_api(
    403,
    "no_username",
    "The streaming server is to know you by your user name, and your provider sent none that can be used. Tell your administrator.",
);

pub const SCOPE_NOT_GRANTED: Problem = Problem::of_api(
    403,
    "scope_not_granted",
    "Not all of this is granted to you.",
);

pub const ROOM_REQUIRED: Problem = Problem::of_api(403, "room_required", "Name a room.");

pub const TTL_TOO_SHORT: Problem =
    Problem::of_api(403, "ttl_too_short", "Less than 60 seconds are left.");

pub const TOO_MANY_ROOMS: Problem = Problem::of_api(
    400,
    "too_many_rooms",
    "The token would be too long. Name a room.",
);

pub const NOT_FOUND: Problem = Problem::new(
    404,
    "not_found",
    "There is no such page",
    "The address is wrong, or what was here has been deleted.",
)
.in_api("There is nothing at this address.");

pub const METHOD_NOT_ALLOWED: Problem = Problem::new(
    405,
    "method_not_allowed",
    "This cannot be done here",
    "The address exists, and does not take this kind of request. Nothing was changed.",
)
.in_api("This address does not take this method.");

pub const DUPLICATE: Problem = Problem::new(
    409,
    "duplicate",
    "This exists already",
    "What you tried to add is there already. Nothing was changed.",
)
.in_api("Another mapping has the same group, match, roles, transports and rooms.");

/// 409
pub const TEST_FAILED: Problem = Problem::new(
    409,
    "test_failed",
    "A mapping test would fail",
    "After this change the mappings would not be as a mapping test states. Nothing was changed.",
);

/// 412
pub const STALE: Problem = Problem::new(
    412,
    "stale",
    "Changed meanwhile",
    "What you tried to change was changed since you opened it. Nothing of yours was saved. Open it again to see how it is now.",
)
.in_api("It was changed meanwhile; current is how it is now.");

pub const TOO_LARGE: Problem = Problem::new(
    413,
    "too_large",
    "This is too large",
    "More was sent than is read here. Nothing was changed.",
)
.in_api("The body is larger than this address takes.");

pub const UNSUPPORTED_MEDIA_TYPE: Problem = Problem::new(
    415,
    "unsupported_media_type",
    "This is not in a form that is read here",
    "It was sent in another form than this address reads. Nothing was changed.",
)
.in_api("Send Content-Type: application/json.");

pub const PRECONDITION_REQUIRED: Problem = Problem::of_api(
    428,
    "precondition_required",
    "Send If-Match with the ETag that you read.",
);

pub const RATE_LIMITED: Problem = Problem::passing(
    429,
    "rate_limited",
    "Too many requests",
    "There were more requests than are allowed in a short time.",
);

pub const INTERNAL: Problem = Problem::passing(
    500,
    "internal",
    "Something went wrong here",
    "This is a mistake of the service, not yours. It was noted. If it happens again, tell your administrator when it happened.",
)
.in_api("Something went wrong here; it is in the log.");

/// 503: the session is known, and its groups are too old.
pub const UNCONFIRMED: Problem = Problem::passing(
    503,
    "unavailable",
    "Your groups cannot be confirmed at the moment",
    "The service that signs you in does not answer, and what it last said about you is too old to go on with. You stay signed in. Try again in a moment.",
);

/// 503: the database cannot be reached, or what is in memory is too old.
pub const UNAVAILABLE: Problem = Problem::passing(
    503,
    "unavailable",
    "Not available at the moment",
    "The service cannot read its own records at the moment, and does not guess. Nothing was changed. Try again in a moment.",
)
.in_api("The database cannot be reached, or what is loaded may be old. Try again.");

// What follows is of sign-ins alone, which have no API, and then of OAuth clients.

/// 503: no sign-in can begin.
pub const PROVIDER_UNAVAILABLE: Problem = Problem::passing(
    503,
    "provider_unavailable",
    "Your identity provider cannot be reached",
    "The service that signs you in does not answer at the moment. Users who are signed in can go on. Try again in a moment.",
);

/// 403: the provider answered `access_denied`.
pub const DECLINED: Problem = Problem::new(
    403,
    "declined",
    "Your identity provider did not let you in",
    "Either you stopped there, or your account may not use this service.",
)
.leading(&[SignInAgain, OtherAccount]);

/// 403: the provider wants something of the person first; its error is the code.
pub const UNFINISHED: Problem = Problem::new(
    403,
    "provider_interaction_required",
    "There is something left to do at your identity provider",
    "It wants you to sign in, to choose an account, or to agree to something first, and sent you back before that was done.",
)
.leading(&[SignInAgain, OtherAccount]);

/// 403: another error of the provider's own.
pub const PROVIDER_ERROR: Problem = Problem::of_sign_in(
    403,
    "provider_error",
    "The sign-in did not work",
    "Your identity provider sent you back with an error of its own. Try once more; if it happens again, tell your administrator.",
);

/// 502: the provider does not take what it is asked; its error is the code.
pub const MISCONFIGURED: Problem = Problem::of_sign_in(
    502,
    "provider_invalid_request",
    "Signing in is not set up correctly",
    "Your identity provider does not accept the request of this service. That is a matter of settings; trying again will hardly help.",
);

pub const PROVIDER_BUSY: Problem = Problem::of_sign_in(
    503,
    "provider_busy",
    "Your identity provider is busy",
    "It cannot sign users in just now. Try again in a minute.",
);

/// 502: the provider could not be reached, or answered with an error or nonsense.
pub const PROVIDER_FAILED: Problem = Problem::of_sign_in(
    502,
    "provider_failed",
    "The sign-in did not work",
    "Your identity provider could not be reached, or failed while signing you in. Try again in a moment.",
);

/// 400: the attempt's ten minutes are over.
pub const ATTEMPT_EXPIRED: Problem = Problem::of_sign_in(
    400,
    "attempt_expired",
    "This sign-in took too long",
    "For your safety, a sign-in has to be finished within ten minutes. The page may have stayed open for longer, perhaps overnight.",
);

/// 400: the attempt was used before.
pub const ATTEMPT_SPENT: Problem = Problem::of_sign_in(
    400,
    "attempt_spent",
    "This sign-in is over already",
    "Its address was opened a second time, and serves only once. Sign in again.",
);

/// 400: there was no such attempt.
pub const ATTEMPT_UNKNOWN: Problem = Problem::of_sign_in(
    400,
    "attempt_unknown",
    "The sign-in did not work",
    "The address that you opened does not belong to a sign-in that was begun here in this browser. It may come from a bookmark or an e-mail, or be incomplete.",
);

/// 400: the attempt's cookie should be there and is not.
pub const COOKIE_MISSING: Problem = Problem::of_sign_in(
    400,
    "cookie_missing",
    "Your browser did not send our cookie back",
    "To sign you in, a cookie has to travel from here to your identity provider and back in one browser. It was not there when you came back, so the sign-in was stopped.",
);

/// 400: the answer does not hold together: parameters, issuer, or the ID token.
pub const ANSWER_REFUSED: Problem = Problem::of_sign_in(
    400,
    "answer_refused",
    "The sign-in did not work",
    "The answer that came back from your identity provider did not pass the checks, so it was not believed.",
);

/// 400: the ID token is over 64 KB.
pub const ID_TOKEN_TOO_LARGE: Problem = Problem::of_sign_in(
    400,
    "id_token_too_large",
    "Your identity provider sent too much about you",
    "The ID token is larger than 64 KB, most often because it names very many groups. Signing in again will not help.",
);

/// 403: the provider ended the sign-in while it was under way.
pub const LOGGED_OUT: Problem = Problem::of_sign_in(
    403,
    "logged_out",
    "You were signed out again at once",
    "While you were signing in here, your identity provider said that you had signed out there. So the sign-in was stopped.",
);

pub const OTHER_PERSON: Problem = Problem::new(
    403,
    "other_person",
    "The device was not connected",
    "You approved it with one account, and another one signed in at your identity provider. Sign out there, and connect the device again.",
);
pub const DEVICE_GONE: Problem = Problem::new(
    409,
    "device_gone",
    "The device was not connected",
    "Its request has expired, or was decided elsewhere meanwhile. Let the device show a new code, and connect it again.",
);

/// 401 (RFC 6749 §5.2).
pub const INVALID_CLIENT: Problem = Problem::of_api(
    401,
    "invalid_client",
    "The client is unknown, switched off, or did not prove itself: check client_id and client_secret.",
);

/// 400 (RFC 6749 §5.2).
pub const INVALID_GRANT: Problem = Problem::of_api(
    400,
    "invalid_grant",
    "The code or the refresh token is not good. Sign in again.",
);

/// 400 (RFC 6749 §5.2).
pub const UNAUTHORIZED_CLIENT: Problem = Problem::of_api(
    400,
    "unauthorized_client",
    "The client may not use this grant type.",
);

/// 400 (RFC 6749 §5.2).
pub const UNSUPPORTED_GRANT_TYPE: Problem = Problem::of_api(
    400,
    "unsupported_grant_type",
    "There is no such grant type here; the metadata names all.",
);

/// 400 (RFC 8693 §2.2.2).
pub const INVALID_TARGET: Problem = Problem::of_api(
    400,
    "invalid_target",
    "Every token is for the one streaming server; leave audience and resource out.",
);

/// 400 (RFC 6749 §5.2).
pub const INVALID_SCOPE: Problem =
    Problem::of_api(400, "invalid_scope", "The scope cannot be read.");

/// 400: a browser is not sent to an address that the client has not registered (RFC 9700 §4.11).
pub const UNKNOWN_CLIENT: Problem = Problem::new(
    400,
    "unknown_client",
    "The app that sent you here is not known",
    "It is not registered here, is switched off, or asks to be answered at another address than it registered. Tell the author of the app, or your administrator.",
);

/// 400 (OpenID Connect Core §3.1.2.6).
pub const CONSENT_REQUIRED: Problem = Problem::of_api(
    400,
    "consent_required",
    "The person has not allowed this app yet.",
);

/// 403: the person does not let the app have tokens.
pub const CONSENT_DENIED: Problem =
    Problem::of_api(403, "access_denied", "The person did not allow it.");

/// 400 (RFC 8628 §3.5).
pub const AUTHORIZATION_PENDING: Problem = Problem::of_api(
    400,
    "authorization_pending",
    "No person has decided about the device yet. Ask again after the interval.",
);

/// 400 (RFC 8628 §3.5).
pub const SLOW_DOWN: Problem = Problem::of_api(
    400,
    "slow_down",
    "The device asks too often. Wait five seconds longer between two requests from now on.",
);

/// 400 (RFC 8628 §3.5).
pub const EXPIRED_TOKEN: Problem = Problem::of_api(
    400,
    "expired_token",
    "The device code has expired. Begin again.",
);

/// A sentence as `error_description` may have it: printable ASCII without quotes and backslashes (RFC 6749 §5.2).
pub fn description(sentence: &str) -> String {
    let allowed = |c: char| match c {
        '"' | '“' | '”' => '\'',
        ' '..='~' if c != '\\' => c,
        _ => '?',
    };
    sentence.chars().map(allowed).collect()
}

/// Every refusal that a program can get, in the order of the page that explains them.
const OF_PROGRAMS: [Problem; 39] = [
    INVALID_REQUEST,
    NOT_SIGNED_IN,
    CROSS_SITE,
    FORBIDDEN_ORIGIN,
    FORBIDDEN_NETWORK,
    NOT_ADMIN,
    BLOCKED,
    NO_GRANT,
    GROUPS_OVERAGE,
    NO_USERNAME,
    SCOPE_NOT_GRANTED,
    ROOM_REQUIRED,
    TTL_TOO_SHORT,
    TOO_MANY_ROOMS,
    INVALID_CLIENT,
    INVALID_GRANT,
    UNAUTHORIZED_CLIENT,
    UNSUPPORTED_GRANT_TYPE,
    INVALID_TARGET,
    INVALID_SCOPE,
    UNKNOWN_CLIENT,
    CONSENT_REQUIRED,
    CONSENT_DENIED,
    AUTHORIZATION_PENDING,
    SLOW_DOWN,
    EXPIRED_TOKEN,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    DUPLICATE,
    TEST_FAILED,
    STALE,
    TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    PRECONDITION_REQUIRED,
    RATE_LIMITED,
    INTERNAL,
    UNCONFIRMED,
    UNAVAILABLE,
    PROVIDER_UNAVAILABLE,
];

/// GET `/docs/errors`, to which `error_uri` of the answers to clients leads (RFC 6749 §5.2).
#[derive(Debug, Clone, Template)]
#[template(path = "error_codes.html")]
pub struct ErrorCodes {
    pub frame: Frame,
}

/// A code, and what it means.
#[derive(Debug)]
struct CodeRow {
    code: &'static str,
    status: u16,
    oauth_error: &'static str,
    oauth_status: u16,
    sentences: Vec<&'static str>,
}

impl ErrorCodes {
    /// One row for each code: several refusals may share one.
    fn rows() -> Vec<CodeRow> {
        let mut rows: Vec<CodeRow> = Vec::new();
        for problem in OF_PROGRAMS {
            if let Some(row) = rows.iter_mut().find(|row| row.code == problem.code) {
                row.sentences.push(problem.detail());
                continue;
            }
            rows.push(CodeRow {
                code: problem.code,
                status: problem.status,
                oauth_error: problem.oauth_error(),
                oauth_status: problem.oauth_status(),
                sentences: vec![problem.detail()],
            });
        }
        rows
    }
}

#[derive(Debug, Clone, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    pub frame: Frame,
    pub problem: Problem,
    /// In place of the problem's own words.
    pub sentence: Option<String>,
    /// Where a sign-in comes back to: the address that was asked for, where asking again is
    /// harmless (a GET below the base path), or the place that a failed sign-in was for.
    pub return_to: Option<String>,
    /// Finds the request in the log.
    pub reference: Option<String>,
}

impl ProblemPage {
    fn lead(&self) -> &str {
        self.sentence.as_deref().unwrap_or(self.problem.sentence)
    }

    /// Address and words of the link to a sign-in.
    fn sign_in(&self) -> Option<(String, &'static str)> {
        let words = if self.problem.leads(SignIn) {
            "Sign in"
        } else if self.problem.leads(SignInAgain) {
            "Sign in again"
        } else {
            return None;
        };
        let home = self.frame.home();
        let return_to = self.return_to.as_ref().unwrap_or(&home);
        Some((self.frame.login_href(return_to), words))
    }

    fn try_again(&self) -> Option<&String> {
        let return_to = self.return_to.as_ref();
        return_to.filter(|_| self.problem.leads(TryAgain))
    }

    fn other_account(&self) -> Option<String> {
        let leads = self.problem.leads(OtherAccount);
        leads.then(|| self.frame.somebody_else_href())
    }

    /// A form whose session has ended: sent again from a later session it is shown
    /// with all that was typed.
    fn is_repeatable(&self) -> bool {
        self.problem == NOT_SIGNED_IN && self.return_to.is_none()
    }

    /// A sign-in failed and left the session that the browser had.
    fn is_still_signed_in(&self) -> bool {
        self.frame.person.is_some()
            && (self.problem.leads(SignInAgain) || self.problem.leads(OtherAccount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(problem: Problem, return_to: Option<&str>) -> String {
        let page = ProblemPage {
            frame: Frame {
                base: "/red5".to_owned(),
                person: None,
            },
            problem,
            sentence: None,
            return_to: return_to.map(str::to_owned),
            reference: None,
        };
        page.render().unwrap()
    }

    #[test]
    fn signing_in_comes_back_to_the_page_that_was_asked_for() {
        let html = page(NOT_SIGNED_IN, Some("/red5/admin/mappings?limit=5"));
        assert!(html.contains("/red5/auth/login?return_to=%2Fred5%2Fadmin%2Fmappings%3Flimit%3D5"));
    }

    #[test]
    fn without_an_address_signing_in_comes_home() {
        let html = page(NOT_SIGNED_IN, None);
        assert!(html.contains("/red5/auth/login?return_to=%2Fred5%2F"));
    }

    #[test]
    fn only_a_page_that_says_sign_in_leads_to_a_sign_in() {
        for problem in [
            BLOCKED,
            NOT_ADMIN,
            FORBIDDEN_ORIGIN,
            SESSION_CHANGED,
            NOT_FOUND,
            INTERNAL,
            PROVIDER_UNAVAILABLE,
            UNCONFIRMED,
        ] {
            let html = page(problem, Some("/red5/x"));
            assert!(!html.contains("/auth/login"), "{problem:?}");
        }
    }

    #[test]
    fn trying_again_is_offered_where_it_may_help_and_is_harmless() {
        let offers = |problem, return_to| page(problem, return_to).contains("Try again</a>");
        assert!(offers(UNAVAILABLE, Some("/red5/x")));
        assert!(!offers(UNAVAILABLE, None));
        assert!(!offers(NOT_FOUND, Some("/red5/x")));
    }

    #[test]
    fn every_page_shows_its_code() {
        for problem in [NOT_FOUND, METHOD_NOT_ALLOWED, COOKIE_MISSING, RATE_LIMITED] {
            let code = format!("<code>{}</code>", problem.code);
            assert!(page(problem, None).contains(&code), "{problem:?}");
        }
    }

    /// The page explains every refusal but those of sign-ins and of forms.
    #[test]
    fn the_page_of_errors_has_every_code_that_a_program_can_get() {
        let source = include_str!("problem.rs");
        let (table, rest) = source.split_once("// What follows is of sign-ins").unwrap();
        let (_, of_clients) = rest.split_once("pub const INVALID_CLIENT").unwrap();
        let (of_clients, _) = of_clients.split_once("const OF_PROGRAMS").unwrap();
        let table: Vec<&str> = table
            .split_whitespace()
            .chain(of_clients.split_whitespace())
            .collect();
        let table = table.join(" ");
        let frame = Frame {
            base: "/red5".to_owned(),
            person: None,
        };
        let html = ErrorCodes { frame }.render().unwrap();
        let codes = table.split(": Problem = Problem::").skip(1);
        let codes: Vec<&str> = codes
            .filter_map(|problem| problem.split('"').nth(1))
            .collect();
        assert!(codes.len() > 30, "{codes:?}");
        for code in codes {
            let is_there = html.contains(&format!(" id=\"{code}\""));
            assert_eq!(is_there, code != "session_changed", "{code}");
        }
    }
}
