//! The `longhaul` command: the table of contents.
//!
//! Started by a small cloud as one of its functions, the same binary is that function, so that
//! `cargo run` needs no second build.

mod ask;
mod bill;
mod connections;
mod conversation;
mod cost;
mod dlq;
mod doctor;
mod functions;
mod jobs;
mod logs;
mod publish;
mod result;
mod smoke;
mod stack;
mod target;
mod terminal;
mod token;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use longhaul_shared::settings::Environment;
use longhaul_shared::telemetry;
use tokio::runtime::Builder;

/// Long-running questions over a WebSocket, with nothing lost.
#[derive(Parser)]
#[command(name = "longhaul", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Asks a question and waits for the answer.
    Ask(ask::Ask),
    /// Keeps the embedded cloud running.
    Up(up::Up),
    /// Prints what a function of the embedded cloud has logged.
    Logs(logs::Logs),
    /// Prints a development token for the embedded cloud.
    Token(token::Token),
    /// Looks at the jobs that failed for good, and runs them again.
    Dlq(dlq::Dlq),
    /// Asks a deployed stack whether it works; scripts/deploy does so.
    Smoke(smoke::Smoke),
    /// Looks at anybody's jobs, ends them, runs them again.
    Jobs(jobs::Jobs),
    /// Looks at connections, closes them, and talks to them.
    Connections(connections::Connections),
    /// Says something on a topic, to all who subscribe to it.
    Publish(publish::Publish),
    /// Checks a stack, and says what to do where something is wrong.
    Doctor(doctor::Doctor),
    /// Computes the AWS bill of so many jobs.
    Cost(cost::Cost),
    /// Writes a sample bill (FOCUS 1.0, CSV).
    Bill(bill::Bill),
}

/// What a command comes to: its exit code is part of its interface.
enum Ended {
    Well,
    /// A job failed (1).
    JobFailed,
    /// It was done as far as it goes; what was printed is left for a person (1).
    Partly,
    /// Something is broken, and what was printed says what to do (2).
    Broken,
    /// There is nothing of the kind that was asked for (3).
    Nothing,
}

fn main() -> ExitCode {
    let config = Environment::from_env();
    let is_function = functions::is_one(&config);
    // A function has one event at a time and mostly waits, so it has the one thread of the deployed binaries.
    let mut runtime = match is_function {
        true => Builder::new_current_thread(),
        false => Builder::new_multi_thread(),
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    if is_function {
        return runtime
            .block_on(functions::run(config))
            .map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS);
    }
    telemetry::start_for_people();
    let ended = runtime.block_on(async {
        match Arguments::parse().command {
            Command::Ask(ask) => ask.run().await,
            Command::Up(up) => up.run().await.map(|()| Ended::Well),
            Command::Logs(logs) => logs.run().await.map(|()| Ended::Well),
            Command::Token(token) => token.run().map(|()| Ended::Well),
            Command::Dlq(dlq) => dlq.run().await,
            Command::Smoke(smoke) => smoke.run().await,
            Command::Jobs(jobs) => jobs.run().await,
            Command::Connections(connections) => connections.run().await,
            Command::Publish(publish) => publish.run().await.map(|()| Ended::Well),
            Command::Doctor(doctor) => doctor.run().await,
            Command::Cost(cost) => cost.run().map(|()| Ended::Well),
            Command::Bill(bill) => bill.run().map(|()| Ended::Well),
        }
    });
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::JobFailed | Ended::Partly) => ExitCode::from(1),
        Ok(Ended::Broken) => ExitCode::from(2),
        Ok(Ended::Nothing) => ExitCode::from(3),
        Err(error) => failed(&error),
    }
}

/// What was asked for could not be done (2): one sentence, with its reasons.
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("longhaul: {error:#}");
    ExitCode::from(2)
}
