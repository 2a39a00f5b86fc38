//! Reading the pieces of a question's figures, several at once: files of bills, and days of Cost Explorer. Each is a
//! step, so that after a crash nothing that was read is read again, and says how far it is.
//!
//! Which pieces a question needs is the supervisor's business, and what is in them is their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use longhaul_worker::analysis::{Context, Failure};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::aws::cost_explorer;
use crate::aws::sources::Services;
use crate::cost_data::collected::Reading;
use crate::failures::{failed, inexact};
use crate::plan::date_gap::Stretch;
use crate::read::bill_failures::REPLACED;
use crate::read::bill_file::Part;
use crate::read::bill_reader::Bill;
use crate::read::checkpoint;
use crate::read::open_file;
use crate::read::read_progress::Headway;
use crate::read::s3_download::Opened;
use crate::text::tokens::Words;

/// Files that are read at once: a worker has about two processors, and S3 is waited for.
const AT_ONCE: usize = 4;
/// Versions of a file that are tried, where each is replaced before it is read.
const VERSIONS: usize = 3;
/// Rows between two looks at whether others want the thread.
const ROWS: u64 = 4_096;
/// Sums that are held: a worker of 512 MB has room for these, some hundred bytes each, of two files at once.
const MOST_SUMS: usize = if cfg!(test) { 50_000 } else { 1_000_000 };
/// The steps that keep what does not fit into one.
const MORE: &str = "read more";
/// How often it is told how far the reading is.
const TOLD_EVERY: Duration = Duration::from_millis(500);

/// What one step reads.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Piece {
    File(Part),
    Explorer(Stretch),
}

