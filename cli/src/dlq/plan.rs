//! A plan: which dead letters were there, and what was to be done about each, as a JSON file.
//!
//! It is a list of what is meant and no licence: whoever applies it looks at each job again, so an
//! old plan does no harm.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use longhaul_shared::domain::ids::JobId;
use longhaul_shared::messaging::dead_letters::{FailedRun, FailedRuns, Message, Resolution};
use serde::{Deserialize, Serialize};

/// The version that this code writes and reads.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    v: u8,
    /// The dead-letter queue's ARN.
    queue: String,
    made_at: Timestamp,
    /// Messages that the entries stand for.
    pub letters: usize,
    /// About so many messages were hidden by another reader, and are not in the plan.
    pub elsewhere: usize,
    pub entries: Vec<Entry>,
    /// Messages that could not be read; applying a plan leaves them alone.
    pub unreadable: Vec<Unreadable>,
}

/// One run of one job.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub job: String,
    /// The run that failed; `null` of a message that redrive moved.
    pub run: Option<u32>,
    /// What the job's row called for when the plan was made: `replay`, `send`, `delete` or `leave`.
    #[serde(rename = "do")]
    pub disposal: String,
    /// The job's status then; `null` if it is gone.
    pub status: Option<String>,
    /// When the run failed.
    pub since: Timestamp,
    pub kind: Option<String>,
    pub user_id: Option<String>,
    pub tenant_id: Option<String>,
    pub code: Option<String>,
    pub error: Option<String>,
    pub attempts: Option<u32>,
    /// The ids of the messages that say so.
    pub messages: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    pub message: String,
    pub sent_at: Timestamp,
    pub body: String,
}

impl Plan {
    pub fn of(queue: &str, cases: &FailedRuns, now: Timestamp) -> Self {
        let entries: Vec<Entry> = cases.runs.iter().map(|case| entry(case, now)).collect();
        Self {
            v: VERSION,
            queue: queue.to_owned(),
            made_at: now,
            letters: entries.iter().map(|entry| entry.messages.len()).sum(),
            elsewhere: cases.in_flight,
            entries,
            unreadable: cases.unreadable.iter().map(unreadable).collect(),
        }
    }

    /// How many entries call for this.
    pub fn count(&self, disposal: Resolution) -> usize {
        let called = |entry: &&Entry| entry.disposal == disposal.as_str();
        self.entries.iter().filter(called).count()
    }

    /// Writes a new file, for its owner's eyes only.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut open = OpenOptions::new();
        let open = open.write(true).create_new(true).mode(0o600);
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        open.open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("the plan {} can't be written", path.display()))
    }

    /// The plan in a file, if it was made for this queue.
    pub fn read(path: &Path, queue: &str) -> Result<Self> {
        let name = path.display();
        let text = std::fs::read(path).with_context(|| format!("the plan {name} can't be read"))?;
        let plan: Self =
            serde_json::from_slice(&text).with_context(|| format!("{name} is no plan"))?;
        ensure!(
            plan.v == VERSION,
            "the plan {name} is of version {}; this is {VERSION}",
            plan.v
        );
        ensure!(
            plan.queue == queue,
            "the plan {name} was made for {}, and this is {queue}",
            plan.queue
        );
        Ok(plan)
    }
}

impl Entry {
    pub fn job(&self) -> Result<JobId> {
        JobId::parse(&self.job).with_context(|| format!("the plan's job '{}' is no id", self.job))
    }
}

fn entry(case: &FailedRun, now: Timestamp) -> Entry {
    let evidence = case.evidence.as_ref();
    Entry {
        job: case.job.to_string(),
        run: case.run,
        disposal: case.resolution(now).as_str().to_owned(),
        status: case.row.as_ref().map(|job| job.status.as_str().to_owned()),
        since: case.since(),
        kind: case.kind().map(Into::into),
        user_id: case.owner().map(|owner| owner.user.clone()),
        tenant_id: evidence.and_then(|evidence| evidence.owner.tenant.clone()),
        code: evidence.map(|evidence| evidence.code.clone()),
        error: evidence.map(|evidence| evidence.error.clone()),
        attempts: evidence.map(|evidence| evidence.attempts),
        messages: case
            .messages
            .iter()
            .map(|message| message.id.clone())
            .collect(),
    }
}

fn unreadable(message: &Message) -> Unreadable {
    Unreadable {
        message: message.id.clone(),
        sent_at: message.sent_at,
        body: message.body.clone(),
    }
}
