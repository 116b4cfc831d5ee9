//! Whether the allowed origins are on the bridge's own *site*.
//!
//! A browser sends a `SameSite` cookie along only from there: the same scheme, and the same
//! registrable domain. Which domain that is, the Public Suffix List alone says. Without it, hosts
//! that differ in their last two labels are certainly on two sites, and hosts that share them
//! usually on one.

use url::{Host, Url};

use super::Sources;
use super::report::{Group, Report};
use crate::config;

/// What many countries put before their own label: names below are of different owners.
const SECOND_LEVEL: [&str; 10] = [
    "ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org",
];

/// What is known of an origin.
#[derive(Debug, PartialEq, Eq)]
enum Site {
    Own,
    /// Probably another one: names below this domain are usually of different owners.
    Unclear(String),
    Other(&'static str),
}

pub(super) fn judge(sources: &Sources, report: &mut Report) {
    let read = config::part_of(&*sources.lookup, |reader| {
        Some((
            config::read_public_url(reader)?,
            config::read_allowed_origins(reader)?,
        ))
    });
    let Ok((bridge, apps)) = read else { return };
    for app in &apps {
        let (Ok(bridge), Ok(url)) = (
            Url::parse(bridge.origin().as_str()),
            Url::parse(app.as_str()),
        ) else {
            continue;
        };
        let app = app.as_str();
        let what = match site(&url, &bridge) {
            Site::Own => continue,
            Site::Other(why) => format!("is on another site than BRIDGE_PUBLIC_URL: {why}"),
            Site::Unclear(domain) => format!(
                "is probably on another site than BRIDGE_PUBLIC_URL: names directly below {domain} \
                 usually belong to different owners, and each is a site"
            ),
        };
        report.note(
            Group::Configuration,
            format!("{app:.255} of BRIDGE_ALLOWED_ORIGINS {what}"),
            "Browsers send no session cookie from another site, so the app gets 401 cross_site however \
             often people sign in. Serve both with the same scheme below one registrable domain; on \
             one machine use localhost, or 127.0.0.1, for both.",
        );
    }
}

fn site(app: &Url, bridge: &Url) -> Site {
    if app.scheme() != bridge.scheme() {
        return Site::Other("one is http, the other https");
    }
    match (app.host(), bridge.host()) {
        (app, bridge) if app == bridge => Site::Own,
        (Some(Host::Domain(app)), Some(Host::Domain(bridge))) => site_of_names(app, bridge),
        _ => Site::Other("an IP address is a site by itself"),
    }
}

fn site_of_names(app: &str, bridge: &str) -> Site {
    let last = |name: &str, count| -> Vec<String> {
        let labels = name.rsplit('.').take(count);
        labels.map(str::to_owned).collect()
    };
    let shared = last(app, 2);
    if shared != last(bridge, 2) {
        return Site::Other("their registrable domains differ");
    }
    let is_country = shared[0].len() == 2;
    let of_many = shared
        .get(1)
        .is_some_and(|label| SECOND_LEVEL.contains(&label.as_str()));
    if is_country && of_many && last(app, 3) != last(bridge, 3) {
        return Site::Unclear(format!("{}.{}", shared[1], shared[0]));
    }
    Site::Own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(app: &str, bridge: &str) -> Site {
        let url = |text| Url::parse(text).unwrap();
        let site = site(&url(app), &url(bridge));
        assert_eq!(site, super::site(&url(bridge), &url(app)));
        site
    }

    #[test]
    fn a_site_is_a_scheme_and_a_registrable_domain_whatever_the_port() {
        for (app, bridge) in [
            ("https://app.example.com", "https://bridge.example.com"),
            ("https://example.com:8443", "https://bridge.example.com"),
            ("https://a.b.example.com", "https://bridge.example.com"),
            ("https://app.ard.de", "https://bridge.ard.de"),
            ("https://app.example.co.uk", "https://bridge.example.co.uk"),
            ("https://example.co.uk", "https://bridge.example.co.uk"),
            ("http://localhost:9000", "http://localhost:8080"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:8080"),
            ("http://[::1]:9000", "http://[::1]:8080"),
        ] {
            assert_eq!(of(app, bridge), Site::Own, "{app} {bridge}");
        }
        for (app, bridge) in [
            ("http://localhost:9000", "http://127.0.0.1:8080"),
            ("http://[::1]:9000", "http://127.0.0.1:8080"),
            ("http://localhost:9000", "https://localhost:8443"),
            ("https://app.example.org", "https://bridge.example.com"),
            ("https://app.other.com", "https://bridge.example.com"),
            ("https://app.localhost", "https://localhost"),
        ] {
            assert!(matches!(of(app, bridge), Site::Other(_)), "{app} {bridge}");
        }
    }

    #[test]
    fn names_below_the_second_level_of_a_country_are_probably_sites_of_their_own() {
        let domain = || Site::Unclear("co.uk".to_owned());
        assert_eq!(of("https://app.co.uk", "https://bridge.co.uk"), domain());
        let (app, bridge) = ("https://x.app.co.uk", "https://x.bridge.co.uk");
        assert_eq!(of(app, bridge), domain());
    }
}
