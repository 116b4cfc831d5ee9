//! The provider's metadata (OpenID Connect Discovery §3 and §4): the members that are used,
//! checked.

use openidconnect::core::CoreAuthPrompt;
use serde_json::Value;
use url::Url;

use super::client::OidcClient;
use super::error::Outage;
use super::http::Http;
use super::jwks::SigningAlg;
use super::reply::Reply;
use super::settings::ProviderSettings;
use crate::json::Object;
use crate::loopback::is_trusted;
use crate::metrics::ProviderEndpoint;

/// Google announces no prompt values, and supports `select_account`.
const GOOGLE: &str = "https://accounts.google.com";

/// A checked discovery document.
#[derive(Debug, Clone)]
pub(super) struct ProviderMetadata {
    /// Includes the authorization endpoint and the token endpoint.
    pub(super) client: OidcClient,
    pub(super) jwks: Url,
    pub(super) userinfo: Option<Url>,
    pub(super) end_session: Option<Url>,
    /// RFC 7009, RFC 8414 §2.
    pub(super) revocation: Option<Url>,
    /// RFC 7662, RFC 8414 §2.
    pub(super) introspection: Option<Url>,
    /// RFC 9207 §3: the callback must carry `iss`.
    pub(super) announces_iss: bool,
    /// Value of `prompt` for a sign-in with another account.
    pub(super) account_choice: CoreAuthPrompt,
    /// Optional endpoints without a valid URL: empty, relative or not a string. They count as
    /// absent.
    pub(super) unusable: Vec<&'static str>,
}

/// The provider's document, not checked yet.
///
/// # Errors
/// If there is no answer.
pub(super) async fn fetch(http: &Http, settings: &ProviderSettings) -> Result<Reply, Outage> {
    let address = address(&settings.issuer)?;
    http.get(ProviderEndpoint::Discovery, &address).await
}

/// Discovery §4.1: one trailing slash of the issuer is removed first.
fn address(issuer: &str) -> Result<Url, Outage> {
    let base = issuer.strip_suffix('/').unwrap_or(issuer);
    Url::parse(&format!("{base}/.well-known/openid-configuration"))
        .map_err(|_| Outage::Endpoint("address"))
}

impl ProviderMetadata {
    /// # Errors
    /// If the document is invalid or not trustworthy.
    pub(super) fn check(sent: &Object, settings: &ProviderSettings) -> Result<Self, Outage> {
        // Discovery §4.3. Without this check, one provider could present its users as those of
        // another.
        match text(sent, "issuer") {
            Some(issuer) if issuer == settings.issuer => {}
            Some(_) => return Err(Outage::OtherIssuer),
            None => return Err(Outage::Unreadable),
        }
        let lists = |name, fits: &dyn Fn(&str) -> bool| {
            list(sent, name).is_none_or(|words| words.iter().any(|word| fits(word)))
        };
        if !lists("response_types_supported", &|word| word == "code") {
            return Err(Outage::NoCodeFlow);
        }
        let allowed = |word: &str| {
            SigningAlg::parse(word).is_some_and(|alg| settings.signing_algs.contains(&alg))
        };
        if !lists("id_token_signing_alg_values_supported", &allowed) {
            return Err(Outage::OtherSigningAlgs);
        }
        let required = |name| {
            let url = url_if_any(sent, name).ok().flatten();
            trusted(name, url.ok_or(Outage::Endpoint(name))?, settings)
        };
        let mut unusable = Vec::new();
        let mut optional = |name| {
            let Ok(url) = url_if_any(sent, name) else {
                unusable.push(name);
                return Ok(None);
            };
            url.map(|url| trusted(name, url, settings)).transpose()
        };
        let auth_methods = list(sent, "token_endpoint_auth_methods_supported");
        let auth = settings.credentials.client_auth(auth_methods.as_deref())?;
        Ok(Self {
            client: OidcClient::new(
                settings,
                required("authorization_endpoint")?,
                required("token_endpoint")?,
                auth,
            )?,
            jwks: required("jwks_uri")?,
            userinfo: optional("userinfo_endpoint")?,
            end_session: optional("end_session_endpoint")?,
            // Optional: without one of them, only revocation or opaque subject tokens are missing.
            revocation: optional("revocation_endpoint").unwrap_or(None),
            introspection: optional("introspection_endpoint").unwrap_or(None),
            announces_iss: flag(sent, "authorization_response_iss_parameter_supported"),
            account_choice: prompt_for_account_choice(
                list(sent, "prompt_values_supported"),
                &settings.issuer,
            ),
            unusable,
        })
    }
}

pub(super) fn text<'a>(sent: &'a Object, name: &str) -> Option<&'a str> {
    sent.get(name)?.as_str()
}

