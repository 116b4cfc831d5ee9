//! Verifying with the provider's keys, which may have changed a moment ago.

use super::Provider;
use super::error::Outage;
use super::keys::KeySet;
use super::known::NoNewerKeys;

impl Provider {
    /// Verifies with the keys at hand; where `newer_may_do`, because none of them
    /// made the signature, once more with newer ones if there are any (JW-4). Those
    /// are asked for seldom and by one at a time, because strangers can cause it. Where there
    /// are none to be had, `in_doubt` says what that means for the flaw.
    ///
    /// # Errors
    /// When there are no keys that are young enough, and what `in_doubt` says.
    pub(super) async fn with_keys<T, E>(
        &self,
        verify: impl Fn(&KeySet) -> Result<T, E>,
        newer_may_do: impl Fn(&E) -> bool,
        in_doubt: impl Fn(E, NoNewerKeys) -> Result<E, Outage>,
    ) -> Result<Result<T, E>, Outage> {
        let known = self.known.for_verifying(&self.http, &self.settings).await?;
        match verify(&known.keys) {
            Err(flaw) if newer_may_do(&flaw) => {
                match self.known.newer_keys(&known, &self.http).await {
                    Ok(newer) => Ok(verify(&newer.keys)),
                    Err(why) => in_doubt(flaw, why).map(Err),
                }
            }
            decided => Ok(decided),
        }
    }
}
