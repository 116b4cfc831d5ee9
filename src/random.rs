//! Random numbers that cannot be guessed, and text made of them: what names an attempt, a session,
//! a ticket.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Guessing one of 256 bits is out of reach (RFC 6749 §10.10).
const BYTES: usize = 32;

/// `N` random bytes.
///
/// # Errors
/// Without random numbers.
pub fn bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// 43 characters of base64url out of 32 random bytes.
///
/// One in a hundred would hold `--`, which some web application firewalls take for an
/// SQL comment and block; those are drawn again, which costs less than a bit.
///
/// # Errors
/// Without random numbers.
pub fn text() -> Result<String, getrandom::Error> {
    loop {
        let text = URL_SAFE_NO_PAD.encode(bytes::<BYTES>()?);
        if is_harmless(&text) {
            return Ok(text);
        }
    }
}

/// Whether a firewall lets it pass as a part of an address.
pub fn is_harmless(text: &str) -> bool {
    !text.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lr_3_texts_are_256_bits_never_the_same_and_hold_no_double_dash() {
        let texts: std::collections::HashSet<_> = (0..10_000).map(|_| text().unwrap()).collect();
        assert_eq!(texts.len(), 10_000);
        for text in texts {
            assert_eq!(URL_SAFE_NO_PAD.decode(&text).unwrap().len(), BYTES);
            assert!(!text.contains("--"), "{text}");
        }
    }
}