/// The strings of a list; a single string counts as a list of one.
pub(super) fn list(sent: &Object, name: &str) -> Option<Vec<String>> {
    match sent.get(name)? {
        Value::String(word) => Some(vec![word.clone()]),
        Value::Array(words) => {
            let words = words.iter().filter_map(Value::as_str);
            Some(words.map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// True for `true`, also as a string.
fn flag(sent: &Object, name: &str) -> bool {
    sent.get(name).is_some_and(|value| {
        let word = value.as_str().unwrap_or_default();
        *value == Value::Bool(true) || word.eq_ignore_ascii_case("true")
    })
}

/// An optional member is present but is not a valid URL.
struct NoAddress;

fn url_if_any(sent: &Object, name: &str) -> Result<Option<Url>, NoAddress> {
    match sent.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(address) => {
            let url = address
                .as_str()
                .and_then(|address| Url::parse(address).ok());
            url.map(Some).ok_or(NoAddress)
        }
    }
}

/// An endpoint must be as trustworthy as the issuer. http is only for a provider on this machine;
/// otherwise a document could direct requests at local services.
fn trusted(name: &'static str, url: Url, settings: &ProviderSettings) -> Result<Url, Outage> {
    let secure = url.scheme() == "https" || settings.issuer.starts_with("http:");
    if secure && is_trusted(&url) && url.fragment().is_none() {
        Ok(url)
    } else {
        Err(Outage::Endpoint(name))
    }
}

/// The prompt that makes the provider ask which account to use (OpenID Connect Core §3.1.2.1). Some
/// providers answer unknown values with an error, so `select_account` is used only where it is
/// announced (Initiating User Registration via OpenID Connect 1.0). Nearly all providers support
/// `login`.
fn prompt_for_account_choice(announced: Option<Vec<String>>, issuer: &str) -> CoreAuthPrompt {
    let mut announced = announced.into_iter().flatten();
    if issuer == GOOGLE || announced.any(|word| word == "select_account") {
        CoreAuthPrompt::SelectAccount
    } else {
        CoreAuthPrompt::Login
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::settings::tests::settings;
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

    fn checked(document: Value) -> Result<ProviderMetadata, Outage> {
        let Value::Object(document) = document else {
            panic!("no object");
        };
        ProviderMetadata::check(&document, &settings(ISSUER))
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
        assert_eq!(document.client.method(), "client_secret_basic");
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
            ] {
                let refused = checked(with(name, json!(address))).unwrap_err();
                assert_eq!(refused, Outage::Endpoint(name), "{name} {address}");
            }
        }
    }

    #[test]
    fn an_optional_endpoint_without_an_address_counts_as_absent() {
        for name in ["userinfo_endpoint", "end_session_endpoint"] {
            for none in [
                json!(""),
                json!("/relative"),
                json!(7),
                json!(["x"]),
                json!({}),
            ] {
                let document = checked(with(name, none.clone())).unwrap();
                assert!(document.userinfo.is_none() && document.end_session.is_none());
                assert_eq!(document.unusable, [name], "{none}");
            }
        }
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            for none in [json!(""), json!("/relative"), json!(7)] {
                let refused = checked(with(name, none)).unwrap_err();
                assert_eq!(refused, Outage::Endpoint(name));
            }
        }
    }

    #[test]
    fn a_truth_value_as_text_and_a_word_without_its_list_are_read_as_meant() {
        let iss = "authorization_response_iss_parameter_supported";
        for (value, announced) in [("true", true), ("True", true), ("false", false)] {
            let document = checked(with(iss, json!(value))).unwrap();
            assert_eq!(document.announces_iss, announced, "{value}");
        }
        let types = |value| checked(with("response_types_supported", value));
        assert!(types(json!("code")).is_ok());
        assert_eq!(types(json!("id_token")).unwrap_err(), Outage::NoCodeFlow);
        assert!(types(json!([7, "code", null])).is_ok());
        let post = "client_secret_post";
        let announced = with("token_endpoint_auth_methods_supported", json!(post));
        assert_eq!(checked(announced).unwrap().client.method(), post);
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
        assert!(ProviderMetadata::check(document.as_object().unwrap(), &settings(issuer)).is_ok());
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

    #[test]
    fn an_account_is_asked_for_with_a_word_that_the_provider_knows() {
        let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
        let word = |announced| prompt_for_account_choice(announced, "https://id.example.com");
        assert_eq!(word(words(&["none", "login"])), CoreAuthPrompt::Login);
        assert_eq!(
            word(words(&["login", "select_account"])),
            CoreAuthPrompt::SelectAccount
        );
        assert_eq!(word(words(&[])), CoreAuthPrompt::Login);
        assert_eq!(word(None), CoreAuthPrompt::Login);
        assert_eq!(
            prompt_for_account_choice(None, GOOGLE),
            CoreAuthPrompt::SelectAccount
        );
    }
}
