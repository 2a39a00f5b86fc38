//! Frames to a job's followers: a queue for each follower, so that each receives its frames in order and a slow one
//! delays neither the job nor the others.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use longhaul_shared::clock::Clock;
use longhaul_shared::domain::ids::ConnectionId;
use longhaul_shared::messaging::push::{ConnectionPusher, FOLLOWERS_TRUSTED_FOR, PushOutcome};
use longhaul_shared::protocol::dialect::OutboundFrames;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

/// Frames that may wait for one follower; further ones are lost, and the follower's next gap heals it.
const MAX_QUEUED_FRAMES: usize = 64;

/// The queues of one job.
pub struct PushQueues {
    pusher: ConnectionPusher,
    clock: Clock,
    /// From this time on the expiry of followers' tokens is checked.
    checked_from: Timestamp,
    /// Runs the queues' tasks.
    tasks: Handle,
    queues: HashMap<ConnectionId, FollowerQueue>,
    /// Followers that were sent the last frame of their dialect.
    finished: BTreeSet<ConnectionId>,
}

struct FollowerQueue {
    /// `None` once the last frame is queued.
    frames: Option<mpsc::Sender<Arc<str>>>,
    /// Returns the outcome of the last push. While `frames` is open it returns only if the connection is closed.
    worker: JoinHandle<PushOutcome>,
    has_overflowed: bool,
}

impl PushQueues {
    /// The queues of a job that was created at this time.
    pub fn new(
        pusher: ConnectionPusher,
        clock: Clock,
        created_at: Timestamp,
        tasks: Handle,
    ) -> Self {
        Self {
            pusher,
            clock,
            checked_from: created_at + FOLLOWERS_TRUSTED_FOR,
            tasks,
            queues: HashMap::new(),
            finished: BTreeSet::new(),
        }
    }

    /// Queues each follower's frames behind its earlier ones. Never waits.
    pub fn push(&mut self, outbound: Vec<OutboundFrames>) {
        for OutboundFrames {
            to,
            frames,
            is_final,
        } in outbound
        {
            if is_final && self.finished.contains(&to) {
                continue;
            }
            let queue = self.queues.entry(to.clone());
            let open = || {
                let follower = Follower {
                    pusher: self.pusher.clone(),
                    clock: self.clock.clone(),
                    checked_from: self.checked_from,
                    connection: to.clone(),
                };
                FollowerQueue::open(follower, &self.tasks)
            };
            let queue = queue.or_insert_with(open);
            for frame in frames {
                queue.push(frame);
            }
            if is_final {
                queue.frames = None;
                self.finished.insert(to);
            }
        }
    }

    /// Removes and returns the followers whose connection is closed, or that were sent their last frame.
    pub fn remove_gone(&mut self) -> Vec<ConnectionId> {
        let gone = self
            .queues
            .extract_if(|_, queue| queue.worker.is_finished());
        gone.map(|(follower, _)| follower).collect()
    }

    /// Waits until all frames are pushed, for at most `timeout`; returns whether every follower received its last
    /// frame or is gone.
    pub async fn finish(mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut all_reached = true;
        for (_, queue) in self.queues.drain() {
            // With its channel closed a queue's task ends once the queue is empty.
            drop(queue.frames);
            let mut worker = queue.worker;
            let last_push = timeout_at(deadline, &mut worker).await;
            worker.abort();
            all_reached &= !queue.has_overflowed
                && matches!(last_push, Ok(Ok(PushOutcome::Sent | PushOutcome::Gone)));
        }
        all_reached
    }
}

impl Drop for PushQueues {
    /// Frames that are still queued must not be pushed in the process's next invocation.
    fn drop(&mut self) {
        self.queues.values().for_each(|queue| queue.worker.abort());
    }
}

impl FollowerQueue {
    fn push(&mut self, frame: Arc<str>) {
        let sent = self.frames.as_ref().map(|frames| frames.try_send(frame));
        self.has_overflowed = sent.is_some_and(|sent| sent.is_err()) && !self.worker.is_finished();
    }

    fn open(follower: Follower, tasks: &Handle) -> Self {
        let (frames, mut queued) = mpsc::channel::<Arc<str>>(MAX_QUEUED_FRAMES);
        let push_all = async move {
            let mut outcome = PushOutcome::Sent;
            while let Some(frame) = queued.recv().await {
                outcome = follower.push(&frame).await;
                if outcome == PushOutcome::Gone {
                    break;
                }
            }
            outcome
        };
        Self {
            frames: Some(frames),
            worker: tasks.spawn(push_all.in_current_span()),
            has_overflowed: false,
        }
    }
}

/// What pushes to one follower.
struct Follower {
    pusher: ConnectionPusher,
    clock: Clock,
    checked_from: Timestamp,
    connection: ConnectionId,
}

impl Follower {
    /// Pushes a frame, unless the follower's token has expired. A frame that is left out counts as lost: so the sweep
    /// repeats the job's end until a newer token renews the follower, or its connection is closed. The end heals the
    /// gap of the frames before it.
    async fn push(&self, frame: &str) -> PushOutcome {
        let (to, now) = (&self.connection, self.clock.now());
        if now >= self.checked_from {
            match self.pusher.has_expired(to, now).await {
                Ok(false) => {}
                Ok(true) => return PushOutcome::Lost,
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(connection = %to, error, "push lost: the follower's token is unknown");
                    return PushOutcome::Lost;
                }
            }
        }
        self.pusher.post(to, frame).await
    }
}
