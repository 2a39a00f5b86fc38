//! Retry policies: how often each kind of call is tried, and how long it waits in between.
//!
//! Pure: randomness is an argument. Everything in `shared` and `worker` that waits and tries again names one of the
//! policies below.

use std::time::Duration;

/// How long to wait before another attempt, and how many attempts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Upper bound of the wait after the first failed attempt.
    first: Duration,
    growth: Growth,
    /// The upper bound stops growing here.
    max_wait: Duration,
    jitter: Jitter,
    max_attempts: u32,
}

/// How the upper bound of the wait grows with the failed attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Growth {
    /// Twice the bound before.
    Exponential,
    /// The first bound, times the number of failed attempts.
    Linear,
}

/// How the wait is drawn from below its upper bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Jitter {
    /// The wait is the upper bound.
    None,
    /// Any multiple of `unit` from `min` to the upper bound, each as likely: callers that failed together do not
    /// come back together.
    Full { min: Duration, unit: Duration },
}

/// Any whole number of milliseconds up to the bound.
const FULL: Jitter = Jitter::Full {
    min: Duration::ZERO,
    unit: Duration::from_millis(1),
};

/// The attempts of a job: 1 s to 2 s after the first, up to 15 minutes later. The number of attempts is the setting
/// `MAX_ATTEMPTS`. Whole seconds, as SQS's visibility timeout has.
pub const JOB_ATTEMPTS: Backoff = Backoff {
    first: Duration::from_secs(2),
    growth: Growth::Exponential,
    max_wait: Duration::from_secs(15 * 60),
    jitter: Jitter::Full {
        min: Duration::from_secs(1),
        unit: Duration::from_secs(1),
    },
    max_attempts: u32::MAX,
};

/// An open job that no worker has claimed is sent to the queue again after 1 minute, 2 minutes, and so on up to
/// about an hour, so that a long but healthy backlog is not flooded. The sweep never gives up.
pub const JOB_RESENDS: Backoff = Backoff {
    first: Duration::from_secs(60),
    growth: Growth::Exponential,
    max_wait: Duration::from_secs(64 * 60),
    jitter: Jitter::None,
    max_attempts: u32::MAX,
};

/// A write of a job's row that a transaction on the same row keeps from being made: such a transaction takes
/// milliseconds.
pub const JOB_ROW_CONFLICTS: Backoff = Backoff {
    first: Duration::from_millis(20),
    growth: Growth::Linear,
    max_wait: Duration::MAX,
    jitter: Jitter::None,
    max_attempts: 10,
};

/// A turn that is added to a session while other connections add theirs: about ten seconds in all, as long as a
/// front end would wait.
pub const SESSION_TURNS: Backoff = Backoff {
    first: Duration::from_millis(20),
    growth: Growth::Linear,
    max_wait: Duration::from_millis(250),
    jitter: FULL,
    max_attempts: 80,
};

/// The retry policy of a service that is called over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallBackoff {
    /// After no response in time, a broken connection, or a status of 500 and above.
    pub failed: Backoff,
    /// After status 429, or an error that says that the service throttles.
    pub throttled: Backoff,
}

/// Attempts of one call, the SDK's calls included.
pub const MAX_CALL_ATTEMPTS: u32 = 4;

/// DynamoDB, one item put or updated: a conditional write that was made although its response was lost is recognised
/// by the caller.
pub const DYNAMODB_WRITES: CallBackoff = call(50, 500, MAX_CALL_ATTEMPTS);

/// SQS, a message sent or its visibility timeout changed.
pub const SQS_CALLS: CallBackoff = call(50, 500, MAX_CALL_ATTEMPTS);

/// Secrets Manager, a secret read.
pub const SECRET_READS: CallBackoff = call(50, 500, MAX_CALL_ATTEMPTS);

/// A frame pushed to a connection. Best effort: after the last attempt the frame is lost and the client's next gap
/// heals it, so that a push holds up no job.
pub const PUSHES: CallBackoff = call(50, 500, MAX_CALL_ATTEMPTS);

/// Exponential with full jitter, with these first bounds in milliseconds.
const fn call(failed_ms: u64, throttled_ms: u64, max_attempts: u32) -> CallBackoff {
    CallBackoff {
        failed: exponential(failed_ms, max_attempts),
        throttled: exponential(throttled_ms, max_attempts),
    }
}

