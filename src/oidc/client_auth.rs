//! Client authentication at the provider's endpoints: with a secret, with a key (`private_key_jwt`:
//! OpenID Connect Core §9, RFC 7523 §2.2 and §3), or none.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ring::error::Unspecified;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::Url;

use super::error::Outage;
use crate::random;

/// The configured client authentication.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A secret, with the method that the provider announces.
    Secret(SecretString),
    /// This method, whatever the provider announces.
    Fixed(ClientAuth),
}

/// A method of RFC 6749 §2.3.1 or OpenID Connect Core §9, with its credential.
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
    /// The configured secret.
    pub fn secret(&self) -> Option<&SecretString> {
        match self {
            Self::Secret(secret)
            | Self::Fixed(ClientAuth::Basic(secret) | ClientAuth::Post(secret)) => Some(secret),
            Self::Fixed(ClientAuth::None | ClientAuth::PrivateKey(_)) => None,
        }
    }

    /// The configured key.
    pub fn key(&self) -> Option<&ClientKey> {
        match self {
            Self::Fixed(ClientAuth::PrivateKey(key)) => Some(key),
            _ => None,
        }
    }

    /// The method for a provider that announces `announced`. Discovery §3: the default is
    /// `client_secret_basic`.
    ///
    /// # Errors
    /// If a secret is configured and the provider announces no method that sends one.
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

    /// The same secret with the other method that sends one.
    pub(super) fn other_secret_method(&self) -> Option<Self> {
        match self {
            Self::Basic(secret) => Some(Self::Post(secret.clone())),
            Self::Post(secret) => Some(Self::Basic(secret.clone())),
            Self::None | Self::PrivateKey(_) => None,
        }
    }
}

/// Domains of Entra's token endpoints in all its clouds.
const ENTRA_DOMAINS: [&str; 4] = [
    ".microsoftonline.com",
    ".microsoftonline.us",
    ".microsoftonline.cn",
    ".ciamlogin.com",
];

/// The `aud` of an assertion: the issuer, which no other server may claim to be. A hostile provider
/// could announce the token endpoint of another provider; an assertion with that endpoint as `aud`
/// could be replayed there (CVE-2025-27371). Entra accepts only its token endpoint.
pub(super) fn assertion_audience<'a>(issuer: &'a str, token: &'a Url) -> &'a str {
    let host = token.host_str().unwrap_or_default();
    if ENTRA_DOMAINS.iter().any(|domain| host.ends_with(domain)) {
        token.as_str()
    } else {
        issuer
    }
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// Validity of an assertion, which is used once and immediately.
const LIFETIME: TimeDelta = TimeDelta::seconds(60);

/// A private key, and its public half for the provider. `Debug` prints neither.
#[derive(Clone)]
pub struct ClientKey {
    pair: Arc<Pair>,
    alg: &'static str,
    id: String,
    /// The required members of its JWK, in the order of RFC 7638 §3.
    public: Value,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl ClientKey {
    /// Reads a PEM file with exactly one PKCS #8 key. `id` becomes the `kid`; without it, the
    /// thumbprint of RFC 7638.
    ///
    /// # Errors
    /// If the file holds anything else; the reason continues the words "the file".
    pub fn read(pem: &[u8], id: Option<String>) -> Result<Self, &'static str> {
        let pem = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem);
        let text = std::str::from_utf8(pem).unwrap_or_default().trim();
        if !text.starts_with(BEGIN) || !text.ends_with(END) || text.matches("-----").count() != 4 {
            return Err(
                "must hold one private key in PKCS #8 (BEGIN PRIVATE KEY), not encrypted, and \
                 nothing else: openssl pkey -in FILE -out NEW-FILE writes it so",
            );
        }
        let key = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
            .map_err(|_| "holds a key whose base64 is broken")?;
        let (pair, alg, public) = Pair::read(key.secret_pkcs8_der()).ok_or(
            "holds no key that can be used: RSA of 2048 to 4096 bits, P-256 or P-384 with its public \
             half, or Ed25519",
        )?;
        let thumbprint = || encode(Sha256::digest(public.to_string()));
        Ok(Self {
            pair: Arc::new(pair),
            alg,
            id: id.unwrap_or_else(thumbprint),
            public,
        })
    }

    /// The public key as a JWK (RFC 7517 §4), to register at the provider.
    pub fn public_jwk(&self) -> Value {
        let mut jwk = self.public.clone();
        jwk["alg"] = json!(self.alg);
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A new assertion of `client_id` for `audience`.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub(super) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
        now: DateTime<Utc>,
    ) -> Result<String, Outage> {
        let jti = random::text().map_err(|_| Outage::NoRandomness)?;
        let header = json!({"alg": self.alg, "kid": self.id, "typ": "JWT"});
        let claims = json!({
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": jti,
            "iat": now.timestamp(),
            "exp": (now + LIFETIME).timestamp(),
        });
        let content = format!(
            "{}.{}",
            encode(header.to_string()),
            encode(claims.to_string())
        );
        let signature = self.pair.sign(content.as_bytes());
        let signature = signature.map_err(|_| Outage::NoRandomness)?;
        Ok(format!("{content}.{}", encode(signature)))
    }
}

