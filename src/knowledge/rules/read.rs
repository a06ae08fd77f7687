//! One rule file, read and checked: the form that a person filled in becomes a rule, or faults with their places.

use std::ops::Range;

use jiff::civil::Date;

use super::form::{Form, Found, variant};
use super::{Origin, Reading, Rule, Scope, Verification};
use crate::knowledge::cause::Cause;
use crate::knowledge::condition::Condition;
use crate::knowledge::fault::{Draft, Fault, instead};
use crate::knowledge::fixes::Fixes;

/// What opens and closes the front matter.
const FENCE: &str = "+++\n";

/// Reads `draft` into `reading`: the rule only where nothing is wrong with it.
pub(super) fn rule(draft: &Draft, fixes: &Fixes, reading: &mut Reading) {
    let mut faults = Vec::new();
    let rule = front_matter(draft, &mut faults).and_then(|(front, prose)| {
        let form = Form::open(draft, front, &mut faults)?;
        if prose.is_empty() {
            let advice = "say below the second +++ why the condition matters and how to confirm it";
            faults.push(draft.fault(draft.text.len(), "there is no prose", advice));
        }
        read(draft, form, prose, fixes, &mut reading.triggers, &mut faults)
    });
    if faults.is_empty() {
        reading.rules.extend(rule);
    }
    reading.faults.append(&mut faults);
}

/// The span of the TOML between two `+++` lines, and the prose behind it.
fn front_matter<'d>(draft: &'d Draft, faults: &mut Vec<Fault>) -> Option<(Range<usize>, &'d str)> {
    let inside = draft.text.strip_prefix(FENCE).and_then(|rest| rest.split_once("\n+++"));
    let Some((front, prose)) = inside else {
        let advice =
            "put +++ on the first line, the fields below it, and +++ on a line of its own behind them";
        faults.push(draft.fault(0, "the file does not begin with TOML between two +++ lines", advice));
        return None;
    };
    Some((FENCE.len()..FENCE.len() + front.len() + 1, prose.trim()))
}

fn read(
    draft: &Draft,
    mut form: Form<'_>,
    prose: &str,
    fixes: &Fixes,
    triggers: &mut Vec<(String, Fault)>,
    faults: &mut Vec<Fault>,
) -> Option<Rule> {
    let id = form.required("id", faults);
    let title = form.required("title", faults);
    let cause = form.word("cause", |word| Cause::named(word).ok_or_else(|| Cause::names().collect()), faults);
    let scope = form.word("scope", variant, faults);
    let classes = form.words("classes", variant, faults);
    let ambiguous = form.words("ambiguous", variant, faults);
    let proof = form.word("proof", variant, faults);
    let echoes = form.flag("echoes", faults);
    let rare = form.flag("rare", faults);
    let tentative = form.flag("tentative", faults);
    let severity = form.word("severity", variant, faults);
    let when = form.required("when", faults);
    let requires = form.text("requires", faults);
    let corroborated_by = form.text("corroborated_by", faults);
    let foresees = form.text("foresees", faults);
    let named_triggers = form.list("triggers", faults).unwrap_or_default();
    let named_fixes = form.list("fixes", faults).unwrap_or_default();
    let summary = form.required("summary", faults);
    let verification =
        form.required_table("verification", faults).and_then(|form| verification(draft, form, faults));
    form.close(faults);
    let mut compile =
        |condition: Option<Found<String>>| condition.and_then(|found| compile(draft, &found, scope, faults));
    let (when, requires, corroborated_by) = (compile(when), compile(requires), compile(corroborated_by));
    let foresees = compile(foresees);
    if let Some(id) = &id {
        check_id(draft, id, faults);
    }
    if let Some(title) = title.as_ref().filter(|title| title.value.contains('\n')) {
        faults.push(draft.fault(
            title.span.start,
            "title has more than one line",
            "say the problem in a few words",
        ));
    }
    if let Some(summary) = &summary {
        check_summary(draft, summary, scope, faults);
    }
    check_fixes(draft, &named_fixes, cause, fixes, faults);
    triggers.extend(named_triggers.iter().map(|found| {
        let title = format!("triggers: no change is called {:?}", found.value);
        (found.value.clone(), draft.fault(found.span.start, title, ""))
    }));
    let values = |found: Vec<Found<String>>| found.into_iter().map(|found| found.value).collect();
    Some(Rule {
        id: id?.value,
        title: title?.value,
        cause: cause?,
        scope: scope?,
        classes,
        ambiguous,
        proof: proof?,
        echoes,
        rare,
        tentative,
        severity: severity?,
        when: when?,
        requires,
        corroborated_by,
        foresees,
        triggers: values(named_triggers),
        fixes: values(named_fixes),
        summary: summary?.value,
        verification: verification?,
        prose: prose.to_owned(),
        origin: Origin::Shipped,
    })
}

