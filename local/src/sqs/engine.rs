//! The thread that owns the store, with group commit: all waiting requests share one transaction and one
//! fsync, and get their replies after the commit.
//!
//! A transaction that only receives, hides or deletes is not synced: a power failure then delivers a message
//! again, which standard queues allow. An empty long poll waits in memory, and is retried when its queue
//! changes or its next hidden message becomes due. Only this file of the module reads the clock.

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

/// Maximum number of requests of one transaction: more would only delay the first.
const MAX_BATCH: usize = 256;
/// Interval of the clean-up of messages past their retention, in milliseconds. AWS is no faster.
const CLEAN_UP_INTERVAL_MS: i64 = 60_000;
/// Pause of background work after a failure of the store, in milliseconds.
const FAILURE_PAUSE_MS: i64 = 1_000;

/// Milliseconds since the Unix epoch.
pub(super) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A command whose entries each have a result.
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
    /// Receipts, each with its new visibility timeout in seconds from now.
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

/// A reply to send after the commit.
enum PendingReply {
    Each(Reply<EntryResults>, Result<EntryResults, SqsError>),
    Receive(
        Reply<Vec<ReceivedMessage>>,
        Result<Vec<ReceivedMessage>, SqsError>,
    ),
    Administer(Reply<Value>, Result<Value, SqsError>),
}

/// A handle to the thread, which ends when the last clone is dropped.
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
            .context("starting the SQS thread")?;
        Ok(Self { requests })
    }

    /// Executes each entry of a command.
    pub(super) async fn each(&self, command: BatchCommand) -> Result<EntryResults, SqsError> {
        self.request(|reply| EngineRequest::Each(command, reply))
            .await
    }

    /// Receives messages; waits up to the request's wait time.
    pub(super) async fn receive(
        &self,
        request: ReceiveRequest,
    ) -> Result<Vec<ReceivedMessage>, SqsError> {
        self.request(|reply| EngineRequest::Receive(request, reply))
            .await
    }

    /// Executes an administrative request durably.
    pub(super) async fn administer(&self, request: AdminRequest) -> Result<Value, SqsError> {
        self.request(|reply| EngineRequest::Administer(request, reply))
            .await
    }

    async fn request<T>(
        &self,
        build: impl FnOnce(Reply<T>) -> EngineRequest,
    ) -> Result<T, SqsError> {
        let stopped = || SqsError::internal("The queue store failed or has stopped.");
        let (reply, response) = oneshot::channel();
        self.requests.send(build(reply)).map_err(|_| stopped())?;
        response.await.map_err(|_| stopped())?
    }
}

/// A receive that found no message and waits.
struct LongPoll {
    request: ReceiveRequest,
    deadline: i64,
    reply: Reply<Vec<ReceivedMessage>>,
}

/// The thread's state.
struct SqsThread {
    store: Store,
    /// By queue, in order of arrival.
    long_polls: BTreeMap<String, VecDeque<LongPoll>>,
    clean_up_at: i64,
    paused_until: i64,
}

impl EngineRequest {
    /// Whether its effect must survive a power failure.
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

    /// Executes one transaction and sends its replies.
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
        for reply in replies {
            reply.deliver(outcome.as_ref().err());
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

    /// Executes one request; an empty receive that may wait becomes a long poll without a reply yet.
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
            // A caller that disconnected must not hide messages from others.
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

    /// Retries the long polls of changed queues and ends those that timed out. A dead letter may change a
    /// second queue, hence the loop.
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

    /// How long the thread may wait for the next request.
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
    /// Sends the reply; a failure of the transaction replaces every result.
    fn deliver(self, failure: Option<&SqsError>) {
        fn send_reply<T>(reply: Reply<T>, result: Result<T, SqsError>, failure: Option<&SqsError>) {
            let result = failure.map_or(result, |failure| Err(failure.clone()));
            // If the caller disconnected, a received message becomes visible again at its timeout.
            drop(reply.send(result));
        }
        match self {
            Self::Each(reply, result) => send_reply(reply, result, failure),
            Self::Receive(reply, result) => send_reply(reply, result, failure),
            Self::Administer(reply, result) => send_reply(reply, result, failure),
        }
    }
}

/// Separates a caller's error (inner, a reply) from a failure of the store (outer, ends the transaction).
fn split_failure<T>(result: Result<T, SqsError>) -> Result<Result<T, SqsError>, SqsError> {
    match result {
        Err(failure) if failure.is_server_error() => Err(failure),
        other => Ok(other),
    }
}
