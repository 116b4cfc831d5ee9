//! Encryption of values that the bridge hands out or stores, with `BRIDGE_SECRET_KEYS`. The
//! first key seals, every key opens, so keys can be rotated without losing what is under way.
//!
//! XChaCha20-Poly1305: its 24-byte nonce may be drawn at random. The purpose of a value, and the
//! key of the row that holds it, are bound to it as associated data, so that one value cannot
//! stand in for another.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use crate::random;

const NONCE_BYTES: usize = 24;

/// Seals and opens, and makes tags.
pub struct Seal {
    first: XChaCha20Poly1305,
    older: Vec<XChaCha20Poly1305>,
    /// For tags, the first key's first. Derived, so that no key serves two algorithms.
    tag_keys: Vec<Hmac<Sha256>>,
}

/// A value that cannot be sealed or is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// No key at all.
    #[error("there is no key")]
    NoKey,
    /// This machine gives no random numbers, or the value is absurdly large.
    #[error("the value cannot be sealed")]
    Sealing,
    /// Altered, cut, made for another purpose or row, or sealed with a key that is gone.
    #[error("the value was not sealed here for this purpose")]
    Foreign,
}

impl Seal {
    /// With one or more keys.
    pub fn new(keys: &[SecretBox<[u8; 32]>]) -> Result<Self, SealError> {
        let mut ciphers = keys
            .iter()
            .map(|key| XChaCha20Poly1305::new(key.expose_secret().into()));
        Ok(Self {
            first: ciphers.next().ok_or(SealError::NoKey)?,
            older: ciphers.collect(),
            tag_keys: keys
                .iter()
                .map(|key| tag_key(key.expose_secret()))
                .collect(),
        })
    }

    /// A tag that only a bridge with these keys can make: the same for the same purpose and data.
    pub fn tag(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        let first = self.tag_keys.first().map(|key| tag(key, purpose, data));
        first.unwrap_or_default()
    }

    /// Whether one of the keys made the tag; compared in constant time.
    pub fn is_tag(&self, purpose: &str, data: &[u8], sent: &[u8]) -> bool {
        let equal = self
            .tag_keys
            .iter()
            .map(|key| tag(key, purpose, data).ct_eq(sent));
        equal.fold(Choice::from(0), |any, one| any | one).into()
    }

