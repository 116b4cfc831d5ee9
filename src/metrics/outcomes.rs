//! What ends in one of a few ways, known beforehand.

use std::marker::PhantomData;

use prometheus_client::metrics::counter::Counter;

use super::Counters;

/// The ways in which something ends, each a word of its own.
pub trait Outcome: Copy + 'static {
    /// All of them, in the order of [`Outcome::place`].
    const ALL: &'static [Self];

    /// The label's value.
    fn word(self) -> &'static str;

    /// Where it stands in [`Outcome::ALL`].
    fn place(self) -> usize;
}

/// How often each outcome came. A clone counts into the same numbers. Every
/// outcome is there from the start, with a zero: an alert on one that has never
/// happened would otherwise see nothing at all.
#[derive(Debug, Clone)]
pub struct Counts<O> {
    family: Counters<1>,
    counters: Vec<Counter>,
    outcome: PhantomData<O>,
}

impl<O: Outcome> Default for Counts<O> {
    fn default() -> Self {
        let family = Counters::default();
        let counter = |outcome: &O| family.get_or_create_owned(&[("outcome", outcome.word())]);
        Self {
            counters: O::ALL.iter().map(counter).collect(),
            family,
            outcome: PhantomData,
        }
    }
}

impl<O: Outcome> Counts<O> {
    /// One more. Takes no lock.
    pub fn count(&self, outcome: O) {
        if let Some(counter) = self.counters.get(outcome.place()) {
            counter.inc();
        }
    }

    pub(super) fn family(&self) -> Counters<1> {
        self.family.clone()
    }
}

/// An enum and its words, in one list that cannot be out of step.
macro_rules! outcomes {
    ($(#[$about:meta])* $name:ident { $($(#[$means:meta])* $outcome:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$means])* $outcome,)+ }

        impl Outcome for $name {
            const ALL: &'static [Self] = &[$(Self::$outcome,)+];

            fn word(self) -> &'static str {
                match self { $(Self::$outcome => $word,)+ }
            }

            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

outcomes! {
    /// How a sign-in ended, begun or come back from the provider.
    SignInOutcome {
        /// The user is signed in.
        SignedIn = "signed_in",
        /// No attempt of this browser, or one that is spent or too old.
        Attempt = "attempt",
        /// The provider came back with an error: the person stopped, or may not.
        ProviderError = "provider_error",
        /// The token endpoint refused the code, or us.
        Denied = "denied",
        /// The provider's answer did not pass a check.
        AnswerRefused = "answer_refused",
        /// An administrator does not let the person in.
        Blocked = "blocked",
        /// The provider ended it while it was under way.
        LoggedOut = "logged_out",
        /// The provider cannot be used.
        ProviderUnavailable = "provider_unavailable",
        /// The database cannot be used.
        DatabaseUnavailable = "database_unavailable",
        /// Something here.
        Internal = "internal",
    }
}

outcomes! {
    /// How an exchange ended, whichever door it came through.
    ExchangeOutcome {
        /// A token.
        Issued = "issued",
        /// An administrator does not let the person in.
        Blocked = "blocked",
        /// Nothing is granted.
        NoGrant = "no_grant",
        /// The provider sent no groups because there are too many.
        GroupsOverage = "groups_overage",
        /// Something asked for is not granted.
        ScopeNotGranted = "scope_not_granted",
        /// A room has to be named.
        RoomRequired = "room_required",
        /// `sub` is to be the user name, and there is none that could be.
        NoUsername = "no_username",
        /// Too little time is left.
        TtlTooShort = "ttl_too_short",
        /// The token would be too long.
        TooManyRooms = "too_many_rooms",
        /// What is in memory may be old.
        Unavailable = "unavailable",
        /// A bug: nothing was signed.
        Internal = "internal",
    }
}

outcomes! {
    /// How a refresh of a session's groups ended.
    RefreshOutcome {
        /// The provider was asked, and the groups it named are kept.
        Refreshed = "refreshed",
        /// The provider answered without anything that says who it is about.
        NoAnswer = "no_answer",
        /// The provider, or the database, cannot be used; the session stays.
        Unavailable = "unavailable",
        /// The provider says that it is over, or answered for another subject: the session ended.
        Ended = "ended",
        /// The provider's answer was not to be believed; the session stays.
        Refused = "refused",
        /// No key of `BRIDGE_SECRET_KEYS` opens the refresh token.
        Sealed = "sealed",
        /// Another instance asks, or has asked.
        LeaseElsewhere = "lease_elsewhere",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn words<O: Outcome>() {
        let words: HashSet<_> = O::ALL.iter().map(|outcome| outcome.word()).collect();
        assert_eq!(words.len(), O::ALL.len());
        let places: Vec<_> = O::ALL.iter().map(|outcome| outcome.place()).collect();
        assert_eq!(places, (0..O::ALL.len()).collect::<Vec<_>>());
    }

    #[test]
    fn each_outcome_has_a_word_and_a_place_of_its_own() {
        words::<SignInOutcome>();
        words::<ExchangeOutcome>();
        words::<RefreshOutcome>();
    }

    #[test]
    fn a_clone_counts_into_the_same_numbers() {
        let counts = Counts::default();
        let clone = counts.clone();
        clone.count(RefreshOutcome::Ended);
        counts.count(RefreshOutcome::Ended);
        let ended = counts.family().get_or_create_owned(&[("outcome", "ended")]);
        assert_eq!(ended.get(), 2);
    }
}
