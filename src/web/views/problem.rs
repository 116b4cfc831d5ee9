//! A page for each way in which a request ends without what it asked for: the
//! same truth as the JSON answers (RFC 9457), in plain words, with a way out.
//!
//! The words are fixed. What came with the request is never repeated here.

use askama::Template;

use super::frame::Frame;
use super::times;

/// The page.
#[derive(Debug, Clone, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// The bar.
    pub frame: Frame,
    /// What went wrong.
    pub problem: Problem,
    /// The address that was asked for, where asking again is harmless (a GET
    /// below the base path). Signing in comes back to it too.
    pub again: Option<String>,
    /// Finds the request in the log.
    pub reference: Option<String>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// 400
    InvalidRequest,
    /// 401
    NotSignedIn,
    /// 403: the session was ended and barred by an administrator.
    Blocked,
    /// 403
    NotAdministrator,
    /// 403: sent from another site, or without a form token.
    ForeignForm,
    /// 403: sent from a page of an earlier session.
    SessionChanged,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 409
    Duplicate,
    /// 412
    Stale,
    /// 413
    TooLarge,
    /// 415
    UnsupportedMediaType,
    /// 429
    RateLimited {
        /// Seconds until it is worth trying again.
        retry_after: u64,
    },
    /// 500
    Internal,
    /// 502: the provider answered with something of no use.
    ProviderFailed,
    /// 503: the provider cannot be reached.
    ProviderUnavailable,
    /// 503: who it is is known, and not whether their groups still hold.
    Unconfirmed,
    /// 503: the database cannot be reached, or what is loaded is too old.
    Unavailable,
}

/// Where a page leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayOut {
    /// Only home.
    Home,
    /// Sign in, and come back.
    SignIn,
    /// Ask again.
    TryAgain,
}

impl Problem {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::NotSignedIn => 401,
            Self::Blocked | Self::NotAdministrator | Self::ForeignForm | Self::SessionChanged => {
                403
            }
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Duplicate => 409,
            Self::Stale => 412,
            Self::TooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::RateLimited { .. } => 429,
            Self::Internal => 500,
            Self::ProviderFailed => 502,
            Self::ProviderUnavailable | Self::Unconfirmed | Self::Unavailable => 503,
        }
    }

    /// The stable word for the log; that of the JSON answer where it has one.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::NotSignedIn => "not_signed_in",
            Self::Blocked => "blocked",
            Self::NotAdministrator => "not_admin",
            Self::ForeignForm => "forbidden_origin",
            Self::SessionChanged => "session_changed",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::Duplicate => "duplicate",
            Self::Stale => "stale",
            Self::TooLarge => "too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::RateLimited { .. } => "rate_limited",
            Self::Internal => "internal",
            Self::ProviderFailed => "provider_failed",
            Self::ProviderUnavailable => "provider_unavailable",
            Self::Unconfirmed | Self::Unavailable => "unavailable",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "This request cannot be read",
            Self::NotSignedIn => "Sign in to go on",
            Self::Blocked => "Your access is blocked",
            Self::NotAdministrator => "This page is for administrators",
            Self::ForeignForm => "This form did not come from here",
            Self::SessionChanged => "You signed in again since this page was opened",
            Self::NotFound => "There is no such page",
            Self::MethodNotAllowed => "This cannot be done here",
            Self::Duplicate => "This exists already",
            Self::Stale => "Changed meanwhile",
            Self::TooLarge => "This is too large",
            Self::UnsupportedMediaType => "This is not in a form that is read here",
            Self::RateLimited { .. } => "Too many requests",
            Self::Internal => "Something went wrong here",
            Self::ProviderFailed => "Your identity provider gave an answer of no use",
            Self::ProviderUnavailable => "Your identity provider cannot be reached",
            Self::Unconfirmed => "Your groups cannot be confirmed at the moment",
            Self::Unavailable => "Not available at the moment",
        }
    }

    fn text(self) -> String {
        let text = match self {
            Self::InvalidRequest => {
                "Something in it is missing, given twice, or not what is expected in its place. Nothing was changed."
            }
            Self::NotSignedIn => {
                "You are not signed in, or your sign-in has ended. Nothing was changed."
            }
            Self::Blocked => {
                "An administrator has blocked your access. If that is a mistake, ask your administrator."
            }
            Self::NotAdministrator => {
                "You are signed in, and you are not an administrator. Administrators are the members of the groups that the operator of this service has set."
            }
            Self::ForeignForm => {
                "It was sent from another site, or your browser did not say where from. Nothing was changed. Open the page here and repeat what you did."
            }
            Self::SessionChanged => {
                "Perhaps in another tab, perhaps with another account: the name above is the one that counts now. Nothing was changed. Open the page again and repeat what you did."
            }
            Self::NotFound => "The address is wrong, or what was here has been deleted.",
            Self::MethodNotAllowed => {
                "The address exists, and does not take this kind of request. Nothing was changed."
            }
            Self::Duplicate => "What you tried to add is there already. Nothing was changed.",
            Self::Stale => {
                "What you tried to change was changed since you opened it. Nothing of yours was saved. Open it again to see how it is now."
            }
            Self::TooLarge => "More was sent than is read here. Nothing was changed.",
            Self::UnsupportedMediaType => {
                "It was sent in another form than this address reads. Nothing was changed."
            }
            Self::RateLimited { retry_after } => {
                return format!(
                    "There were more requests than are allowed in a short time. Try again in {}.",
                    times::duration(retry_after.max(1))
                );
            }
            Self::Internal => {
                "This is a mistake of the service, not yours. It was noted. If it happens again, tell your administrator when it happened."
            }
            Self::ProviderFailed => {
                "You could not be signed in, because the answer of the service that signs you in cannot be used. Try again; if it happens again, tell your administrator."
            }
            Self::ProviderUnavailable => {
                "The service that signs you in does not answer at the moment. Those who are signed in can go on. Try again in a moment."
            }
            Self::Unconfirmed => {
                "The service that signs you in does not answer, and what it last said about you is too old to go on with. You stay signed in. Try again in a moment."
            }
            Self::Unavailable => {
                "The service cannot read its own records at the moment, and does not guess. Nothing was changed. Try again in a moment."
            }
        };
        text.to_owned()
    }

    const fn way_out(self) -> WayOut {
        match self {
            Self::NotSignedIn => WayOut::SignIn,
            Self::RateLimited { .. }
            | Self::Internal
            | Self::ProviderFailed
            | Self::ProviderUnavailable
            | Self::Unconfirmed
            | Self::Unavailable => WayOut::TryAgain,
            _ => WayOut::Home,
        }
    }
}

