//! Arguments in, exit status out.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Once;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kcdoctor::bundle::{Bundle, Limits};
use kcdoctor::cli::{
    AccuracyArg, AnalyzeArgs, AuditArgs, Cli, ColorArg, Command, Common, DriftArgs, EventsArgs, ExplainArgs,
    InventoryArgs, MergeArgs, PlanArgs, RulesCommand, SimulateArgs, TriageArgs, ValidateArgs, share,
};
use kcdoctor::command::analyze::Options;
use kcdoctor::command::output::check_output;
use kcdoctor::command::simulate::Container;
use kcdoctor::command::triage::{Analyst, Isolation, Run};
use kcdoctor::command::{
    analyze, audit, collect, drift, events, explain, inventory, merge, plan_files, rules, schema, simulate,
    triage, validate,
};
use kcdoctor::error::Error;
use kcdoctor::knowledge::{Knowledge, Origin};
use kcdoctor::render::{
    InventoryFormat, Style, render, render_accuracy, render_audit, render_differences, render_drift,
    render_events, render_explanation, render_inventory, render_lint, render_merge, render_rules,
    render_test, render_triage, render_validate, to_json,
};
use kcdoctor::report::plan::PlanDocument;
use kcdoctor::scenario::simulation::Sources;

/// Columns where the terminal does not say.
const WIDTH: usize = 80;
/// Work shorter than this shows no progress.
const PATIENCE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        Command::Analyze(arguments) => run_analyze(&arguments),
        Command::Events(arguments) => run_events(&arguments),
        Command::Inventory(arguments) => run_inventory(&arguments),
        Command::Audit(arguments) => run_audit(&arguments),
        Command::Drift(arguments) => run_drift(&arguments),
        Command::Validate(arguments) => run_validate(&arguments),
        Command::Triage(arguments) => run_triage(&arguments),
        Command::Merge(arguments) => run_merge(&arguments),
        Command::Collect(arguments) => write_out(arguments.output.as_deref(), collect::SCRIPT).map(|()| 0),
        Command::Simulate(arguments) => run_simulate(&arguments),
        Command::Rules(command) => run_rules(&command),
        Command::Explain(arguments) => run_explain(&arguments),
        Command::Schema => write_out(None, &schema::run()).map(|()| 0),
    };
    match result {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            // Nobody is left to be told where standard error is gone too.
            let _ = writeln!(io::stderr(), "kcdoctor: {error}");
            ExitCode::from(error.exit_status())
        }
    }
}

/// Help and version go to standard output and are no error; everything else is wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 64 } else { 0 })
}

fn run_analyze(arguments: &AnalyzeArgs) -> Result<u8, Error> {
    let common = &arguments.common;
    let report = with_bundle(common, |bundle, knowledge, options, tick| {
        let options = Options { plan: arguments.plan.choice(), ..options.clone() };
        analyze::analyze(bundle, knowledge, &options, tick)
    })?;
    let hosts = report.hosts.iter().map(|host| (&host.name, &host.fqdn));
    warn_of_nodes(common, hosts.clone());
    finish_plan(common, &arguments.plan, hosts, || PlanDocument::of_analysis(&report))?;
    let text = render(&report, arguments.format.into(), style(common));
    write_out(common.output.as_deref(), &text)?;
    Ok(if arguments.exit_code { analyze::verdict_status(report.verdict.level) } else { 0 })
}

fn run_events(arguments: &EventsArgs) -> Result<u8, Error> {
    let common = &arguments.common;
    let report = with_bundle(common, |bundle, knowledge, options, tick| {
        events::events(bundle, knowledge, options, &arguments.selection(), tick)
    })?;
    warn_of_nodes(common, report.hosts.iter().map(|host| (&host.name, &host.fqdn)));
    if let Some(nothing) = events::nothing_found(&report) {
        warn(common, &nothing);
    }
    let text = render_events(&report, arguments.format.into(), style(common));
    write_out(common.output.as_deref(), &text).map(|()| 0)
}

fn run_inventory(arguments: &InventoryArgs) -> Result<u8, Error> {
    let common = &arguments.common;
    let report = with_bundle(common, |bundle, knowledge, options, tick| {
        inventory::inventory(bundle, knowledge, options, tick)
    })?;
    warn_of_nodes(common, report.hosts.iter().map(|host| (&host.name, &host.fqdn)));
    let format = arguments.format.into();
    if format == InventoryFormat::Mail && report.requests.iter().any(|request| request.needed) {
        warn(common, "attach the script that the mail speaks of: kcdoctor collect -o kcdoctor-collect.ps1");
    }
    let text = render_inventory(&report, format, style(common));
    write_out(common.output.as_deref(), &text).map(|()| 0)
}

