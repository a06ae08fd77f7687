//! The arguments, and what they mean; no behaviour.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::command::analyze::Options;
use crate::error::Error;
use crate::incident::Scope;
use crate::plan::{Choice, Protocol};
use crate::render::{EventsFormat, Format, InventoryFormat};
use crate::report::events::{EventLevel, Selection};

mod merge;
mod rules;
mod triage;

pub use merge::{MergeArgs, MergeFormatArg};
pub use rules::{ExplainArgs, ListArgs, PlainFormatArg, RulesArgs, RulesCommand, RulesFormatArg};
pub use triage::{TriageArgs, share};

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
    /// List the relevant events of every host on one clock.
    ///
    /// Relevant are the events that kcdoctor looks for: of Hyper-V, the cluster, Kerberos, delegation, clocks and
    /// updates. Of routine ones (such as tickets that were granted) the first of each log is listed, the others are
    /// counted. Times are corrected where the logs prove that a host's clock is off; what it showed stands beside.
    Events(EventsArgs),
    /// Say what a bundle holds, what is missing, and what to ask the customer for next.
    ///
    /// Logs by host and channel with their holes and damage, files that were not understood with the nearest guess,
    /// and what is missing with the command that collects it. `--format mail` writes a text for the customer.
    Inventory(InventoryArgs),
    /// Say before a hardening which migrations will fail under it, from exports of the directory and the hosts.
    ///
    /// No logs are needed. Every ordered pair is judged by the rules of analyze, by the defaults of each host's version
    /// and by the phases of hardening in force on the day; the plan prevents what would fail. What the exports do not
    /// hold is said to be unknown.
    #[command(mut_arg("bundles", |bundles| bundles.value_name("EXPORT")))]
    Audit(AuditArgs),
    /// Say what changed in delegation between two exports of the directory, who is hit, and since when.
    ///
    /// Each export is a file, folder or archive; logs beside it date the changes. What one of the two does not state is
    /// said to be untold, and is never a change.
    #[command(
        mut_arg("bundles", |bundles| {
            bundles.value_names(["BASELINE", "CURRENT"]).num_args(2).action(ArgAction::Set).help(
                "The older and the newer export: a folder, archive or file each",
            )
        }),
        mut_arg("rules", |rules| rules.hide(true))
    )]
    Drift(DriftArgs),
    /// Say after a fix or a hardening which pairs were seen to work since, and which still owe a test.
    ///
    /// A pair is proven by a success whose records name both ends, at a time that the logs of both ends hold, with no
    /// failure after it. Every failure since is listed with what explains it.
    Validate(ValidateArgs),
    /// Judge many bundles, a line of JSON each.
    ///
    /// Each child of a folder is a bundle; a file is one itself; `-` reads a list from standard input, a path a line, or a
    /// path, a tab and the ticket. Every bundle gives exactly one line, also one that can't be opened or takes too long
    /// (`"status":"error"`). Put the lines together with `kcdoctor merge`; docs/scale.md tells how to use many machines.
    #[command(
        mut_arg("bundles", |bundles| {
            bundles.value_name("PATH").required(false).help("Folders of bundles, bundles that are files, `-` for a list")
        }),
        mut_arg("color", |color| color.hide(true))
    )]
    Triage(TriageArgs),
    /// Put results of triage together: causes, what set them off and since when, clusters, what is missing.
    ///
    /// Each ticket counts once, however many results speak of it; docs/merge.md tells which line counts. A line that can't
    /// be read is named and counted, and nothing is skipped in silence.
    Merge(MergeArgs),
    /// Print a PowerShell script that gathers a complete bundle on the customer's side.
    Collect(CollectArgs),
    /// List the rules, find the faults of your own, and test them against their cases.
    ///
    /// A rule is a Markdown file; docs/writing-rules.md tells how to write one. Use a folder of them with `--rules DIR`.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Say what an error code, event, cause, rule, update or hardening change means here.
    Explain(ExplainArgs),
    /// Print the JSON Schema of the report.
    Schema,
    /// Judge simulated incidents of known truth, and say how often the verdict is right and as sure as it says.
    ///
    /// Ends with 1 where a bound of docs/accuracy.md is missed.
    Simulate(SimulateArgs),
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Incidents that are judged as facts; half of them lack a third of what a customer could send.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(2..))]
    pub incidents: u64,
    /// Incidents that are written as files and read again, likewise; with `--write`, how many are written.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(2..))]
    pub bundles: u64,
    /// The seed of the first; the same seed gives the same incidents.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub seed: u64,
    /// Judge nothing: write the bundles to DIR/tickets, and what was planted to DIR/truth.jsonl.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["incidents", "format", "output"])]
    pub write: Option<PathBuf>,
    /// With `--write`: each bundle as one zip, not as a folder.
    #[arg(long, requires = "write")]
    pub zip: bool,
    /// With `--write`: leave out a third of what a customer could send.
    #[arg(long, requires = "write")]
    pub thinned: bool,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = AccuracyArg::Table)]
    pub format: AccuracyArg,
    /// Write to FILE instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Threads; 0 means one a processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

