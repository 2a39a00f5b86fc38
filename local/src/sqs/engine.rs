//! The one thread that owns the store: it takes what is queued up, does it in one transaction, commits
//! that, and only then answers.
//!
//! Group commit: the fsync that one request would pay for, a few hundred share. Where all of them only take,
//! hide or delete there is none: what a power cut takes back of that brings a message once more, which a queue
//! may. A long poll that finds nothing is parked in memory, outside any transaction, and looks again when
//! something was sent to its queue or the next hidden message comes due; nothing spins. This file reads the
//! clock, for the whole module. It knows neither JSON nor SQL.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use serde_json::Value;
use tokio::sync::oneshot;

use super::error::SqsError;
use super::messages::{NewMessage, ReceiveRequest, ReceivedMessage};
use super::receipt::Receipt;
use super::requests::AdminRequest;
use super::store::Store;

/// One transaction serves at most so many requests: more would only make the first wait longer.
const MAX_BATCH: usize = 256;
/// Milliseconds between two looks for messages past their retention, which AWS does not hurry with either.
const CLEAN_UP_INTERVAL_MS: i64 = 60_000;
/// After the store failed, work that nobody asked for rests so many milliseconds.
const FAILURE_PAUSE_MS: i64 = 1_000;

/// Milliseconds since the Unix epoch: the only reading of the clock in this module.
pub(super) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A request whose entries have a fate each.
#[derive(Debug)]
pub(super) enum BatchCommand {
    Send {
        queue: String,
        messages: Vec<NewMessage>,
    },
    Delete {
        queue: String,
        receipts: Vec<Receipt>,
    },
    /// Receipts and the seconds from now that each shall stay hidden.
    ChangeVisibility {
        queue: String,
        receipts: Vec<(Receipt, i64)>,
    },
}

type EntryResults = Vec<Result<(), SqsError>>;
type Reply<T> = oneshot::Sender<Result<T, SqsError>>;

enum EngineRequest {
    Each(BatchCommand, Reply<EntryResults>),
    Receive(ReceiveRequest, Reply<Vec<ReceivedMessage>>),
    Administer(AdminRequest, Reply<Value>),
}

/// What is told to whom once the transaction is committed.
enum PendingReply {
    Each(Reply<EntryResults>, Result<EntryResults, SqsError>),
    Receive(
        Reply<Vec<ReceivedMessage>>,
        Result<Vec<ReceivedMessage>, SqsError>,
    ),
    Administer(Reply<Value>, Result<Value, SqsError>),
}

/// The way to the thread; cheap to clone. The thread ends with the last clone.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    requests: Sender<EngineRequest>,
}

impl Engine {
    /// Starts the thread over an open store.
    pub(super) fn start(store: Store) -> anyhow::Result<Self> {
        let (requests, queue) = channel();
        let mut thread = SqsThread {
            store,
            long_polls: BTreeMap::new(),
            clean_up_at: 0,
            paused_until: 0,
        };
        std::thread::Builder::new()
            .name("sqs".to_owned())
            .spawn(move || thread.run(&queue))
            .context("starting the queue store's thread")?;
        Ok(Self { requests })
    }

    /// Does each entry of a command.
    pub(super) async fn each(&self, command: BatchCommand) -> Result<EntryResults, SqsError> {
        self.request(|reply| EngineRequest::Each(command, reply))
            .await
    }

    /// Receives, waiting as long as the request says.
    pub(super) async fn receive(
        &self,
        request: ReceiveRequest,
    ) -> Result<Vec<ReceivedMessage>, SqsError> {
        self.request(|reply| EngineRequest::Receive(request, reply))
            .await
    }

    /// Does what concerns a queue as a whole, durably.
    pub(super) async fn administer(&self, request: AdminRequest) -> Result<Value, SqsError> {
        self.request(|reply| EngineRequest::Administer(request, reply))
            .await
    }

