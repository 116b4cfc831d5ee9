//! The client's address, for the audit log, the rate limits and a person's list of own sessions.
//! Addresses never decide about permissions (LG-6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::{HttpRequest, web};

use crate::config::addresses::Networks;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Proxies whose `X-Forwarded-For` is trusted. Other headers are never read: `Forwarded`,
/// `X-Forwarded-Host`, `X-Forwarded-Proto`, `X-Real-IP`.
#[derive(Debug, Clone)]
pub struct TrustedProxies(pub Networks);

impl TrustedProxies {
    /// The client's address: the peer of the connection; if that is a trusted proxy, the right-most
    /// forwarded address that is not one. A client can only add addresses to the left of those that
    /// proxies append. If anything up to there is not an address, the forwarded addresses are
    /// ignored.
    fn client(&self, request: &HttpRequest) -> Option<IpAddr> {
        let peer = request.peer_addr()?.ip().to_canonical();
        if !self.0.contain(peer) {
            return Some(peer);
        }
        let mut client = peer;
        let lines: Vec<_> = request.headers().get_all(FORWARDED_FOR).collect();
        for line in lines.into_iter().rev() {
            let Ok(line) = line.to_str() else {
                return Some(peer);
            };
            for hop in line.rsplit(',') {
                let Some(address) = parse(hop.trim_matches([' ', '\t'])) else {
                    return Some(peer);
                };
                client = address;
                if !self.0.contain(address) {
                    return Some(client);
                }
            }
        }
        Some(client)
    }
}

/// The client's address; `None` on a socket without addresses.
pub fn address(request: &HttpRequest) -> Option<IpAddr> {
    let proxies = request.app_data::<web::Data<TrustedProxies>>()?;
    proxies.client(request)
}

/// The client's network, for counting: one household has a whole /64 of IPv6, and could use another
/// address for each request. All clients without an address count as one network.
pub fn network(request: &HttpRequest) -> IpAddr {
    network_of(address(request).unwrap_or(Ipv4Addr::UNSPECIFIED.into()))
}

pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let network = v6.to_bits() & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Parses `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:4711`;
/// the zone of a link-local address is dropped.
fn parse(hop: &str) -> Option<IpAddr> {
    let with_port = || Some(hop.parse::<SocketAddr>().ok()?.ip());
    let bare = hop
        .strip_prefix('[')
        .map_or(Some(hop), |inner| inner.strip_suffix(']'));
    let without_zone = bare.and_then(|bare| bare.split('%').next());
    let address = without_zone.and_then(|text| text.parse::<IpAddr>().ok());
    Some(address.or_else(with_port)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn proxies(words: &[&str]) -> TrustedProxies {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        TrustedProxies(Networks::parse(&words).unwrap())
    }

    /// The client of a request from `peer` with these lines.
    fn client(trusted: &[&str], peer: &str, lines: &[&[u8]]) -> String {
        let mut request = TestRequest::get().peer_addr(format!("{peer}:4711").parse().unwrap());
        for line in lines {
            let value = actix_web::http::header::HeaderValue::from_bytes(line).unwrap();
            request = request.append_header((FORWARDED_FOR, value));
        }
        let found = proxies(trusted).client(&request.to_http_request());
        found.unwrap().to_string()
    }

    const NETS: &[&str] = &["10.0.0.0/8", "fd00::/8", "192.0.2.1"];

    #[test]
    fn lg_6_a_peer_that_is_no_trusted_proxy_is_the_client_whatever_it_says() {
        for trusted in [&[][..], NETS] {
            assert_eq!(
                client(trusted, "203.0.113.9", &[b"198.51.100.1"]),
                "203.0.113.9"
            );
        }
        assert_eq!(client(&[], "10.0.0.1", &[b"198.51.100.1"]), "10.0.0.1");
        assert_eq!(client(NETS, "192.0.2.2", &[b"198.51.100.1"]), "192.0.2.2");
    }

    #[test]
    fn lg_6_the_right_most_address_that_is_no_proxy_is_the_client() {
        for (lines, expected) in [
            (&[&b"198.51.100.1"[..]][..], "198.51.100.1"),
            (&[b"6.6.6.6, 198.51.100.1"], "198.51.100.1"),
            (&[b"6.6.6.6,198.51.100.1 ,\t10.9.9.9"], "198.51.100.1"),
            (&[b"6.6.6.6", b"198.51.100.1", b"10.9.9.9"], "198.51.100.1"),
            (&[b"garbage, 198.51.100.1"], "198.51.100.1"),
            (&[b"198.51.100.1:4711"], "198.51.100.1"),
            (&[b"2001:db8::7"], "2001:db8::7"),
            (&[b"[2001:db8::7]"], "2001:db8::7"),
            (&[b"[2001:db8::7]:4711"], "2001:db8::7"),
            (&[b"fe80::1%eth0"], "fe80::1"),
            (&[b"[fe80::1%25eth0]"], "fe80::1"),
            (&[b"::ffff:198.51.100.1"], "198.51.100.1"),
            (&[b"198.51.100.1, ::ffff:10.1.1.1"], "198.51.100.1"),
            (&[b"198.51.100.1, fd00::2"], "198.51.100.1"),
            // Proxies alone: the first one that spoke.
            (&[b"10.0.0.7, 10.0.0.8"], "10.0.0.7"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client(NETS, "10.0.0.1", lines), expected, "{lines:?}");
        }
        assert_eq!(
            client(NETS, "[::ffff:10.0.0.1]", &[b"198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            client(NETS, "[fd00::1]", &[b"198.51.100.1"]),
            "198.51.100.1"
        );
    }

    #[test]
    fn lg_6_what_cannot_be_read_makes_the_proxy_the_client() {
        for line in [
            &b""[..],
            b",",
            b"198.51.100.1,",
            b"198.51.100.1, garbage",
            b"198.51.100.1, garbage, 10.1.1.1",
            b"unknown",
            b"_hidden",
            b"\"198.51.100.1\"",
            b"for=198.51.100.1",
            b"198.51.100",
            b"198.51.100.1.1",
            b"198.051.100.1",
            b"0xc6336401",
            b"3325256705",
            b"198.51.100.1:",
            b"198.51.100.1:99999",
            b"198.51.100.1 198.51.100.2",
            b"[198.51.100.1",
            b"[2001:db8::7",
            b"2001:db8::7]",
            b"[[2001:db8::7]]",
            b"2001:db8::7:::",
            b"%",
            b"[]",
            b"[%]",
            b"]",
            b"[]:1",
            b"\xff\xfe",
            "１９８.51.100.1".as_bytes(),
        ] {
            assert_eq!(client(NETS, "10.0.0.1", &[line]), "10.0.0.1", "{line:?}");
        }
        let many = [b"10.1.1.1,".repeat(10_000), b"198.51.100.1".to_vec()].concat();
        assert_eq!(client(NETS, "10.0.0.1", &[&many]), "198.51.100.1");
    }

    #[test]
    fn lg_6_networks_are_compared_by_their_prefix() {
        let narrow = proxies(&["10.1.0.0/16", "fd00:1::/32", "192.0.2.1"]);
        let is = |text: &str| narrow.0.contain(text.parse().unwrap());
        for inside in [
            "10.1.255.255",
            "::ffff:10.1.0.0",
            "fd00:1:ffff::1",
            "192.0.2.1",
        ] {
            assert!(is(inside), "{inside}");
        }
        for outside in [
            "10.2.0.0",
            "fd00:2::1",
            "192.0.2.2",
            "::10.1.0.0",
            "::1",
            "127.0.0.1",
        ] {
            assert!(!is(outside), "{outside}");
        }
    }
}
