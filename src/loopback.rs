//! The one definition of "this machine" in an address, and of an address that may be told secrets.

use url::{Host, Url};

/// Whether the host is `localhost`, or an address of 127.0.0.0/8 or `::1` (RFC 6890): what is
/// sent there crosses no network.
pub fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// Whether something secret may be sent to this address: https, or http to this machine. User
/// information in an address is a way to disguise its host.
pub fn is_trusted(url: &Url) -> bool {
    let anonymous = url.username().is_empty() && url.password().is_none();
    anonymous
        && match (url.scheme(), url.host()) {
            ("https", Some(_)) => true,
            ("http", Some(host)) => is_loopback(&host),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sc_3_this_machine_is_localhost_and_the_loopback_addresses() {
        for (host, ours) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("127.0.0.2", true),
            ("[::1]", true),
            ("localhost.example", false),
            ("128.0.0.1", false),
            ("[::2]", false),
            ("0.0.0.0", false),
        ] {
            assert_eq!(is_loopback(&Host::parse(host).unwrap()), ours, "{host}");
        }
    }

    fn trusted(address: &str) -> bool {
        is_trusted(&Url::parse(address).unwrap())
    }

    #[test]
    fn jw_2_https_is_trusted_and_http_only_on_this_machine() {
        assert!(trusted("https://id.example.com/token"));
        assert!(trusted("http://127.0.0.1:9000/token"));
        assert!(trusted("http://127.0.0.2/token"));
        assert!(trusted("http://[::1]:9000/token"));
        assert!(trusted("http://localhost/token"));
        for address in [
            "http://id.example.com/token",
            "http://10.0.0.1/token",
            "http://128.0.0.2/token",
            "http://[::2]/token",
            "http://localhost.example.com/token",
            "http://169.254.169.254/latest",
            "ftp://localhost/token",
            "file:///etc/passwd",
            "data:application/json,{}",
        ] {
            assert!(!trusted(address), "{address}");
        }
    }

    #[test]
    fn jw_2_an_address_with_user_information_is_not_trusted() {
        assert!(!trusted("https://id.example.com@evil.example/token"));
        assert!(!trusted("https://:secret@id.example.com/token"));
    }
}
