//! Sends a browser to the provider to sign in: for `/auth/login`, and for a client's authorization request.

use super::cookies::{ATTEMPTS_BYTES_MAX, ATTEMPTS_MAX, REMOVALS_MAX};
use super::error::{Answer, Refusal};
use super::extract::Page;
use super::site::see_other;
use super::views::problem as problems;
use crate::flow::login::{SignIn, SignInPrompt};
use crate::flow::return_to::ReturnTo;

/// 303 to the provider, with the cookie of a new attempt.
pub async fn begin(
    page: &Page,
    sign_in: &SignIn,
    return_to: &ReturnTo,
    how: &SignInPrompt,
) -> Answer {
    let site = page.site();
    let begun = sign_in.begin(return_to, how).await;
    let (url, attempt) = begun.map_err(|error| {
        let (code, reason) = (problems::PROVIDER_UNAVAILABLE.code, error.reason());
        tracing::warn!(event = "sign_in_not_begun", code, reason, %error);
        Refusal::new(problems::PROVIDER_UNAVAILABLE).logged()
    })?;
    let mut response = see_other(url.as_str());
    let under_way = site.cookies().attempts(page.request());
    let values: Vec<&str> = under_way.iter().map(|(_, value)| *value).collect();
    let bytes = ATTEMPTS_BYTES_MAX.saturating_sub(attempt.value.len());
    let surplus = sign_in.surplus_attempts(&values, ATTEMPTS_MAX - 1, bytes);
    for at in surplus.into_iter().take(REMOVALS_MAX) {
        response.cookie(site.cookies().removal(under_way[at].0));
    }
    let cookie = site.cookies().of_attempt(&attempt);
    Ok(response.cookie(cookie).finish())
}