fn verification(draft: &Draft, mut form: Form<'_>, faults: &mut Vec<Fault>) -> Option<Verification> {
    let sources = form.list("sources", faults).unwrap_or_default();
    let checked = form.required("checked", faults);
    let at = form.start();
    form.close(faults);
    if sources.is_empty() {
        faults.push(draft.fault(
            at,
            "verification names no source",
            "name in `sources` who says so: a document, a standard, or your own observation",
        ));
    }
    let checked = checked?;
    if checked.value.len() != 10 || checked.value.parse::<Date>().is_err() {
        faults.push(draft.fault(
            checked.span.start,
            format!("checked: {:?} is no day", checked.value),
            "write the day of the last check as YYYY-MM-DD",
        ));
    }
    Some(Verification {
        sources: sources.into_iter().map(|found| found.value).collect(),
        checked: checked.value,
    })
}

/// Compiles a condition; its slips become faults with their places in the file.
fn compile(
    draft: &Draft,
    found: &Found<String>,
    scope: Option<Scope>,
    faults: &mut Vec<Fault>,
) -> Option<Condition> {
    let begin = inner(draft, found);
    let mut fault = |at: usize, title: String, advice: String| {
        // An escape moves what stands behind it, so only the beginning of such a text is sure.
        faults.push(draft.fault(begin.map_or(found.span.start, |begin| begin + at), title, advice));
    };
    let condition = match Condition::compile(&found.value) {
        Ok(condition) => condition,
        Err(slips) => {
            slips.into_iter().for_each(|slip| fault(slip.at, slip.title, slip.advice));
            return None;
        }
    };
    let bound = |variable: &str| (variable == "incident") == (scope == Some(Scope::Incident));
    if let Some((variable, name)) =
        condition.names().iter().find(|(variable, _)| scope.is_some() && !bound(variable))
    {
        let at = found.value.find(&format!("{variable}.{name}")).unwrap_or(0);
        let (title, advice) = match scope {
            Some(Scope::Incident) => (
                "a rule about the incident can't ask of a pair",
                "name facts of incident, or write scope = \"pair\"",
            ),
            _ => (
                "a rule about pairs can't ask of the whole incident",
                "name facts of source, target and pair, or write scope = \"incident\"",
            ),
        };
        fault(at, format!("{variable}.{name}: {title}"), advice.into());
    }
    Some(condition)
}

/// Where the characters of a text begin behind its quotes, if it stands there without escapes.
fn inner(draft: &Draft, found: &Found<String>) -> Option<usize> {
    let raw = draft.slice(found.span.clone());
    let quotes = ["'''\n", "\"\"\"\n", "'''", "\"\"\"", "'", "\""]
        .into_iter()
        .find(|quotes| raw.starts_with(quotes))?;
    raw.get(quotes.len()..)?.starts_with(&found.value).then_some(found.span.start + quotes.len())
}

fn check_id(draft: &Draft, id: &Found<String>, faults: &mut Vec<Fault>) {
    let is_plain = id.value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !is_plain {
        faults.push(draft.fault(
            id.span.start,
            format!("id: {:?} is no id", id.value),
            "use letters, digits and hyphens, such as ACME-101",
        ));
    }
    let name = draft.file.rsplit('/').next().unwrap_or_default();
    if name.strip_suffix(".md") != Some(&id.value) {
        let advice = format!("name the file {}.md, or write the id that it is named after", id.value);
        faults.push(draft.fault(id.span.start, "the file is not named after its rule", advice));
    }
}

fn check_summary(draft: &Draft, summary: &Found<String>, scope: Option<Scope>, faults: &mut Vec<Fault>) {
    let names_pairs = summary.value.contains("{pairs}");
    match scope {
        Some(Scope::Pair) if !names_pairs => faults.push(draft.fault(
            summary.span.start,
            "summary does not say {pairs}",
            "write {pairs} where the hosts belong, such as ({pairs})",
        )),
        Some(Scope::Incident) if names_pairs => faults.push(draft.fault(
            summary.span.start,
            "summary says {pairs}, and the rule is about no pair",
            "take it out, or write scope = \"pair\"",
        )),
        _ => {}
    }
    if summary.value.replace("{pairs}", "").contains('{') {
        faults.push(draft.fault(
            summary.span.start,
            "summary has a placeholder that nothing fills",
            "only {pairs} is replaced",
        ));
    }
    if !summary.value.ends_with('.') {
        faults.push(draft.fault(
            summary.span.start,
            "summary is no sentence",
            "end it with a full stop: it is the verdict that a customer reads",
        ));
    }
}