/// Forms of what `simulate` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AccuracyArg {
    /// Tables in Markdown.
    Table,
    /// For programs.
    Json,
}

/// Arguments of `collect`.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Write to FILE instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Arguments of every command that reads a bundle.
#[derive(Debug, Args)]
pub struct Common {
    /// Folder, archive or files of one incident; `-` reads an archive or a file from standard input.
    #[arg(required = true, value_name = "BUNDLE")]
    pub bundles: Vec<PathBuf>,
    /// Write to FILE instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Look only at these hosts: the pairs of them, and the events that they wrote.
    #[arg(long, visible_alias = "host", value_name = "A,B", value_delimiter = ',')]
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
    /// Password of the archives in the bundle; give it again for each further one.
    #[arg(long = "password", value_name = "PASSWORD")]
    pub passwords: Vec<String>,
    /// Judge with the rules of DIR as well; one with the id of a shipped rule takes its place.
    #[arg(long, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Threads; 0 means one a processor.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
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

impl Common {
    /// How the bundle is to be read.
    ///
    /// # Errors
    /// [`Error::Usage`] where no time lies from `--since` on and before `--until`.
    pub fn options(&self) -> Result<Options, Error> {
        if let Some((since, until)) = self.since.zip(self.until).filter(|(since, until)| since >= until) {
            let advice = "so no event lies between them; give the earlier time to --since";
            return Err(Error::Usage(format!("--since {since} is not before --until {until}, {advice}")));
        }
        let scope = Scope { since: self.since, until: self.until, nodes: self.nodes.clone() };
        Ok(Options { scope, threads: self.threads, recover: self.recover, ..Options::default() })
    }
}

/// The plan as files.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Write the plan into DIR as well: plan.md for people, scripts for PowerShell, LDIF, and plan.json. Files of an
    /// earlier plan are overwritten, all others stay.
    #[arg(long, value_name = "DIR")]
    pub plan_dir: Option<PathBuf>,
    /// Plan only for moves from A to B; give it again for each further pair.
    #[arg(long = "pair", value_name = "A:B", value_parser = pair)]
    pub pairs: Vec<(String, String)>,
    /// How sources may act for a user who signed in elsewhere.
    #[arg(long, value_enum, default_value_t = ProtocolArg::Auto)]
    pub protocol: ProtocolArg,
    /// Storage moves along with the machines: put the `cifs/` names into the plan, not only on offer.
    #[arg(long)]
    pub storage: bool,
}

impl PlanArgs {
    /// Which part of the plan is wanted, and how.
    #[must_use]
    pub fn choice(&self) -> Choice {
        Choice { pairs: self.pairs.clone(), protocol: self.protocol.into(), storage: self.storage }
    }
}

/// `--protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProtocolArg {
    /// As the version of each source needs it.
    Auto,
    /// "Use any authentication protocol" on every source.
    Any,
    /// "Use Kerberos only": from Windows Server 2016 on, moves must then be started on the source.
    Kerberos,
}

