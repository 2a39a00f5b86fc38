//! A limited list of jobs.

use crate::domain::job::Job;

/// Jobs that match a request, and whether there may be more.
#[derive(Default)]
pub struct FoundJobs {
    pub jobs: Vec<Job>,
    pub more: bool,
}

impl FoundJobs {
    /// Adds the jobs that match, up to `limit` in all.
    pub fn add(&mut self, jobs: Vec<Job>, matches: impl Fn(&Job) -> bool, limit: usize) {
        for job in jobs.into_iter().filter(|job| matches(job)) {
            if self.jobs.len() == limit {
                self.more = true;
                return;
            }
            self.jobs.push(job);
        }
    }
}
