//! Reads a scalar Parquet column in batches, each value as the text that CSV would have.

use std::fmt::{Display, Write};

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::bill::money;

/// The values of one column in a row group, in order.
pub(crate) trait CellReader: Send {
    /// Decodes the next `rows` values, including absent ones.
    fn fill(&mut self, rows: usize) -> Result<(), ParquetError>;

    /// Appends the next value to `text`, and nothing for an absent one. Returns whether there is a value.
    fn write_text(&mut self, text: &mut String) -> Result<bool, CellError>;

    /// The next value if it is exact as a number. Otherwise the value stays unread.
    fn number(&mut self) -> Option<Decimal> {
        None
    }

    /// The next value's definition and repetition level; `None` after the last, or where the column has no levels.
    fn levels(&self) -> Option<(i16, i16)>;
}

/// What is wrong with a value, as the end of a sentence.
pub(crate) type CellError = &'static str;

const NOT_UTF8: CellError = "not UTF-8 text";
const TIME_OUT_OF_RANGE: CellError = "a time out of range";
const TOO_MANY_DIGITS: CellError = "a decimal with too many digits";
pub(crate) const MISSING: CellError = "missing";

/// What a column's values mean, however they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValueKind {
    Boolean,
    Signed,
    Unsigned,
    /// A floating point number, written as the shortest decimal that converts to it.
    Float,
    /// An integer, to be divided by ten to this power.
    Decimal(usize),
    /// Days since 1970-01-01.
    Date,
    Millis,
    Micros,
    Nanos,
    /// A day and the nanoseconds in it, as older writers store times.
    Int96,
    /// UTF-8, annotated or not; many writers annotate nothing.
    Text,
    Uuid,
}

impl ValueKind {
    /// `None` for a type that no column of a bill has.
    pub(crate) fn of(column: &ColumnDescriptor) -> Option<Self> {
        use ConvertedType as As;
        let logical = column.logical_type_ref();
        let unannotated = logical.is_none() || logical == Some(&LogicalType::Unknown);
        // The library maps each newer logical type to the older one where there is one.
        Some(match (column.physical_type(), column.converted_type()) {
            (Type::BOOLEAN, As::NONE) if unannotated => Self::Boolean,
            (Type::INT32 | Type::INT64, As::NONE) if unannotated => Self::Signed,
            (Type::INT32, As::INT_8 | As::INT_16 | As::INT_32) => Self::Signed,
            (Type::INT32, As::UINT_8 | As::UINT_16 | As::UINT_32) => Self::Unsigned,
            (Type::INT32, As::DATE) => Self::Date,
            (Type::INT64, As::INT_64) => Self::Signed,
            (Type::INT64, As::UINT_64) => Self::Unsigned,
            (Type::INT64, As::TIMESTAMP_MILLIS) => Self::Millis,
            (Type::INT64, As::TIMESTAMP_MICROS) => Self::Micros,
            (Type::INT64, As::NONE) => match logical? {
                LogicalType::Timestamp {
                    unit: TimeUnit::NANOS,
                    ..
                } => Self::Nanos,
                _ => return None,
            },
            (Type::INT96, As::NONE) if unannotated => Self::Int96,
            (Type::FLOAT | Type::DOUBLE, As::NONE) if unannotated => Self::Float,
            (Type::BYTE_ARRAY, As::UTF8 | As::ENUM | As::JSON) => Self::Text,
            (Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY, As::NONE) if unannotated => Self::Text,
            (Type::FIXED_LEN_BYTE_ARRAY, As::NONE) if logical == Some(&LogicalType::Uuid) => {
                Self::Uuid
            }
            (Type::BOOLEAN | Type::INT96 | Type::FLOAT | Type::DOUBLE, _) => return None,
            (_, As::DECIMAL) => Self::Decimal(column.type_scale().try_into().ok()?),
            _ => return None,
        })
    }
}

/// How a value of a physical type is written as text, and how it is converted to a number.
type WriteText<V> = fn(ValueKind, &V, &mut String) -> Result<(), CellError>;
type ToDecimal<V> = fn(ValueKind, &V) -> Option<Decimal>;

