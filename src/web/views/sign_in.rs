//! Why a sign-in failed, and what to do about it.
//!
//! The words are fixed; nothing that the provider or the address said is
//! repeated (CB-6). No page here begins a sign-in by itself, so nothing loops.

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
    /// 403: the provider answered `access_denied`.
    Declined,
    /// 403: the provider wants something of the person first; with its word.
    Unfinished(&'static str),
    /// 403: another error of the provider's own.
    ProviderError,
    /// 502: the provider does not take what it is asked; with its word.
    Misconfigured(&'static str),
    /// 503: the provider answered `temporarily_unavailable`.
    ProviderBusy,
    /// 400: the attempt's ten minutes are over.
    AttemptExpired,
    /// 400: the attempt was used before.
    AttemptSpent,
    /// 400: there was no such attempt.
    AttemptUnknown,
    /// 400: the attempt's cookie should be there and is not.
    CookieMissing,
    /// 400: the answer does not hold together: parameters, issuer, or the ID token.
    AnswerRefused,
    /// 400: the ID token is over 64 KB.
    TokenTooLarge,
    /// 502: the provider could not be reached, or answered with an error or nonsense.
    ProviderFailed,
    /// 403: the person is blocked.
    Blocked,
    /// 403: the provider ended the sign-in while it was under way.
    LoggedOut,
}

impl SignInFailure {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::AttemptExpired
            | Self::AttemptSpent
            | Self::AttemptUnknown
            | Self::CookieMissing
            | Self::AnswerRefused
            | Self::TokenTooLarge => 400,
            Self::Declined
            | Self::Unfinished(_)
            | Self::ProviderError
            | Self::Blocked
            | Self::LoggedOut => 403,
            Self::Misconfigured(_) | Self::ProviderFailed => 502,
            Self::ProviderBusy => 503,
        }
    }

    /// The word to quote to an administrator.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Declined => "declined",
            Self::Unfinished(code) | Self::Misconfigured(code) => code,
            Self::ProviderError => "provider_error",
            Self::ProviderBusy => "provider_busy",
            Self::AttemptExpired => "attempt_expired",
            Self::AttemptSpent => "attempt_spent",
            Self::AttemptUnknown => "attempt_unknown",
            Self::CookieMissing => "cookie_missing",
            Self::AnswerRefused => "answer_refused",
            Self::TokenTooLarge => "id_token_too_large",
            Self::ProviderFailed => "provider_failed",
            Self::Blocked => "blocked",
            Self::LoggedOut => "logged_out",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Declined => "Your identity provider did not let you in",
            Self::Unfinished(_) => "There is something left to do at your identity provider",
            Self::Misconfigured(_) => "Signing in is not set up correctly",
            Self::ProviderBusy => "Your identity provider is busy",
            Self::AttemptExpired => "This sign-in took too long",
            Self::AttemptSpent => "This sign-in is over already",
            Self::CookieMissing => "Your browser did not send our cookie back",
            Self::Blocked => "Your access is blocked",
            Self::LoggedOut => "You were signed out again at once",
            Self::TokenTooLarge => "Your identity provider sent too much about you",
            Self::ProviderError
            | Self::AttemptUnknown
            | Self::AnswerRefused
            | Self::ProviderFailed => "The sign-in did not work",
        }
    }

    const fn paragraphs(self) -> &'static [&'static str] {
        match self {
            Self::Declined => &[
                "Either you stopped there, or your account may not use this service.",
                "If it was not you who stopped, ask your administrator whether your account is admitted to this service at the identity provider.",
            ],
            Self::Unfinished(_) => &[
                "It wants you to sign in, to choose an account, or to agree to something first, and sent you back before that was done.",
                "Sign in again, and go through all of its questions.",
            ],
            Self::ProviderError => &[
                "Your identity provider sent you back with an error of its own. Try once more; if it happens again, tell your administrator.",
            ],
            Self::Misconfigured(_) => &[
                "Your identity provider does not accept the request of this service. That is a matter of settings; trying again will hardly help.",
                "Tell your administrator the code below: it is the provider’s own word for what is wrong.",
            ],
            Self::ProviderBusy => &["It cannot sign users in just now. Try again in a minute."],
            Self::AttemptExpired => &[
                "For your safety, a sign-in has to be finished within ten minutes. The page may have stayed open for longer, perhaps overnight.",
                "Begin again: you will come to the page that you wanted.",
            ],
            Self::AttemptSpent => {
                &["Its address was opened a second time, and serves only once. Sign in again."]
            }
            Self::AttemptUnknown => &[
                "The address that you opened does not belong to a sign-in that was begun here in this browser. It may come from a bookmark or an e-mail, or be incomplete.",
                "Sign in again. If this address was sent to you, do not use it.",
            ],
            Self::CookieMissing => &[
                "To sign you in, a cookie has to travel from here to your identity provider and back in one browser. It was not there when you came back, so the sign-in was stopped.",
            ],
            Self::AnswerRefused => &[
                "The answer that came back from your identity provider did not pass the checks, so it was not believed.",
                "Try once more. If it happens again, tell your administrator the code below: the settings are wrong, or the answer was tampered with.",
            ],
            Self::TokenTooLarge => &[
                "The ID token is larger than 64 KB, most often because it names very many groups. Signing in again will not help.",
                "Tell your administrator: the identity provider should put only the groups of this application into the ID token, or none, and tell them at its userinfo endpoint.",
            ],
            Self::ProviderFailed => &[
                "Your identity provider could not be reached, or failed while signing you in. Try again in a moment.",
            ],
            Self::LoggedOut => &[
                "While you were signing in here, your identity provider said that you had signed out there. So the sign-in was stopped.",
                "If that was not what you wanted, sign in again.",
            ],
            Self::Blocked => &[
                "An administrator has blocked your access. If that is a mistake, ask your administrator.",
            ],
        }
    }

    /// Things that the person can look into.
    const fn remedies(self) -> &'static [&'static str] {
        match self {
            Self::CookieMissing => &[
                "Allow cookies for this site in the browser’s settings, and switch off extensions that remove them. No other site’s cookies are needed.",
                "Begin and finish in the same browser, and in the same kind of window: not half of it in a private one.",
                "Close other tabs that wait at a sign-in. No more than five can wait at once.",
                "Open this service by the address that the browser shows now, and not by another name of the same machine.",
            ],
            _ => &[],
        }
    }

    const fn may_try_again(self) -> bool {
        !matches!(self, Self::Blocked)
    }

    /// Whether another account may fare better.
    const fn may_be_somebody_else(self) -> bool {
        matches!(self, Self::Declined | Self::Unfinished(_) | Self::Blocked)
    }
}