impl From<ProtocolArg> for Protocol {
    fn from(protocol: ProtocolArg) -> Self {
        match protocol {
            ProtocolArg::Auto => Self::Auto,
            ProtocolArg::Any => Self::Any,
            ProtocolArg::Kerberos => Self::Kerberos,
        }
    }
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Those of every command.
    #[command(flatten)]
    pub common: Common,
    /// The plan as files.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// The day to judge by, YYYY-MM-DD; today in UTC without it.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Option<Date>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = PlainFormatArg::Table)]
    pub format: PlainFormatArg,
    /// Say the outcome by exit status: 0 every pair is ready, 2 a pair will fail, 3 the exports do not say.
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `drift`.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// Those of every command.
    #[command(flatten)]
    pub common: Common,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = PlainFormatArg::Table)]
    pub format: PlainFormatArg,
    /// Say the outcome by exit status: 0 nothing changed, 1 a pair has less than before, 2 something else changed, 3 the
    /// exports do not say.
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Those of every command.
    #[command(flatten)]
    pub common: Common,
    /// When it was fixed or hardened (RFC 3339 or YYYY-MM-DD, UTC); without it, each pair's own last change of the
    /// directory, of a policy or of the system.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub fixed_at: Option<Timestamp>,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = PlainFormatArg::Table)]
    pub format: PlainFormatArg,
    /// Say the outcome by exit status: 0 every pair is proven, 1 one is failing, 2 a test is owed, 3 the logs do not reach.
    #[arg(long)]
    pub exit_code: bool,
}

/// Arguments of `analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Those of every command.
    #[command(flatten)]
    pub common: Common,
    /// The plan as files.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = FormatArg::Table)]
    pub format: FormatArg,
    /// Say the verdict by exit status: 0 healthy, 1 confirmed, 2 probable or latent, 3 possible or inconclusive.
    #[arg(long)]
    pub exit_code: bool,
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

/// Arguments of `events`.
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Those of every command.
    #[command(flatten)]
    pub common: Common,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = EventsFormatArg::Table)]
    pub format: EventsFormatArg,
    /// Only these event ids.
    #[arg(long, value_name = "ID,ID", value_delimiter = ',')]
    pub id: Vec<u32>,
    /// Only providers whose name contains TEXT, whatever its case.
    #[arg(long, value_name = "TEXT")]
    pub provider: Option<String>,
    /// Only events as grave as this or graver; audits count as information, and a record that states no level stays.
    #[arg(long, value_enum)]
    pub level: Option<LevelArg>,
    /// Only events whose values, message or explained codes contain TEXT, whatever its case.
    #[arg(long, value_name = "TEXT")]
    pub grep: Option<String>,
    /// Only events near TIME, see --window.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub around: Option<Timestamp>,
    /// How near, such as 90s, 5m or 2h.
    #[arg(long, value_name = "SPAN", value_parser = span, default_value = "5m", requires = "around")]
    pub window: SignedDuration,
    /// Only live migration N (`3` or `A3`, as analyze numbers them): its records on both ends, and what its hosts
    /// and the domain controllers wrote within a minute of them.
    #[arg(long, value_name = "N", value_parser = attempt)]
    pub attempt: Option<usize>,
}

impl EventsArgs {
    /// Which events are asked for.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            ids: self.id.clone(),
            provider: self.provider.clone(),
            hosts: self.common.nodes.clone(),
            level: self.level.map(LevelArg::into),
            since: self.common.since,
            until: self.common.until,
            text: self.grep.clone(),
            around: self.around.map(|time| (time, self.window)),
            attempt: self.attempt,
        }
    }
}

/// Arguments of `inventory`.
#[derive(Debug, Args)]
pub struct InventoryArgs {
    /// Those of every command.
    #[command(flatten)]
    pub common: Common,
    /// Form of the output.
    #[arg(long, value_enum, default_value_t = InventoryFormatArg::Table)]
    pub format: InventoryFormatArg,
}

