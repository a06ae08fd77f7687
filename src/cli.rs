//! The arguments, and what they mean; no behaviour.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::render::Format;

/// Finds out why Hyper-V Live Migration fails, from event logs and directory exports, offline.
#[derive(Debug, Parser)]
#[command(
    name = "kcdoctor",
    version,
    about,
    after_help = "Exit status: 0 the analysis was completed, whatever it found; 64 usage; 65 nothing understood; 66 no such input; 70 fault of the program; 74 input or output error."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what broke Live Migration, how sure that is, and exactly what to do.
    Analyze(AnalyzeArgs),
    /// Print the JSON Schema of the report.
    Schema,
}

/// Arguments of `analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Folder, zip or files of one incident; `-` reads a zip or a file from standard input.
    #[arg(required = true, value_name = "BUNDLE")]
    pub bundles: Vec<PathBuf>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = FormatArg::Table)]
    pub format: FormatArg,
    /// Write to FILE instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Look only at pairs of these hosts.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub nodes: Vec<String>,
    /// Look only at events from TIME on (RFC 3339 or YYYY-MM-DD, UTC).
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub since: Option<Timestamp>,
    /// Look only at events before TIME.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub until: Option<Timestamp>,
    /// Also read records that a log has given up and not overwritten yet, in the slack of its chunks.
    #[arg(long)]
    pub recover: bool,
    /// Threads; 0 means one a processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
    /// Say the verdict by exit status: 0 healthy, 1 confirmed, 2 probable or latent, 3 possible or inconclusive.
    #[arg(long)]
    pub exit_code: bool,
    /// No warnings on standard error.
    #[arg(long)]
    pub quiet: bool,
    /// No progress on standard error.
    #[arg(long)]
    pub no_progress: bool,
    /// Colours.
    #[arg(long, value_enum, default_value_t = ColorArg::Auto)]
    pub color: ColorArg,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// For a person at a terminal.
    Table,
    /// Five lines for a ticket.
    Summary,
    /// For programs.
    Json,
}

impl From<FormatArg> for Format {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Table => Self::Table,
            FormatArg::Summary => Self::Summary,
            FormatArg::Json => Self::Json,
        }
    }
}

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// An instant; a day means its midnight in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let day =
        || text.parse::<Date>().and_then(|day| day.to_zoned(TimeZone::UTC)).map(|zoned| zoned.timestamp());
    text.parse().or_else(|_| day()).map_err(|_| "not a time; write 2026-10-06T18:00:00Z or 2026-10-06".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_day_is_its_midnight() {
        assert_eq!(time("2026-10-06").unwrap(), time("2026-10-06T00:00:00Z").unwrap());
        assert!(time("yesterday").is_err());
    }
}
