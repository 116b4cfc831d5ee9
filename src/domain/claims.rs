//! A scope as Red5's claims (Red5: claims specification).
//!
//! Lists are JSON strings with commas between the members. There is no space, because trimming is
//! not documented. A JSON array would be read as absent by one common library, hence as
//! "everything".

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::grant::Scope;
use super::identity::SUBJECT_MAX;
use super::names::{Role, RoomName, Transport};
use super::set::{AnyOr, NonEmpty};

/// Longest `name` in characters; the claim is only for display.
pub const NAME_MAX: usize = 128;

/// All claims of a token. There is no `iat` (one common Java library refuses one that is a second
/// ahead of its clock), no `nbf` or `aud`, and no groups or e-mail address. Fields are private and
/// there is one constructor, so a token without `roles` cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    roles: String,
    #[serde(rename = "red5-transport", skip_serializing_if = "Option::is_none")]
    transports: Option<String>,
    #[serde(rename = "red5-room", skip_serializing_if = "Option::is_none")]
    rooms: Option<String>,
    exp: i64,
}

/// A value that must not reach a claim. It was already refused where it entered, so this is a bug,
/// and nothing is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// `sub` is empty, too long or not printable.
    #[error("the subject is not 1 to {SUBJECT_MAX} printable characters")]
    Subject,
    /// A list is empty, which Red5 would read as "everything".
    #[error("a list of the scope is empty")]
    EmptyList,
    /// A member is not valid in its list, so Red5 would read something else.
    #[error("a member of the scope is no such word")]
    Member,
}

impl Claims {
    /// The claims of `scope` for `subject`. A `name` is left out, never changed, if it is longer
    /// than [`NAME_MAX`] characters or has control characters or angle brackets, because connection
    /// attributes may be shown on a web page.
    pub fn new(
        scope: &Scope,
        subject: &str,
        issuer: Option<&str>,
        name: Option<&str>,
        expires_at: DateTime<Utc>,
    ) -> Result<Self, ClaimError> {
        let fits = (1..=SUBJECT_MAX).contains(&subject.len());
        if !fits || subject.chars().any(char::is_control) {
            return Err(ClaimError::Subject);
        }
        let odd = |c: char| c.is_control() || matches!(c, '<' | '>');
        let name = name.filter(|name| {
            (1..=NAME_MAX).contains(&name.chars().count()) && !name.chars().any(odd)
        });
        Ok(Self {
            sub: subject.to_owned(),
            iss: issuer.map(str::to_owned),
            name: name.map(str::to_owned),
            roles: joined(&scope.roles, is_role)?,
            transports: restriction(&scope.transports, is_transport)?,
            rooms: restriction(&scope.rooms, is_room)?,
            exp: expires_at.timestamp(),
        })
    }
}

/// What the claims of one of our own tokens say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownClaims {
    /// `sub`
    pub subject: String,
    /// `iss`
    pub issuer: Option<String>,
    /// The three lists.
    pub scope: Scope,
    /// `exp`
    pub expires_at: DateTime<Utc>,
}

impl KnownClaims {
    /// Reads claims back. Only text that [`Claims::new`] leads to is read, byte for byte, so that
    /// no other reading of it is possible: an empty list, a list as an array, a member twice or an
    /// unknown word is refused.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let claims: Claims = serde_json::from_slice(json).ok()?;
        let transports = claims.transports.as_deref();
        let rooms = claims.rooms.as_deref();
        let scope = Scope {
            roles: split(&claims.roles, Role::parse)?,
            transports: read_restriction(transports, Transport::parse)?,
            rooms: read_restriction(rooms, RoomName::parse)?,
        };
        let expires_at = DateTime::from_timestamp(claims.exp, 0)?;
        let (issuer, name) = (claims.iss.as_deref(), claims.name.as_deref());
        let again = Claims::new(&scope, &claims.sub, issuer, name, expires_at).ok()?;
        let is_ours = serde_json::to_vec(&again).is_ok_and(|again| again == json);
        is_ours.then_some(Self {
            subject: claims.sub,
            issuer: claims.iss,
            scope,
            expires_at,
        })
    }
}

fn split<T: Ord>(list: &str, read: impl Fn(&str) -> Option<T>) -> Option<NonEmpty<T>> {
    let members: Option<Vec<T>> = list.split(',').map(read).collect();
    NonEmpty::new(members?)
}

