//! The subject token of a token exchange (RFC 8693 §2.1): a token of the provider that an app or a
//! service has already, and that says for whom it asks.
//!
//! It may be an ID token for this client (`id_token`), a JWT access token (RFC 9068) for one of
//! `OIDC_EXCHANGE_AUDIENCES`, or, with `OIDC_INTROSPECTION=on`, an opaque access token that the
//! provider says to be active and for one of them (RFC 7662). Userinfo alone would not do: it
//! answers for every token of the person, whatever app the token is for (TX-5).

use chrono::{DateTime, Utc};
use openidconnect::AccessToken;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use strum::IntoStaticStr;

use super::Provider;
use super::error::{InvalidAnswer, OidcError, Outage, TokenFlaw};
use super::id_token::{self, SentWith};
use super::jwks::KeySet;
use super::metadata_cache::NoNewerKeys;
use super::settings::ProviderSettings;
use super::signed_token::{self, Audiences, TOKEN_MAX, TokenKind};
use super::userinfo::is_b64token;
use crate::domain::identity::{Groups, Identity};
use crate::json::Object;

/// `subject_token_type` (RFC 8693 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectTokenType {
    /// An ID token.
    IdToken,
    /// An ID token or a JWT access token; its `typ` says which.
    Jwt,
    /// An access token: a JWT, or an opaque one.
    AccessToken,
}

impl SubjectTokenType {
    /// The types that are accepted, by their URN.
    pub fn parse(urn: &str) -> Option<Self> {
        match urn.strip_prefix("urn:ietf:params:oauth:token-type:")? {
            "id_token" => Some(Self::IdToken),
            "jwt" => Some(Self::Jwt),
            "access_token" => Some(Self::AccessToken),
            _ => None,
        }
    }
}

/// The person that a subject token is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectIdentity {
    /// Issuer, subject, names and groups.
    pub identity: Identity,
    /// `exp`: what is issued for the token must end no later (TX-15).
    pub expires_at: DateTime<Utc>,
    /// The token is an ID token without the groups claim. Only its access token leads to the groups.
    pub lacks_groups: bool,
}

/// Why a subject token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectTokenError {
    /// The token is invalid, or not for the bridge (RFC 8693 §2.2.2: `invalid_request`).
    #[error("the subject token was refused: {0}")]
    Refused(#[from] SubjectTokenFlaw),
    /// The provider cannot be asked, or gave an invalid answer. The token may be good.
    #[error("the subject token cannot be checked: {0}")]
    Unavailable(OidcError),
}

impl SubjectTokenError {
    /// Stable code for logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(flaw) => flaw.code(),
            Self::Unavailable(error) => error.code(),
        }
    }
}

impl From<Outage> for SubjectTokenError {
    fn from(outage: Outage) -> Self {
        Self::Unavailable(outage.into())
    }
}

/// The first flaw found in a subject token. Contains no part of the token, because flaws are logged
/// and told to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SubjectTokenFlaw {
    /// A flaw that any token of the provider may have.
    #[error("{0}")]
    Token(#[from] TokenFlaw),
    /// RFC 6750 §2.1 (TX-6).
    #[error("it has characters that no token has")]
    Characters,
    /// `aud` of an access token.
    #[error("it is not for one of OIDC_EXCHANGE_AUDIENCES alone")]
    Audience,
    /// Not a JWT, and introspection is off.
    #[error("it is no JWT, and opaque tokens are not accepted here (OIDC_INTROSPECTION)")]
    Opaque,
    /// RFC 7662 §2.2: `active` is not `true`.
    #[error("the provider says that it is not active")]
    Inactive,
    /// Introspection describes another kind of token, such as a refresh token.
    #[error("the provider says that it is no Bearer access token")]
    OtherUse,
    /// Userinfo, which has the groups, does not accept it.
    #[error("the provider's userinfo endpoint, which has the groups, does not accept it")]
    Userinfo,
}

