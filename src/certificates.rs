//! The certificates of a PEM file: all of them, or a reason that names the one that is wrong.
//!
//! The libraries pass over what they do not know, or refuse the file without saying where; one
//! certificate less is an authority that is missing on the day it is needed.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Reads authorities out of PEM text. Other text may stand between them, as
/// `openssl x509 -text` writes it. Certificates are counted from 1.
///
/// # Errors
/// When one of them, or anything else that is marked as PEM, is not a certificate that can serve
/// as an authority; the reason continues "the file".
pub fn read(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
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
