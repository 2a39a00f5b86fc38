//! Reads a FOCUS bill (1.0 to 1.2) row by row from CSV, plain or gzipped, or from Parquet.
//!
//! Columns are found by their FOCUS names in any order, and only those that answers need are read. A row that
//! cannot be read fails the bill.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;
use jiff::civil::Date;

use crate::bill::charge_row::BillRow;
use crate::bill::focus_column::FocusColumn;
use crate::bill::money;
use crate::bill::timestamp::day;
use crate::read::parquet_file::rows::{self, ParquetReadError};

/// Why a bill cannot be read, as a sentence for the user. It has the file's name, never its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BillReadError(pub String);

/// An open bill. Memory does not grow with its length.
pub(crate) struct BillReader {
    records: RecordReader,
    record: StringRecord,
    columns: FocusColumns,
    name: String,
    rows: u64,
    /// The last `ChargePeriodStart` and its day. Most rows repeat it, and parsing a date is slow.
    last_day: Option<(String, Date)>,
}

enum RecordReader {
    Csv(Box<csv::Reader<Box<dyn Read + Send>>>),
    Parquet(Box<rows::ParquetRows>),
}

struct FocusColumns {
    cost: usize,
    day: usize,
    currency: usize,
    service: usize,
    account: Option<usize>,
    account_name: Option<usize>,
    region: Option<usize>,
    region_name: Option<usize>,
    provider: Option<usize>,
    resource: Option<usize>,
    consumed: Option<usize>,
    description: Option<usize>,
    category: Option<usize>,
    tags: Option<usize>,
    unit: Option<usize>,
    pricing: Option<usize>,
    commitment: Option<usize>,
    list: Option<usize>,
    effective: Option<usize>,
    further: [Option<usize>; FocusColumn::FURTHER.len()],
}

impl BillReader {
    /// Opens the file at a path.
    #[cfg(test)]
    pub(crate) fn open(path: &std::path::Path) -> Result<Self, BillReadError> {
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let file = File::open(path).map_err(|error| open_error(&name, &error))?;
        Self::from_file(file, name)
    }

    /// Opens a bill and reads its header. Gzip and Parquet are recognized by their first bytes, not by the name.
    pub(crate) fn from_file(file: File, name: String) -> Result<Self, BillReadError> {
        let failed = |error: io::Error| open_error(&name, &error);
        let mut raw = BufReader::with_capacity(1 << 16, file);
        let start = raw.fill_buf().map_err(failed)?;
        if start.starts_with(rows::MAGIC) {
            let mut file = raw.into_inner();
            file.rewind().map_err(failed)?;
            let mut rows = rows::ParquetRows::open(file, is_read_column)
                .map_err(|error| parquet_error(&name, &error))?;
            let columns = FocusColumns::find(&rows.header);
            if let Ok(columns) = &columns {
                rows.read_as_numbers(columns.number_columns());
            }
            return Self::with_columns(columns, RecordReader::Parquet(Box::new(rows)), name);
        }
        let gzipped = start.starts_with(&[0x1f, 0x8b]);
        let text: Box<dyn Read + Send> = if gzipped {
            Box::new(MultiGzDecoder::new(raw))
        } else {
            Box::new(raw)
        };

        let mut reader = csv::ReaderBuilder::new()
            .buffer_capacity(1 << 16)
            .from_reader(text);
        let header = reader.headers().map_err(|error| csv_error(&name, &error))?;
        let columns = FocusColumns::find(header);
        Self::with_columns(columns, RecordReader::Csv(Box::new(reader)), name)
    }

    fn with_columns(
        columns: Result<FocusColumns, &str>,
        records: RecordReader,
        name: String,
    ) -> Result<Self, BillReadError> {
        let columns = columns.map_err(|column| {
            BillReadError(format!(
                "The bill {name} has no column {column}, which a FOCUS bill must have."
            ))
        })?;
        Ok(Self {
            records,
            record: StringRecord::new(),
            columns,
            name,
            rows: 0,
            last_day: None,
        })
    }

    /// The file's name without its folder.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The next charge, or `None` after the last.
    pub(crate) fn next_row(&mut self) -> Result<Option<BillRow<'_>>, BillReadError> {
        let read = match &mut self.records {
            RecordReader::Csv(reader) => reader
                .read_record(&mut self.record)
                .map_err(|error| csv_error(&self.name, &error))?,
            RecordReader::Parquet(rows) => rows
                .next_record(&mut self.record)
                .map_err(|error| parquet_error(&self.name, &error))?,
        };
        if !read {
            return Ok(None);
        }
        self.rows += 1;
        let record = &self.record;
        // A Parquet row is counted as if a header line came first.
        let line = record.position().map_or(self.rows + 1, csv::Position::line);
        let text =
            |column: Option<usize>| column.and_then(|at| record.get(at)).map_or("", non_null);
        let invalid_value = |column: &str, value: &str, wanted: &str| {
            let shown: String = value.chars().filter(|c| !c.is_control()).take(40).collect();
            BillReadError(format!(
                "The bill {}, line {line}: {column} is \"{shown}\", which is not {wanted}.",
                self.name
            ))
        };

        let number = |column: Option<usize>| {
            let number = match &self.records {
                RecordReader::Parquet(rows) => column.and_then(|at| rows.number(at)),
                RecordReader::Csv(_) => None,
            };
            number.or_else(|| money::parse(text(column)))
        };

