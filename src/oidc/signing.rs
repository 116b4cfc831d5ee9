//! The signature algorithms that can be configured: asymmetric ones alone.

use std::fmt;

use openidconnect::core::CoreJwsSigningAlgorithm;

/// A signature algorithm of RFC 7518 §3.1 or RFC 8037 §3.1.
///
/// `none` and the `HS*` family are not here at all, so no configuration can allow
/// them (RFC 8725 §3.1: with them, whoever knows the client secret or merely the
/// public key signs in as anybody). ES512 is missing because the library cannot
/// verify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// RSASSA-PSS with SHA-256
    Ps256,
    /// RSASSA-PSS with SHA-384
    Ps384,
    /// RSASSA-PSS with SHA-512
    Ps512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// Ed25519: `EdDSA`, or `Ed25519` (RFC 9864 §2.2)
    EdDsa,
}

/// What a key has to be to serve an algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

impl KeyKind {
    /// One of the algorithms that it serves.
    pub(super) const fn some_alg(self) -> SigningAlg {
        match self {
            Self::Rsa => SigningAlg::Rs256,
            Self::P256 => SigningAlg::Es256,
            Self::P384 => SigningAlg::Es384,
            Self::Ed25519 => SigningAlg::EdDsa,
        }
    }
}

impl SigningAlg {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads the word exactly, as it stands in a token's header.
    pub fn parse(word: &str) -> Option<Self> {
        if word == "Ed25519" {
            return Some(Self::EdDsa);
        }
        Self::ALL.into_iter().find(|alg| alg.as_str() == word)
    }

    pub(super) const fn key_kind(self) -> KeyKind {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => {
                KeyKind::Rsa
            }
            Self::Es256 => KeyKind::P256,
            Self::Es384 => KeyKind::P384,
            Self::EdDsa => KeyKind::Ed25519,
        }
    }

    pub(super) const fn to_library(self) -> CoreJwsSigningAlgorithm {
        match self {
            Self::Rs256 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
            Self::Rs384 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
            Self::Rs512 => CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
            Self::Ps256 => CoreJwsSigningAlgorithm::RsaSsaPssSha256,
            Self::Ps384 => CoreJwsSigningAlgorithm::RsaSsaPssSha384,
            Self::Ps512 => CoreJwsSigningAlgorithm::RsaSsaPssSha512,
            Self::Es256 => CoreJwsSigningAlgorithm::EcdsaP256Sha256,
            Self::Es384 => CoreJwsSigningAlgorithm::EcdsaP384Sha384,
            Self::EdDsa => CoreJwsSigningAlgorithm::EdDsa,
        }
    }
}

impl fmt::Display for SigningAlg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself_for_us_and_for_the_library() {
        for alg in SigningAlg::ALL {
            assert_eq!(SigningAlg::parse(alg.as_str()), Some(alg));
            let wire = serde_json::to_value(alg.to_library()).unwrap();
            assert_eq!(wire, alg.to_string());
        }
    }

    #[test]
    fn ed25519_is_read_under_both_of_its_names() {
        for word in ["EdDSA", "Ed25519"] {
            assert_eq!(SigningAlg::parse(word), Some(SigningAlg::EdDsa), "{word}");
        }
    }

    #[test]
    fn id_2_symmetric_unsigned_and_misspelt_algorithms_cannot_be_configured() {
        for word in [
            "none", "None", "nOnE", "HS256", "HS384", "HS512", "rs256", "ES512", "",
        ] {
            assert_eq!(SigningAlg::parse(word), None, "{word}");
        }
    }
}
