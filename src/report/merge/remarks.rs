//! What to know before trusting the figures.

use super::{SCHEMA_VERSION, ToolCount, Totals};

const GIVE_IDS: &str = "if those are tickets of their own, give each its id (PATH, a tab and the ticket, on the \
                        standard input of triage)";

/// Each remark is a sentence, and ends in advice.
pub(super) fn remarks(totals: &Totals, tools: &[ToolCount], torn: &[String]) -> Vec<String> {
    let duplicates = &totals.duplicates;
    let other_form = tools.iter().filter(|tool| tool.line_version != SCHEMA_VERSION);
    let other_form: usize = other_form.map(|tool| tool.tickets).sum();
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
                1 => "1 line does not count, because another bundle of its ticket does".to_owned(),
                count => format!("{count} lines do not count, because another bundle of their ticket does"),
            };
            format!("{replaced}; {GIVE_IDS}")
        }),
        (duplicates.other_paths > 0).then(|| {
            let tickets = match duplicates.other_paths {
                1 => "1 ticket has failed lines of another path".to_owned(),
                count => format!("{count} tickets have failed lines of other paths"),
            };
            format!("{tickets}, and nothing says that they are about one bundle; {GIVE_IDS}")
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
        (other_form > 0).then(|| {
            let tickets = match other_form {
                1 => "the line of 1 ticket has".to_owned(),
                count => format!("the lines of {count} tickets have"),
            };
            format!(
                "{tickets} another schema_version than {SCHEMA_VERSION}, which this kcdoctor writes, so what they say \
                 may be misread; triage them again with one version and merge with it"
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

#[cfg(test)]
mod tests {
    use super::super::testing::{failed, line};
    use super::super::{Results, merge};
    use super::SCHEMA_VERSION;
    use crate::knowledge::Knowledge;
    use crate::report::triage::Line;

    fn remarks_of(lines: Vec<Line>) -> Vec<String> {
        merge(Results { results: 1, lines, ..Results::default() }, 2, &Knowledge::load().unwrap()).remarks
    }

    #[test]
    fn lines_of_another_form_and_of_other_paths_are_said() {
        let later = Line { schema_version: SCHEMA_VERSION + 1, ..line("T1", "kcd-missing|-|one-way|2022") };
        let remarks = remarks_of(vec![later]);
        assert!(remarks[0].contains("the line of 1 ticket has another schema_version"));
        assert_eq!(remarks.len(), 1, "{:?}", remarks);
        let at = |path: &str| Line { path: path.into(), ..failed("logs.zip", "over-budget") };
        let remarks = remarks_of(vec![at("a/logs.zip"), at("b/logs.zip"), at("c/logs.zip")]);
        assert!(remarks[0].starts_with("1 ticket has failed lines of another path"));
        assert_eq!(remarks.len(), 1, "{:?}", remarks);
    }
}
