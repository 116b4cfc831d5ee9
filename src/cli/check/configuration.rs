//! What can be seen in the variables alone.

use secrecy::ExposeSecret;
use url::{Host, Url};

use super::{Area, Report};
use crate::config::{self, Config, Variables, names_read};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What many countries put before their own label: the names below it have different owners.
const SECOND_LEVEL: [&str; 10] = [
    "ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org",
];

pub(super) fn judge(variables: &Variables, report: &mut Report) {
    let problems = variables.read(Config::read).err();
    for problem in problems.into_iter().flat_map(|problems| problems.0) {
        report.section(area(&problem.variable)).wrong(
            format!("{} {}", problem.variable, problem.reason),
            "The bridge does not start like that. .env.example explains every variable.",
        );
    }
    for (variable, remedy) in variables.unknown() {
        report.section(area(variable)).note(
            format!("{variable} is set, and nothing reads it"),
            sentence(&remedy),
        );
    }
    judge_client_secret(variables, report);
    judge_administrators(variables, report);
    judge_origins(variables, report);
    judge_log(variables, report);
    if report
        .wrong()
        .all(|finding| finding.area != Area::Configuration)
    {
        let set = variables
            .names()
            .filter(|name| names_read().contains(*name));
        let what = format!("{} variables are set, and good", set.count());
        report.section(Area::Configuration).good(what);
    }
}

