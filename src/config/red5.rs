//! What the bridge has to know of the Red5 Pro server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use url::Url;

use super::reader::Reader;
use super::urls::is_protected;
use crate::domain::lifetime::TTL_MIN_SECONDS;
use crate::signer::SECRET_MIN_BYTES;

/// `RED5_*`
#[derive(Debug)]
pub struct Red5 {
    /// `RED5_JWT_SECRET`, decoded: the bytes that Red5 keys its HMAC with.
    pub secret: SecretSlice<u8>,
    /// `RED5_JWT_SECRET_ENCODING` is `base64`.
    pub secret_is_base64: bool,
    /// `RED5_JWT_ISSUER`: the server's `expectedIssuer`.
    pub issuer: Option<String>,
    /// `RED5_JWT_TTL_MINUTES` less `RED5_CLOCK_SKEW_SECONDS`, in seconds.
    pub longest_ttl_seconds: u32,
    /// `RED5_JWT_TTL_MINUTES`, in seconds: what the server itself refuses beyond.
    pub server_ttl_seconds: u32,
    /// `RED5_TOKEN_TTL_SECONDS`
    pub token_ttl_seconds: u32,
    /// `RED5_TOKEN_MAX_BYTES`
    pub token_max_bytes: usize,
    /// `RED5_SUBJECT`
    pub subject: SubjectClaim,
    /// `RED5_SERVER_URL`
    pub server_url: Option<ServerUrl>,
}

/// What becomes `sub` of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectClaim {
    /// The provider's subject.
    Subject,
    /// The user name.
    Username,
}

/// Where the streaming server is, for the SDK and for copy-and-paste lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// `https` or `http`.
    pub protocol: String,
    /// The host.
    pub host: String,
    /// The port, the usual one included.
    pub port: u16,
    /// The application, `live`.
    pub app: String,
}

/// Values from Red5's documentation: as secrets they are known to every reader.
const SAMPLES: [&str; 3] = ["changeme", "your-secret", "strong-32-byte-secret"];

impl Red5 {
    /// Reads them all.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let base64 = reader.parsed("RED5_JWT_SECRET_ENCODING", false, |value| match value {
            "utf8" => Ok(false),
            "base64" => Ok(true),
            _ => Err("must be utf8 or base64".to_owned()),
        });
        let secret = reader
            .required_secret(
                "RED5_JWT_SECRET",
                "the jwt.secret of the Red5 server; red5-bridge keygen makes one for both",
            )
            .and_then(|text| reader.judged("RED5_JWT_SECRET", decode(&text, base64?)));
        let issuer = reader.parsed("RED5_JWT_ISSUER", None, |value| {
            let plain = value.trim() == value && !value.contains(char::is_control);
            let reason = "has white space at its beginning or end, or a control character: Red5 \
                          compares it byte for byte";
            plain
                .then(|| Some(value.to_owned()))
                .ok_or_else(|| reason.to_owned())
        });
        let ttl_minutes = reader.number("RED5_JWT_TTL_MINUTES", 60, 2..=525_600);
        let skew = reader.number("RED5_CLOCK_SKEW_SECONDS", 30, 0..=3600);
        let longest = match (ttl_minutes, skew) {
            (Some(minutes), Some(skew)) => {
                let longest = (minutes * 60).checked_sub(skew);
                let longest = longest.filter(|longest| *longest >= TTL_MIN_SECONDS);
                reader.judged(
                    "RED5_CLOCK_SKEW_SECONDS",
                    longest.ok_or_else(|| "must leave a minute of RED5_JWT_TTL_MINUTES".to_owned()),
                )
            }
            _ => None,
        };
        let most = longest.unwrap_or(u32::MAX);
        let default = 300.min(most);
        let token_ttl_seconds = reader.parsed("RED5_TOKEN_TTL_SECONDS", default, |value| {
            let seconds = value.parse().ok();
            let seconds = seconds.filter(|seconds| (TTL_MIN_SECONDS..=most).contains(seconds));
            seconds.ok_or_else(|| match longest {
                Some(longest) => format!(
                    "must be a whole number from {TTL_MIN_SECONDS} to {longest}: Red5 refuses tokens that \
                     end later than RED5_JWT_TTL_MINUTES, and RED5_CLOCK_SKEW_SECONDS is kept below that"
                ),
                None => format!("must be a whole number of {TTL_MIN_SECONDS} or more"),
            })
        });
        let token_max_bytes = reader.number("RED5_TOKEN_MAX_BYTES", 4096, 512..=65_536);
        let subject = reader.parsed("RED5_SUBJECT", SubjectClaim::Subject, |value| match value {
            "subject" => Ok(SubjectClaim::Subject),
            "username" => Ok(SubjectClaim::Username),
            _ => Err("must be subject or username".to_owned()),
        });
        let server_url = reader.parsed("RED5_SERVER_URL", None, |value| {
            ServerUrl::parse(value).map(Some)
        });
        Some(Self {
            secret: secret?,
            secret_is_base64: base64?,
            issuer: issuer?,
            longest_ttl_seconds: longest?,
            server_ttl_seconds: ttl_minutes? * 60,
            token_ttl_seconds: token_ttl_seconds?,
            token_max_bytes: usize::try_from(token_max_bytes?).ok()?,
            subject: subject?,
            server_url: server_url?,
        })
    }
}

fn decode(text: &SecretString, base64: bool) -> Result<SecretSlice<u8>, String> {
    let text = text.expose_secret();
    let bytes = if base64 {
        STANDARD
            .decode(text)
            .map_err(|_| "is not base64, as RED5_JWT_SECRET_ENCODING says".to_owned())?
    } else {
        text.as_bytes().to_vec()
    };
    if bytes.len() < SECRET_MIN_BYTES {
        return Err(format!(
            "must be at least {SECRET_MIN_BYTES} bytes long; red5-bridge keygen makes one"
        ));
    }
    let lower = String::from_utf8_lossy(&bytes).to_lowercase();
    if SAMPLES.iter().any(|sample| lower.contains(sample)) || bytes.iter().all(|b| *b == bytes[0]) {
        return Err("is a sample value; red5-bridge keygen makes one".to_owned());
    }
    Ok(SecretSlice::from(bytes))
}

impl ServerUrl {
    fn parse(text: &str) -> Result<Self, String> {
        let example =
            "must be the server and its application, such as https://media.example.com/live";
        let url = Url::parse(text).map_err(|_| example.to_owned())?;
        if !is_protected(&url) {
            return Err(
                "must be https (http is accepted for a loopback host alone): tokens cross it"
                    .to_owned(),
            );
        }
        let app = url.path().trim_matches('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
        let bare = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) if bare && !app.is_empty() && app.chars().all(plain) => {
                Ok(Self {
                    protocol: url.scheme().to_owned(),
                    host: host.to_owned(),
                    port,
                    app: app.to_owned(),
                })
            }
            _ => Err(example.to_owned()),
        }
    }
}