struct TypedColumn<T: DataType> {
    reader: ColumnReaderImpl<T>,
    kind: ValueKind,
    write_text: WriteText<T::T>,
    number: ToDecimal<T::T>,
    values: Vec<T::T>,
    /// The definition level of each row, which tells whether it has a value; empty where every row has one.
    levels: Vec<i16>,
    /// The definition level of a row that has a value.
    present_level: i16,
    /// The repetition level of each value, which tells whether it starts a row; empty where a row has one value.
    repetition_levels: Vec<i16>,
    row: usize,
    value: usize,
}

/// The cells of a column of this kind.
pub(crate) fn open_column(
    reader: ColumnReader,
    kind: ValueKind,
    column: &ColumnDescriptor,
) -> Box<dyn CellReader> {
    let present_level = column.max_def_level();
    fn typed<T: DataType>(
        reader: ColumnReaderImpl<T>,
        (kind, present_level): (ValueKind, i16),
        write_text: WriteText<T::T>,
        number: ToDecimal<T::T>,
    ) -> Box<dyn CellReader> {
        Box::new(TypedColumn {
            reader,
            kind,
            write_text,
            values: Vec::new(),
            levels: Vec::new(),
            present_level,
            repetition_levels: Vec::new(),
            number,
            row: 0,
            value: 0,
        })
    }
    let kind_and_level = (kind, present_level);
    match reader {
        ColumnReader::BoolColumnReader(reader) => typed(
            reader,
            kind_and_level,
            |_, value, out| write_value(value, out),
            |_, _| None,
        ),
        ColumnReader::Int32ColumnReader(reader) => typed(
            reader,
            kind_and_level,
            |kind, value, out| integer(kind, (*value).into(), value.cast_unsigned().into(), out),
            |kind, value| scaled_decimal(kind, (*value).into()),
        ),
        ColumnReader::Int64ColumnReader(reader) => typed(
            reader,
            kind_and_level,
            |kind, value, out| integer(kind, *value, value.cast_unsigned(), out),
            |kind, value| scaled_decimal(kind, (*value).into()),
        ),
        ColumnReader::Int96ColumnReader(reader) => typed(
            reader,
            kind_and_level,
            |_, value, out| time(Timestamp::from_millisecond(value.to_millis()), out),
            |_, _| None,
        ),
        ColumnReader::FloatColumnReader(reader) => typed(
            reader,
            kind_and_level,
            |_, value, out| write_value(value, out),
            |_, _| None,
        ),
        ColumnReader::DoubleColumnReader(reader) => typed(
            reader,
            kind_and_level,
            |_, value, out| write_value(value, out),
            |_, value| money::from_double(*value),
        ),
        ColumnReader::ByteArrayColumnReader(reader) => typed(
            reader,
            kind_and_level,
            |kind, value, out| bytes(kind, value.data(), out),
            |kind, value| scaled_decimal(kind, big_endian_integer(value.data())?),
        ),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => typed(
            reader,
            kind_and_level,
            |kind, value, out| bytes(kind, value.data(), out),
            |kind, value| scaled_decimal(kind, big_endian_integer(value.data())?),
        ),
    }
}

impl<T: DataType> CellReader for TypedColumn<T> {
    fn fill(&mut self, rows: usize) -> Result<(), ParquetError> {
        self.values.clear();
        self.levels.clear();
        self.repetition_levels.clear();
        (self.row, self.value) = (0, 0);
        let (levels, repetition_levels) =
            (Some(&mut self.levels), Some(&mut self.repetition_levels));
        let (read, ..) =
            self.reader
                .read_records(rows, levels, repetition_levels, &mut self.values)?;
        match read == rows {
            true => Ok(()),
            false => Err(ParquetError::EOF(
                "a column has fewer values than its row group has rows".into(),
            )),
        }
    }

    fn write_text(&mut self, text: &mut String) -> Result<bool, CellError> {
        let level = self.levels.get(self.row);
        self.row += 1;
        if level.is_some_and(|level| *level < self.present_level) {
            return Ok(false);
        }
        let value = self.values.get(self.value).ok_or(MISSING)?;
        self.value += 1;
        (self.write_text)(self.kind, value, text)?;
        Ok(true)
    }

