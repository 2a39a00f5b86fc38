//! `longhaul man`: prints the manual page, or writes that of each subcommand too.

use std::fs::create_dir_all;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

#[derive(Args)]
pub struct Man {
    /// Folder to write the pages of all subcommands to; created if it is missing. Default: one page, to standard output.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    /// `command` describes the whole command line.
    ///
    /// # Errors
    /// The folder or a page can't be written.
    pub fn run(&self, command: clap::Command) -> Result<()> {
        let Some(folder) = &self.out else {
            let mut page = vec![];
            clap_mangen::Man::new(command).render(&mut page)?;
            print!("{}", String::from_utf8_lossy(&page));
            return Ok(());
        };
        create_dir_all(folder)
            .and_then(|()| clap_mangen::generate_to(command, folder))
            .with_context(|| format!("{} can't be written", folder.display()))
    }
}
