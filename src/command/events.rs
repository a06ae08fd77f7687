//! `kcdoctor events`: the Event Viewer of the bundle.

use super::analyze::{Options, pool, reconstruct};
use crate::bundle::Bundle;
use crate::error::Error;
use crate::knowledge::Knowledge;
use crate::report::events::{EventsReport, Selection, build};

/// A bundle in, the events out that `selection` asks for. `options` narrow the attempts as those of an analysis do,
/// so that both number them alike.
///
/// # Errors
/// Those of [`super::analyze::analyze`], and [`Error::Usage`] where there is no attempt of the number asked for.
pub fn events(
    bundle: &Bundle,
    knowledge: &Knowledge,
    options: &Options,
    selection: &Selection,
    tick: &(dyn Fn() + Sync),
) -> Result<EventsReport, Error> {
    pool(options.threads)?.install(|| {
        let (evidence, incident) = reconstruct(bundle, knowledge, options, tick)?;
        let attempts = incident.attempts.len();
        match selection.attempt {
            Some(number) if !(1..=attempts).contains(&number) => Err(no_attempt(number, attempts)),
            _ => Ok(build(&bundle.name, &evidence, &incident, knowledge, selection)),
        }
    })
}

fn no_attempt(number: usize, attempts: usize) -> Error {
    Error::Usage(match attempts {
        0 => format!(
            "there is no attempt A{number}: the bundle records no live migration; leave out --attempt to see its events"
        ),
        1 => format!("there is no attempt A{number}: the bundle records one live migration, A1"),
        _ => format!(
            "there is no attempt A{number}: the bundle records {attempts} live migrations, A1 to A{attempts}; without --attempt each event names its own"
        ),
    })
}

/// What to say where nothing was found, in one line that ends in advice; `None` where something was.
#[must_use]
pub fn nothing_found(report: &EventsReport) -> Option<String> {
    if !report.events.is_empty() {
        return None;
    }
    let Some((first, last)) = &report.span else {
        return Some(format!(
            "none of the {} records in the logs is about live migration; ask for the Hyper-V logs of both hosts and the Security log of a domain controller",
            report.records
        ));
    };
    Some(format!(
        "none of the {} relevant events, {first} to {last}, passes all filters; leave one out or widen it",
        report.relevant
    ))
}