fn run_simulate(arguments: &SimulateArgs) -> Result<u8, Error> {
    let SimulateArgs { incidents, bundles, seed, threads, .. } = *arguments;
    if let Some(folder) = &arguments.write {
        let sources = if arguments.thinned { Sources::Thinned } else { Sources::Complete };
        let container = if arguments.zip { Container::Zip } else { Container::Folder };
        let order = simulate::Order { first_seed: seed, bundles, sources, container, threads };
        return simulate::write(&order, folder).map(|()| 0);
    }
    let run = simulate::Run { first_seed: seed, incidents, bundles, threads };
    let accuracy = simulate::run(&run, &Knowledge::load()?)?;
    let text = match arguments.format {
        AccuracyArg::Table => render_accuracy(&accuracy),
        AccuracyArg::Json => to_json(&accuracy),
    };
    write_out(arguments.output.as_deref(), &text)?;
    Ok(u8::from(!accuracy.holds()))
}

fn run_explain(arguments: &ExplainArgs) -> Result<u8, Error> {
    let report = explain::explain(&arguments.query, arguments.rules.as_deref())?;
    let style = Style { width: width(arguments.output.is_none()), color: false };
    let text = render_explanation(&report, arguments.format.into(), style);
    write_out(arguments.output.as_deref(), &text).map(|()| 0)
}

/// A fault or a failure is status 1.
fn run_rules(command: &RulesCommand) -> Result<u8, Error> {
    let style = |output: &Option<PathBuf>| Style { width: width(output.is_none()), color: false };
    let (text, output, is_good) = match command {
        RulesCommand::List(own) => {
            let report = rules::list(own.folder.as_deref())?;
            (render_rules(&report, own.format.into(), style(&own.output)), &own.output, true)
        }
        RulesCommand::Lint(own) => {
            let report = rules::lint(own.folder.as_deref())?;
            let text = render_lint(&report, own.format.into(), style(&own.output));
            (text, &own.output, report.faults.is_empty())
        }
        RulesCommand::Test(own) => {
            let report = rules::test(own.folder.as_deref())?;
            let text = render_test(&report, own.format.into(), style(&own.output));
            (text, &own.output, report.faults.is_empty() && report.failures.is_empty())
        }
    };
    write_out(output.as_deref(), &text).map(|()| u8::from(!is_good))
}

fn run_audit(arguments: &AuditArgs) -> Result<u8, Error> {
    let common = &arguments.common;
    audit::distinct(&common.bundles)?;
    // The only place that asks the clock for the day: from here on it is an input.
    let on = arguments.on.unwrap_or_else(|| jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date());
    let report = with_bundle(common, |bundle, knowledge, options, tick| {
        let options = Options { plan: arguments.plan.choice(), ..options.clone() };
        audit::audit(bundle, knowledge, &options, on, tick)
    })?;
    let hosts = report.hosts.iter().map(|host| (&host.name, &host.fqdn));
    warn_of_nodes(common, hosts.clone());
    finish_plan(common, &arguments.plan, hosts, || PlanDocument::of_audit(&report))?;
    let text = render_audit(&report, arguments.format.into(), style(common));
    write_out(common.output.as_deref(), &text)?;
    Ok(if arguments.exit_code { analyze::verdict_status(report.verdict.level) } else { 0 })
}

fn run_drift(arguments: &DriftArgs) -> Result<u8, Error> {
    let common = &arguments.common;
    let options = common.options()?;
    let [baseline, current] = drift::two(&common.bundles)?;
    drift::without_rules(common.rules.as_deref())?;
    audit::distinct(&common.bundles)?;
    check_output(&common.bundles, common.output.as_deref())?;
    let opened =
        |path: &PathBuf| Bundle::open_with(std::slice::from_ref(path), &common.passwords, &Limits::default());
    let bundles = [&opened(baseline)?, &opened(current)?];
    let knowledge = Knowledge::load()?;
    let sources = bundles.iter().map(|bundle| bundle.sources.len()).sum();
    let progress = Progress::new(sources, common.no_progress || common.quiet);
    let report = drift::drift(bundles, &knowledge, &options, &|| progress.tick());
    progress.bar.finish_and_clear();
    let report = report?;
    warn_of_nodes(common, report.hosts.iter().map(|host| (&host.name, &host.fqdn)));
    if let Some(mistaken) = drift::mistaken(&report) {
        warn(common, mistaken);
    }
    let text = render_drift(&report, arguments.format.into(), style(common));
    write_out(common.output.as_deref(), &text)?;
    Ok(if arguments.exit_code { drift::status(report.outcome) } else { 0 })
}

