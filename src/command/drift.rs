//! `kcdoctor drift`: what changed in delegation between two exports of the directory.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::analyze::{Options, pool, reconstruct};
use super::audit::with_computers;
use crate::bundle::Bundle;
use crate::diagnose::{Side, drift as compared};
use crate::error::Error;
use crate::evidence::Evidence;
use crate::incident::Incident;
use crate::knowledge::Knowledge;
use crate::report::drift::{DriftReport, Outcome, build};

/// The baseline and the current export of the arguments.
///
/// # Errors
/// [`Error::Usage`] unless they are two, and none is standard input, which can be read only once.
pub fn two(arguments: &[PathBuf]) -> Result<[&PathBuf; 2], Error> {
    let usage = |text: &str| Err(Error::Usage(text.into()));
    match arguments {
        [baseline, current] if [baseline, current].iter().any(|own| own.as_path() == Path::new("-")) => {
            usage(
                "drift reads each export twice, which standard input does not allow; name two files or folders",
            )
        }
        [baseline, current] => Ok([baseline, current]),
        _ => usage(
            "drift compares two exports: name the baseline, then the current one; put files of one export into a folder",
        ),
    }
}

/// Refuses rules of the user's: two exports are compared, and no rule is asked of them.
///
/// # Errors
/// [`Error::Usage`] where a folder is named.
pub fn without_rules(folder: Option<&Path>) -> Result<(), Error> {
    folder.map_or(Ok(()), |_| {
        Err(Error::Usage(
            "drift asks no rules; leave --rules out, or judge the current export with audit".into(),
        ))
    })
}

/// Two bundles in, what differs out. Each goes through the stages of an analysis by itself.
///
/// # Errors
/// Those of [`super::analyze::analyze`], and [`Error::NothingUnderstood`] where no computer object is in one of them.
pub fn drift(
    [baseline, current]: [&Bundle; 2],
    knowledge: &Knowledge,
    options: &Options,
    tick: &(dyn Fn() + Sync),
) -> Result<DriftReport, Error> {
    pool(options.threads)?.install(|| {
        let first = reconstruct(baseline, knowledge, options, tick)?;
        let known = hosts(&first.0);
        let naming =
            |named: BTreeSet<String>| Options { named: named.into_iter().collect(), ..options.clone() };
        let second = reconstruct(current, knowledge, &naming(known.clone()), tick)?;
        // A host that lost its services would be passed over: each side is asked for the hosts of the other.
        let all: BTreeSet<_> = hosts(&second.0).union(&known).cloned().collect();
        // So would one whose account was disabled then and no longer is.
        let is_passed_over = first.0.hosts.iter().any(|(_, host)| host.is_retired && !host.is_node);
        let first = if all == known && !is_passed_over {
            first
        } else {
            reconstruct(baseline, knowledge, &naming(all), tick)?
        };
        with_computers(&baseline.name, &first.0)?;
        with_computers(&current.name, &second.0)?;
        let side = |(evidence, incident)| Side { evidence, incident };
        let (one, other) = (side(refs(&first)), side(refs(&second)));
        Ok(build([&baseline.name, &current.name], one, other, &compared(one, other), knowledge))
    })
}

fn refs((evidence, incident): &(Evidence, Incident)) -> (&Evidence, &Incident) {
    (evidence, incident)
}

/// The full names of hosts with an object.
fn hosts(evidence: &Evidence) -> BTreeSet<String> {
    let stated = evidence.hosts.iter().filter(|(id, _)| evidence.directory.computer(*id).is_some());
    stated.filter_map(|(_, host)| host.fqdn.clone()).collect()
}

/// The exit status of `--exit-code`.
#[must_use]
pub fn status(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Unchanged => 0,
        Outcome::Lost => 1,
        Outcome::Changed => 2,
        Outcome::CannotTell => 3,
    }
}

/// What to warn of: arguments that were most likely mistaken.
#[must_use]
pub fn mistaken(report: &DriftReport) -> Option<&'static str> {
    if report.identical {
        Some("both exports hold the same bytes; see that the current one is not a copy of the baseline")
    } else if report.reversed {
        Some("by the stamps of its objects the baseline is the newer export; name the older one first")
    } else {
        None
    }
}
