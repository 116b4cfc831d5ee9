//! Identity of a subject: the claims of the ID token, completed by the provider's userinfo endpoint
//! (OpenID Connect Core §5.3).

use std::sync::PoisonError;

use openidconnect::AccessToken;
use serde_json::Value;
use url::Url;

use super::Provider;
use super::claim_path::ClaimPath;
use super::error::{InvalidAnswer, OidcError, TokenFlaw};
use super::groups;
use super::http::Http;
use super::jwks::KeySet;
use super::metadata::ProviderMetadata;
use super::reply::Reply;
use super::signed_token::{self, Audiences, TokenKind};
use crate::domain::identity::{Groups, GroupsFrom, Identity};
use crate::json::Object;

impl Provider {
    /// The identity of `subject`, from `claims` (those of an ID token), completed by userinfo.
    /// Groups that are absent in both are empty, and a user name that is absent in both is `None`:
    /// a provider that omits an empty claim must not leave the earlier groups in place. `before`:
    /// the identity of the session that is refreshed; its display name may be kept.
    ///
    /// # Errors
    /// If userinfo fails and the groups depend on it, because a failure must not decide about
    /// access; or if userinfo is about another subject. Missing names do not make a sign-in fail. A
    /// refresh fails if it would lose the user name: rooms and tokens depend on it, so it must not
    /// become older than groups may.
    pub(super) async fn identify(
        &self,
        http: &Http,
        metadata: &ProviderMetadata,
        subject: &str,
        claims: &Object,
        access_token: Option<&AccessToken>,
        before: Option<&Identity>,
    ) -> Result<Identity, OidcError> {
        let completed = self.complete(http, metadata, subject, claims, access_token, before);
        let (identity, from) = completed.await?;
        let noted = self.groups_from.lock();
        *noted.unwrap_or_else(PoisonError::into_inner) = Some(from);
        Ok(identity)
    }

    /// As [`Self::identify`], and says where the groups came from instead of noting it: for tokens
    /// that clients bring.
    pub(super) async fn complete(
        &self,
        http: &Http,
        metadata: &ProviderMetadata,
        subject: &str,
        claims: &Object,
        access_token: Option<&AccessToken>,
        before: Option<&Identity>,
    ) -> Result<(Identity, GroupsFrom), OidcError> {
        let settings = &self.settings;
        let in_token = groups::groups(claims, &settings.groups_claim);
        let lacks = |path: &ClaimPath| path.find(claims).is_none();
        let lacks_names = lacks(&settings.username_claim) || lacks(&settings.name_claim);
        let has_username = before.is_some_and(|before| before.username.is_some());
        let decides = in_token.is_none() || has_username && lacks(&settings.username_claim);
        let more = match &metadata.userinfo {
            Some(endpoint) if in_token.is_none() || lacks_names => {
                let asked = self.userinfo(http, metadata, endpoint, access_token, subject);
                asked.await.or_else(|error| without_names(error, decides))?
            }
            _ => Object::new(),
        };
        let from = if in_token.is_some() {
            GroupsFrom::IdToken
        } else {
            GroupsFrom::Userinfo
        };
        let groups = in_token.or_else(|| groups::groups(&more, &settings.groups_claim));
        self.log_claims(claims, &more, groups.as_ref());
        let text = |path| groups::text(claims, path).or_else(|| groups::text(&more, path));
        let identity = Identity {
            issuer: settings.issuer.clone(),
            subject: subject.to_owned(),
            username: text(&settings.username_claim),
            name: text(&settings.name_claim).or_else(|| before?.name.clone()),
            groups: groups.unwrap_or_else(Groups::none),
        };
        Ok((identity, from))
    }

    /// The identity in claims, by the configured paths. Nothing is verified, and userinfo is not
    /// called.
    pub fn read_identity(&self, claims: &Object) -> Identity {
        let settings = &self.settings;
        let subject = claims.get("sub").and_then(Value::as_str);
        Identity {
            issuer: settings.issuer.clone(),
            subject: subject.unwrap_or_default().to_owned(),
            username: groups::text(claims, &settings.username_claim),
            name: groups::text(claims, &settings.name_claim),
            groups: groups::groups(claims, &settings.groups_claim).unwrap_or_else(Groups::none),
        }
    }

