//! Return addresses of sign-ins.
//!
//! One rule: the address has our own origin or exactly one of the configured origins, and is passed
//! on as an absolute URL. URL parsers and browsers read addresses such as `/.//evil.com` and
//! `/\evil.com` differently, so unusual forms are refused before parsing (LR-6).

use percent_encoding::percent_decode_str;
use url::Url;

/// Longest absolute address in bytes: it is sealed into a cookie, and five such cookies must fit
/// into the headers of one request.
pub const RETURN_TO_MAX_BYTES: usize = 768;

/// The same of an authorization request of a client, which names an address and a state of the client's. Its cookie stays
/// below the 4096 bytes that browsers keep (RFC 6265 §6.1); of such attempts a browser holds fewer.
pub const AUTHORIZE_MAX_BYTES: usize = 2048;

/// A checked address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

/// The address is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "return_to must be a path of this bridge, or an address of an allowed origin, of at most {RETURN_TO_MAX_BYTES} bytes"
)]
pub struct NotOurs;

impl ReturnTo {
    /// The absolute URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Checks return addresses.
#[derive(Debug, Clone)]
pub struct ReturnToRule {
    /// The bridge's own address; paths are resolved against it.
    own: Url,
    /// Origins as browsers serialize them, such as `https://app.example`.
    allowed: Vec<String>,
    home: String,
}

impl ReturnToRule {
    /// `home` is the absolute address of the portal; `None` if it is not a valid one.
    pub fn new(home: &str, allowed: Vec<String>) -> Option<Self> {
        Some(Self {
            own: Url::parse(home).ok()?,
            allowed,
            home: home.to_owned(),
        })
    }

    /// The portal's address.
    pub fn home(&self) -> ReturnTo {
        ReturnTo(self.home.clone())
    }

    /// Checks an address; refuses forms that a browser may resolve to another origin. `also`: whether an origin is
    /// allowed that is not configured.
    pub fn check(&self, text: &str, also: impl Fn(&str) -> bool) -> Result<ReturnTo, NotOurs> {
        // Some parsers read `https:evil.com` as a path, others as a host.
        let begins = ["/", "https://", "http://"];
        let clear = begins.iter().any(|begin| starts_with(text, begin));
        let strange = |byte: u8| byte <= b' ' || byte == 0x7f || byte == b'\\';
        if !clear || text.len() > AUTHORIZE_MAX_BYTES || text.bytes().any(strange) {
            return Err(NotOurs);
        }
        // Only paths are resolved: relative to an https URL, `https:evil.com` would become a path
        // of ours, and parsers disagree about it.
        let url = match text.strip_prefix('/') {
            Some(_) => self.own.join(text),
            None => Url::parse(text),
        };
        let url = url.map_err(|_| NotOurs)?;
        let web = matches!(url.scheme(), "https" | "http");
        let origin = url.origin().ascii_serialization();
        let ours = origin == self.own.origin().ascii_serialization()
            || self.allowed.contains(&origin)
            || also(&origin);
        let no_user = url.username().is_empty() && url.password().is_none();
        // A short address may become long when it is absolute and percent-encoded. It would then be
        // refused at the second check, after the sign-in.
        let longest = if self
            .below(&url)
            .is_some_and(|path| path == "oauth2/authorize")
        {
            AUTHORIZE_MAX_BYTES
        } else {
            RETURN_TO_MAX_BYTES
        };
        let short = url.as_str().len() <= longest;
        // `/.//evil.com` has our origin, but its path is `//evil.com`.
        if !(web && ours && no_user && short) || url.path().starts_with("//") {
            return Err(NotOurs);
        }
        if self.is_no_page(&url) {
            return Ok(self.home());
        }
        Ok(ReturnTo(url.into()))
    }

    /// Addresses of the bridge that are no pages: JSON, another redirect to the provider, or a
    /// sign-out.
    fn is_no_page(&self, url: &Url) -> bool {
        let below = self.below(url);
        below.is_some_and(|path| path.starts_with("auth/") || path.starts_with("api/"))
    }

    /// The path of an address of the bridge, below its base path and without the slash.
    fn below(&self, url: &Url) -> Option<String> {
        let path = percent_decode_str(url.path()).decode_utf8_lossy();
        let below = path.strip_prefix(self.own.path())?;
        (url.origin() == self.own.origin()).then(|| below.to_owned())
    }
}

/// Schemes are case-insensitive (RFC 3986 §3.1).
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

    fn check(text: &str) -> Result<ReturnTo, NotOurs> {
        rule().check(text, |origin| origin == "https://client.example")
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
            assert_eq!(check(address), Ok(rule().home()), "{address}");
        }
        for address in [
            "/red5/authors",
            "/red5/admin/mappings",
            "/auth/login",
            "https://app.example/auth/login",
        ] {
            assert_ne!(check(address), Ok(rule().home()), "{address}");
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
            ("https://client.example/x", "https://client.example/x"),
            ("https://APP.example/", "https://app.example/"),
            ("https://app.example:443/", "https://app.example/"),
        ];
        for (text, address) in good {
            assert_eq!(check(text).unwrap().as_str(), address);
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
            assert_eq!(check(text), Err(NotOurs), "{text:?}");
        }
    }

    #[test]
    fn an_authorization_request_may_be_longer_than_other_addresses_and_no_other_address_passes_for_one()
     {
        let begin = "https://bridge.example/red5/oauth2/authorize?state=";
        let longest = format!("{begin}{}", "a".repeat(AUTHORIZE_MAX_BYTES - begin.len()));
        let good = check(&longest).unwrap();
        assert_eq!(check(good.as_str()), Ok(good));
        for bad in [
            format!("{longest}a"),
            longest.replace("authorize", "authorise"),
            longest.replace("/red5/oauth2", "/oauth2"),
            longest.replace("bridge.example", "app.example"),
        ] {
            assert_eq!(check(&bad), Err(NotOurs), "{bad}");
        }
    }

    #[test]
    fn what_was_accepted_is_accepted_again_after_the_sign_in() {
        let longest = RETURN_TO_MAX_BYTES - "https://bridge.example/".len();
        for letters in ["a".repeat(longest), "é".repeat(longest / 6)] {
            let good = check(&format!("/{letters}")).unwrap();
            assert_eq!(check(good.as_str()), Ok(good));
        }
        assert_eq!(
            check(&format!("/{}", "a".repeat(longest + 1))),
            Err(NotOurs)
        );
        assert_eq!(
            check(&format!("/{}", "é".repeat(longest / 6 + 1))),
            Err(NotOurs)
        );
    }
}
