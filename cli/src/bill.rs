//! `longhaul bill`: writes a sample bill. The same rows and seed give the same bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use longhaul_finops as finops;

use crate::output::{self, Stdout};
use crate::sample_bill::{ROWS, SEED};

#[derive(Args)]
pub struct Bill {
    /// Number of rows.
    #[arg(long, default_value_t = ROWS)]
    rows: u64,
    /// Seed of the random numbers from which the rows are generated.
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// File to write. Default: standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Bill {
    pub fn run(self) -> Result<()> {
        let out: Box<dyn Write> = match &self.out {
            Some(path) => Box::new(
                File::create(path)
                    .with_context(|| format!("{} can't be written", path.display()))?,
            ),
            None => Box::new(Stdout),
        };
        match finops::write_sample(self.rows, self.seed, BufWriter::new(out)) {
            // What is known of standard output decides.
            Err(_) if output::is_closed() => Ok(()),
            written => written,
        }
    }
}
