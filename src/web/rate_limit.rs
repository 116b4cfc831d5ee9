//! Rate limits (AV-1). `docs/operators.md` has the table and
//! why the numbers are what they are; they hold for each instance by itself.
//!
//! The buckets (GCRA, by `governor`) lie in one bounded cache. Reading one takes
//! no lock that waits, and a bucket that was unused for
//! [`FORGOTTEN_AFTER`] is full again, so nothing is lost with it. When there are more askers than
//! places, those who were seen longest ago start anew: too kind, never unkind.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, web};
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::count::without_base;
use super::error::ApiError;
use super::extract::Caller;
use super::routes::Reader;
use super::site::Site;
use super::{client_ip, csrf, page};
use crate::store::sessions::SessionHash;

/// Most buckets at one time, however many addresses ask.
const BUCKETS_MAX: u64 = 50_000;

/// When a bucket that is not used is dropped: every rule has filled it by then.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(1);

/// What is counted, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A page or an endpoint that has no rule of its own.
    Visit,
    /// `/auth/login`
    Login,
    /// `/auth/callback`: each may cost a request to the provider.
    Callback,
    /// `/auth/logout`
    Logout,
    /// `/auth/backchannel-logout`: each costs a signature and a transaction, and all
    /// come from one address.
    BackChannel,
    /// Whatever changes the table: every instance loads it again.
    Change,
    /// Tokens of one session.
    Token,
}

impl Rule {
    #[cfg(test)]
    const ALL: [Self; 7] = [
        Self::Visit,
        Self::Login,
        Self::Callback,
        Self::Logout,
        Self::BackChannel,
        Self::Change,
        Self::Token,
    ];

    /// What counts a request by its address. Every path that is not named is a visit, one that
    /// does not exist too: its page looks the session up like any other. Health checks must
    /// always get an answer, and files cost nothing.
    fn of(route: &str) -> Option<Self> {
        Some(match route {
            "/livez" | "/readyz" | "/assets/{name}" => return None,
            "/auth/login" => Self::Login,
            "/auth/callback" => Self::Callback,
            "/auth/logout" | "/api/logout" | "/sessions/end" | "/sessions/{id}/end" => Self::Logout,
            "/auth/backchannel-logout" => Self::BackChannel,
            _ => Self::Visit,
        })
    }

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

    /// Counts a token by the session that asks: people behind one address do
    /// not share it. Only of a session that is known to be live, or an attacker
    /// could fill the places with names that they make up.
    pub fn check_token(&self, caller: &Caller) -> Result<(), TooMany> {
        let Some(limiters) = &self.0 else {
            return Ok(());
        };
        limiters.check(Rule::Token, Asker::Session(caller.session().hash))
    }
}

/// Counts each request before anything is done for it: not even its session is looked up. A
/// layer over all routes, so that none is left out by oversight.
pub async fn count(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let route = route_of(&request);
    let limits = request.app_data::<web::Data<RateLimits>>();
    let (Some(rule), Some(limits)) = (Rule::of(&route), limits) else {
        return next.call(request).await;
    };
    match limits.check_client(rule, request.request()) {
        Ok(()) => next.call(request).await,
        Err(error) => {
            let response = refused(Reader::of(&route), request.request(), error);
            Ok(request.into_response(response))
        }
    }
}

/// The route that the router is going to take, without the base path; empty if there is none.
/// The path is compared as the router compares it, after percent-decoding: `/auth/%6Cogin` is
/// a sign-in.
fn route_of(request: &ServiceRequest) -> String {
    let path = request.match_info().unprocessed();
    let route = request.resource_map().match_pattern(path);
    let site = request.app_data::<web::Data<Site>>();
    without_base(route.unwrap_or_default(), site)
}

fn refused(reader: Reader, request: &HttpRequest, error: TooMany) -> HttpResponse {
    let api = ApiError::from(error);
    let Some(site) = request.app_data::<web::Data<Site>>() else {
        return api.response();
    };
    match reader {
        Reader::Person => page::too_many(request, site, error),
        Reader::Program => api.response(),
        Reader::App => {
            let mut response = api.response();
            csrf::let_read(request, site, &mut response);
            response
        }
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

type Key = (Rule, Asker);

/// Where the buckets lie.
#[derive(Clone)]
struct Buckets(Cache<Key, Arc<InMemoryState>>);

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
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let bucket = self.0.get(key);
        let bucket = bucket.unwrap_or_else(|| self.0.get_with(*key, Arc::default));
        bucket.measure_and_replace(&NotKeyed::NonKey, f)
    }
}

type Limiter<C> = RateLimiter<Key, Buckets, C, NoOpMiddleware<Nanos>>;

struct Limiters<C: Clock<Instant = Nanos>> {
    clock: C,
    visit: Limiter<C>,
    login: Limiter<C>,
    callback: Limiter<C>,
    logout: Limiter<C>,
    back_channel: Limiter<C>,
    change: Limiter<C>,
    token: Limiter<C>,
}

impl<C: Clock<Instant = Nanos> + Clone> Limiters<C> {
    fn new(clock: &C, buckets: &Buckets) -> Self {
        let limiter = |rule: Rule| Limiter::new(rule.quota(), buckets.clone(), clock.clone());
        Self {
            clock: clock.clone(),
            visit: limiter(Rule::Visit),
            login: limiter(Rule::Login),
            callback: limiter(Rule::Callback),
            logout: limiter(Rule::Logout),
            back_channel: limiter(Rule::BackChannel),
            change: limiter(Rule::Change),
            token: limiter(Rule::Token),
        }
    }

    fn check(&self, rule: Rule, asker: Asker) -> Result<(), TooMany> {
        let limiter = match rule {
            Rule::Visit => &self.visit,
            Rule::Login => &self.login,
            Rule::Callback => &self.callback,
            Rule::Logout => &self.logout,
            Rule::BackChannel => &self.back_channel,
            Rule::Change => &self.change,
            Rule::Token => &self.token,
        };
        limiter.check_key(&(rule, asker)).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            tracing::info!(event = "rate_limited", rule = ?rule);
            TooMany {
                retry_after: wait.as_secs() + 1,
            }
        })
    }
}

#[cfg(test)]
mod tests;