/// Reads pieces for one job.
pub(crate) struct Reader<'a> {
    context: &'a Context,
    turns: &'a [Words],
    services: &'a Services,
    done: AtomicU64,
    /// How many there are, as far as it is known.
    pub all: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(context: &'a Context, turns: &'a [Words], services: &'a Services) -> Self {
        Self {
            context,
            turns,
            services,
            done: AtomicU64::new(0),
            all: 0,
        }
    }

    /// Reads these, several at once, and adds them up in their order; those that can't be read are left out.
    pub(crate) async fn read(
        &self,
        pieces: impl Iterator<Item = Piece>,
        reading: &mut Reading,
        failures: &mut Vec<Failure>,
    ) -> Result<(), Failure> {
        let pieces: Vec<_> = pieces.map(|piece| self.piece(piece)).collect();
        let mut read = stream::iter(pieces).buffered(AT_ONCE);
        while let Some(one) = read.next().await {
            match one {
                Ok(one) => {
                    reading.merge(one).map_err(|_| inexact(&reading.name))?;
                    bounded(reading)?;
                }
                Err(failure) => failures.push(failure),
            }
        }
        Ok(())
    }

    /// One of them; a file as it is now, if it was replaced since it was listed.
    async fn piece(&self, mut piece: Piece) -> Result<Reading, Failure> {
        for _ in 1..VERSIONS {
            match (self.version(&piece).await, &piece) {
                (Err(failure), Piece::File(part)) if failure.code() == REPLACED => {
                    piece = Piece::File(open_file::anew(part).await?);
                }
                (read, _) => return read,
            }
        }
        self.version(&piece).await
    }

    /// One version of it: out of its steps if an earlier attempt has read it.
    async fn version(&self, piece: &Piece) -> Result<Reading, Failure> {
        let questions: Vec<String> = self.turns.iter().map(Words::text_of_all).collect();
        let input = (piece, &questions);
        let mut fresh = None;
        let (first, more): (Option<String>, usize) = {
            let work = async {
                let read = self.fresh(piece).await?;
                let mut texts = checkpoint::pack(&read).into_iter();
                fresh = Some(read);
                let (first, more) = (texts.next(), texts.len());
                for (at, text) in texts.enumerate() {
                    self.context
                        .step(MORE, &(&input, at), async { Ok(text) })
                        .await?;
                }
                Ok((first, more))
            };
            self.context.step("read", &input, work).await?
        };
        let kept = match (&fresh, first) {
            (None, Some(first)) => self.kept(&input, first, more).await,
            _ => None,
        };
        let read = match fresh.or(kept) {
            Some(read) => read,
            // It was too large to be kept.
            None => self.fresh(piece).await?,
        };
        self.done.fetch_add(1, Ordering::Relaxed);
        self.told(piece, &Headway::default());
        Ok(read)
    }

    /// What an earlier attempt has kept, in this many steps more.
    async fn kept(&self, input: &impl Serialize, first: String, more: usize) -> Option<Reading> {
        let mut text = first;
        for at in 0..more {
            let lost = async { Err(failed("A step was not kept.".to_owned())) };
            let next: Result<String, Failure> = self.context.step(MORE, &(input, at), lost).await;
            text += &next.ok()?;
        }
        checkpoint::unpack(&text)
    }

    async fn fresh(&self, piece: &Piece) -> Result<Reading, Failure> {
        match piece {
            Piece::File(part) => self.file(piece, part).await,
            Piece::Explorer(stretch) => {
                self.told(piece, &Headway::default());
                // On the heap: the SDK's calls are deep futures.
                Box::pin(cost_explorer::read(
                    stretch,
                    self.services.cache.as_deref(),
                    self.turns,
                ))
                .await
            }
        }
    }

    /// Fetches and reads the file on a thread of its own, and tells how far it is.
    async fn file(&self, piece: &Piece, part: &Part) -> Result<Reading, Failure> {
        let headway = Arc::new(Headway::default());
        self.told(piece, &headway);
        let (own, counted) = (part.clone(), Arc::clone(&headway));
        let turns = self.turns.to_vec();
        // The set ends what it runs when it is dropped.
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            let Opened { file, room: _room } = open_file::open(&own, &counted).await?;
            let bill = Bill::of(file, own.name().to_owned());
            let mut bill = bill.map_err(|unreadable| failed(unreadable.0))?;
            let mut reading = Reading::new(&turns);
            reading.files = 1;
            bill.name().clone_into(&mut reading.name);
            while let Some(row) = bill.next_row().map_err(|unreadable| failed(unreadable.0))? {
                reading.add(&row).map_err(|_| inexact(&reading.name))?;
                if reading.ledger.rows.is_multiple_of(ROWS) {
                    bounded(&reading)?;
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
                _ = tick.tick() => self.told(piece, &headway),
            }
        }
    }

    fn told(&self, piece: &Piece, headway: &Headway) {
        let (done, all) = (self.done.load(Ordering::Relaxed), self.all);
        let files = (all != 1).then_some((done, all));
        let message = match piece {
            Piece::File(Part {
                days: Some((start, _)),
                ..
            }) => headway.told(&start.strftime("%B %Y").to_string(), files),
            Piece::File(_) => headway.told("the bill", files),
            Piece::Explorer(stretch) => {
                format!("Asking Cost Explorer for the days from {}", stretch.start)
            }
        };
        let percent = 10 + 80 * done / all.max(1);
        self.context.progress(percent as u8, message);
    }
}

/// Refuses what would not fit into memory.
fn bounded(reading: &Reading) -> Result<(), Failure> {
    match reading.ledger.sums() {
        0..=MOST_SUMS => Ok(()),
        _ => Err(failed(format!(
            "{} has more than {MOST_SUMS} combinations of day, service, account, region and tags: ask for fewer months.",
            reading.name
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::analysis::Finops;
    use crate::read::locations::Source;
    use longhaul_worker::testing;

    #[tokio::test]
    async fn a_bill_with_more_sums_than_fit_into_memory_is_refused() {
        let mut bill = tempfile::NamedTempFile::new().unwrap();
        let header = "BilledCost,BillingCurrency,ChargePeriodStart,ServiceName,SubAccountId";
        writeln!(bill, "{header}").unwrap();
        for account in 0..60_000 {
            writeln!(bill, "1,USD,2026-05-01T00:00:00Z,AWS Lambda,{account}").unwrap();
        }
        let source = Source::at(&bill.path().to_string_lossy(), false);
        let finops = Finops::new(source, Services::default());
        let run = testing::run(&finops, testing::question("What did we spend?")).await;
        let failure = run.result.unwrap_err();
        assert_eq!(failure.code(), "BILL_UNREADABLE");
        assert!(
            failure.message().contains("50000 combinations"),
            "{failure:?}"
        );
    }
}
