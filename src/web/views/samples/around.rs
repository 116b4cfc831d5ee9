//! Problems, and the pages around signing in and out.

use super::{Sample, TAG, person, sample, signed_out};
use crate::web::views::{
    Problem, ProblemPage, ProviderSignOut, SignInFailed, SignInFailure, SignedOut,
};

const PROBLEMS: [(&str, Problem); 17] = [
    ("problem-invalid", Problem::InvalidRequest),
    ("problem-not-signed-in", Problem::NotSignedIn),
    ("problem-blocked", Problem::Blocked),
    ("problem-not-administrator", Problem::NotAdministrator),
    ("problem-foreign-form", Problem::ForeignForm),
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
    ("problem-unavailable", Problem::Unavailable),
];

const FAILURES: [(&str, SignInFailure); 6] = [
    ("sign-in-declined", SignInFailure::Declined),
    ("sign-in-spent", SignInFailure::AttemptSpent),
    ("sign-in-cookie", SignInFailure::CookieMissing),
    ("sign-in-refused", SignInFailure::AnswerRefused),
    ("sign-in-provider", SignInFailure::ProviderFailed),
    ("sign-in-blocked", SignInFailure::Blocked),
];

pub fn samples() -> Vec<Sample> {
    let problems = PROBLEMS.into_iter().map(|(name, problem)| {
        let page = ProblemPage {
            frame: match problem {
                Problem::NotAdministrator => person("Ann Lee", false),
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
    let signed_out_page = |name, provider| {
        let frame = signed_out();
        sample(name, &SignedOut { frame, provider })
    };
    let provider = |automatic| {
        Some(ProviderSignOut {
            url: format!("https://login.example.com/logout?hint={TAG}&state=s"),
            automatic,
        })
    };
    problems
        .chain(failures)
        .chain([
            signed_out_page("signed-out", None),
            signed_out_page("signed-out-provider", provider(false)),
            signed_out_page("signed-out-leading-on", provider(true)),
        ])
        .collect()
}
