//! The worker's voice: frames to a job's followers, in order for each, and none waiting for another.
//!
//! A slow or stalled follower has a lane of its own, so it delays neither the job nor the others.
//! What a frame says and who follows is decided elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::messaging::push::{ConnectionPusher, PushOutcome};
use longhaul_shared::protocol::dialect::OutboundFrames;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

/// Frames that may wait for one follower; past that it loses some, and its next gap heals it.
const LANE: usize = 64;

pub struct PushQueues {
    push: ConnectionPusher,
    lanes: HashMap<ConnectionId, FollowerQueue>,
    /// Those who were told the last that their dialect can say.
    taken_leave: BTreeSet<ConnectionId>,
}

struct FollowerQueue {
    /// `None` once the last frame is on its way.
    frames: Option<mpsc::Sender<Arc<str>>>,
    /// Ends with what became of the last frame; before the lane is closed only if the follower is gone.
    last: JoinHandle<PushOutcome>,
    overrun: bool,
}

impl PushQueues {
    pub fn new(push: ConnectionPusher) -> Self {
        Self {
            push,
            lanes: HashMap::new(),
            taken_leave: BTreeSet::new(),
        }
    }

    /// Sends each follower its frames, behind what it was sent before. Never waits.
    pub fn say(&mut self, told: Vec<OutboundFrames>) {
        for OutboundFrames {
            to,
            frames,
            is_final: last,
        } in told
        {
            if last && self.taken_leave.contains(&to) {
                continue;
            }
            let lane = self.lanes.entry(to.clone());
            let lane = lane.or_insert_with(|| FollowerQueue::open(&self.push, &to));
            for frame in frames {
                lane.push(frame);
            }
            if last {
                lane.frames = None;
                self.taken_leave.insert(to);
            }
        }
    }

    /// The followers that were found gone since the last asking, or have heard the last that there is for them.
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
            heard &= !lane.overrun && matches!(said, Ok(Ok(PushOutcome::Sent | PushOutcome::Gone)));
        }
        heard
    }
}

impl Drop for PushQueues {
    /// What is not said by now must not be said at the sandbox's next invocation.
    fn drop(&mut self) {
        self.lanes.values().for_each(|lane| lane.last.abort());
    }
}

impl FollowerQueue {
    fn push(&mut self, frame: Arc<str>) {
        let sent = self.frames.as_ref().map(|frames| frames.try_send(frame));
        self.overrun = sent.is_some_and(|sent| sent.is_err()) && !self.last.is_finished();
    }

    fn open(push: &ConnectionPusher, follower: &ConnectionId) -> Self {
        let (frames, mut waiting) = mpsc::channel::<Arc<str>>(LANE);
        let (push, follower) = (push.clone(), follower.clone());
        let speak = async move {
            let mut delivery = PushOutcome::Sent;
            while let Some(frame) = waiting.recv().await {
                delivery = push.post(&follower, &frame).await;
                if delivery == PushOutcome::Gone {
                    break;
                }
            }
            delivery
        };
        let last = tokio::spawn(speak.in_current_span());
        Self {
            frames: Some(frames),
            last,
            overrun: false,
        }
    }
}
