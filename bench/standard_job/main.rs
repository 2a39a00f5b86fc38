//! The standard job, over WebSockets, on stacks that this starts: a table of what it took.
//!
//! Several programs are measured in turn, round by round, so that what the machine does besides
//! befalls each alike.

mod crash;
mod load;
mod plan;
mod table;
mod usage;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;

use crate::load::Crowd;
use crate::plan::{Kind, Shape, Stack};
use crate::table::{COLUMNS, Measured, quantile};
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
    /// Kill the worker with kill -9 among 500 jobs, in place of the shapes.
    #[arg(long)]
    crash: bool,
    /// The shapes (three of them) and the crash, in a table of a column for each stack.
    #[arg(long, conflicts_with = "crash")]
    summary: bool,
    /// Where the stacks keep their data, if not where temporary files are.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Options of `longhaul up` besides those that lift its limits.
    #[arg(last = true)]
    options: Vec<String>,
}

type Round = [f64; COLUMNS.len()];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    if arguments.crash {
        table::header(&["stack"], &crash::COLUMNS);
        for (kind, rounds) in arguments.stacks.iter().zip(arguments.crashes().await?) {
            table::row(&[&kind.name], &rounds);
        }
        return Ok(());
    }
    if !arguments.summary {
        table::header(&["stack", "connections x open"], &COLUMNS);
    }
    let mut all = vec![vec![]; arguments.stacks.len()];
    for shape in &arguments.shapes {
        let rounds = arguments.rounds(shape).await?;
        for ((kind, rounds), all) in arguments.stacks.iter().zip(rounds).zip(&mut all) {
            if !arguments.summary {
                table::row(&[&kind.name, shape], &rounds);
            }
            all.push(rounds);
        }
    }
    if arguments.summary {
        let crashes = arguments.crashes().await?;
        let stacks = arguments.stacks.iter().zip(all).zip(crashes);
        let stacks = stacks.map(|((kind, shapes), crashes)| Measured {
            name: kind.name.clone(),
            shapes,
            crashes,
        });
        table::summary(&arguments.shapes, &stacks.collect::<Vec<_>>());
    }
    Ok(())
}

impl Arguments {
    /// All rounds of a shape, for each stack.
    async fn rounds(&self, shape: &Shape) -> Result<Vec<Vec<Round>>> {
        let mut rounds = vec![vec![]; self.stacks.len()];
        for _ in 0..self.rounds {
            for (kind, rounds) in self.stacks.iter().zip(&mut rounds) {
                let round = self.round(kind, shape).await?;
                eprintln!("{} {shape}: {round:.2?}", kind.name);
                rounds.push(round);
            }
        }
        Ok(rounds)
    }

    /// All rounds of a crash, for each stack.
    async fn crashes(&self) -> Result<Vec<Vec<crash::Toll>>> {
        let options = crash::OPTIONS.map(str::to_owned);
        let options = [&self.options[..], &options].concat();
        let shape = Shape {
            connections: crash::CONNECTIONS,
            outstanding: 1,
            jobs: crash::JOBS,
        };
        let mut rounds = vec![vec![]; self.stacks.len()];
        for _ in 0..self.rounds {
            for (kind, rounds) in self.stacks.iter().zip(&mut rounds) {
                let stack = Stack::start(kind, self.folder.as_ref(), &options)?;
                let crowd = Crowd::connect(&stack.gateway, &plan::tokens(&shape)?).await?;
                let (_, crowd) = crowd.run(shape.warm_up(), shape.outstanding).await?;
                let toll = crash::run(crowd, stack.pid()).await?;
                eprintln!("{} killed: {toll:.2?}", kind.name);
                rounds.push(toll);
            }
        }
        Ok(rounds)
    }

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