impl Pair {
    /// The key in a PKCS #8 document, its algorithm, and the required members of its JWK (RFC 7518
    /// §6, RFC 8037 §2).
    fn read(der: &[u8]) -> Option<(Self, &'static str, Value)> {
        if let Ok(pair) = RsaKeyPair::from_pkcs8(der) {
            let public: PublicKeyComponents<Vec<u8>> = pair.public().into();
            let public = json!({"e": encode(public.e), "kty": "RSA", "n": encode(public.n)});
            return Some((Self::Rsa(pair), "RS256", public));
        }
        for (algorithm, alg, curve) in [
            (&ECDSA_P256_SHA256_FIXED_SIGNING, "ES256", "P-256"),
            (&ECDSA_P384_SHA384_FIXED_SIGNING, "ES384", "P-384"),
        ] {
            if let Ok(pair) = EcdsaKeyPair::from_pkcs8(algorithm, der, &SystemRandom::new()) {
                // SEC 1 §2.3.3: the byte 4, then both coordinates, equally long.
                let point = pair.public_key().as_ref().get(1..)?;
                let (x, y) = point.split_at(point.len() / 2);
                let public = json!({"crv": curve, "kty": "EC", "x": encode(x), "y": encode(y)});
                return Some((Self::Ec(pair), alg, public));
            }
        }
        // OpenSSL writes Ed25519 keys without the public half; of ring's functions only this one
        // reads them.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).ok()?;
        let public = json!({"crv": "Ed25519", "kty": "OKP", "x": encode(pair.public_key())});
        Some((Self::Ed25519(pair), "EdDSA", public))
    }

