//! What the outcomes of many moves tell of the onset, beside the bracket that is read off.

use kcdoctor::render::{Format, Style, render};
use kcdoctor::report::{EstimateReport, Report};

use super::incidents::{Case, IDS};
use super::report;

const REFUSED: &str = "Failed to establish a connection with host 'HV02': No credentials are available in the security package (0x8009030E).";

/// Moves from HV01 to HV02, a day each from the 2nd: `.` succeeded, `F` failed for want of credentials, `N` failed
/// because nothing answered.
fn moves(outcomes: &str) -> Report {
    let mut case = Case::new();
    case.service(21024, 2, "HV02", "01T00:00:00", &["OLD", IDS[2], "HV02"]);
    for (index, outcome) in outcomes.chars().enumerate() {
        let at = |second: u32| format!("{:02}T10:00:{second:02}", index + 2);
        match outcome {
            '.' => {
                case.service(20413, 4, "HV01", &at(0), &["SQL01", "HV02", IDS[0]]);
                case.service(20415, 4, "HV01", &at(40), &["SQL01", IDS[0], "0.4"]);
            }
            'F' => {
                case.cluster_failure("SQL01", IDS[0], "HV01", &at(0), REFUSED);
            }
            _ => {
                let sentence = "Failed to establish a connection with host 'HV02': a connection attempt failed (0x8007274C).";
                case.cluster_failure("SQL01", IDS[0], "HV01", &at(0), sentence);
            }
        }
    }
    report(case.written())
}

fn counts(estimate: &EstimateReport) -> ((usize, usize), (usize, usize)) {
    let of = |side: &kcdoctor::report::TallyReport| (side.failed, side.attempts);
    (of(&estimate.before), of(&estimate.after))
}

#[test]
fn intermittent_failures_have_an_onset_with_its_strength() {
    let report = moves("..........F.FFF.F");
    let estimate = report.onset.estimate.as_ref().unwrap();
    assert_eq!(counts(estimate), ((0, 10), (5, 7)));
    assert_eq!(estimate.at.0.as_deref(), Some("2026-09-11T10:00:00Z"));
    assert_eq!(estimate.at.1, "2026-09-12T10:00:00Z");
    assert!(estimate.intermittent && estimate.p_value < 0.1, "{estimate:?}");
    assert_eq!(estimate.reaches_back, Some(true));
    // The bracket is what it was: the first failure, and the success before it.
    assert_eq!(report.onset.first_failure.as_deref(), Some("2026-09-12T10:00:00Z"));
    let text = render(&report, Format::Table, Style { width: 400, color: false });
    assert!(text.contains("Before: 0 of 10 failed, since: 5 of 7 (p = 0.0"), "{text}");
    assert!(text.contains("Some moves succeeded after the first failure."), "{text}");
}

/// The log of the source begins with the first failure: it may have wrapped.
#[test]
fn without_anything_before_nothing_is_claimed() {
    let report = moves("FFF");
    let estimate = report.onset.estimate.as_ref().unwrap();
    assert_eq!((counts(estimate), estimate.p_value), (((0, 0), (3, 3)), 1.0));
    assert_eq!((estimate.at.0.as_ref(), estimate.reaches_back), (None, Some(false)));
    let text = render(&report, Format::Table, Style { width: 400, color: false });
    assert!(
        text.contains("Nothing before the first failure is seen on these pairs; since: 3 of 3 failed."),
        "{text}"
    );
    assert!(text.contains("so the fault may be older."), "{text}");
}

/// Failures of another cause count neither as failures nor as successes.
#[test]
fn failures_of_another_cause_are_left_out() {
    let report = moves("...N.N..FFFFFF");
    assert_eq!(report.verdict.family, kcdoctor::knowledge::Family::Delegation);
    let estimate = report.onset.estimate.as_ref().unwrap();
    assert_eq!(counts(estimate), ((0, 6), (6, 6)));
    let pair = report.pairs.iter().find(|pair| pair.source == "HV01" && pair.target == "HV02").unwrap();
    assert_eq!(pair.onset_estimate.as_ref().map(counts), Some(((0, 6), (6, 6))));
    let other = report.pairs.iter().find(|pair| pair.source == "HV02").unwrap();
    assert!(other.onset_estimate.is_none());
}

#[test]
fn where_nothing_or_one_thing_is_seen_there_is_no_estimate() {
    assert!(moves("...").onset.estimate.is_none());
    assert!(moves("F").onset.estimate.is_none());
}
