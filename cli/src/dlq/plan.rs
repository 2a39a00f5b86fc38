//! A plan as a JSON file: the dead letters that were found, and how each is resolved.
//!
//! Applying a plan checks each job again, so an outdated plan does no harm.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use longhaul_shared::domain::dead_letter::{FailedRun, Resolution};
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::domain::queue_message::QueueMessage;
use longhaul_shared::orchestration::failed_runs::FailedRuns;
use serde::{Deserialize, Serialize, Serializer};

/// The version that this code writes and reads.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    v: u8,
    /// The dead-letter queue's ARN.
    queue: String,
    #[serde(serialize_with = "in_milliseconds")]
    made_at: Timestamp,
    /// Number of dead letters that the entries stand for.
    pub letters: usize,
    /// Approximate number of messages that another reader hid; they are not in the plan.
    #[serde(rename = "elsewhere")]
    pub in_flight: usize,
    pub entries: Vec<Entry>,
    /// Messages that can't be read. Applying the plan does not touch them.
    pub unreadable: Vec<UnreadableMessage>,
}

/// One run of one job.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub job: String,
    /// The run that failed; `null` for a message that redrive moved.
    pub run: Option<u32>,
    /// How the entry was to be resolved when the plan was made: `replay`, `send`, `delete` or `leave`.
    #[serde(rename = "do")]
    pub resolution: String,
    /// The job's status at that time; `null` if it is gone.
    pub status: Option<String>,
    /// When the run failed.
    #[serde(rename = "since", serialize_with = "in_milliseconds")]
    pub failed_at: Timestamp,
    pub kind: Option<String>,
    pub user_id: Option<String>,
    pub tenant_id: Option<String>,
    pub code: Option<String>,
    pub error: Option<String>,
    pub attempts: Option<u32>,
    /// The ids of the dead letters.
    pub messages: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadableMessage {
    /// The message's id.
    pub message: String,
    #[serde(serialize_with = "in_milliseconds")]
    pub sent_at: Timestamp,
    pub body: String,
}

impl Plan {
    pub fn new(queue: &str, runs: &FailedRuns, now: Timestamp) -> Self {
        let entries: Vec<Entry> = runs.runs.iter().map(|run| entry(run, now)).collect();
        Self {
            v: VERSION,
            queue: queue.to_owned(),
            made_at: now,
            letters: entries.iter().map(|entry| entry.messages.len()).sum(),
            in_flight: runs.in_flight,
            entries,
            unreadable: runs.unreadable.iter().map(unreadable).collect(),
        }
    }

    /// Number of entries with this resolution.
    pub fn count(&self, resolution: Resolution) -> usize {
        let matches = |entry: &&Entry| entry.resolution == resolution.as_str();
        self.entries.iter().filter(matches).count()
    }

    /// Writes a new file that only its owner can read.
    ///
    /// # Errors
    /// The file exists or can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut open = OpenOptions::new();
        let open = open.write(true).create_new(true).mode(0o600);
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        open.open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("the plan {} can't be written", path.display()))
    }

    /// Reads a plan from a file.
    ///
    /// # Errors
    /// The file can't be read, is not a plan of this version, or was made for another queue.
    pub fn read(path: &Path, queue: &str) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read(path).with_context(|| format!("the plan {name} can't be read"))?;
        let plan: Self =
            serde_json::from_slice(&text).with_context(|| format!("{name} is not a plan"))?;
        ensure!(
            plan.v == VERSION,
            "the plan {name} has version {}; this program reads version {VERSION}",
            plan.v
        );
        ensure!(
            plan.queue == queue,
            "the plan {name} was made for {}, not for {queue}",
            plan.queue
        );
        Ok(plan)
    }
}

impl Entry {
    pub fn job_id(&self) -> Result<JobId> {
        JobId::parse(&self.job)
            .with_context(|| format!("the plan has a malformed job id: '{}'", self.job))
    }
}

/// A time as rows and tables have it.
fn in_milliseconds<S: Serializer>(
    time: &Timestamp,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

fn entry(run: &FailedRun, now: Timestamp) -> Entry {
    let payload = run.payload.as_ref();
    Entry {
        job: run.job.to_string(),
        run: run.run,
        resolution: run.resolution(now).as_str().to_owned(),
        status: run.row.as_ref().map(|job| job.status.as_str().to_owned()),
        failed_at: run.failed_at(),
        kind: run.kind().map(Into::into),
        user_id: run.owner().map(|owner| owner.user.clone()),
        tenant_id: payload.and_then(|payload| payload.owner.tenant.clone()),
        code: payload.map(|payload| payload.code.clone()),
        error: payload.map(|payload| payload.error.clone()),
        attempts: payload.map(|payload| payload.attempts),
        messages: run
            .messages
            .iter()
            .map(|message| message.id.clone())
            .collect(),
    }
}

fn unreadable(message: &QueueMessage) -> UnreadableMessage {
    UnreadableMessage {
        message: message.id.clone(),
        sent_at: message.sent_at,
        body: message.body.clone(),
    }
}
