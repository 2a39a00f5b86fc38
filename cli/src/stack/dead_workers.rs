//! Gives jobs back whose workers are dead. In AWS a lease must run out first; this process is the workers' host, so it
//! knows at once.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures_util::FutureExt;
use jiff::Timestamp;
use longhaul_local::cloud::{EndedIn, OnProcessEnd, ProcessEnd};
use longhaul_local::stack_spec::REGION;
use longhaul_shared::aws::clients;
use longhaul_shared::aws::dynamo::Dynamo;
use longhaul_shared::clock::Clock;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::job::{Change, Job, Lease, OPEN_SHARDS, Status};
use longhaul_shared::domain::job_message;
use longhaul_shared::messaging::job_queue::JobQueue;
use longhaul_shared::store::jobs::{CommitOutcome, Jobs};
use serde::Deserialize;

/// The caller's name in the wire log.
const CALLER: &str = "host";

/// The jobs and the queue of the stack whose workers died.
struct DeadWorkers {
    jobs: Jobs,
    /// The queue of continuations: what has begun goes on before what waits.
    queue: JobQueue,
    now: Timestamp,
}

/// The batch that an event source delivered.
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records", default)]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    body: String,
}

/// Gives back what ended processes held. A failure is only printed: then the leases run out, as in AWS.
pub fn on_process_end() -> OnProcessEnd {
    Arc::new(|stack, end| {
        async move {
            if let Err(error) = give_back(&stack, end).await {
                eprintln!(
                    "WARNING: the jobs of dead workers wait until their leases run out: {error:#}"
                );
            }
        }
        .boxed()
    })
}

async fn give_back(stack: &EndedIn, end: ProcessEnd) -> Result<()> {
    let Some(workers) = DeadWorkers::of(stack).await? else {
        return Ok(());
    };
    match end {
        ProcessEnd::EarlierLife => {
            workers
                .give_back_all(|job| job.end_dead_lease(workers.now))
                .await
        }
        ProcessEnd::Invocation { request_id, event } => {
            workers.give_back_batch(&request_id, &event).await
        }
        // Nothing went wrong with these jobs, so their attempts do not count.
        ProcessEnd::Stop => {
            workers
                .give_back_all(|job| Lease::from_row(job.clone()).hand_over(workers.now))
                .await
        }
    }
}

impl DeadWorkers {
    /// `None` if the template has no jobs.
    async fn of(stack: &EndedIn) -> Result<Option<Self>> {
        let output = |name: &str| stack.outputs.get(name).cloned();
        let (Some(table), Some(queue)) = (output("JobsTableName"), output("ContinuationsQueueUrl"))
        else {
            return Ok(None);
        };
        let clients = clients::for_command(CALLER, Some((&stack.endpoints.aws, REGION))).await;
        Ok(Some(Self {
            jobs: Jobs::new(&Dynamo::open(&clients).await?, table),
            queue: JobQueue::new(&clients, queue),
            now: Clock::system().now(),
        }))
    }

    /// Gives back every job that a worker holds.
    async fn give_back_all(&self, change: impl Fn(&Job) -> Change) -> Result<()> {
        for shard in 0..OPEN_SHARDS {
            let mut start = None;
            loop {
                let (jobs, next) = self.jobs.open_in_shard(shard, self.now, start).await?;
                for job in jobs.iter().filter(|job| job.status == Status::Processing) {
                    self.give_back(job.clone(), &change).await?;
                }
                start = next;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Gives back the jobs of a batch that this invocation still held when its process ended.
    async fn give_back_batch(&self, request_id: &str, event: &[u8]) -> Result<()> {
        let batch: Batch = serde_json::from_slice(event).context("reading a batch")?;
        let ids = batch
            .records
            .iter()
            .filter_map(|record| job_message::parse(&record.body));
        for id in ids.collect::<Vec<JobId>>() {
            let job = self.jobs.get(id).await?;
            if let Some(job) = job.filter(|job| job.is_claimed_by(request_id)) {
                self.give_back(job, |job| job.end_dead_lease(self.now))
                    .await?;
            }
        }
        Ok(())
    }

    /// Gives back a job that this fence holds. Its worker's last write may have come after the row was read.
    async fn give_back(&self, mut job: Job, change: impl Fn(&Job) -> Change) -> Result<()> {
        let fence = job.fence;
        loop {
            match self.jobs.commit(job.id, &change(&job)).await? {
                CommitOutcome::Applied(job) => return self.queue.send(&job).await,
                CommitOutcome::Refused(Some(row)) if row.is_held(fence) => job = *row,
                CommitOutcome::Refused(_) => return Ok(()),
            }
        }
    }
}
