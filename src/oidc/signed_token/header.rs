//! What a token says of itself (RFC 7515 §4.1): enough to know how it must have been
//! signed, and never by whom.
//!
//! Members that name a key's place or bring one along (`jku`, `jwk`, `x5u`, `x5c`)
//! are not read by anything: keys come from `oidc::keys` alone.

use serde_json::Value;

use super::TokenFlaw;
use crate::json::Object;
use crate::oidc::SigningAlg;
use crate::oidc::keys::{Key, KeySet};

/// A header with nothing against it.
pub(super) struct Header<'a> {
    pub(super) alg: SigningAlg,
    kid: Option<&'a str>,
}

impl<'a> Header<'a> {
    /// Reads the header of a token that is signed in one of these ways, and is of
    /// one of these kinds or does not say.
    pub(super) fn read(
        header: &'a Object,
        allowed: &[SigningAlg],
        kinds: &[&str],
    ) -> Result<Self, TokenFlaw> {
        // A few kilobytes that inflate to gigabytes; no provider signs such tokens.
        if header.contains_key("zip") {
            return Err(TokenFlaw::Compressed);
        }
        // Extensions that a reader must understand (RFC 7515 §4.1.11): there are none
        // here. `cty` is for a token within a token.
        if header.contains_key("crit") || header.contains_key("cty") {
            return Err(TokenFlaw::Type);
        }
        // An access token (`at+jwt`) or a logout token must not sign a user in, nor
        // an access token sign a user out (RFC 8725 §3.11).
        if !header.get("typ").is_none_or(|typ| is_one_of(typ, kinds)) {
            return Err(TokenFlaw::Type);
        }
        let alg = header.get("alg").and_then(Value::as_str);
        let alg = alg
            .and_then(SigningAlg::parse)
            .filter(|alg| allowed.contains(alg))
            .ok_or(TokenFlaw::Algorithm)?;
        let kid = match header.get("kid") {
            None | Some(Value::Null) => None,
            Some(kid) => {
                Some(kid.as_str().ok_or(TokenFlaw::UnknownKey)?).filter(|kid| !kid.is_empty())
            }
        };
        Ok(Self { alg, kid })
    }

    /// The one key that the token can have been signed with. With several there
    /// would be a choice, and trying each is what an attacker would ask for.
    pub(super) fn key<'k>(&self, keys: &'k KeySet) -> Result<&'k Key, TokenFlaw> {
        let fitting = keys.fitting(self.alg, self.kid);
        let (first, others) = fitting.split_first().ok_or(TokenFlaw::UnknownKey)?;
        if others.iter().all(|other| other.is_same_key(first)) {
            Ok(first)
        } else {
            Err(TokenFlaw::AmbiguousKey)
        }
    }
}

/// `JWT` (RFC 7519 §5.1) or one of these kinds, in any case; RFC 7515 §4.1.9 lets
/// the prefix be left out.
fn is_one_of(typ: &Value, kinds: &[&str]) -> bool {
    const PREFIX: &str = "application/";
    typ.as_str().is_some_and(|typ| {
        let bare = match typ.get(..PREFIX.len()) {
            Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
            _ => typ,
        };
        let mut allowed = kinds.iter().chain(&["JWT"]);
        allowed.any(|kind| bare.eq_ignore_ascii_case(kind))
    })
}
