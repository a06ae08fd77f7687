//! Arguments of `merge`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::render::MergeFormat;

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Results of triage; `-` reads one from standard input.
    #[arg(required = true, value_name = "RESULT")]
    pub results: Vec<PathBuf>,
    /// Form of the output; csv and parquet hold a row a ticket.
    #[arg(long, value_enum, default_value_t = MergeFormatArg::Table)]
    pub format: MergeFormatArg,
    /// Tickets that are named of each cluster, trigger and error.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub examples: usize,
    /// Write to FILE instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// No warnings on standard error.
    #[arg(long)]
    pub quiet: bool,
}

/// `--format` of `merge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MergeFormatArg {
    /// For a person at a terminal.
    Table,
    /// For programs.
    Json,
    /// A row a ticket, for spreadsheets.
    Csv,
    /// For tickets and wikis.
    Markdown,
    /// A page of its own for a browser.
    Html,
    /// A row a ticket, for databases; only where the program was built with it.
    Parquet,
}

impl MergeFormatArg {
    /// Whether what is written has a place for remarks that a person reads.
    #[must_use]
    pub fn is_for_people(self) -> bool {
        matches!(self, Self::Table | Self::Markdown | Self::Html)
    }

    /// The form, if it is text.
    #[must_use]
    pub fn text(self) -> Option<MergeFormat> {
        match self {
            Self::Table => Some(MergeFormat::Table),
            Self::Json => Some(MergeFormat::Json),
            Self::Csv => Some(MergeFormat::Csv),
            Self::Markdown => Some(MergeFormat::Markdown),
            Self::Html => Some(MergeFormat::Html),
            Self::Parquet => None,
        }
    }
}
