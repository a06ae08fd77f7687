//! Takes one step of reading a log a number of times and prints what it found: `steps find Security.evtx 2`. Run
//! under a counter of instructions, the difference between many times and once is what the step costs
//! (benches/instructions.sh).

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, ValueEnum};
use kcdoctor::knowledge::Knowledge;
use kcdoctor::parse::steps;

/// Takes one step of reading a log.
#[derive(Debug, Parser)]
#[command(name = "steps")]
struct Arguments {
    /// The step.
    step: Step,
    /// A log.
    log: PathBuf,
    /// How often.
    times: u32,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Step {
    /// Find the records and those that matter; prints both counts.
    Find,
    /// The same, and decode those that matter; prints how many were decoded.
    Decode,
    /// Check the checksums of all chunks; prints how many are wrong.
    Check,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(lines) => {
            // Nobody is left to be told where standard output is gone.
            let _ = std::io::Write::write_all(&mut std::io::stdout(), lines.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => Arguments::command().error(ErrorKind::Io, error).exit(),
    }
}

fn run(arguments: &Arguments) -> Result<String, String> {
    let Arguments { step, log, times } = arguments;
    let log = fs::read(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let interest = Knowledge::load().map_err(|error| error.to_string())?.signals.interest();
    let once = |_| match step {
        Step::Find => {
            let (records, wanted) = steps::find(&log, &interest);
            format!("{records} {wanted}\n")
        }
        Step::Decode => format!("{}\n", steps::decode(&log, &interest)),
        Step::Check => format!("{}\n", steps::check(&log)),
    };
    Ok((0..*times).map(once).collect())
}
