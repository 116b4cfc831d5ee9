//! What the provider announces in its discovery document, held against what is
//! configured.

use super::Section;
use crate::oidc::probe::Announced;
use crate::oidc::{ProviderSettings, SigningAlg};

pub(super) fn judge(settings: &ProviderSettings, announced: &Announced, report: &mut Section<'_>) {
    let has = |list: &[String], word: &str| list.iter().any(|member| member == word);
    match &announced.challenge_methods {
        Some(methods) if !has(methods, "S256") => report.wrong(
            "the provider announces PKCE without S256, which every sign-in uses",
            "Switch on PKCE with S256 for this client at the provider.",
        ),
        None => report.note(
            "the provider does not say whether it knows PKCE with S256",
            "Many do without saying so. If sign-ins fail, look there first.",
        ),
        Some(_) => {}
    }
    // Discovery §3: without the list, query is among them.
    if let Some(modes) = &announced.response_modes
        && !has(modes, "query")
    {
        report.wrong(
            "the provider does not announce answers in the query (response_modes_supported), so no \
             sign-in comes back",
            "Allow the response mode query for this client at the provider; form_post and fragment \
             are not supported.",
        );
    }
    judge_algorithms(settings, announced, report);
    judge_scopes(settings, announced, report);
    judge_subject_tokens(settings, announced, report);
    let roots = settings.groups_claim.roots();
    if let Some(claims) = &announced.claims
        && let Some(claim) = roots.first()
        && !roots.iter().any(|root| has(claims, root))
    {
        report.note(
            format!("the provider does not announce the claim {claim:.60} (OIDC_GROUPS_CLAIM)"),
            "Many send it all the same once it is mapped for this client. Sign in and look at the \
             portal: it names the groups seen.",
        );
    }
    let refreshes = announced.grant_types.as_deref();
    if refreshes.is_none_or(|grants| !has(grants, "refresh_token")) {
        report.note(
            "no refresh token is to be expected: the provider does not announce that grant",
            "Groups are then as old as the sign-in, and a session ends after \
             BRIDGE_UNREFRESHED_MAX_MINUTES; signing in again is one redirect.",
        );
    }
}

/// What a token exchange (RFC 8693) accepts.
fn judge_subject_tokens(
    settings: &ProviderSettings,
    announced: &Announced,
    report: &mut Section<'_>,
) {
    if settings.exchange_audiences.is_empty() {
        return;
    }
    let kinds = if settings.introspection {
        "JWT and opaque ones"
    } else {
        "JWTs alone (OIDC_INTROSPECTION is off)"
    };
    report.good(format!(
        "a token exchange takes access tokens for {:.200}: {kinds}",
        settings.exchange_audiences.join(", ")
    ));
    if settings.introspection && announced.introspection.is_none() {
        report.note(
            "OIDC_INTROSPECTION is on, and the provider announces no introspection endpoint",
            "Opaque tokens are answered with 503. Switch it off, or switch introspection on at the \
             provider.",
        );
    }
}

fn judge_algorithms(settings: &ProviderSettings, announced: &Announced, report: &mut Section<'_>) {
    let Some(theirs) = &announced.signing_algs else {
        return;
    };
    let ours: Vec<&str> = settings
        .signing_algs
        .iter()
        .map(|alg| alg.as_str())
        .collect();
    let (shared, alone): (Vec<&str>, Vec<&str>) = ours
        .iter()
        .partition(|alg| theirs.iter().any(|their| their == *alg));
    let usable: Vec<&str> = theirs
        .iter()
        .map(String::as_str)
        .filter(|word| SigningAlg::parse(word).is_some())
        .collect();
    if shared.is_empty() {
        let remedy = if usable.is_empty() {
            "Choose an asymmetric one for this client at the provider, such as RS256.".to_owned()
        } else {
            format!("Set OIDC_SIGNING_ALGS={}", usable.join(","))
        };
        report.wrong(
            format!(
                "the provider signs ID tokens with none of OIDC_SIGNING_ALGS ({})",
                ours.join(", ")
            ),
            remedy,
        );
    } else if !alone.is_empty() && ours != ["RS256", "ES256"] {
        report.note(
            format!(
                "OIDC_SIGNING_ALGS has {}, which the provider does not announce",
                alone.join(", ")
            ),
            format!("Set OIDC_SIGNING_ALGS={}", shared.join(",")),
        );
    }
}

fn judge_scopes(settings: &ProviderSettings, announced: &Announced, report: &mut Section<'_>) {
    let Some(theirs) = &announced.scopes else {
        return;
    };
    for scope in settings
        .scopes
        .iter()
        .filter(|scope| !theirs.contains(scope))
    {
        let near = theirs
            .iter()
            .find(|their| strsim::osa_distance(their, scope) <= 2);
        let remedy = match near {
            Some(near) => format!("Did you mean {near:.60}?"),
            None => "If sign-ins fail with invalid_scope, leave it out.".to_owned(),
        };
        report.note(
            format!("the scope {scope:.60} of OIDC_SCOPES is none that the provider announces"),
            remedy,
        );
    }
    let asked = |word: &str| settings.scopes.iter().any(|scope| scope == word);
    let offered = |word: &str| theirs.iter().any(|scope| scope == word);
    let claims = settings.groups_claim.roots();
    for scope in ["groups", "roles"] {
        if offered(scope) && !asked(scope) && claims.iter().any(|root| root.contains(scope)) {
            report.note(
                format!("the provider has a scope {scope}, and OIDC_SCOPES does not ask for it"),
                format!("If people have no groups after the sign-in, add {scope} to OIDC_SCOPES."),
            );
        }
    }
    if offered("offline_access") && !asked("offline_access") {
        report.note(
            "the provider has the scope offline_access, and OIDC_SCOPES does not ask for it",
            "Some give no refresh token without it. Sessions then end after \
             BRIDGE_UNREFRESHED_MAX_MINUTES, which is all right for most.",
        );
    }
}