/// A claim that is absent is *any*.
fn read_restriction<T: Ord>(
    list: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> Option<AnyOr<T>> {
    match list {
        None => Some(AnyOr::Any),
        Some(list) => split(list, read).map(AnyOr::Only),
    }
}

fn is_role(word: &str) -> bool {
    Role::parse(word).is_some()
}

fn is_transport(word: &str) -> bool {
    Transport::parse(word).is_some_and(|transport| transport.as_str() == word)
}

fn is_room(word: &str) -> bool {
    RoomName::parse(word).is_some()
}

/// `None` only for *any*: the claim is then absent.
fn restriction<T: Ord + ToString>(
    list: &AnyOr<T>,
    is_member: impl Fn(&str) -> bool,
) -> Result<Option<String>, ClaimError> {
    match list {
        AnyOr::Any => Ok(None),
        AnyOr::Only(members) => joined(members, is_member).map(Some),
    }
}

/// Checks each member once more. A comma would make two members of one; the types exclude it, and
/// this check holds even if a type becomes less strict (R5-6).
fn joined<'a, T: ToString + 'a>(
    members: impl IntoIterator<Item = &'a T>,
    is_member: impl Fn(&str) -> bool,
) -> Result<String, ClaimError> {
    let words: Vec<String> = members.into_iter().map(ToString::to_string).collect();
    if words.is_empty() {
        return Err(ClaimError::EmptyList);
    }
    if !words.iter().all(|word| is_member(word)) {
        return Err(ClaimError::Member);
    }
    Ok(words.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::set::NonEmpty;

    fn exp() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_300, 999_000_000).unwrap()
    }

    fn studio() -> Scope {
        Scope {
            roles: NonEmpty::new(Role::ALL).unwrap(),
            transports: AnyOr::Only(NonEmpty::new([Transport::Whip, Transport::Rtmp]).unwrap()),
            rooms: AnyOr::Only(
                NonEmpty::new(["b", "a"].map(|r| RoomName::parse(r).unwrap())).unwrap(),
            ),
        }
    }

    fn json(scope: &Scope, iss: Option<&str>, name: Option<&str>) -> String {
        serde_json::to_string(&Claims::new(scope, "s-1", iss, name, exp()).unwrap()).unwrap()
    }

    #[test]
    fn r5_3_the_wire_form_is_red5s() {
        assert_eq!(
            json(&studio(), Some("bridge"), Some("Ann Lee")),
            r#"{"sub":"s-1","iss":"bridge","name":"Ann Lee","roles":"red5-publisher,red5-subscriber","red5-transport":"RTMP,WHIP","red5-room":"a,b","exp":1795000300}"#
        );
    }

    #[test]
    fn r5_4_r5_5_a_claim_is_left_out_for_any_alone() {
        let any = Scope {
            roles: NonEmpty::one(Role::Subscriber),
            transports: AnyOr::Any,
            rooms: AnyOr::Any,
        };
        assert_eq!(
            json(&any, None, None),
            r#"{"sub":"s-1","roles":"red5-subscriber","exp":1795000300}"#
        );
    }

    #[test]
    fn r5_9_an_odd_name_is_left_out() {
        let longest = "n".repeat(NAME_MAX);
        assert!(json(&studio(), None, Some(&longest)).contains(&longest));
        let long = "n".repeat(NAME_MAX + 1);
        for name in ["", "a\nb", "a\u{7f}", "<b>Ann", "Ann>", &long] {
            assert!(
                !json(&studio(), None, Some(name)).contains("name"),
                "{name:?}"
            );
        }
        // Characters count, not bytes; an ordinary name is left as it is.
        let wide = "é".repeat(NAME_MAX);
        assert!(json(&studio(), None, Some(&wide)).contains(&wide));
        assert!(json(&studio(), None, Some("O'Neil, Ann & Co")).contains("O'Neil, Ann & Co"));
    }

    #[test]
    fn a_subject_is_printable_and_bounded() {
        let subject = |subject: &str| Claims::new(&studio(), subject, None, None, exp());
        assert!(subject(&"s".repeat(SUBJECT_MAX)).is_ok());
        for odd in ["", "a\nb", &"s".repeat(SUBJECT_MAX + 1)] {
            assert_eq!(subject(odd), Err(ClaimError::Subject), "{odd:?}");
        }
    }

    #[test]
    fn rr_2_what_was_written_is_read_back_as_it_was_meant() {
        let any = Scope {
            roles: NonEmpty::one(Role::Subscriber),
            transports: AnyOr::Any,
            rooms: AnyOr::Any,
        };
        for scope in [studio(), any] {
            for (issuer, name) in [(None, None), (Some("bridge"), Some("Zo\u{eb} \"Z\" \\"))] {
                let read = KnownClaims::parse(json(&scope, issuer, name).as_bytes()).unwrap();
                assert_eq!(read.scope, scope);
                assert_eq!(read.subject, "s-1");
                assert_eq!(read.issuer.as_deref(), issuer);
                assert_eq!(read.expires_at.timestamp(), exp().timestamp());
            }
        }
    }

    #[test]
    fn rr_2_claims_that_this_program_would_not_write_are_not_read() {
        let written = json(&studio(), None, None);
        assert!(KnownClaims::parse(written.as_bytes()).is_some());
        let roles = r#""roles":"red5-publisher,red5-subscriber""#;
        for (part, other) in [
            (roles, r#""roles":"red5-subscriber,red5-publisher""#),
            (roles, r#""roles":"red5-publisher,red5-publisher""#),
            (roles, r#""roles":"red5-publisher, red5-subscriber""#),
            (roles, r#""roles":"red5-publisher,admin""#),
            (roles, r#""roles":["red5-publisher"]"#),
            (roles, r#""roles":"""#),
            (roles, r#""roles":null"#),
            (r#""roles":"red5-publisher,red5-subscriber","#, ""),
            (r#""RTMP,WHIP""#, r#""rtmp,whip""#),
            (r#""RTMP,WHIP""#, r#""""#),
            (r#""RTMP,WHIP""#, "null"),
            (r#""RTMP,WHIP""#, r#"["RTMP","WHIP"]"#),
            (r#""a,b""#, r#""""#),
            (r#""a,b""#, "null"),
            (r#""a,b""#, r#""a,,b""#),
            (r#""a,b""#, r#""b,a""#),
            (r#""a,b""#, r#""*""#),
            (r#""a,b""#, r#"["a","b"]"#),
            (r#""sub":"s-1""#, r#""sub":"s-1","sub":"s-1""#),
            (r#""sub":"s-1""#, r#""sub":"s-1","iat":1"#),
            (r#""sub":"s-1""#, r#""sub":"""#),
            (r#""sub":"s-1""#, r#""sub":"s-\u0031""#),
            ("1795000300", "1795000300.5"),
            ("1795000300", "\"1795000300\""),
            ("1795000300", "1795000300000000000"),
            ("{", " {"),
            ("}", "} "),
        ] {
            let changed = written.replacen(part, other, 1);
            assert_ne!(changed, written, "{part}");
            assert_eq!(KnownClaims::parse(changed.as_bytes()), None, "{changed}");
        }
        for nothing in ["", "{}", "[]", "null"] {
            assert_eq!(KnownClaims::parse(nothing.as_bytes()), None, "{nothing}");
        }
    }

    #[test]
    fn r5_6_the_last_line_of_defence_refuses_what_the_types_rule_out() {
        let rooms = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            joined(&words, is_room)
        };
        assert_eq!(rooms(&["a", "b"]).as_deref(), Ok("a,b"));
        assert_eq!(rooms(&[]), Err(ClaimError::EmptyList));
        let long = "r".repeat(129);
        for odd in [
            "", "a,b", "b c", "a/b", "a\\b", "*", "{sub}", "é", "a\n", ".", "..", &long,
        ] {
            assert_eq!(rooms(&["a", odd]), Err(ClaimError::Member), "{odd:?}");
        }
    }

    /// Not what the types could hold, but what a loosened type might.
    #[test]
    fn r5_3_r5_4_roles_and_transports_go_out_as_red5_writes_them() {
        #[derive(PartialEq, Eq, PartialOrd, Ord)]
        struct Loose(&'static str);
        impl std::fmt::Display for Loose {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.0)
            }
        }
        let list = AnyOr::Only(NonEmpty::one(Loose("whip")));
        assert_eq!(restriction(&list, is_transport), Err(ClaimError::Member));
        let list = AnyOr::Only(NonEmpty::one(Loose("WHIP")));
        assert_eq!(
            restriction(&list, is_transport),
            Ok(Some("WHIP".to_owned()))
        );
        assert_eq!(restriction(&AnyOr::<Loose>::Any, is_transport), Ok(None));
        assert_eq!(joined(&[Loose("admin")], is_role), Err(ClaimError::Member));
        assert!(joined(&[Loose("red5-publisher")], is_role).is_ok());
    }
}
