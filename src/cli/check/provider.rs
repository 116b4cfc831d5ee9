//! What the provider says of itself, in words.

use std::fmt::Display;

use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};

use super::{Section, announced};
use crate::clock::Clock;
use crate::config::Variables;
use crate::config::addresses::DISCOVERY;
use crate::oidc::probe::{ClientCheck, Probe, Redirect, probe};
use crate::oidc::{Outage, ProviderSettings, http};
use crate::tls::TlsFlaw;

/// Clocks that differ by more are told. ID tokens are refused from 30 seconds on.
const CLOCK_MAX: TimeDelta = TimeDelta::seconds(5);

pub(super) async fn judge(
    variables: &Variables,
    settings: &ProviderSettings,
    clock: &dyn Clock,
    report: &mut Section<'_>,
) {
    if let Some(key) = settings.credentials.key() {
        report.note(
            "the client authenticates with the key of OIDC_CLIENT_KEY_FILE; its public half is",
            format!(
                "{} Register it for this client at the provider.",
                key.public_jwk()
            ),
        );
    }
    http::install_crypto();
    let probe = match probe(settings, clock).await {
        Ok(probe) => probe,
        Err(error) => {
            return report.wrong(
                error.to_string(),
                "Correct OIDC_ISSUER_URL and OIDC_CA_FILE.",
            );
        }
    };
    match &probe.usable {
        Ok(()) => report.good("discovery document and keys can be read and used".to_owned()),
        Err(outage) => judge_outage(variables, settings, &probe, outage, report),
    }
    if let Some(announced) = &probe.announced {
        announced::judge(settings, announced, report);
    }
    if let Some(redirect) = &probe.redirect {
        judge_redirect(settings, redirect, report);
    }
    match &probe.client {
        // Said already.
        Some(ClientCheck::Failed(outage)) if probe.usable.as_ref().err() == Some(outage) => {}
        // Without a connection to the token endpoint there is no sign-in either.
        Some(ClientCheck::Failed(outage @ (Outage::Unreachable(_) | Outage::Tls { .. }))) => {
            judge_outage(variables, settings, &probe, outage, report);
        }
        Some(client) => judge_client(settings, client, report),
        None => {}
    }
    let ahead = probe
        .clock_ahead
        .and_then(|ahead| clock_words(ahead, "provider"));
    if let Some(words) = ahead {
        report.wrong(
            words,
            "Let this machine set its clock by NTP: ID tokens from the future, or past their end, \
             are refused.",
        );
    }
}

/// None where they agree well enough.
pub(super) fn clock_words(ahead: TimeDelta, whose: &str) -> Option<String> {
    let seconds = ahead.num_seconds().abs();
    (ahead.abs() > CLOCK_MAX).then(|| {
        let direction = if ahead > TimeDelta::zero() {
            "ahead of"
        } else {
            "behind"
        };
        format!("the {whose}'s clock is {seconds} seconds {direction} this machine's, or more")
    })
}

/// The findings of a provider that cannot be used.
fn judge_outage(
    variables: &Variables,
    settings: &ProviderSettings,
    probe: &Probe,
    outage: &Outage,
    report: &mut Section<'_>,
) {
    let unreachable = |remedy: &str| format!("{remedy}{}", proxy_hint(variables));
    let remedy = match outage {
        Outage::OtherIssuer => return judge_issuer(settings, probe, report),
        Outage::Unreachable(_) => {
            unreachable("Correct host and port of OIDC_ISSUER_URL, or the network.")
        }
        Outage::TimedOut => unreachable("Open the way from here to the host of OIDC_ISSUER_URL."),
        Outage::Tls { flaw, .. } => tls_remedy(*flaw).to_owned(),
        Outage::Redirect { to, .. } => match to.strip_suffix(DISCOVERY) {
            Some(issuer) => format!("If this is your provider, set OIDC_ISSUER_URL={issuer}"),
            None => "Set OIDC_ISSUER_URL to the address that shows the discovery document itself, and \
                     let the document name addresses that answer themselves."
                .to_owned(),
        },
        Outage::Status(_) | Outage::Unreadable => {
            "OIDC_ISSUER_URL is what stands before /.well-known/openid-configuration in the address \
             that shows the discovery document in a browser. It must be JSON, and so must the key set \
             that it names."
                .to_owned()
        }
        Outage::ClientAuthentication => {
            "If it offers private_key_jwt, set OIDC_CLIENT_KEY_FILE instead of OIDC_CLIENT_SECRET. If \
             its list is incomplete, set OIDC_TOKEN_AUTH_METHOD to the method of this client."
                .to_owned()
        }
        _ => "Correct it at the provider.".to_owned(),
    };
    report.wrong(format!("the provider cannot be used: {outage}"), remedy);
}