fn run_validate(arguments: &ValidateArgs) -> Result<u8, Error> {
    let common = &arguments.common;
    audit::distinct(&common.bundles)?;
    let report = with_bundle(common, |bundle, knowledge, options, tick| {
        validate::validate(bundle, knowledge, options, arguments.fixed_at, tick)
    })?;
    warn_of_nodes(common, report.hosts.iter().map(|host| (&host.name, &host.fqdn)));
    let text = render_validate(&report, arguments.format.into(), style(common));
    write_out(common.output.as_deref(), &text)?;
    Ok(if arguments.exit_code { validate::status(report.outcome) } else { 0 })
}

/// A difference from the recorded result is status 1.
fn run_triage(arguments: &TriageArgs) -> Result<u8, Error> {
    let common = &arguments.common;
    let inputs = arguments.inputs()?;
    let knowledge = rules::known(common.rules.as_deref())?;
    let threads = triage::threads(common.threads);
    let processes = triage::threads(arguments.processes);
    if let Some(memory) = arguments.memory {
        triage::check_memory(memory, processes, share(threads, processes))?;
    }
    if arguments.worker {
        let settings = arguments.settings(share(threads, processes))?;
        triage::become_worker(arguments.memory.map(|memory| memory / processes as u64))?;
        return triage::serve(&Analyst::new(&knowledge, &settings)?).map(|()| 0);
    }
    check_output(arguments.expect.as_slice(), common.output.as_deref())?;
    if arguments.is_table() {
        check_output(&common.bundles, common.output.as_deref())?;
    }
    let isolation = arguments.isolate.then(|| {
        let arguments = std::env::args_os().skip(1).chain(["--worker".into()]).collect();
        Isolation { processes, arguments }
    });
    let run = Run {
        inputs,
        settings: arguments.settings(threads)?,
        target: arguments.target(),
        in_order: !arguments.unordered,
        keeps_lines: arguments.is_table(),
        expected: arguments.expect.clone(),
        isolation,
        hidden: common.no_progress || common.quiet,
    };
    let done = triage::run(run, &knowledge)?;
    match (done.bundles, done.errors) {
        (0, _) => warn(common, "no bundle was found in what was named"),
        (1, 1) => warn(common, "the bundle could not be analyzed; its line says why"),
        (bundles, errors) if bundles == errors => {
            warn(common, &format!("none of {bundles} bundles could be analyzed; their lines say why"));
        }
        _ => {}
    }
    if done.dropped > 0 {
        let lines = if done.dropped == 1 { "1 line".to_owned() } else { format!("{} lines", done.dropped) };
        warn(common, &format!("of bundles that were not named this time, {lines} of the earlier run went"));
    }
    let output = common.output.as_deref();
    if arguments.is_table() {
        let style = Style { width: width(output.is_none()), color: false };
        write_out(output, &render_triage(&done.lines, style))?;
    }
    let Some(recorded) = &arguments.expect else { return Ok(0) };
    write_out(None, &render_differences(&done.differences, done.bundles, &recorded.display().to_string()))?;
    Ok(u8::from(!done.differences.is_empty()))
}

fn run_merge(arguments: &MergeArgs) -> Result<u8, Error> {
    let output = arguments.output.as_deref();
    check_output(&arguments.results, output)?;
    let format = arguments.format.text();
    // What can't be written is said before the long work.
    let binary = if format.is_none() { Some(merge::parquet_file(output)?) } else { None };
    let report = merge::merge(&arguments.results, arguments.examples, &Knowledge::load()?)?;
    // A person who reads the table there is told by the table.
    let is_told = output.is_none() && arguments.format.is_for_people();
    for remark in report.remarks.iter().filter(|_| !arguments.quiet && !is_told) {
        // Nobody is left to be told where standard error is gone too.
        let _ = writeln!(io::stderr(), "kcdoctor: warning: {remark}");
    }
    let style = Style { width: width(output.is_none()), color: false };
    match binary {
        Some(path) => merge::write_parquet(&report, path)?,
        None => write_out(output, &render_merge(&report, format.unwrap_or_default(), style))?,
    }
    Ok(0)
}

