//! A plain loop of the csv crate over a table of UTF-8, beside which `benches/compare.sh` times kcdoctor: every value
//! is split and nothing is done with it. `rows forest.csv` prints the rows and the bytes of their values.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else { return ExitCode::from(64) };
    match rows(&path) {
        Ok(line) => ExitCode::from(u8::from(io::stdout().write_all(line.as_bytes()).is_err())),
        Err(_) => ExitCode::from(74),
    }
}

fn rows(path: &PathBuf) -> Result<String, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let mut record = csv::ByteRecord::new();
    let (mut rows, mut bytes) = (0_u64, 0_usize);
    while reader.read_byte_record(&mut record)? {
        rows += 1;
        bytes += record.as_slice().len();
    }
    Ok(format!("{rows} {bytes}\n"))
}
