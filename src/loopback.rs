//! The one definition of "this machine" in an address.

use url::Host;

/// Whether the host is `localhost`, or an address of 127.0.0.0/8 or `::1` (RFC 6890): what is
/// sent there crosses no network.
pub fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
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
}