impl ProblemPage {
    fn sign_in(&self) -> Option<String> {
        let home = format!("{}/", self.frame.base);
        (self.problem.way_out() == WayOut::SignIn)
            .then(|| self.frame.login_href(self.again.as_ref().unwrap_or(&home)))
    }

    /// A form whose session has ended: sent again from a later session it is shown
    /// with all that was typed.
    fn is_repeatable(&self) -> bool {
        self.problem == Problem::NotSignedIn && self.again.is_none()
    }

    fn try_again(&self) -> Option<&String> {
        self.again
            .as_ref()
            .filter(|_| self.problem.way_out() == WayOut::TryAgain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(problem: Problem, again: Option<&str>) -> ProblemPage {
        ProblemPage {
            frame: Frame {
                base: "/red5".to_owned(),
                person: None,
            },
            problem,
            again: again.map(str::to_owned),
            reference: None,
        }
    }

    #[test]
    fn signing_in_comes_back_to_the_page_that_was_asked_for() {
        let page = page(Problem::NotSignedIn, Some("/red5/admin/mappings?limit=5"));
        let html = page.render().unwrap();
        assert!(html.contains("/red5/auth/login?return_to=%2Fred5%2Fadmin%2Fmappings%3Flimit%3D5"));
    }

    #[test]
    fn without_an_address_signing_in_comes_home() {
        let html = page(Problem::NotSignedIn, None).render().unwrap();
        assert!(html.contains("/red5/auth/login?return_to=%2Fred5%2F"));
    }

    #[test]
    fn only_a_page_that_says_sign_in_leads_to_a_sign_in() {
        for problem in [
            Problem::Blocked,
            Problem::NotAdministrator,
            Problem::ForeignForm,
            Problem::SessionChanged,
            Problem::NotFound,
            Problem::Internal,
            Problem::ProviderUnavailable,
            Problem::Unconfirmed,
        ] {
            let html = page(problem, Some("/red5/x")).render().unwrap();
            assert!(!html.contains("/auth/login"), "{problem:?}");
        }
    }

    #[test]
    fn trying_again_is_offered_where_it_may_help_and_is_harmless() {
        let offers = |problem, again| {
            let html = page(problem, again).render().unwrap();
            html.contains("Try again</a>")
        };
        assert!(offers(Problem::Unavailable, Some("/red5/x")));
        assert!(!offers(Problem::Unavailable, None));
        assert!(!offers(Problem::NotFound, Some("/red5/x")));
    }
}
