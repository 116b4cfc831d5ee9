//! A provider that says what another one was heard saying.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::script::{Code, Person, Script};
use super::{IdToken, Key, Provider};

/// What was recorded. Keys, `nonce` and `at_hash` are filled in, times moved to now.
pub struct Recorded {
    pub discovery: Value,
    /// The key set; the key that signs is the one of `key`'s name.
    pub keys: Value,
    /// The token answer without its tokens.
    pub token_answer: Value,
    /// `header`, `claims`, and `received_at`, when it was recorded.
    pub id_token: Value,
    pub userinfo: Value,
    pub key: Key,
}

impl Provider {
    /// From now on Ann is who was recorded, and everything is said as it was.
    pub fn record(&self, recorded: Recorded) {
        let mut script = self.script();
        script.discovery = recorded.discovery.clone();
        script.reroute();
        script.published = published(&recorded);
        script.signer = recorded.key.clone();
        script.people.insert("ann".to_owned(), Person::new("ann"));
        script.recorded = Some(recorded);
    }

    /// The issuer as the discovery document names it.
    pub fn issuer_of_document(&self) -> Value {
        self.script().discovery["issuer"].clone()
    }
}

fn published(recorded: &Recorded) -> Vec<Value> {
    let ours = recorded.key.jwk();
    let mut keys = recorded.keys["keys"].as_array().unwrap().clone();
    let signing = keys
        .iter_mut()
        .find(|key| key["kid"] == ours["kid"])
        .unwrap();
    for number in ["n", "e"] {
        signing[number] = ours[number].clone();
    }
    keys
}

impl Recorded {
    /// The ID token of a sign-in.
    pub fn id_token(&self, script: &Script, code: &Code, access_token: &str) -> IdToken {
        let mut claims = self.id_token["claims"].clone();
        let since = script.clock.now().timestamp() - self.id_token["received_at"].as_i64().unwrap();
        for time in ["iat", "nbf", "exp", "auth_time"] {
            if let Some(then) = claims.get(time).and_then(Value::as_i64) {
                claims[time] = json!(then + since);
            }
        }
        claims["nonce"] = json!(code.nonce);
        if claims.get("at_hash").is_some() {
            let hash = self.key.hash(access_token);
            claims["at_hash"] = json!(URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]));
        }
        IdToken::with_header(self.id_token["header"].clone(), claims, self.key.clone())
    }
}
