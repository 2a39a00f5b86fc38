//! The worker killed among its jobs: how long until all of them have ended, and what was told twice, or never.
//!
//! Knows no stack: who the worker is, it is told.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::task::LocalSet;

use crate::load::{Crowd, Frame, PATIENCE, Socket};
use crate::usage;

/// All of them are submitted at once, and the worker is killed when half have ended.
pub const JOBS: u64 = 500;
pub const CONNECTIONS: u64 = 64;
/// How long a dead worker keeps its jobs from others, in every stack, as a parameter of `longhaul up`; and how often
/// what looks after jobs is run.
pub const OPTIONS: [&str; 4] = ["--parameter", "LeaseSeconds=1", "--tick-seconds", "1"];
/// How long something said twice is waited for, once all have ended.
const LINGER: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);
const COMPLETED: &str = "job_completed";
const FAILED: &str = "job_failed";

/// What the table shows of a crash, in its order.
pub const COLUMNS: [&str; 6] = [
    "s until all ended",
    "events doubled",
    "events missing",
    "jobs that never end",
    "jobs that fail",
    "jobs that end twice",
];

pub type Toll = [f64; COLUMNS.len()];

/// What all connections know.
struct Course {
    /// The root of the stack's processes.
    stack: u32,
    ended: Cell<u64>,
    killed: Cell<Option<Instant>>,
    last_end: Cell<Instant>,
    last_heard: Cell<Instant>,
}

/// What was heard of a job.
#[derive(Default)]
struct Heard {
    /// How often each event was, by its number.
    events: HashMap<u64, u64>,
    /// The numbers and types of its ends. The same end said again is an event doubled, and no other end.
    ends: HashSet<(u64, String)>,
}

/// Runs the jobs and kills the worker among them.
pub async fn run(crowd: Crowd, stack: u32) -> Result<Toll> {
    let now = Instant::now();
    let course = Rc::new(Course {
        stack,
        ended: Cell::new(0),
        killed: Cell::new(None),
        last_end: Cell::new(now),
        last_heard: Cell::new(now),
    });
    let (local, connections) = (LocalSet::new(), crowd.sockets.len() as u64);
    let tasks: Vec<_> = (0..connections)
        .zip(crowd.sockets)
        .map(|(at, socket)| {
            let jobs = JOBS / connections + u64::from(at < JOBS % connections);
            local.spawn_local(listen(socket, jobs, course.clone()))
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
    let killed = course.killed.get().context("no worker was killed")?;
    let count = |of: fn(&Heard) -> u64| jobs.iter().map(of).sum::<u64>() as f64;
    Ok([
        (course.last_end.get() - killed).as_secs_f64(),
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

/// Submits so many jobs over a connection, and hears of them until nothing more is to be expected.
async fn listen(mut socket: Socket, jobs: u64, course: Rc<Course>) -> Result<Vec<Heard>> {
    let mut open = HashMap::new();
    for _ in 0..jobs {
        open.insert(socket.submit().await?, Heard::default());
    }
    while !course.is_over() {
        let Ok(text) = tokio::time::timeout(LOOK, socket.next_text()).await else {
            continue;
        };
        let text = text?;
        let frame: Frame = serde_json::from_str(&text).context("reading a frame")?;
        let number = frame.request_id.as_deref().and_then(|id| id.parse().ok());
        // Of the jobs before, what was said again is of no interest here.
        let Some(job) = number.and_then(|number: u64| open.get_mut(&number)) else {
            continue;
        };
        course.last_heard.set(Instant::now());
        let seq = frame.seq.with_context(|| text.clone())?;
        *job.events.entry(seq).or_default() += 1;
        if [COMPLETED, FAILED].contains(&&*frame.kind) {
            let first = job.ends.is_empty();
            job.ends.insert((seq, frame.kind.into_owned()));
            if first {
                course.one_ended()?;
            }
        }
    }
    Ok(open.into_values().collect())
}

impl Course {
    fn is_over(&self) -> bool {
        let (since, patience) = if self.ended.get() == JOBS {
            (self.last_end.get(), LINGER)
        } else {
            (self.last_heard.get(), PATIENCE)
        };
        since.elapsed() > patience
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
