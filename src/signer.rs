//! HS256, and nothing else.
//!
//! The signing library takes its cryptography from a provider of the process.
//! Ours knows one algorithm: nothing in this process can sign or verify a
//! Red5 token with another, so no confusion of algorithms is possible
//! (RFC 8725 §3.1), and a second set of RSA and elliptic-curve crates stays out.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use jsonwebtoken::crypto::{self, CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::{Digest, Sha256};
use signature::{Signer as SignBytes, Verifier as VerifyBytes};

use crate::domain::claims::{Claims, KnownClaims};

/// Shortest secret in bytes (RFC 7518 §3.2: as long as the hash).
pub const SECRET_MIN_BYTES: usize = 32;

/// `{"typ":"JWT","alg":"HS256"}`, as it stands in a token.
const HEADER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9";

static HS256_ONLY: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256::new(key.as_bytes())?)),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    verifier_factory: |algorithm, key| match algorithm {
        Algorithm::HS256 => Ok(Box::new(Hs256::new(key.try_get_as_bytes()?)?)),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes tokens for one Red5 secret.
pub struct Signer {
    signing: EncodingKey,
    verifying: DecodingKey,
}

/// Why nothing was signed, or a token is not ours.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Shorter than [`SECRET_MIN_BYTES`].
    #[error("the secret is shorter than {SECRET_MIN_BYTES} bytes")]
    ShortSecret,
    /// Another part of the process installed other cryptography first: a bug.
    #[error("other token cryptography is installed in this process")]
    OtherCryptography,
    /// The library's word.
    #[error(transparent)]
    Library(#[from] Error),
}

impl Signer {
    /// With the secret's bytes, as Red5 keys its HMAC with them.
    pub fn new(secret: &SecretSlice<u8>) -> Result<Self, SignError> {
        let secret = secret.expose_secret();
        if secret.len() < SECRET_MIN_BYTES {
            return Err(SignError::ShortSecret);
        }
        if let Err(installed) = HS256_ONLY.install_default()
            && !std::ptr::eq(installed, &raw const HS256_ONLY)
        {
            return Err(SignError::OtherCryptography);
        }
        Ok(Self {
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
        })
    }

    /// The compact token, header `{"alg":"HS256","typ":"JWT"}`.
    pub fn sign(&self, claims: &Claims) -> Result<String, SignError> {
        let header = Header::new(Algorithm::HS256);
        Ok(jsonwebtoken::encode(&header, claims, &self.signing)?)
    }

    /// Whether a token carries this secret's HMAC, whatever it says: the caller
    /// looks at the rest.
    pub fn has_signed(&self, token: &str) -> bool {
        let Some((input, signature)) = token.rsplit_once('.') else {
            return false;
        };
        let verified = crypto::verify(
            signature,
            input.as_bytes(),
            &self.verifying,
            Algorithm::HS256,
        );
        verified.unwrap_or(false)
    }

    /// The claims of a token that this program signed with this secret; whether the token has
    /// expired is for the caller.
    pub fn open(&self, token: &str) -> Option<KnownClaims> {
        let (header, rest) = token.split_once('.')?;
        let (claims, _signature) = rest.split_once('.')?;
        if header != HEADER || !self.has_signed(token) {
            return None;
        }
        KnownClaims::parse(&URL_SAFE_NO_PAD.decode(claims).ok()?)
    }
}

/// How long the token of these claims would be, in bytes. Nothing is signed.
pub fn length(claims: &Claims) -> Result<usize, SignError> {
    let claims = serde_json::to_vec(claims).map_err(Error::from)?;
    let unsigned = HEADER.len() + 1 + encoded_length(claims.len());
    Ok(unsigned + 1 + encoded_length(Sha256::output_size()))
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(HS256)")
    }
}

/// Of so many bytes in base64url without padding (RFC 7515 §2).
const fn encoded_length(bytes: usize) -> usize {
    (4 * bytes).div_ceil(3)
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(secret: &[u8]) -> Result<Self, Error> {
        Hmac::new_from_slice(secret)
            .map(Self)
            .map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }

    fn over(&self, message: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(message)
    }
}

impl SignBytes<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.over(message).finalize().into_bytes().to_vec())
    }
}

