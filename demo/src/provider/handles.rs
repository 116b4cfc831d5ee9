//! Codes and access tokens: random names for something kept in memory for a
//! short while.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use red5_bridge::random;

/// How many are kept: the oldest goes first, so that a visitor who opens the
/// sign-in page again and again cannot fill the memory.
const MOST: usize = 256;

/// Values of one kind, each behind an unguessable handle.
#[derive(Debug)]
pub(super) struct Handles<T> {
    lifetime: TimeDelta,
    held: VecDeque<Held<T>>,
}

#[derive(Debug)]
struct Held<T> {
    handle: String,
    expires_at: DateTime<Utc>,
    value: T,
}

impl<T> Handles<T> {
    pub(super) const fn new(lifetime: TimeDelta) -> Self {
        Self {
            lifetime,
            held: VecDeque::new(),
        }
    }

    /// Keeps `value` and gives its handle.
    pub(super) fn issue(
        &mut self,
        value: T,
        now: DateTime<Utc>,
    ) -> Result<String, getrandom::Error> {
        let handle = random::text()?;
        self.held.truncate(MOST - 1);
        self.held.push_front(Held {
            handle: handle.clone(),
            expires_at: now + self.lifetime,
            value,
        });
        Ok(handle)
    }

    /// What is behind `handle`.
    pub(super) fn get(&self, handle: &str, now: DateTime<Utc>) -> Option<&T> {
        let held = self.held.iter().find(|held| held.handle == handle)?;
        (now < held.expires_at).then_some(&held.value)
    }

    /// What is behind `handle`, once.
    pub(super) fn take(&mut self, handle: &str, now: DateTime<Utc>) -> Option<T> {
        let at = self.held.iter().position(|held| held.handle == handle)?;
        let held = self.held.remove(at)?;
        (now < held.expires_at).then_some(held.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held() -> (Handles<u8>, DateTime<Utc>) {
        (Handles::new(TimeDelta::seconds(60)), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_handle_is_taken_once() {
        let (mut handles, now) = held();
        let handle = handles.issue(7, now).unwrap();
        assert_eq!(handles.get(&handle, now), Some(&7));
        assert_eq!(handles.take(&handle, now), Some(7));
        assert_eq!(handles.take(&handle, now), None);
    }

    #[test]
    fn a_handle_ends_with_its_lifetime() {
        let (mut handles, now) = held();
        let handle = handles.issue(7, now).unwrap();
        let end = now + TimeDelta::seconds(60);
        assert_eq!(handles.get(&handle, end), None);
        assert_eq!(handles.take(&handle, end), None);
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let (mut handles, now) = held();
        let oldest = handles.issue(0, now).unwrap();
        let kept = handles.issue(1, now).unwrap();
        for _ in 0..MOST - 1 {
            handles.issue(2, now).unwrap();
        }
        assert_eq!(handles.get(&oldest, now), None);
        assert_eq!(handles.get(&kept, now), Some(&1));
    }
}
