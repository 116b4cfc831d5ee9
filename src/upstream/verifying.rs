//! Verifying with the provider's keys, which may have changed a moment ago.

use super::Provider;
use super::error::Outage;
use super::keys::KeySet;

impl Provider {
    /// Verifies with the keys at hand; where `newer_may_do`, because none of them
    /// made the signature, once more with newer ones if there are any (JW-4). Those
    /// are asked for seldom and by one at a time, because strangers can cause it.
    ///
    /// # Errors
    /// When there are no keys that are young enough.
    pub(super) async fn with_keys<T, E>(
        &self,
        verify: impl Fn(&KeySet) -> Result<T, E>,
        newer_may_do: impl Fn(&E) -> bool,
    ) -> Result<Result<T, E>, Outage> {
        let known = self.known.for_verifying(&self.http, &self.settings).await?;
        match verify(&known.keys) {
            Err(flaw) if newer_may_do(&flaw) => {
                match self.known.newer_keys(&known, &self.http).await {
                    Some(newer) => Ok(verify(&newer.keys)),
                    None => Ok(Err(flaw)),
                }
            }
            decided => Ok(decided),
        }
    }
}
