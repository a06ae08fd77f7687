//! Lines for tests.

use crate::report::triage::{Line, LineOnset, LinePlan, LineTool, LineVerdict, Status};

/// A line whose verdict and trigger are those of its signature.
pub(super) fn line(ticket: &str, signature: &str) -> Line {
    let mut parts = signature.split('|');
    let cause = parts.next().unwrap_or_default().to_owned();
    let trigger = parts.next().filter(|trigger| *trigger != "-").map(str::to_owned);
    Line {
        hash: Some("blake3:00".into()),
        status: Status::Ok,
        error: None,
        error_code: None,
        verdict: Some(LineVerdict {
            cause,
            family: "delegation".into(),
            level: "confirmed".into(),
            confidence: 0.9,
            pairs: vec![("HV01".into(), "HV02".into())],
            trigger,
            summary: "It broke.".into(),
        }),
        also: Some(Vec::new()),
        signature: Some(signature.into()),
        onset: Some(LineOnset { last_success: None, first_failure: None }),
        gaps: Some(Vec::new()),
        issues: Some(Vec::new()),
        plan: Some(LinePlan { steps: Vec::new(), changes: "blake3:00".into() }),
        bytes: Some(1),
        records: Some(1),
        ..failed(ticket, "-")
    }
}

/// The line of a bundle that was not analyzed.
pub(super) fn failed(ticket: &str, code: &str) -> Line {
    let tool = LineTool { version: "0.1.0".into(), knowledge: "1".into(), options: String::new() };
    Line::failed(ticket, ticket, code, "It can't be read.".into(), tool)
}
