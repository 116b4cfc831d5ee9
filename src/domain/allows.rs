//! What a token allows, in Red5's words: "publish over WHIP in studio-1".

use std::collections::BTreeSet;
use std::fmt::Display;

use super::grant::{Grant, Scope};
use super::names::{Role, Transport};
use super::set::{AnyOr, NonEmpty};

/// A sentence for each of these roles that can do anything. No transports: any; no rooms: any, and
/// streams without one.
pub fn allows(
    roles: impl IntoIterator<Item = Role>,
    transports: Option<&BTreeSet<Transport>>,
    rooms: Option<&[String]>,
) -> Vec<String> {
    let place = match rooms {
        None => "in any room, and outside of rooms".to_owned(),
        Some(rooms) => format!("in {}", listed(rooms, "and")),
    };
    let sentence = |role: Role| {
        let verb = match role {
            Role::Publisher => "publish",
            Role::Subscriber => "subscribe",
        };
        let over = match transports {
            None => "any protocol".to_owned(),
            Some(transports) => {
                let serving = transports.iter().filter(|serving| serving.can_serve(role));
                let serving: Vec<&str> = serving.map(|transport| transport.as_str()).collect();
                if serving.is_empty() {
                    return None;
                }
                listed(&serving, "or")
            }
        };
        Some(format!("{verb} over {over} {place}"))
    };
    roles.into_iter().filter_map(sentence).collect()
}

/// The same of a scope.
pub fn allows_scope(scope: &Scope) -> Vec<String> {
    allows_lists(&scope.roles, &scope.transports, &scope.rooms)
}

/// The same of a grant; patterns stand as they are.
pub fn allows_grant(grant: &Grant) -> Vec<String> {
    allows_lists(&grant.roles, &grant.transports, &grant.rooms)
}

/// The same of lists; patterns and templates stand as they are.
pub fn allows_lists<R: Ord + Display>(
    roles: &NonEmpty<Role>,
    transports: &AnyOr<Transport>,
    rooms: &AnyOr<R>,
) -> Vec<String> {
    let transports = transports.named();
    let transports = transports.map(|named| named.iter().copied().collect());
    let rooms = rooms.named().map(NonEmpty::to_strings);
    allows(roles.iter().copied(), transports.as_ref(), rooms.as_deref())
}

/// `a`, `a or b`, `a, b or c`.
pub fn listed(names: &[impl AsRef<str>], word: &str) -> String {
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 && at + 1 == names.len() {
            text.push(' ');
            text.push_str(word);
            text.push(' ');
        } else if at > 0 {
            text.push_str(", ");
        }
        text.push_str(name.as_ref());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_is_said_with_the_transports_that_serve_it() {
        use Transport::{Rtmp, Whep, Whip};
        let rooms = ["lobby", "studio-1"].map(str::to_owned);
        let some = |transports: &[Transport]| {
            let transports = transports.iter().copied().collect();
            allows(Role::ALL, Some(&transports), Some(&rooms))
        };
        assert_eq!(
            some(&[Rtmp, Whip, Whep]),
            [
                "publish over RTMP or WHIP in lobby and studio-1",
                "subscribe over RTMP or WHEP in lobby and studio-1"
            ]
        );
        assert_eq!(some(&[Whep]), ["subscribe over WHEP in lobby and studio-1"]);
        assert_eq!(
            allows([Role::Publisher], None, None),
            ["publish over any protocol in any room, and outside of rooms"]
        );
        assert_eq!(listed(&["a", "b", "c"], "or"), "a, b or c");
        assert_eq!(listed(&["a"], "or"), "a");
    }
}
