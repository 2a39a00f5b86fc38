//! Kills the worker during its jobs, and measures the time until all have ended, duplicate events and missing ones.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::LocalSet;

use crate::load::{ClientPool, Frame, MAX_WAIT, Socket};
use crate::usage;

/// All of them are submitted at once, and the worker is killed when half have ended.
pub const JOBS: u64 = 500;
pub const CONNECTIONS: u64 = 64;
/// The lease of a dead worker's jobs, in every stack, as a parameter of `longhaul up`; and the interval of the sweep.
pub const OPTIONS: [&str; 4] = ["--parameter", "LeaseSeconds=1", "--tick-seconds", "1"];
/// How long it waits for duplicate events once all jobs have ended.
const DUPLICATE_WAIT: Duration = Duration::from_secs(5);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const COMPLETED: &str = "job_completed";
const FAILED: &str = "job_failed";

/// The table's columns for a crash, in order.
pub const COLUMNS: [&str; 6] = [
    "s until all ended",
    "events doubled",
    "events missing",
    "jobs that never end",
    "jobs that fail",
    "jobs that end twice",
];

pub type CrashFigures = [f64; COLUMNS.len()];

/// Shared by all connections.
struct CrashProgress {
    /// The root of the stack's processes.
    stack: u32,
    ended: Cell<u64>,
    killed: Cell<Option<Instant>>,
    last_end: Cell<Instant>,
    last_event: Cell<Instant>,
}

/// The events of a job that were received.
#[derive(Default)]
struct ReceivedEvents {
    /// How often each event came, by its number.
    events: HashMap<u64, u64>,
    /// The numbers and types of its ends. A repeated end is a duplicate event, not a second end.
    ends: HashSet<(u64, String)>,
}

/// Runs the jobs and kills the worker when half have ended.
pub async fn run(pool: ClientPool, stack: u32) -> Result<CrashFigures> {
    let now = Instant::now();
    let progress = Rc::new(CrashProgress {
        stack,
        ended: Cell::new(0),
        killed: Cell::new(None),
        last_end: Cell::new(now),
        last_event: Cell::new(now),
    });
    let (local, connections) = (LocalSet::new(), pool.sockets.len() as u64);
    let tasks: Vec<_> = (0..connections)
        .zip(pool.sockets)
        .map(|(at, socket)| {
            let jobs = JOBS / connections + u64::from(at < JOBS % connections);
            local.spawn_local(listen(socket, jobs, progress.clone()))
        })
        .collect();
    let jobs = local.run_until(async {
        let mut jobs = vec![];
        for task in tasks {
            jobs.extend(task.await??);
        }
        Ok::<_, anyhow::Error>(jobs)
    });
    let jobs = jobs.await?;
    let killed = progress.killed.get().context("no worker was killed")?;
    let count = |of: fn(&ReceivedEvents) -> u64| jobs.iter().map(of).sum::<u64>() as f64;
    Ok([
        (progress.last_end.get() - killed).as_secs_f64(),
        count(|job| job.events.values().map(|times| times - 1).sum()),
        count(|job| {
            let last = job.events.keys().max().unwrap_or(&0);
            last - job.events.len() as u64
        }),
        count(|job| u64::from(job.ends.is_empty())),
        count(|job| u64::from(job.ends.iter().any(|(_, kind)| kind == FAILED))),
        count(|job| u64::from(job.ends.len() > 1)),
    ])
}

/// Submits this number of jobs over a connection, and receives their events until no more are expected.
async fn listen(
    mut socket: Socket,
    jobs: u64,
    progress: Rc<CrashProgress>,
) -> Result<Vec<ReceivedEvents>> {
    let mut open = HashMap::new();
    for _ in 0..jobs {
        open.insert(socket.submit().await?, ReceivedEvents::default());
    }
    while !progress.is_over() {
        let Ok(text) = tokio::time::timeout(POLL_INTERVAL, socket.next_text()).await else {
            continue;
        };
        let text = text?;
        let frame: Frame = serde_json::from_str(&text).context("reading a frame")?;
        let number = frame.request_id.as_deref().and_then(|id| id.parse().ok());
        // Repeated events of the warm-up's jobs don't count.
        let Some(job) = number.and_then(|number: u64| open.get_mut(&number)) else {
            continue;
        };
        progress.last_event.set(Instant::now());
        let seq = frame.seq.with_context(|| text.clone())?;
        *job.events.entry(seq).or_default() += 1;
        if [COMPLETED, FAILED].contains(&&*frame.kind) {
            let first = job.ends.is_empty();
            job.ends.insert((seq, frame.kind.into_owned()));
            if first {
                progress.one_ended()?;
            }
        }
    }
    Ok(open.into_values().collect())
}

impl CrashProgress {
    fn is_over(&self) -> bool {
        let (since, max_wait) = if self.ended.get() == JOBS {
            (self.last_end.get(), DUPLICATE_WAIT)
        } else {
            (self.last_event.get(), MAX_WAIT)
        };
        since.elapsed() > max_wait
    }

    fn one_ended(&self) -> Result<()> {
        self.ended.set(self.ended.get() + 1);
        self.last_end.set(Instant::now());
        if self.ended.get() == JOBS / 2 {
            kill(&usage::workers(self.stack)?)?;
            self.killed.set(Some(Instant::now()));
        }
        Ok(())
    }
}

fn kill(workers: &[u32]) -> Result<()> {
    ensure!(!workers.is_empty(), "the stack has no worker to kill");
    // One may have ended by itself meanwhile.
    Command::new("kill")
        .arg("-KILL")
        .args(workers.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status()
        .context("killing the workers")?;
    Ok(())
}
