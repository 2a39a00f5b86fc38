//! Runs the jobs. A job that ran before continues from the progress in its hash.

mod wake;

use std::collections::HashMap;
use std::str::FromStr;

use anyhow::{Context, Result, anyhow};
use apalis::prelude::*;
use longhaul_baseline_apalis::{Event, Output, QUEUED, Store, client, queue};
use uuid::Uuid;

use crate::wake::Wake;

/// Jobs wait for Redis, not for a processor.
const CONCURRENCY: usize = 64;

/// A running job and its position.
struct Run<'a> {
    store: &'a Store,
    id: &'a str,
    attempt: u64,
    seq: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let client = client()?;
    let store = Store::open(&client).await?;
    let mut queued = client.get_async_pubsub().await?;
    queued.subscribe(QUEUED).await?;
    let queue = queue(&client)
        .await?
        .poll_with_strategy(Wake::new(queued.into_on_message()));
    // A new name: a dead worker's name can't be used until its lease has ended.
    let worker = WorkerBuilder::new(format!("worker-{}", Uuid::new_v4()))
        .backend(queue)
        .concurrency(CONCURRENCY)
        .parallelize(tokio::spawn)
        .data(store)
        .on_event(|_, event| {
            if let apalis::prelude::Event::Error(error) = event {
                eprintln!("{error}");
            }
        })
        .build(noop);
    worker.run().await.map_err(|error| anyhow!("{error}"))
}

async fn noop(id: String, store: Data<Store>) -> Result<(), BoxDynError> {
    Ok(run(&id, &store).await?)
}

async fn run(id: &str, store: &Store) -> Result<()> {
    let (attempt, job) = store.begin(id).await?;
    if text(&job, "status")? == "completed" {
        return Ok(());
    }
    let (steps, bytes): (u64, usize) = (number(&job, "steps")?, number(&job, "bytes")?);
    let (seq, mut step): (u64, u64) = (number(&job, "seq")?, number(&job, "step")?);
    let mut run = Run {
        store,
        id,
        attempt,
        seq,
    };
    // A run that can't write the next event was superseded by another.
    if seq == 1 && !run.report("Started", 10, 0).await? {
        return Ok(());
    }
    while step < steps {
        step += 1;
        let message = format!("Step {step} of {steps}");
        let progress = (100 * step / steps).max(10);
        if !run.report(&message, progress, step).await? {
            return Ok(());
        }
    }
    run.complete(text(&job, "query")?, &"x".repeat(bytes)).await
}

impl Run<'_> {
    /// Returns whether this run wrote the next event.
    async fn report(&mut self, message: &str, progress: u64, step: u64) -> Result<bool> {
        let event = Event::ProgressUpdate {
            status: "processing",
            message,
            progress,
            attempt: self.attempt,
        };
        let fields = [
            ("status", "processing"),
            ("progress", &progress.to_string()),
            ("step", &step.to_string()),
        ];
        self.seq += 1;
        self.store.append(self.id, self.seq, &event, &fields).await
    }

    async fn complete(&self, query: &str, response: &str) -> Result<()> {
        let result = Output {
            agent: "noop",
            query,
            response,
        };
        let event = Event::JobCompleted { result: &result };
        let fields = [
            ("status", "completed"),
            ("progress", "100"),
            ("result", &serde_json::to_string(&result)?),
        ];
        self.store
            .append(self.id, self.seq + 1, &event, &fields)
            .await?;
        Ok(())
    }
}

fn text<'a>(job: &'a HashMap<String, String>, field: &str) -> Result<&'a str> {
    let value = job.get(field);
    Ok(value.with_context(|| format!("the job has no {field}"))?)
}

fn number<T: FromStr>(job: &HashMap<String, String>, field: &str) -> Result<T> {
    let value = text(job, field)?.parse().ok();
    value.with_context(|| format!("{field} is not a number"))
}
