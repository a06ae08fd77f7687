//! Whether a rule says of a case's facts what the case expects.

use super::judge::{Outcome, ask_case};
use crate::knowledge::Rule;
use crate::knowledge::cases::{Case, Expected};

/// A rule that says something else of a case than it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// What it should say.
    pub expected: (Outcome, Vec<String>),
    /// What it says, and the unknown facts that it names.
    pub got: (Outcome, Vec<String>),
}

/// Asks `rule` of `case`; `None` where it says what is expected.
#[must_use]
pub fn deviation(rule: &Rule, expected: Expected, case: &Case) -> Option<Deviation> {
    let outcome = match expected {
        Expected::Hit => Outcome::Hit,
        Expected::Clear => Outcome::RuledOut,
        Expected::Blind => Outcome::Inconclusive,
    };
    let got = ask_case(rule, &case.variables);
    let expected = (outcome, case.missing.clone());
    (got != expected).then_some(Deviation { expected, got })
}