impl VerifyBytes<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        self.over(message)
            .verify_slice(signature)
            .map_err(signature::Error::from_source)
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::grant::Scope;
    use crate::domain::names::Role;
    use crate::domain::set::{AnyOr, NonEmpty};

    fn signer(secret: &str) -> Result<Signer, SignError> {
        Signer::new(&SecretSlice::from(secret.as_bytes().to_vec()))
    }

    fn claims() -> Claims {
        let scope = Scope {
            roles: NonEmpty::one(Role::Subscriber),
            transports: AnyOr::Any,
            rooms: AnyOr::Any,
        };
        let expires_at = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        Claims::new(&scope, "s-1", None, None, expires_at).unwrap()
    }

    #[test]
    fn r5_1_a_secret_has_at_least_32_bytes() {
        assert!(signer(&"k".repeat(32)).is_ok());
        assert!(matches!(
            signer(&"k".repeat(31)),
            Err(SignError::ShortSecret)
        ));
    }

    #[test]
    fn sc_2_debug_shows_no_secret_of_the_signer() {
        let shown = format!("{:?}", signer(&"k".repeat(32)).unwrap());
        assert_eq!(shown, "Signer(HS256)");
    }

    #[test]
    fn the_length_of_a_token_is_known_before_it_is_signed() {
        let signer = signer(&"k".repeat(32)).unwrap();
        let scope = Scope {
            roles: NonEmpty::one(Role::Subscriber),
            transports: AnyOr::Any,
            rooms: AnyOr::Any,
        };
        let expires_at = chrono::DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        for subject in ["s", "s-", "s-1", "s-\"1", "s-\u{e9}\u{1f600}"] {
            let claims = Claims::new(&scope, subject, Some("i"), Some("\u{e9}"), expires_at);
            let claims = claims.unwrap();
            let token = signer.sign(&claims).unwrap();
            assert_eq!(length(&claims).unwrap(), token.len(), "{subject}");
        }
    }

    #[test]
    fn r5_1_the_header_is_exactly_red5s() {
        let token = signer(&"k".repeat(32)).unwrap().sign(&claims()).unwrap();
        let header = URL_SAFE_NO_PAD
            .decode(token.split('.').next().unwrap())
            .unwrap();
        assert_eq!(header, br#"{"typ":"JWT","alg":"HS256"}"#);
    }

    #[test]
    fn the_signature_is_the_hmac_of_the_secrets_own_bytes() {
        // From Python: hmac.new(b"k"*32, signing_input, "sha256")
        let token = signer(&"k".repeat(32)).unwrap().sign(&claims()).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice("k".repeat(32).as_bytes()).unwrap();
        mac.update(input.as_bytes());
        mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
    }

    #[test]
    fn only_our_own_signature_is_read() {
        let token = signer(&"k".repeat(32)).unwrap().sign(&claims()).unwrap();
        assert!(signer(&"k".repeat(32)).unwrap().has_signed(&token));
        assert!(!signer(&"j".repeat(32)).unwrap().has_signed(&token));
        let none = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#),
            token.split('.').nth(1).unwrap()
        );
        for other in [&*none, "", ".", "x", &token[..token.len() - 1]] {
            assert!(
                !signer(&"k".repeat(32)).unwrap().has_signed(other),
                "{other}"
            );
        }
    }

    #[test]
    fn rr_2_a_token_is_opened_only_if_header_signature_and_claims_are_ours() {
        let ours = signer(&"k".repeat(32)).unwrap();
        let token = ours.sign(&claims()).unwrap();
        let known = ours.open(&token).unwrap();
        assert_eq!(known.subject, "s-1");
        assert_eq!(known.expires_at.timestamp(), 1_795_000_000);
        assert_eq!(signer(&"j".repeat(32)).unwrap().open(&token), None);
        // Signed with the secret, under another header or with more than the claims.
        let signed = |header: &str, claims: &str| {
            let input = format!(
                "{}.{}",
                URL_SAFE_NO_PAD.encode(header),
                URL_SAFE_NO_PAD.encode(claims)
            );
            let mac = Hs256::new("k".repeat(32).as_bytes()).unwrap();
            let signature = mac.over(input.as_bytes()).finalize().into_bytes();
            format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
        };
        let header = r#"{"typ":"JWT","alg":"HS256"}"#;
        let claims = r#"{"sub":"s-1","roles":"red5-subscriber","exp":1795000000}"#;
        assert_eq!(signed(header, claims), token);
        for other in [
            signed(r#"{"alg":"HS256","typ":"JWT"}"#, claims),
            signed(r#"{"typ":"JWT","alg":"none"}"#, claims),
            signed(header, &claims.replace("red5-subscriber", "")),
            signed(header, "[]"),
            format!("{token}."),
            format!("{token}.{token}"),
            format!("{token}="),
            token.replacen('.', "..", 1),
            token.replace("eyJ0", "eyJ1"),
        ] {
            assert_eq!(ours.open(&other), None, "{other}");
        }
    }
}