const fn exponential(first_ms: u64, max_attempts: u32) -> Backoff {
    Backoff {
        first: Duration::from_millis(first_ms),
        growth: Growth::Exponential,
        max_wait: Duration::MAX,
        jitter: FULL,
        max_attempts,
    }
}

impl Backoff {
    /// The wait before the next attempt after `failed` failed ones (from 1), drawn by `random`; `None` when there is
    /// no further attempt.
    pub fn after(&self, failed: u32, random: u64) -> Option<Duration> {
        (failed < self.max_attempts).then(|| self.wait(failed, random))
    }

    /// The wait after `failed` failed attempts (from 1), drawn by `random`, however many attempts there are.
    pub fn wait(&self, failed: u32, random: u64) -> Duration {
        self.jitter.draw(self.max_wait_after(failed), random)
    }

    /// The upper bound of the wait after `failed` failed attempts (from 1).
    fn max_wait_after(&self, failed: u32) -> Duration {
        let factor = match self.growth {
            Growth::Exponential => 2u32.saturating_pow(failed.saturating_sub(1)),
            Growth::Linear => failed,
        };
        self.first.saturating_mul(factor).min(self.max_wait)
    }
}

impl Jitter {
    fn draw(self, max: Duration, random: u64) -> Duration {
        let Self::Full { min, unit } = self else {
            return max;
        };
        let steps = max.saturating_sub(min).as_millis() / unit.as_millis().max(1);
        let drawn = u128::from(random) % (steps + 1);
        // A wait is a few minutes at most, so the number of units is small.
        min + unit * u32::try_from(drawn).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    fn waits(policy: Backoff, failed: u32) -> (Duration, Duration) {
        let drawn = (0..4000).filter_map(|random| policy.after(failed, random));
        let waits: Vec<Duration> = drawn.collect();
        let (shortest, longest) = (waits.iter().min(), waits.iter().max());
        (*shortest.unwrap(), *longest.unwrap())
    }

    #[test]
    fn job_attempts_grow_to_a_maximum_and_are_spread_below_it() {
        for (attempt, longest) in [(1, 2), (2, 4), (5, 32), (10, 900), (1000, 900)] {
            let expected = (Duration::from_secs(1), Duration::from_secs(longest));
            assert_eq!(waits(JOB_ATTEMPTS, attempt), expected, "attempt {attempt}");
        }
    }

    #[test]
    fn calls_wait_longer_for_a_service_that_throttles() {
        for policy in [DYNAMODB_WRITES, SQS_CALLS, SECRET_READS, PUSHES] {
            for (failed, longest) in [(1, 50), (2, 100), (3, 200)] {
                let longest = longest * MILLISECOND;
                assert_eq!(waits(policy.failed, failed), (Duration::ZERO, longest));
                let throttled = (Duration::ZERO, 10 * longest);
                assert_eq!(waits(policy.throttled, failed), throttled);
            }
            assert_eq!(policy.failed.after(4, 0), None);
            assert_eq!(policy.throttled.after(4, 0), None);
        }
    }

    #[test]
    fn contended_writes_wait_longer_each_time() {
        let row = |failed| JOB_ROW_CONFLICTS.after(failed, 7);
        assert_eq!(row(1), Some(20 * MILLISECOND));
        assert_eq!(row(9), Some(180 * MILLISECOND));
        assert_eq!(row(10), None);
        assert_eq!(waits(SESSION_TURNS, 3), (Duration::ZERO, 60 * MILLISECOND));
        assert_eq!(
            waits(SESSION_TURNS, 79),
            (Duration::ZERO, 250 * MILLISECOND)
        );
        assert_eq!(SESSION_TURNS.after(80, 0), None);
    }

    #[test]
    fn resends_double_up_to_about_an_hour() {
        let minutes = |resends| JOB_RESENDS.wait(resends, 0).as_secs() / 60;
        assert_eq!([1, 2, 3, 6, 7, 8].map(minutes), [1, 2, 4, 32, 64, 64]);
        assert_eq!(minutes(u32::MAX), 64);
    }
}
