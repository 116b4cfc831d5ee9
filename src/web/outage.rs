//! What the database did, told to the log once, whichever way it is answered.

use std::error::Error;

use crate::store::StoreError;

/// Data that may be stale is not served: the listening connection was not heard for longer
/// than `BRIDGE_MAX_STALENESS_SECONDS`.
pub fn stale() {
    tracing::warn!(
        event = "database_unavailable",
        error = "the mappings and sessions in memory are not known to be fresh"
    );
}

/// Whether trying again may help (503) or it is a bug (500).
pub fn is_passing(error: &StoreError) -> bool {
    let passing = matches!(error, StoreError::Unavailable(_));
    if passing {
        tracing::warn!(event = "database_unavailable", %error);
    } else {
        let source = error.source().map(ToString::to_string);
        tracing::error!(event = "database_refused", %error, ?source);
    }
    passing
}
