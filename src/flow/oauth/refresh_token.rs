//! Refresh tokens: the family's id, the number of the token in it, and a tag made with `BRIDGE_SECRET_KEYS`.
//!
//! Nothing of a token is stored. The same family and number give the same token, so that an answer that was lost can be
//! given again ([`crate::domain::token_family`]). Text that the bridge did not make costs no query.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

use crate::seal::Seal;
use crate::store::grants::FamilyId;

const PURPOSE: &str = "refresh token of a client";

/// A token that the bridge made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshTokenId {
    /// Its family.
    pub family: FamilyId,
    /// Its number in the family.
    pub generation: u32,
}

impl RefreshTokenId {
    /// The token.
    pub fn write(&self, seal: &Seal) -> SecretString {
        let named = self.named();
        let whole = [&named[..], &seal.tag(PURPOSE, &named)].concat();
        URL_SAFE_NO_PAD.encode(whole).into()
    }

    /// `None` for anything that a bridge with these keys did not make.
    pub fn read(seal: &Seal, token: &str) -> Option<Self> {
        let whole = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (named, tag) = whole.split_at_checked(20)?;
        if !seal.is_tag(PURPOSE, named, tag) {
            return None;
        }
        let (family, generation) = named.split_at_checked(16)?;
        Some(Self {
            family: family.try_into().ok()?,
            generation: u32::from_be_bytes(generation.try_into().ok()?),
        })
    }

    fn named(&self) -> Vec<u8> {
        [&self.family[..], &self.generation.to_be_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::{ExposeSecret, SecretBox};

    #[test]
    fn a_token_is_read_as_it_was_written_and_no_other_text_is_one() {
        let keys = |key: u8| Seal::new(&[SecretBox::new(Box::new([key; 32]))]).unwrap();
        let seal = keys(1);
        let id = RefreshTokenId {
            family: [7; 16],
            generation: 300,
        };
        let token = id.write(&seal);
        let token = token.expose_secret();
        assert_eq!(RefreshTokenId::read(&seal, token), Some(id));
        assert_eq!(RefreshTokenId::read(&keys(2), token), None);
        for at in 0..token.len() {
            let mut other = token.as_bytes().to_vec();
            other[at] = if other[at] == b'A' { b'B' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            // The last letter has bits that mean nothing; the reader refuses them.
            assert_eq!(RefreshTokenId::read(&seal, &other), None, "{at}");
            assert_eq!(RefreshTokenId::read(&seal, &token[..at]), None, "{at}");
        }
    }
}