    fn number(&mut self) -> Option<Decimal> {
        let level = self.levels.get(self.row);
        if level.is_some_and(|level| *level < self.present_level) {
            return None;
        }
        let number = (self.number)(self.kind, self.values.get(self.value)?)?;
        self.row += 1;
        self.value += 1;
        Some(number)
    }

    fn levels(&self) -> Option<(i16, i16)> {
        let level = *self.levels.get(self.row)?;
        Some((
            level,
            self.repetition_levels.get(self.row).copied().unwrap_or(0),
        ))
    }
}

fn write_value(value: impl Display, out: &mut String) -> Result<(), CellError> {
    write!(out, "{value}").map_err(|_| MISSING)
}

fn integer(kind: ValueKind, signed: i64, unsigned: u64, out: &mut String) -> Result<(), CellError> {
    match kind {
        ValueKind::Unsigned => write_value(unsigned, out),
        ValueKind::Decimal(scale) => decimal(signed.into(), scale, out),
        ValueKind::Date => write_value(date(signed)?, out),
        ValueKind::Millis => time(Timestamp::from_millisecond(signed), out),
        ValueKind::Micros => time(Timestamp::from_microsecond(signed), out),
        ValueKind::Nanos => time(Timestamp::from_nanosecond(signed.into()), out),
        _ => write_value(signed, out),
    }
}

fn bytes(kind: ValueKind, bytes: &[u8], out: &mut String) -> Result<(), CellError> {
    match kind {
        ValueKind::Decimal(scale) => decimal(
            big_endian_integer(bytes).ok_or(TOO_MANY_DIGITS)?,
            scale,
            out,
        ),
        ValueKind::Uuid => write_value(Uuid::from_slice(bytes).map_err(|_| "not a UUID")?, out),
        _ => {
            out.push_str(utf8(bytes)?);
            Ok(())
        }
    }
}

pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, CellError> {
    std::str::from_utf8(bytes).map_err(|_| NOT_UTF8)
}

pub(crate) fn time(
    time: Result<Timestamp, jiff::Error>,
    out: &mut String,
) -> Result<(), CellError> {
    write_value(time.map_err(|_| TIME_OUT_OF_RANGE)?, out)
}

/// The day this many days after 1970-01-01.
pub(crate) fn date(days: i64) -> Result<Date, CellError> {
    let days = Span::new().try_days(days);
    let date = days.and_then(|days| Date::constant(1970, 1, 1).checked_add(days));
    date.map_err(|_| TIME_OUT_OF_RANGE)
}

/// A big-endian integer in two's complement, if it fits into 16 bytes.
fn big_endian_integer(bytes: &[u8]) -> Option<i128> {
    let fill = if bytes.first()? & 0x80 == 0 { 0 } else { 0xff };
    let (spare, held) = bytes.split_at(bytes.len().saturating_sub(16));
    let sign_is_held = spare.is_empty() || (held.first()? ^ fill) & 0x80 == 0;
    if !sign_is_held || spare.iter().any(|byte| *byte != fill) {
        return None;
    }
    let mut whole = [fill; 16];
    whole[16 - held.len()..].copy_from_slice(held);
    Some(i128::from_be_bytes(whole))
}

/// The decimal that an integer of a decimal column stands for.
fn scaled_decimal(kind: ValueKind, unscaled: i128) -> Option<Decimal> {
    match kind {
        ValueKind::Decimal(scale) => money::from_units(unscaled, u32::try_from(scale).ok()?),
        _ => None,
    }
}

fn decimal(unscaled: i128, scale: usize, out: &mut String) -> Result<(), CellError> {
    if unscaled < 0 {
        out.push('-');
    }
    let digits = format!("{:0>1$}", unscaled.unsigned_abs(), scale + 1);
    let (before, after) = digits.split_at(digits.len() - scale);
    out.push_str(before);
    if scale > 0 {
        out.push('.');
        out.push_str(after);
    }
    Ok(())
}
