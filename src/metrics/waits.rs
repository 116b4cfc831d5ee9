//! How long work waits for a connection to the database.

use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

/// Seconds: a connection that is free, one that has to be made, one that is
/// waited for, and the limit.
const BUCKETS: [f64; 7] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.0];

/// A clone counts into the same numbers.
#[derive(Debug, Clone)]
pub struct Waits(pub(super) Histogram);

impl Default for Waits {
    fn default() -> Self {
        Self(Histogram::new(BUCKETS))
    }
}

impl Waits {
    /// One more.
    pub fn took(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }
}