        let start = text(Some(self.columns.day));
        let day = match &self.last_day {
            Some((text, day)) if text == start => *day,
            _ => {
                let day = day(start)
                    .ok_or_else(|| invalid_value("ChargePeriodStart", start, "a date and time"))?;
                self.last_day = Some((start.to_string(), day));
                day
            }
        };
        let cost = number(Some(self.columns.cost));
        let cost_text = text(Some(self.columns.cost));
        if cost.is_none() && !cost_text.is_empty() {
            let wanted = "a decimal that can be represented exactly";
            return Err(invalid_value("BilledCost", cost_text, wanted));
        }
        Ok(Some(BillRow {
            line,
            day,
            cost,
            currency: text(Some(self.columns.currency)),
            service: text(Some(self.columns.service)),
            account: text(self.columns.account),
            account_name: text(self.columns.account_name),
            region: text(self.columns.region),
            region_name: text(self.columns.region_name),
            provider: text(self.columns.provider),
            resource: text(self.columns.resource),
            consumed: number(self.columns.consumed),
            description: text(self.columns.description),
            category: text(self.columns.category),
            tags: text(self.columns.tags),
            unit: text(self.columns.unit),
            pricing: text(self.columns.pricing),
            commitment: text(self.columns.commitment),
            list: number(self.columns.list),
            effective: number(self.columns.effective),
            further: self.columns.further.map(text),
        }))
    }
}

/// The columns that are read if the bill has them.
const FOCUS_COLUMNS: [&str; 19] = [
    "BilledCost",
    "ChargePeriodStart",
    "BillingCurrency",
    "ServiceName",
    "SubAccountId",
    "SubAccountName",
    "RegionId",
    "RegionName",
    "ProviderName",
    "ResourceId",
    "ConsumedQuantity",
    "ChargeDescription",
    "ChargeCategory",
    "Tags",
    "ConsumedUnit",
    "PricingCategory",
    "CommitmentDiscountStatus",
    "ListCost",
    "EffectiveCost",
];

/// Whether a column of this name is read.
pub(crate) fn is_read_column(column: &str) -> bool {
    let mut needed = FOCUS_COLUMNS.iter();
    needed.any(|needed| needed.eq_ignore_ascii_case(column))
        || FocusColumn::of_name(column).is_some()
}

impl FocusColumns {
    /// The positions of the columns that are read as numbers.
    fn number_columns(&self) -> impl Iterator<Item = usize> + use<> {
        let columns = [Some(self.cost), self.consumed, self.list, self.effective];
        columns.into_iter().flatten()
    }

    /// Finds the columns in a header. The error is the name of the first required column that is missing.
    fn find(header: &StringRecord) -> Result<Self, &'static str> {
        let at = |name: &str| {
            header
                .iter()
                .position(|column| column.trim().eq_ignore_ascii_case(name))
        };
        let required = |name: &'static str| at(name).ok_or(name);
        Ok(Self {
            cost: required("BilledCost")?,
            day: required("ChargePeriodStart")?,
            currency: required("BillingCurrency")?,
            service: required("ServiceName")?,
            account: at("SubAccountId"),
            account_name: at("SubAccountName"),
            region: at("RegionId"),
            region_name: at("RegionName"),
            provider: at("ProviderName"),
            resource: at("ResourceId"),
            consumed: at("ConsumedQuantity"),
            description: at("ChargeDescription"),
            category: at("ChargeCategory"),
            tags: at("Tags"),
            unit: at("ConsumedUnit"),
            pricing: at("PricingCategory"),
            commitment: at("CommitmentDiscountStatus"),
            list: at("ListCost"),
            effective: at("EffectiveCost"),
            further: FocusColumn::FURTHER.map(|column| at(column.name())),
        })
    }
}

/// Exporters write an absent value as an empty text or as `NULL`.
fn non_null(text: &str) -> &str {
    let text = text.trim();
    if text.eq_ignore_ascii_case("null") {
        ""
    } else {
        text
    }
}

fn csv_error(name: &str, error: &csv::Error) -> BillReadError {
    let line = error
        .position()
        .map_or(String::new(), |at| format!(", line {}", at.line()));
    let why = match error.kind() {
        csv::ErrorKind::Io(error) => format!("it cannot be read further ({})", error.kind()),
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8 text".to_string(),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            format!("it has {len} columns where the header has {expected_len}")
        }
        _ => "it is not CSV".to_string(),
    };
    BillReadError(format!("The bill {name}{line}: {why}."))
}

fn open_error(name: &str, error: &io::Error) -> BillReadError {
    BillReadError(format!(
        "The bill {name} cannot be opened: {}.",
        error.kind()
    ))
}

fn parquet_error(name: &str, error: &ParquetReadError) -> BillReadError {
    BillReadError(match error {
        // The library's message is for those who know the format, so it goes to the log.
        ParquetReadError::File(error) => {
            tracing::warn!(%error, "a Parquet bill cannot be read");
            format!("The bill {name}: it cannot be read as Parquet.")
        }
        ParquetReadError::ColumnType(column) => {
            format!("The bill {name}: the column {column} has a type that no column of a bill has.")
        }
        // Counted as if a header line came first.
        ParquetReadError::Value {
            column,
            row,
            problem,
        } => {
            format!("The bill {name}, line {}: {column} is {problem}.", row + 1)
        }
    })
}
