//! Problems, and the pages around signing in and out.

use super::{Sample, TAG, person, sample, signed_out};
use crate::web::views::{
    ApiDocs, Next, Problem, ProblemPage, SignInFailed, SignInFailure, SignedOut,
};

const PROBLEMS: [(&str, Problem); 19] = [
    ("problem-invalid", Problem::InvalidRequest),
    ("problem-not-signed-in", Problem::NotSignedIn),
    ("problem-blocked", Problem::Blocked),
    ("problem-not-administrator", Problem::NotAdministrator),
    ("problem-foreign-form", Problem::ForeignForm),
    ("problem-session-changed", Problem::SessionChanged),
    ("problem-not-found", Problem::NotFound),
    ("problem-method", Problem::MethodNotAllowed),
    ("problem-duplicate", Problem::Duplicate),
    ("problem-stale", Problem::Stale),
    ("problem-too-large", Problem::TooLarge),
    ("problem-media-type", Problem::UnsupportedMediaType),
    ("problem-rate", Problem::RateLimited { retry_after: 90 }),
    ("problem-rate-now", Problem::RateLimited { retry_after: 0 }),
    ("problem-internal", Problem::Internal),
    ("problem-provider-failed", Problem::ProviderFailed),
    ("problem-provider-unavailable", Problem::ProviderUnavailable),
    ("problem-unconfirmed", Problem::Unconfirmed),
    ("problem-unavailable", Problem::Unavailable),
];

const FAILURES: [(&str, SignInFailure); 14] = [
    ("sign-in-declined", SignInFailure::Declined),
    (
        "sign-in-unfinished",
        SignInFailure::Unfinished("provider_login_required"),
    ),
    ("sign-in-provider-error", SignInFailure::ProviderError),
    (
        "sign-in-settings",
        SignInFailure::Misconfigured("provider_invalid_scope"),
    ),
    ("sign-in-busy", SignInFailure::ProviderBusy),
    ("sign-in-expired", SignInFailure::AttemptExpired),
    ("sign-in-spent", SignInFailure::AttemptSpent),
    ("sign-in-unknown", SignInFailure::AttemptUnknown),
    ("sign-in-cookie", SignInFailure::CookieMissing),
    ("sign-in-refused", SignInFailure::AnswerRefused),
    ("sign-in-token-too-large", SignInFailure::TokenTooLarge),
    ("sign-in-provider", SignInFailure::ProviderFailed),
    ("sign-in-blocked", SignInFailure::Blocked),
    ("sign-in-logged-out", SignInFailure::LoggedOut),
];

pub fn samples() -> Vec<Sample> {
    let problems = PROBLEMS.into_iter().map(|(name, problem)| {
        let page = ProblemPage {
            frame: match problem {
                Problem::NotAdministrator | Problem::SessionChanged | Problem::Unconfirmed => {
                    person("Ann Lee", false)
                }
                Problem::Stale => person("Ann Lee", true),
                _ => signed_out(),
            },
            problem,
            again: Some(format!("/red5/{TAG}")),
            reference: Some("01KAT6".to_owned()),
        };
        sample(name, &page)
    });
    let failures = FAILURES.into_iter().map(|(name, failure)| {
        let page = SignInFailed {
            frame: signed_out(),
            failure,
            return_to: format!("/red5/{TAG}"),
            reference: Some(TAG.to_owned()),
        };
        sample(name, &page)
    });
    let signed_out_page = |name, next| {
        let frame = signed_out();
        sample(name, &SignedOut { frame, next })
    };
    let provider = format!("https://login.example.com/logout?hint={TAG}&state=s");
    problems
        .chain(failures)
        .chain([
            sample(
                "api-docs",
                &ApiDocs {
                    frame: signed_out(),
                    bridge: "https://bridge.example.com/red5".to_owned(),
                },
            ),
            signed_out_page("signed-out", Next::Nowhere),
            signed_out_page("signed-out-here-alone", Next::ProviderStays),
            signed_out_page("signed-out-leading-on", Next::Provider(provider)),
            signed_out_page("signed-out-somebody-else", Next::SomebodyElse),
        ])
        .collect()
}
