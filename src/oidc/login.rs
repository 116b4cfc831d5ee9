//! A sign-in: the way to the provider, and what is made of the way back.

use std::sync::{Arc, PoisonError};

use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::discovery::Document;
use super::error::{InvalidAnswer, OidcError, Outage};
use super::http::Http;
use super::id_token::{self, Expected, TokenFlaw, VerifiedIdToken};
use super::keys::KeySet;
use super::known::Known;
use super::{
    Attempt, AttemptSecrets, CallbackAnswer, ClaimPath, Provider, ProviderSettings, SignInWish,
    SignedIn, groups,
};
use crate::domain::identity::{Groups, Identity};
use crate::json::Object;
use crate::random;

impl Provider {
    /// The address to send the browser to, and the attempt to remember in it.
    ///
    /// # Errors
    /// When nothing is known of the provider and it cannot be read in time.
    pub async fn begin(&self) -> Result<(Url, Attempt), OidcError> {
        self.begin_with(&SignInWish::default()).await
    }

    /// The same with wishes.
    ///
    /// # Errors
    /// As [`Provider::begin`].
    pub async fn begin_with(&self, wish: &SignInWish<'_>) -> Result<(Url, Attempt), OidcError> {
        let known = self.ensure().await?;
        let mut attempt = Attempt::random()?;
        if !wish.mark.is_empty() {
            attempt.state = format!("{}.{}", attempt.state, wish.mark);
        }
        let redirect_uri = &self.settings.redirect_uri;
        let mut url = authorization_url(&known.document, &self.settings, redirect_uri, &attempt);
        if wish.somebody_else {
            url.query_pairs_mut()
                .append_pair("prompt", known.document.asking_who);
        }
        Ok((url, attempt))
    }

    /// The `iss` of a callback (RFC 9207 §2.4): if present it must be the issuer,
    /// character by character, and a provider that announces it must send it.
    /// [`Provider::finish`] checks by itself; call this for an error answer.
    ///
    /// # Errors
    /// When the callback may come from another provider, or nothing is known of
    /// ours and it cannot be read in time.
    pub async fn check_issuer_parameter(&self, iss: Option<&str>) -> Result<(), OidcError> {
        let known = self.ensure().await?;
        check_issuer(iss, &self.settings.issuer, known.document.announces_iss)
    }

