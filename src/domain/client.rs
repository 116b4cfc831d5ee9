//! OAuth clients: apps, services and encoders that an administrator has registered (RFC 6749 §2).

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use strum::VariantArray;
use url::{Position, Url};

use super::grant::{Ask, Scope};
use super::lifetime::TTL_MIN_SECONDS;
use super::mapping::{self, MAX_TTL_SECONDS_MAX};
use super::members::{FieldError, Members};
use super::time;
use crate::loopback::is_loopback;

/// Longest client id in characters.
pub const CLIENT_ID_MAX: usize = 64;

/// Longest name in characters.
pub const CLIENT_NAME_MAX: usize = 100;

/// Most redirect URIs, and most origins, of one client.
pub const ADDRESSES_MAX: usize = 50;

/// Longest redirect URI or origin in bytes.
pub const ADDRESS_MAX: usize = 512;

/// Members that the bridge writes; an edit may send them back.
const READ_ONLY: [&str; 6] = [
    "id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
];

/// `client_id` (RFC 6749 §2.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ClientId(String);

impl ClientId {
    /// 1 to [`CLIENT_ID_MAX`] of `A-Z a-z 0-9 . _ -`, compared exactly; not `.` or `..`, which no address can hold.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=CLIENT_ID_MAX).contains(&text.len()) && !matches!(text, "." | "..");
        let fits = fits && text.chars().all(allowed);
        fits.then(|| Self(text.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a client can keep a secret (RFC 6749 §2.1). It cannot change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::EnumString, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ClientKind {
    /// Runs in a browser or on a device: it has no secret.
    Public,
    /// Authenticates with a secret.
    Confidential,
}

/// What a client may present for a token.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    VariantArray,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1
    AuthorizationCode,
    /// RFC 6749 §6
    RefreshToken,
    /// RFC 8628
    DeviceCode,
    /// RFC 8693
    TokenExchange,
}

/// An address to which a browser may be sent with a code (RFC 6749 §3.1.2).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Absolute, without a fragment or `*`: https, http to a loopback host (RFC 8252 §7.3), or a private-use
    /// scheme that contains a dot (RFC 8252 §7.1). The text is kept as it is, because it is compared so.
    pub fn parse(text: &str) -> Result<Self, String> {
        let strange =
            |c: char| !c.is_ascii_graphic() || matches!(c, '\\' | '"' | '<' | '>' | '`' | '*');
        if text.len() > ADDRESS_MAX || text.contains(strange) {
            return Err(format!(
                "must be an absolute address of at most {ADDRESS_MAX} ASCII characters, without * and white space"
            ));
        }
        let url = Url::parse(text).map_err(|_| "must be an absolute address".to_owned())?;
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err("must have neither a fragment nor a user name".to_owned());
        }
        let good = match url.scheme() {
            "https" => url.has_host(),
            "http" => url.host().is_some_and(|host| is_loopback(&host)),
            scheme => scheme.contains('.'),
        };
        if !good {
            return Err(
                "must be https, http to a loopback host, or a private-use scheme with a dot in it, such as com.example.app:/done"
                    .to_owned(),
            );
        }
        // Otherwise what a browser opens would differ from what is compared.
        if matches!(url.scheme(), "http" | "https")
            && url.as_str() != text
            && url.as_str() != format!("{text}/")
        {
            return Err(format!("must be written as a browser opens it: {url}"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request names this address. They are compared as strings (RFC 9700 §4.1.3), but for the
    /// port of a loopback address: an app on the machine listens on one that is free (RFC 8252 §7.3).
    pub fn admits(&self, requested: &str) -> bool {
        if self.0 == requested {
            return true;
        }
        let portless = |text: &str| {
            let url = Url::parse(text).ok()?;
            let local = url.scheme() == "http" && url.host().is_some_and(|host| is_loopback(&host));
            let plain = url.as_str() == text || url.as_str() == format!("{text}/");
            let anonymous = url.username().is_empty() && url.password().is_none();
            (local && plain && anonymous && url.fragment().is_none()).then(|| {
                let host = url[..Position::AfterHost].to_owned();
                (host, url[Position::BeforePath..].to_owned())
            })
        };
        portless(&self.0).is_some_and(|own| portless(requested) == Some(own))
    }

    /// The origin as browsers send it, or the scheme with its colon where there is none: what a policy for
    /// forms names (CSP Level 3, `form-action`).
    pub fn origin_or_scheme(&self) -> String {
        origin_of(&self.0).unwrap_or_else(|| {
            let end = self.0.find(':').unwrap_or_default();
            format!("{}:", &self.0[..end])
        })
    }
}

/// The origin of an http or https address, as a browser sends it.
pub fn origin_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.origin().ascii_serialization())
}

/// The origins of a client that states none: those of its redirect URIs, sorted.
pub fn default_origins(redirect_uris: &[RedirectUri]) -> Vec<String> {
    let origins = redirect_uris.iter();
    let origins: BTreeSet<String> = origins.filter_map(|uri| origin_of(uri.as_str())).collect();
    origins.into_iter().collect()
}

/// What an administrator decides about a client. Serialized, these are the members of its JSON, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClientDraft {
    /// What pages call it.
    pub name: String,
    /// Whether it can keep a secret.
    pub kind: ClientKind,
    /// Whether its people are not asked for consent.
    pub trusted: bool,
    /// What it may present for a token.
    pub grants: BTreeSet<GrantType>,
    /// Where its people may be sent back to.
    pub redirect_uris: Vec<RedirectUri>,
    /// Which pages may read the answers of `/oauth2/*`.
    pub origins: Vec<String>,
    /// The most that its tokens may carry; `None`: whatever is granted.
    pub max: Option<Scope>,
    /// The longest life of its tokens.
    pub max_ttl_seconds: Option<u32>,
    /// Whether it gets tokens now.
    pub enabled: bool,
    /// What the administrator wrote beside it.
    pub note: String,
}

impl ClientDraft {
    /// Reads a new client. Its id is `None` if none was chosen.
    ///
    /// # Errors
    /// Each invalid field, and each member that no client has.
    pub fn parse(sent: Map<String, Value>) -> Result<(Option<ClientId>, Self), Vec<FieldError>> {
        Members::judge(sent, |members| {
            let id = members.text("id").map(|text| {
                let id = ClientId::parse(&text);
                if id.is_none() {
                    let reason = format!(
                        "an id is 1 to {CLIENT_ID_MAX} characters out of A-Z a-z 0-9 . _ -, and not . or .."
                    );
                    members.refuse("id", reason);
                }
                id
            });
            // Before the id is judged: an early return would report the members that were not read yet as unknown.
            let draft = Self::read(members);
            let id = match id {
                None => None,
                Some(id) => Some(id?),
            };
            Some((id, draft?))
        })
    }