impl SubjectTokenFlaw {
    /// Stable code for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Token(flaw) => flaw.code().trim_start_matches("id_token_"),
            own => own.into(),
        }
    }

    fn newer_keys_may_do(self) -> bool {
        matches!(self, Self::Token(flaw) if flaw.newer_keys_may_do())
    }
}

/// An access token that is for the bridge.
struct VerifiedAccessToken {
    subject: String,
    expires_at: DateTime<Utc>,
    claims: Object,
}

impl Provider {
    /// Whether opaque access tokens are accepted.
    pub fn introspects(&self) -> bool {
        self.settings.introspection
    }

    /// Verifies a subject token and returns whom it is about, with the current groups where the
    /// token does not have them. Whether the person is blocked is not checked here.
    ///
    /// # Errors
    /// If the token is refused, or cannot be verified now.
    pub async fn subject_token(
        &self,
        token: &SecretString,
        kind: SubjectTokenType,
    ) -> Result<SubjectIdentity, SubjectTokenError> {
        let raw = token.expose_secret();
        if raw.len() > TOKEN_MAX {
            return Err(SubjectTokenFlaw::from(TokenFlaw::TooLarge).into());
        }
        if !is_b64token(raw) {
            return Err(SubjectTokenFlaw::Characters.into());
        }
        match (kind, signed_token::kind(raw)) {
            (SubjectTokenType::Jwt, Some(TokenKind::Access))
            | (SubjectTokenType::AccessToken, Some(_)) => {
                let verify = |keys: &KeySet| verify(raw, keys, &self.settings, self.clock.now());
                let verified = self.with_keys_for_exchange(verify).await?;
                self.identify_by_access_token(raw, verified).await
            }
            (SubjectTokenType::AccessToken, None) => {
                let verified = self.introspect(raw).await?;
                self.identify_by_access_token(raw, verified).await
            }
            (SubjectTokenType::IdToken | SubjectTokenType::Jwt, _) => {
                self.identify_by_id_token(raw).await
            }
        }
    }

    /// The token's sign-in was another client's or an earlier one, so its nonce is unknown, and its
    /// age is bounded by `exp` alone.
    async fn identify_by_id_token(&self, raw: &str) -> Result<SubjectIdentity, SubjectTokenError> {
        let sent = SentWith {
            nonce: None,
            access_token: None,
            max_age: None,
        };
        let verify = |keys: &KeySet| {
            let verified = id_token::verify(raw, keys, &self.settings, &sent, self.clock.now());
            verified.map_err(SubjectTokenFlaw::from)
        };
        let verified = self.with_keys_for_exchange(verify).await?;
        let identity = self.read_identity(&verified.claims);
        let is_listed = matches!(identity.groups, Groups::Listed(_));
        let has_claim = self.settings.groups_claim.find(&verified.claims).is_some();
        Ok(SubjectIdentity {
            lacks_groups: is_listed && !has_claim,
            identity,
            expires_at: verified.expires_at,
        })
    }

    async fn identify_by_access_token(
        &self,
        raw: &str,
        verified: VerifiedAccessToken,
    ) -> Result<SubjectIdentity, SubjectTokenError> {
        let known = self.documents().await?;
        let VerifiedAccessToken {
            subject,
            expires_at,
            claims,
        } = verified;
        let token = AccessToken::new(raw.to_owned());
        let (identity, _) = self
            .complete(
                &self.exchange_http,
                &known.metadata,
                &subject,
                &claims,
                Some(&token),
                None,
            )
            .await
            .map_err(of_userinfo)?;
        Ok(SubjectIdentity {
            identity,
            expires_at,
            lacks_groups: false,
        })
    }

    /// A token whose keys cannot be fetched now may be good.
    async fn with_keys_for_exchange<T>(
        &self,
        verify: impl Fn(&KeySet) -> Result<T, SubjectTokenFlaw>,
    ) -> Result<T, SubjectTokenError> {
        let newer_may_do = |flaw: &SubjectTokenFlaw| flaw.newer_keys_may_do();
        match self.metadata.with_keys(verify, newer_may_do).await? {
            Ok(verified) => Ok(verified),
            Err((_, Some(NoNewerKeys::Unreadable(outage)))) => Err(outage.into()),
            Err((flaw, _)) => Err(flaw.into()),
        }
    }

