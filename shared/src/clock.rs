//! The only file that reads the clock. Everything else is given the time, or a [`Clock`].

use std::sync::Arc;

use jiff::Timestamp;

/// The wall clock, to the millisecond: the precision of the rows, so that a time read back equals the time
/// written.
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// A clock that can be replaced, for what reads the time more than once.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The wall clock.
    pub fn system() -> Self {
        Self::new(now)
    }

    /// A custom clock, such as a simulation's.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}
