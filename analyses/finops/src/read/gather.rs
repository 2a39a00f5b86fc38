//! How a question is planned: the newest month of the bills is read first, since periods count from it, then what
//! else the question needs of them; Cost Explorer is asked for the days that no bill has, and meanwhile AWS for what
//! it recommends. A source that fails is named in the answer, which rests on the others.
//!
//! It decides what is read. How each piece is, and what is asked of all, is others' business.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use longhaul_shared::clock;
use longhaul_worker::analysis::{Context, Failure};

use crate::aws::cost_explorer;
use crate::aws::sources::Services;
use crate::bill::charge_filter::Scope;
use crate::cost_data::collected::Reading;
use crate::failures::failed;
use crate::plan::date_gap::{self, Stretch};
use crate::plan::needed_days::FORECAST_USUAL;
use crate::plan::needed_days::{needed, overlap};
use crate::question::intent::Intent;
use crate::question::parse::Question;
use crate::read::bill_file::Part;
use crate::read::locations::Source;
use crate::read::tasks::{Piece, Reader};
use crate::text::tokens::Words;

/// Reads what the conversation's last question needs of the sources, and asks AWS what it recommends meanwhile.
pub(crate) async fn read(
    source: &Source,
    services: &Services,
    context: &Context,
    turns: &[Words],
) -> Result<Reading, Failure> {
    let saves = turns
        .last()
        .is_some_and(|turn| Intent::read(&mut turn.clone()) == Intent::Savings);
    let mut reading = Reading::new(turns);
    let mut work = Work {
        context,
        turns,
        services,
        today: clock::now().to_zoned(TimeZone::UTC).date(),
        reader: Reader::new(context, turns, services),
        failures: Vec::new(),
    };
    let recommended = async {
        if saves {
            services.recommended(context).await
        } else {
            Default::default()
        }
    };
    let (figures, (recommended, silent)) =
        tokio::join!(work.figures(source, &mut reading), recommended);
    figures?;
    reading.opinion.recommended = recommended;
    work.failures.extend(silent);
    work.forecast(&mut reading).await;
    if reading.name.is_empty() && reading.opinion.recommended.is_empty() {
        let none = || failed("No bill is configured.".to_owned());
        return Err(Failure::of_all(work.failures).unwrap_or_else(none));
    }
    let left_out = work.failures.iter().map(said);
    reading.notes.splice(..0, left_out);
    Ok(reading)
}

fn said(failure: &Failure) -> String {
    format!(
        "Left out: {}",
        crate::text::sanitize::escape_long(failure.message())
    )
}

struct Work<'a> {
    context: &'a Context,
    turns: &'a [Words],
    services: &'a Services,
    today: Date,
    reader: Reader<'a>,
    /// Of the sources that could not be read.
    failures: Vec<Failure>,
}

