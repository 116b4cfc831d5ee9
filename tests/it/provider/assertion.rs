//! The assertion of a client that authenticates with a key (RFC 7523 §3).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{Signature, VerifyingKey};
use serde_json::Value;

use super::Request;
use super::script::Script;

/// The specification asks for less than a good provider does: `kid` and `jti` must be there.
pub fn is_good(script: &mut Script, request: &Request) -> bool {
    let sent = |name: &str| request.form.get(name).map_or("", String::as_str);
    let is_jwt =
        sent("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let has_secret = request.form.contains_key("client_secret");
    let claims = verified(script, sent("client_assertion"));
    let Some(claims) = claims.filter(|_| is_jwt && !has_secret) else {
        return false;
    };
    let id = script.client.id.as_str();
    let now = script.clock.now().timestamp();
    let lifetime = claims["exp"].as_i64().unwrap_or(0) - now;
    let jti = claims["jti"].as_str().unwrap_or_default().to_owned();
    sent("client_id") == id
        && claims["iss"] == id
        && claims["sub"] == id
        && claims["aud"] == script.issuer
        && (1..=300).contains(&lifetime)
        && !jti.is_empty()
        && script.jtis.insert(jti)
}

/// The claims, if the registered key signed them.
fn verified(script: &Script, assertion: &str) -> Option<Value> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
    let (content, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = content.split_once('.')?;
    let jwk = script.client.key.as_ref()?;
    let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
    if header["alg"] != "ES256" || header["kid"] != jwk["kid"] {
        return None;
    }
    let [x, y] = ["x", "y"].map(|name| decode(jwk[name].as_str().unwrap()).unwrap());
    let key = VerifyingKey::from_sec1_bytes(&[vec![4], x, y].concat()).unwrap();
    let signature = Signature::from_slice(&decode(signature)?).ok()?;
    key.verify(content.as_bytes(), &signature).ok()?;
    serde_json::from_slice(&decode(claims)?).ok()
}
