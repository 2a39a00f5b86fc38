//! `longhaul bill`: writes a sample bill, the same for the same rows and seed.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use longhaul_finops as finops;

use crate::stack::SAMPLE;

#[derive(Args)]
pub struct Bill {
    /// How many rows.
    #[arg(long, default_value_t = SAMPLE.0)]
    rows: u64,
    /// What the rows are drawn from.
    #[arg(long, default_value_t = SAMPLE.1)]
    seed: u64,
    /// Where to; standard output if left out.
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
            None => Box::new(stdout().lock()),
        };
        finops::write_sample(self.rows, self.seed, BufWriter::new(out))
    }
}
