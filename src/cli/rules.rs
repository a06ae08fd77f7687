//! The arguments of `rules` and `explain`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::render::{PlainFormat, RulesFormat};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A code (0x8009030E, -2146893042, 0xD, SEC_E_NO_CREDENTIALS), an event (21502,
    /// Microsoft-Windows-Hyper-V-VMMS/20415), a cause, a rule, an update (KB5019966) or a hardening change.
    #[arg(value_name = "CODE|EVENT|CAUSE|RULE|KB", allow_hyphen_values = true)]
    pub query: String,
    /// Know the rules of DIR as well.
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = PlainFormatArg::Table)]
    pub format: PlainFormatArg,
    /// Write to FILE instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Subcommands of `rules`.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the shipped rules, and those of DIR.
    List(ListArgs),
    /// Say what is wrong with the rules of DIR and their cases, by file, line and column; 1 where something is.
    Lint(RulesArgs),
    /// Ask the rules of DIR, or the shipped ones, of their cases; 1 where one says something else than it should.
    Test(RulesArgs),
}

/// Arguments of `rules lint` and `rules test`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// The folder: DIR/ID.md each, and DIR/ID/hit.toml, clear.toml and blind.toml. Without it, the shipped rules.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = PlainFormatArg::Table)]
    pub format: PlainFormatArg,
    /// Write to FILE instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of `rules list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// A folder of more rules.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = RulesFormatArg::Table)]
    pub format: RulesFormatArg,
    /// Write to FILE instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `--format` of commands with two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PlainFormatArg {
    /// For a person at a terminal.
    Table,
    /// For programs.
    Json,
}

impl From<PlainFormatArg> for PlainFormat {
    fn from(format: PlainFormatArg) -> Self {
        match format {
            PlainFormatArg::Table => Self::Table,
            PlainFormatArg::Json => Self::Json,
        }
    }
}

/// `--format` of `rules list`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesFormatArg {
    /// For a person at a terminal.
    Table,
    /// The reference, with prose and facts.
    Markdown,
    /// For programs.
    Json,
}

impl From<RulesFormatArg> for RulesFormat {
    fn from(format: RulesFormatArg) -> Self {
        match format {
            RulesFormatArg::Table => Self::Table,
            RulesFormatArg::Markdown => Self::Markdown,
            RulesFormatArg::Json => Self::Json,
        }
    }
}
