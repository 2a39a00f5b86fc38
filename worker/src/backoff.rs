//! How long a failed attempt waits for the next.
//!
//! Pure: randomness is an argument.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// Exponential backoff with full jitter: anywhere between one second and the ceiling, which doubles
/// with each attempt, so that jobs that failed together do not come back together.
pub fn backoff(attempt: u32, random: u64) -> Duration {
    let ceiling = (FIRST * 2u32.pow(attempt.saturating_sub(1).min(16))).min(LONGEST);
    Duration::from_secs(1 + random % ceiling.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_a_ceiling_and_is_spread_below_it() {
        for (attempt, ceiling) in [(1, 2), (2, 4), (5, 32), (10, 900), (u32::MAX, 900)] {
            let waits: Vec<u64> = (0..2000)
                .map(|random| backoff(attempt, random).as_secs())
                .collect();
            assert_eq!(
                (waits.iter().min(), waits.iter().max()),
                (Some(&1), Some(&ceiling)),
                "attempt {attempt}"
            );
        }
    }
}
