//! The `longhaul` command: parses the command line and runs one subcommand.
//!
//! The embedded cloud starts this same binary as each of its functions, so `cargo run` needs no second build.

// First, since its macros apply to what follows.
#[macro_use]
mod output;

mod ask;
mod bill;
mod completions;
mod connections;
mod cost;
mod dev_token;
mod dlq;
mod doctor;
mod exit_status;
mod functions;
mod jobs;
mod logs;
mod man;
mod publish;
mod result;
mod sample_bill;
mod smoke;
mod source_tree;
mod stack;
mod target;
mod terminal;
mod token;
mod up;
mod websocket;

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{CommandFactory, Parser, Subcommand};
use longhaul_shared::settings::Environment;
use longhaul_shared::telemetry;
use tokio::runtime::Builder;

use crate::exit_status::ExitStatus;

/// Runs long jobs behind a WebSocket API, on AWS or on this machine.
#[derive(Parser)]
#[command(name = "longhaul", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Submits a question as a job and waits for its answer.
    Ask(ask::Ask),
    /// Runs the embedded cloud until it is stopped with Ctrl-C or SIGTERM.
    Up(up::Up),
    /// Prints the log of a function of the embedded cloud.
    Logs(logs::Logs),
    /// Prints a development token for the embedded cloud.
    Token(token::Token),
    /// Lists the dead letters of failed jobs and replays those jobs.
    Dlq(dlq::Dlq),
    /// Tests a deployed stack end to end; scripts/deploy runs it.
    Smoke(smoke::Smoke),
    /// Lists, shows, cancels, retries and watches the jobs of any user.
    Jobs(jobs::Jobs),
    /// Lists and closes connections, and sends frames to them.
    Connections(connections::Connections),
    /// Publishes a notification on a topic.
    Publish(publish::Publish),
    /// Checks a stack and prints what to do about each problem.
    Doctor(doctor::Doctor),
    /// Estimates the AWS bill for a number of jobs.
    Cost(cost::Cost),
    /// Writes a sample bill (FOCUS 1.0, CSV).
    Bill(bill::Bill),
    /// Prints the script that completes this command in a shell.
    Completions(completions::Completions),
    /// Prints the manual page, or writes those of all subcommands.
    Man(man::Man),
}

fn main() -> ExitCode {
    let settings = Environment::from_env();
    let is_function = functions::is_function(&settings);
    // A function handles one event at a time and mostly waits, so it has one thread, as when deployed.
    let mut runtime = match is_function {
        true => Builder::new_current_thread(),
        false => Builder::new_multi_thread(),
    };
    let runtime = match runtime.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print_error(&error.into()),
    };
    if is_function {
        return runtime
            .block_on(functions::run(settings))
            .map_or_else(|error| print_error(&error), |()| ExitCode::SUCCESS);
    }
    telemetry::start_for_commands();
    let status = runtime.block_on(run(Arguments::parse().command));
    match (status, output::failure()) {
        (Err(error), _) => print_error(&error),
        (Ok(_), Some(failure)) => print_error(&anyhow!("writing to standard output: {failure}")),
        (Ok(status), None) => status.code(),
    }
}

async fn run(command: Command) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Ask(ask) => ask.run().await,
        Command::Up(up) => up.run().await.map(|()| ExitStatus::Success),
        Command::Logs(logs) => logs.run().await.map(|()| ExitStatus::Success),
        Command::Token(token) => token.run().map(|()| ExitStatus::Success),
        Command::Dlq(dlq) => dlq.run().await,
        Command::Smoke(smoke) => smoke.run().await,
        Command::Jobs(jobs) => jobs.run().await,
        Command::Connections(connections) => connections.run().await,
        Command::Publish(publish) => publish.run().await.map(|()| ExitStatus::Success),
        Command::Doctor(doctor) => doctor.run().await,
        Command::Cost(cost) => cost.run().map(|()| ExitStatus::Success),
        Command::Bill(bill) => bill.run().map(|()| ExitStatus::Success),
        Command::Completions(completions) => {
            completions.run(Arguments::command());
            Ok(ExitStatus::Success)
        }
        Command::Man(man) => man.run(Arguments::command()).map(|()| ExitStatus::Success),
    }
}

/// Prints an error with its causes on one line. The exit code is 2.
fn print_error(error: &anyhow::Error) -> ExitCode {
    eprintln!("longhaul: {error:#}");
    ExitCode::from(2)
}
