//! The provider's signing keys.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rsa::RsaPrivateKey;
use rsa::signature::SignatureEncoding;
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

/// A key and its name.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Rsa(Arc<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
}

impl Key {
    /// RS256 with 2048 bits. There is one per process: making it takes a while.
    pub fn rs256(kid: &str) -> Self {
        static KEY: OnceLock<Arc<RsaPrivateKey>> = OnceLock::new();
        Self::rsa(kid, KEY.get_or_init(|| generate(2048)))
    }

    /// RS256 with 1024 bits, which anybody with patience can factor.
    pub fn weak_rs256(kid: &str) -> Self {
        static KEY: OnceLock<Arc<RsaPrivateKey>> = OnceLock::new();
        Self::rsa(kid, KEY.get_or_init(|| generate(1024)))
    }

    /// ES256; each seed gives another key.
    pub fn es256(kid: &str, seed: u8) -> Self {
        let secret = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
        Self {
            kid: Some(kid.to_owned()),
            secret: Secret::P256(secret),
        }
    }

    fn rsa(kid: &str, key: &Arc<RsaPrivateKey>) -> Self {
        Self {
            kid: Some(kid.to_owned()),
            secret: Secret::Rsa(Arc::clone(key)),
        }
    }

    /// The same key, without a name.
    pub fn nameless(mut self) -> Self {
        self.kid = None;
        self
    }

    /// The header of a token signed with it.
    pub fn header(&self) -> Value {
        let mut header = json!({"alg": self.alg(), "typ": "JWT"});
        if let Some(kid) = &self.kid {
            header["kid"] = json!(kid);
        }
        header
    }

    /// As it is published.
    pub fn jwk(&self) -> Value {
        let mut jwk = match &self.secret {
            Secret::Rsa(key) => json!({
                "kty": "RSA",
                "n": URL_SAFE_NO_PAD.encode(key.n().to_bytes_be()),
                "e": URL_SAFE_NO_PAD.encode(key.e().to_bytes_be()),
            }),
            Secret::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                json!({
                    "kty": "EC",
                    "crv": "P-256",
                    "x": URL_SAFE_NO_PAD.encode(&point.as_bytes()[1..33]),
                    "y": URL_SAFE_NO_PAD.encode(&point.as_bytes()[33..]),
                })
            }
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.alg());
        if let Some(kid) = &self.kid {
            jwk["kid"] = json!(kid);
        }
        jwk
    }

    /// The signature of a JWS.
    pub fn sign(&self, input: &str) -> Vec<u8> {
        match &self.secret {
            Secret::Rsa(key) => {
                let key: &RsaPrivateKey = key;
                let key = rsa::pkcs1v15::SigningKey::<rsa::sha2::Sha256>::new(key.clone());
                rsa::signature::Signer::sign(&key, input.as_bytes()).to_vec()
            }
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(input.as_bytes());
                signature.to_bytes().to_vec()
            }
        }
    }

    fn alg(&self) -> &'static str {
        match self.secret {
            Secret::Rsa(_) => "RS256",
            Secret::P256(_) => "ES256",
        }
    }
}

/// From a fixed seed, so that a failure is the same the next time.
fn generate(bits: usize) -> Arc<RsaPrivateKey> {
    let mut random = StdRng::seed_from_u64(bits as u64);
    Arc::new(RsaPrivateKey::new(&mut random, bits).unwrap())
}