    async fn request<T>(
        &self,
        build: impl FnOnce(Reply<T>) -> EngineRequest,
    ) -> Result<T, SqsError> {
        let stopped = || SqsError::internal("The queue store failed or has stopped.");
        let (reply, answer) = oneshot::channel();
        self.requests.send(build(reply)).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// A receive that found nothing and waits.
struct LongPoll {
    request: ReceiveRequest,
    deadline: i64,
    reply: Reply<Vec<ReceivedMessage>>,
}

/// The thread's own state.
struct SqsThread {
    store: Store,
    /// By queue, in the order of arrival.
    long_polls: BTreeMap<String, VecDeque<LongPoll>>,
    clean_up_at: i64,
    paused_until: i64,
}

impl EngineRequest {
    /// Whether there is more to lose after it than before, so that it must survive a power cut.
    fn needs_sync(&self) -> bool {
        matches!(
            self,
            Self::Each(BatchCommand::Send { .. }, _) | Self::Administer(..)
        )
    }
}

impl SqsThread {
    fn run(&mut self, queue: &Receiver<EngineRequest>) {
        loop {
            let mut batch = Vec::new();
            match queue.recv_timeout(self.max_sleep(now())) {
                Ok(first) => batch.push(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            batch.extend(queue.try_iter().take(MAX_BATCH - batch.len()));
            self.run_batch(batch, now());
        }
    }

    /// One transaction, and its answers after it.
    fn run_batch(&mut self, batch: Vec<EngineRequest>, now: i64) {
        let mut replies = Vec::new();
        let outcome = self.run_transaction(batch, now, &mut replies);
        if let Err(failure) = &outcome {
            tracing::error!(error = %failure.message, "a transaction of the queue store failed");
            if let Err(rollback_error) = self.store.roll_back() {
                tracing::error!(error = %rollback_error.message, "the queue store cannot roll back");
            }
            let waiting = std::mem::take(&mut self.long_polls).into_values().flatten();
            replies.extend(waiting.map(|poll| PendingReply::Receive(poll.reply, Ok(Vec::new()))));
            self.paused_until = now + FAILURE_PAUSE_MS;
        }
        for answer in replies {
            answer.deliver(outcome.as_ref().err());
        }
    }

    fn run_transaction(
        &mut self,
        batch: Vec<EngineRequest>,
        now: i64,
        replies: &mut Vec<PendingReply>,
    ) -> Result<(), SqsError> {
        self.store
            .begin(batch.iter().any(EngineRequest::needs_sync))?;
        for request in batch {
            replies.extend(self.execute(request, now)?);
        }
        if now >= self.paused_until {
            self.store.run_move_tasks(now)?;
            if now >= self.clean_up_at || self.store.needs_clean_up() {
                let more = self.store.clean_up(now)?;
                self.clean_up_at = if more {
                    now
                } else {
                    now + CLEAN_UP_INTERVAL_MS
                };
            }
        }
        self.serve_long_polls(now, replies)?;
        self.store.commit()
    }

    /// Does one job; a receive that found nothing and may wait is parked and has no answer yet.
    fn execute(
        &mut self,
        request: EngineRequest,
        now: i64,
    ) -> Result<Option<PendingReply>, SqsError> {
        Ok(match request {
            EngineRequest::Each(command, reply) => {
                let results = split_failure(self.each(command, now))?;
                Some(PendingReply::Each(reply, results))
            }
            EngineRequest::Administer(request, reply) => {
                let value = split_failure(self.store.administer(&request, now))?;
                Some(PendingReply::Administer(reply, value))
            }
            // Whoever hung up meanwhile shall not hide messages from the others.
            EngineRequest::Receive(_, reply) if reply.is_closed() => None,
            EngineRequest::Receive(request, reply) => {
                let found = split_failure(self.store.receive(&request, now))?;
                let wait = match (&found, self.store.queues.get(&request.queue)) {
                    (Ok(none), Some(queue)) if none.is_empty() => {
                        request.wait.unwrap_or(queue.settings.wait)
                    }
                    _ => 0,
                };
                if wait == 0 {
                    return Ok(Some(PendingReply::Receive(reply, found)));
                }
                let polls = self.long_polls.entry(request.queue.clone()).or_default();
                polls.push_back(LongPoll {
                    request,
                    deadline: now + wait * 1000,
                    reply,
                });
                None
            }
        })
    }

    fn each(&mut self, command: BatchCommand, now: i64) -> Result<EntryResults, SqsError> {
        let store = &mut self.store;
        match command {
            BatchCommand::Send { queue, messages } => {
                store.queue(&queue)?;
                let send = |message| split_failure(store.send(&queue, message, now));
                messages.iter().map(send).collect()
            }
            BatchCommand::Delete { queue, receipts } => {
                store.queue(&queue)?;
                let delete = |receipt| split_failure(store.delete(&queue, receipt));
                receipts.into_iter().map(delete).collect()
            }
            BatchCommand::ChangeVisibility { queue, receipts } => {
                store.queue(&queue)?;
                let change = |(receipt, seconds)| {
                    split_failure(store.change_visibility(&queue, receipt, seconds, now))
                };
                receipts.into_iter().map(change).collect()
            }
        }
    }

    /// Lets parked receives look again where something may have come, and sends home those whose
    /// wait is over. A dead letter may stir a second queue, hence the loop.
    fn serve_long_polls(
        &mut self,
        now: i64,
        replies: &mut Vec<PendingReply>,
    ) -> Result<(), SqsError> {
        let mut changed_queues = std::mem::take(&mut self.store.changed_queues);
        for queue in self.long_polls.keys() {
            if self.store.next_due(queue)?.is_some_and(|due| due <= now) {
                changed_queues.insert(queue.clone());
            }
        }
        while !changed_queues.is_empty() {
            self.serve_queues(&changed_queues, now, replies)?;
            changed_queues = std::mem::take(&mut self.store.changed_queues);
        }
        for polls in self.long_polls.values_mut() {
            let (over, waiting): (VecDeque<_>, VecDeque<_>) = std::mem::take(polls)
                .into_iter()
                .partition(|poll| poll.deadline <= now || poll.reply.is_closed());
            *polls = waiting;
            replies.extend(
                over.into_iter()
                    .map(|poll| PendingReply::Receive(poll.reply, Ok(Vec::new()))),
            );
        }
        self.long_polls.retain(|_, polls| !polls.is_empty());
        Ok(())
    }

    fn serve_queues(
        &mut self,
        queues: &BTreeSet<String>,
        now: i64,
        replies: &mut Vec<PendingReply>,
    ) -> Result<(), SqsError> {
        for queue in queues {
            let Some(polls) = self.long_polls.get_mut(queue) else {
                continue;
            };
            while let Some(first) = polls.pop_front() {
                if first.reply.is_closed() {
                    continue;
                }
                let found = split_failure(self.store.receive(&first.request, now))?;
                if matches!(&found, Ok(none) if none.is_empty()) {
                    polls.push_front(first);
                    break;
                }
                replies.push(PendingReply::Receive(first.reply, found));
            }
        }
        Ok(())
    }

    /// How long the thread may sleep if nobody asks for anything.
    fn max_sleep(&self, now: i64) -> Duration {
        let deadlines = self.long_polls.values().flatten().map(|poll| poll.deadline);
        let dues = self.long_polls.keys().filter_map(|queue| {
            let due = self.store.next_due(queue);
            due.unwrap_or(Some(now + FAILURE_PAUSE_MS))
        });
        let clean_up = if self.store.needs_clean_up() {
            now
        } else {
            self.clean_up_at
        };
        let own = self
            .store
            .next_move_task_due()
            .into_iter()
            .chain([clean_up]);
        let next = deadlines
            .chain(dues)
            .chain(own.map(|at| at.max(self.paused_until)))
            .min()
            .unwrap_or(self.clean_up_at);
        Duration::from_millis(u64::try_from(next - now).unwrap_or(0))
    }
}

impl PendingReply {
    /// Tells the caller, if there is still one; a failure of the whole transaction outweighs all.
    fn deliver(self, failure: Option<&SqsError>) {
        fn send_reply<T>(reply: Reply<T>, result: Result<T, SqsError>, failure: Option<&SqsError>) {
            let result = failure.map_or(result, |failure| Err(failure.clone()));
            // A caller who hung up has no use for the answer, and a receive times out by itself.
            drop(reply.send(result));
        }
        match self {
            Self::Each(reply, result) => send_reply(reply, result, failure),
            Self::Receive(reply, result) => send_reply(reply, result, failure),
            Self::Administer(reply, result) => send_reply(reply, result, failure),
        }
    }
}

/// Parts what the caller did wrong (an answer) from what the store did (the end of the transaction).
fn split_failure<T>(result: Result<T, SqsError>) -> Result<Result<T, SqsError>, SqsError> {
    match result {
        Err(failure) if failure.is_server_error() => Err(failure),
        other => Ok(other),
    }
}
