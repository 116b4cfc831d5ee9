//! A circuit breaker: the only back-off for an endpoint that does not answer.
//!
//! Without it, every sign-in would wait for the whole timeout of a hanging provider. After
//! [`FAILURES_MAX`] consecutive failures no request is sent for a short rest. Then one request is
//! sent as a trial: if it succeeds, requests continue; if not, the rest doubles. Only outages count
//! as failures: an answer, even `invalid_grant`, shows that the server works.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::Outage;
use super::settings::Pace;

/// Consecutive failures that count as an outage.
const FAILURES_MAX: u32 = 3;

/// The breaker of one endpoint.
pub(super) struct Breaker {
    machine: Mutex<Machine>,
}

impl Breaker {
    pub(super) fn new(pace: &Pace) -> Self {
        let machine = Machine {
            state: State::Closed { failures: 0 },
            first: pace.rest_first,
            most: pace.rest_max,
        };
        Self {
            machine: Mutex::new(machine),
        }
    }

    /// Asks for a permit to send a request.
    ///
    /// # Errors
    /// [`Outage::Resting`] during a rest.
    pub(super) fn admit(&self) -> Result<Permit<'_>, Outage> {
        let admitted = self.machine().admit(Instant::now());
        let trial = admitted.ok_or(Outage::Resting)?;
        Ok(Permit {
            breaker: self,
            trial,
            reported: false,
        })
    }

    /// Time until the current rest ends.
    pub(super) fn rest_left(&self) -> Duration {
        match self.machine().state {
            State::Open { until, .. } => until.saturating_duration_since(Instant::now()),
            State::Closed { .. } | State::Trial { .. } => Duration::ZERO,
        }
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        // The guarded code cannot panic.
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Allows one request. If it is dropped without a report, because the request was cancelled, the
/// outcome is unknown.
pub(super) struct Permit<'a> {
    breaker: &'a Breaker,
    trial: bool,
    reported: bool,
}

impl Permit<'_> {
    /// Reports how the request ended: with this outage, or with an answer.
    pub(super) fn report(mut self, outage: Option<&Outage>) {
        self.reported = true;
        let mut machine = self.breaker.machine();
        let Some(outage) = outage.filter(|outage| outage.is_down()) else {
            if machine.answered(self.trial) {
                tracing::info!(
                    event = "provider_answers_again",
                    "the provider answers again; it is asked as usual"
                );
            }
            return;
        };
        if let Some(rest) = machine.failed(self.trial, Instant::now(), chance()) {
            log_rest(outage.code(), rest);
        }
    }

    /// Reports an answer that concerns all requests: no other is sent for at least `pause`.
    pub(super) fn hold(mut self, reason: &'static str, pause: Duration) {
        self.reported = true;
        let mut machine = self.breaker.machine();
        if let Some(rest) = machine.held(self.trial, pause, Instant::now(), chance()) {
            log_rest(reason, rest);
        }
    }
}

fn log_rest(reason: &'static str, rest: Duration) {
    tracing::warn!(
        event = "provider_resting",
        reason,
        milliseconds = u64::try_from(rest.as_millis()).unwrap_or(u64::MAX),
        "the provider failed several times in a row, or asked to wait, and is not asked for a moment"
    );
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.reported && self.trial {
            self.breaker.machine().abandoned(Instant::now());
        }
    }
}

/// From 0 to 1; 0.5 if the system gives no random numbers.
fn chance() -> f64 {
    let mut byte = [128];
    let _ = getrandom::fill(&mut byte);
    f64::from(byte[0]) / 255.0
}

/// The state machine; time and chance are arguments.
struct Machine {
    state: State,
    first: Duration,
    most: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    /// Requests are allowed.
    Closed { failures: u32 },
    /// No request is allowed before `until`. `held`: the provider asked for this pause, so answers
    /// to earlier requests do not end it.
    Open {
        until: Instant,
        rest: Duration,
        held: bool,
    },
    /// One trial request is under way; no other is allowed.
    Trial { rest: Duration },
}

