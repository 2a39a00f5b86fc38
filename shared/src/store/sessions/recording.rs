//! The recording that is in progress in a session: a row beside its turns.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use jiff::Timestamp;

use super::{Sessions, key};
use crate::aws::item::{Item, text, ttl};
use crate::domain::ids::{JobId, Owner, SessionId};

const RECORDING_ROW: &str = "recording";

/// A recording that is not sealed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The job that transcribes it.
    pub job: JobId,
    /// The client's name of the audio format.
    pub format: String,
}

impl Sessions {
    /// Starts a recording in the session. It replaces one that was never sealed.
    pub async fn record(
        &self,
        session: SessionId,
        owner: &Owner,
        recording: &Recording,
        expires_at: Timestamp,
    ) -> Result<()> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.table)
            .set_item(Some(key(session, RECORDING_ROW)))
            .item("jobId", text(recording.job.to_string()))
            .item("format", text(&recording.format))
            // Not `userId`, which would put the row into the index of a user's sessions.
            .item("owner", text(owner_key(owner)))
            .item("ttl", ttl(expires_at));
        put.send().await.context("starting a recording")?;
        Ok(())
    }

    /// The recording that is in progress in the owner's session.
    pub async fn recording(
        &self,
        session: SessionId,
        owner: &Owner,
        now: Timestamp,
    ) -> Result<Option<Recording>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(session, RECORDING_ROW)))
            .consistent_read(true);
        let response = get.send().await.context("reading a recording")?;
        let Some(row) = response.item else {
            return Ok(None);
        };
        let item = Item(&row);
        if item.text("owner")? != owner_key(owner) || item.ttl("ttl")? <= now {
            return Ok(None);
        }
        Ok(Some(Recording {
            job: JobId::parse(item.text("jobId")?).context("a recording has a malformed job id")?,
            format: item.text("format")?.to_owned(),
        }))
    }

    /// Removes the row of a recording that was sealed.
    pub async fn close_recording(&self, session: SessionId, recording: &Recording) -> Result<()> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(session, RECORDING_ROW)))
            .condition_expression("jobId = :job")
            .expression_attribute_values(":job", text(recording.job.to_string()));
        match delete
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(_) | Err(DeleteItemError::ConditionalCheckFailedException(_)) => Ok(()),
            Err(error) => Err(error).context("sealing a recording"),
        }
    }
}

/// A unique name of the owner, whatever characters the tenant and the user contain.
fn owner_key(owner: &Owner) -> String {
    let tenant = owner.tenant.as_deref();
    format!(
        "{}:{}{}",
        tenant.map_or(0, str::len),
        tenant.unwrap_or_default(),
        owner.user
    )
}
