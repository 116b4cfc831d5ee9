//! The pages around signing in and out: why a sign-in failed, that a cookie
//! did not come back, and that somebody is signed out.
//!
//! The words are fixed; nothing that the provider or the address said is
//! repeated (CB-6). No page here begins a sign-in by itself.

use askama::Template;

use super::frame::Frame;

/// A sign-in that failed at the callback.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in_failed.html")]
pub struct SignInFailed {
    /// The bar.
    pub frame: Frame,
    /// Why.
    pub failure: SignInFailure,
    /// Where the next try comes back to, as `/auth/login` takes it.
    pub return_to: String,
    /// Finds the request in the log.
    pub reference: Option<String>,
}

/// Why a sign-in failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInFailure {
    /// The provider answered `access_denied`, or another error of its own.
    Declined,
    /// The attempt is unknown, too old, or was spent before.
    AttemptSpent,
    /// The attempt's cookie is not there.
    CookieMissing,
    /// The answer does not hold together: parameters, issuer, or the ID token.
    AnswerRefused,
    /// The provider could not be reached, or answered with an error or nonsense.
    ProviderFailed,
    /// The person is blocked.
    Blocked,
}

impl SignInFailure {
    /// The word to quote to an administrator.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::AttemptSpent => "attempt_spent",
            Self::CookieMissing => "cookie_missing",
            Self::AnswerRefused => "answer_refused",
            Self::ProviderFailed => "provider_failed",
            Self::Blocked => "blocked",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::CookieMissing => "Your browser did not send our cookie back",
            _ => "You are not signed in",
        }
    }

    const fn paragraphs(self) -> &'static [&'static str] {
        match self {
            Self::Declined => {
                &["Your identity provider did not sign you in: you, or it, declined."]
            }
            Self::AttemptSpent => &[
                "This sign-in took longer than ten minutes, or its address was opened a second time.",
                "Begin again, and go through it in one go.",
            ],
            Self::CookieMissing => &[
                "To sign you in, a cookie has to travel from here to your identity provider and back in one browser. It was not there when you came back, so the sign-in was stopped.",
            ],
            Self::AnswerRefused => &[
                "The answer that came back from your identity provider did not pass the checks, so it was not believed.",
                "Try once more. If it happens again, tell your administrator the code below: it is a matter of settings, or somebody is interfering.",
            ],
            Self::ProviderFailed => &[
                "Your identity provider could not be reached, or failed while signing you in. Try again in a moment.",
            ],
            Self::Blocked => &[
                "An administrator has blocked your access. If that is a mistake, ask your administrator.",
            ],
        }
    }

    /// Causes that the person can look into.
    const fn causes(self) -> &'static [&'static str] {
        match self {
            Self::CookieMissing => &[
                "Cookies are switched off for this site, or an extension removes them.",
                "The sign-in was begun in another browser or a private window, or finished from a bookmark or an e-mail.",
                "More than ten minutes passed, or many sign-ins were begun at once.",
                "You opened this service by another address than the one it comes back to.",
            ],
            _ => &[],
        }
    }

    const fn may_try_again(self) -> bool {
        !matches!(self, Self::Blocked)
    }
}

/// GET `/auth/signed-out`.
#[derive(Debug, Clone, Template)]
#[template(path = "signed_out.html")]
pub struct SignedOut {
    /// The bar; nobody in it.
    pub frame: Frame,
    /// The provider's sign-out, where it has one and the person comes from
    /// our own.
    pub provider: Option<ProviderSignOut>,
}

/// The next step of signing out (OpenID Connect RP-Initiated Logout 1.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSignOut {
    /// Address at the provider, as [`crate::upstream`] made it: `https`, or `http` of a
    /// loopback host.
    pub url: String,
    /// Go there without a click; the link stays for browsers that do not.
    pub automatic: bool,
}
