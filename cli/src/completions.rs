//! `longhaul completions`: prints the script with which a shell completes the words of this command.

use clap::Args;
use clap_complete::{Shell, generate};

#[derive(Args)]
pub struct Completions {
    /// Shell whose script to print.
    shell: Shell,
}

impl Completions {
    /// `command` describes the whole command line.
    pub fn run(&self, mut command: clap::Command) {
        let mut script = vec![];
        generate(self.shell, &mut command, "longhaul", &mut script);
        print!("{}", String::from_utf8_lossy(&script));
    }
}
