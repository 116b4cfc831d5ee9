//! Sends a browser to the provider to sign in: for `/auth/login`, for a client's authorization request, and for a device that
//! was approved.

use actix_web::HttpResponse;
use url::Url;

use super::cookies::{ATTEMPTS_BYTES_MAX, ATTEMPTS_MAX, REMOVALS_MAX};
use super::error::{Answer, Refusal};
use super::extract::Page;
use super::page::show;
use super::site::see_other;
use super::views::OnwardPage;
use super::views::problem as problems;
use crate::domain::client::ClientId;
use crate::domain::device::UserCode;
use crate::flow::LiveSession;
use crate::flow::attempt::SealedAttempt;
use crate::flow::login::{LoginError, SignIn, SignInPrompt};
use crate::flow::return_to::ReturnTo;

/// 303 to the provider, with the cookie of a new attempt.
pub async fn begin(
    page: &Page,
    sign_in: &SignIn,
    return_to: &ReturnTo,
    how: &SignInPrompt,
) -> Answer {
    let begun = sign_in.begin(return_to, how).await;
    send(page, sign_in, begun, |url| see_other(url.as_str()).finish())
}

/// The same for a device, by a page: a form may not redirect to another origin.
pub async fn begin_approval(
    page: &Page,
    sign_in: &SignIn,
    request: (&UserCode, &ClientId),
    live: &LiveSession,
) -> Answer {
    let begun = sign_in.begin_approval(request, live).await;
    send(page, sign_in, begun, |url| {
        show(&OnwardPage {
            frame: page.frame(),
            url: url.into(),
        })
    })
}

/// Sets the cookie of the new attempt, and removes those that are too many.
fn send(
    page: &Page,
    sign_in: &SignIn,
    begun: Result<(Url, SealedAttempt), LoginError>,
    show: impl FnOnce(Url) -> HttpResponse,
) -> Answer {
    let (url, attempt) = begun.map_err(|error| {
        let (code, reason) = (problems::PROVIDER_UNAVAILABLE.code, error.reason());
        tracing::warn!(event = "sign_in_not_begun", code, reason, %error);
        Refusal::new(problems::PROVIDER_UNAVAILABLE).logged()
    })?;
    let cookies = page.site().cookies();
    let under_way = cookies.attempts(page.request());
    let values: Vec<&str> = under_way.iter().map(|(_, value)| *value).collect();
    let bytes = ATTEMPTS_BYTES_MAX.saturating_sub(attempt.value.len());
    let surplus = sign_in.surplus_attempts(&values, ATTEMPTS_MAX - 1, bytes);
    let removals = surplus.into_iter().take(REMOVALS_MAX);
    let removals = removals.map(|at| cookies.removal(under_way[at].0));
    let mut response = show(url);
    for cookie in removals.chain([cookies.of_attempt(&attempt)]) {
        let added = response.add_cookie(&cookie);
        added.map_err(|_| Refusal::new(problems::INTERNAL))?;
    }
    Ok(response)
}
