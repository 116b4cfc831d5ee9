//! Sign-in: the request to the provider, and processing of its answer.

use chrono::{DateTime, Utc};
use openidconnect::AccessToken;
use openidconnect::core::CoreAuthPrompt;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Provider;
use super::client::{Attempt, AttemptSecrets};
use super::error::{InvalidAnswer, OidcError, TokenFlaw};
use super::id_token::{self, SentWith, VerifiedIdToken};
use super::jwks::KeySet;
use super::signed_token::ISSUED_BEFORE_MAX;
use crate::domain::identity::Identity;

/// The parameters of a successful callback.
#[derive(Debug)]
pub struct CallbackAnswer {
    /// RFC 6749 §4.1.2.
    pub code: SecretString,
    /// RFC 9207; `None` if absent.
    pub iss: Option<String>,
}

/// The result of a sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// The signed-in user.
    pub identity: Identity,
    /// The raw ID token, for `id_token_hint` at sign-out.
    pub id_token: SecretString,
    /// The provider's session (`sid`), for back-channel logout.
    pub sid: Option<String>,
    /// Time of the sign-in by the provider's clock (`iat`).
    pub issued_at: DateTime<Utc>,
    /// For refreshing the groups.
    pub refresh_token: Option<SecretString>,
}

/// How the provider should ask the person who signs in (OpenID Connect Core §3.1.2.1).
#[derive(Debug, Clone, Default)]
pub struct SignInPrompt {
    /// Let the person choose an account instead of using the provider's current session.
    pub choose_account: bool,
    /// Ask for the credentials again.
    pub login: bool,
    /// `login_hint`
    pub login_hint: Option<String>,
}

impl Provider {
    /// The authorization URL, and the attempt to store in the browser.
    ///
    /// `mark`, in base64url characters, is appended to the state behind a dot; it comes back even
    /// if the cookie is lost. Empty: the state is random bytes alone.
    ///
    /// # Errors
    /// If no metadata is cached and it cannot be fetched in time.
    pub async fn begin(&self, mark: &str, how: &SignInPrompt) -> Result<(Url, Attempt), OidcError> {
        let known = self.documents().await?;
        let mut attempt = Attempt::random()?;
        if !mark.is_empty() {
            attempt.state = format!("{}.{mark}", attempt.state);
        }
        let metadata = &known.metadata;
        let prompt = if how.choose_account {
            Some(metadata.account_choice.clone())
        } else {
            how.login.then_some(CoreAuthPrompt::Login)
        };
        let hint = how.login_hint.as_deref();
        let client = &metadata.client;
        let url = client.authorization_url(&attempt, (prompt, hint), None);
        Ok((url, attempt))
    }

    /// Checks the `iss` of a callback (RFC 9207 §2.4): if present it must equal the issuer, and a
    /// provider that announces it must send it. [`Provider::finish`] includes this check; call it
    /// for error answers.
    ///
    /// # Errors
    /// If the callback may come from another provider, or no metadata is cached and it cannot be
    /// fetched in time.
    pub async fn check_issuer_parameter(&self, iss: Option<&str>) -> Result<(), OidcError> {
        let known = self.documents().await?;
        check_issuer(iss, &self.settings.issuer, known.metadata.announces_iss)
    }

    /// Redeems the code and returns the signed-in user.
    ///
    /// # Errors
    /// If the provider is unavailable, refuses, or its answer is invalid.
    pub async fn finish(
        &self,
        secrets: &AttemptSecrets,
        answer: &CallbackAnswer,
    ) -> Result<SignedIn, OidcError> {
        self.check_issuer_parameter(answer.iss.as_deref()).await?;
        let known = self.documents().await?;
        let client = &known.metadata.client;
        let endpoint = client.token_endpoint(&self.http);
        let tokens = client
            .exchange_code(&endpoint, &answer.code, &secrets.verifier, self.clock.now())
            .await?;
        let id_token = tokens.id_token.ok_or(InvalidAnswer::NoIdToken)?;
        let access_token = tokens.access_token.as_ref();
        let verified = self
            .verify(&id_token, Some(&secrets.nonce), access_token)
            .await?;
        let identity = self
            .identify(
                &self.http,
                &known.metadata,
                &verified.subject,
                &verified.claims,
                access_token,
                None,
            )
            .await?;
        Ok(SignedIn {
            identity,
            sid: verified.sid,
            issued_at: verified.issued_at,
            id_token,
            refresh_token: tokens.refresh_token,
        })
    }

    /// Verifies an ID token. A person is waiting: if newer keys are needed and unavailable, the
    /// person can try again.
    pub(super) async fn verify(
        &self,
        id_token: &SecretString,
        nonce: Option<&SecretString>,
        access_token: Option<&AccessToken>,
    ) -> Result<VerifiedIdToken, OidcError> {
        let raw = id_token.expose_secret();
        let sent = SentWith {
            nonce,
            access_token,
            max_age: Some(ISSUED_BEFORE_MAX),
        };
        let verify =
            |keys: &KeySet| id_token::verify(raw, keys, &self.settings, &sent, self.clock.now());
        let newer_may_do = |flaw: &TokenFlaw| flaw.newer_keys_may_do();
        let verified = self.metadata.with_keys(verify, newer_may_do).await?;
        verified.map_err(|(flaw, _)| InvalidAnswer::from(flaw).into())
    }
}

fn check_issuer(iss: Option<&str>, issuer: &str, announced: bool) -> Result<(), OidcError> {
    match iss {
        Some(iss) if iss == issuer => Ok(()),
        None if !announced => Ok(()),
        _ => Err(InvalidAnswer::IssuerParameter.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cb_5_the_issuer_parameter_is_the_issuer_and_present_when_announced() {
        let issuer = "https://id.example.com";
        let refused = Err(OidcError::Refused(InvalidAnswer::IssuerParameter));
        for announced in [true, false] {
            assert_eq!(check_issuer(Some(issuer), issuer, announced), Ok(()));
            for other in [
                "",
                "https://evil.example",
                "https://id.example.com/",
                "https://ID.example.com",
            ] {
                assert_eq!(
                    check_issuer(Some(other), issuer, announced),
                    refused,
                    "{other}"
                );
            }
        }
        assert_eq!(check_issuer(None, issuer, false), Ok(()));
        assert_eq!(check_issuer(None, issuer, true), refused);
    }
}