fn check_fixes(
    draft: &Draft,
    named: &[Found<String>],
    cause: Option<Cause>,
    fixes: &Fixes,
    faults: &mut Vec<Fault>,
) {
    for fix in named.iter().filter(|fix| fixes.named(&fix.value).is_none()) {
        let advice = instead(&fix.value, fixes.all().map(|fix| fix.id.as_str()));
        faults.push(draft.fault(fix.span.start, format!("fixes: no fix is called {:?}", fix.value), advice));
    }
    if let Some(cause) = cause.filter(|cause| cause.is_fault() == named.is_empty()) {
        let (title, advice) = if cause.is_fault() {
            ("fixes is missing", "name the steps that mend the cause, test-migration last")
        } else {
            ("there are fixes for what is no fault", "take `fixes` out")
        };
        let at = named.first().map_or(FENCE.len(), |fix| fix.span.start);
        faults.push(draft.fault(at, title, advice));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{Knowledge, read_rules};

    const GOOD: &str = r#"+++
id = "ACME-101"
title = "A title"
cause = "kcd-missing"
scope = "pair"
classes = ["delegation"]
proof = "independent"
severity = "error"
when = '''
pair.needs_delegation
    && size(source.allowed_to_delegate_to) == 0
'''
fixes = ["test-migration"]
summary = "It is missing ({pairs})."
[verification]
sources = ["own observation"]
checked = "2026-11-22"
+++
Why.
"#;

    fn faults(text: &str) -> Vec<String> {
        let knowledge = Knowledge::load().unwrap();
        let reading = read_rules(&[Draft::new("ACME-101.md", text)], &knowledge.fixes);
        assert_eq!(reading.rules.is_empty(), !reading.faults.is_empty());
        reading.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_whole_rule_is_read_whatever_the_editor_made_of_its_lines() {
        assert_eq!(faults(GOOD), [""; 0]);
        assert_eq!(faults(&format!("\u{feff}{}", GOOD.replace('\n', "\r\n"))), [""; 0]);
    }

    #[test]
    fn each_fault_has_its_place_and_its_advice() {
        for (from, to, expected) in [
            ("title =", "titel =", "3:1: no field is called titel; did you mean title?"),
            (
                "cause = \"kcd-missing\"",
                "cause = \"kcd-mising\"",
                "4:9: cause: nothing is called \"kcd-mising\"; did you mean kcd-missing?",
            ),
            (
                "[\"delegation\"]",
                "[\"network\", \"delegatoin\"]",
                "6:23: classes: nothing is called \"delegatoin\"; did you mean delegation?",
            ),
            (
                "proof = \"independent\"",
                "proof = \"x\"",
                "7:9: proof: nothing is called \"x\"; write one of independent, component",
            ),
            (
                "allowed_to_delegate_to)",
                "allowed_to_delegat_to)",
                "11:13: no fact is called source.allowed_to_delegat_to; did you mean allowed_to_delegate_to?",
            ),
            (") == 0", ") == \"0\"", "11:44: a number is compared with a text; "),
            (
                "test-migration",
                "test-migraton",
                "13:10: fixes: no fix is called \"test-migraton\"; did you mean test-migration?",
            ),
            (" ({pairs})", "", "14:11: summary does not say {pairs}; "),
            ("2026-11-22", "2026-13-22", "17:11: checked: \"2026-13-22\" is no day; "),
            ("sources = [\"own observation\"]", "sources = 1", "16:11: sources is not a list of texts; "),
            (
                "id = \"ACME-101\"",
                "id = \"ACME-102\"",
                "2:6: the file is not named after its rule; name the file ACME-102.md",
            ),
            ("severity = \"error\"", "severity = \"error", "8:18: not TOML: "),
            ("pair.needs_delegation", "incident.failed > 0", "10:1: incident.failed: a rule about pairs"),
            ("Why.", "", "there is no prose; "),
            ("\"A title\"", "\"A\\ntitle\"", "3:9: title has more than one line; "),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let found = faults(&GOOD.replacen(from, to, 1));
            assert!(found.iter().any(|fault| fault.contains(expected)), "{expected}: {found:#?}");
        }
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let text =
            GOOD.replace("title =", "titel =").replace("\"error\"", "\"eror\"").replace("source.", "sorce.");
        assert_eq!(faults(&text).len(), 4, "{:#?}", faults(&text));
    }

    #[test]
    fn hostile_text_is_refused_and_no_more() {
        for text in [
            "",
            "+++",
            "+++\n+++\n",
            "+++\n\n+++\n",
            "\0",
            &"[".repeat(100_000),
            &format!("+++\n{}\n+++\nx", "[".repeat(50_000)),
            &format!("+++\na = {}\n+++\nx", "[".repeat(50_000)),
        ] {
            assert!(!faults(text).is_empty());
        }
    }
}
