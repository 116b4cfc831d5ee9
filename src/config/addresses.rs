//! URLs, origins and networks in the configuration. URLs must be https, or http on a loopback host
//! (SC-3).

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use url::Url;

use crate::loopback::is_trusted;

/// Path of an issuer's discovery document (OpenID Connect Discovery §4).
pub const DISCOVERY: &str = "/.well-known/openid-configuration";

/// The bridge's URL in the browser. All absolute URLs are built from it; `Host` and forwarded
/// headers are ignored (LR-10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: Origin,
    base_path: String,
}

impl PublicUrl {
    /// Parses the URL; refuses unsafe and unusable ones.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = checked(text)?;
        let path = url.path().trim_end_matches('/');
        require_plain(path)?;
        Ok(Self {
            base_path: path.to_owned(),
            origin: Origin(url.origin().ascii_serialization()),
        })
    }

    /// `https://bridge.example.com`
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// `/red5`; empty without a path.
    pub fn base_path(&self) -> &str {
        &self.base_path
    }

    /// Whether cookies can be `Secure` and use the `__Host-` prefix.
    pub fn is_https(&self) -> bool {
        self.origin.0.starts_with("https:")
    }

    /// The absolute URL of a path of the bridge, which begins with a slash.
    pub fn to(&self, path: &str) -> String {
        format!("{}{}{path}", self.origin.0, self.base_path)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin.0, self.base_path)
    }
}

/// URL of the streaming server, for the SDK and for lines to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// `https` or `http`.
    pub protocol: String,
    /// Host name or address.
    pub host: String,
    /// The port, also if it is the default one.
    pub port: u16,
    /// The application, such as `live`.
    pub app: String,
}

impl ServerUrl {
    /// Must be https except on loopback, because tokens are sent to it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let url = checked(text)?;
        let app = url.path().trim_matches('/');
        require_plain(app)?;
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) if !app.is_empty() => Ok(Self {
                protocol: url.scheme().to_owned(),
                host: host.to_owned(),
                port,
                app: app.to_owned(),
            }),
            _ => Err(
                "must be the server and its application, such as https://media.example.com/live"
                    .to_owned(),
            ),
        }
    }

    /// `https://media.example.com`, with the port unless it is the default one.
    pub fn origin(&self) -> String {
        let Self {
            protocol,
            host,
            port,
            ..
        } = self;
        match (protocol.as_str(), port) {
            ("https", 443) | ("http", 80) => format!("{protocol}://{host}"),
            _ => format!("{protocol}://{host}:{port}"),
        }
    }
}

/// Scheme, host and port, as a browser sends them in `Origin` (RFC 6454 §6.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

impl Origin {
    /// Parses an origin exactly as browsers send it: no path, no `*`, no default port.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = checked(text)?;
        let origin = url.origin().ascii_serialization();
        // A star would match nothing, although it is meant to match many hosts.
        if origin == text && !text.contains('*') {
            Ok(Self(origin))
        } else {
            Err(
                "each must be exactly as a browser sends it: scheme, host in lower case and without *, \
                 port unless it is the usual one, without path or slash at the end"
                    .to_owned(),
            )
        }
    }

    /// The value of the `Origin` header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks the issuer and returns it unchanged, because it is compared exactly.
pub(super) fn check_issuer(text: String) -> Result<String, String> {
    checked(&text)?;
    // A frequent mistake: the issuer is the part before this path.
    if text.ends_with(DISCOVERY) {
        return Err(format!(
            "is the address of the discovery document, not the issuer: leave out {DISCOVERY} at its end"
        ));
    }
    Ok(text)
}

fn require_plain(path: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
    if path.chars().all(plain) && !path.contains("//") {
        Ok(())
    } else {
        Err("its path may have A-Z a-z 0-9 - _ . ~ and single slashes".to_owned())
    }
}

fn checked(text: &str) -> Result<Url, String> {
    // The parser would ignore these characters, but the unchanged issuer would then match nothing.
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("must not have white space or control characters".to_owned());
    }
    let url = Url::parse(text).map_err(|_| "must be an absolute address".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password".to_owned());
    }
    if !is_trusted(&url) {
        return Err("must be https (http is accepted for a loopback host alone)".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have neither query nor fragment".to_owned());
    }
    Ok(url)
}

/// A set of networks, possibly empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Refuses probable mistakes: an address with bits beyond its prefix, IPv4 written as IPv6, and
    /// a prefix of zero, which means every address.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let networks = words.iter().map(|word| network(word));
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// Whether one of the networks contains `address`.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(word: &str) -> Result<IpNet, String> {
    // The standard library parses the address, as for `X-Forwarded-For`. Other parsers read 010 as
    // 10 or as 8.
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
        return Err("a prefix of 0 would be every address; name the networks".to_owned());
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
