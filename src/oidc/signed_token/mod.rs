//! What every token that the provider signs has in common: its form, how it says
//! it is signed, the one key that fits, the signature, whom it is from and for, and
//! when. What kind of token it is, is judged by `id_token` and `logout_token`.
//!
//! [`open`] is pure. Its steps, in order:
//!
//! 1. size and form (`compact`);
//! 2. how it says it is signed and as what, and the one key that fits (`header`);
//! 3. the signature, by the library's hand.

mod claims;
mod compact;
mod flaw;
mod header;
pub(super) mod times;

use super::SigningAlg;
use super::keys::{Key, KeySet};
use crate::json::Object;

pub(super) use claims::{Audience, check_issuer, sid, subject};
pub use compact::TOKEN_MAX;
pub use flaw::TokenFlaw;

use compact::Unverified;
use header::Header;

/// A token that one of the provider's keys has signed. Nothing says yet that it is
/// meant for us, or for this.
pub(super) struct Signed<'k> {
    pub(super) claims: Object,
    pub(super) key: &'k Key,
    pub(super) alg: SigningAlg,
}

/// Takes the token apart and checks its signature. `kinds`: what its `typ` may say
/// besides nothing and `JWT`.
///
/// # Errors
/// The first flaw found.
pub(super) fn open<'k>(
    raw: &str,
    keys: &'k KeySet,
    algs: &[SigningAlg],
    kinds: &[&str],
) -> Result<Signed<'k>, TokenFlaw> {
    let token = Unverified::read(raw)?;
    let header = Header::read(&token.header, algs, kinds)?;
    let key = header.key(keys)?;
    if !key.made(header.alg, token.signed, &token.signature) {
        return Err(TokenFlaw::Signature);
    }
    Ok(Signed {
        alg: header.alg,
        claims: token.claims,
        key,
    })
}