/// Where to correct it.
fn area(variable: &str) -> Area {
    match variable {
        name if name.starts_with("DATABASE_") => Area::Database,
        name if name.starts_with("OIDC_") => Area::Provider,
        name if name.starts_with("RED5_") => Area::Red5,
        _ => Area::Configuration,
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}

/// A client secret is what the provider shows once, among other things to copy.
fn judge_client_secret(variables: &Variables, report: &mut Report) {
    let secret = variables.read(|reader| reader.secret("OIDC_CLIENT_SECRET"));
    let id = variables.read(|reader| reader.text("OIDC_CLIENT_ID"));
    if let (Ok(secret), Ok(id)) = (secret, id)
        && secret.expose_secret() == id
    {
        report.section(Area::Provider).wrong(
            "OIDC_CLIENT_SECRET is the same as OIDC_CLIENT_ID",
            "Set it to the client's secret; the provider shows it when it is made. For a public \
             client leave it out.",
        );
    }
}

fn judge_administrators(variables: &Variables, report: &mut Report) {
    let groups = variables.read(|reader| Some(reader.list("BRIDGE_ADMIN_GROUPS")));
    if groups.is_ok_and(|groups| groups.is_empty()) {
        report.section(Area::Configuration).note(
            "BRIDGE_ADMIN_GROUPS is not set, so no user can edit the mappings",
            "Set it to a group of the provider, exactly as the provider sends it.",
        );
    }
}

/// A word that is no level is the name of a part of the program: `RUST_LOG=inof`
/// silences the log without a message.
fn judge_log(variables: &Variables, report: &mut Report) {
    let filter = variables.read(|reader| reader.text("RUST_LOG"));
    let report = &mut report.section(Area::Configuration);
    for word in filter.unwrap_or_default().split(',').map(str::trim) {
        let lower = word.to_lowercase();
        let near = LEVELS
            .iter()
            .find(|level| strsim::osa_distance(&lower, level) <= 2);
        let is_level = LEVELS.contains(&&*lower);
        if let Some(level) = near.filter(|_| !is_level && word.len() > 2) {
            report.note(
                "RUST_LOG has a word that is no level, so it names a part of the program",
                format!("Did you mean {level}? Levels are {}.", LEVELS.join(", ")),
            );
        } else if word.contains(':') && !word.contains("::") {
            report.note(
                "RUST_LOG has a : where a part and its level are separated by =",
                "Write it as red5_bridge=debug.",
            );
        }
    }
}

/// Whether the allowed origins are on the bridge's own *site*.
///
/// A browser sends a `SameSite` cookie along only from there: the same scheme, and the same
/// registrable domain. Only the Public Suffix List says which domain that is. Without it, hosts
/// that differ in their last two labels are certainly on two sites, and hosts that share them
/// usually on one.
fn judge_origins(variables: &Variables, report: &mut Report) {
    let read = variables.read(|reader| {
        let bridge = config::read_public_url(reader)?;
        Some((bridge, config::read_allowed_origins(reader)))
    });
    let Ok((bridge, apps)) = read else { return };
    for app in &apps {
        let app = app.as_str();
        let (Ok(bridge), Ok(url)) = (Url::parse(bridge.origin().as_str()), Url::parse(app)) else {
            continue;
        };
        let what = match site(&url, &bridge) {
            SiteComparison::Own => continue,
            SiteComparison::Other(why) => {
                format!("is on another site than BRIDGE_PUBLIC_URL: {why}")
            }
            SiteComparison::Unclear(domain) => format!(
                "is probably on another site than BRIDGE_PUBLIC_URL: names directly below {domain} \
                 usually belong to different owners, and each is a site"
            ),
        };
        report.section(Area::Configuration).note(
            format!("{app:.255} of BRIDGE_ALLOWED_ORIGINS {what}"),
            "Browsers send no session cookie from another site, so the app gets 401 cross_site however \
             often people sign in. Serve both with the same scheme below one registrable domain; on \
             one machine use localhost, or 127.0.0.1, for both.",
        );
    }
}

/// The site of an app's origin, seen from the bridge.
#[derive(Debug, PartialEq, Eq)]
enum SiteComparison {
    Own,
    /// Probably another one: names below this domain usually have different owners.
    Unclear(String),
    Other(&'static str),
}

fn site(app: &Url, bridge: &Url) -> SiteComparison {
    if app.scheme() != bridge.scheme() {
        return SiteComparison::Other("one is http, the other https");
    }
    match (app.host(), bridge.host()) {
        (app, bridge) if app == bridge => SiteComparison::Own,
        (Some(Host::Domain(app)), Some(Host::Domain(bridge))) => site_of_names(app, bridge),
        _ => SiteComparison::Other("an IP address is a site by itself"),
    }
}

fn site_of_names(app: &str, bridge: &str) -> SiteComparison {
    let last = |name: &str, count| -> Vec<String> {
        let labels = name.rsplit('.').take(count);
        labels.map(str::to_owned).collect()
    };
    let shared = last(app, 2);
    if shared != last(bridge, 2) {
        return SiteComparison::Other("their registrable domains differ");
    }
    let is_country = shared[0].len() == 2;
    let of_many = shared
        .get(1)
        .is_some_and(|label| SECOND_LEVEL.contains(&label.as_str()));
    if is_country && of_many && last(app, 3) != last(bridge, 3) {
        return SiteComparison::Unclear(format!("{}.{}", shared[1], shared[0]));
    }
    SiteComparison::Own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(app: &str, bridge: &str) -> SiteComparison {
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
            assert_eq!(of(app, bridge), SiteComparison::Own, "{app} {bridge}");
        }
        for (app, bridge) in [
            ("http://localhost:9000", "http://127.0.0.1:8080"),
            ("http://[::1]:9000", "http://127.0.0.1:8080"),
            ("http://localhost:9000", "https://localhost:8443"),
            ("https://app.example.org", "https://bridge.example.com"),
            ("https://app.other.com", "https://bridge.example.com"),
            ("https://app.localhost", "https://localhost"),
        ] {
            assert!(
                matches!(of(app, bridge), SiteComparison::Other(_)),
                "{app} {bridge}"
            );
        }
    }

    #[test]
    fn names_below_the_second_level_of_a_country_are_probably_sites_of_their_own() {
        let domain = || SiteComparison::Unclear("co.uk".to_owned());
        assert_eq!(of("https://app.co.uk", "https://bridge.co.uk"), domain());
        let (app, bridge) = ("https://x.app.co.uk", "https://x.bridge.co.uk");
        assert_eq!(of(app, bridge), domain());
    }
}
