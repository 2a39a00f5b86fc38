//! The sample bill that `finops` answers from when no bill is given, written once into the data folder.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context, Result};
use longhaul_finops as finops;
use longhaul_local::data_folder::DataFolder;

/// Number of rows, and the seed from which they are generated.
pub const ROWS: u64 = 20_000;
pub const SEED: u64 = 1;
/// The version of the content of `write_sample`: raised when the same rows and seed give other bytes.
const VERSION: u32 = 2;

/// The path of the sample bill in this data folder. It is written if it is missing.
pub fn in_folder(folder: &DataFolder) -> Result<PathBuf> {
    let bills = folder.subfolder("bills")?;
    let (temporary, path) = (
        bills.join("sample.new"),
        bills.join(format!("sample-{VERSION}-{ROWS}-{SEED}.csv")),
    );
    if !path.exists() {
        let written = File::create(&temporary)
            .map_err(Into::into)
            .and_then(|file| finops::write_sample(ROWS, SEED, std::io::BufWriter::new(file)));
        written.context("writing the sample bill")?;
        std::fs::rename(&temporary, &path)?;
    }
    Ok(path)
}
