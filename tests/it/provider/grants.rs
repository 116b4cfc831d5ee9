//! Refresh tokens, as providers that rotate them give them out (RFC 9700 §4.14.2): each is
//! good once, and the second use of one ends the whole grant.

use std::collections::HashMap;

use super::script::Script;
use super::{Answer, Request};

/// What was granted, by refresh token.
#[derive(Default)]
pub struct Grants {
    /// Whether sign-ins get a refresh token, and what happens at its use.
    pub given: Option<Rotation>,
    /// Whose refreshes are answered with what instead of tokens.
    pub refused: HashMap<String, Answer>,
    tokens: HashMap<String, Grant>,
}

/// What happens to a refresh token at its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Another one takes its place; the second use of one ends the grant.
    Each,
    /// It stays good.
    None,
}

struct Grant {
    /// All that came from one sign-in have the same.
    family: String,
    person: String,
    spent: bool,
}

/// The refresh token of a new sign-in, if they are given.
pub fn begin(script: &mut Script, person: &str) -> Option<String> {
    script.grants.given?;
    let family = script.fresh("family");
    Some(issue(script, family, person.to_owned()))
}

/// Whose the refresh token is, and the one that takes its place.
pub fn spend(script: &mut Script, token: &str) -> Option<(String, Option<String>)> {
    let rotation = script.grants.given.unwrap_or(Rotation::Each);
    let grant = script.grants.tokens.get_mut(token)?;
    let (family, person) = (grant.family.clone(), grant.person.clone());
    if grant.spent {
        script
            .grants
            .tokens
            .retain(|_, grant| grant.family != family);
        return None;
    }
    if rotation == Rotation::None {
        return Some((person, None));
    }
    grant.spent = true;
    let next = issue(script, family, person.clone());
    Some((person, Some(next)))
}

/// What is answered instead of tokens, if the request would spend a refresh token of
/// such a person.
pub fn refused(script: &Script, request: &Request) -> Option<Answer> {
    let token = request.form.get("refresh_token")?;
    let grant = script.grants.tokens.get(token)?;
    script.grants.refused.get(&grant.person).cloned()
}

/// Takes back all that was granted to this token's person, as Keycloak does (RFC 7009 §2.1
/// allows it): what came of other sign-ins too.
pub fn revoke_token(script: &mut Script, token: &str) {
    if let Some(grant) = script.grants.tokens.remove(token) {
        revoke(script, &grant.person);
    }
}

/// Whether the refresh token is good.
pub fn is_good(script: &Script, token: &str) -> bool {
    let grant = script.grants.tokens.get(token);
    grant.is_some_and(|grant| !grant.spent)
}

/// Revokes everything that was granted to `person`.
pub fn revoke(script: &mut Script, person: &str) {
    script
        .grants
        .tokens
        .retain(|_, grant| grant.person != person);
}

fn issue(script: &mut Script, family: String, person: String) -> String {
    let token = script.fresh("refresh");
    let grant = Grant {
        family,
        person,
        spent: false,
    };
    script.grants.tokens.insert(token.clone(), grant);
    token
}
