//! One bundle of many as a line of JSON: `kcdoctor triage` writes one for each, and `kcdoctor merge` reads them again.
//!
//! Words are texts here and no enumerations, so that a line of another version is read as well. What is *not* done here:
//! reading bundles (see [`crate::command::triage`]), counting lines.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Report, Role, SCHEMA_VERSION, StepReport, word};

mod difference;

pub use difference::Difference;

/// What stands in a [signature](Line::signature) for what is not there or not known.
const NOTHING: &str = "-";

/// What is said of one bundle. Its form is `docs/triage.schema.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The version of this form.
    pub schema_version: u32,
    /// The ticket: the id given with the path, else the bundle's name with its extension.
    pub ticket: String,
    /// The path of the bundle, as it was given or found.
    pub path: String,
    /// `blake3:` and the hash over the sorted hashes of what was read of its sources, as in the report; `null` where it
    /// was not opened.
    pub hash: Option<String>,
    /// Whether the bundle was analyzed.
    pub status: Status,
    /// Why it was not, in a sentence.
    pub error: Option<String>,
    /// The same as a stable name: `no-input`, `nothing-understood`, `io`, `deadline`, `over-budget`, `fault`,
    /// `out-of-memory` or `worker-died`.
    pub error_code: Option<String>,
    /// What broke; `null` with an error, like all that follows from it.
    pub verdict: Option<LineVerdict>,
    /// Other causes with failures of their own.
    pub also: Option<Vec<LineAlso>>,
    /// What equal tickets share: cause, trigger, shape of the pairs and versions of Windows, with `|` between.
    pub signature: Option<String>,
    /// When the fault set in.
    pub onset: Option<LineOnset>,
    /// Ids of what is missing.
    pub gaps: Option<Vec<String>>,
    /// Codes of what was noticed about its files, such as damage (docs/issues.md); `report-not-written` where `--reports`
    /// could not be served.
    pub issues: Option<Vec<String>>,
    /// What to do.
    pub plan: Option<LinePlan>,
    /// The earliest event of its logs.
    pub first: Option<String>,
    /// The latest.
    pub last: Option<String>,
    /// Bytes that were read of its files, unpacked.
    pub bytes: Option<u64>,
    /// Intact records in them.
    pub records: Option<u64>,
    /// What made this line.
    pub tool: LineTool,
    /// How long it took, with `--timings`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elapsed_ms: Option<u64>,
}

/// Whether a bundle was analyzed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It was.
    Ok,
    /// It was not; the line says why.
    Error,
}

/// What broke.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineVerdict {
    /// The cause.
    pub cause: String,
    /// Its family.
    pub family: String,
    /// How sure.
    pub level: String,
    /// The probability that the cause is right.
    pub confidence: f64,
    /// The pairs that it explains.
    pub pairs: Vec<(String, String)>,
    /// The change that set it off.
    pub trigger: Option<String>,
    /// One sentence that a customer can read.
    pub summary: String,
}

/// Another cause with failures of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineAlso {
    /// The cause.
    pub cause: String,
    /// How sure.
    pub level: String,
    /// The pairs that it explains.
    pub pairs: Vec<(String, String)>,
}

/// The bracket in which the fault set in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineOnset {
    /// The last success before it.
    pub last_success: Option<String>,
    /// The first failure that the verdict explains.
    pub first_failure: Option<String>,
}

/// What to do, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LinePlan {
    /// The steps, in order.
    pub steps: Vec<LineStep>,
    /// `blake3:` and a hash over what the steps change value by value; their wording does not count.
    pub changes: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineStep {
    /// Its kind.
    pub kind: String,
    /// The host.
    pub host: Option<String>,
    /// The other ends.
    pub targets: Vec<String>,
    /// Gaps that must be closed first.
    pub blocked_by: Vec<String>,
}

/// What made a line: two lines of equal bundles by equal tools are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineTool {
    /// The version of the program.
    pub version: String,
    /// The revision of its knowledge, rules of `--rules` included.
    pub knowledge: String,
    /// Options that change what is said, as they would be typed; empty without any.
    pub options: String,
}

impl Line {
    /// The line of a bundle that was analyzed. Its size is the sum of its files.
    #[must_use]
    pub fn of(ticket: &str, path: &str, options: &str, report: &Report) -> Self {
        let verdict = &report.verdict;
        let sources = &report.bundle.sources;
        let also = report.also.iter().map(|also| LineAlso {
            cause: also.cause.name().to_owned(),
            level: word(&also.level),
            pairs: also.pairs.clone(),
        });
        let codes = sources.iter().flat_map(|source| &source.issues).map(|issue| issue.code);
        Self {
            schema_version: SCHEMA_VERSION,
            ticket: ticket.to_owned(),
            path: path.to_owned(),
            hash: Some(report.bundle.hash.clone()),
            status: Status::Ok,
            error: None,
            error_code: None,
            verdict: Some(LineVerdict {
                cause: verdict.cause.name().to_owned(),
                family: word(&verdict.family),
                level: word(&verdict.level),
                confidence: verdict.confidence,
                pairs: verdict.pairs.clone(),
                trigger: verdict.trigger.clone(),
                summary: verdict.summary.clone(),
            }),
            also: Some(also.collect()),
            signature: Some(signature(report)),
            onset: Some(LineOnset {
                last_success: report.onset.last_success.clone(),
                first_failure: report.onset.first_failure.clone(),
            }),
            gaps: Some(sorted(report.gaps.iter().map(|gap| gap.id.as_str()))),
            issues: Some(sorted(codes)),
            plan: Some(plan(&report.plan.steps)),
            first: report.coverage.iter().map(|covered| &covered.first).min().cloned(),
            last: report.coverage.iter().map(|covered| &covered.last).max().cloned(),
            bytes: Some(sources.iter().map(|source| source.bytes).sum()),
            records: Some(sources.iter().map(|source| source.records).sum()),
            tool: LineTool {
                version: report.tool.version.to_owned(),
                knowledge: report.tool.knowledge.revision.clone(),
                options: options.to_owned(),
            },
            elapsed_ms: None,
        }
    }

