//! Short names for long values, where the value itself must not be shown.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

/// The name of a person in the log. A provider's `sub` is made to say nothing of the
/// person (OpenID Connect Core §8), and is written as it is: it leads to their rows and to their
/// account at the provider. Some providers put an e-mail address there, which
/// is personal data (LG-2); of that only the fingerprint is written.
pub fn pseudonym(subject: &str) -> Cow<'_, str> {
    if subject.contains('@') {
        Cow::Owned(format!("sha256:{}", fingerprint(subject.as_bytes())))
    } else {
        Cow::Borrowed(subject)
    }
}

/// The first 16 hex digits of the SHA-256.
pub fn fingerprint(value: &[u8]) -> String {
    let digest = Sha256::digest(value);
    digest
        .first_chunk()
        .map(|bytes| format!("{:016x}", u64::from_be_bytes(*bytes)))
        .unwrap_or_default()
}

/// Whether `text` has the form of a fingerprint.
pub fn is_fingerprint(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 16 && text.bytes().all(digit)
}

#[cfg(test)]
mod tests {
    #[test]
    fn lg_2_a_subject_that_is_an_address_is_not_written_out() {
        assert_eq!(super::pseudonym("5a2e90c4-51c0"), "5a2e90c4-51c0");
        // printf %s ann@example.com | sha256sum | cut -c1-16
        let hidden = super::pseudonym("ann@example.com");
        assert_eq!(hidden, "sha256:71d4f55f72fa128d");
    }

    #[test]
    fn it_is_the_beginning_of_the_digest() {
        // printf abc | sha256sum
        assert_eq!(super::fingerprint(b"abc"), "ba7816bf8f01cfea");
    }

    #[test]
    fn its_form_is_16_hex_digits_in_lower_case() {
        assert!(super::is_fingerprint("ba7816bf8f01cfea"));
        for other in [
            "",
            "ba7816bf8f01cfe",
            "ba7816bf8f01cfea0",
            "BA7816BF8F01CFEA",
            "ba7816bf8f01cfeg",
            "ba7816bf8f01cf_a",
            "ba7816bf8f01cfé",
        ] {
            assert!(!super::is_fingerprint(other), "{other}");
        }
    }
}
