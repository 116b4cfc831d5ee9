//! The provider's signing key: ES256, a new one at each start.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

use red5_bridge::random;

/// Signs ID tokens.
pub(super) struct Key {
    id: String,
    signing: SigningKey,
}

impl Key {
    /// A new key with a new id, so that an old key set is not taken for this one.
    pub(super) fn generate() -> Result<Self, getrandom::Error> {
        let id = random::text()?;
        loop {
            // All but some 2^-32 of the candidates are keys.
            if let Ok(signing) = SigningKey::from_slice(&random::bytes::<32>()?) {
                return Ok(Self { id, signing });
            }
        }
    }

    /// The public half as a key set (RFC 7517 §5, RFC 7518 §6.2.1).
    pub(super) fn key_set(&self) -> Value {
        let point = self.signing.verifying_key().to_sec1_point(false);
        let coordinate = |bytes: Option<_>| bytes.map(|bytes: &_| URL_SAFE_NO_PAD.encode(bytes));
        json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id,
            "x": coordinate(point.x()), "y": coordinate(point.y()),
        }]})
    }

    /// A compact JWS over `claims` (RFC 7515 §7.1, RFC 7518 §3.4).
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.id });
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature: Signature = self.signing.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }
}