    /// Reads a client that is edited: its read-only members are left alone.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_edit(mut sent: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        sent.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
        Members::judge(sent, Self::read)
    }

    fn read(members: &mut Members) -> Option<Self> {
        let name = members.text("name").unwrap_or_default();
        let fits = (1..=CLIENT_NAME_MAX).contains(&name.chars().count());
        if !fits || name.trim().is_empty() || name.chars().any(char::is_control) {
            let reason =
                format!("a name is 1 to {CLIENT_NAME_MAX} characters, without control characters");
            members.refuse("name", reason);
        }
        let kind = members.text("kind").unwrap_or_default().parse().ok();
        if kind.is_none() {
            members.refuse("kind", "must be public or confidential");
        }
        let trusted = members.flag("trusted").unwrap_or_default();
        let grants = members.words("grants").and_then(|words| {
            let reason = "must be authorization_code, refresh_token, device_code or token_exchange";
            members.list("grants", &words, |word| {
                word.parse().map_err(|_| reason.to_owned())
            })
        });
        if grants.is_none() {
            members.refuse("grants", "must be a list of one or more grant types");
        }
        let grants: BTreeSet<GrantType> = grants.iter().flatten().copied().collect();
        let redirect_uris = addresses(members, "redirect_uris", RedirectUri::parse);
        let redirect_uris = redirect_uris.unwrap_or_default();
        if grants.contains(&GrantType::AuthorizationCode) && redirect_uris.is_empty() {
            members.refuse(
                "redirect_uris",
                "must have one or more addresses for authorization_code",
            );
        }
        if grants.iter().eq([&GrantType::RefreshToken]) {
            members.refuse(
                "grants",
                "refresh_token needs authorization_code or device_code beside it",
            );
        }
        let origins = if members.has("origins") {
            addresses(members, "origins", origin).unwrap_or_default()
        } else {
            default_origins(&redirect_uris)
        };
        let max = scope_limit(members);
        let max_ttl_seconds = members.number("max_ttl_seconds").and_then(|seconds| {
            let seconds = u32::try_from(seconds).ok();
            let fits = seconds.filter(|it| (TTL_MIN_SECONDS..=MAX_TTL_SECONDS_MAX).contains(it));
            if fits.is_none() {
                let reason =
                    format!("must be {TTL_MIN_SECONDS} to {MAX_TTL_SECONDS_MAX}, or left out");
                members.refuse("max_ttl_seconds", reason);
            }
            fits
        });
        let enabled = if members.has("enabled") {
            members.flag("enabled").unwrap_or_default()
        } else {
            true
        };
        let note = mapping::note(members);
        Some(Self {
            name,
            kind: kind?,
            trusted,
            grants,
            redirect_uris,
            origins,
            max,
            max_ttl_seconds,
            enabled,
            note,
        })
    }
}

