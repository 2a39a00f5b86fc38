//! Gathers the data that a question needs.
//!
//! The newest month of the bills is read first, since relative periods count from its end, and then the other
//! months that the question needs. Cost Explorer is asked for days that no bill has, and AWS for recommendations
//! meanwhile. A source that fails is named in the answer, which uses the others.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use longhaul_shared::clock;
use longhaul_worker::analysis::{Context, Failure};

use crate::aws::cost_explorer;
use crate::aws::sources::AwsSources;
use crate::bill::charge_filter::ChargeFilter;
use crate::cost_data::CostData;
use crate::failures::unreadable;
use crate::plan::date_gap::{self, DateGap};
use crate::plan::needed_days::{DEFAULT_FORECAST_DAYS, needed_days, overlaps};
use crate::question::intent::Intent;
use crate::question::parse::Question;
use crate::read::bill_file::BillFile;
use crate::read::locations::BillSource;
use crate::read::tasks::{ReadTask, ReadTaskRunner};
use crate::text::sanitize::escape_unclipped;
use crate::text::tokens::Tokens;

/// Reads what the conversation's last question needs of all sources.
pub(crate) async fn gather(
    source: &BillSource,
    aws_sources: &AwsSources,
    context: &Context,
    turns: &[Tokens],
) -> Result<CostData, Failure> {
    let about_savings = turns
        .last()
        .is_some_and(|turn| Intent::detect(&mut turn.clone()) == Intent::Savings);
    let mut cost_data = CostData::new(turns);
    let mut gatherer = Gatherer {
        context,
        turns,
        aws_sources,
        today: clock::now().to_zoned(TimeZone::UTC).date(),
        runner: ReadTaskRunner::new(context, turns, aws_sources),
        failures: Vec::new(),
    };
    let recommendations = async {
        if about_savings {
            aws_sources.recommendations(context).await
        } else {
            Default::default()
        }
    };
    let (figures, (recommendations, unanswered)) = tokio::join!(
        gatherer.gather_costs(source, &mut cost_data),
        recommendations
    );
    figures?;
    cost_data.aws_insights.recommended = recommendations;
    gatherer.failures.extend(unanswered);
    gatherer.add_aws_forecast(&mut cost_data).await;
    if cost_data.name.is_empty() && cost_data.aws_insights.recommended.is_empty() {
        let none = || unreadable("No bill is configured.".to_owned());
        return Err(Failure::of_all(gatherer.failures).unwrap_or_else(none));
    }
    let left_out = gatherer.failures.iter().map(left_out_note);
    cost_data.notes.splice(..0, left_out);
    Ok(cost_data)
}

fn left_out_note(failure: &Failure) -> String {
    format!("Left out: {}", escape_unclipped(failure.message()))
}

struct Gatherer<'a> {
    context: &'a Context,
    turns: &'a [Tokens],
    aws_sources: &'a AwsSources,
    today: Date,
    runner: ReadTaskRunner<'a>,
    /// The failures of sources that are left out.
    failures: Vec<Failure>,
}

