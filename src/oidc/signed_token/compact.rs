//! The three parts of a signed token (RFC 7515 §7.1), taken apart. Nothing in them
//! is true yet.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::TokenFlaw;
use crate::json::{Object, Once};

/// Longest token in bytes, looked at before any decoding: a token of megabytes
/// would cost memory and time before its signature is seen to be wrong.
pub const TOKEN_MAX: usize = 64 * 1024;

/// A token that can be read.
pub(super) struct Unverified<'a> {
    pub(super) header: Object,
    pub(super) claims: Object,
    /// What the signature is over.
    pub(super) signed: &'a str,
    pub(super) signature: Vec<u8>,
}

impl<'a> Unverified<'a> {
    /// Exactly three parts (five would be an encrypted token, in which an unsigned one
    /// can hide), of which the first two are JSON objects.
    pub(super) fn read(raw: &'a str) -> Result<Self, TokenFlaw> {
        if raw.len() > TOKEN_MAX {
            return Err(TokenFlaw::TooLarge);
        }
        let mut parts = raw.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenFlaw::NotThreeParts);
        };
        let signed = header.len() + 1 + claims.len();
        Ok(Self {
            header: object(header)?,
            claims: object(claims)?,
            signed: raw.get(..signed).ok_or(TokenFlaw::Unreadable)?,
            signature: decode(signature)?,
        })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, TokenFlaw> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenFlaw::Unreadable)
}

fn object(part: &str) -> Result<Object, TokenFlaw> {
    let found: Result<Once, _> = serde_json::from_slice(&decode(part)?);
    found.map(|once| once.0).map_err(|_| TokenFlaw::Unreadable)
}
