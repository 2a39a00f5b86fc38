//! The recording under way in a session, if there is one: a row beside its turns.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use jiff::Timestamp;

use super::{Sessions, key};
use crate::aws::item::{Item, text, ttl};
use crate::domain::ids::{JobId, Owner, SessionId};

const RECORDING: &str = "recording";

/// A recording that has not been sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The job that is to hear it.
    pub job: JobId,
    /// What the client calls its format.
    pub format: String,
}

impl Sessions {
    /// Begins a recording in the session, in place of one that was never sealed.
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
            .set_item(Some(key(session, RECORDING)))
            .item("jobId", text(recording.job.to_string()))
            .item("format", text(&recording.format))
            // Not by the name that the index of a user's sessions has.
            .item("owner", text(named(owner)))
            .item("ttl", ttl(expires_at));
        put.send().await.context("beginning a recording")?;
        Ok(())
    }

    /// The recording under way in the owner's session.
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
            .set_key(Some(key(session, RECORDING)))
            .consistent_read(true);
        let answer = get.send().await.context("reading a recording")?;
        let Some(row) = answer.item else {
            return Ok(None);
        };
        let item = Item(&row);
        if item.text("owner")? != named(owner) || item.ttl("ttl")? <= now {
            return Ok(None);
        }
        Ok(Some(Recording {
            job: JobId::parse(item.text("jobId")?).context("a recording's job is none")?,
            format: item.text("format")?.to_owned(),
        }))
    }

    /// The recording is sealed: nothing more belongs to it.
    pub async fn close_recording(&self, session: SessionId, recording: &Recording) -> Result<()> {
        let delete = self
            .dynamo
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(session, RECORDING)))
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

/// One name for each owner, whatever characters tenants and users hold.
fn named(owner: &Owner) -> String {
    let tenant = owner.tenant.as_deref();
    format!(
        "{}:{}{}",
        tenant.map_or(0, str::len),
        tenant.unwrap_or_default(),
        owner.user
    )
}
