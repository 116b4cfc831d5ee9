//! The exchange: from an identity and a request to a signed token.
//!
//! Every endpoint that issues tokens calls [`Exchange::exchange`], so all of them decide alike. The
//! steps: a fresh snapshot, the block, the current entitlement, the scope, the second check of the
//! scope, the lifetime, the claims, their length, the signature. No step waits for the database or
//! the provider.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::domain::block::Blocks;
use crate::domain::claims::{ClaimError, Claims};
use crate::domain::client::Client;
use crate::domain::entitlement::{Entitlement, ScopeRefusal, Unwarranted, WhyNot};
use crate::domain::grant::{Ask, Grant, Scope};
use crate::domain::identity::{Groups, Identity, SUBJECT_MAX};
use crate::domain::lifetime::{Lifetime, Limits, SubjectEnd, TooShort, lifetime};
use crate::domain::resolve::MatchMemo;
pub use crate::domain::wish::Wish;
use crate::fingerprint::{fingerprint, pseudonym};
use crate::metrics::{Counts, ExchangeOutcome};
use crate::signer::{self, SignError, Signer};
use crate::store::session_cache::LiveSession;
use crate::store::snapshot::{Snapshot, SnapshotKeeper, Stale};

/// Replaces a missing user name while the token's length is checked; no token contains it.
const SHORTEST_SUBJECT: &str = "-";

/// Settings that all tokens share.
#[derive(Debug, Clone)]
pub struct TokenRules {
    /// `RED5_JWT_ISSUER`
    pub issuer: Option<String>,
    /// Whether `sub` is the user name (`RED5_SUBJECT`) rather than the provider's `sub`.
    pub subject_is_username: bool,
    /// `RED5_TOKEN_TTL_SECONDS`
    pub default_seconds: u32,
    /// The server's limit minus the clock skew.
    pub server_seconds: u32,
    /// `RED5_TOKEN_MAX_BYTES`
    pub max_bytes: usize,
}

/// The use case, with the parts that it needs.
pub struct Exchange {
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) signer: Signer,
    pub(crate) rules: TokenRules,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counts: Counts<ExchangeOutcome>,
}

/// The identity and the data on which the decision is based.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    identity: &'a Identity,
    matches: &'a MatchMemo,
    end: SubjectEnd,
    client: Option<&'a Client>,
}

impl<'a> Subject<'a> {
    /// The identity that a subject token is about (RFC 8693). `matches` is a new memo.
    pub fn of_token(
        identity: &'a Identity,
        matches: &'a MatchMemo,
        ends_at: DateTime<Utc>,
    ) -> Self {
        Self {
            identity,
            matches,
            end: SubjectEnd::SubjectToken(ends_at),
            client: None,
        }
    }

    /// The same for a client, which may narrow what its tokens carry and how long they live.
    #[must_use]
    pub fn for_client(self, client: &'a Client) -> Self {
        let client = Some(client);
        Self { client, ..self }
    }
}

impl<'a> From<&'a LiveSession> for Subject<'a> {
    fn from(live: &'a LiveSession) -> Self {
        Self {
            identity: &live.session.identity,
            matches: &live.matches,
            end: SubjectEnd::Session(live.session.ends_at),
            client: None,
        }
    }
}

impl Subject<'_> {
    fn entitlement(&self, snapshot: &Snapshot, now: DateTime<Utc>) -> Entitlement {
        let all = self.matches.resolve(&snapshot.mappings, self.identity, now);
        match self.client.and_then(|client| client.draft.max.as_ref()) {
            Some(limit) => all.within(limit),
            None => all,
        }
    }
}

/// An issued token and its content.
#[derive(Debug)]
pub struct Issued {
    /// The token in compact serialization.
    pub token: String,
    /// The scope in the token.
    pub scope: Scope,
    /// The token's validity.
    pub lifetime: Lifetime,
    /// Seconds until the token expires.
    pub expires_in: i64,
    /// Grants of the user that the scope does not fully contain.
    pub left_out: Vec<Grant>,
    /// Version of the mappings: the number of their last change.
    pub mapping_version: i64,
}

