//! What the bridge counts and measures, for Prometheus.
//!
//! Each part counts into a handle of its own, made with it and named in [`Exposition`]. Counting is
//! an addition to an atomic number: whatever an exchange counts into is looked up beforehand. Only
//! what waits for a network anyway (provider, database), or is refused, goes through a family's lock.
//!
//! A label's values are words of this program: never a name, an address, a room or anything else
//! that a client could choose (SC-6). So the number of series is bounded, and no user is found in
//! them.

mod exposition;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use strum::{IntoStaticStr, VariantArray};

pub use exposition::{Exposition, Handles, Measurements};

/// Counters that differ by the values of `N` labels.
type Counters<const N: usize> = Family<[(&'static str, &'static str); N], Counter>;

/// How often each outcome came. A clone counts into the same numbers. Every outcome is there from
/// the start, with a zero: an alert on one that has never happened would otherwise see nothing.
#[derive(Debug, Clone)]
pub struct Counts<O> {
    family: Counters<1>,
    counters: Vec<(O, Counter)>,
}

impl<O: VariantArray + Copy + Into<&'static str>> Default for Counts<O> {
    fn default() -> Self {
        let family = Counters::default();
        let counter = |outcome: &O| {
            let label = ("outcome", (*outcome).into());
            (*outcome, family.get_or_create_owned(&[label]))
        };
        Self {
            counters: O::VARIANTS.iter().map(counter).collect(),
            family,
        }
    }
}

impl<O: Copy + PartialEq> Counts<O> {
    /// Counts one more. Takes no lock.
    pub fn count(&self, outcome: O) {
        let mut counters = self.counters.iter();
        if let Some((_, counter)) = counters.find(|(known, _)| *known == outcome) {
            counter.inc();
        }
    }
}

/// How a sign-in ended, begun or come back from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum SignInOutcome {
    /// The user is signed in.
    SignedIn,
    /// No attempt of this browser, or one that is spent or too old.
    Attempt,
    /// The provider came back with an error: the person stopped, or may not.
    ProviderError,
    /// The token endpoint refused the code, or us.
    Denied,
    /// The provider's answer did not pass a check.
    AnswerRefused,
    /// An administrator does not let the person in.
    Blocked,
    /// The provider ended it while it was under way.
    LoggedOut,
    /// The provider cannot be used.
    ProviderUnavailable,
    /// The database cannot be used.
    DatabaseUnavailable,
    /// Something here.
    Internal,
}

/// How an exchange ended, whichever door it came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum ExchangeOutcome {
    /// A token.
    Issued,
    /// An administrator does not let the person in.
    Blocked,
    /// Nothing is granted.
    NoGrant,
    /// The provider sent no groups because there are too many.
    GroupsOverage,
    /// Something asked for is not granted.
    ScopeNotGranted,
    /// A room has to be named.
    RoomRequired,
    /// `sub` is to be the user name, and there is none that could be.
    NoUsername,
    /// Too little time is left.
    TtlTooShort,
    /// The token would be too long.
    TooManyRooms,
    /// What is in memory may be old.
    Unavailable,
    /// A bug: nothing was signed.
    Internal,
}

/// How a refresh of a session's groups ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum RefreshOutcome {
    /// The provider was asked, and the groups it named are kept.
    Refreshed,
    /// The provider answered without anything that says who it is about.
    NoAnswer,
    /// The provider, or the database, cannot be used; the session stays.
    Unavailable,
    /// The provider says that it is over, or answered for another subject: the session ended.
    Ended,
    /// The provider's answer was not to be believed; the session stays.
    Refused,
    /// No key of `BRIDGE_SECRET_KEYS` opens the refresh token.
    Sealed,
    /// Another instance asks, or has asked.
    LeaseElsewhere,
}

/// What became of requests of devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum DeviceOutcome {
    /// A device asked.
    Requested,
    /// A person approved it.
    Approved,
    /// A person denied it.
    Denied,
    /// A person typed a code that names nothing.
    WrongCode,
}

/// What Red5 was told about a token, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum RoundTripOutcome {
    /// Yes; everything else is no.
    Allowed,
    /// The body is no question.
    Unreadable,
    /// The token is not ours, or has expired.
    Token,
    /// The token does not have the role.
    Role,
    /// `RED5_ROUND_TRIP_ROOM` does not let a token with these rooms pass.
    Room,
    /// No live session stands behind the token.
    NoSession,
    /// An administrator blocked the person.
    Blocked,
    /// The groups are too old to decide with.
    GroupsOld,
    /// The current mappings do not grant all of it.
    NotGranted,
    /// What is in memory may be old, or the database cannot be asked.
    Unavailable,
}

