//! How much memory a child holds, and the moment at which that is more than its function may have.
//! It reads Linux's `/proc` and kills nothing: whoever asks does.
//!
//! What counts is what the process made itself (anonymous and shared pages). The pages of its own
//! program file are left out: a debug build's are many times a deployed one's.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How often a busy child is looked at. What it takes and gives back in between goes unseen.
const LOOK_EACH: Duration = Duration::from_millis(25);
const KIB: u64 = 1024;

/// One child's memory.
pub(super) struct Memory {
    /// The process's `/proc/<pid>/status`, which is told anew with each read.
    status: Option<File>,
    /// Bytes that the child may hold.
    limit: u64,
    /// The most bytes that it was seen to hold.
    peak: AtomicU64,
}

impl Memory {
    /// The memory of this process, which may hold so many MiB.
    pub(super) fn of(process: Option<u32>, limit: u32) -> Memory {
        let status = process.map(|process| File::open(format!("/proc/{process}/status")));
        Memory {
            status: status.and_then(Result::ok),
            limit: u64::from(limit) * KIB * KIB,
            peak: AtomicU64::new(0),
        }
    }

    /// Returns once the process holds more than its limit; never where the system does not tell.
    pub(super) async fn outgrown(&self) {
        if !cfg!(target_os = "linux") {
            static SAID: Once = Once::new();
            SAID.call_once(|| tracing::warn!("without /proc no function's memory is limited"));
            return std::future::pending().await;
        }
        // An event that is over before the first look costs none: its report looks in any case, and what that
        // saw counts when the next begins.
        let mut looks = interval_at(Instant::now() + LOOK_EACH, LOOK_EACH);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.peak.load(Ordering::Relaxed) <= self.limit {
            looks.tick().await;
            self.look();
        }
    }

    /// The most MiB that the process held, as far as it was seen, and as of now; `None` where the
    /// system does not tell. A killed process is reported with no more than its limit, as Lambda does.
    pub(super) fn peak(&self) -> Option<u64> {
        self.look();
        let peak = self.peak.load(Ordering::Relaxed).min(self.limit);
        (peak > 0).then(|| peak.div_ceil(KIB * KIB))
    }

    fn look(&self) {
        let mut page = [0; 4096];
        let read = self.status.as_ref().map(|file| file.read_at(&mut page, 0));
        let status = read.and_then(Result::ok).map(|length| &page[..length]);
        let held = status.and_then(|status| held(&String::from_utf8_lossy(status)));
        if let Some(held) = held {
            self.peak.fetch_max(held, Ordering::Relaxed);
        }
    }
}

/// The bytes that a process holds, of its status; `None` for one that has ended.
fn held(status: &str) -> Option<u64> {
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
    fn the_programs_own_file_is_not_held_memory() {
        let status = "VmRSS:\t    9000 kB\nRssAnon:\t    2048 kB\nRssFile:\t    6000 kB\nRssShmem:\t       4 kB\n";
        assert_eq!(held(status), Some(2052 * KIB));
        assert_eq!(held("Name:\tlonghaul\nState:\tZ (zombie)\n"), None);
    }
}
