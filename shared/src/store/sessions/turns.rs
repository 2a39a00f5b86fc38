//! The rows of a session's turns: each has the message, and the answer once the turn is finished.
//!
//! A turn is finished when its row has the final status of its job. It is then a part of the history of later turns.

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::{Sessions, done, key};
use crate::aws::item::{Attributes, Item, ItemError, number, text, time, ttl};
use crate::domain::ids::{JobId, SessionId};
use crate::domain::job::{Job, Status, Turn};
use crate::domain::limits;
use crate::domain::session::{History, HistoryTurn, TurnRow};

/// Turns read by one query.
const TURNS_PER_QUERY: i32 = 50;

impl Sessions {
    /// The turn of this number.
    pub async fn turn(&self, session: SessionId, number: u32) -> Result<Option<TurnRow>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(session, &turn_key(number))))
            .consistent_read(true);
        let response = get.send().await.context("reading a turn")?;
        Ok(response.item.as_ref().map(parse).transpose()?)
    }

    /// The jobs of the unfinished turns before this one, latest first. The turn must wait for them. A finished turn implies
    /// that those before it are finished, unless it ended while it waited.
    pub async fn unfinished_before(&self, session: SessionId, number: u32) -> Result<Vec<JobId>> {
        let mut unfinished = vec![];
        for earlier in (1..number).rev() {
            match self.turn(session, earlier).await? {
                Some(turn) if turn.status.is_none() => unfinished.push(turn.job),
                Some(turn) if turn.ended_waiting => {}
                _ => break,
            }
        }
        Ok(unfinished)
    }

    /// Records the final status of the turn's job, and its answer.
    pub(crate) async fn record_answer(&self, job: &Job, turn: &Turn, answer: &str) -> Result<()> {
        let mut update = self
            .update(turn.session, &turn_key(turn.number))
            .condition_expression("attribute_exists(sessionId)")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":status", text(job.status.as_str()))
            .expression_attribute_values(":ttl", ttl(job.expires_at));
        let mut set = String::from("SET #status = :status, #ttl = :ttl");
        if !answer.is_empty() {
            set.push_str(", answer = :answer");
            let prefix = limits::prefix(answer, limits::ANSWER_IN_SESSION_BYTES);
            update = update.expression_attribute_values(":answer", text(prefix));
        }
        if job.waits_for_turn() {
            set.push_str(", endedWaiting = :true");
            let flag = aws_sdk_dynamodb::types::AttributeValue::Bool(true);
            update = update.expression_attribute_values(":true", flag);
        }
        // A turn past its retention has no row.
        done(update.update_expression(set).send().await).map(drop)
    }

    /// A page of turns from this number on, oldest first and within the size of a response, and the number of the next turn
    /// if there are more.
    pub async fn turns(
        &self,
        session: SessionId,
        from: u32,
        limit: u32,
        now: Timestamp,
    ) -> Result<(Vec<TurnRow>, Option<u32>)> {
        let (mut turns, mut bytes) = (vec![], 0);
        let page = self
            .query(session, from, u32::MAX, true, limit as i32)
            .await?;
        let more = page.1;
        for turn in page.0 {
            bytes += turn.response_bytes();
            if bytes > limits::ANSWER_BYTES && !turns.is_empty() {
                return Ok((turns, Some(turn.number)));
            }
            turns.push(turn);
        }
        let next = turns.last().map(|last: &TurnRow| last.number + 1);
        turns.retain(|turn| turn.expires_at > now);
        Ok((turns, next.filter(|_| more)))
    }

    /// The turns before this one, without the oldest if they exceed the limit of a history.
    pub async fn history(&self, turn: &Turn) -> Result<History> {
        let (mut before, mut bytes, mut next) = (vec![], 0, turn.number);
        // The size of the previous turn's history: all turns but that one.
        let mut previous_bytes = 0;
        while next > 1 && previous_bytes <= limits::HISTORY_BYTES {
            let (page, more) = self
                .query(turn.session, 1, next - 1, false, TURNS_PER_QUERY)
                .await?;
            for entry in page {
                next = entry.number;
                bytes += entry.history_bytes();
                if entry.number + 1 < turn.number {
                    previous_bytes += entry.history_bytes();
                }
                before.push((bytes, entry));
            }
            if !more {
                break;
            }
        }
        let newly_truncated =
            bytes > limits::HISTORY_BYTES && previous_bytes <= limits::HISTORY_BYTES;
        let within_limit = before
            .into_iter()
            .take_while(|(bytes, _)| *bytes <= limits::HISTORY_BYTES);
        let mut turns: Vec<HistoryTurn> = within_limit
            .map(|(_, entry)| HistoryTurn {
                message: entry.message,
                answer: entry.answer.unwrap_or_default(),
            })
            .collect();
        turns.reverse();
        Ok(History {
            turns,
            newly_truncated,
        })
    }

    async fn query(
        &self,
        session: SessionId,
        first: u32,
        last: u32,
        forward: bool,
        limit: i32,
    ) -> Result<(Vec<TurnRow>, bool)> {
        let query = self
            .dynamo
            .query()
            .table_name(&self.table)
            .key_condition_expression("sessionId = :session AND entry BETWEEN :first AND :last")
            .expression_attribute_values(":session", text(session.to_string()))
            .expression_attribute_values(":first", text(turn_key(first)))
            .expression_attribute_values(":last", text(turn_key(last)))
            .scan_index_forward(forward)
            .consistent_read(true)
            .limit(limit);
        let response = query.send().await.context("reading a session's turns")?;
        let more = response.last_evaluated_key.is_some();
        let items = response.items.unwrap_or_default();
        let entries: Result<Vec<TurnRow>, ItemError> = items.iter().map(parse).collect();
        Ok((entries?, more))
    }
}

/// The row of a new turn.
pub(super) fn item(job: &Job, message: &str) -> Attributes {
    let Some(turn) = &job.turn else {
        return Attributes::new();
    };
    let mut item = key(turn.session, &turn_key(turn.number));
    item.insert("turn".to_owned(), number(turn.number.into()));
    item.insert("jobId".to_owned(), text(job.id.to_string()));
    item.insert("message".to_owned(), text(message));
    item.insert("at".to_owned(), time(job.created_at));
    item.insert("ttl".to_owned(), ttl(job.expires_at));
    item
}

fn parse(attributes: &Attributes) -> Result<TurnRow, ItemError> {
    let item = Item(attributes);
    let status = item.optional_text("status")?.map(Status::parse);
    Ok(TurnRow {
        number: item.number("turn")?,
        job: JobId::parse(item.text("jobId")?).ok_or(ItemError("jobId"))?,
        message: item.text("message")?.to_owned(),
        at: item.time("at")?,
        status: status
            .map(|status| status.ok_or(ItemError("status")))
            .transpose()?,
        answer: item.optional_text("answer")?.map(Into::into),
        ended_waiting: item.flag("endedWaiting")?,
        expires_at: item.ttl("ttl")?,
    })
}

/// The key of a turn. Keys sort like their numbers.
fn turn_key(number: u32) -> String {
    format!("turn#{number:010}")
}
