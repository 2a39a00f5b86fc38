//! The recording that is in progress in a session: a row beside its turns.

use anyhow::{Context, Result};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure};
use jiff::Timestamp;

use super::{Sessions, key};
use crate::aws::item::{Attributes, Item, number, text, ttl};
use crate::domain::ids::{JobId, Owner, SessionId};
use crate::domain::limits;

const RECORDING_ROW: &str = "recording";
/// What a recording may be sent, twice what it may be: pieces whose acknowledgement was lost are sent again.
const MAX_SENT_BYTES: usize = 2 * limits::MAX_RESULT_BYTES;
const MAX_SENT_PIECES: u32 = 2 * limits::RECORDING_PIECES;

/// A recording that is not sealed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// The job that transcribes it.
    pub job: JobId,
    /// The client's name of the audio format.
    pub format: String,
}

/// What a piece met in its session.
#[derive(Debug, PartialEq, Eq)]
pub enum PieceOutcome {
    Counted(Recording),
    /// The recording has been sent as many bytes or pieces as are allowed.
    Full,
    /// The owner's session has no recording in progress.
    NoRecording,
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
        let row = response.item.unwrap_or_default();
        in_progress(&row, owner, now)
    }

    /// Counts a piece of the recording that is in progress in the owner's session. A piece that is sent again counts
    /// again.
    pub async fn count_piece(
        &self,
        session: SessionId,
        owner: &Owner,
        bytes: usize,
        now: Timestamp,
    ) -> Result<PieceOutcome> {
        let update = self
            .update(session, RECORDING_ROW)
            .update_expression("ADD sentBytes :bytes, sentPieces :one")
            .condition_expression(
                "#owner = :owner AND #ttl > :now AND (attribute_not_exists(sentBytes) \
                 OR (sentBytes <= :room AND sentPieces < :pieces))",
            )
            .expression_attribute_names("#owner", "owner")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":owner", text(owner_key(owner)))
            .expression_attribute_values(":now", ttl(now))
            .expression_attribute_values(":bytes", number(bytes as u64))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":room", number((MAX_SENT_BYTES - bytes) as u64))
            .expression_attribute_values(":pieces", number(MAX_SENT_PIECES.into()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(OnFailure::AllOld);
        match update
            .send()
            .await
            .map_err(|error| error.into_service_error())
        {
            Ok(response) => {
                let row = response.attributes.unwrap_or_default();
                let recording = in_progress(&row, owner, now)?;
                Ok(recording.map_or(PieceOutcome::NoRecording, PieceOutcome::Counted))
            }
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                let row = refused.item.unwrap_or_default();
                Ok(match in_progress(&row, owner, now)? {
                    Some(_) => PieceOutcome::Full,
                    None => PieceOutcome::NoRecording,
                })
            }
            Err(error) => Err(error).context("counting a piece of a recording"),
        }
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

/// The recording in a row, if it is the owner's and has not expired.
fn in_progress(row: &Attributes, owner: &Owner, now: Timestamp) -> Result<Option<Recording>> {
    let item = Item(row);
    if row.is_empty() || item.text("owner")? != owner_key(owner) || item.ttl("ttl")? <= now {
        return Ok(None);
    }
    Ok(Some(Recording {
        job: JobId::parse(item.text("jobId")?).context("a recording has a malformed job id")?,
        format: item.text("format")?.to_owned(),
    }))
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