    fn sign(&self, content: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, content, &mut signature)?;
                Ok(signature)
            }
            Self::Ec(pair) => Ok(pair.sign(&random, content)?.as_ref().to_vec()),
            Self::Ed25519(pair) => Ok(pair.sign(content).as_ref().to_vec()),
        }
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientKey")
            .field("alg", &self.alg)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use p256::ecdsa::signature::Verifier as _;
    use rand::SeedableRng;
    use ring::signature::EcdsaSigningAlgorithm;
    use rsa::pkcs8::EncodePrivateKey;

    fn pem(kind: &str, der: impl AsRef<[u8]>) -> String {
        let text = STANDARD.encode(der);
        format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
    }

    fn rsa(bits: usize) -> Vec<u8> {
        let mut random = rand::rngs::StdRng::seed_from_u64(1);
        let key = rsa::RsaPrivateKey::new(&mut random, bits).unwrap();
        key.to_pkcs8_der().unwrap().as_bytes().to_vec()
    }

    fn ec(algorithm: &'static EcdsaSigningAlgorithm) -> Vec<u8> {
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        key.as_ref().to_vec()
    }

    /// The key of RFC 8037 appendix A.1, as OpenSSL writes it.
    fn ed25519() -> Vec<u8> {
        let mut der = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".to_vec();
        der.extend(decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"));
        der
    }

    fn decode(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    fn read(der: &[u8]) -> ClientKey {
        ClientKey::read(pem("PRIVATE KEY", der).as_bytes(), None).unwrap()
    }

    /// With the public key alone, and without ring.
    fn is_signed_by(jwk: &Value, content: &[u8], signature: &[u8]) -> bool {
        let member = |name: &str| decode(jwk[name].as_str().unwrap());
        let point = || [vec![4], member("x"), member("y")].concat();
        match jwk["alg"].as_str().unwrap() {
            "RS256" => {
                let number = |name| rsa::BigUint::from_bytes_be(&member(name));
                let key = rsa::RsaPublicKey::new(number("n"), number("e")).unwrap();
                let scheme = rsa::Pkcs1v15Sign::new::<rsa::sha2::Sha256>();
                key.verify(scheme, &Sha256::digest(content), signature)
                    .is_ok()
            }
            "ES256" => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point()).unwrap();
                let signature = p256::ecdsa::Signature::from_slice(signature).unwrap();
                key.verify(content, &signature).is_ok()
            }
            "ES384" => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point()).unwrap();
                let signature = p384::ecdsa::Signature::from_slice(signature).unwrap();
                key.verify(content, &signature).is_ok()
            }
            _ => {
                let key = member("x").try_into().unwrap();
                let key = ed25519_dalek::VerifyingKey::from_bytes(&key).unwrap();
                let signature = ed25519_dalek::Signature::from_slice(signature).unwrap();
                key.verify_strict(content, &signature).is_ok()
            }
        }
    }

    #[test]
    fn cb_10_an_assertion_is_signed_by_each_kind_of_key_and_names_client_and_audience() {
        let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        for (der, alg) in [
            (rsa(2048), "RS256"),
            (ec(&ECDSA_P256_SHA256_FIXED_SIGNING), "ES256"),
            (ec(&ECDSA_P384_SHA384_FIXED_SIGNING), "ES384"),
            (ed25519(), "EdDSA"),
        ] {
            let key = read(&der);
            let jwk = key.public_jwk();
            let assertion = key.assertion("bridge", "https://id.example.com", now);
            let assertion = assertion.unwrap();
            let (content, signature) = assertion.rsplit_once('.').unwrap();
            assert!(
                is_signed_by(&jwk, content.as_bytes(), &decode(signature)),
                "{alg}"
            );
            let (header, claims) = content.split_once('.').unwrap();
            let header: Value = serde_json::from_slice(&decode(header)).unwrap();
            assert_eq!(header, json!({"alg": alg, "kid": jwk["kid"], "typ": "JWT"}));
            let mut claims: Value = serde_json::from_slice(&decode(claims)).unwrap();
            let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
            assert_eq!(jti.as_str().unwrap().len(), 43);
            let expected = json!({
                "iss": "bridge",
                "sub": "bridge",
                "aud": "https://id.example.com",
                "iat": 1_795_000_000,
                "exp": 1_795_000_060,
            });
            assert_eq!(claims, expected);
            let again = key.assertion("bridge", "https://id.example.com", now);
            assert_ne!(again.unwrap(), assertion, "another jti");
            let shown = format!("{key:?}");
            assert!(!shown.contains(&STANDARD.encode(&der)[40..60]), "{shown}");
        }
    }

    #[test]
    fn the_kid_is_the_thumbprint_of_the_key_or_what_is_configured() {
        // RFC 8037 appendix A.3.
        let jwk = read(&ed25519()).public_jwk();
        let expected = json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "alg": "EdDSA",
            "use": "sig",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        });
        assert_eq!(jwk, expected);
        let text = format!("\u{feff}\r\n{}\r\n", pem("PRIVATE KEY", ed25519()));
        let named = ClientKey::read(text.as_bytes(), Some("key 7".to_owned()));
        assert_eq!(named.unwrap().public_jwk()["kid"], "key 7");
    }

    #[test]
    fn sc_1_a_file_that_holds_anything_but_one_usable_key_is_refused_with_what_to_do() {
        let key = pem("PRIVATE KEY", ed25519());
        // P-256, written by `openssl ec -no_public | openssl pkey`.
        let without_public = "MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCAexjsV0Jggi13AXCMeMMnSNadRrggqW0fl6aja4DzJ6g==";
        for content in [
            pem("RSA PRIVATE KEY", "x"),
            pem("EC PRIVATE KEY", "x"),
            pem("ENCRYPTED PRIVATE KEY", "x"),
            pem("PUBLIC KEY", "x"),
            format!("{key}{key}"),
            format!("{}{key}", pem("CERTIFICATE", "x")),
            format!("{key}{}", pem("CERTIFICATE", "x")),
            format!("Bag Attributes\n{key}"),
            key.replace("-----END PRIVATE KEY-----", ""),
            String::new(),
        ] {
            let reason = ClientKey::read(content.as_bytes(), None).unwrap_err();
            assert!(reason.contains("openssl pkey -in FILE -out"), "{content}");
        }
        let reason = ClientKey::read(&ed25519(), None).unwrap_err();
        assert!(reason.contains("openssl pkey"), "{reason}");
        let broken = key.replacen("MC4", "M!4", 1);
        let reason = ClientKey::read(broken.as_bytes(), None).unwrap_err();
        assert!(reason.contains("base64"), "{reason}");
        for unusable in [rsa(1024), STANDARD.decode(without_public).unwrap(), vec![1]] {
            let text = pem("PRIVATE KEY", unusable);
            let reason = ClientKey::read(text.as_bytes(), None).unwrap_err();
            assert!(reason.contains("2048 to 4096 bits"), "{reason}");
        }
    }

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
