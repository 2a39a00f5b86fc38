//! What was fetched from elsewhere, and when to fetch it again.
//!
//! Pure: [`FetchedCache::should_fetch`] says when a fetch is due, and the caller passes in its result.

use std::time::Duration;

use jiff::Timestamp;

/// A value is used for this long while it can't be fetched again.
const STALE_FOR: Duration = Duration::from_secs(24 * 3600);
/// The minimum time between two fetches because a fresh value lacks something, which anybody can ask for.
const SEARCH_INTERVAL: Duration = Duration::from_secs(30);
/// The minimum time between a failed fetch and the next.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// The same while the cached value serves, as each try delays a caller.
const STALE_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// The value of the last successful fetch.
pub struct FetchedCache<T> {
    /// The value is used for this long without a fetch.
    fresh_for: Duration,
    fetched: Option<(T, Timestamp)>,
    /// The time of the last fetch, if it failed.
    failed_at: Option<Timestamp>,
    /// The time of the last fetch because a fresh value lacked something.
    searched_at: Option<Timestamp>,
}

impl<T> FetchedCache<T> {
    /// An empty cache, whose values are used for `fresh_for` without a fetch.
    pub fn new(fresh_for: Duration) -> Self {
        Self {
            fresh_for,
            fetched: None,
            failed_at: None,
            searched_at: None,
        }
    }

    /// Whether to fetch before the value is used at `now`; `serves` says whether a value has what is needed.
    pub fn should_fetch(&mut self, now: Timestamp, serves: impl Fn(&T) -> bool) -> bool {
        let has_passed =
            |since: Option<Timestamp>, span: Duration| since.is_none_or(|at| now >= at + span);
        let retry = match self.get(now).is_some_and(&serves) {
            true => STALE_RETRY_INTERVAL,
            false => RETRY_INTERVAL,
        };
        if !has_passed(self.failed_at, retry) {
            return false;
        }
        match &self.fetched {
            Some((value, at)) if now < *at + self.fresh_for => {
                // The interval does not start with the fetch that filled the cache: what is needed may be added right
                // after it.
                let search = !serves(value) && has_passed(self.searched_at, SEARCH_INTERVAL);
                if search {
                    self.searched_at = Some(now);
                }
                search
            }
            _ => true,
        }
    }

    /// Records a successful fetch.
    pub fn fetched(&mut self, value: T, now: Timestamp) {
        self.fetched = Some((value, now));
        self.failed_at = None;
    }

    /// Records a failed fetch. The value before it stays usable for [`STALE_FOR`].
    pub fn failed(&mut self, now: Timestamp) {
        self.failed_at = Some(now);
    }

    /// The value; `None` before the first fetch, or if it is too old.
    pub fn get(&self, now: Timestamp) -> Option<&T> {
        let usable = self.fetched.as_ref();
        let usable = usable.filter(|(_, at)| now < *at + STALE_FOR);
        usable.map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_value_that_lacks_something_is_fetched_at_most_each_30_s() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut cache = FetchedCache::new(5 * MINUTE);
        assert!(cache.should_fetch(at(0), |_| true));
        cache.fetched("old", at(0));
        let is_new = |value: &&str| *value == "new";
        assert!(!cache.should_fetch(at(1), |_| true));
        assert!(cache.should_fetch(at(1), is_new));
        cache.fetched("old", at(1));
        let fetches = (2..=61).filter(|second| cache.should_fetch(at(*second), is_new));
        assert_eq!(fetches.collect::<Vec<_>>(), [31, 61]);
        assert!(cache.should_fetch(at(301), |_| true));
    }

    #[test]
    fn a_value_that_cannot_be_fetched_again_serves_for_a_day() {
        let at = |minute: i64| Timestamp::from_second(60 * minute).unwrap();
        let mut cache = FetchedCache::new(5 * MINUTE);
        cache.fetched("value", at(0));
        assert!(cache.should_fetch(at(5), |_| true));
        cache.failed(at(5));
        assert!(!cache.should_fetch(at(5) + 59 * MINUTE / 60, |_| true));
        assert!(cache.should_fetch(at(6), |_| true));
        assert_eq!(cache.get(at(24 * 60 - 1)), Some(&"value"));
        assert_eq!(cache.get(at(24 * 60)), None);
    }
}
