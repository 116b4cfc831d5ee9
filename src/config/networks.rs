//! Networks, as operators write them: `10.1.0.0/16`, `fd00:1::/32`, or one address.

use std::net::IpAddr;

use ipnet::IpNet;

/// Some networks; none is a good set too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Refuses what was probably meant otherwise: an address with bits beyond
    /// its prefix, IPv4 written as IPv6, and a prefix of zero, which is everybody.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let networks = words.iter().map(|word| network(word));
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// Whether `address` is in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(word: &str) -> Result<IpNet, String> {
    // The standard library reads the address, here as in what a proxy sends:
    // to others 010 is 10, or 8.
    let read = match word.split_once('/') {
        None => word.parse::<IpAddr>().ok().map(IpNet::from),
        Some((address, prefix)) => address.parse().ok().and_then(|address| {
            let prefix = prefix.parse().ok()?;
            IpNet::new(address, prefix).ok()
        }),
    };
    let network = read.ok_or_else(|| {
        "each must be an address or a network such as 10.1.0.0/16 or fd00:1::/32".to_owned()
    })?;
    if network.prefix_len() == 0 {
        return Err("a prefix of 0 would be everybody; name the networks".to_owned());
    }
    if network.addr() != network.network() {
        return Err(
            "a network must end where its prefix does: 10.1.0.0/16, not 10.1.2.3/16".to_owned(),
        );
    }
    if network.addr().to_canonical() != network.addr() {
        return Err(
            "IPv4 must be written as IPv4: 10.1.0.0/16, not ::ffff:10.1.0.0/112".to_owned(),
        );
    }
    Ok(network)
}