    /// Asks the provider what an opaque token is (RFC 7662).
    async fn introspect(&self, raw: &str) -> Result<VerifiedAccessToken, SubjectTokenError> {
        if !self.settings.introspection {
            return Err(SubjectTokenFlaw::Opaque.into());
        }
        let known = self.documents().await?;
        let endpoint = known.metadata.introspection.as_ref();
        let endpoint = endpoint.ok_or(Outage::Endpoint("introspection_endpoint"))?;
        let (http, now) = (&self.exchange_http, self.clock.now());
        let token = AccessToken::new(raw.to_owned());
        let answer = known
            .metadata
            .client
            .introspect(http, endpoint, &token, now);
        let claims = answer.await.map_err(SubjectTokenError::Unavailable)?;
        Ok(judge_answer(claims, &self.settings, now)?)
    }
}

/// Verifies a JWT access token (RFC 9068 §4).
fn verify(
    raw: &str,
    keys: &KeySet,
    settings: &ProviderSettings,
    now: DateTime<Utc>,
) -> Result<VerifiedAccessToken, SubjectTokenFlaw> {
    let algs = &settings.signing_algs;
    let claims = signed_token::open(raw, keys, algs, TokenKind::Access)?.claims;
    signed_token::check_issuer(&claims, settings)?;
    if !claims.contains_key("iat") {
        return Err(TokenFlaw::Time.into());
    }
    judge_access(claims, settings, now)
}

/// Judges what the provider says of an opaque token (RFC 7662 §2.2).
fn judge_answer(
    claims: Object,
    settings: &ProviderSettings,
    now: DateTime<Utc>,
) -> Result<VerifiedAccessToken, SubjectTokenFlaw> {
    if claims.get("active") != Some(&Value::Bool(true)) {
        return Err(SubjectTokenFlaw::Inactive);
    }
    if claims.contains_key("iss") {
        signed_token::check_issuer(&claims, settings)?;
    }
    // The endpoint also describes refresh tokens; `token_use` is how Ory Hydra tells them apart.
    let is = |name: &str, word: &str| {
        let said = claims.get(name).filter(|said| !said.is_null());
        said.is_none_or(|said| {
            said.as_str()
                .is_some_and(|said| said.eq_ignore_ascii_case(word))
        })
    };
    if !is("token_type", "Bearer") || !is("token_use", "access_token") {
        return Err(SubjectTokenFlaw::OtherUse);
    }
    judge_access(claims, settings, now)
}

/// What both ways require: an audience of `OIDC_EXCHANGE_AUDIENCES`, `exp` and `sub`.
fn judge_access(
    claims: Object,
    settings: &ProviderSettings,
    now: DateTime<Utc>,
) -> Result<VerifiedAccessToken, SubjectTokenFlaw> {
    let audiences = Audiences {
        own: &settings.exchange_audiences,
        further: &[],
        variable: "OIDC_EXCHANGE_AUDIENCES",
    };
    let audience = audiences.check(&claims);
    audience.map_err(|_| SubjectTokenFlaw::Audience)?;
    let times = signed_token::check_times(&claims, None, now)?;
    Ok(VerifiedAccessToken {
        subject: signed_token::subject(&claims)?,
        expires_at: times.expires_at.ok_or(TokenFlaw::Time)?,
        claims,
    })
}

/// Userinfo was asked with the subject token. If it does not accept the token, or answers about
/// another subject, the token is refused.
fn of_userinfo(error: OidcError) -> SubjectTokenError {
    match error {
        OidcError::Unavailable(Outage::Status(400..=403))
        | OidcError::Refused(
            InvalidAnswer::UserinfoSubject | InvalidAnswer::UserinfoWithoutSubject,
        ) => SubjectTokenFlaw::Userinfo.into(),
        other => SubjectTokenError::Unavailable(other),
    }
}

#[cfg(test)]
mod tests;
