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

/// Frames that may wait for one follower; past that it loses some, and its next gap heals it.
const LANE: usize = 64;

pub struct Voice {
    push: Push,
    lanes: HashMap<ConnectionId, Lane>,
}

struct Lane {
    frames: mpsc::Sender<Arc<str>>,
    /// Ends with what became of the last frame.
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
            let lane = self
                .lanes
                .entry(follower.clone())
                .or_insert_with(|| Lane::open(&self.push, follower));
            lane.overrun = lane.frames.try_send(frame.clone()).is_err();
        }
    }

    /// Waits until everything is said, but no longer than `budget`; whether every follower has heard
    /// the last frame or is gone.
    pub async fn finish(self, budget: Duration) -> bool {
        let mut heard = true;
        let mut last = vec![];
        for (_, lane) in self.lanes {
            heard &= !lane.overrun;
            // Closing the channel ends the lane's task once it is empty.
            drop(lane.frames);
            last.push(lane.last);
        }
        let all = async {
            for task in &mut last {
                heard &= !matches!(task.await, Ok(Delivery::Lost) | Err(_));
            }
        };
        let in_time = tokio::time::timeout(budget, all).await.is_ok();
        if !in_time {
            last.iter().for_each(JoinHandle::abort);
        }
        heard && in_time
    }
}

impl Lane {
    fn open(push: &Push, follower: &ConnectionId) -> Self {
        let (frames, mut waiting) = mpsc::channel::<Arc<str>>(LANE);
        let (push, follower) = (push.clone(), follower.clone());
        let last = tokio::spawn(async move {
            let mut delivery = Delivery::Sent;
            while let Some(frame) = waiting.recv().await {
                if delivery != Delivery::Gone {
                    delivery = push.post(&follower, &frame).await;
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
