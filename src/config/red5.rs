//! `RED5_*`: the Red5 Pro server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use super::addresses::{Networks, ServerUrl};
use super::reader::{Reader, parse_list};
use crate::domain::lifetime::TTL_MIN_SECONDS;
use crate::domain::round_trip::RoomCheck;
use crate::signer::SECRET_MIN_BYTES;

/// `RED5_*`
#[derive(Debug)]
pub struct Red5 {
    /// `RED5_JWT_SECRET`, decoded: the key of Red5's HMAC.
    pub secret: SecretSlice<u8>,
    /// Whether `RED5_JWT_SECRET_ENCODING` is `base64`.
    pub secret_is_base64: bool,
    /// `RED5_JWT_ISSUER`: the server's `expectedIssuer`.
    pub issuer: Option<String>,
    /// `RED5_JWT_TTL_MINUTES` minus `RED5_CLOCK_SKEW_SECONDS`, in seconds.
    pub longest_ttl_seconds: u32,
    /// `RED5_JWT_TTL_MINUTES` in seconds: the server refuses tokens that live longer.
    pub server_ttl_seconds: u32,
    /// `RED5_TOKEN_TTL_SECONDS`
    pub token_ttl_seconds: u32,
    /// `RED5_TOKEN_MAX_BYTES`
    pub token_max_bytes: usize,
    /// `RED5_SUBJECT`
    pub subject: SubjectClaim,
    /// `RED5_SERVER_URL`
    pub server_url: Option<ServerUrl>,
    /// `RED5_SERVER_KIND`
    pub server_kind: ServerKind,
    /// `RED5_NODE_GROUP`: the node group of a Stream Manager.
    pub node_group: Option<String>,
    /// `RED5_ROUND_TRIP_NETWORKS`: the servers that may ask about tokens; none by default.
    pub round_trip_networks: Networks,
    /// `RED5_ROUND_TRIP_ROOM`
    pub room_check: RoomCheck,
}

/// The value of a token's `sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectClaim {
    /// The provider's subject.
    Subject,
    /// The user name.
    Username,
}

/// What answers at `RED5_SERVER_URL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// A Red5 Pro server.
    Standalone,
    /// A Stream Manager 2.0, whose proxy leads clients to a node.
    StreamManager,
}

/// Longest name of a node group.
const NODE_GROUP_MAX: usize = 128;

/// Sample values from Red5's documentation, known to every reader.
const SAMPLES: [&str; 3] = ["changeme", "your-secret", "strong-32-byte-secret"];

impl Red5 {
    /// Reads them all.
    pub fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let encodings = [("utf8", false), ("base64", true)];
        let secret_is_base64 = reader.choice("RED5_JWT_SECRET_ENCODING", encodings);
        let secret = reader.required_secret(
            "RED5_JWT_SECRET",
            "the jwt.secret of the Red5 server; red5-bridge keygen makes one for both",
        );
        let secret = secret.filter(|_| !reader.has_problem("RED5_JWT_SECRET_ENCODING"));
        let secret = secret
            .and_then(|text| reader.accept("RED5_JWT_SECRET", decode(&text, secret_is_base64)));
        let before = reader.problem_count();
        let server_ttl_seconds = 60 * reader.number("RED5_JWT_TTL_MINUTES", 60_u32, 2..=525_600);
        let skew = reader.number("RED5_CLOCK_SKEW_SECONDS", 30, 0..=3600);
        let longest = server_ttl_seconds.saturating_sub(skew);
        let longest = if reader.problem_count() > before {
            None
        } else if longest < TTL_MIN_SECONDS {
            let reason = "must leave a minute of RED5_JWT_TTL_MINUTES";
            reader.problem("RED5_CLOCK_SKEW_SECONDS", reason);
            None
        } else {
            Some(longest)
        };
        Some(Self {
            issuer: reader.parsed("RED5_JWT_ISSUER", None, |value| {
                let plain = value.trim() == value && !value.contains(char::is_control);
                let reason = "has white space at its beginning or end, or a control character: \
                              Red5 compares it byte for byte";
                plain
                    .then(|| Some(value.to_owned()))
                    .ok_or_else(|| reason.to_owned())
            }),
            token_ttl_seconds: read_token_ttl(reader, longest),
            token_max_bytes: reader.number("RED5_TOKEN_MAX_BYTES", 4096, 512..=65_536),
            subject: reader.choice(
                "RED5_SUBJECT",
                [
                    ("subject", SubjectClaim::Subject),
                    ("username", SubjectClaim::Username),
                ],
            ),
            server_url: reader.parsed("RED5_SERVER_URL", None, |value| {
                ServerUrl::parse(value).map(Some)
            }),
            server_kind: reader.choice(
                "RED5_SERVER_KIND",
                [
                    ("standalone", ServerKind::Standalone),
                    ("stream-manager", ServerKind::StreamManager),
                ],
            ),
            node_group: reader.parsed("RED5_NODE_GROUP", None, |value| {
                // It becomes a part of addresses and command lines.
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                let fits = value.len() <= NODE_GROUP_MAX && value.chars().all(plain);
                fits.then(|| Some(value.to_owned()))
                    .ok_or_else(|| format!("must be 1 to {NODE_GROUP_MAX} of A-Z a-z 0-9 - _ ."))
            }),
            round_trip_networks: reader.parsed(
                "RED5_ROUND_TRIP_NETWORKS",
                Networks::default(),
                |value| Networks::parse(&parse_list(value)?),
            ),
            room_check: reader.choice(
                "RED5_ROUND_TRIP_ROOM",
                [
                    ("refuse", RoomCheck::Refuse),
                    ("ignore", RoomCheck::Ignore),
                    ("prefix", RoomCheck::Prefix),
                ],
            ),
            secret_is_base64,
            server_ttl_seconds,
            secret: secret?,
            longest_ttl_seconds: longest?,
        })
    }
}

/// `longest`: the server's limit, if known.
fn read_token_ttl(reader: &mut Reader<'_>, longest: Option<u32>) -> u32 {
    let most = longest.unwrap_or(u32::MAX);
    reader.parsed("RED5_TOKEN_TTL_SECONDS", most.min(300), |value| {
        let seconds = value.parse().ok();
        let seconds = seconds.filter(|seconds| (TTL_MIN_SECONDS..=most).contains(seconds));
        seconds.ok_or_else(|| match longest {
            Some(longest) => format!(
                "must be a whole number from {TTL_MIN_SECONDS} to {longest}: Red5 refuses tokens that \
                 end later than RED5_JWT_TTL_MINUTES, and RED5_CLOCK_SKEW_SECONDS is kept below that"
            ),
            None => format!("must be a whole number of {TTL_MIN_SECONDS} or more"),
        })
    })
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
