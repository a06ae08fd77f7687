//! The reference of rules as Markdown: `docs/rules.md` for the shipped ones.

use super::super::word;
use crate::report::rules::{RuleReport, RulesReport};

pub(super) fn render(report: &RulesReport) -> String {
    let mut text = String::from(
        "# Rules\n\n<!-- Written by `kcdoctor rules list --format markdown`; edit the rules, not this page. -->\n\n\
         A rule asks facts of a pair of hosts, or of the whole incident, and speaks for one cause. How to write one is told in\n\
         [writing-rules.md](writing-rules.md); what a rule may ask stands [below](#facts).\n\n\
         | rule | cause | title |\n|---|---|---|\n",
    );
    for rule in &report.rules {
        let (id, cause) = (&rule.id, rule.cause.name());
        text.push_str(&format!("| [{id}](#{}) | `{cause}` | {} |\n", id.to_lowercase(), cell(&rule.title)));
    }
    report.rules.iter().for_each(|rule| section(&mut text, rule));
    text.push_str("\n## Facts\n");
    for (of, title) in [
        ("pair", "`pair`"),
        ("host", "`source` and `target`"),
        ("domain", "`domain`"),
        ("incident", "`incident`"),
    ] {
        text.push_str(&format!(
            "\n### {title}\n\n| fact | is | says | where unknown, ask for |\n|---|---|---|---|\n"
        ));
        for fact in report.facts.iter().filter(|fact| fact.of == of) {
            text.push_str(&format!(
                "| `{}` | {} | {} | `{}` |\n",
                fact.name,
                fact.kind,
                cell(fact.about),
                fact.gap
            ));
        }
    }
    text
}

fn section(text: &mut String, rule: &RuleReport) {
    let quoted =
        |words: Vec<String>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let names = |words: &[crate::knowledge::Class]| quoted(words.iter().map(|class| class.name()).collect());
    text.push_str(&format!("\n## {}\n\n{}.\n\n", rule.id, rule.title));
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("- {name}: {value}\n"));
        }
    };
    line("cause", format!("`{}` ({})", rule.cause.name(), word(&rule.family)));
    line(
        "asked of",
        if word(&rule.scope) == "pair" {
            "every pair in question".into()
        } else {
            "the whole incident".into()
        },
    );
    line("failures of the class", names(&rule.classes));
    line("ambiguous failures", names(&rule.ambiguous));
    line("proof", word(&rule.proof));
    line("set off by", quoted(rule.triggers.clone()));
    line("mended by", quoted(rule.fixes.clone()));
    text.push_str(&format!("\nIts condition:\n\n```cel\n{}\n```\n", rule.when));
    for (name, condition) in [
        ("Required to confirm it", &rule.requires),
        ("A second witness", &rule.corroborated_by),
        ("Asked before anything failed", &rule.foresees),
    ] {
        if let Some(condition) = condition {
            text.push_str(&format!(
                "\n{name}: `{}`\n",
                condition.split_whitespace().collect::<Vec<_>>().join(" ")
            ));
        }
    }
    text.push_str(&format!("\n{}\n\nSources, checked {}:\n\n", rule.prose, rule.checked));
    rule.sources.iter().for_each(|source| text.push_str(&format!("- {source}\n")));
}

/// Text of a table's cell: a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
