//! Where a sign-in may come back to.
//!
//! The one rule: the address has our own origin, or exactly one of the
//! configured ones, and it is given on as an absolute address. The parser
//! reads `/.//evil.com` or `/\evil.com` in ways that browsers do not, so what
//! is strange is refused before it is parsed (LR-6).

use percent_encoding::percent_decode_str;
use url::Url;

/// Longest address in bytes, made absolute: it travels sealed in a cookie, five of
/// which must fit into one request's headers.
pub const RETURN_TO_MAX_BYTES: usize = 768;

/// An address that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

/// The address is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "return_to must be a path of this bridge, or an address of an allowed origin, of at most {RETURN_TO_MAX_BYTES} bytes"
)]
pub struct NotOurs;

impl ReturnTo {
    /// The absolute address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Judges addresses.
#[derive(Debug, Clone)]
pub struct ReturnToRule {
    /// Our own address, to which paths are joined.
    own: Url,
    /// `https://app.example`, as browsers serialize an origin.
    allowed: Vec<String>,
    home: String,
}

impl ReturnToRule {
    /// `home` is the absolute address of the portal; `None` if it is none.
    pub fn new(home: &str, allowed: Vec<String>) -> Option<Self> {
        Some(Self {
            own: Url::parse(home).ok()?,
            allowed,
            home: home.to_owned(),
        })
    }

    /// The portal.
    pub fn home(&self) -> ReturnTo {
        ReturnTo(self.home.clone())
    }

    /// Refuses whatever a browser might take elsewhere.
    pub fn check(&self, text: &str) -> Result<ReturnTo, NotOurs> {
        // `https:evil.com` is a path to one parser and a host to another.
        let begins = ["/", "https://", "http://"];
        let clear = begins.iter().any(|begin| starts_with(text, begin));
        let strange = |byte: u8| byte <= b' ' || byte == 0x7f || byte == b'\\';
        if !clear || text.len() > RETURN_TO_MAX_BYTES || text.bytes().any(strange) {
            return Err(NotOurs);
        }
        // Only a path is joined: joined to an https address, `https:evil.com` would be
        // a path of ours, and no two programs agree on that.
        let url = match text.strip_prefix('/') {
            Some(_) => self.own.join(text),
            None => Url::parse(text),
        };
        let url = url.map_err(|_| NotOurs)?;
        let web = matches!(url.scheme(), "https" | "http");
        let origin = url.origin().ascii_serialization();
        let ours =
            origin == self.own.origin().ascii_serialization() || self.allowed.contains(&origin);
        let no_user = url.username().is_empty() && url.password().is_none();
        // What was short may be long once it is absolute and its letters are encoded: it
        // would be refused when it is judged again, after the sign-in.
        let short = url.as_str().len() <= RETURN_TO_MAX_BYTES;
        // `/.//evil.com` has our origin and the path `//evil.com`.
        if !(web && ours && no_user && short) || url.path().starts_with("//") {
            return Err(NotOurs);
        }
        if self.is_no_page(&url) {
            return Ok(self.home());
        }
        Ok(ReturnTo(url.into()))
    }

    /// An address of ours at which a person who has signed in would see JSON, be sent to
    /// the provider once more, or be signed out.
    fn is_no_page(&self, url: &Url) -> bool {
        let path = percent_decode_str(url.path()).decode_utf8_lossy();
        let below = path.strip_prefix(self.own.path());
        url.origin() == self.own.origin()
            && below.is_some_and(|path| path.starts_with("auth/") || path.starts_with("api/"))
    }
}

/// Schemes are read in any case (RFC 3986 §3.1).
fn starts_with(text: &str, begin: &str) -> bool {
    text.get(..begin.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> ReturnToRule {
        let allowed = vec!["https://app.example".to_owned()];
        ReturnToRule::new("https://bridge.example/red5/", allowed).unwrap()
    }

    #[test]
    fn an_address_of_ours_that_is_no_page_counts_as_the_portal() {
        for address in [
            "/red5/auth/login?return_to=/red5/",
            "/red5/auth/logout",
            "/red5/auth/",
            "/red5/api/session",
            "/red5/%61uth/login",
            "/red5/x/../api/token",
            "https://bridge.example/red5/auth/callback?code=x",
        ] {
            assert_eq!(rule().check(address), Ok(rule().home()), "{address}");
        }
        for address in [
            "/red5/authors",
            "/red5/admin/mappings",
            "/auth/login",
            "https://app.example/auth/login",
        ] {
            assert_ne!(rule().check(address), Ok(rule().home()), "{address}");
        }
    }

    #[test]
    fn paths_of_ours_and_addresses_of_an_allowed_origin_are_made_absolute() {
        let good = [
            ("/red5/", "https://bridge.example/red5/"),
            (
                "/red5/admin/mappings?limit=5#x",
                "https://bridge.example/red5/admin/mappings?limit=5#x",
            ),
            (
                "https://bridge.example/red5/",
                "https://bridge.example/red5/",
            ),
            (
                "https://app.example/player?room=a",
                "https://app.example/player?room=a",
            ),
            ("https://APP.example/", "https://app.example/"),
            ("https://app.example:443/", "https://app.example/"),
        ];
        for (text, address) in good {
            assert_eq!(rule().check(text).unwrap().as_str(), address);
        }
    }

    #[test]
    fn lr_6_lr_7_everything_else_is_refused() {
        let bad = [
            "",
            "//evil.com",
            "///evil.com",
            "/\\evil.com",
            "\\\\evil.com",
            "/.//evil.com",
            "/x/..//evil.com",
            "/%2e//evil.com",
            "/./\\evil.com",
            "/\tevil",
            "/ /evil",
            "\u{a0}//evil.com\n",
            "https:evil.com",
            "evil.com",
            "%2F%2Fevil.com",
            "?x",
            "#x",
            "https://evil.com",
            "https://evil-app.example",
            "https://app.example.evil",
            "http://app.example",
            "https://app.example:444",
            "https://app.example@evil.com",
            "https://user@app.example/",
            "https://:p@app.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "blob:https://bridge.example/x",
            "ftp://bridge.example/",
            "http://bridge.example/",
            "https://bridge.example:8443/",
            "https://[::1]/",
            "https://app.example.",
            "//app.example.evil/",
            "/a\u{7f}",
            "http:/\\evil.com",
        ];
        for text in bad {
            assert_eq!(rule().check(text), Err(NotOurs), "{text:?}");
        }
    }

    #[test]
    fn what_was_accepted_is_accepted_again_after_the_sign_in() {
        let longest = RETURN_TO_MAX_BYTES - "https://bridge.example/".len();
        for letters in ["a".repeat(longest), "é".repeat(longest / 6)] {
            let good = rule().check(&format!("/{letters}")).unwrap();
            assert_eq!(rule().check(good.as_str()), Ok(good));
        }
        assert_eq!(
            rule().check(&format!("/{}", "a".repeat(longest + 1))),
            Err(NotOurs)
        );
        assert_eq!(
            rule().check(&format!("/{}", "é".repeat(longest / 6 + 1))),
            Err(NotOurs)
        );
    }
}
