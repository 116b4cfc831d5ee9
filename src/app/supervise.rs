//! Supervises background tasks: a task that panics or ends is logged and restarted.

use std::future::Future;
use std::time::Duration;

use actix_web::web;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::web::FailingTasks;

/// Pauses between restarts, and when a task counts as failing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Restarts {
    /// Pause before the first restart; doubled by each consecutive failure.
    pause: Duration,
    longest_pause: Duration,
    /// A run of at least this length ends a series of consecutive failures.
    well_after: Duration,
    /// Number of consecutive failures at which the task counts as failing. It is still restarted.
    most: u32,
}

/// With these values a task counts as failing about 13 s after it first ended.
const RESTARTS: Restarts = Restarts {
    pause: Duration::from_millis(100),
    longest_pause: Duration::from_secs(30),
    well_after: Duration::from_mins(1),
    most: 8,
};

impl Restarts {
    fn pause_after(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.pause.saturating_mul(doubled).min(self.longest_pause)
    }
}

/// Runs a task and restarts it until the returned handle is aborted.
pub(super) fn supervise<F>(
    name: &'static str,
    failing: &web::Data<FailingTasks>,
    task: impl Fn() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let failing = failing.clone();
    tokio::spawn(async move { keep_running(name, &failing, RESTARTS, task).await })
}

async fn keep_running<F>(
    name: &'static str,
    failing: &FailingTasks,
    restarts: Restarts,
    task: impl Fn() -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut failures = 0_u32;
    loop {
        // The set contains one task, and aborts it when the supervisor is aborted.
        let mut running = JoinSet::new();
        running.spawn(task());
        let ended = match timeout(restarts.well_after, running.join_next()).await {
            Ok(ended) => ended,
            Err(_it_is_well) => {
                if failures >= restarts.most {
                    failing.remove();
                }
                failures = 0;
                running.join_next().await
            }
        };
        failures = failures.saturating_add(1);
        if failures == restarts.most {
            failing.add();
        }
        let panicked = ended.is_some_and(|ended| ended.is_err());
        tracing::error!(
            event = "task_ended",
            task = name,
            panicked,
            failures,
            "a background task ended; it is started again"
        );
        sleep(restarts.pause_after(failures)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::mpsc;

    use super::*;

    const QUICK: Restarts = Restarts {
        pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(2),
        well_after: Duration::from_millis(50),
        most: 3,
    };

    #[tokio::test]
    async fn a_task_that_panics_or_ends_is_started_again_until_it_is_aborted() {
        let (starts, mut started) = mpsc::unbounded_channel();
        let count = Arc::new(AtomicU32::new(0));
        let task = move || {
            let (starts, start) = (starts.clone(), count.fetch_add(1, Ordering::SeqCst));
            async move {
                starts.send(start).unwrap();
                match start {
                    0 => panic!("on purpose"),
                    1 => {}
                    _ => pending().await,
                }
            }
        };
        let supervisor = supervise("test", &web::Data::default(), task);
        for start in 0..3 {
            assert_eq!(started.recv().await, Some(start));
        }
        supervisor.abort();
        // The task has gone with its supervisor, and its sender with it.
        assert_eq!(started.recv().await, None);
    }

    #[tokio::test]
    async fn a_task_that_keeps_ending_counts_as_failing_until_it_runs_on() {
        let failing = web::Data::new(FailingTasks::default());
        let (seen, mut log) = mpsc::unbounded_channel();
        let count = AtomicU32::new(0);
        let task = {
            let failing = failing.clone();
            move || {
                seen.send(failing.is_any()).unwrap();
                let start = count.fetch_add(1, Ordering::SeqCst);
                async move {
                    if start >= 4 {
                        pending::<()>().await;
                    }
                }
            }
        };
        let running = failing.clone();
        let supervisor =
            tokio::spawn(async move { keep_running("test", &running, QUICK, task).await });
        let mut failing_at = Vec::new();
        for _ in 0..5 {
            failing_at.push(log.recv().await.unwrap());
        }
        assert_eq!(failing_at, [false, false, false, true, true]);
        while failing.is_any() {
            sleep(QUICK.pause).await;
        }
        supervisor.abort();
    }

    #[test]
    fn each_failure_in_a_row_doubles_the_pause_up_to_its_bound() {
        let pauses = [1, 2, 3, 9, 10, 1000].map(|failures| RESTARTS.pause_after(failures));
        let expected = [100, 200, 400, 25_600, 30_000, 30_000];
        assert_eq!(pauses, expected.map(Duration::from_millis));
    }
}