impl Work<'_> {
    /// Reads the newest month of the bills, then what else of them the question needs, and of Cost Explorer the days
    /// that they do not have.
    async fn figures(&mut self, source: &Source, reading: &mut Reading) -> Result<(), Failure> {
        let parts = self.parts(source).await;
        let start = |parts: &[Part]| parts.iter().filter_map(|part| Some(part.days?.0)).min();
        let begins = start(&parts);
        // The newest month first: relative periods count from its last day.
        let newest = parts.iter().filter_map(|part| part.days).max();
        let (first, later): (Vec<Part>, Vec<Part>) = parts
            .into_iter()
            .partition(|part| part.days.is_none() || part.days == newest);
        // All that there are, until it is known how many are needed.
        let of_first = first.len();
        self.reader.all = (of_first + later.len()) as u64;
        let first = first.into_iter().map(Piece::File);
        self.reader.read(first, reading, &mut self.failures).await?;
        let billed = reading.ledger.days;
        let billed = billed.map(|(first, last)| (begins.map_or(first, |day| day.min(first)), last));
        let days = self.days(billed);
        let question = reading.asked_over(self.turns, days);
        let needed = days.and_then(|(_, last)| needed(&question, last));
        let (wanted, left): (Vec<Part>, Vec<Part>) = later
            .into_iter()
            .partition(|part| overlap(part.days, needed));
        let stretches = self.stretches(reading, billed, needed);
        self.reader.all = (of_first + wanted.len() + stretches.len()) as u64;
        let wanted = wanted.into_iter().map(Piece::File);
        let wanted = wanted.chain(stretches.iter().cloned().map(Piece::Explorer));
        self.reader
            .read(wanted, reading, &mut self.failures)
            .await?;
        if let Some(start) = start(&left) {
            reading.begins(start);
            let left = left.len();
            reading.notes.push(format!(
                "{left} files of other months were not needed and not read."
            ));
        }
        if let Some(asked) = stretches
            .first()
            .filter(|_| reading.name.ends_with(date_gap::NAME))
        {
            if needed.is_some() {
                reading.begins(date_gap::history(self.today).0);
            }
            let paid = asked.notes(reading.requests);
            reading.notes.extend(paid);
        }
        Ok(())
    }

    /// Lists the bills; a location that can't be listed is left out.
    async fn parts(&mut self, source: &Source) -> Vec<Part> {
        let mut parts = Vec::new();
        if !source.locations.is_empty() {
            self.context.progress(10, "Looking for the bill");
        }
        // Each attempt lists anew, since what was listed may be gone; what is as it was is read out of its step.
        let attempt = self.context.attempt();
        for (at, location) in source.locations.iter().enumerate() {
            let (listed, input) = (location.parts(), (at, location.name(), attempt));
            match self.context.step("sources", &input, listed).await {
                Ok(found) => parts.extend(found),
                Err(failure) => self.failures.push(failure),
            }
        }
        parts
    }

    /// The days that all sources have together, as far as they are known.
    fn days(&self, billed: Option<(Date, Date)>) -> Option<(Date, Date)> {
        if !self.services.cost_explorer {
            return billed;
        }
        let (first, end) = date_gap::history(self.today);
        let last = end.yesterday().unwrap_or(end);
        Some(billed.map_or((first, last), |(from, until)| {
            (first.min(from), last.max(until))
        }))
    }

    /// What Cost Explorer is to be asked for. AWS's charges are in a bill of AWS's already.
    fn stretches(
        &self,
        reading: &Reading,
        billed: Option<(Date, Date)>,
        needed: Option<(Date, Date)>,
    ) -> Vec<Stretch> {
        if !self.services.cost_explorer {
            return vec![];
        }
        let of_aws = |name: &String| name.contains("AWS") || name.contains("Amazon");
        let usual = date_gap::usual(self.today);
        let needed = needed.unwrap_or_else(|| billed.map_or(usual, |(first, _)| (first, usual.1)));
        let billed = billed.filter(|_| reading.ledger.providers.iter().any(of_aws));
        date_gap::stretches(needed, billed, self.today, self.turns)
    }

    /// Has Cost Explorer foretell what the question wants foretold, where that is of all accounts and services.
    async fn forecast(&mut self, reading: &mut Reading) {
        let question = Question::read_last(self.turns, &reading.ledger);
        let whole = Scope {
            days: None,
            ..question.scope
        } == Scope::default();
        if !self.services.cost_explorer || question.intent != Intent::Forecast || !whole {
            return;
        }
        let end = match question.period {
            Some(period) => period.end,
            None => self.today.saturating_add(FORECAST_USUAL.days()),
        };
        if end <= self.today {
            return;
        }
        self.context
            .progress(88, "Asking Cost Explorer for its forecast");
        let asked = Box::pin(cost_explorer::forecast(self.today, end));
        match self
            .context
            .step("forecast", &(self.today, end), asked)
            .await
        {
            Ok(forecast) => {
                reading.requests += 1;
                reading.opinion.forecast = Some(forecast);
            }
            Err(failure) => self.failures.push(failure),
        }
    }
}
