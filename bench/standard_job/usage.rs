//! Processor time and peak memory of a stack's processes, from /proc.
//!
//! Memory is the proportional set size: pages that processes share, such as their program, count once.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

/// The unit of times in `/proc/<pid>/stat`, which is constant on Linux.
const TICK: Duration = Duration::from_millis(10);
/// The interval at which memory is read.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The used fields of a process in /proc.
struct ProcessStat {
    parent: u32,
    /// Its own time, and that of its children that have ended, in ticks.
    ticks: u64,
    ended_children: u64,
}

/// Processor time of a stack's own process, and of its functions' processes, ended ones included.
#[derive(Clone, Copy)]
pub struct Cpu {
    pub cloud: Duration,
    pub functions: Duration,
}

impl Cpu {
    pub fn of(root: u32) -> Result<Self> {
        let (mut cloud, mut functions) = (0, 0);
        for (pid, line) in tree(root)? {
            let own = if pid == root {
                &mut cloud
            } else {
                &mut functions
            };
            *own += line.ticks;
            functions += line.ended_children;
        }
        let time = |ticks| Ok::<_, anyhow::Error>(TICK * u32::try_from(ticks)?);
        Ok(Self {
            cloud: time(cloud)?,
            functions: time(functions)?,
        })
    }
}

/// The stack's workers: the processes with the handler `worker` in their environment.
pub fn workers(root: u32) -> Result<Vec<u32>> {
    let is_worker = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|variable| variable == b"_HANDLER=worker")
    };
    Ok(tree(root)?.into_keys().filter(is_worker).collect())
}

/// The sum of the processes' memory in bytes.
fn memory(root: u32) -> Result<u64> {
    let kib = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    Ok(1024 * tree(root)?.keys().filter_map(kib).sum::<u64>())
}

fn tree(root: u32) -> Result<HashMap<u32, ProcessStat>> {
    let mut lines: HashMap<u32, ProcessStat> = HashMap::new();
    for entry in fs::read_dir("/proc").context("reading /proc")?.flatten() {
        if let Some(pid) = entry.file_name().to_str().and_then(|pid| pid.parse().ok())
            && let Some(line) = line(pid)
        {
            lines.insert(pid, line);
        }
    }
    let below = |pid: u32| {
        let mut at = pid;
        while at != root {
            match lines.get(&at) {
                Some(line) => at = line.parent,
                None => return false,
            }
        }
        true
    };
    let others: HashSet<u32> = lines.keys().copied().filter(|pid| !below(*pid)).collect();
    lines.retain(|pid, _| !others.contains(pid));
    Ok(lines)
}

/// None if the process has ended.
fn line(pid: u32) -> Option<ProcessStat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name may contain any character; the state and numbers come after it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(ProcessStat {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: number(11)? + number(12)?,
        ended_children: number(13)? + number(14)?,
    })
}

/// Reads the memory repeatedly until `highest` is called.
pub struct Peak {
    over: Arc<AtomicBool>,
    highest: Arc<AtomicU64>,
    poller: JoinHandle<()>,
}

impl Peak {
    pub fn of(root: u32) -> Self {
        let (over, highest) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let poller = std::thread::spawn({
            let (over, highest) = (over.clone(), highest.clone());
            move || {
                while !over.load(Ordering::Relaxed) {
                    if let Ok(memory) = memory(root) {
                        highest.fetch_max(memory, Ordering::Relaxed);
                    }
                    std::thread::sleep(POLL_INTERVAL);
                }
            }
        });
        Self {
            over,
            highest,
            poller,
        }
    }

    /// Stops reading; the peak in bytes.
    pub fn highest(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        // The thread can't panic, and its result is in `highest`.
        drop(self.poller.join());
        self.highest.load(Ordering::Relaxed)
    }
}
