//! Where a provider is.

use std::net::TcpListener;

/// A port on this machine that was free a moment ago.
pub struct Place {
    pub(super) port: u16,
}

impl Place {
    /// Finds one.
    pub fn free() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        Self {
            port: listener.local_addr().unwrap().port(),
        }
    }

    /// The issuer of a provider there.
    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