/// A list of addresses, without duplicates, in the order in which they were written.
fn addresses<T: PartialEq>(
    members: &mut Members,
    field: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<Vec<T>> {
    let texts = members.texts(field, ADDRESSES_MAX)?;
    let mut list = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        match read(text) {
            Ok(address) if list.contains(&address) => {}
            Ok(address) => list.push(address),
            Err(reason) => members.refuse(format!("{field}[{i}]"), reason),
        }
    }
    Some(list)
}

/// An origin exactly as browsers send it (RFC 6454 §6.2): https, or http on a loopback host.
fn origin(text: &str) -> Result<String, String> {
    let reason = "must be exactly as a browser sends it: https (http for a loopback host alone), host in lower case and \
                  without *, port unless it is the usual one, without a path or a slash at the end";
    let url = Url::parse(text).map_err(|_| reason.to_owned())?;
    let trusted = match url.scheme() {
        "https" => true,
        "http" => url.host().is_some_and(|host| is_loopback(&host)),
        _ => false,
    };
    let exact = url.origin().ascii_serialization() == text && !text.contains('*');
    if trusted && exact && text.len() <= ADDRESS_MAX {
        Ok(text.to_owned())
    } else {
        Err(reason.to_owned())
    }
}

/// `max`; `None` if there is no limit. Of an invalid one `members` has the errors.
fn scope_limit(members: &mut Members) -> Option<Scope> {
    members.drop_null("max");
    if !members.has("max") {
        return None;
    }
    let object = members.object("max")?;
    members.within("max", object, |members| {
        for list in ["roles", "transports", "rooms"] {
            if !members.has(list) {
                let reason = "must be a list; for any transport or room write * alone";
                members.refuse(list, reason);
            }
        }
        let ask = Ask::read(members);
        Some(Scope {
            roles: ask.roles?,
            transports: ask.transports?,
            rooms: ask.rooms?,
        })
    })
}

/// A registered client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Client {
    /// `client_id`
    pub id: ClientId,
    /// What an administrator decided.
    #[serde(flatten)]
    pub draft: ClientDraft,
    /// Raised by each edit.
    pub version: i64,
    /// When it was registered.
    #[serde(serialize_with = "time::serialize")]
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it was edited last.
    #[serde(serialize_with = "time::serialize")]
    pub updated_at: DateTime<Utc>,
    /// By whom.
    pub updated_by: String,
}

impl Client {
    /// Whether it may use this grant type.
    pub fn may(&self, grant: GrantType) -> bool {
        self.draft.grants.contains(&grant)
    }

    /// The registered redirect URI that a request names.
    pub fn redirect_uri(&self, requested: &str) -> Option<&RedirectUri> {
        let mut uris = self.draft.redirect_uris.iter();
        uris.find(|uri| uri.admits(requested))
    }

    /// Whether pages of this origin may read its answers.
    pub fn has_origin(&self, origin: &str) -> bool {
        self.draft.origins.iter().any(|own| own == origin)
    }
}