/// An endpoint of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ProviderEndpoint {
    /// The discovery document.
    Discovery,
    /// The keys.
    Jwks,
    /// Codes and refresh tokens.
    Token,
    /// Claims that are not in the ID token.
    Userinfo,
    /// Refresh tokens to be revoked.
    Revocation,
    /// Opaque subject tokens of exchanges.
    Introspection,
    /// The sign-in page, as `check` looks at it.
    Page,
}

/// Durations that differ by the values of two labels.
type Durations = Family<[(&'static str, &'static str); 2], Histogram, fn() -> Histogram>;

/// Calls to the provider, and how long they took. A clone counts into the same numbers.
#[derive(Debug, Clone)]
pub struct ProviderCalls {
    took: Durations,
    short_circuited: Counters<1>,
}

impl Default for ProviderCalls {
    fn default() -> Self {
        // Seconds: from an answer in the same machine room to the longest wait.
        let histogram: fn() -> _ =
            || Histogram::new([0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0]);
        let calls = Self {
            took: Family::new_with_constructor(histogram),
            short_circuited: Counters::default(),
        };
        for endpoint in [
            ProviderEndpoint::Discovery,
            ProviderEndpoint::Token,
            ProviderEndpoint::Userinfo,
            ProviderEndpoint::Introspection,
        ] {
            calls.short_circuited_by(endpoint);
        }
        calls
    }
}

impl ProviderCalls {
    /// A call that ended: with an answer, whatever it says, or without.
    pub fn took(&self, endpoint: ProviderEndpoint, answered: bool, time: Duration) {
        let outcome = if answered { "answered" } else { "failed" };
        let labels = [("endpoint", endpoint.into()), ("outcome", outcome)];
        self.took
            .get_or_create_owned(&labels)
            .observe(time.as_secs_f64());
    }

    /// A call that was not made, because those before it failed.
    pub fn short_circuited(&self, endpoint: ProviderEndpoint) {
        self.short_circuited_by(endpoint).inc();
    }

    fn short_circuited_by(&self, endpoint: ProviderEndpoint) -> Counter {
        let labels = [("endpoint", endpoint.into())];
        self.short_circuited.get_or_create_owned(&labels)
    }
}

/// Waits for a connection to the database. A clone counts into the same numbers.
#[derive(Debug, Clone)]
pub struct Waits(Histogram);

impl Default for Waits {
    fn default() -> Self {
        // Seconds: a connection that is free, one that has to be made, one that is waited for, and
        // the limit.
        Self(Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.0]))
    }
}

impl Waits {
    /// Counts one more.
    pub fn took(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }
}

/// What is told of a status: nothing more.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Requests by route and class of status, and refusals by code. A clone counts into the same
/// numbers.
#[derive(Debug, Clone)]
pub struct Requests {
    family: Counters<2>,
    routes: Arc<HashMap<&'static str, [Counter; 5]>>,
    refusals: Counters<1>,
}

impl Requests {
    /// `routes` are the labels of all routes.
    pub fn new(routes: impl IntoIterator<Item = &'static str>) -> Self {
        let family = Counters::default();
        let counters = |route| {
            let counter =
                |class| family.get_or_create_owned(&[("route", route), ("status", class)]);
            (route, CLASSES.map(counter))
        };
        Self {
            routes: Arc::new(routes.into_iter().map(counters).collect()),
            family,
            refusals: Counters::default(),
        }
    }

    /// Counts one more. Takes no lock, unless the request is refused with this `code`.
    pub fn count(&self, route: &str, status: u16, code: Option<&'static str>) {
        if let Some(classes) = self.routes.get(route) {
            classes[usize::from(status / 100).clamp(1, 5) - 1].inc();
        }
        if let Some(code) = code {
            self.refusals.get_or_create_owned(&[("code", code)]).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn words<O: VariantArray + Copy + Into<&'static str>>() {
        let words: HashSet<&str> = O::VARIANTS.iter().map(|&outcome| outcome.into()).collect();
        assert_eq!(words.len(), O::VARIANTS.len());
    }

    #[test]
    fn each_outcome_has_a_word_of_its_own() {
        words::<SignInOutcome>();
        words::<ExchangeOutcome>();
        words::<RefreshOutcome>();
        words::<RoundTripOutcome>();
        words::<DeviceOutcome>();
    }

    #[test]
    fn a_clone_counts_into_the_same_numbers() {
        let counts = Counts::default();
        let clone = counts.clone();
        clone.count(RefreshOutcome::Ended);
        counts.count(RefreshOutcome::Ended);
        let ended = counts.family.get_or_create_owned(&[("outcome", "ended")]);
        assert_eq!(ended.get(), 2);
    }
}
