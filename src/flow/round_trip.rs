//! Red5 asks whether a token still counts ("round trip").
//!
//! The answer is true only while the token is one of ours, a live session of its subject stands
//! behind it, no block does, and the current mappings grant the whole token for what the client wants
//! to do. Everything else is false, also what cannot be known: Red5 then refuses the stream.
//!
//! A question is not a use of the session, and waits for no provider: old groups are read again in
//! the background. A true answer comes from memory.

use std::sync::Arc;

use super::exchange::TokenRules;
use super::refresh::Refresher;
use crate::clock::Clock;
use crate::domain::claims::KnownClaims;
use crate::domain::grant::Scope;
use crate::domain::round_trip::{Red5Question, RoomCheck};
use crate::domain::session::SessionHash;
use crate::fingerprint::{fingerprint, pseudonym};
use crate::json;
use crate::metrics::{Counts, RoundTripOutcome};
use crate::signer::Signer;
use crate::store::StoreError;
use crate::store::session_cache::{LiveSession, SessionCache};
use crate::store::snapshot::{SnapshotKeeper, Stale};
use crate::store::subjects::SubjectIndex;

/// The use case, with the parts that it needs.
pub struct RoundTrip {
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) sessions: Arc<SessionCache>,
    pub(crate) subjects: SubjectIndex,
    pub(crate) refresher: Arc<Refresher>,
    pub(crate) signer: Signer,
    pub(crate) rules: TokenRules,
    pub(crate) room_check: RoomCheck,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counts: Counts<RoundTripOutcome>,
}

/// Why the answer is false.
type Denied = RoundTripOutcome;

impl RoundTrip {
    /// Whether the token in the question counts now. Logs and counts the answer once.
    pub async fn validate(&self, body: &[u8]) -> bool {
        let outcome = match self.open(body) {
            Ok((question, claims)) => {
                let outcome = self.judge(&question, &claims).await;
                let outcome = outcome.err().unwrap_or(RoundTripOutcome::Allowed);
                let subject = &*pseudonym(&claims.subject);
                let token_sha256 = fingerprint(question.token.as_bytes());
                let role = question.role.as_str();
                if outcome == RoundTripOutcome::Allowed {
                    tracing::debug!(event = "round_trip_allowed", subject, role, token_sha256);
                } else {
                    let reason: &str = outcome.into();
                    tracing::info!(
                        event = "round_trip_refused",
                        reason,
                        subject,
                        role,
                        token_sha256
                    );
                }
                outcome
            }
            Err(outcome) => {
                let reason: &str = outcome.into();
                tracing::info!(event = "round_trip_refused", reason);
                outcome
            }
        };
        self.counts.count(outcome);
        outcome == RoundTripOutcome::Allowed
    }

    /// The question, and the claims of its token if that is a good one of ours.
    fn open(&self, body: &[u8]) -> Result<(Red5Question, KnownClaims), Denied> {
        let question = parse(body).ok_or(Denied::Unreadable)?;
        let claims = self.signer.open(&question.token).ok_or(Denied::Token)?;
        let is_good = self.clock.now() < claims.expires_at && claims.issuer == self.rules.issuer;
        if is_good {
            Ok((question, claims))
        } else {
            Err(Denied::Token)
        }
    }

    async fn judge(&self, question: &Red5Question, claims: &KnownClaims) -> Result<(), Denied> {
        let part = claims.scope.of_role(question.role).ok_or(Denied::Role)?;
        if !self
            .room_check
            .passes(&part.rooms, question.stream.as_deref())
        {
            return Err(Denied::Room);
        }
        self.snapshots
            .current()
            .map_err(|Stale| Denied::Unavailable)?;
        let subject = &*claims.subject;
        let remembered = self.subjects.remembered(subject);
        if self.any_allows(&remembered, subject, &part).await.is_ok() {
            return Ok(());
        }
        // There may be a newer session, of another sign-in or on another instance.
        let read = self.subjects.read(subject, self.clock.now()).await;
        let read = read.map_err(|error| unavailable(&error))?;
        self.any_allows(&read, subject, &part).await
    }

    /// Whether one of the sessions allows this part of a token; if not, the reason of the last one.
    async fn any_allows(
        &self,
        sessions: &[SessionHash],
        subject: &str,
        part: &Scope,
    ) -> Result<(), Denied> {
        let mut outcome = Err(Denied::NoSession);
        let mut over = Vec::new();
        for hash in sessions {
            let found = self.sessions.look(hash, self.clock.now()).await;
            match found.map_err(|error| unavailable(&error))? {
                Some(live) => outcome = self.allows(&live, subject, part),
                None => over.push(*hash),
            }
            if outcome.is_ok() {
                break;
            }
        }
        if !over.is_empty() {
            self.subjects.forget(subject, &over);
        }
        outcome
    }

    fn allows(&self, live: &Arc<LiveSession>, subject: &str, part: &Scope) -> Result<(), Denied> {
        let identity = &live.session.identity;
        if self.rules.subject_name(identity).ok() != Some(subject) {
            return Err(Denied::NoSession);
        }
        // Asked for again: what is in memory may have become stale while the session was loaded.
        let snapshot = self.snapshots.current();
        let snapshot = snapshot.map_err(|Stale| Denied::Unavailable)?;
        let now = self.clock.now();
        if snapshot
            .blocks
            .include(&identity.issuer, &identity.subject, now)
        {
            return Err(Denied::Blocked);
        }
        if !self.refresher.may_use(live) {
            return Err(Denied::GroupsOld);
        }
        let entitlement = live.matches.resolve(&snapshot.mappings, identity, now);
        let warranted = entitlement.warrant(part);
        warranted.map(drop).map_err(|_| Denied::NotGranted)
    }
}

/// The real client writes ISO-8859-1, in which each byte is the character of that number.
fn parse(body: &[u8]) -> Option<Red5Question> {
    let members = if str::from_utf8(body).is_ok() {
        json::object(body)
    } else {
        let text: String = body.iter().map(|byte| char::from(*byte)).collect();
        json::object(text.as_bytes())
    };
    Red5Question::parse(&members?)
}

fn unavailable(error: &StoreError) -> Denied {
    tracing::warn!(event = "round_trip_failed", %error, "sessions could not be read, so Red5 is told no");
    Denied::Unavailable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rr_2_a_question_is_read_in_either_encoding() {
        let json = |name: &[u8]| {
            [
                br#"{"username":""#,
                name,
                br#"","token":"t","type":"publisher"}"#,
            ]
            .concat()
        };
        for name in [&b"Ren\xe9"[..], "René".as_bytes(), b"Rene", b"\xff\xfe\x80"] {
            assert!(parse(&json(name)).is_some(), "{name:?}");
        }
        let twice = br#"{"token":"t","token":"u","type":"publisher"}"#;
        for other in [&b""[..], b"{", b"[]", b"\xff", b"null", twice] {
            assert_eq!(parse(other), None, "{other:?}");
        }
    }
}
