//! Requests of the bridge as the provider's client (RFC 6749, RFC 7636, RFC 7009, RFC 7662, OpenID
//! Connect Core §3.1 and §5.3). The library builds them; `http` sends them.
//!
//! The bridge reads the answers before the library does: providers send `error` with any status,
//! JSON with any content type, and members whose types differ from the library's.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret,
    CsrfToken, EmptyAdditionalClaims, EndpointNotSet, EndpointSet, ErrorResponse, HttpRequest,
    HttpResponse, IdToken, IntrospectionUrl, IssuerUrl, JsonWebKeySet, LoginHint, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, RevocationUrl, Scope, StandardErrorResponse, TokenResponse, TokenUrl,
    UserInfoClaims, UserInfoError, UserInfoUrl,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::client_auth::{ClientAuth, assertion_audience};
use super::error::{OidcError, Outage};
use super::http::Http;
use super::reply::Reply;
use super::settings::ProviderSettings;
use crate::json::Object;
use crate::metrics::ProviderEndpoint;
use crate::random;

/// RFC 7523 §2.2.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The library's client with its own types, except for the token response.
type Library = openidconnect::Client<
    EmptyAdditionalClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

/// One endpoint, as an HTTP client for the library.
pub(super) struct Endpoint {
    http: Http,
    kind: ProviderEndpoint,
    url: Url,
    /// The endpoint's answer.
    pub(super) reply: OnceLock<Reply>,
}

impl Endpoint {
    fn new(http: &Http, kind: ProviderEndpoint, url: &Url) -> Self {
        Self {
            http: http.clone(),
            kind,
            url: url.clone(),
            reply: OnceLock::new(),
        }
    }
}

impl<'c> AsyncHttpClient<'c> for Endpoint {
    type Error = OidcError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, OidcError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let reply = self.http.send(self.kind, &self.url, request).await?;
            let reply = self.reply.get_or_init(|| reply);
            match self.kind {
                ProviderEndpoint::Token => token_answer(reply),
                ProviderEndpoint::Revocation => revocation_answer(reply),
                _ => Ok(HttpResponse::default()),
            }
        })
    }
}

/// The bridge as client of one provider.
#[derive(Debug, Clone)]
pub(super) struct OidcClient {
    wire: Library,
    auth: ClientAuth,
    issuer: String,
    token: Url,
    scopes: Vec<Scope>,
}

impl OidcClient {
    /// # Errors
    /// If the issuer or the redirect URI is not a valid URL.
    pub(super) fn new(
        settings: &ProviderSettings,
        authorization: Url,
        token: Url,
        auth: ClientAuth,
    ) -> Result<Self, Outage> {
        let issuer = IssuerUrl::new(settings.issuer.clone());
        let issuer = issuer.map_err(|_| Outage::Endpoint("address"))?;
        let redirect_uri = RedirectUrl::new(settings.redirect_uri.clone());
        let redirect_uri = redirect_uri.map_err(|_| Outage::Endpoint("address"))?;
        let client_id = ClientId::new(settings.client_id.clone());
        let mut library = openidconnect::Client::new(client_id, issuer, JsonWebKeySet::default())
            .set_auth_uri(AuthUrl::from_url(authorization))
            .set_token_uri(TokenUrl::from_url(token.clone()))
            .set_redirect_uri(redirect_uri);
        if let ClientAuth::Basic(secret) | ClientAuth::Post(secret) = &auth {
            library =
                library.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        Ok(Self {
            wire: library.set_auth_type(auth_type(&auth)),
            auth,
            issuer: settings.issuer.clone(),
            token,
            scopes: scopes(&settings.scopes),
        })
    }

    /// The same client with the other method that sends a secret.
    pub(super) fn by_other_secret_method(&self) -> Option<Self> {
        let auth = self.auth.other_secret_method()?;
        let mut other = self.clone();
        other.wire = other.wire.set_auth_type(auth_type(&auth));
        other.auth = auth;
        Some(other)
    }

    /// The authentication method, as in `token_endpoint_auth_methods_supported`.
    pub(super) fn method(&self) -> &'static str {
        self.auth.method()
    }

