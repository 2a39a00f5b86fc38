//! The options with which the embedded cloud is started.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use longhaul_local::cloud::FunctionPrograms;

use crate::terminal::shell_word;

#[derive(Args, Clone)]
pub struct StartArgs {
    /// FOCUS bill to answer from (CSV, plain or gzipped). Default: a generated sample.
    #[arg(long, value_name = "PATH")]
    pub bill: Option<PathBuf>,
    /// CloudFormation template to run. Default: the one of the source tree or of the installation.
    #[arg(long, value_name = "PATH")]
    pub template: Option<PathBuf>,
    /// Value of a template parameter. Repeatable.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
    /// Origin whose pages may connect, besides those on the gateway's own port. Repeatable.
    #[arg(long = "origin", value_name = "ORIGIN", value_parser = parse_origin)]
    pub origins: Vec<String>,
    /// Accept claimed identities without a token. For development on this machine only.
    #[arg(long)]
    pub trust_claims: bool,
    /// File to which a line for each AWS call is appended.
    #[arg(long, value_name = "FILE")]
    pub wire_log: Option<PathBuf>,
    /// Interval of the template's schedules, in seconds, instead of their own rates. For tests.
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub tick_seconds: Option<u64>,
    /// Leave the leases of dead workers to run out, as in AWS. For tests.
    #[arg(long, hide = true)]
    pub leave_leases: bool,
    /// Folder with the unpacked function packages, one folder for each function, to run instead of this
    /// program. For tests.
    #[arg(long, value_name = "DIR", hide = true)]
    pub packages: Option<PathBuf>,
    /// Program to run as the worker, with analyses of your own. Default: this program.
    #[arg(long, value_name = "PATH", conflicts_with = "packages")]
    pub worker: Option<PathBuf>,
    /// JSON file with the AWS calls that fail, and how (see docs/testing.md). For tests.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
}

impl StartArgs {
    /// The programs that run as the functions.
    pub(super) fn programs(&self) -> Result<FunctionPrograms> {
        let Some(packages) = &self.packages else {
            let shared = std::env::current_exe().context("finding this program's own file")?;
            let Some(worker) = &self.worker else {
                return Ok(FunctionPrograms::Shared(shared));
            };
            let program = worker
                .canonicalize()
                .with_context(|| format!("the worker {} can't be read", worker.display()))?;
            let handler = "worker".to_owned();
            return Ok(FunctionPrograms::SharedExcept {
                shared,
                handler,
                program,
            });
        };
        let packages = packages
            .canonicalize()
            .with_context(|| format!("the folder {} can't be read", packages.display()))?;
        Ok(FunctionPrograms::Packages(packages))
    }

    /// The options that were given, for a message or for a command to paste. Each field is named here, so that none
    /// is forgotten.
    fn given(&self) -> Vec<GivenOption> {
        let Self {
            bill,
            template,
            parameters,
            origins,
            trust_claims,
            wire_log,
            tick_seconds,
            leave_leases,
            packages,
            worker,
            faults,
        } = self;
        let path = |path: &PathBuf| path.display().to_string();
        let mut given = vec![];
        given.extend(bill.as_ref().map(|bill| ("--bill", path(bill))));
        given.extend(template.as_ref().map(|file| ("--template", path(file))));
        given.extend(worker.as_ref().map(|worker| ("--worker", path(worker))));
        given.extend(packages.as_ref().map(|folder| ("--packages", path(folder))));
        given.extend(origins.iter().map(|origin| ("--origin", origin.clone())));
        let parameters = parameters
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        given.extend(parameters.map(|parameter| ("--parameter", parameter)));
        given.extend(wire_log.as_ref().map(|file| ("--wire-log", path(file))));
        given.extend(faults.as_ref().map(|file| ("--faults", path(file))));
        given.extend(tick_seconds.map(|seconds| ("--tick-seconds", seconds.to_string())));
        let mut given: Vec<GivenOption> = given
            .into_iter()
            .map(|(name, value)| GivenOption {
                name,
                value: Some(value),
            })
            .collect();
        let flags = [
            ("--trust-claims", *trust_claims),
            ("--leave-leases", *leave_leases),
        ];
        let flags = flags.into_iter().filter(|(_, is_given)| *is_given);
        given.extend(flags.map(|(name, _)| GivenOption { name, value: None }));
        given
    }

