//! The worker's voice: frames to a job's followers, in order for each, and none waiting for another.
//!
//! A slow or stalled follower has a lane of its own, so it delays neither the job nor the others.
//! What a frame says and who follows is decided elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use longhaul_shared::ids::ConnectionId;
use longhaul_shared::push::{Delivery, Push};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// Frames that may wait for one follower; past that it loses some, and its next gap heals it.
const LANE: usize = 64;

pub struct Voice {
    push: Push,
    lanes: HashMap<ConnectionId, Lane>,
}

struct Lane {
    frames: mpsc::Sender<Arc<str>>,
    /// Ends with what became of the last frame; before the lane is closed only if the follower is gone.
    last: JoinHandle<Delivery>,
    overrun: bool,
}

impl Voice {
    pub fn new(push: Push) -> Self {
        Self {
            push,
            lanes: HashMap::new(),
        }
    }

    /// Sends a frame to each follower, behind what it was sent before. Never waits.
    pub fn say(&mut self, followers: &BTreeSet<ConnectionId>, frame: String) {
        let frame: Arc<str> = frame.into();
        for follower in followers {
            let lane = self.lanes.entry(follower.clone());
            let lane = lane.or_insert_with(|| Lane::open(&self.push, follower));
            lane.overrun = lane.frames.try_send(frame.clone()).is_err() && !lane.last.is_finished();
        }
    }

    /// The followers that were found gone since the last asking.
    pub fn gone(&mut self) -> Vec<ConnectionId> {
        let gone = self.lanes.extract_if(|_, lane| lane.last.is_finished());
        gone.map(|(follower, _)| follower).collect()
    }

    /// Waits until everything is said, but no longer than `budget`; whether every follower has heard
    /// the last frame or is gone.
    pub async fn finish(mut self, budget: Duration) -> bool {
        let deadline = Instant::now() + budget;
        let mut heard = true;
        for (_, lane) in self.lanes.drain() {
            // Closing the channel ends the lane's task once it is empty.
            drop(lane.frames);
            let mut last = lane.last;
            let said = timeout_at(deadline, &mut last).await;
            last.abort();
            heard &= !lane.overrun && matches!(said, Ok(Ok(Delivery::Sent | Delivery::Gone)));
        }
        heard
    }
}

impl Drop for Voice {
    /// What is not said by now must not be said at the sandbox's next invocation.
    fn drop(&mut self) {
        self.lanes.values().for_each(|lane| lane.last.abort());
    }
}

impl Lane {
    fn open(push: &Push, follower: &ConnectionId) -> Self {
        let (frames, mut waiting) = mpsc::channel::<Arc<str>>(LANE);
        let (push, follower) = (push.clone(), follower.clone());
        let last = tokio::spawn(async move {
            let mut delivery = Delivery::Sent;
            while let Some(frame) = waiting.recv().await {
                delivery = push.post(&follower, &frame).await;
                if delivery == Delivery::Gone {
                    break;
                }
            }
            delivery
        });
        Self {
            frames,
            last,
            overrun: false,
        }
    }
}
