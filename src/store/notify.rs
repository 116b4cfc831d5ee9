//! The notices that triggers send with NOTIFY.
//!
//! | payload | meaning |
//! |---|---|
//! | `mappings 7`, `blocks 10`, `clients 11` | the table changed |
//! | `sessions 8 HASH HASH …` | these sessions ended |
//! | `sessions 9` | more sessions ended than a notice can name |
//! | `refreshed HASH 3` | the row of this session has version 3 now |
//!
//! The number of the others is the change counter's value after the change.

use crate::domain::session::SessionHash;

/// The channel of the triggers.
pub(super) const CHANNEL: &str = "bridge_changes";

#[derive(Debug, PartialEq, Eq)]
pub(super) enum DatabaseNotice {
    /// `number`: the value of the change counter after the change.
    Change { number: i64, what: Changed },
    /// The session's identity was refreshed; the row now has this version.
    Refreshed { hash: SessionHash, version: i64 },
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// A table that is in memory whole.
    Tables,
    /// These sessions ended.
    Sessions(Vec<SessionHash>),
    /// Some sessions ended; the notice does not say which.
    ManySessions,
}

impl DatabaseNotice {
    /// `None` if this version does not understand the notice; the caller must then reload
    /// everything.
    pub fn parse(payload: &str) -> Option<Self> {
        let mut words = payload.split(' ');
        let kind = words.next()?;
        if kind == "refreshed" {
            let (hash, version) = (session_hash(words.next()?)?, words.next()?.parse().ok()?);
            return words
                .next()
                .is_none()
                .then_some(Self::Refreshed { hash, version });
        }
        let number = words.next()?.parse().ok()?;
        let hashes: Vec<SessionHash> = words.map(session_hash).collect::<Option<_>>()?;
        let what = match kind {
            "mappings" | "blocks" | "clients" if hashes.is_empty() => Changed::Tables,
            "sessions" if hashes.is_empty() => Changed::ManySessions,
            "sessions" => Changed::Sessions(hashes),
            _ => return None,
        };
        Some(Self::Change { number, what })
    }
}

fn session_hash(hex: &str) -> Option<SessionHash> {
    let mut hash = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_notices_are_read() {
        let (ones, ffs) = ("01".repeat(32), "fF".repeat(32));
        let change = |payload: &str| match DatabaseNotice::parse(payload) {
            Some(DatabaseNotice::Change { number, what }) => Some((number, what)),
            _ => None,
        };
        let refreshed = DatabaseNotice::Refreshed {
            hash: [1; 32],
            version: 3,
        };
        assert_eq!(
            DatabaseNotice::parse(&format!("refreshed {ones} 3")),
            Some(refreshed)
        );
        assert_eq!(change("mappings 7"), Some((7, Changed::Tables)));
        assert_eq!(change("blocks 10"), Some((10, Changed::Tables)));
        assert_eq!(change("clients 11"), Some((11, Changed::Tables)));
        assert_eq!(change("sessions 9"), Some((9, Changed::ManySessions)));
        assert_eq!(
            change(&format!("sessions 8 {ones} {ffs}")),
            Some((8, Changed::Sessions(vec![[1; 32], [0xff; 32]])))
        );
    }

    #[test]
    fn anything_else_is_not_guessed_at() {
        let hash = "01".repeat(32);
        for payload in [
            "",
            "mappings",
            "mappings x",
            "mappings 7 ",
            "sessions 8 01",
            "sessions 8 +1",
            "blocks",
            "block 7",
            &format!("mappings 7 {hash}"),
            &format!("blocks 7 {hash}"),
            "refreshed 7",
            &format!("refreshed {hash}"),
            &format!("refreshed {hash} x"),
            &format!("refreshed {hash} 7 8"),
            &format!("sessions 8 {hash}00"),
            &format!("sessions 8 {}", "é".repeat(32)),
            &format!("sessions 8 {}", "+1".repeat(32)),
        ] {
            assert_eq!(DatabaseNotice::parse(payload), None, "{payload:?}");
        }
    }
}
