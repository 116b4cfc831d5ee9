//! Problems, and the pages around signing in and out.

use super::{Sample, TAG, person, sample, signed_out};
use crate::web::views::problem::{self as problems, Problem, ProblemPage};
use crate::web::views::{ApiDocs, Next, SignedOut};

const PROBLEMS: [(&str, Problem); 32] = [
    ("problem-invalid", problems::INVALID_REQUEST),
    ("problem-not-signed-in", problems::NOT_SIGNED_IN),
    ("problem-blocked", problems::BLOCKED),
    ("problem-not-administrator", problems::NOT_ADMIN),
    ("problem-foreign-form", problems::FORBIDDEN_ORIGIN),
    ("problem-session-changed", problems::SESSION_CHANGED),
    ("problem-not-found", problems::NOT_FOUND),
    ("problem-method", problems::METHOD_NOT_ALLOWED),
    ("problem-duplicate", problems::DUPLICATE),
    ("problem-stale", problems::STALE),
    ("problem-too-large", problems::TOO_LARGE),
    ("problem-media-type", problems::UNSUPPORTED_MEDIA_TYPE),
    ("problem-rate", problems::RATE_LIMITED),
    ("problem-internal", problems::INTERNAL),
    (
        "problem-provider-unavailable",
        problems::PROVIDER_UNAVAILABLE,
    ),
    ("problem-unconfirmed", problems::UNCONFIRMED),
    ("problem-unavailable", problems::UNAVAILABLE),
    ("problem-precondition", problems::PRECONDITION_REQUIRED),
    ("sign-in-declined", problems::DECLINED),
    ("sign-in-unfinished", problems::UNFINISHED),
    ("sign-in-provider-error", problems::PROVIDER_ERROR),
    ("sign-in-settings", problems::MISCONFIGURED),
    ("sign-in-busy", problems::PROVIDER_BUSY),
    ("sign-in-expired", problems::ATTEMPT_EXPIRED),
    ("sign-in-spent", problems::ATTEMPT_SPENT),
    ("sign-in-unknown", problems::ATTEMPT_UNKNOWN),
    ("sign-in-cookie", problems::COOKIE_MISSING),
    ("sign-in-refused", problems::ANSWER_REFUSED),
    ("sign-in-token-too-large", problems::ID_TOKEN_TOO_LARGE),
    ("sign-in-provider", problems::PROVIDER_FAILED),
    ("sign-in-blocked", problems::BLOCKED),
    ("sign-in-logged-out", problems::LOGGED_OUT),
];

pub fn samples() -> Vec<Sample> {
    let problems = PROBLEMS.into_iter().map(|(name, problem)| {
        let page = ProblemPage {
            frame: match name {
                "problem-not-administrator" | "problem-session-changed" | "problem-unconfirmed" => {
                    person("Ann Lee", false)
                }
                "problem-stale" => person("Ann Lee", true),
                _ => signed_out(),
            },
            problem,
            sentence: (name == "problem-rate").then(|| format!("Try again later. {TAG}")),
            return_to: Some(format!("/red5/{TAG}")),
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
