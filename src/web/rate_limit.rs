//! Rate limits (AV-1), separate for each instance. `docs/operators.md` has the table and the
//! reasons for the numbers.
//!
//! The buckets (GCRA, by `governor`) are in one bounded cache. Reading one takes no blocking lock.
//! A bucket that is unused for [`FORGOTTEN_AFTER`] is full again, so dropping it changes nothing.
//! When the cache is full, the least recently seen senders start with a new bucket: they get more
//! requests, never fewer.
//!
//! `web/routes.rs` assigns a [`Rule`] to each route; the numbers are here.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use strum::VariantArray as _;

use super::client_ip;
use super::error::Refusal;
use super::page::ProvenSession;
use super::route::{Route, Rule};
use super::views::problem::RATE_LIMITED;
use super::views::times;
use crate::domain::client::{Client, ClientKind};
use crate::domain::session::SessionHash;

/// Maximum number of buckets, however many addresses send requests.
const BUCKETS_MAX: u64 = 50_000;

/// Time after which an unused bucket is dropped; by then it is full under every rule.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

impl Rule {
    /// Burst size, and requests per second after it.
    const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Visit => (3000, 150),
            Self::Login | Self::Callback | Self::Logout => (300, 5),
            Self::Authorize => (600, 10),
            Self::BackChannel => (1200, 40),
            Self::Change => (300, 10),
            Self::Token => (120, 2),
            Self::Client => (1200, 100),
            Self::Secret => (60, 2),
        }
    }

    const fn quota(self) -> Quota {
        let (burst, per_second) = self.numbers();
        Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
    }
}

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// The sender that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asker {
    Network(IpAddr),
    Session(SessionHash),
    /// An OAuth client; a public one together with the network, because any sender may use its name.
    Client(u64, Option<IpAddr>),
    /// A code or token.
    Secret(u64),
}

/// The limit is exceeded; a retry may succeed after some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Seconds to wait; at least one.
    pub retry_after: u64,
}

/// All limits of this instance; `None` with `BRIDGE_RATE_LIMITS=off`.
pub struct RateLimits(Option<Limiters<SinceStart>>);

impl RateLimits {
    /// Limits that are on or off.
    pub fn new(on: bool) -> Self {
        let clock = SinceStart(Instant::now());
        Self(on.then(|| Limiters::new(&clock, &Buckets::new())))
    }

    /// Counts a request for the client's network.
    pub fn check_client(&self, rule: Rule, request: &HttpRequest) -> Result<(), TooMany> {
        let Some(limiters) = &self.0 else {
            return Ok(());
        };
        limiters.check(rule, Asker::Network(client_ip::network(request)))
    }

    /// Counts a request of an OAuth client: a confidential one by itself, a public one by network.
    pub fn check_oauth_client(
        &self,
        client: &Client,
        request: &HttpRequest,
    ) -> Result<(), TooMany> {
        let Some(limiters) = &self.0 else {
            return Ok(());
        };
        let network = match client.draft.kind {
            ClientKind::Public => Some(client_ip::network(request)),
            ClientKind::Confidential => None,
        };
        let asker = Asker::Client(limiters.hasher.hash_one(client.id.as_str()), network);
        limiters.check(Rule::Client, asker)
    }

    /// Counts the uses of one code or token.
    pub fn check_secret(&self, secret: &str) -> Result<(), TooMany> {
        let Some(limiters) = &self.0 else {
            return Ok(());
        };
        limiters.check(
            Rule::Secret,
            Asker::Secret(limiters.hasher.hash_one(secret)),
        )
    }

    /// Counts a request of a proven sender: token requests per session, so that people behind one
    /// address do not share a limit; all others per network. Only live sessions are counted, or an
    /// attacker could fill the cache with invented ones.
    pub fn check_sender(&self, rule: Rule, request: &HttpRequest) -> Result<(), TooMany> {
        match (&self.0, rule, ProvenSession::of(request)) {
            (Some(limiters), Rule::Token, Some(proven)) => {
                limiters.check(rule, Asker::Session(proven.live.session.hash))
            }
            _ => self.check_client(rule, request),
        }
    }
}

/// Layer: counts each request before anything else, even before its session is looked up.
pub async fn count(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let limits = request.app_data::<web::Data<RateLimits>>();
    if let (Some(rule), Some(limits)) = (Route::of(request.request()).rule, limits)
        && let Err(error) = limits.check_client(rule, request.request())
    {
        // Converting the response would lose the refusal, which an outer layer renders.
        let (request, _) = request.into_parts();
        let refused = HttpResponse::from_error(Refusal::from(error));
        return Ok(ServiceResponse::new(request, refused));
    }
    next.call(request).await
}

impl From<TooMany> for Refusal {
    fn from(TooMany { retry_after }: TooMany) -> Self {
        let text = RATE_LIMITED.detail();
        let time = times::duration(retry_after);
        Self::new(RATE_LIMITED)
            .saying(format!("{text} Try again in {time}."))
            .header(header::RETRY_AFTER, retry_after.into())
            .logged()
    }
}

/// Time since the start, by a clock that cannot be set.
#[derive(Debug, Clone)]
struct SinceStart(Instant);

impl Clock for SinceStart {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

type BucketKey = (Rule, Asker);

#[derive(Clone)]
struct Buckets(Cache<BucketKey, Arc<InMemoryState>>);

impl Buckets {
    fn new() -> Self {
        // Evicts the least recently used bucket, however rarely it is used: otherwise new addresses
        // would find no place during a flood from others.
        let cache = Cache::builder()
            .max_capacity(BUCKETS_MAX)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(FORGOTTEN_AFTER);
        Self(cache.build())
    }
}

impl StateStore for Buckets {
    type Key = BucketKey;

    fn measure_and_replace<T, F, E>(&self, key: &BucketKey, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let bucket = self.0.get(key);
        let bucket = bucket.unwrap_or_else(|| self.0.get_with(*key, Arc::default));
        bucket.measure_and_replace(&NotKeyed::NonKey, f)
    }
}

type Limiter<C> = RateLimiter<BucketKey, Buckets, C, NoOpMiddleware<Nanos>>;

struct Limiters<C: Clock<Instant = Nanos>> {
    clock: C,
    /// Its key is random, so that a sender cannot find names that share a bucket.
    hasher: RandomState,
    /// Indexed by rule.
    by_rule: Vec<Limiter<C>>,
}

impl<C: Clock<Instant = Nanos> + Clone> Limiters<C> {
    fn new(clock: &C, buckets: &Buckets) -> Self {
        let limiter = |rule: &Rule| Limiter::new(rule.quota(), buckets.clone(), clock.clone());
        Self {
            clock: clock.clone(),
            hasher: RandomState::new(),
            by_rule: Rule::VARIANTS.iter().map(limiter).collect(),
        }
    }

    fn check(&self, rule: Rule, asker: Asker) -> Result<(), TooMany> {
        let outcome = self.by_rule[rule as usize].check_key(&(rule, asker));
        outcome.map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            tracing::info!(event = "rate_limited", code = RATE_LIMITED.code, ?rule);
            TooMany {
                retry_after: wait.as_secs() + 1,
            }
        })
    }
}

#[cfg(test)]
mod tests;
