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
use super::messages::{Delivered, Outgoing, Receive};
use super::receipt::Receipt;
use super::store::Store;
use super::wire::Admin;

/// One transaction serves at most so many requests: more would only make the first wait longer.
const MAX_BATCH: usize = 256;
/// Milliseconds between two looks for messages past their retention, which AWS does not hurry with either.
const TIDY_PAUSE: i64 = 60_000;
/// After the store failed, work that nobody asked for rests so many milliseconds.
const FAILURE_PAUSE: i64 = 1_000;

/// Milliseconds since the Unix epoch: the only reading of the clock in this module.
pub(super) fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A request whose entries have a fate each.
#[derive(Debug)]
pub(super) enum Command {
    Send {
        queue: String,
        messages: Vec<Outgoing>,
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

type Fates = Vec<Result<(), SqsError>>;
type Reply<T> = oneshot::Sender<Result<T, SqsError>>;

enum Job {
    Each(Command, Reply<Fates>),
    Receive(Receive, Reply<Vec<Delivered>>),
    Administer(Admin, Reply<Value>),
}

/// What is told to whom once the transaction is committed.
enum Answer {
    Each(Reply<Fates>, Result<Fates, SqsError>),
    Receive(Reply<Vec<Delivered>>, Result<Vec<Delivered>, SqsError>),
    Administer(Reply<Value>, Result<Value, SqsError>),
}

/// The way to the thread; cheap to clone. The thread ends with the last clone.
#[derive(Debug, Clone)]
pub(super) struct Engine {
    jobs: Sender<Job>,
}

impl Engine {
    /// Starts the thread over an open store.
    pub(super) fn start(store: Store) -> anyhow::Result<Self> {
        let (jobs, queue) = channel();
        let mut turns = Turns {
            store,
            parked: BTreeMap::new(),
            tidy_at: 0,
            rest_until: 0,
        };
        std::thread::Builder::new()
            .name("sqs".to_owned())
            .spawn(move || turns.run(&queue))
            .context("starting the queue store's thread")?;
        Ok(Self { jobs })
    }

    /// Does each entry of a command.
    pub(super) async fn each(&self, command: Command) -> Result<Fates, SqsError> {
        self.ask(|reply| Job::Each(command, reply)).await
    }

    /// Receives, waiting as long as the request says.
    pub(super) async fn receive(&self, request: Receive) -> Result<Vec<Delivered>, SqsError> {
        self.ask(|reply| Job::Receive(request, reply)).await
    }

    /// Does what concerns a queue as a whole, durably.
    pub(super) async fn administer(&self, request: Admin) -> Result<Value, SqsError> {
        self.ask(|reply| Job::Administer(request, reply)).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, SqsError> {
        let stopped = || SqsError::internal("The queue store failed or has stopped.");
        let (reply, answer) = oneshot::channel();
        self.jobs.send(job(reply)).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// A receive that found nothing and waits.
struct Parked {
    request: Receive,
    deadline: i64,
    reply: Reply<Vec<Delivered>>,
}

/// The thread's own state.
struct Turns {
    store: Store,
    /// By queue, in the order of arrival.
    parked: BTreeMap<String, VecDeque<Parked>>,
    tidy_at: i64,
    rest_until: i64,
}

impl Job {
    /// Whether there is more to lose after it than before, so that it must survive a power cut.
    fn adds(&self) -> bool {
        matches!(
            self,
            Self::Each(Command::Send { .. }, _) | Self::Administer(..)
        )
    }
}

impl Turns {
    fn run(&mut self, queue: &Receiver<Job>) {
        loop {
            let mut batch = Vec::new();
            match queue.recv_timeout(self.patience(now())) {
                Ok(first) => batch.push(first),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            batch.extend(queue.try_iter().take(MAX_BATCH - batch.len()));
            self.turn(batch, now());
        }
    }

    /// One transaction, and its answers after it.
    fn turn(&mut self, batch: Vec<Job>, now: i64) {
        let mut answers = Vec::new();
        let outcome = self.work(batch, now, &mut answers);
        if let Err(failure) = &outcome {
            tracing::error!(error = %failure.message, "a transaction of the queue store failed");
            if let Err(again) = self.store.roll_back() {
                tracing::error!(error = %again.message, "the queue store cannot roll back");
            }
            let waiting = std::mem::take(&mut self.parked).into_values().flatten();
            answers.extend(waiting.map(|parked| Answer::Receive(parked.reply, Ok(Vec::new()))));
            self.rest_until = now + FAILURE_PAUSE;
        }
        for answer in answers {
            answer.deliver(outcome.as_ref().err());
        }
    }

    fn work(
        &mut self,
        batch: Vec<Job>,
        now: i64,
        answers: &mut Vec<Answer>,
    ) -> Result<(), SqsError> {
        self.store.begin(batch.iter().any(Job::adds))?;
        for job in batch {
            answers.extend(self.execute(job, now)?);
        }
        if now >= self.rest_until {
            self.store.run_moves(now)?;
            if now >= self.tidy_at || self.store.is_untidy() {
                let more = self.store.tidy(now)?;
                self.tidy_at = if more { now } else { now + TIDY_PAUSE };
            }
        }
        self.wake(now, answers)?;
        self.store.commit()
    }

    /// Does one job; a receive that found nothing and may wait is parked and has no answer yet.
    fn execute(&mut self, job: Job, now: i64) -> Result<Option<Answer>, SqsError> {
        Ok(match job {
            Job::Each(command, reply) => {
                let fates = refusals(self.each(command, now))?;
                Some(Answer::Each(reply, fates))
            }
            Job::Administer(request, reply) => {
                let value = refusals(self.store.administer(&request, now))?;
                Some(Answer::Administer(reply, value))
            }
            // Whoever hung up meanwhile shall not hide messages from the others.
            Job::Receive(_, reply) if reply.is_closed() => None,
            Job::Receive(request, reply) => {
                let found = refusals(self.store.receive(&request, now))?;
                let wait = match (&found, self.store.queues.get(&request.queue)) {
                    (Ok(none), Some(queue)) if none.is_empty() => {
                        request.wait.unwrap_or(queue.settings.wait)
                    }
                    _ => 0,
                };
                if wait == 0 {
                    return Ok(Some(Answer::Receive(reply, found)));
                }
                let line = self.parked.entry(request.queue.clone()).or_default();
                line.push_back(Parked {
                    request,
                    deadline: now + wait * 1000,
                    reply,
                });
                None
            }
        })
    }

    fn each(&mut self, command: Command, now: i64) -> Result<Fates, SqsError> {
        let store = &mut self.store;
        match command {
            Command::Send { queue, messages } => {
                store.queue(&queue)?;
                let send = |message| refusals(store.send(&queue, message, now));
                messages.iter().map(send).collect()
            }
            Command::Delete { queue, receipts } => {
                store.queue(&queue)?;
                let delete = |receipt| refusals(store.delete(&queue, receipt));
                receipts.into_iter().map(delete).collect()
            }
            Command::ChangeVisibility { queue, receipts } => {
                store.queue(&queue)?;
                let change = |(receipt, seconds)| {
                    refusals(store.change_visibility(&queue, receipt, seconds, now))
                };
                receipts.into_iter().map(change).collect()
            }
        }
    }

    /// Lets parked receives look again where something may have come, and sends home those whose
    /// wait is over. A dead letter may stir a second queue, hence the loop.
    fn wake(&mut self, now: i64, answers: &mut Vec<Answer>) -> Result<(), SqsError> {
        let mut stirred = std::mem::take(&mut self.store.stirred);
        for queue in self.parked.keys() {
            if self.store.next_due(queue)?.is_some_and(|due| due <= now) {
                stirred.insert(queue.clone());
            }
        }
        while !stirred.is_empty() {
            self.serve(&stirred, now, answers)?;
            stirred = std::mem::take(&mut self.store.stirred);
        }
        for line in self.parked.values_mut() {
            let (over, waiting): (VecDeque<_>, VecDeque<_>) = std::mem::take(line)
                .into_iter()
                .partition(|parked| parked.deadline <= now || parked.reply.is_closed());
            *line = waiting;
            answers.extend(
                over.into_iter()
                    .map(|parked| Answer::Receive(parked.reply, Ok(Vec::new()))),
            );
        }
        self.parked.retain(|_, line| !line.is_empty());
        Ok(())
    }

    fn serve(
        &mut self,
        queues: &BTreeSet<String>,
        now: i64,
        answers: &mut Vec<Answer>,
    ) -> Result<(), SqsError> {
        for queue in queues {
            let Some(line) = self.parked.get_mut(queue) else {
                continue;
            };
            while let Some(first) = line.pop_front() {
                if first.reply.is_closed() {
                    continue;
                }
                let found = refusals(self.store.receive(&first.request, now))?;
                if matches!(&found, Ok(none) if none.is_empty()) {
                    line.push_front(first);
                    break;
                }
                answers.push(Answer::Receive(first.reply, found));
            }
        }
        Ok(())
    }

    /// How long the thread may sleep if nobody asks for anything.
    fn patience(&self, now: i64) -> Duration {
        let deadlines = self.parked.values().flatten().map(|parked| parked.deadline);
        let dues = self.parked.keys().filter_map(|queue| {
            let due = self.store.next_due(queue);
            due.unwrap_or(Some(now + FAILURE_PAUSE))
        });
        let tidy = if self.store.is_untidy() {
            now
        } else {
            self.tidy_at
        };
        let own = self.store.next_move().into_iter().chain([tidy]);
        let next = deadlines
            .chain(dues)
            .chain(own.map(|at| at.max(self.rest_until)))
            .min()
            .unwrap_or(self.tidy_at);
        Duration::from_millis(u64::try_from(next - now).unwrap_or(0))
    }
}

impl Answer {
    /// Tells the caller, if there is still one; a failure of the whole transaction outweighs all.
    fn deliver(self, failure: Option<&SqsError>) {
        fn tell<T>(reply: Reply<T>, result: Result<T, SqsError>, failure: Option<&SqsError>) {
            let result = failure.map_or(result, |failure| Err(failure.clone()));
            // A caller who hung up has no use for the answer, and a receive times out by itself.
            drop(reply.send(result));
        }
        match self {
            Self::Each(reply, result) => tell(reply, result, failure),
            Self::Receive(reply, result) => tell(reply, result, failure),
            Self::Administer(reply, result) => tell(reply, result, failure),
        }
    }
}

/// Parts what the caller did wrong (an answer) from what the store did (the end of the transaction).
fn refusals<T>(result: Result<T, SqsError>) -> Result<Result<T, SqsError>, SqsError> {
    match result {
        Err(failure) if failure.is_ours() => Err(failure),
        other => Ok(other),
    }
}
