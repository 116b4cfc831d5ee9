//! TLS to the provider and to Postgres: the authorities of a PEM file, and why a connection fails, as
//! far as the library's error says it.

use std::error::Error;
use std::io;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, InvalidMessage, RootCertStore};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Reads authorities out of PEM text. Other text may stand between them, as
/// `openssl x509 -text` writes it. Certificates are counted from 1.
///
/// The libraries pass over what they do not know, or refuse the file without saying where; one
/// certificate less is an authority that is missing on the day it is needed.
///
/// # Errors
/// When one of them, or anything else that is marked as PEM, is not a certificate that can serve
/// as an authority; the reason continues "the file".
pub fn read_authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem);
    let Ok(text) = std::str::from_utf8(text) else {
        return Err(
            "is not PEM text (openssl x509 -inform der -in FILE writes a binary certificate as PEM)"
                .to_owned(),
        );
    };
    let (mut found, mut reasons) = (Vec::new(), Vec::new());
    let (mut number, mut open) = (0, None::<String>);
    for (line_number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let is_marker = line.contains("--") && (line.contains("BEGIN") || line.contains("END"));
        match (line, open.take()) {
            (BEGIN, before) => {
                if before.is_some() {
                    reasons.push(format!("has no end of certificate {number}"));
                }
                number += 1;
                open = Some(format!("{BEGIN}\n"));
            }
            (END, Some(section)) => match certificate(&format!("{section}{END}\n")) {
                Ok(certificate) => found.push(certificate),
                Err(flaw) => reasons.push(format!("has a certificate {number} {flaw}")),
            },
            (END, None) => {
                reasons.push(format!(
                    "has an end without a beginning in line {line_number}"
                ));
            }
            (_, section) if is_marker => {
                reasons.push(format!(
                    "has something else than a certificate in line {line_number}"
                ));
                open = section;
            }
            (_, section) => open = section.map(|section| format!("{section}{line}\n")),
        }
    }
    if open.is_some() {
        reasons.push(format!("has no end of certificate {number}"));
    }
    if found.is_empty() && reasons.is_empty() {
        reasons.push("holds no PEM certificate".to_owned());
    }
    if reasons.is_empty() {
        Ok(found)
    } else {
        Err(reasons.join(", and "))
    }
}

fn certificate(section: &str) -> Result<CertificateDer<'static>, &'static str> {
    let certificate =
        CertificateDer::from_pem_slice(section.as_bytes()).map_err(|_| "whose base64 is broken")?;
    RootCertStore::empty()
        .add(certificate.clone())
        .map_err(|_| "that is broken, or none")?;
    Ok(certificate)
}

/// Why there is no connection by TLS; of the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlsFlaw {
    /// No chain leads to an authority that is trusted here.
    #[error("its certificate is of an authority that is not trusted here")]
    UnknownAuthority,
    /// The certificate is for other hosts.
    #[error("its certificate does not name this host")]
    OtherHost,
    /// By this machine's clock.
    #[error("its certificate has expired")]
    Expired,
    /// By this machine's clock.
    #[error("its certificate is not valid yet")]
    NotYetValid,
    /// What it sends is no TLS.
    #[error("what answers at this port speaks no TLS, but probably plain http")]
    NoTls,
    /// It ends the handshake, or offers what is not accepted here.
    #[error(
        "it refuses the handshake (TLS 1.2 or newer is needed; client certificates are not supported)"
    )]
    Refused,
    /// Anything else.
    #[error("its certificate or its handshake is not acceptable")]
    Other,
}

impl TlsFlaw {
    /// What the TLS library says somewhere below `error`; none where it says nothing.
    pub fn below(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref() {
                return Some(Self::of(error));
            }
            let wrapped = error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::get_ref);
            next = match wrapped {
                // The source of such an error is the one below what it wraps.
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        None
    }

    fn of(error: &rustls::Error) -> Self {
        use CertificateError as C;
        match error {
            rustls::Error::InvalidCertificate(flaw) => match flaw {
                C::UnknownIssuer | C::BadSignature => Self::UnknownAuthority,
                C::NotValidForName | C::NotValidForNameContext { .. } => Self::OtherHost,
                C::Expired | C::ExpiredContext { .. } => Self::Expired,
                C::NotValidYet | C::NotValidYetContext { .. } => Self::NotYetValid,
                _ => Self::Other,
            },
            // RFC 8446 §5.1: the first byte of a record; an answer in HTTP begins with an H.
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NoTls,
            rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => Self::Refused,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_however_deep_it_lies() {
        let expired = || rustls::Error::InvalidCertificate(CertificateError::Expired);
        let once = io::Error::new(io::ErrorKind::InvalidData, expired());
        assert_eq!(TlsFlaw::below(&once), Some(TlsFlaw::Expired));
        // As the HTTP client has it.
        let twice = io::Error::other(once);
        assert_eq!(TlsFlaw::below(&twice), Some(TlsFlaw::Expired));
        assert_eq!(TlsFlaw::below(&expired()), Some(TlsFlaw::Expired));
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(TlsFlaw::below(&refused), None);
        assert_eq!(TlsFlaw::below(&io::Error::other("closed")), None);
    }

    #[test]
    fn a_server_that_ends_the_handshake_is_told_from_one_whose_certificate_is_refused() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion);
        assert_eq!(TlsFlaw::below(&alert), Some(TlsFlaw::Refused));
        let revoked = rustls::Error::InvalidCertificate(CertificateError::Revoked);
        assert_eq!(TlsFlaw::below(&revoked), Some(TlsFlaw::Other));
    }
}