const fn tls_remedy(flaw: TlsFlaw) -> &'static str {
    match flaw {
        TlsFlaw::UnknownAuthority => {
            "Set OIDC_CA_FILE to the PEM file of that authority. Where it is a public one, let the \
             provider send its intermediate certificates too, and install ca-certificates here."
        }
        TlsFlaw::OtherHost => {
            "Write the host as the certificate names it (in OIDC_ISSUER_URL, or at the provider in its \
             discovery document), or let the provider show one that names it."
        }
        TlsFlaw::Expired | TlsFlaw::NotYetValid => {
            "Renew the provider's certificate, or set this machine's clock."
        }
        TlsFlaw::NoTls => "Correct the port, or switch on TLS at the provider.",
        TlsFlaw::Refused | TlsFlaw::Other => {
            "Try the same host with openssl s_client -connect, which says more."
        }
    }
}

/// The bridge goes to the provider directly, whatever the environment says.
fn proxy_hint(variables: &Variables) -> String {
    let proxies = ["https_proxy", "http_proxy", "all_proxy"];
    let mut names = variables.names();
    let set = names.find(|name| proxies.contains(&&*name.to_ascii_lowercase()));
    set.map_or_else(String::new, |name| {
        format!(
            " {name} is set and is not used: the bridge must reach the provider without a proxy."
        )
    })
}

fn judge_issuer(settings: &ProviderSettings, probe: &Probe, report: &mut Section<'_>) {
    let theirs = probe.announced.as_ref();
    let theirs = theirs.and_then(|announced| announced.issuer.as_deref());
    let Some(theirs) = theirs else {
        return report.wrong(
            "the provider's discovery document names no issuer",
            "It must; correct it at the provider.",
        );
    };
    let shown: String = theirs.chars().take(300).collect();
    let without_slash = |issuer: &str| issuer.trim_end_matches('/').to_owned();
    if theirs.contains('{') {
        report.wrong(
            format!("the provider's document names no issuer of its own, but {shown}"),
            "This address is shared by many tenants. Use the one of your tenant: at Entra \
             https://login.microsoftonline.com/TENANT-ID/v2.0.",
        );
    } else if without_slash(theirs) == without_slash(&settings.issuer) {
        report.wrong(
            "OIDC_ISSUER_URL differs from what the provider calls itself by the slash at the end",
            format!("Set OIDC_ISSUER_URL={shown}"),
        );
    } else {
        report.wrong(
            format!("the provider calls itself {shown}, which is not OIDC_ISSUER_URL"),
            format!(
                "They are compared character by character. If this is your provider, set \
                 OIDC_ISSUER_URL={shown}"
            ),
        );
    }
}