/// Why no token is issued.
#[derive(Debug, thiserror::Error)]
pub enum NoToken {
    /// An administrator blocked the person.
    #[error("the person is blocked")]
    Blocked,
    /// The provider sent no groups because there are too many (overage).
    #[error("the provider sent no groups because there are too many")]
    GroupsOverage,
    /// No mapping grants anything.
    #[error("no mapping grants anything")]
    NoGrant,
    /// A requested name is not granted, or the names are not granted together.
    #[error("not granted: {}", .0.refused.join(", "))]
    NotGranted(Box<NotGranted>),
    /// The request must name a room of one of these forms.
    #[error("name a room, of the form {}", patterns.join(" or "))]
    RoomRequired {
        /// The granted patterns, sorted.
        patterns: Vec<String>,
    },
    /// `sub` is configured to be the user name, and the provider sent no valid one.
    #[error(
        "the provider sent no user name of at most {SUBJECT_MAX} bytes, which is to be the token's subject"
    )]
    NoUsername,
    /// The remaining lifetime is too short.
    #[error(transparent)]
    TooShort(#[from] TooShort),
    /// The token would exceed `RED5_TOKEN_MAX_BYTES`.
    #[error("the token would be longer than {max_bytes} bytes")]
    TooManyRooms {
        /// The limit in bytes.
        max_bytes: usize,
    },
    /// The mappings in memory are not fresh.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The second check found that the scope is not granted: a bug. Nothing was signed.
    #[error("a scope was about to be signed that is not granted: {0}")]
    Unwarranted(#[from] Unwarranted),
    /// The claims could not be built: a bug. Nothing was signed.
    #[error(transparent)]
    Claims(#[from] ClaimError),
    /// The signature failed: a bug.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// Requested names that are not granted.
#[derive(Debug)]
pub struct NotGranted {
    /// The refused roles, transports and rooms in one sorted list.
    pub refused: Vec<String>,
    /// The reason, and what is granted instead.
    pub why: WhyNot,
}

/// The input of a decision, besides the request.
#[derive(Clone, Copy)]
pub(super) struct Basis<'a> {
    pub(super) identity: &'a Identity,
    pub(super) entitlement: &'a Entitlement,
    pub(super) blocks: &'a Blocks,
    pub(super) end: SubjectEnd,
    /// `max_ttl_seconds` of the client, if a client asks for the token.
    pub(super) client_seconds: Option<u32>,
    pub(super) now: DateTime<Utc>,
    /// Whether the identity may lack a subject, because the decision will not be signed.
    pub(super) may_lack_subject: bool,
}

/// A token that is allowed, not signed yet.
pub(super) struct Decided {
    pub(super) claims: Claims,
    pub(super) scope: Scope,
    pub(super) lifetime: Lifetime,
}

/// A token that is allowed, and what allows it.
struct Allowed {
    decided: Decided,
    entitlement: Entitlement,
    snapshot: Arc<Snapshot>,
    now: DateTime<Utc>,
}

impl TokenRules {
    /// Decides about a request. Exchanges and explanations both use this function.
    pub(super) fn decide(&self, basis: Basis<'_>, wish: &Wish) -> Result<Decided, NoToken> {
        let Basis { identity, now, .. } = basis;
        let blocks = basis.blocks;
        if blocks.include(&identity.issuer, &identity.subject, now) {
            return Err(NoToken::Blocked);
        }
        let entitlement = basis.entitlement;
        let scope = entitlement
            .scope(&wish.ask)
            .map_err(|refusal| explained(refusal, basis, &wish.ask))?;
        self.check_listed(&scope)?;
        let mapping = entitlement.warrant(&scope)?;
        let lifetime = lifetime(
            now,
            &Limits {
                asked_seconds: wish.ttl_seconds,
                default_seconds: self.default_seconds,
                server_seconds: self.server_seconds,
                mapping,
                subject: basis.end,
                client_seconds: basis.client_seconds,
            },
        );
        let name = self.subject_name(identity);
        // Judged before the subject and the lifetime, and independent of both: every end has the
        // same number of digits, and a token without a subject would be shorter.
        let lacks = basis.may_lack_subject && identity.subject.is_empty();
        let subject = match &name {
            Ok(name) if !lacks => name,
            _ => SHORTEST_SUBJECT,
        };
        let expires_at = lifetime
            .as_ref()
            .map_or(now, |lifetime| lifetime.expires_at);
        let (issuer, person) = (self.issuer.as_deref(), identity.name.as_deref());
        let claims = Claims::new(&scope, subject, issuer, person, expires_at)?;
        if signer::length(&claims)? > self.max_bytes {
            return Err(self.too_many_rooms());
        }
        let lifetime = lifetime?;
        name?;
        Ok(Decided {
            claims,
            scope,
            lifetime,
        })
    }

    /// Rooms whose names alone exceed the token's limit are not checked one by one: a user with ten
    /// thousand rooms must not cost seconds (AV-7).
    fn check_listed(&self, scope: &Scope) -> Result<(), NoToken> {
        let rooms = scope.rooms.named().into_iter().flatten();
        let bytes: usize = rooms.map(|room| room.as_str().len() + 1).sum();
        if bytes > self.max_bytes {
            return Err(self.too_many_rooms());
        }
        Ok(())
    }

    fn too_many_rooms(&self) -> NoToken {
        NoToken::TooManyRooms {
            max_bytes: self.max_bytes,
        }
    }

    /// The value of `sub`.
    pub(super) fn subject_name<'i>(&self, identity: &'i Identity) -> Result<&'i str, NoToken> {
        if !self.subject_is_username {
            return Ok(&identity.subject);
        }
        let username = identity.username.as_deref();
        let fits = |name: &&str| name.len() <= SUBJECT_MAX;
        username.filter(fits).ok_or(NoToken::NoUsername)
    }
}