impl Machine {
    /// Whether this request is the trial; `None` if no request is allowed.
    fn admit(&mut self, now: Instant) -> Option<bool> {
        match self.state {
            State::Closed { .. } => Some(false),
            State::Open { until, rest, .. } if until <= now => {
                self.state = State::Trial { rest };
                Some(true)
            }
            State::Open { .. } | State::Trial { .. } => None,
        }
    }

    /// Records an answer; true if it ended a rest.
    fn answered(&mut self, trial: bool) -> bool {
        if !trial && matches!(self.state, State::Open { held: true, .. }) {
            return false;
        }
        let rested = !matches!(self.state, State::Closed { .. });
        self.state = State::Closed { failures: 0 };
        rested
    }

    /// Records a failure; returns the rest if one begins. A request that was sent before the
    /// current rest began is ignored.
    fn failed(&mut self, trial: bool, now: Instant, chance: f64) -> Option<Duration> {
        let rest = match self.state {
            State::Closed { failures } if failures + 1 < FAILURES_MAX => {
                self.state = State::Closed {
                    failures: failures + 1,
                };
                return None;
            }
            State::Closed { .. } => self.first,
            State::Trial { rest } if trial => (rest * 2).min(self.most),
            State::Open { .. } | State::Trial { .. } => return None,
        };
        Some(self.open(rest, spread(rest, chance), now, false))
    }

    /// Records a request to wait; returns the rest if one begins: as long as after failures, and at
    /// least `pause`.
    fn held(
        &mut self,
        trial: bool,
        pause: Duration,
        now: Instant,
        chance: f64,
    ) -> Option<Duration> {
        let rest = match &mut self.state {
            State::Trial { rest } if trial => (*rest * 2).min(self.most),
            State::Open { until, held, .. } if now + pause <= *until => {
                *held = true;
                return None;
            }
            State::Open { rest, .. } | State::Trial { rest } => *rest,
            State::Closed { .. } => self.first,
        };
        Some(self.open(rest, spread(rest, chance).max(pause), now, true))
    }

    fn open(&mut self, rest: Duration, length: Duration, now: Instant, held: bool) -> Duration {
        self.state = State::Open {
            until: now + length,
            rest,
            held,
        };
        length
    }

    /// The result of the trial is unknown, so the next request is a trial.
    fn abandoned(&mut self, now: Instant) {
        if let State::Trial { rest } = self.state {
            self.open(rest, Duration::ZERO, now, false);
        }
    }
}