    /// Spends the code and says who signed in.
    ///
    /// # Errors
    /// When the provider fails, says no, or is not to be believed.
    pub async fn finish(
        &self,
        secrets: &AttemptSecrets,
        answer: &CallbackAnswer,
    ) -> Result<SignedIn, OidcError> {
        self.check_issuer_parameter(answer.iss.as_deref()).await?;
        let known = self.ensure().await?;
        let client = self.oauth_client(&self.http, &known.document);
        let tokens = client.spend_code(secrets, &answer.code).await?;
        let id_token = tokens
            .id_token
            .ok_or(OidcError::Refused(InvalidAnswer::NoIdToken))?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            audience: self.settings.audience(),
            algs: &self.settings.signing_algs,
            nonce: Some(&secrets.nonce),
            access_token: tokens.access_token.as_ref(),
        };
        let verified = self.verify(&id_token, &expected).await?;
        let (subject, access_token) = (verified.subject(), tokens.access_token.as_ref());
        let identity = self
            .identify(
                &self.http,
                &known,
                subject,
                verified.claims(),
                access_token,
                None,
            )
            .await?;
        Ok(SignedIn {
            identity,
            sid: verified.sid(),
            issued_at: verified.issued_at(),
            id_token,
            refresh_token: tokens.refresh_token,
        })
    }

    pub(super) async fn ensure(&self) -> Result<Arc<Known>, OidcError> {
        self.known
            .ensure(&self.http, &self.settings)
            .await
            .map_err(OidcError::Unavailable)
    }

    pub(super) async fn verify(
        &self,
        id_token: &SecretString,
        expected: &Expected<'_>,
    ) -> Result<VerifiedIdToken, OidcError> {
        let verify = |keys: &KeySet| {
            id_token::verify(id_token.expose_secret(), keys, expected, self.clock.now())
        };
        let newer_may_do = |flaw: &TokenFlaw| flaw.newer_keys_may_do();
        // A user waits for it, and can try again.
        let outcome = self.with_keys(verify, newer_may_do, |flaw, _| Ok(flaw));
        let outcome = outcome.await;
        let outcome = outcome.map_err(OidcError::Unavailable)?;
        outcome.map_err(|flaw| OidcError::Refused(flaw.into()))
    }

    /// Who `subject` is: from `claims`, those of an ID token, and for what they lack from
    /// userinfo. Groups that are absent there too are none: a provider that drops the claim
    /// with the last group must not leave those of before. Nor is there a user name then.
    /// `before`: who the session is of, where it is refreshed; the name to show may stay.
    ///
    /// # Errors
    /// When userinfo fails and the groups depend on it, because to go on without would be
    /// to decide by a failure; and when it is about another subject. Names alone are no
    /// reason to refuse a sign-in. A refresh fails where it would lose the user name, of which
    /// rooms and tokens are made: it must not grow older than groups may.
    pub(super) async fn identify(
        &self,
        http: &Http,
        known: &Known,
        subject: &str,
        claims: &Object,
        access_token: Option<&SecretString>,
        before: Option<&Identity>,
    ) -> Result<Identity, OidcError> {
        let settings = &self.settings;
        let in_token = groups::groups(claims, &settings.groups_claim);
        let lacks = |path: &ClaimPath| path.find(claims).is_none();
        let lacks_names = lacks(&settings.username_claim) || lacks(&settings.name_claim);
        let has_username = before.is_some_and(|before| before.username.is_some());
        let decides = in_token.is_none() || has_username && lacks(&settings.username_claim);
        let more = match &known.document.userinfo {
            Some(endpoint) if in_token.is_none() || lacks_names => {
                let asked = self.userinfo(http, endpoint, access_token, subject).await;
                asked.or_else(|error| without_names(error, decides))?
            }
            _ => Object::new(),
        };
        let groups = in_token.or_else(|| groups::groups(&more, &settings.groups_claim));
        self.tell_claims(claims, &more, groups.as_ref());
        let text = |path| groups::text(claims, path).or_else(|| groups::text(&more, path));
        Ok(Identity {
            issuer: settings.issuer.clone(),
            subject: subject.to_owned(),
            username: text(&settings.username_claim),
            name: text(&settings.name_claim).or_else(|| before?.name.clone()),
            groups: groups.unwrap_or_else(Groups::none),
        })
    }

    /// Logs once where each configured claim was found, or that it was not.
    fn tell_claims(&self, claims: &Object, more: &Object, groups: Option<&Groups>) {
        let settings = &self.settings;
        let is_overage = matches!(groups, Some(Groups::Overage));
        for (variable, path) in [
            ("OIDC_GROUPS_CLAIM", &settings.groups_claim),
            ("OIDC_USERNAME_CLAIM", &settings.username_claim),
            ("OIDC_NAME_CLAIM", &settings.name_claim),
        ] {
            let found = path.find(claims).or_else(|| path.find(more));
            let found = found.map(|found| found.pointer());
            if found.is_none() && is_overage && variable == "OIDC_GROUPS_CLAIM" {
                continue;
            }
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if !told.insert((variable, found.clone())) {
                continue;
            }
            if let Some(claim) = found {
                tracing::info!(event = "claim_found", variable, claim);
            } else {
                tracing::warn!(
                    event = "claim_missing",
                    variable,
                    "neither the ID token nor userinfo has this claim"
                );
            }
        }
    }
}

/// A failure of userinfo. `decides`: what a person may do depends on what it would have said.
fn without_names(error: OidcError, decides: bool) -> Result<Object, OidcError> {
    let about_another = matches!(
        error,
        OidcError::Refused(InvalidAnswer::UserinfoSubject | InvalidAnswer::UserinfoNobody)
    );
    if about_another || decides {
        return Err(error);
    }
    tracing::warn!(
        event = "names_not_read",
        reason = error.code(),
        %error,
        "userinfo failed; the sign-in goes on without what only it has"
    );
    Ok(Object::new())
}

