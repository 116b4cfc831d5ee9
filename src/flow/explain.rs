//! Why a person may do something, or may not: the mappings that have to do with them, and what an
//! exchange would answer.
//!
//! It is decided by [`TokenRules::decide`], as an exchange is, over the same snapshot; matches that
//! are remembered for a session are not asked. Nothing is counted, signed or changed.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::admin::Admin;
use super::exchange::{Basis, NoToken, TokenRules};
use crate::clock::Clock;
use crate::domain::allows::allows_scope;
use crate::domain::block::Blocks;
use crate::domain::entitlement::{Entitlement, ToldTo};
use crate::domain::explain::{Decision, ExplainedIdentity, Explanation, explain_rows};
use crate::domain::given::GivenIdentity;
use crate::domain::identity::{Groups, GroupsFrom, Identity, PersonKey};
use crate::domain::lifetime::{LimitedBy, SubjectEnd};
use crate::domain::list::PageRange;
use crate::domain::members::{FieldError, Members};
use crate::domain::person::{PersonId, SeenPerson};
use crate::domain::resolve::Mappings;
use crate::domain::session::{SessionId, Whose};
use crate::domain::wish::Wish;
use crate::json::{self, Object};
use crate::oidc::Provider;
use crate::signer::Signer;
use crate::store::people::Considered;
use crate::store::snapshot::{Snapshot, SnapshotKeeper, Stale};
use crate::store::{Store, StoreError};

/// Most sessions of one person that are looked at.
const SESSIONS_MAX: i64 = 100;

/// A question about one person.
#[derive(Debug)]
pub struct Question {
    source: Source,
    wish: Wish,
    at: Option<DateTime<Utc>>,
}

/// About whom.
#[derive(Debug)]
enum Source {
    /// The session with this public id, as it was written.
    Session(String),
    /// The person with this public id, as it was written.
    Person(String),
    /// These groups and names.
    Identity(GivenIdentity),
    /// The claims of an ID token.
    Claims(Object),
    /// A Red5 token of this bridge.
    Token(String),
}

/// The members that name a person; one of them is given.
const SOURCES: [&str; 5] = ["session", "person", "identity", "claims", "token"];

impl Question {
    /// Reads its members.
    ///
    /// # Errors
    /// Each invalid field, and a question about none or several of the sources.
    pub fn parse(sent: Map<String, Value>) -> Result<Self, Vec<FieldError>> {
        let given: Vec<&str> = SOURCES
            .into_iter()
            .filter(|source| sent.contains_key(*source))
            .collect();
        let mut members = Members::new(sent);
        for source in given.iter().filter(|_| given.len() > 1) {
            members.refuse(*source, ONE_SOURCE);
        }
        let source = if let Some(source) = given.first() {
            read_source(source, &mut members)
        } else {
            members.refuse("identity", ONE_SOURCE);
            None
        };
        for other in given.iter().skip(1) {
            read_source(other, &mut members);
        }
        let wish = if members.has("request") {
            let request = members.object("request").unwrap_or_default();
            members.within("request", request, |request| Some(Wish::read(request)))
        } else {
            Some(Wish::default())
        };
        members.refuse_null("at");
        let at = members.moment("at");
        let errors = members.finish();
        match (source, wish) {
            (Some(source), Some(wish)) if errors.is_empty() => Ok(Self { source, wish, at }),
            _ => Err(errors),
        }
    }
}

const ONE_SOURCE: &str = "give exactly one of session, person, identity, claims and token";

