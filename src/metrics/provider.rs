//! What the provider was asked, and how long it took.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::Counters;

/// Seconds: from an answer in the same machine room to the longest wait.
const BUCKETS: [f64; 10] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];

/// What is asked of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// The page for signing in, as `check` looks at it.
    Page,
}

impl ProviderEndpoint {
    /// The label's value.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Jwks => "jwks",
            Self::Token => "token",
            Self::Userinfo => "userinfo",
            Self::Revocation => "revocation",
            Self::Page => "page",
        }
    }
}

/// Durations that differ by the values of two labels.
pub(super) type Durations = Family<[(&'static str, &'static str); 2], Histogram, fn() -> Histogram>;

/// A clone counts into the same numbers.
#[derive(Debug, Clone)]
pub struct ProviderCalls {
    took: Durations,
    short_circuited: Counters<1>,
}

impl Default for ProviderCalls {
    fn default() -> Self {
        let calls = Self {
            took: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            short_circuited: Counters::default(),
        };
        for endpoint in [
            ProviderEndpoint::Discovery,
            ProviderEndpoint::Token,
            ProviderEndpoint::Userinfo,
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
        let labels = [("endpoint", endpoint.word()), ("outcome", outcome)];
        let took = self.took.get_or_create_owned(&labels);
        took.observe(time.as_secs_f64());
    }

    /// A call that was not made, because those before it failed.
    pub fn short_circuited(&self, endpoint: ProviderEndpoint) {
        self.short_circuited_by(endpoint).inc();
    }

    fn short_circuited_by(&self, endpoint: ProviderEndpoint) -> Counter {
        let labels = [("endpoint", endpoint.word())];
        self.short_circuited.get_or_create_owned(&labels)
    }

    pub(super) fn families(&self) -> (Durations, Counters<1>) {
        (self.took.clone(), self.short_circuited.clone())
    }
}
