//! A sign-in: the way to the provider, and what is made of the way back.

use chrono::{DateTime, Utc};
use openidconnect::AccessToken;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Provider;
use super::client::{Attempt, AttemptSecrets};
use super::error::{InvalidAnswer, OidcError, TokenFlaw};
use super::id_token::{self, SentWith, VerifiedIdToken};
use super::jwks::KeySet;
use crate::domain::identity::Identity;

/// What a callback that is no error brings back.
#[derive(Debug)]
pub struct CallbackAnswer {
    /// RFC 6749 §4.1.2.
    pub code: SecretString,
    /// RFC 9207, if there was one.
    pub iss: Option<String>,
}

/// A finished sign-in.
#[derive(Debug)]
pub struct SignedIn {
    /// The person.
    pub identity: Identity,
    /// As the provider sent it, for `id_token_hint` at sign-out.
    pub id_token: SecretString,
    /// The provider's session (`sid`), for back-channel logout.
    pub sid: Option<String>,
    /// When the provider says that this was (`iat`), by its own clock.
    pub issued_at: DateTime<Utc>,
    /// For reading the groups again.
    pub refresh_token: Option<SecretString>,
}

impl Provider {
    /// The address to send the browser to, and the attempt to remember in it.
    ///
    /// `mark` comes back behind a dot in the state's end, whatever else is lost; of the characters of
    /// base64url. Empty: the state is random bytes alone. `choose_account`: the provider is to ask which
    /// account signs in, and not to take the one that it knows.
    ///
    /// # Errors
    /// When nothing is known of the provider and it cannot be read in time.
    pub async fn begin(
        &self,
        mark: &str,
        choose_account: bool,
    ) -> Result<(Url, Attempt), OidcError> {
        let known = self.documents().await?;
        let mut attempt = Attempt::random()?;
        if !mark.is_empty() {
            attempt.state = format!("{}.{mark}", attempt.state);
        }
        let metadata = &known.metadata;
        let prompt = choose_account.then(|| metadata.account_choice.clone());
        let url = metadata.client.authorization_url(&attempt, prompt, None);
        Ok((url, attempt))
    }

    /// The `iss` of a callback (RFC 9207 §2.4): if present it must be the issuer, character by
    /// character, and a provider that announces it must send it. [`Provider::finish`] checks by
    /// itself; call this for an error answer.
    ///
    /// # Errors
    /// When the callback may come from another provider, or nothing is known of this one and it
    /// cannot be read in time.
    pub async fn check_issuer_parameter(&self, iss: Option<&str>) -> Result<(), OidcError> {
        let known = self.documents().await?;
        check_issuer(iss, &self.settings.issuer, known.metadata.announces_iss)
    }

    /// Spends the code and says who signed in.
    ///
    /// # Errors
    /// When the provider fails, says no, or is not to be believed.
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

    /// Checks an ID token; a person waits for it, and can try again where newer keys are needed and
    /// not to be had.
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