/// Shortens a rest by up to a quarter, so that instances do not retry in step.
fn spread(rest: Duration, chance: f64) -> Duration {
    rest.mul_f64(1.0 - chance / 4.0)
}
#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(500);
    const MOST: Duration = Duration::from_secs(5);

    fn machine() -> (Machine, Instant) {
        let machine = Machine {
            state: State::Closed { failures: 0 },
            first: FIRST,
            most: MOST,
        };
        (machine, Instant::now())
    }

    fn opened() -> (Machine, Instant) {
        let (mut machine, now) = machine();
        for _ in 1..FAILURES_MAX {
            assert_eq!(machine.failed(false, now, 0.0), None);
        }
        assert_eq!(machine.failed(false, now, 0.0), Some(FIRST));
        (machine, now)
    }

    #[test]
    fn av_4_after_a_few_failures_in_a_row_nobody_asks_for_a_moment() {
        let (mut machine, now) = opened();
        assert_eq!(machine.admit(now), None);
        assert_eq!(machine.admit(now + FIRST.mul_f64(0.99)), None);
    }

    #[test]
    fn an_answer_in_between_begins_the_count_anew() {
        let (mut machine, now) = machine();
        for _ in 0..10 {
            for _ in 1..FAILURES_MAX {
                assert_eq!(machine.failed(false, now, 0.0), None);
            }
            assert!(!machine.answered(false));
        }
        assert_eq!(machine.admit(now), Some(false));
    }

    #[test]
    fn av_4_then_one_tries_and_the_others_wait_for_what_it_finds() {
        let (mut machine, now) = opened();
        let later = now + FIRST;
        assert_eq!(machine.admit(later), Some(true));
        assert_eq!(machine.admit(later), None);
        assert_eq!(machine.admit(later + MOST * 10), None);
        assert!(machine.answered(true));
        assert_eq!(machine.admit(later), Some(false));
    }

    #[test]
    fn av_4_each_failed_trial_doubles_the_rest_up_to_its_bound() {
        let (mut machine, mut now) = opened();
        let mut rests = Vec::new();
        for _ in 0..6 {
            now += MOST;
            assert_eq!(machine.admit(now), Some(true));
            rests.extend(machine.failed(true, now, 0.0));
        }
        let millis: Vec<_> = rests.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [1000, 2000, 4000, 5000, 5000, 5000]);
    }

    #[test]
    fn a_trial_that_nobody_saw_to_its_end_is_repeated() {
        let (mut machine, now) = opened();
        assert_eq!(machine.admit(now + FIRST), Some(true));
        machine.abandoned(now + FIRST);
        assert_eq!(machine.admit(now + FIRST), Some(true));
    }

    #[test]
    fn those_who_were_sent_before_the_rest_began_neither_lengthen_nor_end_a_trial() {
        let (mut machine, now) = opened();
        assert_eq!(machine.failed(false, now, 0.0), None);
        assert_eq!(machine.admit(now + FIRST), Some(true));
        assert_eq!(machine.failed(false, now + FIRST, 0.0), None);
        assert_eq!(machine.admit(now + FIRST), None);
        // One of them was answered after all: the endpoint answers.
        assert!(machine.answered(false));
    }

    #[test]
    fn av_4_a_pause_that_the_provider_asks_for_is_kept_at_once_and_in_full() {
        let (mut machine, now) = machine();
        let pause = Duration::from_mins(1);
        assert_eq!(machine.held(false, pause, now, 1.0), Some(pause));
        // Sent before, and answered since: the pause stays.
        assert!(!machine.answered(false));
        let later = now + pause;
        assert_eq!(machine.admit(now + pause.mul_f64(0.9)), None);
        assert_eq!(machine.admit(later), Some(true));
        assert!(machine.answered(true));
        assert_eq!(machine.admit(later), Some(false));
    }

    #[test]
    fn av_4_a_client_that_stays_refused_is_tried_at_the_longest_rest() {
        let (mut machine, mut now) = machine();
        let none = Duration::ZERO;
        assert_eq!(machine.held(false, none, now, 0.0), Some(FIRST));
        // Of the crowd that was sent together only the first is news.
        assert_eq!(machine.held(false, none, now, 0.0), None);
        let mut rests = Vec::new();
        for _ in 0..5 {
            now += MOST;
            assert_eq!(machine.admit(now), Some(true));
            rests.extend(machine.held(true, none, now, 0.0));
        }
        let millis: Vec<_> = rests.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [1000, 2000, 4000, 5000, 5000]);
    }

    #[test]
    fn chance_shortens_a_rest_by_a_quarter_at_most() {
        let (mut machine, now) = machine();
        for _ in 1..FAILURES_MAX {
            machine.failed(false, now, 1.0);
        }
        let rest = machine.failed(false, now, 1.0);
        assert_eq!(rest, Some(Duration::from_millis(375)));
    }

    #[test]
    fn a_turn_that_is_dropped_lets_the_next_one_try() {
        let pace = Pace {
            rest_first: Duration::ZERO,
            ..Pace::default()
        };
        let breaker = Breaker::new(&pace);
        let early = breaker.admit().unwrap();
        for _ in 0..FAILURES_MAX {
            breaker.admit().unwrap().report(Some(&Outage::TimedOut));
        }
        let trial = breaker.admit().unwrap();
        assert_eq!(breaker.admit().err(), Some(Outage::Resting));
        // A request that was sent before the rest and dropped says nothing of the trial.
        drop(early);
        assert_eq!(breaker.admit().err(), Some(Outage::Resting));
        drop(trial);
        breaker.admit().unwrap().report(None);
        let all = [breaker.admit(), breaker.admit()];
        assert!(all.iter().all(Result::is_ok));
    }

    #[test]
    fn chance_is_from_0_to_1_and_not_always_the_same() {
        let drawn: Vec<f64> = std::iter::repeat_with(chance).take(100).collect();
        assert!(drawn.iter().all(|chance| (0.0..=1.0).contains(chance)));
        let first = drawn[0].to_bits();
        assert!(drawn.iter().any(|chance| chance.to_bits() != first));
    }
}
