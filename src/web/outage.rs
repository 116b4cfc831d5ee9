//! What the database did, told to the log once, whichever way it is answered.

use std::error::Error;

use crate::store::StoreError;

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
