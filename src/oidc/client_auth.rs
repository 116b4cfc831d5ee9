//! How the client authenticates at the endpoints that ask it to.

use secrecy::SecretString;
use url::Url;

use super::client_key::ClientKey;
use super::error::Outage;

/// How the client is to authenticate, as configured.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// With this secret, by the method that the provider announces.
    Secret(SecretString),
    /// By this method, whatever the provider announces.
    Fixed(ClientAuth),
}

/// A method of RFC 6749 §2.3.1 or OpenID Connect Core §9, and what it needs.
#[derive(Debug, Clone)]
pub enum ClientAuth {
    /// `none`, for public clients: `client_id` in the form.
    None,
    /// `client_secret_basic`
    Basic(SecretString),
    /// `client_secret_post`
    Post(SecretString),
    /// `private_key_jwt`
    PrivateKey(ClientKey),
}

impl Credentials {
    /// The secret, where one is configured.
    pub fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::Secret(secret)
            | Self::Fixed(ClientAuth::Basic(secret) | ClientAuth::Post(secret)) => Some(secret),
            Self::Fixed(ClientAuth::None | ClientAuth::PrivateKey(_)) => None,
        }
    }

    /// The key, where one is configured.
    pub fn key(&self) -> Option<&ClientKey> {
        match self {
            Self::Fixed(ClientAuth::PrivateKey(key)) => Some(key),
            _ => None,
        }
    }

    /// The method for a provider that announces these. Discovery §3: a document that does not
    /// say takes `client_secret_basic`.
    ///
    /// # Errors
    /// When there is a secret, and the provider announces no method that sends one.
    pub(super) fn client_auth(&self, announced: Option<&[String]>) -> Result<ClientAuth, Outage> {
        let secret = match self {
            Self::Fixed(auth) => return Ok(auth.clone()),
            Self::Secret(secret) => secret.clone(),
        };
        let takes = |auth: &ClientAuth| {
            announced.is_none_or(|words| words.iter().any(|word| word == auth.method()))
        };
        let methods = [ClientAuth::Basic(secret.clone()), ClientAuth::Post(secret)];
        let found = methods.into_iter().find(takes);
        found.ok_or(Outage::ClientAuthentication)
    }
}

impl ClientAuth {
    /// The name of the method in metadata and in `OIDC_TOKEN_AUTH_METHOD`.
    pub fn method(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic(_) => "client_secret_basic",
            Self::Post(_) => "client_secret_post",
            Self::PrivateKey(_) => "private_key_jwt",
        }
    }

    /// The same secret by the other method that sends one.
    pub(super) fn other_secret_method(&self) -> Option<Self> {
        match self {
            Self::Basic(secret) => Some(Self::Post(secret.clone())),
            Self::Post(secret) => Some(Self::Basic(secret.clone())),
            Self::None | Self::PrivateKey(_) => None,
        }
    }
}

/// Domains of Entra's token endpoints, in all its clouds.
const ENTRA_DOMAINS: [&str; 4] = [
    ".microsoftonline.com",
    ".microsoftonline.us",
    ".microsoftonline.cn",
    ".ciamlogin.com",
];

/// The `aud` of an assertion: the issuer, which no other server may claim to be. If it were the
/// token endpoint, a hostile provider could announce that of another provider and replay the
/// assertion there (CVE-2025-27371). Entra accepts its token endpoint alone.
pub(super) fn assertion_audience<'a>(issuer: &'a str, token: &'a Url) -> &'a str {
    let host = token.host_str().unwrap_or_default();
    if ENTRA_DOMAINS.iter().any(|domain| host.ends_with(domain)) {
        token.as_str()
    } else {
        issuer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cb_10_a_secret_is_sent_as_the_provider_announces_or_as_configured() {
        let (basic, post) = ("client_secret_basic", "client_secret_post");
        let any = Credentials::Secret("secret".into());
        let fixed = Credentials::Fixed(ClientAuth::Post("secret".into()));
        let public = Credentials::Fixed(ClientAuth::None);
        for (credentials, announced, method) in [
            (&any, None, Some(basic)),
            (&any, Some(&[post, basic][..]), Some(basic)),
            (&any, Some(&[post]), Some(post)),
            (&any, Some(&["private_key_jwt"]), None),
            (&any, Some(&[]), None),
            (&fixed, Some(&[basic]), Some(post)),
            (&fixed, None, Some(post)),
            (&public, Some(&[basic]), Some("none")),
        ] {
            let words = announced.map(|words| words.iter().map(|&word| word.to_owned()));
            let words: Option<Vec<String>> = words.map(Iterator::collect);
            let auth = credentials.client_auth(words.as_deref());
            assert_eq!(auth.ok().map(|auth| auth.method()), method, "{announced:?}");
        }
    }

    #[test]
    fn cb_10_an_assertion_is_for_the_issuer_and_at_entra_for_the_token_endpoint() {
        for (issuer, token, audience) in [
            (
                "https://id.example.com/realms/x",
                "https://id.example.com/realms/x/token",
                "https://id.example.com/realms/x",
            ),
            (
                "https://id.example.com",
                "https://microsoftonline.com.example.com/token",
                "https://id.example.com",
            ),
            (
                "https://login.microsoftonline.com/7/v2.0",
                "https://login.microsoftonline.com/7/oauth2/v2.0/token",
                "https://login.microsoftonline.com/7/oauth2/v2.0/token",
            ),
            (
                "https://sts.windows.net/7/",
                "https://login.microsoftonline.com/7/oauth2/token",
                "https://login.microsoftonline.com/7/oauth2/token",
            ),
        ] {
            let token = Url::parse(token).unwrap();
            assert_eq!(assertion_audience(issuer, &token), audience);
        }
    }
}
