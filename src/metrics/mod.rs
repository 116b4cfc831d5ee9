//! What the bridge counts and measures, for Prometheus.
//!
//! Each part counts into a handle of its own, made with it and named here:
//! [`Counts`] for what has a known list of outcomes, [`ProviderCalls`],
//! [`RequestCounts`], [`Waits`]. [`Exposition`] gives them their names and writes
//! them down when they are asked for. Counting is an addition to an atomic number; only
//! what waits for a network anyway (provider, database) goes through a lock.
//!
//! A label's values are words of this program: never a name, an address, a
//! room or anything else that a client could choose (SC-6). So the
//! number of series is bounded, and no user is found in them.

mod exposition;
mod outcomes;
mod provider;
mod requests;
mod waits;

pub use exposition::{Exposition, Parts, State};
pub use outcomes::{Counts, ExchangeOutcome, Outcome, RefreshOutcome, SignInOutcome};
pub use provider::{ProviderCalls, ProviderEndpoint};
pub use requests::{Answered, RequestCounts, Requests};
pub use waits::Waits;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// Counters that differ by the values of `N` labels.
type Counters<const N: usize> = Family<[(&'static str, &'static str); N], Counter>;
