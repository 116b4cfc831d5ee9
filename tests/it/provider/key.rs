//! The provider's signing keys.

use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::Signer as _;
use p256::pkcs8::EncodePrivateKey;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rsa::RsaPrivateKey;
use rsa::pkcs8::EncodePublicKey;
use rsa::signature::{RandomizedSigner as _, SignatureEncoding, Signer as _};
use rsa::traits::PublicKeyParts;
use serde_json::{Value, json};

/// A key, its name, and the algorithm that it signs with.
#[derive(Clone)]
pub struct Key {
    kid: Option<String>,
    alg: &'static str,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Rsa(Arc<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Key {
    /// RS256 with 2048 bits. There is one per process: making it takes a while.
    pub fn rs256(kid: &str) -> Self {
        Self::rsa(kid, "RS256")
    }

    /// The same key, signing with another of RSA's algorithms.
    pub fn rsa(kid: &str, alg: &'static str) -> Self {
        static KEY: OnceLock<Arc<RsaPrivateKey>> = OnceLock::new();
        let key = KEY.get_or_init(|| generate(2048));
        Self::new(kid, alg, Secret::Rsa(Arc::clone(key)))
    }

    /// RS256 with 1024 bits, which can be factored.
    pub fn weak_rs256(kid: &str) -> Self {
        static KEY: OnceLock<Arc<RsaPrivateKey>> = OnceLock::new();
        let key = KEY.get_or_init(|| generate(1024));
        Self::new(kid, "RS256", Secret::Rsa(Arc::clone(key)))
    }

    /// ES256; each seed gives another key.
    pub fn es256(kid: &str, seed: u8) -> Self {
        let secret = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
        Self::new(kid, "ES256", Secret::P256(secret))
    }

    /// ES384
    pub fn es384(kid: &str) -> Self {
        let secret = p384::ecdsa::SigningKey::from_slice(&[1; 48]).unwrap();
        Self::new(kid, "ES384", Secret::P384(secret))
    }

    /// `EdDSA` on Ed25519
    pub fn ed25519(kid: &str) -> Self {
        let secret = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        Self::new(kid, "EdDSA", Secret::Ed25519(secret))
    }

    fn new(kid: &str, alg: &'static str, secret: Secret) -> Self {
        Self {
            kid: Some(kid.to_owned()),
            alg,
            secret,
        }
    }

    /// The same key, without a name.
    pub fn nameless(mut self) -> Self {
        self.kid = None;
        self
    }

    /// The header of a token signed with it.
    pub fn header(&self) -> Value {
        let mut header = json!({"alg": self.alg, "typ": "JWT"});
        if let Some(kid) = &self.kid {
            header["kid"] = json!(kid);
        }
        header
    }

    /// As it is published.
    pub fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.secret {
            Secret::Rsa(key) => json!({
                "kty": "RSA",
                "n": encode(&key.n().to_bytes_be()),
                "e": encode(&key.e().to_bytes_be()),
            }),
            Secret::P256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
            Secret::P384(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(48);
                json!({"kty": "EC", "crv": "P-384", "x": encode(x), "y": encode(y)})
            }
            Secret::Ed25519(key) => {
                let x = encode(key.verifying_key().as_bytes());
                json!({"kty": "OKP", "crv": "Ed25519", "x": x})
            }
        };
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.alg);
        if let Some(kid) = &self.kid {
            jwk["kid"] = json!(kid);
        }
        jwk
    }

    /// A P-256 key as files have it.
    pub fn private_pem(&self) -> String {
        let Secret::P256(key) = &self.secret else {
            panic!("not P-256");
        };
        let text = STANDARD.encode(key.to_pkcs8_der().unwrap().as_bytes());
        format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    }

    /// An RSA key's public half as X.509 has it.
    pub fn public_der(&self) -> Vec<u8> {
        let Secret::Rsa(key) = &self.secret else {
            panic!("no RSA key");
        };
        let der = key.to_public_key().to_public_key_der().unwrap();
        der.as_bytes().to_vec()
    }

    /// The same in letters, as files have it.
    pub fn public_pem(&self) -> String {
        let text = STANDARD.encode(self.public_der());
        let lines: Vec<&str> = (0..text.len())
            .step_by(64)
            .map(|at| &text[at..text.len().min(at + 64)])
            .collect();
        let body = lines.join("\n");
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
    }

    /// The signature of a JWS.
    pub fn sign(&self, input: &str) -> Vec<u8> {
        let input = input.as_bytes();
        match &self.secret {
            Secret::Rsa(key) => self.sign_rsa(RsaPrivateKey::clone(key), input),
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(input);
                signature.to_bytes().to_vec()
            }
            Secret::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(input);
                signature.to_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sign(input).to_bytes().to_vec(),
        }
    }

    fn sign_rsa(&self, key: RsaPrivateKey, input: &[u8]) -> Vec<u8> {
        use rsa::sha2::{Sha256, Sha384, Sha512};
        use rsa::{pkcs1v15, pss};
        let random = &mut StdRng::seed_from_u64(1);
        match self.alg {
            "RS384" => pkcs1v15::SigningKey::<Sha384>::new(key)
                .sign(input)
                .to_vec(),
            "RS512" => pkcs1v15::SigningKey::<Sha512>::new(key)
                .sign(input)
                .to_vec(),
            "PS256" => pss::SigningKey::<Sha256>::new(key)
                .sign_with_rng(random, input)
                .to_vec(),
            "PS384" => pss::SigningKey::<Sha384>::new(key)
                .sign_with_rng(random, input)
                .to_vec(),
            "PS512" => pss::SigningKey::<Sha512>::new(key)
                .sign_with_rng(random, input)
                .to_vec(),
            _ => pkcs1v15::SigningKey::<Sha256>::new(key)
                .sign(input)
                .to_vec(),
        }
    }

    /// The hash that belongs to the algorithm, as `at_hash` halves it.
    pub fn hash(&self, text: &str) -> Vec<u8> {
        use sha2::Digest;
        match self.alg {
            "RS384" | "PS384" | "ES384" => sha2::Sha384::digest(text).to_vec(),
            "RS512" | "PS512" | "EdDSA" => sha2::Sha512::digest(text).to_vec(),
            _ => sha2::Sha256::digest(text).to_vec(),
        }
    }
}

/// From a fixed seed, so that a failure is the same the next time.
fn generate(bits: usize) -> Arc<RsaPrivateKey> {
    let mut random = StdRng::seed_from_u64(bits as u64);
    Arc::new(RsaPrivateKey::new(&mut random, bits).unwrap())
}
