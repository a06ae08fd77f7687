//! `kcdoctor inventory`: what a bundle holds, and what to ask the customer for next.

use super::analyze::{Options, is_understood, join, pool, read};
use crate::bundle::Bundle;
use crate::diagnose::diagnose;
use crate::error::Error;
use crate::knowledge::Knowledge;
use crate::plan::plan;
use crate::report::inventory::{InventoryReport, build};

/// A bundle in, its inventory out, also where nothing in it is understood.
///
/// # Errors
/// [`Error::Fault`] where threads can't be had.
pub fn inventory(
    bundle: &Bundle,
    knowledge: &Knowledge,
    options: &Options,
    tick: &(dyn Fn() + Sync),
) -> Result<InventoryReport, Error> {
    Ok(pool(options.threads)?.install(|| {
        let parsed = read(bundle, knowledge, options, tick);
        let understood = is_understood(&parsed);
        let (evidence, incident) = join(parsed, knowledge, options);
        let mut diagnosis = diagnose(&incident, &evidence, knowledge);
        // What only the plan waits for is asked for as well.
        let waited_for = plan(&diagnosis, &incident, &evidence, knowledge, &options.plan).gaps;
        diagnosis.gaps.extend(waited_for);
        build(&bundle.name, understood, &evidence, &incident, &diagnosis, knowledge)
    }))
}
