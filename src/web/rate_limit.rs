//! Rate limits (AV-1). `docs/operators.md` has the table and
//! why the numbers are what they are; they hold for each instance by itself.
//!
//! The buckets (GCRA, by `governor`) lie in one bounded cache. Reading one takes
//! no lock that waits, and a bucket that was unused for
//! [`FORGOTTEN_AFTER`] is full again, so nothing is lost with it. When there are more senders than
//! places, those that were seen longest ago begin anew: they get more requests, never fewer.
//!
//! `web/routes.rs` says which [`Rule`] each route has; the numbers of each stand here.

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
use crate::domain::session::SessionHash;

/// Most buckets at one time, however many addresses ask.
const BUCKETS_MAX: u64 = 50_000;

/// When a bucket that is not used is dropped: every rule has filled it by then.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

impl Rule {
    /// How many at once, and how many a second from then on.
    const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Visit => (3000, 150),
            Self::Login | Self::Callback | Self::Logout => (300, 5),
            Self::BackChannel => (1200, 40),
            Self::Change => (300, 10),
            Self::Token => (120, 2),
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

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asker {
    Network(IpAddr),
    Session(SessionHash),
}

/// Asked too often; worth trying again after so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// One or more.
    pub retry_after: u64,
}

/// All limits of this instance, or none (`BRIDGE_RATE_LIMITS=off`).
pub struct RateLimits(Option<Limiters<SinceStart>>);

impl RateLimits {
    /// Switched on or off.
    pub fn new(on: bool) -> Self {
        let clock = SinceStart(Instant::now());
        Self(on.then(|| Limiters::new(&clock, &Buckets::new())))
    }

    /// Counts a request by the client's network.
    pub fn check_client(&self, rule: Rule, request: &HttpRequest) -> Result<(), TooMany> {
        let Some(limiters) = &self.0 else {
            return Ok(());
        };
        limiters.check(rule, Asker::Network(client_ip::network(request)))
    }

    /// Counts what a known sender sends: tokens by the session, so that people behind one address
    /// do not share them, and all else by the client's network. Only a session that is known to
    /// be live is counted, or an attacker could fill the places with names that they make up.
    pub fn check_sender(&self, rule: Rule, request: &HttpRequest) -> Result<(), TooMany> {
        match (&self.0, rule, ProvenSession::of(request)) {
            (Some(limiters), Rule::Token, Some(proven)) => {
                limiters.check(rule, Asker::Session(proven.live.session.hash))
            }
            _ => self.check_client(rule, request),
        }
    }
}

/// The layer that counts each request before anything is done for it: not even its session is
/// looked up.
pub async fn count(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let limits = request.app_data::<web::Data<RateLimits>>();
    if let (Some(rule), Some(limits)) = (Route::of(request.request()).rule, limits)
        && let Err(error) = limits.check_client(rule, request.request())
    {
        // A conversion of the response would lose the refusal, which is rendered further out.
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

/// Time since the start, which no clock that is set changes.
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
        // Who asked last is kept, however seldom they ask: otherwise new
        // addresses would find no place while a flood of others goes on.
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
    /// In the order of the rules.
    by_rule: Vec<Limiter<C>>,
}

impl<C: Clock<Instant = Nanos> + Clone> Limiters<C> {
    fn new(clock: &C, buckets: &Buckets) -> Self {
        let limiter = |rule: &Rule| Limiter::new(rule.quota(), buckets.clone(), clock.clone());
        Self {
            clock: clock.clone(),
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
