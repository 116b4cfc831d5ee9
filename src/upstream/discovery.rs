//! The provider's discovery document (OpenID Connect Discovery §3 and §4), reduced
//! to what is used, and checked before any of it is.

use serde::Deserialize;
use url::Url;

use super::client_auth::{ClientAuth, client_auth};
use super::error::Outage;
use super::http::{Authorization, Http, Reply, trusted_address};
use super::prompt::asking_who;
use super::{ProviderSettings, SigningAlg};
use crate::metrics::ProviderEndpoint;

/// A checked document.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) authorization: Url,
    pub(super) token: Url,
    pub(super) jwks: Url,
    pub(super) userinfo: Option<Url>,
    pub(super) end_session: Option<Url>,
    /// RFC 7009, RFC 8414 §2.
    pub(super) revocation: Option<Url>,
    pub(super) client_auth: ClientAuth,
    /// RFC 9207 §3: the callback must carry `iss`.
    pub(super) announces_iss: bool,
    /// `prompt` when somebody else is to sign in.
    pub(super) asking_who: &'static str,
}

/// The document as sent.
#[derive(Deserialize)]
struct Wire {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    userinfo_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    response_types_supported: Option<Vec<String>>,
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    authorization_response_iss_parameter_supported: Option<bool>,
    /// A hint only: whatever stands there is no reason to refuse the document.
    #[serde(default)]
    prompt_values_supported: serde_json::Value,
}

/// Fetches and checks the document.
///
/// # Errors
/// When it cannot be had, or not be trusted.
pub(super) async fn read(http: &Http, settings: &ProviderSettings) -> Result<Document, Outage> {
    judge(&fetch(http, settings).await?, settings)
}

/// The document as the provider sends it.
///
/// # Errors
/// When there is no answer.
pub(super) async fn fetch(http: &Http, settings: &ProviderSettings) -> Result<Reply, Outage> {
    let address = address(&settings.issuer)?;
    http.get(ProviderEndpoint::Discovery, &address, Authorization::None)
        .await
}

/// Checks it.
///
/// # Errors
/// When it is none, or cannot be trusted.
pub(super) fn judge(reply: &Reply, settings: &ProviderSettings) -> Result<Document, Outage> {
    check(reply.json()?, settings)
}

/// Discovery §4.1: one slash at the end of the issuer is removed first.
fn address(issuer: &str) -> Result<Url, Outage> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{base}/.well-known/openid-configuration"))
        .map_err(|_| Outage::Endpoint("address"))
}

fn check(wire: Wire, settings: &ProviderSettings) -> Result<Document, Outage> {
    // Discovery §4.3. Without it one provider could send its users in the name of another.
    if wire.issuer != settings.issuer {
        return Err(Outage::OtherIssuer);
    }
    let lists = |list: &Option<Vec<String>>, fits: &dyn Fn(&str) -> bool| {
        list.as_ref()
            .is_none_or(|words| words.iter().any(|word| fits(word)))
    };
    if !lists(&wire.response_types_supported, &|word| word == "code") {
        return Err(Outage::NoCodeFlow);
    }
    let ours = |word: &str| {
        SigningAlg::parse(word).is_some_and(|alg| settings.signing_algs.contains(&alg))
    };
    if !lists(&wire.id_token_signing_alg_values_supported, &ours) {
        return Err(Outage::OtherSigningAlgs);
    }
    let endpoint = |name, address| endpoint(name, address, &settings.issuer);
    let required = |name, address| endpoint(name, address)?.ok_or(Outage::Endpoint(name));
    Ok(Document {
        authorization: required("authorization_endpoint", wire.authorization_endpoint)?,
        token: required("token_endpoint", wire.token_endpoint)?,
        jwks: required("jwks_uri", wire.jwks_uri)?,
        userinfo: endpoint("userinfo_endpoint", wire.userinfo_endpoint)?,
        end_session: endpoint("end_session_endpoint", wire.end_session_endpoint)?,
        // Without it nothing is missing but the revocation.
        revocation: endpoint("revocation_endpoint", wire.revocation_endpoint).unwrap_or(None),
        client_auth: client_auth(
            settings.client_secret.is_some(),
            wire.token_endpoint_auth_methods_supported.as_deref(),
        )?,
        announces_iss: wire
            .authorization_response_iss_parameter_supported
            .unwrap_or(false),
        asking_who: asking_who(&wire.prompt_values_supported, &settings.issuer),
    })
}