    /// Logs once per place where each configured claim was found, or that it was missing.
    fn log_claims(&self, claims: &Object, more: &Object, groups: Option<&Groups>) {
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
            let logged = self.logged_claims.lock();
            let mut logged = logged.unwrap_or_else(PoisonError::into_inner);
            if !logged.insert((variable, found.clone())) {
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

    /// The userinfo claims about `subject`.
    async fn userinfo(
        &self,
        http: &Http,
        metadata: &ProviderMetadata,
        endpoint: &Url,
        access_token: Option<&AccessToken>,
        subject: &str,
    ) -> Result<Object, OidcError> {
        let access_token = access_token.filter(|token| is_b64token(token.secret()));
        let access_token = access_token.ok_or(InvalidAnswer::AccessToken)?;
        let reply = metadata.client.userinfo(http, endpoint, access_token);
        let claims = self.read_claims(&reply.await?).await?;
        // OpenID Connect Core §5.3.2: otherwise a substituted access token would bring another
        // person's groups.
        match claims.get("sub").and_then(Value::as_str) {
            Some(sub) if sub == subject => Ok(claims),
            Some(_) => Err(InvalidAnswer::UserinfoSubject.into()),
            None => Err(InvalidAnswer::UserinfoWithoutSubject.into()),
        }
    }

    /// Reads JSON or a signed token (OpenID Connect Core §5.3.2), with `iss` and `aud` checked if
    /// present.
    async fn read_claims(&self, reply: &Reply) -> Result<Object, OidcError> {
        if let Some(wait) = reply.request_to_wait() {
            return Err(wait.into());
        }
        if !reply.is_jwt() {
            return Ok(reply.json()?);
        }
        let raw = reply.ok()?.text();
        let settings = &self.settings;
        let algs = &settings.signing_algs;
        let verify = |keys: &KeySet| -> Result<Object, TokenFlaw> {
            let token = signed_token::open(raw.trim(), keys, algs, TokenKind::Plain)?;
            if token.claims.contains_key("iss") {
                signed_token::check_issuer(&token.claims, settings)?;
            }
            if token.claims.contains_key("aud") {
                Audiences::of_client(settings).check(&token.claims)?;
            }
            Ok(token.claims)
        };
        let newer_may_do = |flaw: &TokenFlaw| flaw.newer_keys_may_do();
        let verified = self.metadata.with_keys(verify, newer_may_do).await?;
        verified.map_err(|(flaw, _)| InvalidAnswer::UserinfoToken(flaw).into())
    }
}

/// Handles a failure of userinfo. `decides`: the person's permissions depend on the missing answer.
fn without_names(error: OidcError, decides: bool) -> Result<Object, OidcError> {
    let about_another = matches!(
        error,
        OidcError::Refused(InvalidAnswer::UserinfoSubject | InvalidAnswer::UserinfoWithoutSubject)
    );
    if about_another || decides {
        return Err(error);
    }
    tracing::warn!(
        event = "names_not_read",
        reason = error.code(),
        %error,
        "userinfo failed; the sign-in continues without the claims that only userinfo has"
    );
    Ok(Object::new())
}

/// RFC 6750 §2.1. A line end in a token could inject headers.
pub(super) fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tx_6_only_b64tokens_are_sent() {
        for token in ["a", "a.b-c_d~e+f/g", "abc=", "abc=="] {
            assert!(is_b64token(token), "{token}");
        }
        for token in [
            "",
            "=",
            "a=b",
            "a b",
            "a\r\nX: y",
            "a\u{7f}",
            "a\u{0}",
            "ä",
            "a,b",
            "a;b",
        ] {
            assert!(!is_b64token(token), "{token:?}");
        }
    }
}
