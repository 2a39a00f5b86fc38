//! A token bucket, described by one number: the time at which it is full again.
//!
//! A full bucket's time lies in the past. Each token taken moves the time one refill into the future, up to that of an
//! empty bucket. So a store needs one condition and one write.

use jiff::{SignedDuration, Timestamp};

/// A rate limit: tokens a second, and the size of a burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The time between two tokens.
    refill: SignedDuration,
    /// The time from empty to full.
    whole: SignedDuration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BucketState {
    Full,
    /// At least one token is left.
    Some,
    /// The next token comes at this time.
    Empty(Timestamp),
}

impl Rate {
    /// `per_second` tokens a second, at most `burst` at once. Both are at least one.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let refill = SignedDuration::from_secs(1) / per_second.max(1) as i32;
        let whole = refill * burst.max(1) as i32;
        Self { refill, whole }
    }

    /// The state at `now` of the bucket that is full at `full_at`.
    pub fn state(&self, full_at: Timestamp, now: Timestamp) -> BucketState {
        if full_at <= now {
            return BucketState::Full;
        }
        let latest = self.latest(now);
        if full_at <= latest {
            return BucketState::Some;
        }
        BucketState::Empty(now + full_at.duration_since(latest))
    }

    /// When a bucket that is full at `now` is full again after one token was taken.
    pub fn after_first(&self, now: Timestamp) -> Timestamp {
        now + self.refill
    }

    /// The time that each further token adds.
    pub fn refill(&self) -> SignedDuration {
        self.refill
    }

    /// A bucket that is full later than this has no token at `now`.
    pub fn latest(&self, now: Timestamp) -> Timestamp {
        now + (self.whole - self.refill)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    /// Takes a token as the store does.
    fn take(rate: Rate, full_at: &mut Timestamp, now: Timestamp) -> BucketState {
        let state = rate.state(*full_at, now);
        match state {
            BucketState::Full => *full_at = rate.after_first(now),
            BucketState::Some => *full_at += rate.refill(),
            BucketState::Empty(_) => {}
        }
        state
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let (rate, mut full_at) = (Rate::new(5, 20), at(0));
        let taken = |full_at: &mut Timestamp, now| {
            (0..100)
                .filter(|_| !matches!(take(rate, full_at, at(now)), BucketState::Empty(_)))
                .count()
        };
        assert_eq!(taken(&mut full_at, 1_000), 20);
        assert_eq!(
            rate.state(full_at, at(1_000)),
            BucketState::Empty(at(1_200))
        );
        assert_eq!(taken(&mut full_at, 1_200), 1);
        assert_eq!(taken(&mut full_at, 2_200), 5);
        assert_eq!(taken(&mut full_at, 60_000), 20, "it holds no more");
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow_and_the_promised_token_comes(
            per_second in 1u32..50, burst in 1u32..50, waits in prop::collection::vec(0i64..400, 1..200)
        ) {
            let (rate, mut full_at, mut now, mut taken) = (Rate::new(per_second, burst), at(0), 1_000, 0u64);
            for wait in waits {
                now += wait;
                match take(rate, &mut full_at, at(now)) {
                    BucketState::Empty(then) => {
                        prop_assert!(then > at(now));
                        prop_assert!(!matches!(rate.state(full_at, then), BucketState::Empty(_)));
                    }
                    _ => taken += 1,
                }
            }
            let allowed = u64::from(burst) as f64 + (now - 1_000) as f64 / 1000.0 * f64::from(per_second);
            prop_assert!(taken as f64 <= allowed + 1e-6, "{taken} of {allowed}");
        }
    }
}
