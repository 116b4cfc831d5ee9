//! Browser and system of a request, for a person's list of own sessions. No text of the client is
//! stored: the header only selects among the words below.

use actix_web::HttpRequest;
use actix_web::http::header;

/// Maximum bytes of the header that are examined; real ones have about 130.
const LOOKED_AT: usize = 512;

/// Marks and names. The first mark found counts, because most browsers also send the marks of those
/// further down.
const BROWSERS: [(&str, &str); 11] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
];

/// As above; Android also sends "Linux".
const SYSTEMS: [(&str, &str); 7] = [
    ("Windows NT", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

/// Name of an unknown browser, also if no header was stored.
pub const UNKNOWN: &str = "unknown browser";

/// `Firefox on Windows`, `Safari`, `unknown browser on Linux`, `unknown browser`.
pub fn words(request: &HttpRequest) -> String {
    let sent = request.headers().get(header::USER_AGENT);
    of(sent.map_or(&[], |sent| sent.as_bytes()))
}

fn of(sent: &[u8]) -> String {
    let sent = &sent[..sent.len().min(LOOKED_AT)];
    let browser = first(sent, &BROWSERS).unwrap_or(UNKNOWN);
    match first(sent, &SYSTEMS) {
        Some(system) => format!("{browser} on {system}"),
        None => browser.to_owned(),
    }
}

fn first(sent: &[u8], words: &[(&str, &'static str)]) -> Option<&'static str> {
    let is_in = |mark: &str| sent.windows(mark.len()).any(|run| run == mark.as_bytes());
    let found = words.iter().find(|(mark, _)| is_in(mark));
    found.map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_that_people_have_are_known_with_their_systems() {
        for (sent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1",
                "Chrome on iPhone",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
                "Chrome on Linux",
            ),
            ("curl/8.14.1", UNKNOWN),
            ("", UNKNOWN),
        ] {
            assert_eq!(of(sent.as_bytes()), expected, "{sent}");
        }
    }

    #[test]
    fn whatever_a_client_sends_comes_out_as_words_of_this_program() {
        let long = [b"x".repeat(LOOKED_AT), b"Firefox/1 Windows NT".to_vec()].concat();
        for (sent, expected) in [
            (&b"Firefox/<script>alert(1)</script>"[..], "Firefox"),
            (b"\xff\xfe Android \x80", "unknown browser on Android"),
            (b"firefox/1 windows nt", UNKNOWN),
            (&long, UNKNOWN),
            (&b"(".repeat(100_000), UNKNOWN),
        ] {
            assert_eq!(of(sent), expected);
        }
        // The table holds no more.
        let longest = |words: &[(&str, &str)]| words.iter().map(|(_, name)| name.len()).max();
        let most = longest(&BROWSERS).unwrap() + " on ".len() + longest(&SYSTEMS).unwrap();
        assert!(most <= 64 && UNKNOWN.len() <= 64);
    }
}