    /// The authorization URL (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3). `redirect_uri` replaces
    /// the one of the settings.
    pub(super) fn authorization_url(
        &self,
        attempt: &Attempt,
        (prompt, login_hint): (Option<CoreAuthPrompt>, Option<&str>),
        redirect_uri: Option<RedirectUrl>,
    ) -> Url {
        let state = CsrfToken::new(attempt.state.clone());
        let nonce = Nonce::new(attempt.secrets.nonce.expose_secret().to_owned());
        let mut request = self
            .wire
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                || state,
                || nonce,
            )
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(challenge(attempt.secrets.verifier.expose_secret()));
        if let Some(prompt) = prompt {
            request = request.add_prompt(prompt);
        }
        if let Some(hint) = login_hint {
            request = request.set_login_hint(LoginHint::new(hint.to_owned()));
        }
        if let Some(redirect_uri) = redirect_uri {
            request = request.set_redirect_uri(Cow::Owned(redirect_uri));
        }
        request.url().0
    }

    pub(super) fn token_endpoint(&self, http: &Http) -> Endpoint {
        Endpoint::new(http, ProviderEndpoint::Token, &self.token)
    }

    /// Redeems an authorization code (RFC 6749 §4.1.3).
    ///
    /// # Errors
    /// If the provider does not answer, refuses, or its answer is invalid.
    pub(super) async fn exchange_code(
        &self,
        endpoint: &Endpoint,
        code: &SecretString,
        verifier: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Tokens, OidcError> {
        let code = AuthorizationCode::new(code.expose_secret().to_owned());
        let verifier = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
        let mut request = self.wire.exchange_code(code).set_pkce_verifier(verifier);
        for (name, value) in self.assertion(now)? {
            request = request.add_extra_param(name, value);
        }
        request.request_async(endpoint).await.map_err(failure)
    }

    /// Uses a refresh token (RFC 6749 §6). The granted scopes stay the same.
    ///
    /// # Errors
    /// As [`Self::exchange_code`].
    pub(super) async fn refresh(
        &self,
        http: &Http,
        refresh_token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Tokens, OidcError> {
        let refresh_token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let mut request = self.wire.exchange_refresh_token(&refresh_token);
        for (name, value) in self.assertion(now)? {
            request = request.add_extra_param(name, value);
        }
        let endpoint = self.token_endpoint(http);
        request.request_async(&endpoint).await.map_err(failure)
    }

    /// Revokes a refresh token (RFC 7009 §2.1).
    ///
    /// # Errors
    /// If there is no answer, or one other than success (§2.2).
    pub(super) async fn revoke(
        &self,
        http: &Http,
        revocation: &Url,
        refresh_token: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<(), OidcError> {
        // The library refuses http, which is allowed on a loopback host; the request goes to
        // `revocation`.
        let mut https = revocation.clone();
        let _ = https.set_scheme("https");
        let library = self.wire.clone();
        let library = library.set_revocation_url(RevocationUrl::from_url(https));
        let token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        let request = library.revoke_token(CoreRevocableToken::RefreshToken(token));
        let mut request = request.map_err(|_| Outage::Endpoint("revocation_endpoint"))?;
        for (name, value) in self.assertion(now)? {
            request = request.add_extra_param(name, value);
        }
        let endpoint = Endpoint::new(http, ProviderEndpoint::Revocation, revocation);
        request.request_async(&endpoint).await.map_err(failure)
    }

    /// The answer of userinfo, whatever its content; the caller reads it. The library's own claims
    /// are typed, so it would reject all claims because of one that is not used. `access_token`
    /// must be a b64token (RFC 6750 §2.1): the library panics on characters that a header cannot
    /// hold.
    ///
    /// # Errors
    /// If there is no answer.
    pub(super) async fn userinfo(
        &self,
        http: &Http,
        userinfo: &Url,
        access_token: &AccessToken,
    ) -> Result<Reply, OidcError> {
        type Claims = UserInfoClaims<EmptyAdditionalClaims, CoreGenderClaim>;
        let library = self.wire.clone();
        let library = library.set_user_info_url(UserInfoUrl::from_url(userinfo.clone()));
        let endpoint = Endpoint::new(http, ProviderEndpoint::Userinfo, userinfo);
        let request = library.user_info(access_token.clone(), None);
        let read: Result<Claims, _> = request.request_async(&endpoint).await;
        match (endpoint.reply.into_inner(), read) {
            (Some(reply), _) => Ok(reply),
            (None, Err(UserInfoError::Request(error))) => Err(error),
            (None, _) => Err(Outage::Unreadable.into()),
        }
    }

    /// What the provider says of an access token (RFC 7662 §2.2). The library's answer is typed, so
    /// the bridge reads it. `access_token` must be a b64token (RFC 6750 §2.1).
    ///
    /// # Errors
    /// If there is no answer, or one other than success.
    pub(super) async fn introspect(
        &self,
        http: &Http,
        introspection: &Url,
        access_token: &AccessToken,
        now: DateTime<Utc>,
    ) -> Result<Object, OidcError> {
        let library = self.wire.clone();
        let url = IntrospectionUrl::from_url(introspection.clone());
        let library = library.set_introspection_url(url);
        let request = library.introspect(access_token);
        let mut request = request.set_token_type_hint("access_token");
        for (name, value) in self.assertion(now)? {
            request = request.add_extra_param(name, value);
        }
        let endpoint = Endpoint::new(http, ProviderEndpoint::Introspection, introspection);
        let read = request.request_async(&endpoint).await;
        match (endpoint.reply.into_inner(), read) {
            (Some(reply), _) => introspection_answer(&reply),
            (None, Err(error)) => Err(failure(error)),
            (None, Ok(_)) => Err(Outage::Unreadable.into()),
        }
    }

    /// Parameters that `private_key_jwt` adds to a request; the library does not support that
    /// method.
    fn assertion(&self, now: DateTime<Utc>) -> Result<Vec<(&'static str, String)>, OidcError> {
        let ClientAuth::PrivateKey(key) = &self.auth else {
            return Ok(Vec::new());
        };
        let audience = assertion_audience(&self.issuer, &self.token);
        let assertion = key.assertion(self.wire.client_id(), audience, now)?;
        Ok(vec![
            ("client_assertion_type", ASSERTION_TYPE.to_owned()),
            ("client_assertion", assertion),
        ])
    }
}

fn auth_type(auth: &ClientAuth) -> AuthType {
    match auth {
        ClientAuth::Basic(_) => AuthType::BasicAuth,
        ClientAuth::Post(_) | ClientAuth::None | ClientAuth::PrivateKey(_) => AuthType::RequestBody,
    }
}

/// The configured scopes without duplicates; the library puts `openid` first.
fn scopes(configured: &[String]) -> Vec<Scope> {
    let mut scopes = Vec::new();
    for scope in configured.iter().cloned().map(Scope::new) {
        if scope.as_str() != "openid" && !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}

/// RFC 7636 §4.2.
fn challenge(verifier: &str) -> PkceCodeChallenge {
    let verifier = PkceCodeVerifier::new(verifier.to_owned());
    PkceCodeChallenge::from_code_verifier_sha256(&verifier)
}

/// One sign-in attempt; only the browser keeps it, sealed.
#[derive(Debug)]
pub struct Attempt {
    /// Names the attempt and returns in the callback's query: 256 random bits and the mark.
    pub state: String,
    /// The values that the callback does not contain.
    pub secrets: AttemptSecrets,
}

/// The part of an attempt that is never in a URL.
#[derive(Debug, Clone)]
pub struct AttemptSecrets {
    /// Must appear in the ID token (OpenID Connect Core §3.1.3.7, step 11). 256 random bits.
    pub nonce: SecretString,
    /// RFC 7636 §4.1. 256 random bits, 43 characters.
    pub verifier: SecretString,
}

impl Attempt {
    /// # Errors
    /// If the system gives no random numbers.
    pub(super) fn random() -> Result<Self, Outage> {
        let random = || random::text().map_err(|_| Outage::NoRandomness);
        Ok(Self {
            state: random()?,
            secrets: AttemptSecrets {
                nonce: random()?.into(),
                // The challenge is part of the URL too, and firewalls must let it pass.
                verifier: loop {
                    let verifier = random()?;
                    if random::is_harmless(challenge(&verifier).as_str()) {
                        break verifier.into();
                    }
                },
            },
        })
    }
}

impl AttemptSecrets {
    /// The session keeps this hash of the nonce for its refreshes.
    pub fn nonce_hash(&self) -> [u8; 32] {
        Sha256::digest(self.nonce.expose_secret()).into()
    }
}

/// The members of a successful token response that the bridge uses.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(from = "TokenMembers")]
#[expect(
    clippy::struct_field_names,
    reason = "the names of RFC 6749 and OpenID Connect"
)]
pub(super) struct Tokens {
    #[serde(skip_serializing)]
    pub(super) id_token: Option<SecretString>,
    /// Only if its type is Bearer: RFC 6749 §7.1 forbids using a type that is not understood.
    #[serde(skip_serializing)]
    pub(super) access_token: Option<AccessToken>,
    /// Never empty: an empty one would replace a valid one.
    #[serde(skip_serializing)]
    pub(super) refresh_token: Option<SecretString>,
}

/// The members that are read. Others, such as `expires_in`, may have any type.
#[derive(Deserialize)]
struct TokenMembers {
    id_token: Option<String>,
    access_token: Option<AccessToken>,
    token_type: Option<String>,
    refresh_token: Option<String>,
}

impl From<TokenMembers> for Tokens {
    fn from(sent: TokenMembers) -> Self {
        let kind = sent.token_type.unwrap_or_default();
        let refresh_token = sent.refresh_token.filter(|token| !token.is_empty());
        Self {
            id_token: sent.id_token.map(SecretString::from),
            access_token: sent
                .access_token
                .filter(|_| kind.eq_ignore_ascii_case("bearer")),
            refresh_token: refresh_token.map(SecretString::from),
        }
    }
}

/// Required by the library, which does not call these methods: the bridge reads the fields.
impl OAuth2TokenResponse for Tokens {
    type TokenType = CoreTokenType;

    fn access_token(&self) -> &AccessToken {
        static NONE: LazyLock<AccessToken> = LazyLock::new(|| AccessToken::new(String::new()));
        self.access_token.as_ref().unwrap_or(&NONE)
    }

    fn token_type(&self) -> &CoreTokenType {
        &CoreTokenType::Bearer
    }

    fn expires_in(&self) -> Option<Duration> {
        None
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        None
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

type LibraryIdToken = IdToken<
    EmptyAdditionalClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

impl
    TokenResponse<
        EmptyAdditionalClaims,
        CoreGenderClaim,
        CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    > for Tokens
{
    fn id_token(&self) -> Option<&LibraryIdToken> {
        None
    }
}

/// RFC 6749 §5.1 and §5.2. Some providers send `error` with status 200 or 500, so the content
/// decides, not the status. 429 is never about the request's content.
fn token_answer(reply: &Reply) -> Result<HttpResponse, OidcError> {
    let said = reply.oauth_error().filter(|_| reply.status != 429);
    if let (Some(error), 200 | 400..=599) = (said, reply.status) {
        return Err(error);
    }
    let members: Object = reply.json()?;
    // `error` is present but not a string: the answer is neither an error nor a success.
    if members.get("error").is_some_and(|error| !error.is_null()) {
        return Err(Outage::Unreadable.into());
    }
    Ok(HttpResponse::new(reply.body.clone()))
}

/// RFC 7009 §2.2.
fn revocation_answer(reply: &Reply) -> Result<HttpResponse, OidcError> {
    match (reply.status, reply.oauth_error()) {
        (200..=299, _) => Ok(HttpResponse::default()),
        (_, Some(error)) => Err(error),
        (_, None) => Err(reply.unexpected_status().into()),
    }
}

/// RFC 7662 §2.3: a token that is not active is no error, so an error is about the client or the
/// moment.
fn introspection_answer(reply: &Reply) -> Result<Object, OidcError> {
    if let Some(wait) = reply.request_to_wait() {
        return Err(wait.into());
    }
    match (reply.status, reply.oauth_error()) {
        (200, _) | (_, None) => Ok(reply.json()?),
        (_, Some(error)) => Err(error),
    }
}

/// An answer that the library could not read counts as unreadable; every other failure comes from
/// the endpoint.
fn failure<E: ErrorResponse>(failure: RequestTokenError<OidcError, E>) -> OidcError {
    match failure {
        RequestTokenError::Request(error) => error,
        _ => Outage::Unreadable.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::Credentials;
    use crate::oidc::settings::tests::settings;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn client(settings: &ProviderSettings) -> OidcClient {
        let url = |path: &str| Url::parse(&format!("https://id.example.com/{path}")).unwrap();
        let auth = settings.credentials.client_auth(None).unwrap();
        OidcClient::new(settings, url("authorize"), url("token"), auth).unwrap()
    }

    #[test]
    fn lr_1_openid_is_asked_once_and_nothing_twice() {
        let scope = |words: &[&str]| {
            let mut settings = settings("https://id.example.com");
            settings.scopes = words.iter().map(|&word| word.to_owned()).collect();
            let attempt = Attempt::random().unwrap();
            let url = client(&settings).authorization_url(&attempt, (None, None), None);
            let mut pairs = url.query_pairs();
            let (_, scope) = pairs.find(|(name, _)| name == "scope").unwrap();
            scope.into_owned()
        };
        assert_eq!(scope(&[]), "openid");
        assert_eq!(
            scope(&["profile", "openid", "profile", "openid"]),
            "openid profile"
        );
    }

    #[test]
    fn lr_3_no_value_of_an_attempt_holds_a_double_dash() {
        for _ in 0..1000 {
            let attempt = Attempt::random().unwrap();
            let verifier = attempt.secrets.verifier.expose_secret();
            let nonce = attempt.secrets.nonce.expose_secret();
            for value in [
                &attempt.state,
                nonce,
                verifier,
                challenge(verifier).as_str(),
            ] {
                assert_eq!(value.len(), 43);
                assert!(!value.contains("--"), "{value}");
            }
        }
    }

    #[test]
    fn cb_10_client_id_and_secret_are_form_urlencoded_before_basic() {
        let mut settings = settings("https://id.example.com");
        settings.client_id = "my:client".to_owned();
        settings.credentials = Credentials::Secret("a:b%c+d e/ü".into());
        let client = client(&settings);
        let code = AuthorizationCode::new("code".to_owned());
        let sent = OnceLock::new();
        let keep = |request: HttpRequest| {
            let _ = sent.set(request);
            Ok::<_, OidcError>(HttpResponse::default())
        };
        assert!(client.wire.exchange_code(code).request(&keep).is_err());
        let header = sent.get().unwrap().headers()["authorization"].to_str();
        let pair = header.unwrap().strip_prefix("Basic ").unwrap();
        let pair = String::from_utf8(STANDARD.decode(pair).unwrap()).unwrap();
        assert_eq!(pair, "my%3Aclient:a%3Ab%25c%2Bd+e%2F%C3%BC");
    }
}
