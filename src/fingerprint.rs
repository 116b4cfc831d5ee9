//! Short names for long values, where the value itself must not be shown.

use sha2::{Digest, Sha256};

/// The first 16 hex digits of the SHA-256.
pub fn fingerprint(value: &[u8]) -> String {
    let digest = Sha256::digest(value);
    digest
        .first_chunk()
        .map(|bytes| format!("{:016x}", u64::from_be_bytes(*bytes)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_the_beginning_of_the_digest() {
        // printf abc | sha256sum
        assert_eq!(super::fingerprint(b"abc"), "ba7816bf8f01cfea");
    }
}
