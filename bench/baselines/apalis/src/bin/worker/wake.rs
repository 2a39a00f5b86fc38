//! When the worker looks for jobs: as soon as one was queued, and now and then.
//!
//! apalis-redis files every job among those that run at a set time, here that of the push, and announces only the
//! others: by itself apalis would look at an interval, and a job that is alone would wait for most of one.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{PollSnapshot, PollStrategy};
use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, Sleep, sleep};

/// After a job was queued: the look before may have been under way and not have seen it.
const AGAIN: Duration = Duration::from_millis(2);
/// What a front did not say, as it died: looked for.
const NOW_AND_THEN: Duration = Duration::from_millis(100);

pub struct Wake<S> {
    queued: S,
    next_look: Pin<Box<Sleep>>,
}

impl<S> Wake<S> {
    /// `queued` has an item whenever a job was queued.
    pub fn new(queued: S) -> Self {
        Self {
            queued,
            next_look: Box::pin(sleep(NOW_AND_THEN)),
        }
    }
}

impl<S: Stream + Unpin> PollStrategy for Wake<S> {
    /// Called before each look; sees to it that the worker is woken for the next one, whatever comes first.
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut any = false;
        // If it has ended, Redis is gone, and the next look finds out.
        while let Poll::Ready(Some(_)) = self.queued.poll_next_unpin(cx) {
            any = true;
        }
        if any {
            self.next_look.as_mut().reset(Instant::now() + AGAIN);
        }
        while self.next_look.as_mut().poll(cx).is_ready() {
            self.next_look.as_mut().reset(Instant::now() + NOW_AND_THEN);
        }
        Poll::Pending
    }
}
