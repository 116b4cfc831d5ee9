//! Refreshing the identity of a session (OpenID Connect Core §12).
//!
//! The answer must be about the same person. An ID token is verified as at the sign-in, except that
//! it need not repeat the nonce; without an ID token, userinfo is used. An answer with neither
//! contains no groups and counts as a failure.
//!
//! A provider that rotates refresh tokens has spent the old one with its answer, even if the answer
//! has other faults. So failures return the new refresh token too.

use secrecy::SecretString;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Provider;
use super::client::Tokens;
use super::error::{Denial, InvalidAnswer, OidcError, Outage, TokenFlaw};
use super::metadata::ProviderMetadata;
use crate::domain::identity::Identity;
use crate::json::Object;

/// The result of a successful refresh.
#[derive(Debug)]
pub struct Refreshed {
    /// The current identity. A display name that the answer does not repeat is kept.
    pub identity: Identity,
    /// The new ID token, if there is one, as hint for signing out.
    pub id_token: Option<SecretString>,
    /// The new refresh token, if there is one; it replaces the spent one.
    pub refresh_token: Option<SecretString>,
}

/// Why a refresh failed.
#[derive(Debug)]
pub enum RefreshFailure {
    /// The provider ended the grant, or its answer is about another subject: the session is over.
    Over(OidcError),
    /// The token endpoint refused this refresh token without `invalid_grant`. Only repeated
    /// refusals end the session.
    TokenRefused(OidcError),
    /// Any other failure; it says nothing about the session.
    Failed {
        /// The error.
        error: OidcError,
        /// The new refresh token, if the answer contained one.
        refresh_token: Option<SecretString>,
    },
}

impl RefreshFailure {
    fn without_answer(error: OidcError) -> Self {
        Self::Failed {
            error,
            refresh_token: None,
        }
    }

    /// Classifies an error of the token endpoint. A 401 without an OAuth error is about the client
    /// (RFC 6749 §5.2); 408 and 429 are temporary.
    fn of_token_endpoint(error: OidcError) -> Self {
        match error {
            OidcError::Denied(Denial::InvalidGrant, _) => Self::Over(error),
            OidcError::Unavailable(Outage::Status(401 | 408 | 429))
            | OidcError::Denied(Denial::InvalidClient, _) => Self::without_answer(error),
            OidcError::Denied(..) | OidcError::Unavailable(Outage::Status(400..=499)) => {
                Self::TokenRefused(error)
            }
            _ => Self::without_answer(error),
        }
    }
}

impl Provider {
    /// Uses the refresh token and returns the current identity of `person`. `nonce_hash`: that of
    /// the sign-in ([`AttemptSecrets::nonce_hash`](super::AttemptSecrets::nonce_hash)), if known.
    ///
    /// # Errors
    /// If the provider is unavailable, refuses, or its answer is invalid.
    pub async fn refresh(
        &self,
        person: &Identity,
        refresh_token: &SecretString,
        nonce_hash: Option<&[u8; 32]>,
    ) -> Result<Refreshed, RefreshFailure> {
        let known = self.documents().await;
        let known = known.map_err(|outage| RefreshFailure::without_answer(outage.into()))?;
        let metadata = &known.metadata;
        let tokens = metadata
            .client
            .refresh(&self.refresh_http, refresh_token, self.clock.now())
            .await
            .map_err(RefreshFailure::of_token_endpoint)?;
        let identity = self.identity_now(metadata, person, nonce_hash, &tokens);
        match identity.await {
            Ok(identity) => Ok(Refreshed {
                identity,
                id_token: tokens.id_token,
                refresh_token: tokens.refresh_token,
            }),
            Err(error) if is_about_another_subject(&error) => Err(RefreshFailure::Over(error)),
            Err(error) => Err(RefreshFailure::Failed {
                error,
                refresh_token: tokens.refresh_token,
            }),
        }
    }

    async fn identity_now(
        &self,
        metadata: &ProviderMetadata,
        person: &Identity,
        nonce_hash: Option<&[u8; 32]>,
        tokens: &Tokens,
    ) -> Result<Identity, OidcError> {
        let access_token = tokens.access_token.as_ref();
        let claims = match &tokens.id_token {
            None if metadata.userinfo.is_none() => return Err(InvalidAnswer::NothingNew.into()),
            None => Object::new(),
            Some(id_token) => {
                let verified = self.verify(id_token, None, access_token).await?;
                if verified.subject != person.subject {
                    return Err(InvalidAnswer::OtherSubject.into());
                }
                check_nonce(&verified.claims, nonce_hash)?;
                verified.claims
            }
        };
        let (http, subject, before) = (&self.refresh_http, &person.subject, Some(person));
        self.identify(http, metadata, subject, &claims, access_token, before)
            .await
    }
}

/// OpenID Connect Core §12.2: the nonce is optional, but must be that of the sign-in.
fn check_nonce(claims: &Object, nonce_hash: Option<&[u8; 32]>) -> Result<(), OidcError> {
    let same = |nonce: &str| nonce_hash.is_none_or(|hash| Sha256::digest(nonce)[..] == hash[..]);
    match claims.get("nonce") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(nonce)) if same(nonce) => Ok(()),
        Some(_) => Err(InvalidAnswer::from(TokenFlaw::Nonce).into()),
    }
}

/// The issuer of an ID token is checked after its signature. So if the issuer is wrong, the
/// provider itself says that the token is about another subject.
fn is_about_another_subject(error: &OidcError) -> bool {
    matches!(
        error,
        OidcError::Refused(
            InvalidAnswer::OtherSubject
                | InvalidAnswer::UserinfoSubject
                | InvalidAnswer::IdToken(TokenFlaw::Issuer)
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::error::TokenError;

    #[test]
    fn se_12_what_the_token_endpoint_says_is_about_the_token_the_client_or_the_moment() {
        use OidcError::Unavailable;
        let said = |code| TokenError::of(code, &Value::Null);
        let denied = |code| OidcError::of_token_endpoint(said(code));
        let status = |status| Unavailable(Outage::Status(status));
        let of = |error| RefreshFailure::of_token_endpoint(error);
        assert!(matches!(
            of(denied("invalid_grant")),
            RefreshFailure::Over(_)
        ));
        for error in [
            denied("invalid_request"),
            status(400),
            status(403),
            status(404),
        ] {
            assert!(matches!(of(error), RefreshFailure::TokenRefused(_)));
        }
        for error in [
            denied("unauthorized_client"),
            Unavailable(Outage::Busy(said("server_error"))),
            Unavailable(Outage::TimedOut),
            Unavailable(Outage::Unreadable),
            Unavailable(Outage::Redirect {
                status: 302,
                to: String::new(),
            }),
            status(401),
            status(408),
            status(429),
            status(500),
            status(503),
        ] {
            assert!(matches!(of(error), RefreshFailure::Failed { .. }));
        }
    }
}
