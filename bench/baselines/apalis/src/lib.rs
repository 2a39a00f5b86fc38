//! The job in Redis and apalis's queue, shared by the front end and the worker.
//!
//! A job is a hash, and its events are a list. One script writes both and notifies the front ends. It accepts an event
//! only if it is the next, so a job that runs twice sends each event once.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result};
use apalis_redis::{Config, RedisStorage};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, Client, Script};
use serde::Serialize;

/// The channel of events, and the channel for newly queued jobs.
pub const EVENTS: &str = "job_events";
pub const QUEUED: &str = "job_queued";

/// The queue of job ids.
pub type Queue = RedisStorage<String, ConnectionManager>;

/// The timeout of Redis's responses, which wait for its disk.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

const APPEND: &str = "
if tonumber(redis.call('HGET', KEYS[1], 'seq') or 0) ~= tonumber(ARGV[1]) - 1 then return 0 end
redis.call('HSET', KEYS[1], 'seq', ARGV[1], unpack(ARGV, 4))
redis.call('RPUSH', KEYS[2], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[2])
return 1
";

/// A job's event for its user.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event<'a> {
    JobQueued {
        message: &'a str,
        query: &'a str,
        progress: u64,
    },
    ProgressUpdate {
        status: &'a str,
        message: &'a str,
        progress: u64,
        attempt: u64,
    },
    JobCompleted {
        result: &'a Output<'a>,
    },
}

#[derive(Serialize)]
pub struct Output<'a> {
    pub agent: &'a str,
    pub query: &'a str,
    pub response: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NumberedEvent<'a> {
    job_id: &'a str,
    seq: u64,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

/// Jobs and their events in Redis. Clones share a connection.
#[derive(Clone)]
pub struct Store {
    connection: ConnectionManager,
    append: Script,
}

impl Store {
    pub async fn open(client: &Client) -> Result<Self> {
        Ok(Self {
            connection: connect(client).await?,
            append: Script::new(APPEND),
        })
    }

    /// Writes and publishes a job's next event with the changed fields. Returns false if another run has written it.
    pub async fn append(
        &self,
        job_id: &str,
        seq: u64,
        event: &Event<'_>,
        fields: &[(&str, &str)],
    ) -> Result<bool> {
        let text = serde_json::to_string(&NumberedEvent { job_id, seq, event })?;
        let mut call = self.append.prepare_invoke();
        call.key(format!("job:{job_id}"))
            .key(format!("events:{job_id}"))
            .arg(seq)
            .arg(text)
            .arg(EVENTS);
        for (name, value) in fields {
            call.arg(name).arg(value);
        }
        Ok(call.invoke_async(&mut self.connection.clone()).await?)
    }

    /// The fields of a job, empty if it does not exist.
    pub async fn find(&self, job_id: &str) -> Result<HashMap<String, String>> {
        let key = format!("job:{job_id}");
        Ok(self.connection.clone().hgetall(key).await?)
    }

    /// Counts an attempt; returns its number and the job's fields.
    pub async fn begin(&self, job_id: &str) -> Result<(u64, HashMap<String, String>)> {
        let key = format!("job:{job_id}");
        let mut both = redis::pipe();
        both.hincr(&key, "attempts", 1).hgetall(&key);
        Ok(both.query_async(&mut self.connection.clone()).await?)
    }

    /// Notifies workers of a queued job.
    pub async fn wake_workers(&self, job_id: &str) -> Result<()> {
        Ok(self.connection.clone().publish(QUEUED, job_id).await?)
    }
}

pub fn client() -> Result<Client> {
    let port = variable("REDIS_PORT")?;
    Ok(Client::open(format!("redis://127.0.0.1:{port}/"))?)
}

/// A worker without a heartbeat for a lease counts as dead; apalis counts in whole seconds.
pub async fn queue(client: &Client) -> Result<Queue> {
    let lease: u32 = variable("LEASE_SECONDS")?.parse()?;
    let config = Config::default()
        .queue("analyses")
        .batch_size(64)
        .heartbeat_interval(Duration::from_secs(1) * lease / 2)
        .missed_heartbeats(2)
        // As apalis recommends for tasks that are shorter than a heartbeat.
        .lock_tasks(false)
        // apalis's own events are unused: they have no number, and none is for progress.
        .emit_events(false);
    Ok(Queue::new(connect(client).await?).with_config(config))
}

async fn connect(client: &Client) -> Result<ConnectionManager> {
    let config = ConnectionManagerConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
    let connection = client.get_connection_manager_with_config(config).await;
    connection.context("connecting to Redis")
}

pub fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is missing"))
}