impl Exchange {
    /// The lifetime in seconds when the request names none.
    pub fn usual_seconds(&self) -> u32 {
        self.rules.default_seconds
    }

    /// The subject's current entitlement.
    pub fn entitlement<'a>(&self, subject: impl Into<Subject<'a>>) -> Result<Entitlement, Stale> {
        let snapshot = self.snapshots.current()?;
        Ok(subject.into().entitlement(&snapshot, self.clock.now()))
    }

    /// Decides about a request, signs the token and logs the result once.
    pub fn exchange<'a>(
        &self,
        subject: impl Into<Subject<'a>>,
        wish: &Wish,
    ) -> Result<Issued, NoToken> {
        let subject = subject.into();
        let allowed = self.decide(subject, wish);
        let outcome = allowed.and_then(|allowed| self.issue(allowed));
        self.counts.count(match &outcome {
            Ok(_) => ExchangeOutcome::Issued,
            Err(error) => error.outcome(),
        });
        let client = subject.client.map(|client| client.id.as_str());
        let subject = &*pseudonym(&subject.identity.subject);
        match &outcome {
            Ok(issued) => tracing::info!(
                event = "token_issued",
                client,
                // Identifies the token in the log without containing it (LG-2).
                token_sha256 = fingerprint(issued.token.as_bytes()),
                subject,
                roles = issued
                    .scope
                    .roles
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(","),
                transports = issued.scope.transports.to_strings().join(","),
                rooms = issued.scope.rooms.to_strings().join(","),
                exp = issued.lifetime.expires_at.timestamp(),
                mapping_version = issued.mapping_version,
            ),
            Err(bug @ (NoToken::Unwarranted(_) | NoToken::Claims(_) | NoToken::Sign(_))) => {
                tracing::error!(event = "token_failed", client, subject, code = bug.code(), error = %bug);
            }
            Err(refusal) => {
                tracing::info!(
                    event = "token_refused",
                    client,
                    subject,
                    code = refusal.code()
                );
            }
        }
        outcome
    }

    /// The scope that an exchange would issue now. Nothing is signed, counted or logged.
    pub fn scope<'a>(
        &self,
        subject: impl Into<Subject<'a>>,
        wish: &Wish,
    ) -> Result<Scope, NoToken> {
        let outcome = self.decide(subject.into(), wish);
        outcome.map(|allowed| allowed.decided.scope)
    }

    fn decide(&self, subject: Subject<'_>, wish: &Wish) -> Result<Allowed, NoToken> {
        let now = self.clock.now();
        let snapshot = self.snapshots.current()?;
        let entitlement = subject.entitlement(&snapshot, now);
        let basis = Basis {
            identity: subject.identity,
            entitlement: &entitlement,
            blocks: &snapshot.blocks,
            end: subject.end,
            client_seconds: subject
                .client
                .and_then(|client| client.draft.max_ttl_seconds),
            now,
            may_lack_subject: false,
        };
        let decided = self.rules.decide(basis, wish)?;
        Ok(Allowed {
            decided,
            entitlement,
            snapshot,
            now,
        })
    }

    fn issue(&self, allowed: Allowed) -> Result<Issued, NoToken> {
        let Allowed {
            decided,
            entitlement,
            snapshot,
            now,
        } = allowed;
        let token = self.signer.sign(&decided.claims)?;
        for mapping in entitlement.behind(&decided.scope) {
            snapshot.mappings.note_use(mapping, now);
        }
        Ok(Issued {
            token,
            left_out: entitlement.left_out(&decided.scope),
            scope: decided.scope,
            lifetime: decided.lifetime,
            expires_in: decided.lifetime.seconds_from(now),
            mapping_version: snapshot.mapping_version,
        })
    }
}

