//! `kcdoctor explain`: what a code, event, cause, rule, update or hardening change means here.

use std::path::Path;

use super::rules::known;
use crate::error::Error;
use crate::knowledge::Knowledge;
use crate::knowledge::fault::near;
use crate::report::explain::{Explanation, explanation, names};

/// Names that an error proposes at most.
const PROPOSED: usize = 3;

/// Explains `query`, with the rules of `folder` known as well.
///
/// # Errors
/// [`Error::NothingUnderstood`] where nothing is known of it, with the nearest names; those of
/// [`super::rules::known`] for the folder.
pub fn explain(query: &str, folder: Option<&Path>) -> Result<Explanation, Error> {
    let knowledge = known(folder)?;
    let explanation = explanation(query.trim(), &knowledge);
    if explanation.topics.is_empty() { Err(unknown(query, &knowledge)) } else { Ok(explanation) }
}

fn unknown(query: &str, knowledge: &Knowledge) -> Error {
    let names = names(knowledge);
    let mut near = near(query, names.iter().map(String::as_str));
    near.truncate(PROPOSED);
    let advice = if near.is_empty() {
        "write a code such as 0x8009030E, an event such as 21502, a cause such as kcd-missing, a rule such as KCD-101, or an update such as KB5019966".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    Error::NothingUnderstood { detail: format!("nothing is known of {query:?}; {advice}") }
}