impl Attempt {
    /// A new one.
    ///
    /// # Errors
    /// Without random numbers.
    pub(super) fn random() -> Result<Self, OidcError> {
        Ok(Self {
            state: random()?,
            secrets: AttemptSecrets {
                nonce: random()?.into(),
                verifier: verifier()?.into(),
            },
        })
    }
}

/// Where a browser is sent to sign in (OpenID Connect Core §3.1.2.1, RFC 7636 §4.3).
pub(super) fn authorization_url(
    document: &Document,
    settings: &ProviderSettings,
    redirect_uri: &str,
    attempt: &Attempt,
) -> Url {
    let challenge = challenge(attempt.secrets.verifier.expose_secret());
    let mut url = document.authorization.clone();
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("scope", &scope(&settings.scopes))
        .append_pair("state", &attempt.state)
        .append_pair("nonce", attempt.secrets.nonce.expose_secret())
        .append_pair("code_challenge", challenge.as_str())
        .append_pair("code_challenge_method", "S256");
    url
}

fn check_issuer(iss: Option<&str>, issuer: &str, announced: bool) -> Result<(), OidcError> {
    match iss {
        Some(iss) if iss == issuer => Ok(()),
        None if !announced => Ok(()),
        _ => Err(OidcError::Refused(InvalidAnswer::IssuerParameter)),
    }
}

/// The configured scopes, with `openid` once and first (OpenID Connect Core §3.1.2.1).
fn scope(configured: &[String]) -> String {
    let mut scopes = vec!["openid"];
    for scope in configured {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}

fn random() -> Result<String, OidcError> {
    random::text().map_err(|_| OidcError::Unavailable(Outage::NoRandomness))
}

/// A verifier whose challenge, which stands in the address, is as harmless as the rest of it.
fn verifier() -> Result<String, OidcError> {
    loop {
        let verifier = random()?;
        if random::is_harmless(challenge(&verifier).as_str()) {
            return Ok(verifier);
        }
    }
}

/// RFC 7636 §4.2.
fn challenge(verifier: &str) -> PkceCodeChallenge {
    let verifier = PkceCodeVerifier::new(verifier.to_owned());
    PkceCodeChallenge::from_code_verifier_sha256(&verifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cb_5_the_issuer_parameter_is_the_issuer_and_present_when_announced() {
        let issuer = "https://id.example.com";
        let refused = Err(OidcError::Refused(InvalidAnswer::IssuerParameter));
        for announced in [true, false] {
            assert_eq!(check_issuer(Some(issuer), issuer, announced), Ok(()));
            for other in [
                "",
                "https://evil.example",
                "https://id.example.com/",
                "https://ID.example.com",
            ] {
                assert_eq!(
                    check_issuer(Some(other), issuer, announced),
                    refused,
                    "{other}"
                );
            }
        }
        assert_eq!(check_issuer(None, issuer, false), Ok(()));
        assert_eq!(check_issuer(None, issuer, true), refused);
    }

    #[test]
    fn lr_1_openid_is_asked_once_and_nothing_twice() {
        let scope =
            |words: &[&str]| scope(&words.iter().map(|&w| w.to_owned()).collect::<Vec<_>>());
        assert_eq!(scope(&[]), "openid");
        assert_eq!(
            scope(&["profile", "openid", "profile", "openid"]),
            "openid profile"
        );
    }

    #[test]
    fn lr_3_no_value_of_an_attempt_holds_a_double_dash() {
        for _ in 0..1000 {
            let attempt = Attempt::random().unwrap();
            let verifier = attempt.secrets.verifier.expose_secret();
            let nonce = attempt.secrets.nonce.expose_secret();
            for value in [
                &attempt.state,
                nonce,
                verifier,
                challenge(verifier).as_str(),
            ] {
                assert_eq!(value.len(), 43);
                assert!(!value.contains("--"), "{value}");
            }
        }
    }
}
