//! Writes large security logs, for measuring: `generate --mib 256 --relevant 0.001 Security.evtx`, or with
//! `--files 16` as many logs that are as large together, into a folder. Seeded: the same arguments write the
//! same bytes. `generate --computers 100000 --form csv forest.csv` writes an export of so many computers instead.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use kcdoctor::scenario::bundles::{ForestForm, bulk, write_forest};

/// Writes security logs of a domain controller, of which a known share matters, or exports of a whole forest.
#[derive(Debug, Parser)]
#[command(name = "generate")]
struct Arguments {
    /// The size of what is written, in MiB.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), required_unless_present = "computers")]
    mib: Option<u32>,
    /// The share of records that an analysis looks at, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.001, value_parser = share)]
    relevant: f64,
    /// Another seed writes other records.
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Write N logs, Security-001.evtx and so on, into the folder OUT.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    files: Option<u32>,
    /// Write an export of N computers instead of logs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "mib")]
    computers: Option<u32>,
    /// The form of the export.
    #[arg(long, value_enum, default_value = "ldif")]
    form: Form,
    /// The log, or with --files the folder; it is made where it is missing.
    #[arg(value_name = "OUT")]
    out: PathBuf,
}

/// A form of export.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    Ldif,
    Csv,
    CsvUtf16,
}

fn main() -> ExitCode {
    match generate(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => Arguments::command().error(ErrorKind::Io, error).exit(),
    }
}

fn generate(arguments: &Arguments) -> Result<(), String> {
    let Arguments { mib, relevant, seed, files, computers, form, out } = arguments;
    if let Some(computers) = computers {
        return write_export(out, *form, *computers);
    }
    let bytes = (mib.unwrap_or(1) as usize) << 20;
    let Some(files) = files else {
        return write(out, &bulk(*seed, *relevant, bytes));
    };
    fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    (1..=*files).try_for_each(|number| {
        let log = bulk(seed.wrapping_add(number.into()), *relevant, bytes / *files as usize);
        write(&out.join(format!("Security-{number:03}.evtx")), &log)
    })
}

fn write_export(path: &Path, form: Form, computers: u32) -> Result<(), String> {
    let form = match form {
        Form::Ldif => ForestForm::Ldif,
        Form::Csv => ForestForm::Csv,
        Form::CsvUtf16 => ForestForm::CsvUtf16,
    };
    let written =
        File::create(path).and_then(|file| write_forest(&mut BufWriter::new(file), form, computers));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("not between 0 and 1".to_owned()) }
}
