//! What people paste when they are asked for a token.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::Lines;
use crate::json;

/// Most bytes looked at. The longest token that the bridge can make has 65,536.
pub const GIVEN_MAX: usize = 128 * 1024;

/// Nothing was given.
pub(super) struct Nothing;

/// The compact token in it; none where it is something else, which is said.
pub(super) fn token(given: &[u8], lines: &mut Lines) -> Result<Option<String>, Nothing> {
    if given.len() > GIVEN_MAX {
        lines.refuse(format!(
            "it is longer than {GIVEN_MAX} bytes, which no token is"
        ));
        return Ok(None);
    }
    let Ok(text) = std::str::from_utf8(given) else {
        lines.refuse("it is not text");
        return Ok(None);
    };
    // Editors put it in front of files; it is no part of anything.
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Nothing);
    }
    let token = match unwrapped(text, lines) {
        Ok(token) => token,
        Err(reason) => {
            lines.refuse(reason);
            return Ok(None);
        }
    };
    if token.is_empty() {
        return Err(Nothing);
    }
    Ok(match flaw(&token) {
        None => Some(token),
        Some(reason) => {
            lines.refuse(reason);
            None
        }
    })
}

/// Takes the token out of an answer, an address, a header or quotes.
fn unwrapped(text: &str, lines: &mut Lines) -> Result<String, &'static str> {
    let mut note = |text: &str| lines.say("note", text);
    if text.starts_with('{') {
        let answer = json::object(text.as_bytes());
        let token = answer
            .as_ref()
            .and_then(|answer| answer.get("access_token"));
        if let Some(token) = token.and_then(Value::as_str) {
            note("this is a whole answer of the bridge; the token is its access_token");
            return Ok(token.to_owned());
        }
        if !text.contains("token=") {
            return Err(
                "it looks like an answer of the bridge, and is not JSON with an access_token in \
                 which each name stands once",
            );
        }
    }
    let bare = text.trim_matches(['"', '\'']);
    if bare.len() < text.len() {
        note("the quotes are no part of the token");
    }
    if let Some((_, rest)) = bare.split_once("token=") {
        note("this is an address; the token is what follows token=");
        let end = rest.find(['&', ';', '#', ' ', '"']).unwrap_or(rest.len());
        return Ok(rest[..end].to_owned());
    }
    Ok(match bare.split_once(' ') {
        Some((word, rest)) if word.eq_ignore_ascii_case("bearer") => {
            note("Red5 takes the token without the word Bearer before it");
            rest.trim().to_owned()
        }
        _ => bare.to_owned(),
    })
}

/// Why it has not the form of a compact token (RFC 7515 §3.1).
fn flaw(token: &str) -> Option<String> {
    if token.contains(char::is_whitespace) {
        return Some(
            "it has white space or a line end inside: give one token, in one piece".to_owned(),
        );
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(at) = token.chars().position(|c| !plain(c)) {
        let at = at + 1;
        return Some(format!(
            "its character {at} is none that a token has (A-Z a-z 0-9 - _ and two dots)"
        ));
    }
    match token.split('.').collect::<Vec<_>>().as_slice() {
        [_, _, ""] => Some("it has no signature: was it cut short?".to_owned()),
        [header, claims, _] if !header.is_empty() && !claims.is_empty() => None,
        [_, _, _, _, _] => Some(
            "it has five parts, so it is encrypted (JWE); Red5 takes signed tokens of three"
                .to_owned(),
        ),
        parts => Some(format!(
            "a token has three parts with dots between them, and this has {}: was it cut short?",
            parts.iter().filter(|part| !part.is_empty()).count()
        )),
    }
}

/// `alg` of the header.
pub(super) fn algorithm(token: &str) -> Result<String, &'static str> {
    let header = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(header).map_err(
        |_| "its first part is not base64url, so it is no token (or was changed on the way)",
    )?;
    let header = json::object(&header)
        .ok_or("its first part is not JSON in which each name stands once, so it is no token")?;
    let algorithm = header.get("alg").and_then(Value::as_str);
    algorithm
        .map(str::to_owned)
        .ok_or("its header does not say what it is signed with (alg)")
}
