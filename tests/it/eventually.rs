//! Waiting for what happens beside the test. No test judges a speed: whatever is waited for
//! either happens, or the test fails after a time that nothing that works comes near.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// What a test that hangs is given up after.
const GIVEN_UP_AFTER: Duration = Duration::from_mins(2);

const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What one look finds: a `bool`, or the value that is waited for.
pub trait Look {
    type Found;

    fn found(self) -> Option<Self::Found>;
}

impl Look for bool {
    type Found = ();

    fn found(self) -> Option<()> {
        self.then_some(())
    }
}

impl<T> Look for Option<T> {
    type Found = T;

    fn found(self) -> Self {
        self
    }
}

/// Looks again and again until `look` finds it.
pub async fn eventually<L: Look>(what: &str, mut look: impl AsyncFnMut() -> L) -> L::Found {
    let looking = async {
        loop {
            if let Some(found) = look().await.found() {
                return found;
            }
            sleep(POLL_INTERVAL).await;
        }
    };
    in_time(what, looking).await
}

/// Waits for `work`, which must end at all.
pub async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    let Ok(done) = timeout(GIVEN_UP_AFTER, work).await else {
        panic!("not within {GIVEN_UP_AFTER:?}: {what}");
    };
    done
}
