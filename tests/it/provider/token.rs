//! An ID token in the making, and other JSON that a test may bend.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::Key;

/// An ID token before it is signed.
pub struct IdToken {
    header: Value,
    claims: Value,
    /// What header and claims are written as, where that is no longer their JSON.
    header_text: Option<Vec<u8>>,
    claims_text: Option<Vec<u8>>,
    seal: Seal,
    bend_signature: Option<BendSignature>,
}

type BendSignature = Box<dyn FnOnce(Vec<u8>) -> Vec<u8> + Send>;

enum Seal {
    Key(Box<Key>),
    Hmac(Vec<u8>),
    Nothing,
    /// The token is this, and neither header nor claims matter.
    Raw(String),
}

impl IdToken {
    pub(crate) fn new(claims: Value, key: Key) -> Self {
        Self::with_header(key.header(), claims, key)
    }

    pub(crate) fn with_header(header: Value, claims: Value, key: Key) -> Self {
        Self {
            header,
            claims,
            header_text: None,
            claims_text: None,
            seal: Seal::Key(Box::new(key)),
            bend_signature: None,
        }
    }

    /// Sets a claim.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    /// What a claim is as it stands.
    pub fn claim_now(&self, name: &str) -> Value {
        self.claims[name].clone()
    }

    /// Leaves a claim out.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    /// Sets a member of the header.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    /// Leaves a member of the header out.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.as_object_mut().unwrap().remove(name);
        self
    }

    /// Writes the header otherwise, from its text.
    pub fn header_text(mut self, write: impl FnOnce(String) -> Vec<u8>) -> Self {
        self.header_text = Some(write(self.header.to_string()));
        self
    }

    /// Writes the claims otherwise, from their text.
    pub fn claims_text(mut self, write: impl FnOnce(String) -> Vec<u8>) -> Self {
        self.claims_text = Some(write(self.claims.to_string()));
        self
    }

    /// Signs with another key; the header says so, as that key's header does.
    pub fn signed_by(mut self, key: &Key) -> Self {
        self.header = key.header();
        self.seal = Seal::Key(Box::new(key.clone()));
        self
    }

    /// Signs with another key, while the header still names the published one.
    pub fn forged_by(mut self, key: &Key) -> Self {
        self.seal = Seal::Key(Box::new(key.clone()));
        self
    }

    /// Changes the signature after it was made.
    pub fn signature(mut self, bend: impl FnOnce(Vec<u8>) -> Vec<u8> + Send + 'static) -> Self {
        self.bend_signature = Some(Box::new(bend));
        self
    }

    /// Spoils one bit of the signature.
    pub fn broken(self) -> Self {
        self.signature(|mut signature| {
            signature[7] ^= 1;
            signature
        })
    }

    /// `alg: none` and an empty signature.
    pub fn unsigned(mut self) -> Self {
        self.seal = Seal::Nothing;
        self.header("alg", "none")
    }

    /// `alg: HS256` with this key.
    pub fn hmac(mut self, key: &[u8]) -> Self {
        self.seal = Seal::Hmac(key.to_vec());
        self.header("alg", "HS256")
    }

    /// Something else altogether.
    pub fn raw(mut self, token: &str) -> Self {
        self.seal = Seal::Raw(token.to_owned());
        self
    }

    pub(crate) fn finish(self) -> String {
        let text = |text: Option<Vec<u8>>, json: &Value| {
            URL_SAFE_NO_PAD.encode(text.unwrap_or_else(|| json.to_string().into_bytes()))
        };
        let header = text(self.header_text, &self.header);
        let claims = text(self.claims_text, &self.claims);
        let input = format!("{header}.{claims}");
        let signature = match self.seal {
            Seal::Raw(token) => return token,
            Seal::Nothing => Vec::new(),
            Seal::Key(key) => key.sign(&input),
            Seal::Hmac(key) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
                mac.update(input.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
        };
        let signature = match self.bend_signature {
            Some(bend) => bend(signature),
            None => signature,
        };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The members of a JSON object.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Sets a member.
    pub fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a member out.
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }
}

impl From<Value> for Fields {
    fn from(object: Value) -> Self {
        match object {
            Value::Object(members) => Self(members),
            other => panic!("no object: {other}"),
        }
    }
}

impl From<Fields> for Value {
    fn from(fields: Fields) -> Self {
        Value::Object(fields.0)
    }
}
