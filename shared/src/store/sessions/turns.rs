//! A session's turns: what was said, and once that is known what was answered.
//!
//! A turn is settled when its job has ended and its row says so: from then on it is a part of what later
//! turns are given.

use anyhow::{Context, Result};
use jiff::Timestamp;

use super::{Sessions, done, key};
use crate::aws::item::{Attributes, Item, ItemError, number, text, time, ttl};
use crate::domain::ids::{JobId, SessionId};
use crate::domain::job::{Job, Status, Turn};
use crate::domain::limits;

/// Turns that one question reads.
const PAGE: i32 = 50;

/// One turn as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnRow {
    pub number: u32,
    pub job: JobId,
    pub message: String,
    pub at: Timestamp,
    /// How its job ended, once that is settled.
    pub status: Option<Status>,
    /// The answer's text, or its beginning.
    pub answer: Option<String>,
    ended_waiting: bool,
    expires_at: Timestamp,
}

/// An earlier turn, as a later one's analysis is given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryTurn {
    pub message: String,
    /// Empty where none was given.
    pub answer: String,
}

/// The turns before one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// Oldest first.
    pub turns: Vec<HistoryTurn>,
    /// Whether older ones are left out that the turn before this one was still given.
    pub outgrown: bool,
}

impl Sessions {
    /// The turn of this number.
    pub async fn turn(&self, session: SessionId, number: u32) -> Result<Option<TurnRow>> {
        let get = self
            .dynamo
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(session, &turn_key(number))))
            .consistent_read(true);
        let answer = get.send().await.context("reading a turn")?;
        Ok(answer.item.as_ref().map(entry).transpose()?)
    }

    /// The jobs of the turns before this one that have not been settled, latest first. While there are any,
    /// it may not run. A turn that ended while it waited says nothing of those before it.
    pub async fn unfinished_before(&self, session: SessionId, number: u32) -> Result<Vec<JobId>> {
        let mut unsettled = vec![];
        for earlier in (1..number).rev() {
            match self.turn(session, earlier).await? {
                Some(turn) if turn.status.is_none() => unsettled.push(turn.job),
                Some(turn) if turn.has_ended_waiting() => {}
                _ => break,
            }
        }
        Ok(unsettled)
    }

    /// Notes how the turn's job ended, and what it answered.
    pub(super) async fn record_answer(&self, job: &Job, turn: &Turn, answer: &str) -> Result<()> {
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
            let kept = limits::prefix(answer, limits::ANSWER_IN_SESSION_BYTES);
            update = update.expression_attribute_values(":answer", text(kept));
        }
        if job.waits_for_turn() {
            set.push_str(", endedWaiting = :true");
            let flag = aws_sdk_dynamodb::types::AttributeValue::Bool(true);
            update = update.expression_attribute_values(":true", flag);
        }
        // Of a turn past its retention there is nothing to note.
        done(update.update_expression(set).send().await).map(drop)
    }

    /// Turns from this number on, oldest first, as many as one answer takes; and the next one's number, if
    /// there are more.
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
            bytes += turn.spelled();
            if bytes > limits::ANSWER_BYTES && !turns.is_empty() {
                return Ok((turns, Some(turn.number)));
            }
            turns.push(turn);
        }
        let next = turns.last().map(|last: &TurnRow| last.number + 1);
        turns.retain(|turn| turn.expires_at > now);
        Ok((turns, next.filter(|_| more)))
    }

    /// The turns before this one, the oldest left out where there are too many for an analysis.
    pub async fn history(&self, turn: &Turn) -> Result<History> {
        let (mut before, mut bytes, mut next) = (vec![], 0, turn.number);
        // What the turn before this one was given: all but itself.
        let mut given_before = 0;
        while next > 1 && given_before <= limits::HISTORY_BYTES {
            let (page, more) = self.query(turn.session, 1, next - 1, false, PAGE).await?;
            for entry in page {
                next = entry.number;
                bytes += entry.bytes();
                if entry.number + 1 < turn.number {
                    given_before += entry.bytes();
                }
                before.push((bytes, entry));
            }
            if !more {
                break;
            }
        }
        let outgrown = bytes > limits::HISTORY_BYTES && given_before <= limits::HISTORY_BYTES;
        let given = before
            .into_iter()
            .take_while(|(bytes, _)| *bytes <= limits::HISTORY_BYTES);
        let mut turns: Vec<HistoryTurn> = given
            .map(|(_, entry)| HistoryTurn {
                message: entry.message,
                answer: entry.answer.unwrap_or_default(),
            })
            .collect();
        turns.reverse();
        Ok(History { turns, outgrown })
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
        let answer = query.send().await.context("reading a session's turns")?;
        let more = answer.last_evaluated_key.is_some();
        let items = answer.items.unwrap_or_default();
        let entries: Result<Vec<TurnRow>, ItemError> = items.iter().map(entry).collect();
        Ok((entries?, more))
    }
}

impl TurnRow {
    /// Whether it ended before it was let go, so that it does not stand for those before it.
    pub(super) fn has_ended_waiting(&self) -> bool {
        self.ended_waiting
    }

    /// What it takes of a history.
    fn bytes(&self) -> usize {
        self.message.len() + self.answer.as_ref().map_or(0, String::len)
    }

    /// What it takes of an answer, at least.
    fn spelled(&self) -> usize {
        let texts = [Some(&self.message), self.answer.as_ref()];
        let spelled = |text: &String| serde_json::Value::from(text.as_str()).to_string().len();
        256 + texts.into_iter().flatten().map(spelled).sum::<usize>()
    }
}

/// The row of a turn that was accepted.
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

fn entry(attributes: &Attributes) -> Result<TurnRow, ItemError> {
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

/// Keys of turns sort as their numbers do.
fn turn_key(number: u32) -> String {
    format!("turn#{number:010}")
}