    /// Nonce and ciphertext.
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.seal_with(purpose.as_bytes(), plain)
    }

    /// The same for a value that stands in the row with this key: copied into another row it
    /// does not open, so write access to the table gives no use of another person's token.
    pub fn seal_for_row(
        &self,
        purpose: &str,
        row: &[u8; 32],
        plain: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.seal_with(&of_row(purpose, row), plain)
    }

    fn seal_with(&self, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_BYTES] = random::bytes().map_err(|_| SealError::Sealing)?;
        let payload = Payload { msg: plain, aad };
        let sealed = self.first.encrypt(XNonce::from_slice(&nonce), payload);
        let mut whole = nonce.to_vec();
        whole.extend(sealed.map_err(|_| SealError::Sealing)?);
        Ok(whole)
    }

    /// What was sealed for `purpose`.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        self.open_with(purpose.as_bytes(), sealed)
    }

    /// What was sealed for `purpose` and this row, or by an earlier release for `purpose` alone.
    pub fn open_for_row(
        &self,
        purpose: &str,
        row: &[u8; 32],
        sealed: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        self.open_with(&of_row(purpose, row), sealed)
            .or_else(|_| self.open(purpose, sealed))
    }

    fn open_with(&self, aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (nonce, msg) = sealed
            .split_at_checked(NONCE_BYTES)
            .ok_or(SealError::Foreign)?;
        std::iter::once(&self.first)
            .chain(&self.older)
            .find_map(|key| {
                key.decrypt(XNonce::from_slice(nonce), Payload { msg, aad })
                    .ok()
            })
            .ok_or(SealError::Foreign)
    }
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes a key of any length (RFC 2104 §2)"
)]
fn keyed(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn tag_key(key: &[u8; 32]) -> Hmac<Sha256> {
    let derived = keyed(key).chain_update(b"red5-bridge tags");
    keyed(&derived.finalize().into_bytes())
}

fn tag(key: &Hmac<Sha256>, purpose: &str, data: &[u8]) -> [u8; 32] {
    let tagged = key
        .clone()
        .chain_update(purpose)
        .chain_update([0])
        .chain_update(data);
    tagged.finalize().into_bytes().into()
}

/// No purpose holds a zero byte, so it is clear where the row's key begins.
fn of_row(purpose: &str, row: &[u8; 32]) -> Vec<u8> {
    [purpose.as_bytes(), &[0], row].concat()
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal({} keys)", 1 + self.older.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(keys: &[u8]) -> Seal {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| SecretBox::new(Box::new([*key; 32])))
            .collect();
        Seal::new(&keys).unwrap()
    }

    #[test]
    fn what_was_sealed_is_opened_for_its_purpose_alone() {
        let one = seal(&[1]);
        let sealed = one.seal("attempt", b"state").unwrap();
        assert_eq!(one.open("attempt", &sealed).as_deref(), Ok(&b"state"[..]));
        assert_eq!(one.open("id_token", &sealed), Err(SealError::Foreign));
        assert_ne!(one.seal("attempt", b"state").unwrap(), sealed);
    }

    #[test]
    fn se_10_what_was_sealed_for_a_row_opens_in_no_other_and_older_values_still_open() {
        let one = seal(&[1]);
        let (row, other) = ([7; 32], [8; 32]);
        let sealed = one.seal_for_row("token", &row, b"value").unwrap();
        let opened = one.open_for_row("token", &row, &sealed);
        assert_eq!(opened.as_deref(), Ok(&b"value"[..]));
        let foreign = Err(SealError::Foreign);
        assert_eq!(one.open_for_row("token", &other, &sealed), foreign);
        assert_eq!(one.open_for_row("id_token", &row, &sealed), foreign);
        assert_eq!(one.open("token", &sealed), foreign);

        let older = one.seal("token", b"value").unwrap();
        let opened = one.open_for_row("token", &row, &older);
        assert_eq!(opened.as_deref(), Ok(&b"value"[..]));
        assert_eq!(one.open_for_row("id_token", &row, &older), foreign);
    }

    #[test]
    fn a_flipped_bit_or_a_cut_value_is_foreign() {
        let one = seal(&[1]);
        let sealed = one.seal("p", b"value").unwrap();
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(
                one.open("p", &altered),
                Err(SealError::Foreign),
                "byte {at}"
            );
            assert_eq!(
                one.open("p", &sealed[..at]),
                Err(SealError::Foreign),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_new_first_key_still_opens_what_the_old_one_sealed() {
        let sealed = seal(&[1]).seal("p", b"v").unwrap();
        assert_eq!(seal(&[2, 1]).open("p", &sealed).as_deref(), Ok(&b"v"[..]));
        assert_eq!(seal(&[2]).open("p", &sealed), Err(SealError::Foreign));
        let newer = seal(&[2, 1]).seal("p", b"v").unwrap();
        assert_eq!(seal(&[1]).open("p", &newer), Err(SealError::Foreign));
    }

    #[test]
    fn a_tag_is_the_same_each_time_and_of_its_purpose_and_key_alone() {
        let (one, both) = (seal(&[1]), seal(&[2, 1]));
        let made = one.tag("p", b"data");
        assert_eq!(made, one.tag("p", b"data"));
        assert!(one.is_tag("p", b"data", &made) && both.is_tag("p", b"data", &made));
        assert!(!one.is_tag("q", b"data", &made) && !one.is_tag("p", b"other", &made));
        assert!(!seal(&[2]).is_tag("p", b"data", &made) && !one.is_tag("p", b"data", &made[..31]));
        assert_eq!(both.tag("p", b"data"), seal(&[2]).tag("p", b"data"));
    }

    #[test]
    fn sc_2_debug_says_how_many_keys_there_are_and_no_more() {
        assert_eq!(format!("{:?}", seal(&[1, 2])), "Seal(2 keys)");
    }

    #[test]
    fn without_a_key_nothing_is_sealed() {
        assert!(matches!(Seal::new(&[]), Err(SealError::NoKey)));
    }
}