/// Opens the bundle and shows progress while `read` reads it.
fn with_bundle<T>(
    common: &Common,
    read: impl FnOnce(&Bundle, &Knowledge, &Options, &(dyn Fn() + Sync)) -> Result<T, Error>,
) -> Result<T, Error> {
    let options = common.options()?;
    check_output(&common.bundles, common.output.as_deref())?;
    let knowledge = rules::known(common.rules.as_deref())?;
    for rule in knowledge.own_rules().filter(|rule| rule.origin == Origin::Replaced) {
        warn(common, &format!("{}: your own rule is used in place of the shipped one", rule.id));
    }
    let bundle = Bundle::open_with(&common.bundles, &common.passwords, &Limits::default())?;
    let progress = Progress::new(bundle.sources.len(), common.no_progress || common.quiet);
    let result = read(&bundle, &knowledge, &options, &|| progress.tick());
    progress.bar.finish_and_clear();
    result
}

/// The same for the hosts of `--nodes`.
fn warn_of_nodes<'a>(common: &Common, hosts: impl Iterator<Item = (&'a String, &'a Option<String>)> + Clone) {
    warn_of_unknown(common, &common.nodes, hosts);
}

/// Writes the plan where that is asked for, and warns of hosts of it that the bundle does not know.
fn finish_plan<'a>(
    common: &Common,
    plan: &PlanArgs,
    hosts: impl Iterator<Item = (&'a String, &'a Option<String>)> + Clone,
    document: impl FnOnce() -> PlanDocument<'a>,
) -> Result<(), Error> {
    warn_of_unknown(common, plan.pairs.iter().flat_map(|(source, target)| [source, target]), hosts);
    match &plan.plan_dir {
        Some(folder) => plan_files::write(folder, &document()),
        None => Ok(()),
    }
}

/// A host that was asked for and is not among `hosts`, by name and full name, is most likely misspelt.
fn warn_of_unknown<'a, 'b>(
    common: &Common,
    asked: impl IntoIterator<Item = &'b String>,
    hosts: impl Iterator<Item = (&'a String, &'a Option<String>)> + Clone,
) {
    let known = |name: &str| {
        hosts
            .clone()
            .flat_map(|(name, fqdn)| [Some(name), fqdn.as_ref()])
            .flatten()
            .any(|own| own.eq_ignore_ascii_case(name))
    };
    for name in asked.into_iter().filter(|name| !known(name)) {
        warn(common, &format!("no host of the bundle is called {name}"));
    }
}

fn warn(common: &Common, text: &str) {
    if !common.quiet {
        // Nobody is left to be told where standard error is gone too.
        let _ = writeln!(io::stderr(), "kcdoctor: warning: {text}");
    }
}

/// A bar on standard error where that is a terminal; it appears when the work turns out to be long.
struct Progress {
    bar: ProgressBar,
    begun: Instant,
    shown: Once,
    wanted: bool,
}

impl Progress {
    fn new(sources: usize, hidden: bool) -> Self {
        let bar = ProgressBar::with_draw_target(Some(sources as u64), ProgressDrawTarget::hidden());
        let template = ProgressStyle::with_template("reading {pos}/{len} files {wide_bar} {elapsed}");
        bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, begun: Instant::now(), shown: Once::new(), wanted: !hidden && io::stderr().is_terminal() }
    }

    fn tick(&self) {
        if self.wanted && self.begun.elapsed() >= PATIENCE {
            self.shown.call_once(|| self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(4)));
        }
        self.bar.inc(1);
    }
}

fn style(common: &Common) -> Style {
    let to_terminal = common.output.is_none() && io::stdout().is_terminal();
    let color = match common.color {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto => to_terminal && std::env::var_os("NO_COLOR").is_none(),
    };
    Style { width: width(common.output.is_none()), color }
}

/// Columns of what is written: the terminal's, where it goes to one and that says.
fn width(to_standard_output: bool) -> usize {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    columns.filter(|_| to_standard_output && io::stdout().is_terminal()).unwrap_or(WIDTH)
}

/// A reader that went away early is no error.
fn write_out(output: Option<&Path>, text: &str) -> Result<(), Error> {
    let result = match output {
        Some(path) => File::create(path).and_then(|mut file| file.write_all(text.as_bytes())),
        None => io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => {
            result.map_err(Error::io(output.map_or_else(|| "standard output".into(), Path::to_path_buf)))
        }
    }
}