fn judge_redirect(settings: &ProviderSettings, redirect: &Redirect, report: &mut Section<'_>) {
    let ours = &settings.redirect_uri;
    match redirect {
        Redirect::Known => report.good(format!("the redirect URI {ours} is registered")),
        Redirect::Unclear => report.note(
            format!("whether the redirect URI {ours} is registered cannot be known from here"),
            "Sign in once: a provider that does not know it says so.",
        ),
        Redirect::Refused => report.wrong(
            "the provider shows an error instead of its sign-in page: probably it does not know the \
             redirect URI of this client, or not the client",
            format!("Register exactly this redirect URI for the client OIDC_CLIENT_ID: {ours}"),
        ),
        Redirect::Error(error) => report.wrong(
            format!("the provider sends every sign-in back at once with the error {error}"),
            match error.as_str() {
                "invalid_scope" => "Take out of OIDC_SCOPES what this client may not ask for.",
                "unauthorized_client" | "unsupported_response_type" => {
                    "Allow this client the authorization code flow at the provider."
                }
                _ => "Look into the provider's log: it says why.",
            },
        ),
        Redirect::Failed(outage) => report.note(
            format!("the provider's sign-in page cannot be asked for: {outage}"),
            "Browsers may reach it where the bridge does not; try to sign in.",
        ),
    }
}

fn judge_client(settings: &ProviderSettings, client: &ClientCheck, report: &mut Section<'_>) {
    let unclear = |reason: &dyn Display| {
        format!("whether the client is right cannot be known from here: {reason}")
    };
    match client {
        ClientCheck::Accepted => {
            let shown = match (settings.credentials.secret(), settings.credentials.key()) {
                (Some(_), _) => "client id and secret",
                (None, Some(_)) => "the client and its key",
                (None, None) => "the client without a secret",
            };
            report.good(format!(
                "the token endpoint takes {shown} (it refused a made-up code, as it should)"
            ));
        }
        ClientCheck::Failed(outage) => report.note(unclear(outage), "Sign in once."),
        ClientCheck::Unclear(reason) => report.note(unclear(reason), "Sign in once."),
        ClientCheck::OtherMethod(method) => report.wrong(
            format!("the token endpoint takes the secret of this client by {method} alone"),
            format!("Set OIDC_TOKEN_AUTH_METHOD={method}"),
        ),
        ClientCheck::TakesAnyCode => report.wrong(
            "the token endpoint gives tokens for a made-up code",
            "The server at OIDC_ISSUER_URL is no provider to trust.",
        ),
        ClientCheck::Refused(words) => judge_refused_client(settings, words, report),
    }
}

/// `words` are the error of the token endpoint.
fn judge_refused_client(
    settings: &ProviderSettings,
    words: &dyn Display,
    report: &mut Section<'_>,
) {
    if let Some(secret) = settings.credentials.secret() {
        report.wrong(
            format!(
                "the token endpoint refuses the client, by client_secret_basic and by \
                 client_secret_post: OIDC_CLIENT_ID or OIDC_CLIENT_SECRET is wrong ({words})"
            ),
            format!(
                "Copy both again, the secret whole; if it cannot be seen any more, make a new one at \
                 the provider.{} The client must be allowed the authorization code flow. A client \
                 that is registered for private_key_jwt needs OIDC_CLIENT_KEY_FILE instead.",
                secret_id_hint(secret)
            ),
        );
    } else if settings.credentials.key().is_some() {
        report.wrong(
            format!("the token endpoint refuses the client and its key ({words})"),
            "Register the public key above for the client OIDC_CLIENT_ID, with private_key_jwt as its \
             method. Where the provider gave the key a kid of its own, set OIDC_CLIENT_KEY_ID to it.",
        );
    } else {
        report.wrong(
            format!("the token endpoint refuses the client without a secret ({words})"),
            "Set OIDC_CLIENT_SECRET, or OIDC_CLIENT_KEY_FILE, or register the client as a public one.",
        );
    }
}

/// Entra shows a secret's value once, and its id, which looks like one, ever after.
fn secret_id_hint(secret: &SecretString) -> &'static str {
    let groups: Vec<&str> = secret.expose_secret().split('-').collect();
    let is_uuid = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups
            .iter()
            .all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_uuid {
        " It looks like an id: at Entra the secret is the column Value, not Secret ID."
    } else {
        ""
    }
}
