//! How a question is worked on: its sources are listed, the newest month is read, then what else the question needs,
//! several files at once. Each is a step, so that after a crash nothing that was read is read again; a source that
//! fails is named in the answer, which rests on the others.
//!
//! It plans and reads; what is in a bill and what is asked of it are others' business.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use jiff::ToSpan;
use jiff::civil::Date;
use tokio::task::JoinSet;

use super::bill::Bill;
use super::failed;
use super::families::FORECAST_DAYS;
use super::fetching::Opened;
use super::headway::Headway;
use super::intent::Intent;
use super::pack;
use super::question::Question;
use super::reading::Reading;
use super::source::{Part, REPLACED, Source};
use super::words::Words;
use crate::analysis::{Context, Failure};

/// Files that are read at once: a worker has about two processors, and S3 is waited for.
const AT_ONCE: usize = 4;
/// Versions of a file that are tried, where each is replaced before it is read.
const VERSIONS: usize = 3;
/// Rows between two looks at whether others want the thread.
const ROWS: u64 = 4_096;
/// How often it is told how far the reading is.
const TOLD_EVERY: Duration = Duration::from_millis(500);
/// Days around those asked about that are read too, since what is unusual is so beside them.
const AROUND: i64 = 28;

/// Reads what the conversation's last question needs of the sources.
pub(super) async fn read(
    source: &Source,
    context: &Context,
    turns: &[Words],
) -> Result<Reading, Failure> {
    context.progress(10, "Looking for the bill");
    let (mut parts, mut failures) = (Vec::new(), Vec::new());
    // Each attempt lists anew, since what was listed may be gone; what is as it was is read out of its step.
    let attempt = context.attempt();
    for (at, location) in source.locations.iter().enumerate() {
        match context
            .step("sources", &(at, location.name(), attempt), location.parts())
            .await
        {
            Ok(found) => parts.extend(found),
            Err(failure) => failures.push(failure),
        }
    }
    // The newest month first: relative periods count from its last day.
    let newest = parts.iter().filter_map(|part| part.days).max();
    let (first, later): (Vec<Part>, Vec<Part>) = parts
        .into_iter()
        .partition(|part| part.days.is_none() || part.days == newest);
    let mut reading = Reading::new(turns);
    let work = Work {
        context,
        turns,
        done: AtomicU64::new(0),
        // All that there are, until it is known how many are needed.
        all: AtomicU64::new((first.len() + later.len()) as u64),
    };
    work.read(first, &mut reading, &mut failures).await?;
    let question = Question::read_last(turns, &reading.ledger);
    let needed = reading
        .ledger
        .days
        .and_then(|(_, last)| needed(&question, last));
    let (wanted, left): (Vec<Part>, Vec<Part>) = later
        .into_iter()
        .partition(|part| overlap(part.days, needed));
    work.all.fetch_sub(left.len() as u64, Ordering::Relaxed);
    work.read(wanted, &mut reading, &mut failures).await?;
    if let Some(start) = left
        .iter()
        .filter_map(|part| part.days)
        .map(|(start, _)| start)
        .min()
    {
        reading.begins(start);
    }
    if reading.files == 0 {
        let none = || failed("No bill is configured.".to_owned());
        return Err(Failure::of_all(failures).unwrap_or_else(none));
    }
    reading.notes = failures.iter().map(said).collect();
    if !left.is_empty() {
        reading.notes.push(format!(
            "{} files of other months were not needed and not read.",
            left.len()
        ));
    }
    Ok(reading)
}

/// The days of which charges matter to the answer; `None` is all.
fn needed(question: &Question, last: Date) -> Option<(Date, Date)> {
    let ahead = matches!(question.intent, Intent::Forecast | Intent::Budget(_));
    let recent = last.checked_sub(FORECAST_DAYS.days()).ok()?;
    let (start, end) = match &question.period {
        Some(period) => (period.start, period.end),
        None if question.intent == Intent::Forecast => (recent, last),
        None => return None,
    };
    let before = match &question.base {
        Some(base) => base.start,
        None if question.intent.of_two_periods() => question.period.as_ref()?.shifted("")?.start,
        None => start,
    };
    let start = if ahead {
        before.min(recent)
    } else {
        before.min(start)
    };
    Some((
        start.checked_sub(AROUND.days()).ok()?,
        end.checked_add(AROUND.days()).ok()?,
    ))
}

