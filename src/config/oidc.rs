//! `OIDC_*`: the OpenID Connect provider.

use super::addresses::{self, PublicUrl};
use super::reader::{Reader, parse_list, read_file};
use crate::oidc::{
    ClaimPath, ClientAuth, ClientKey, Credentials, Pace, ProviderSettings, SigningAlg,
};
use crate::tls;

/// Reads `OIDC_*`. The redirect URIs are derived from the public URL.
pub(super) fn read(
    reader: &mut Reader<'_>,
    public_url: Option<&PublicUrl>,
) -> Option<ProviderSettings> {
    let issuer = reader.required(
        "OIDC_ISSUER_URL",
        "the issuer in the discovery document of the provider",
    );
    let issuer =
        issuer.and_then(|url| reader.accept("OIDC_ISSUER_URL", addresses::check_issuer(url)));
    let client_id = reader.required("OIDC_CLIENT_ID", "the client registered at the provider");
    let credentials = read_credentials(reader);
    let ca_pem = reader.parsed("OIDC_CA_FILE", None, |path| {
        let pem = std::fs::read(path)
            .map_err(|error| format!("the file cannot be read: {}", error.kind()))?;
        tls::read_authorities(&pem).map_err(|reason| format!("the file {reason}"))?;
        Ok(Some(pem))
    });
    let default_scopes = ["openid", "profile", "email"].map(str::to_owned).to_vec();
    let scopes = reader.parsed("OIDC_SCOPES", default_scopes, parse_scopes);
    let mut claim = |variable: &str, default: &str| {
        let text = reader.text(variable).unwrap_or_else(|| default.to_owned());
        let path = ClaimPath::parse(&text).map_err(|error| error.to_string());
        reader.accept(variable, path)
    };
    let groups_claim = claim("OIDC_GROUPS_CLAIM", "groups");
    let username_claim = claim("OIDC_USERNAME_CLAIM", "preferred_username");
    let name_claim = claim("OIDC_NAME_CLAIM", "name");
    let mut signing_algs = reader.parsed("OIDC_SIGNING_ALGS", Vec::new(), parse_signing_algs);
    if signing_algs.is_empty() {
        signing_algs = vec![SigningAlg::Rs256, SigningAlg::Es256];
    }
    let exchange_audiences = reader.list("OIDC_EXCHANGE_AUDIENCES");
    let introspection = reader.choice("OIDC_INTROSPECTION", [("off", false), ("on", true)]);
    if introspection
        && exchange_audiences.is_empty()
        && !reader.has_problem("OIDC_EXCHANGE_AUDIENCES")
    {
        reader.problem(
            "OIDC_INTROSPECTION",
            "accepts opaque tokens for one of OIDC_EXCHANGE_AUDIENCES: set that too",
        );
    }
    Some(ProviderSettings {
        ca_pem,
        scopes,
        signing_algs,
        trusted_audiences: reader.list("OIDC_TRUSTED_AUDIENCES"),
        exchange_audiences,
        introspection,
        issuer: issuer?,
        client_id: client_id?,
        credentials: credentials?,
        groups_claim: groups_claim?,
        username_claim: username_claim?,
        name_claim: name_claim?,
        redirect_uri: public_url?.to("/auth/callback"),
        post_logout_redirect_uri: public_url?.to("/auth/signed-out"),
        pace: Pace::default(),
    })
}

fn parse_signing_algs(value: &str) -> Result<Vec<SigningAlg>, String> {
    let words = parse_list(value)?;
    let algs: Option<_> = words.iter().map(|word| SigningAlg::parse(word)).collect();
    algs.ok_or_else(|| {
        "only asymmetric algorithms: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA \
         (or Ed25519)"
            .to_owned()
    })
}

fn read_credentials(reader: &mut Reader<'_>) -> Option<Credentials> {
    let before = reader.problem_count();
    let secret = reader.secret("OIDC_CLIENT_SECRET");
    let key_id = reader.text("OIDC_CLIENT_KEY_ID");
    let has_key_id = key_id.is_some();
    let key = reader.parsed("OIDC_CLIENT_KEY_FILE", None, |path| {
        let pem = read_file(path)?;
        let key = ClientKey::read(&pem, key_id).map_err(|reason| format!("the file {reason}"))?;
        Ok(Some(key))
    });
    let methods = [
        "auto",
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    ];
    let method = reader.choice("OIDC_TOKEN_AUTH_METHOD", methods.map(|word| (word, word)));
    if reader.problem_count() > before {
        return None;
    }
    if has_key_id && key.is_none() {
        reader.problem(
            "OIDC_CLIENT_KEY_ID",
            "names a key: set OIDC_CLIENT_KEY_FILE too",
        );
    }
    let chosen = match (method, secret, key) {
        (_, Some(_), Some(_)) => {
            let reason = "set either it or OIDC_CLIENT_SECRET, not both";
            reader.problem("OIDC_CLIENT_KEY_FILE", reason);
            return None;
        }
        ("auto", Some(secret), None) => return Some(Credentials::Secret(secret)),
        ("client_secret_basic", Some(secret), None) => Ok(ClientAuth::Basic(secret)),
        ("client_secret_post", Some(secret), None) => Ok(ClientAuth::Post(secret)),
        ("auto" | "private_key_jwt", None, Some(key)) => Ok(ClientAuth::PrivateKey(key)),
        ("auto" | "none", None, None) => Ok(ClientAuth::None),
        ("private_key_jwt", ..) => Err("needs a key and no secret: set OIDC_CLIENT_KEY_FILE alone"),
        ("none", ..) => Err("is for a public client, which has neither a secret nor a key"),
        _ => Err("needs a secret and no key: set OIDC_CLIENT_SECRET alone"),
    };
    let chosen = chosen.map(Credentials::Fixed).map_err(str::to_owned);
    reader.accept("OIDC_TOKEN_AUTH_METHOD", chosen)
}

/// Scopes are separated by spaces (RFC 6749 §3.3); commas and a JSON array are accepted too.
fn parse_scopes(value: &str) -> Result<Vec<String>, String> {
    let scopes: Vec<String> = if value.starts_with('[') {
        parse_list(value)?
    } else {
        let words = value.split([' ', ',']).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
    let token = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    if !scopes.iter().all(|scope| scope.chars().all(token)) {
        return Err("has a character that a scope cannot have (RFC 6749 section 3.3)".to_owned());
    }
    if !scopes.iter().any(|scope| scope == "openid") {
        return Err("must contain openid: without it there is no ID token".to_owned());
    }
    Ok(scopes)
}
