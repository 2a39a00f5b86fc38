//! Reads many jobs by their ids.

use anyhow::Result;

use super::Jobs;
use crate::aws::item::{Attributes, text};
use crate::domain::ids::JobId;
use crate::domain::job::Job;

impl Jobs {
    /// The rows of these jobs that exist, expired or not, in no order. The caller checks the owners.
    pub async fn batch_get(&self, ids: &[JobId]) -> Result<Vec<Job>> {
        let key = |id: &JobId| Attributes::from([("jobId".to_owned(), text(id.to_string()))]);
        self.batch(ids.iter().map(key).collect()).await
    }
}
