//! A token bucket: the stage's throttle.

use std::time::Instant;

/// Allows `rate` requests per second on average and `burst` at once.
pub(super) struct TokenBucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    refilled_at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(super) fn new(rate: f64, burst: u32, now: Instant) -> TokenBucket {
        TokenBucket {
            rate,
            burst: f64::from(burst),
            tokens: f64::from(burst),
            refilled_at: now,
        }
    }

    /// Removes a token; false if it is empty.
    pub(super) fn try_acquire(&mut self, now: Instant) -> bool {
        let elapsed = now
            .saturating_duration_since(self.refilled_at)
            .as_secs_f64();
        self.tokens = (self.tokens + elapsed * self.rate).min(self.burst);
        self.refilled_at = now;
        let has_token = self.tokens >= 1.0;
        if has_token {
            self.tokens -= 1.0;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_empties_it_and_time_refills_it_up_to_the_burst() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(2.0, 3, start);
        let acquired =
            |bucket: &mut TokenBucket, at| (0..9).filter(|_| bucket.try_acquire(at)).count();
        assert_eq!(acquired(&mut bucket, start), 3);
        assert_eq!(acquired(&mut bucket, start + Duration::from_secs(1)), 2);
        assert_eq!(acquired(&mut bucket, start + Duration::from_secs(60)), 3);
    }
}