    /// The line of a bundle that was not analyzed: the stable name of why, and a sentence.
    #[must_use]
    pub fn failed(ticket: &str, path: &str, code: &str, why: String, tool: LineTool) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            ticket: ticket.to_owned(),
            path: path.to_owned(),
            hash: None,
            status: Status::Error,
            error: Some(why),
            error_code: Some(code.to_owned()),
            verdict: None,
            also: None,
            signature: None,
            onset: None,
            gaps: None,
            issues: None,
            plan: None,
            first: None,
            last: None,
            bytes: None,
            records: None,
            tool,
            elapsed_ms: None,
        }
    }
}

/// What every line begins with.
pub(crate) const BEGIN: &[u8] = b"{\"schema_version\":";

/// Whether a text may have been torn off a line of triage.
pub(crate) fn is_begun(text: &[u8]) -> bool {
    text.iter().zip(BEGIN).all(|(own, begin)| own == begin)
}

/// The JSON Schema of [`Line`].
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Line).to_value()
}

fn sorted<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    texts.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

/// Of a change that only this ticket has, its kind.
fn signature(report: &Report) -> String {
    let trigger = match (report.trigger(), &report.verdict.trigger) {
        (Some(change), Some(id)) if id.contains(':') => change.kind.name(),
        (_, Some(id)) => id,
        (_, None) => NOTHING,
    };
    let pairs = &report.verdict.pairs;
    [report.verdict.cause.name(), trigger, shape(pairs), &versions(report)].join("|")
}

/// How pairs lie to each other, whatever their hosts are called.
fn shape(pairs: &[(String, String)]) -> &'static str {
    let pairs: BTreeSet<_> = pairs.iter().collect();
    let sources: BTreeSet<_> = pairs.iter().map(|(source, _)| source).collect();
    let targets: BTreeSet<_> = pairs.iter().map(|(_, target)| target).collect();
    let hosts = sources.union(&targets).count();
    match (pairs.len(), sources.len(), targets.len()) {
        (0, ..) => NOTHING,
        (1, ..) => "one-way",
        (2, 2, 2) if hosts == 2 => "both-ways",
        (count, ..) if count == hosts * (hosts - 1) => "every-pair",
        (_, 1, _) => "from-one",
        (_, _, 1) => "to-one",
        _ => "several",
    }
}

/// The versions of Windows on the verdict's hosts, or on all nodes where it names none.
fn versions(report: &Report) -> String {
    let pairs = &report.verdict.pairs;
    let named: BTreeSet<_> = pairs.iter().flat_map(|(source, target)| [source, target]).collect();
    let nodes = report.hosts.iter().filter(|host| match named.is_empty() {
        true => matches!(host.role, Role::Node),
        false => named.contains(&host.name),
    });
    let versions: BTreeSet<_> = nodes.map(|host| host.os.as_deref().unwrap_or("unknown")).collect();
    if versions.is_empty() { NOTHING.to_owned() } else { versions.into_iter().collect::<Vec<_>>().join("+") }
}

fn plan(steps: &[StepReport]) -> LinePlan {
    let short = |step: &StepReport| LineStep {
        kind: step.kind.clone(),
        host: step.host.clone(),
        targets: step.targets.clone(),
        blocked_by: step.blocked_by.clone(),
    };
    let values = |step: &StepReport| {
        serde_json::json!([step.kind, step.host, step.targets, step.add_spns, step.changes, step.left_out])
    };
    let changes: Vec<_> = steps.iter().map(values).collect();
    let hash = blake3::hash(serde_json::Value::from(changes).to_string().as_bytes());
    LinePlan { steps: steps.iter().map(short).collect(), changes: format!("blake3:{hash}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        text.split_whitespace().map(|pair| (pair[..1].to_owned(), pair[1..].to_owned())).collect()
    }

    #[test]
    fn pairs_have_a_shape_whatever_the_hosts_are_called() {
        let shapes = [
            ("", "-"),
            ("ab", "one-way"),
            ("ab ab", "one-way"),
            ("ab ba", "both-ways"),
            ("ab ac ba bc ca cb", "every-pair"),
            ("ab ac", "from-one"),
            ("ac bc", "to-one"),
            ("ab cd", "several"),
            ("ab bc", "several"),
        ];
        for (text, expected) in shapes {
            assert_eq!(shape(&pairs(text)), expected, "{text}");
        }
    }

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let tool = LineTool { version: "1".into(), knowledge: "2".into(), options: String::new() };
        let line = Line::failed("T1", "a/T1", "no-input", "nothing there".into(), tool);
        let text = serde_json::to_string(&line).unwrap();
        assert!(text.contains("\"verdict\":null") && !text.contains("elapsed"), "{text}");
        assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line);
        // Of a later version, with a field that this one does not know.
        let later = text.replace("{\"schema_version\"", "{\"mood\":\"calm\",\"schema_version\"");
        assert_eq!(serde_json::from_str::<Line>(&later).unwrap(), line);
    }
}
