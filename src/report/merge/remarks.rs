//! What to know before trusting the figures.

use super::{ToolCount, Totals};

/// Each remark is a sentence, and ends in advice.
pub(super) fn remarks(totals: &Totals, tools: &[ToolCount], torn: &[String]) -> Vec<String> {
    let duplicates = &totals.duplicates;
    let all = [
        (totals.unread > 0).then(|| match totals.unread {
            1 => "1 line is no line of triage, so its ticket is missing here; run triage again for it".into(),
            count => format!(
                "{count} lines are no lines of triage, so their tickets are missing here; run triage again for them"
            ),
        }),
        (!torn.is_empty()).then(|| {
            format!(
                "the last line of {} is torn, as a killed run leaves it, and is not counted; finish that run with \
                 triage --resume",
                torn.join(", ")
            )
        }),
        (duplicates.other_bundle > 0).then(|| {
            let replaced = match duplicates.other_bundle {
                1 => "1 bundle is replaced".to_owned(),
                count => format!("{count} bundles are replaced"),
            };
            format!(
                "{replaced} by another bundle of the same ticket, whose logs reach further; if those are tickets of \
                 their own, give each its id (PATH, a tab and the ticket, on the standard input of triage)"
            )
        }),
        (duplicates.by_order > 0).then(|| {
            let tickets = match duplicates.by_order {
                1 => "1 ticket".to_owned(),
                count => format!("{count} tickets"),
            };
            format!(
                "for {tickets} nothing says which of two lines is the newer, so the one that was read last counts; \
                 name the newer result last"
            )
        }),
        (tools.len() > 1).then(|| {
            "the lines come from different versions, knowledge or options of kcdoctor, so a difference between two of \
             them may be one of the tool; triage all tickets again with one"
                .into()
        }),
    ];
    all.into_iter().flatten().collect()
}
