//! A Red5 server as its documentation describes it. No code of the bridge is
//! used here: a misreading there must not be repeated.
//!
//! What the documentation leaves open is a [`Profile`]; the server that a token
//! meets may be any of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// What an operator configures.
#[derive(Debug, Clone)]
pub struct Red5 {
    /// `jwtSecret`: its own bytes key the HMAC.
    pub secret: Vec<u8>,
    /// `jwtTtlMinutes`: an `exp` further ahead is refused, not clamped.
    pub ttl_minutes: i64,
    /// `expectedIssuer`
    pub expected_issuer: Option<String>,
}

/// One reading of what the documentation leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Whether white space around the items of a list is dropped.
    trims: bool,
    /// Whether the last segment before the stream is the room, not the first
    /// one after the application.
    last_segment: bool,
    /// Whether a list that is a JSON array counts as absent, hence as
    /// unrestricted. Otherwise the token is refused.
    array_is_absent: bool,
}

impl Profile {
    /// Every reading.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..8).map(|bits: u8| Self {
            trims: bits & 1 != 0,
            last_segment: bits & 2 != 0,
            array_is_absent: bits & 4 != 0,
        })
    }
}

/// What a client wants to do with a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Publish,
    Subscribe,
}

/// A connection that was let in, with what its token restricts; `None` is
/// unrestricted.
#[derive(Debug)]
pub struct Connection {
    profile: Profile,
    roles: Option<Vec<String>>,
    transports: Option<Vec<String>>,
    rooms: Option<Vec<String>>,
}

impl Red5 {
    /// Lets a token in, at `now` in Unix seconds, or says why not.
    pub fn connect(
        &self,
        profile: Profile,
        token: &str,
        now: i64,
    ) -> Result<Connection, &'static str> {
        let claims = self.verified(token)?;
        let exp = claims
            .get("exp")
            .and_then(Value::as_i64)
            .ok_or("exp is no integer")?;
        if exp <= now {
            return Err("exp is past");
        }
        if exp - now > self.ttl_minutes * 60 {
            return Err("exp is further ahead than jwtTtlMinutes");
        }
        if let Some(expected) = &self.expected_issuer
            && claims.get("iss").and_then(Value::as_str) != Some(expected)
        {
            return Err("iss is not expectedIssuer");
        }
        let list = |claim| profile.list(&claims, claim);
        Ok(Connection {
            profile,
            roles: list("roles")?,
            transports: list("red5-transport")?,
            rooms: list("red5-room")?,
        })
    }

    /// HS256, and nothing else that the header might say.
    fn verified(&self, token: &str) -> Result<Value, &'static str> {
        let (signed, signature) = token.rsplit_once('.').ok_or("no token")?;
        let (header, claims) = signed.split_once('.').ok_or("no token")?;
        if json(header)?.get("alg") != Some(&Value::from("HS256")) {
            return Err("alg is not HS256");
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "no token")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).unwrap();
        mac.update(signed.as_bytes());
        mac.verify_slice(&signature)
            .map_err(|_| "another secret signed it")?;
        json(claims)
    }
}

/// One part of a compact token (RFC 7515 §7.1).
pub fn json(part: &str) -> Result<Value, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| "no base64url")?;
    serde_json::from_slice(&bytes).map_err(|_| "no JSON")
}

/// Header and claims of a token, unverified.
pub fn parts(token: &str) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3, "{token}");
    (json(parts[0]).unwrap(), json(parts[1]).unwrap())
}

impl Profile {
    /// A list claim; `None` is unrestricted. Absent and empty are: that is how
    /// Red5 reads them, and why nothing of the kind may ever be signed.
    fn list(self, claims: &Value, claim: &str) -> Result<Option<Vec<String>>, &'static str> {
        let text = match claims.get(claim) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text,
            Some(Value::Array(_)) if self.array_is_absent => return Ok(None),
            Some(_) => return Err("a list is no string"),
        };
        let items = text
            .split(',')
            .map(|item| if self.trims { item.trim() } else { item });
        let items: Vec<String> = items
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect();
        Ok((!items.is_empty()).then_some(items))
    }

    /// The room of `app/room/stream`, and of a deeper path as this reading has it.
    fn room(self, path: &str) -> Option<&str> {
        let segments: Vec<&str> = path.split('/').collect();
        let rooms = &segments[1..segments.len() - 1];
        if self.last_segment {
            rooms.last().copied()
        } else {
            rooms.first().copied()
        }
    }
}

impl Connection {
    /// Whether the operation goes through, over `transport` in any case, on
    /// `app/room/stream` or the room-less `app/stream`.
    pub fn may(&self, operation: Operation, transport: &str, path: &str) -> bool {
        let (role, one_way) = match operation {
            Operation::Publish => ("red5-publisher", "WHEP"),
            Operation::Subscribe => ("red5-subscriber", "WHIP"),
        };
        // WHIP can only publish and WHEP can only subscribe, with any token.
        !transport.eq_ignore_ascii_case(one_way)
            && within(self.roles.as_deref(), |item| item == role)
            && within(self.transports.as_deref(), |item| {
                item.eq_ignore_ascii_case(transport)
            })
            && within(self.rooms.as_deref(), |item| {
                self.profile.room(path) == Some(item)
            })
    }
}

fn within(list: Option<&[String]>, is_it: impl Fn(&str) -> bool) -> bool {
    list.is_none_or(|items| items.iter().any(|item| is_it(item)))
}
