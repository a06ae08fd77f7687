//! The tickets as Parquet, compressed with Zstandard: the columns of CSV with their types, each optional.
//!
//! Times are microseconds in UTC, which is as precise as all common readers are; a tenth of one is cut off. Values are
//! written as they are: whoever shows them has to escape them.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::columns::{COLUMNS, Column, Values};
use crate::report::merge::MergeReport;
use crate::report::triage::Line;

/// Tickets that are compressed together.
const ROWS: usize = 1 << 16;

/// Writes the tickets of `report`.
///
/// # Errors
/// Those of `output`.
pub fn write_parquet(report: &MergeReport, output: impl Write + Send) -> io::Result<()> {
    write(&report.tickets, output).map_err(io::Error::other)
}

fn write(tickets: &[Line], output: impl Write + Send) -> Result<()> {
    let schema = Arc::new(parse_message_type(&schema())?);
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut file = SerializedFileWriter::new(output, schema, properties)?;
    for tickets in tickets.chunks(ROWS) {
        let mut group = file.next_row_group()?;
        for column in COLUMNS {
            let Some(mut writer) = group.next_column()? else { break };
            values(column, tickets, &mut writer)?;
            writer.close()?;
        }
        group.close()?;
    }
    file.close().map(|_| ())
}

fn schema() -> String {
    let field = |column: &Column| {
        let name = column.name;
        match column.values {
            Values::Text(_) => format!("optional binary {name} (STRING);"),
            Values::Number(_) => format!("optional int64 {name};"),
            Values::Share(_) => format!("optional double {name};"),
            Values::Time(_) => format!("optional int64 {name} (TIMESTAMP(MICROS,true));"),
        }
    };
    format!("message tickets {{ {} }}", COLUMNS.iter().map(field).collect::<Vec<_>>().join(" "))
}

fn values(column: &Column, tickets: &[Line], writer: &mut SerializedColumnWriter<'_>) -> Result<()> {
    match column.values {
        Values::Text(of) => {
            let bytes = |line| of(line).map(|text| ByteArray::from(text.into_bytes()));
            put::<ByteArrayType>(tickets.iter().map(bytes), writer)
        }
        Values::Number(of) => {
            put::<Int64Type>(tickets.iter().map(|line| i64::try_from(of(line)?).ok()), writer)
        }
        Values::Share(of) => put::<DoubleType>(tickets.iter().map(of), writer),
        Values::Time(of) => {
            put::<Int64Type>(tickets.iter().map(|line| of(line).and_then(|time| micros(time))), writer)
        }
    }
}

/// A definition level of 1 says that there is a value.
fn put<T: DataType>(
    cells: impl Iterator<Item = Option<T::T>>,
    writer: &mut SerializedColumnWriter<'_>,
) -> Result<()> {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        levels.push(i16::from(cell.is_some()));
        values.extend(cell);
    }
    writer.typed::<T>().write_batch(&values, Some(&levels), None).map(|_| ())
}

/// Since 1970. A day is its midnight; what is no time at all is not known.
fn micros(text: &str) -> Option<i64> {
    let midnight = || Some(text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    // A time without a zone would be taken for a day.
    let day = || midnight().filter(|_| text.len() == "2026-10-06".len());
    text.parse::<Timestamp>().ok().or_else(day).map(Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_microseconds_in_utc() {
        assert_eq!(micros("1970-01-01T00:00:01.2345678Z"), Some(1_234_567));
        assert_eq!(micros("1970-01-02"), Some(86_400_000_000));
        assert_eq!((micros("1970-01-02T00:00:00"), micros("yesterday"), micros("")), (None, None, None));
    }

    #[test]
    fn the_schema_has_every_column_once() {
        let schema = parse_message_type(&schema()).unwrap();
        let names: std::collections::BTreeSet<_> =
            schema.get_fields().iter().map(|field| field.name()).collect();
        assert_eq!(names.len(), COLUMNS.len());
    }
}
