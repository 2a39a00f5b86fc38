//! Monitors a process's memory against its function's limit, with Linux's `/proc`.
//!
//! Anonymous and shared pages count. Pages of the program file do not: a debug build has many times those of
//! a deployed build.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often a busy process is sampled. Memory that is allocated and freed in between is not seen.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(25);
const KIB: u64 = 1024;

/// The memory of one process.
pub(super) struct MemoryMonitor {
    /// The process's `/proc/<pid>/status`; each read returns current values.
    status: Option<File>,
    limit_bytes: u64,
    /// The highest sample.
    peak_bytes: AtomicU64,
}

impl MemoryMonitor {
    pub(super) fn new(pid: Option<u32>, limit_mib: u32) -> MemoryMonitor {
        let status = pid.map(|pid| File::open(format!("/proc/{pid}/status")));
        MemoryMonitor {
            status: status.and_then(Result::ok),
            limit_bytes: u64::from(limit_mib) * KIB * KIB,
            peak_bytes: AtomicU64::new(0),
        }
    }

    /// Returns when the process exceeds its limit. Never returns on systems other than Linux.
    pub(super) async fn limit_exceeded(&self) {
        if !cfg!(target_os = "linux") {
            static WARNED: Once = Once::new();
            WARNED.call_once(|| {
                tracing::warn!(
                    "memory limits of functions are not enforced: they need Linux's /proc"
                );
            });
            return std::future::pending().await;
        }
        // The first sample is after one interval, so a short invocation costs none. Its report takes a sample
        // in any case, which counts when the next invocation starts.
        let mut samples = interval_at(Instant::now() + SAMPLE_INTERVAL, SAMPLE_INTERVAL);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.peak_bytes.load(Ordering::Relaxed) <= self.limit_bytes {
            samples.tick().await;
            self.sample();
        }
    }

    /// The highest sample in MiB, including one taken now; `None` without samples. It is capped at the limit,
    /// as Lambda reports killed processes.
    pub(super) fn peak_mib(&self) -> Option<u64> {
        self.sample();
        let peak = self
            .peak_bytes
            .load(Ordering::Relaxed)
            .min(self.limit_bytes);
        (peak > 0).then(|| peak.div_ceil(KIB * KIB))
    }

    fn sample(&self) {
        let mut page = [0; 4096];
        let read = self.status.as_ref().map(|file| file.read_at(&mut page, 0));
        let status = read.and_then(Result::ok).map(|length| &page[..length]);
        let used = status.and_then(|status| used_bytes(&String::from_utf8_lossy(status)));
        if let Some(used) = used {
            self.peak_bytes.fetch_max(used, Ordering::Relaxed);
        }
    }
}

/// The memory in use according to a `/proc/<pid>/status`; `None` if the process has ended.
fn used_bytes(status: &str) -> Option<u64> {
    let kib = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    };
    Some((kib("RssAnon:")? + kib("RssShmem:")?) * KIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_file_does_not_count_as_used_memory() {
        let status = "VmRSS:\t    9000 kB\nRssAnon:\t    2048 kB\nRssFile:\t    6000 kB\nRssShmem:\t       4 kB\n";
        assert_eq!(used_bytes(status), Some(2052 * KIB));
        assert_eq!(used_bytes("Name:\tlonghaul\nState:\tZ (zombie)\n"), None);
    }
}
