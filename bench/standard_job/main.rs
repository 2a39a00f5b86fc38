//! The standard job, over WebSockets, on stacks that this starts: a table of what it took.
//!
//! Several programs are measured in turn, round by round, so that what the machine does besides
//! befalls each alike.

mod load;
mod plan;
mod usage;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;

use crate::load::Crowd;
use crate::plan::{Kind, Shape, Stack};
use crate::usage::{Cpu, Peak};

#[derive(Parser)]
struct Arguments {
    /// A program, and a folder of packages that it runs in place of itself if there is one; may be repeated.
    #[arg(long = "stack", value_name = "NAME=PATH[,PACKAGES]", required = true)]
    stacks: Vec<Kind>,
    /// CONNECTIONSxOUTSTANDING:JOBS; may be repeated.
    #[arg(long = "shape", default_values = ["4x1:2000", "64x1:5000", "64x4:10000"])]
    shapes: Vec<Shape>,
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the stacks keep their data, if not where temporary files are.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Options of `longhaul up` besides those that lift its limits.
    #[arg(last = true)]
    options: Vec<String>,
}

/// What the table shows of a round, in its order.
const COLUMNS: [&str; 8] = [
    "jobs/s",
    "p50 queued ms",
    "p50 completed ms",
    "p99 queued ms",
    "p99 completed ms",
    "CPU ms a job",
    "of it functions",
    "peak memory MB",
];

type Round = [f64; COLUMNS.len()];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!("| stack | connections x open | {} |", COLUMNS.join(" | "));
    println!("| --- | --- {}|", "| --- ".repeat(COLUMNS.len()));
    for shape in &arguments.shapes {
        let mut rounds = vec![vec![]; arguments.stacks.len()];
        for _ in 0..arguments.rounds {
            for (kind, rounds) in arguments.stacks.iter().zip(&mut rounds) {
                let round = arguments.round(kind, shape).await?;
                eprintln!("{} {shape}: {round:.2?}", kind.name);
                rounds.push(round);
            }
        }
        for (kind, rounds) in arguments.stacks.iter().zip(rounds) {
            let cells: Vec<String> = (0..COLUMNS.len())
                .map(|column| cell(rounds.iter().map(|round| round[column]).collect()))
                .collect();
            println!("| {} | {shape} | {} |", kind.name, cells.join(" | "));
        }
    }
    Ok(())
}

impl Arguments {
    async fn round(&self, kind: &Kind, shape: &Shape) -> Result<Round> {
        let stack = Stack::start(kind, self.folder.as_ref(), &self.options)?;
        let crowd = Crowd::connect(&stack.gateway, &plan::tokens(shape)?).await?;
        let peak = Peak::of(stack.pid());
        let before = || Ok((Cpu::of(stack.pid())?, Instant::now()));
        let (seen, (begun, since), crowd) = load::measure(crowd, shape, before).await?;
        let (took, used) = (since.elapsed(), Cpu::of(stack.pid())?);
        let (cloud, functions) = (used.cloud - begun.cloud, used.functions - begun.functions);
        let each = |time: Duration| 1000.0 * time.as_secs_f64() / shape.jobs as f64;
        let peak = peak.highest();
        drop(crowd);
        let (queued, completed) = (sorted(seen.queued), sorted(seen.completed));
        Ok([
            shape.jobs as f64 / took.as_secs_f64(),
            quantile(&queued, 0.5),
            quantile(&completed, 0.5),
            quantile(&queued, 0.99),
            quantile(&completed, 0.99),
            each(cloud + functions),
            each(functions),
            peak as f64 / 1e6,
        ])
    }
}

/// In milliseconds.
fn sorted(times: Vec<Duration>) -> Vec<f64> {
    let mut times: Vec<f64> = times
        .iter()
        .map(|time| 1000.0 * time.as_secs_f64())
        .collect();
    times.sort_by(f64::total_cmp);
    times
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = (part * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The median, with the least and the most.
fn cell(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let digits =
        usize::from(quantile(&values, 0.5) < 100.0) + usize::from(quantile(&values, 0.5) < 10.0);
    let [least, middle, most] = [0.0, 0.5, 1.0].map(|part| quantile(&values, part));
    format!("{middle:.digits$} ({least:.digits$} to {most:.digits$})")
}
