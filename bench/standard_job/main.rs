//! Measures the standard job over WebSockets, on stacks that it starts, and prints a table.
//!
//! Several programs are measured in turn, round by round, so that other load of the machine affects each alike.

mod crash;
mod load;
mod plan;
mod table;
mod usage;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;

use crate::load::ClientPool;
use crate::plan::{Kind, Shape, Stack};
use crate::table::{COLUMNS, Measured, quantile};
use crate::usage::{Cpu, Peak};

#[derive(Parser)]
struct Arguments {
    /// Program to measure, and an optional folder of packages to run as its functions. May be repeated.
    #[arg(long = "stack", value_name = "NAME=PATH[,PACKAGES]", required = true)]
    stacks: Vec<Kind>,
    /// Load as CONNECTIONSxOUTSTANDING:JOBS. May be repeated.
    #[arg(long = "shape", default_values = ["4x1:2000", "64x1:5000", "64x4:10000"])]
    shapes: Vec<Shape>,
    /// Number of rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Kill the worker with kill -9 during 500 jobs, instead of measuring the shapes.
    #[arg(long)]
    crash: bool,
    /// Measure three shapes and the crash, and print a table with a column for each stack.
    #[arg(long, conflicts_with = "crash")]
    summary: bool,
    /// Folder for the stacks' data (default: the folder of temporary files).
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Further options of `longhaul up`.
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
    async fn crashes(&self) -> Result<Vec<Vec<crash::CrashFigures>>> {
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
                let pool = ClientPool::connect(&stack.gateway, &plan::tokens(&shape)?).await?;
                let (_, pool) = pool.run(shape.warm_up(), shape.outstanding).await?;
                let figures = crash::run(pool, stack.pid()).await?;
                eprintln!("{} killed: {figures:.2?}", kind.name);
                rounds.push(figures);
            }
        }
        Ok(rounds)
    }

    async fn round(&self, kind: &Kind, shape: &Shape) -> Result<Round> {
        let stack = Stack::start(kind, self.folder.as_ref(), &self.options)?;
        let pool = ClientPool::connect(&stack.gateway, &plan::tokens(shape)?).await?;
        let peak = Peak::of(stack.pid());
        let before = || Ok((Cpu::of(stack.pid())?, Instant::now()));
        let (times, (at_start, since), pool) = load::measure(pool, shape, before).await?;
        let (took, used) = (since.elapsed(), Cpu::of(stack.pid())?);
        let (cloud, functions) = (
            used.cloud - at_start.cloud,
            used.functions - at_start.functions,
        );
        let each = |time: Duration| 1000.0 * time.as_secs_f64() / shape.jobs as f64;
        let peak = peak.highest();
        drop(pool);
        let (queued, completed) = (sorted(times.queued), sorted(times.completed));
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