fn overlap(days: Option<(Date, Date)>, needed: Option<(Date, Date)>) -> bool {
    match (days, needed) {
        // Charges may be billed in another month than they were made in.
        (Some((start, end)), Some((from, until))) => {
            let late = end.checked_add(1.month()).unwrap_or(end);
            start < until && from < late
        }
        _ => true,
    }
}

fn said(failure: &Failure) -> String {
    format!("Left out: {}", super::text::escape_long(failure.message()))
}

struct Work<'a> {
    context: &'a Context,
    turns: &'a [Words],
    done: AtomicU64,
    all: AtomicU64,
}

impl Work<'_> {
    /// Reads these files, several at once, and adds them up in their order.
    async fn read(
        &self,
        parts: Vec<Part>,
        reading: &mut Reading,
        failures: &mut Vec<Failure>,
    ) -> Result<(), Failure> {
        let files: Vec<_> = parts.into_iter().map(|part| self.part(part)).collect();
        let mut read = stream::iter(files).buffered(AT_ONCE);
        while let Some(one) = read.next().await {
            match one {
                Ok(one) => reading.merge(one).map_err(|_| inexact(&reading.name))?,
                Err(failure) => failures.push(failure),
            }
        }
        Ok(())
    }

    /// One file, as it is now if it was replaced since it was listed.
    async fn part(&self, mut part: Part) -> Result<Reading, Failure> {
        for _ in 1..VERSIONS {
            match self.version(&part).await {
                Err(failure) if failure.code() == REPLACED => part = part.anew().await?,
                read => return read,
            }
        }
        self.version(&part).await
    }

    /// One version of a file: out of its step if an earlier attempt has read it.
    async fn version(&self, part: &Part) -> Result<Reading, Failure> {
        let questions: Vec<String> = self.turns.iter().map(Words::text_of_all).collect();
        let mut fresh = None;
        let kept = {
            let work = async {
                let read = self.fresh(part).await?;
                let packed = pack::pack(&read);
                fresh = Some(read);
                Ok(packed)
            };
            self.context.step("read", &(part, &questions), work).await?
        };
        let read = match (fresh, kept.as_deref().and_then(pack::unpack)) {
            (Some(read), _) | (None, Some(read)) => read,
            // It was too large to be kept.
            (None, None) => self.fresh(part).await?,
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        self.told(part, &Headway::default());
        Ok(read)
    }

    /// Fetches and reads the file on a thread of its own, and tells how far it is.
    async fn fresh(&self, part: &Part) -> Result<Reading, Failure> {
        let headway = Arc::new(Headway::default());
        self.told(part, &headway);
        let (own, counted) = (part.clone(), Arc::clone(&headway));
        let turns = self.turns.to_vec();
        // The set ends what it runs when it is dropped.
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            let Opened { file, room: _room } = own.open(&counted).await?;
            let bill = Bill::of(file, own.name().to_owned());
            let mut bill = bill.map_err(|unreadable| failed(unreadable.0))?;
            let mut reading = Reading::new(&turns);
            reading.files = 1;
            bill.name().clone_into(&mut reading.name);
            while let Some(row) = bill.next_row().map_err(|unreadable| failed(unreadable.0))? {
                reading.add(&row).map_err(|_| inexact(&reading.name))?;
                if reading.ledger.rows.is_multiple_of(ROWS) {
                    counted.read(reading.ledger.rows);
                    tokio::task::yield_now().await;
                }
            }
            Ok(reading)
        });
        let mut tick = tokio::time::interval(TOLD_EVERY);
        loop {
            tokio::select! {
                read = reader.join_next() => return match read {
                    Some(Ok(read)) => read,
                    // A panic goes on as one: the attempt knows what to do about it.
                    Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                    _ => Err(failed("The bill was not read to its end.".to_owned())),
                },
                _ = tick.tick() => self.told(part, &headway),
            }
        }
    }

    fn told(&self, part: &Part, headway: &Headway) {
        let (done, all) = (
            self.done.load(Ordering::Relaxed),
            self.all.load(Ordering::Relaxed),
        );
        let what = match part.days {
            Some((start, _)) => start.strftime("%B %Y").to_string(),
            None => "the bill".to_owned(),
        };
        let percent = 10 + 80 * done / all.max(1);
        let files = (all != 1).then_some((done, all));
        self.context
            .progress(percent as u8, headway.told(&what, files));
    }
}

/// A bill whose sums would have to be rounded.
pub(super) fn inexact(name: &str) -> Failure {
    failed(format!(
        "The amounts of the bill {name} have too many digits to be added exactly."
    ))
}