/// An endpoint deserves no more trust than the issuer: http is for a provider that
/// is itself on this machine, or a document could turn us on local services.
fn endpoint(
    name: &'static str,
    address: Option<String>,
    issuer: &str,
) -> Result<Option<Url>, Outage> {
    let Some(address) = address else {
        return Ok(None);
    };
    let url = Url::parse(&address).map_err(|_| Outage::Endpoint(name))?;
    let secure = url.scheme() == "https" || issuer.starts_with("http:");
    if secure && trusted_address(&url) && url.fragment().is_none() {
        Ok(Some(url))
    } else {
        Err(Outage::Endpoint(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::settings::tests::settings;
    use serde_json::{Value, json};

    const ISSUER: &str = "https://id.example.com";

    fn document() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example.com/authorize",
            "token_endpoint": "https://id.example.com/token",
            "jwks_uri": "https://keys.example.com/jwks",
        })
    }

    fn checked(document: Value) -> Result<Document, Outage> {
        check(serde_json::from_value(document).unwrap(), &settings(ISSUER))
    }

    fn with(name: &str, value: Value) -> Value {
        let mut changed = document();
        changed[name] = value;
        changed
    }

    #[test]
    fn the_smallest_document_serves() {
        let document = checked(document()).unwrap();
        assert_eq!(document.jwks.as_str(), "https://keys.example.com/jwks");
        assert_eq!(document.client_auth, ClientAuth::Basic);
        assert!(document.userinfo.is_none());
        assert!(document.end_session.is_none());
        assert!(!document.announces_iss);
    }

    #[test]
    fn jw_1_another_issuer_is_refused_character_by_character() {
        for other in [
            "https://id.example.com/",
            "https://ID.example.com",
            "http://id.example.com",
            "https://id.example.com:443",
            "https://evil.example",
            "",
        ] {
            let refused = checked(with("issuer", json!(other))).unwrap_err();
            assert_eq!(refused, Outage::OtherIssuer, "{other}");
        }
    }

    #[test]
    fn jw_2_every_endpoint_must_be_https_or_is_refused() {
        for name in [
            "authorization_endpoint",
            "token_endpoint",
            "jwks_uri",
            "userinfo_endpoint",
            "end_session_endpoint",
        ] {
            for address in [
                "http://id.example.com/x",
                "http://169.254.169.254/latest",
                "https://user@id.example.com/x",
                "https://id.example.com/x#y",
                "/relative",
                "",
            ] {
                let refused = checked(with(name, json!(address))).unwrap_err();
                assert_eq!(refused, Outage::Endpoint(name), "{name} {address}");
            }
        }
    }

    #[test]
    fn jw_2_a_provider_elsewhere_cannot_point_at_this_machine() {
        let refused = checked(with("token_endpoint", json!("http://localhost/token"))).unwrap_err();
        assert_eq!(refused, Outage::Endpoint("token_endpoint"));
    }

    #[test]
    fn jw_2_a_provider_on_this_machine_may_use_http() {
        let issuer = "http://localhost:9000";
        let document = json!({
            "issuer": issuer,
            "authorization_endpoint": "http://127.0.0.1:9000/authorize",
            "token_endpoint": "http://localhost:9000/token",
            "jwks_uri": "https://id.example.com/jwks",
        });
        let wire = serde_json::from_value(document).unwrap();
        assert!(check(wire, &settings(issuer)).is_ok());
    }

    #[test]
    fn the_three_endpoints_of_a_sign_in_are_required() {
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            let mut lacking = document();
            lacking.as_object_mut().unwrap().remove(name);
            assert_eq!(checked(lacking).unwrap_err(), Outage::Endpoint(name));
        }
    }

    #[test]
    fn jw_1_a_provider_that_says_it_cannot_do_what_is_needed_is_believed() {
        let algs = |words: &[&str]| with("id_token_signing_alg_values_supported", json!(words));
        for unusable in [
            &[][..],
            &["none"],
            &["HS256", "none"],
            &["PS512"],
            &["rs256"],
        ] {
            let refused = checked(algs(unusable)).unwrap_err();
            assert_eq!(refused, Outage::OtherSigningAlgs, "{unusable:?}");
        }
        assert!(checked(algs(&["none", "ES256"])).is_ok());
        let types = |words: &[&str]| with("response_types_supported", json!(words));
        for unusable in [&[][..], &["id_token"], &["code id_token"], &["CODE"]] {
            let refused = checked(types(unusable)).unwrap_err();
            assert_eq!(refused, Outage::NoCodeFlow, "{unusable:?}");
        }
        assert!(checked(types(&["id_token", "code"])).is_ok());
    }

    #[test]
    fn members_that_are_null_count_as_absent() {
        for name in [
            "userinfo_endpoint",
            "end_session_endpoint",
            "token_endpoint_auth_methods_supported",
            "response_types_supported",
            "id_token_signing_alg_values_supported",
            "authorization_response_iss_parameter_supported",
        ] {
            assert!(checked(with(name, json!(null))).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_document_is_looked_for_below_the_issuer() {
        let place = |issuer| address(issuer).unwrap().to_string();
        let expected = "https://id.example.com/realms/x/.well-known/openid-configuration";
        assert_eq!(place("https://id.example.com/realms/x"), expected);
        assert_eq!(place("https://id.example.com/realms/x/"), expected);
    }
}
