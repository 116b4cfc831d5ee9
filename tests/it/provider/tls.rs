//! Certificates to be shown (`certificates/make.sh` makes them): good ones, and ones
//! that must not be accepted.

use std::path::PathBuf;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where it is.
pub fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/provider/certificates"
    ))
    .join(name)
}

/// What to configure as `OIDC_CA_FILE`.
pub fn authority_file() -> String {
    file("authority.pem").to_str().unwrap().to_owned()
}

/// The same, for an HTTP client.
pub fn authority() -> reqwest::Certificate {
    reqwest::Certificate::from_pem(&std::fs::read(authority_file()).unwrap()).unwrap()
}

/// A server that shows the certificate of this name: `good`, `expired`, `not-yet-valid`, `other-host`
/// or `of-unknown-authority`.
pub fn showing(name: &str) -> ServerConfig {
    red5_bridge::oidc::http::install_crypto();
    let certificate = CertificateDer::from_pem_file(file(&format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_file(file(&format!("{name}.key"))).unwrap();
    ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}