fn read_source(source: &str, members: &mut Members) -> Option<Source> {
    members.refuse_null(source);
    match source {
        "session" => members.text(source).map(Source::Session),
        "person" => members.text(source).map(Source::Person),
        "token" => members.text(source).map(Source::Token),
        "claims" => members.object(source).map(Source::Claims),
        _ => {
            let identity = members.object(source)?;
            let identity = members.within(source, identity, GivenIdentity::read);
            identity.map(Source::Identity)
        }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// There is no such session or person.
    #[error("there is no such session or person")]
    NotFound,
    /// A field that can only be judged here.
    #[error("{0}")]
    Invalid(FieldError),
    /// The mappings in memory may be old.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Source was found.
struct FoundPerson {
    identity: Identity,
    groups_from: Option<GroupsFrom>,
    /// The end of the session; none: there is no session.
    ends_at: Option<DateTime<Utc>>,
}

/// Explains what a person may do.
pub struct Explain {
    pub(crate) store: Store,
    pub(crate) snapshots: Arc<SnapshotKeeper>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) signer: Signer,
    pub(crate) rules: TokenRules,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long a session lives without a request.
    pub(crate) idle: TimeDelta,
    /// How long a person who is not signed in is known.
    pub(crate) seen: TimeDelta,
}

impl Explain {
    /// The answer to an administrator, over the mappings in memory.
    pub async fn answer(
        &self,
        _: &Admin,
        question: &Question,
    ) -> Result<Explanation, ExplainError> {
        let snapshot = self.snapshots.current()?;
        self.explain(&snapshot, question).await
    }

    /// The answer over the mappings as the database has them now, for the command line.
    pub(crate) async fn answer_from_database(
        &self,
        question: &Question,
    ) -> Result<Explanation, ExplainError> {
        let snapshot = self.store.snapshot(None).await?;
        self.explain(&snapshot, question).await
    }

    async fn explain(
        &self,
        snapshot: &Snapshot,
        question: &Question,
    ) -> Result<Explanation, ExplainError> {
        let now = self.clock.now();
        // A client says "now" in whole seconds.
        let past = question.at.filter(|at| at.timestamp() < now.timestamp());
        let at = past.unwrap_or(question.at.map_or(now, |at| at.max(now)));
        let no_blocks = Blocks::default();
        let (mappings, mapping_version, blocks) = match past {
            // The table as it stood; which blocks there were is not kept.
            Some(at) => {
                let (tables, version) = self.store.tables_at(at).await?;
                let mappings = Arc::new(Mappings::compile(tables.mappings));
                (mappings, version, &no_blocks)
            }
            None => (
                Arc::clone(&snapshot.mappings),
                snapshot.mapping_version,
                &snapshot.blocks,
            ),
        };
        let found = self.find(&question.source, now).await?;
        let identity = &found.identity;
        let entitlement = mappings.resolve(identity, at);
        let basis = Basis {
            identity,
            entitlement: &entitlement,
            blocks,
            // Without a session nothing ends.
            end: SubjectEnd::Session(found.ends_at.unwrap_or(DateTime::<Utc>::MAX_UTC)),
            client_seconds: None,
            now: at,
            may_lack_subject: true,
        };
        let (decision, red5) = self.decide(basis, &question.wish);
        let shown = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Ok(Explanation {
            mapping_version,
            at,
            groups_from: found.groups_from,
            rows: explain_rows(&mappings, identity, at),
            entitlement: entitlement.grants(),
            decision,
            red5,
            identity: ExplainedIdentity {
                issuer: identity.issuer.clone(),
                subject: shown(&identity.subject),
                username: identity.username.clone(),
                name: identity.name.clone(),
                groups: identity.groups.to_vec(),
            },
        })
    }

    fn decide(&self, basis: Basis<'_>, wish: &Wish) -> (Decision, Vec<String>) {
        match self.rules.decide(basis, wish) {
            Ok(decided) => {
                let scope = &decided.scope;
                let allowed = allows_scope(scope).into_iter();
                let issued = Decision::Issued {
                    scope: scope.words(),
                    roles: scope.roles.to_strings(),
                    transports: scope.transports.to_strings(),
                    rooms: scope.rooms.to_strings(),
                    expires_in: decided.lifetime.seconds_from(basis.now),
                    ttl_limited_by: decided.lifetime.limited_by.map(LimitedBy::as_str),
                    left_out: basis.entitlement.left_out(scope),
                };
                let red5 = allowed.map(|sentence| format!("may {sentence}"));
                (issued, red5.collect())
            }
            Err(refusal) => (refused(&refusal, basis.entitlement), Vec::new()),
        }
    }

    async fn find(&self, source: &Source, now: DateTime<Utc>) -> Result<FoundPerson, ExplainError> {
        match source {
            Source::Session(id) => self.of_session(id, now).await,
            Source::Person(id) => self.of_person(id, now).await,
            Source::Token(token) => self.of_token(token, now).await,
            Source::Claims(claims) => Ok(FoundPerson {
                identity: self.provider.read_identity(claims),
                groups_from: Some(GroupsFrom::Given),
                ends_at: None,
            }),
            Source::Identity(given) => Ok(FoundPerson {
                identity: Identity {
                    issuer: self.provider.issuer().to_owned(),
                    ..given.identity()
                },
                groups_from: Some(GroupsFrom::Given),
                ends_at: None,
            }),
        }
    }

    /// By its row, not by what is in memory of it.
    async fn of_session(&self, id: &str, now: DateTime<Utc>) -> Result<FoundPerson, ExplainError> {
        let id = SessionId::parse(id).ok_or(ExplainError::NotFound)?;
        let summary = self.store.find_session(&id).await?;
        let summary = summary
            .filter(|summary| now < summary.ends_at && now < summary.last_seen_at + self.idle);
        let hash = summary.ok_or(ExplainError::NotFound)?.hash;
        let session = self.store.session(&hash).await?;
        let session = session.ok_or(ExplainError::NotFound)?;
        Ok(FoundPerson {
            identity: session.identity,
            groups_from: self.provider.groups_from(),
            ends_at: Some(session.ends_at),
        })
    }

    /// As they were seen last.
    async fn of_person(&self, id: &str, now: DateTime<Utc>) -> Result<FoundPerson, ExplainError> {
        let id = PersonId::parse(id).ok_or(ExplainError::NotFound)?;
        let person = self.store.find_person(self.considered(now), &id).await?;
        let person = person.ok_or(ExplainError::NotFound)?;
        Ok(self.seen(person))
    }

    fn considered(&self, now: DateTime<Utc>) -> Considered {
        Considered {
            now,
            idle_since: now - self.idle,
            seen_since: now - self.seen,
        }
    }

    fn seen(&self, person: SeenPerson) -> FoundPerson {
        FoundPerson {
            identity: person.identity,
            groups_from: self.provider.groups_from(),
            ends_at: None,
        }
    }

    /// The person of a token, ended or not, with the groups of all their sessions as they are now.
    async fn of_token(&self, token: &str, now: DateTime<Utc>) -> Result<FoundPerson, ExplainError> {
        let subject = self.subject_of(token).ok_or_else(|| {
            let reason = "is no token of this bridge: its signature does not fit RED5_JWT_SECRET";
            ExplainError::Invalid(FieldError::new("token", reason))
        })?;
        let person = PersonKey::new(self.provider.issuer(), &subject);
        let whose = if self.rules.subject_is_username {
            Whose::Named(&subject)
        } else {
            Whose::Person(&person)
        };
        let live = (now, now - self.idle);
        let page = self
            .store
            .list_sessions(whose, live, PageRange::first(SESSIONS_MAX));
        let mut found: Option<FoundPerson> = None;
        for summary in page.await?.items {
            // The list is of those in whose names the text stands.
            let is_theirs =
                !self.rules.subject_is_username || summary.username.as_ref() == Some(&subject);
            if !is_theirs {
                continue;
            }
            let Some(session) = self.store.session(&summary.hash).await? else {
                continue;
            };
            match &mut found {
                None => {
                    found = Some(FoundPerson {
                        identity: session.identity,
                        groups_from: self.provider.groups_from(),
                        ends_at: Some(session.ends_at),
                    });
                }
                Some(found) if found.identity.subject == session.identity.subject => {
                    unite(&mut found.identity.groups, session.identity.groups);
                    found.ends_at = found.ends_at.max(Some(session.ends_at));
                }
                Some(_) => {}
            }
        }
        if found.is_none() && !self.rules.subject_is_username {
            let seen = self
                .store
                .find_person_by_key(self.considered(now), &person)
                .await?;
            found = seen.map(|person| self.seen(person));
        }
        found.ok_or(ExplainError::NotFound)
    }

    /// `sub` of a token with our signature.
    fn subject_of(&self, token: &str) -> Option<String> {
        let token = token.trim();
        if !self.signer.has_signed(token) {
            return None;
        }
        let claims = token.split('.').nth(1)?;
        let claims = json::object(&URL_SAFE_NO_PAD.decode(claims).ok()?)?;
        claims.get("sub")?.as_str().map(str::to_owned)
    }
}

fn unite(groups: &mut Groups, more: Groups) {
    match (groups, more) {
        (Groups::Listed(groups), Groups::Listed(more)) => groups.extend(more),
        (groups @ Groups::Overage, Groups::Listed(more)) => *groups = Groups::Listed(more),
        (_, Groups::Overage) => {}
    }
}

fn refused(refusal: &NoToken, entitlement: &Entitlement) -> Decision {
    let (refused, because, nearest) = match refusal {
        NoToken::NotGranted(not) => (
            not.refused.clone(),
            not.why.said(ToldTo::Administrator),
            not.why.nearest.clone(),
        ),
        NoToken::RoomRequired { .. } => {
            let because = format!(
                "{}: rooms of a pattern cannot be listed.",
                sentence(refusal)
            );
            (Vec::new(), because, entitlement.grants())
        }
        other => (Vec::new(), format!("{}.", sentence(other)), Vec::new()),
    };
    Decision::Refused {
        code: refusal.code(),
        refused,
        because,
        nearest,
    }
}

/// With a capital letter.
fn sentence(refusal: &NoToken) -> String {
    let text = refusal.to_string();
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), chars.as_str())
    })
}