/// Under overage the grants are unknown, so every refusal is reported as overage.
fn explained(refusal: ScopeRefusal, basis: Basis<'_>, ask: &Ask) -> NoToken {
    match (&basis.identity.groups, refusal) {
        (Groups::Overage, _) => NoToken::GroupsOverage,
        (Groups::Listed(_), ScopeRefusal::NoGrant) => NoToken::NoGrant,
        (Groups::Listed(_), ScopeRefusal::RoomRequired { patterns }) => {
            NoToken::RoomRequired { patterns }
        }
        (Groups::Listed(_), ScopeRefusal::NotGranted { refused }) => {
            let why = basis.entitlement.why_not(ask);
            NoToken::NotGranted(Box::new(NotGranted { refused, why }))
        }
    }
}

impl NoToken {
    const fn outcome(&self) -> ExchangeOutcome {
        match self {
            Self::Blocked => ExchangeOutcome::Blocked,
            Self::GroupsOverage => ExchangeOutcome::GroupsOverage,
            Self::NoGrant => ExchangeOutcome::NoGrant,
            Self::NoUsername => ExchangeOutcome::NoUsername,
            Self::NotGranted(_) => ExchangeOutcome::ScopeNotGranted,
            Self::RoomRequired { .. } => ExchangeOutcome::RoomRequired,
            Self::TooShort(_) => ExchangeOutcome::TtlTooShort,
            Self::TooManyRooms { .. } => ExchangeOutcome::TooManyRooms,
            Self::Stale(_) => ExchangeOutcome::Unavailable,
            Self::Unwarranted(_) | Self::Claims(_) | Self::Sign(_) => ExchangeOutcome::Internal,
        }
    }

    /// The stable code of the refusal, the same in the answer and the metrics.
    pub fn code(&self) -> &'static str {
        self.outcome().into()
    }
}