/// `--format` of `inventory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InventoryFormatArg {
    /// For a person at a terminal.
    Table,
    /// A text to paste into a mail to the customer.
    Mail,
    /// For programs.
    Json,
}

impl From<InventoryFormatArg> for InventoryFormat {
    fn from(format: InventoryFormatArg) -> Self {
        match format {
            InventoryFormatArg::Table => Self::Table,
            InventoryFormatArg::Mail => Self::Mail,
            InventoryFormatArg::Json => Self::Json,
        }
    }
}

/// `--format` of `events`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EventsFormatArg {
    /// For a person at a terminal.
    Table,
    /// For spreadsheets.
    Csv,
    /// One JSON object a line, an event each.
    Jsonl,
    /// JSON lines with the fields that Timesketch expects.
    Timesketch,
    /// One JSON object for programs.
    Json,
}

impl From<EventsFormatArg> for EventsFormat {
    fn from(format: EventsFormatArg) -> Self {
        match format {
            EventsFormatArg::Table => Self::Table,
            EventsFormatArg::Csv => Self::Csv,
            EventsFormatArg::Jsonl => Self::Jsonl,
            EventsFormatArg::Timesketch => Self::Timesketch,
            EventsFormatArg::Json => Self::Json,
        }
    }
}

/// `--level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LevelArg {
    /// Critical only.
    Critical,
    /// Errors and worse.
    Error,
    /// Warnings and worse.
    Warning,
    /// All but verbose ones.
    Information,
}

impl From<LevelArg> for EventLevel {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Critical => Self::Critical,
            LevelArg::Error => Self::Error,
            LevelArg::Warning => Self::Warning,
            LevelArg::Information => Self::Information,
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

/// `A:B`.
fn pair(text: &str) -> Result<(String, String), String> {
    let named = |(source, target): (&str, &str)| (source.trim().to_owned(), target.trim().to_owned());
    let pair =
        text.split_once(':').map(named).filter(|(source, target)| !source.is_empty() && !target.is_empty());
    pair.ok_or_else(|| "not a pair; write SOURCE:TARGET, such as HV01:HV02".into())
}

/// An instant; a day means its midnight in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    let midnight = || day(text).ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let time = text.parse().ok().or_else(midnight);
    time.ok_or_else(|| "not a time with its zone; write 2026-10-06T18:00:00Z or 2026-10-06".into())
}

/// A day.
fn day(text: &str) -> Result<Date, String> {
    // A time without a zone would lose its time.
    let day = Some(text).filter(|text| text.len() == "2026-10-06".len()).and_then(|text| text.parse().ok());
    day.ok_or_else(|| "not a day; write 2026-10-06".into())
}

/// A length of time, not negative.
fn span(text: &str) -> Result<SignedDuration, String> {
    let span = text.parse().ok().filter(|span: &SignedDuration| !span.is_negative());
    span.ok_or_else(|| "not a length of time; write 90s, 5m or 2h".into())
}

/// `A3` or `3`.
fn attempt(text: &str) -> Result<usize, String> {
    let number = text.strip_prefix(['A', 'a']).unwrap_or(text);
    number.parse().map_err(|_| "not an attempt; write 3 or A3, as analyze numbers them".into())
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
        assert_eq!(day("2026-10-06"), Ok(jiff::civil::date(2026, 10, 6)));
        for wrong in ["2026-02-30", "06.10.2026", "today", ""] {
            assert!(day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn attempts_and_spans_are_read_as_people_write_them() {
        assert_eq!((attempt("A3"), attempt("3"), attempt("a3")), (Ok(3), Ok(3), Ok(3)));
        assert!(attempt("A").is_err() && attempt("-3").is_err());
        assert_eq!(span("90s"), Ok(SignedDuration::from_secs(90)));
        assert_eq!(pair("HV01:hv02.contoso.com"), Ok(("HV01".into(), "hv02.contoso.com".into())));
        assert!(pair("HV01").is_err() && pair("HV01:").is_err());
        assert_eq!(span("5m"), Ok(SignedDuration::from_mins(5)));
        assert!(span("-5m").is_err() && span("5").is_err());
    }
}
