//! Arguments of `triage`.

use std::path::PathBuf;

use clap::Args;
use jiff::SignedDuration;

use super::{Common, PlainFormatArg, span};
use crate::bundle::Limits;
use crate::command::triage::{Inputs, Settings, Shard, Target};
use crate::error::Error;

/// Arguments of `triage`.
#[derive(Debug, Args)]
pub struct TriageArgs {
    /// Those of every command.
    #[command(flatten)]
    pub common: Common,
    /// Form of the output: a line of JSON a bundle, or one table of all when they are done.
    #[arg(long, value_enum, default_value_t = PlainFormatArg::Json)]
    pub format: PlainFormatArg,
    /// How deep in a folder its bundles stand: 1 means its children, 0 the folder itself.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub bundle_depth: usize,
    /// One bundle more, first of all: the archive or file on standard input, with NAME for its ticket.
    #[arg(long, value_name = "NAME", conflicts_with = "isolate")]
    pub stdin_archive: Option<String>,
    /// Only part I of N of all tickets, such as 2/4, by the hash of their ids.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Put the whole report into each line.
    #[arg(long)]
    pub full: bool,
    /// Write the report of each bundle into DIR, as TICKET.json.
    #[arg(long, value_name = "DIR")]
    pub reports: Option<PathBuf>,
    /// Write lines as bundles are done, not in the order of the bundles.
    #[arg(long)]
    pub unordered: bool,
    /// Go on where an earlier run into the same FILE ended: lines of bundles that are unchanged are kept.
    #[arg(long, requires = "output")]
    pub resume: bool,
    /// Compare with a recorded result, say what differs, and end with 1 if anything does.
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,
    /// Say in each line how long it took.
    #[arg(long)]
    pub timings: bool,
    /// Bytes that may be read of one bundle, unpacked, such as 500M or 4G; one that has more is an error.
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_bytes: Option<u64>,
    /// Files that one bundle may have; one that has more is an error.
    #[arg(long, value_name = "N")]
    pub max_entries: Option<usize>,
    /// Time for one bundle, such as 90s or 5m, by the clock; one that takes longer is an error.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub timeout: Option<SignedDuration>,
    /// Read bundles in worker processes, so that one which takes its worker down costs only itself.
    #[arg(long)]
    pub isolate: bool,
    /// With `--isolate`: how many; 0 means one a processor.
    #[arg(long, value_name = "N", requires = "isolate", default_value_t = 0)]
    pub processes: usize,
    /// With `--isolate`, on Linux: memory of all workers together, such as 4G; each has its equal share.
    #[arg(long, value_name = "SIZE", requires = "isolate", value_parser = size)]
    pub memory: Option<u64>,
    /// This process is a worker.
    #[arg(long, hide = true, requires = "isolate")]
    pub worker: bool,
}

impl TriageArgs {
    /// Whether a table is wanted.
    #[must_use]
    pub fn is_table(&self) -> bool {
        self.format == PlainFormatArg::Table
    }

    /// Which bundles.
    ///
    /// # Errors
    /// [`Error::Usage`] where there are none, standard input is named twice, or a table should do what only lines can.
    pub fn inputs(&self) -> Result<Inputs, Error> {
        let paths = &self.common.bundles;
        let lists = paths.iter().filter(|path| path.as_os_str() == "-").count();
        if lists + usize::from(self.stdin_archive.is_some()) > 1 {
            return Err(Error::Usage("standard input can be read only once".into()));
        }
        if paths.is_empty() && self.stdin_archive.is_none() {
            return Err(Error::Usage(
                "no bundle was named; pass a folder of bundles, or - for a list".into(),
            ));
        }
        let of_lines = [("--resume", self.resume), ("--full", self.full), ("--timings", self.timings)];
        if let Some((option, _)) = of_lines.iter().find(|(_, is_wanted)| *is_wanted && self.is_table()) {
            return Err(Error::Usage(format!(
                "{option} is for lines of JSON; leave it or --format table out"
            )));
        }
        if self.is_table() && self.expect.is_some() && self.common.output.is_none() {
            let advice = "name a file for the table with -o, or leave --format table out";
            return Err(Error::Usage(format!("--expect says what differs on standard output; {advice}")));
        }
        Ok(Inputs {
            paths: paths.clone(),
            piped: self.stdin_archive.clone(),
            depth: self.bundle_depth,
            shard: self.shard,
            reports: self.reports.is_some(),
            own: self
                .common
                .output
                .iter()
                .flat_map(|path| Target::files(path))
                .chain(self.reports.clone())
                .collect(),
        })
    }

    /// How each bundle is read, with `threads`.
    ///
    /// # Errors
    /// Those of [`Common::options`].
    pub fn settings(&self, threads: usize) -> Result<Settings, Error> {
        let usual = Limits::default();
        let limits = Limits { max_entries: self.max_entries.unwrap_or(usual.max_entries), ..usual };
        let mut options = self.common.options()?;
        options.threads = threads;
        Ok(Settings {
            options,
            passwords: self.common.passwords.clone(),
            limits,
            max_bytes: self.max_bytes,
            timeout: self.timeout.map(SignedDuration::unsigned_abs),
            shares_threads: !self.isolate && threads > 1,
            full: self.full,
            reports: self.reports.clone(),
            timings: self.timings,
        })
    }

    /// Where lines go. Standard output carries a comparison or a table where that is wanted.
    #[must_use]
    pub fn target(&self) -> Target {
        if self.is_table() {
            return Target::Nowhere;
        }
        match (&self.common.output, self.resume, &self.expect) {
            (Some(path), true, _) => Target::Resumed(path.clone()),
            (Some(path), false, _) => Target::File(path.clone()),
            (None, _, Some(_)) => Target::Nowhere,
            (None, _, None) => Target::StandardOutput,
        }
    }
}

/// Bytes, such as `4G`, `500MiB` or a plain number; a thousand is 1024.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_uppercase();
    let shift = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        "T" => Some(40),
        _ => None,
    };
    let bytes = shift.and_then(|shift| digits.parse::<u64>().ok()?.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| "not a size; write 500M, 4G or a number of bytes".into())
}

/// What of this machine's threads a worker has that shares it with others.
#[must_use]
pub fn share(threads: usize, processes: usize) -> usize {
    threads.div_ceil(processes.max(1)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(
            (size("500M"), size("4GiB"), size("7"), size("2kb")),
            (Ok(500 << 20), Ok(4 << 30), Ok(7), Ok(2048))
        );
        for wrong in ["", "M", "-1", "4X", "0", "99999999999T", "1.5G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn workers_share_the_threads() {
        assert_eq!((share(8, 4), share(2, 4), share(3, 2)), (2, 1, 2));
    }
}