impl Gatherer<'_> {
    /// Reads the newest month of the bills, then the other months that the question needs, and Cost Explorer's
    /// charges for days that no bill has.
    async fn gather_costs(
        &mut self,
        source: &BillSource,
        cost_data: &mut CostData,
    ) -> Result<(), Failure> {
        let files = self.list_files(source).await;
        let start = |files: &[BillFile]| files.iter().filter_map(|file| Some(file.days?.0)).min();
        let begins = start(&files);
        // The newest month first: relative periods count from its last day.
        let newest = files.iter().filter_map(|file| file.days).max();
        let (first, later): (Vec<BillFile>, Vec<BillFile>) = files
            .into_iter()
            .partition(|file| file.days.is_none() || file.days == newest);
        // The number of all files, until it is known how many are needed.
        let first_count = first.len();
        self.runner.all = (first_count + later.len()) as u64;
        let first = first.into_iter().map(ReadTask::File);
        self.runner
            .run_all(first, cost_data, &mut self.failures)
            .await?;
        let billed = cost_data.ledger.days;
        let billed = billed.map(|(first, last)| (begins.map_or(first, |day| day.min(first)), last));
        let days = self.known_days(billed);
        let question = cost_data.question_over(self.turns, days);
        let needed = days.and_then(|(_, last)| needed_days(&question, last));
        let (wanted, left): (Vec<BillFile>, Vec<BillFile>) = later
            .into_iter()
            .partition(|file| overlaps(file.days, needed));
        let date_gaps = self.date_gaps(cost_data, billed, needed);
        self.runner.all = (first_count + wanted.len() + date_gaps.len()) as u64;
        let wanted = wanted.into_iter().map(ReadTask::File);
        let wanted = wanted.chain(date_gaps.iter().cloned().map(ReadTask::CostExplorer));
        self.runner
            .run_all(wanted, cost_data, &mut self.failures)
            .await?;
        if let Some(start) = start(&left) {
            cost_data.extend_back_to(start);
            let left = left.len();
            cost_data.notes.push(format!(
                "{left} files of other months were not needed and not read."
            ));
        }
        if let Some(gap) = date_gaps
            .first()
            .filter(|_| cost_data.name.ends_with(date_gap::COST_EXPLORER))
        {
            if needed.is_some() {
                cost_data.extend_back_to(date_gap::history_days(self.today).0);
            }
            let paid = gap.answer_notes(cost_data.paid_requests);
            cost_data.notes.extend(paid);
        }
        Ok(())
    }

    /// Lists the files of the bills. A location that cannot be listed is left out.
    async fn list_files(&mut self, source: &BillSource) -> Vec<BillFile> {
        let mut files = Vec::new();
        if !source.locations.is_empty() {
            self.context.progress(10, "Looking for the bill");
        }
        // Each attempt lists again, since a listed file may be gone. A file that is still the same is restored from
        // its step.
        let attempt = self.context.attempt();
        for (at, location) in source.locations.iter().enumerate() {
            let (listed, input) = (location.list_files(), (at, location.name(), attempt));
            match self.context.step("sources", &input, listed).await {
                Ok(found) => files.extend(found),
                Err(failure) => self.failures.push(failure),
            }
        }
        files
    }

    /// The known days that all sources cover together.
    fn known_days(&self, billed: Option<(Date, Date)>) -> Option<(Date, Date)> {
        if !self.aws_sources.cost_explorer {
            return billed;
        }
        let (first, end) = date_gap::history_days(self.today);
        let last = end.yesterday().unwrap_or(end);
        Some(billed.map_or((first, last), |(from, until)| {
            (first.min(from), last.max(until))
        }))
    }

    /// The days that Cost Explorer is asked for. A bill of AWS's already has AWS's charges.
    fn date_gaps(
        &self,
        cost_data: &CostData,
        billed: Option<(Date, Date)>,
        needed: Option<(Date, Date)>,
    ) -> Vec<DateGap> {
        if !self.aws_sources.cost_explorer {
            return vec![];
        }
        let of_aws = |name: &String| name.contains("AWS") || name.contains("Amazon");
        let usual = date_gap::default_days(self.today);
        let needed = needed.unwrap_or_else(|| billed.map_or(usual, |(first, _)| (first, usual.1)));
        let billed = billed.filter(|_| cost_data.ledger.providers.iter().any(of_aws));
        date_gap::date_gaps(needed, billed, self.today, self.turns)
    }

    /// Requests Cost Explorer's forecast where the question asks for one over all accounts and services.
    async fn add_aws_forecast(&mut self, cost_data: &mut CostData) {
        let question = Question::parse_last(self.turns, &cost_data.ledger);
        let whole = ChargeFilter {
            days: None,
            ..question.filter
        } == ChargeFilter::default();
        if !self.aws_sources.cost_explorer || question.intent != Intent::Forecast || !whole {
            return;
        }
        let end = match question.period {
            Some(period) => period.end,
            None => self.today.saturating_add(DEFAULT_FORECAST_DAYS.days()),
        };
        if end <= self.today {
            return;
        }
        self.context
            .progress(88, "Asking Cost Explorer for its forecast");
        let request = Box::pin(cost_explorer::forecast(self.today, end));
        match self
            .context
            .step("forecast", &(self.today, end), request)
            .await
        {
            Ok(forecast) => {
                cost_data.paid_requests += 1;
                cost_data.aws_insights.forecast = Some(forecast);
            }
            Err(failure) => self.failures.push(failure),
        }
    }
}