    /// The names of the options that were given, each once.
    pub fn given_names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.given().into_iter().map(|given| given.name).collect();
        names.dedup();
        names
    }

    /// The options that start the same stack, for a command to paste.
    pub fn as_options(&self) -> String {
        let mut options = String::new();
        for GivenOption { name, value } in self.given() {
            options.push_str(&format!(" {name}"));
            if let Some(value) = value {
                options.push_str(&format!(" {}", shell_word(&value)));
            }
        }
        options
    }

    /// # Errors
    /// Two options set the same parameter, so that one of them would be ignored.
    pub fn check_parameters(&self) -> Result<()> {
        let set_by_options = [
            ("BillLocation", "--bill", self.bill.is_some()),
            ("BillIsSample", "--bill", self.bill.is_some()),
            ("AllowedOrigins", "--origin", !self.origins.is_empty()),
        ];
        for (n, (name, _)) in self.parameters.iter().enumerate() {
            let earlier = &self.parameters[..n];
            ensure!(
                earlier.iter().all(|(earlier, _)| earlier != name),
                "--parameter {name} is given twice"
            );
            let option = set_by_options
                .iter()
                .find(|(set, _, is_given)| set == name && *is_given);
            if let Some((_, option, _)) = option {
                bail!(
                    "{option} and --parameter {name} set the same parameter; give only one of them"
                );
            }
        }
        Ok(())
    }
}

/// An option of the command line, and its value if it takes one.
struct GivenOption {
    name: &'static str,
    value: Option<String>,
}

fn parse_origin(text: &str) -> Result<String, String> {
    match longhaul_handlers::is_origin(text) {
        true => Ok(text.to_owned()),
        false => Err("expected an origin such as https://app.example.com".to_owned()),
    }
}

fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn parse(options: &[&str]) -> StartArgs {
        let command = StartArgs::augment_args(Command::new("up").no_binary_name(true));
        let matches = command.try_get_matches_from(options).unwrap();
        StartArgs::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn each_given_option_is_named_and_can_be_pasted() {
        let command = StartArgs::augment_args(Command::new("up"));
        for option in command.get_arguments() {
            let name = format!("--{}", option.get_long().unwrap());
            let value = match name.as_str() {
                "--trust-claims" | "--leave-leases" => None,
                "--parameter" => Some("A=b"),
                "--origin" => Some("http://localhost:5173"),
                _ => Some("7"),
            };
            let words: Vec<&str> = [name.as_str()].into_iter().chain(value).collect();
            let given = parse(&words);
            assert_eq!(given.given_names(), [&name]);
            assert_eq!(given.as_options(), format!(" {}", words.join(" ")));
        }
        let quoted = parse(&["--parameter", "A=it's b"]).as_options();
        assert_eq!(quoted, r" --parameter 'A=it'\''s b'");
    }

    #[test]
    fn two_options_that_set_one_parameter_are_refused() {
        let check = |options: &[&str]| parse(options).check_parameters();
        assert!(check(&["--parameter", "A=1", "--parameter", "B=1"]).is_ok());
        assert!(check(&["--parameter", "AllowedOrigins="]).is_ok());
        for options in [
            ["--parameter", "A=1", "--parameter", "A=2"],
            ["--origin", "http://a", "--parameter", "AllowedOrigins="],
            ["--bill", "b.csv", "--parameter", "BillLocation=c.csv"],
        ] {
            assert!(check(&options).is_err(), "{options:?}");
        }
    }
}
