//! What is known of a word or a number, for a person at a terminal.

use super::layout::Page;
use super::{PlainFormat, Style, to_json, word};
use crate::knowledge::{Origin, Standing, Weight};
use crate::report::explain::{
    CauseTopic, CodeTopic, EventTopic, Explanation, HardeningTopic, Topic, UpdateTopic,
};
use crate::report::rules::RuleReport;

/// Writes an explanation in `format`, with a final line end.
#[must_use]
pub fn render_explanation(report: &Explanation, format: PlainFormat, style: Style) -> String {
    if format == PlainFormat::Json {
        return to_json(report);
    }
    let mut page = Page::new(style);
    for topic in &report.topics {
        match topic {
            Topic::Code(own) => code(&mut page, own),
            Topic::Event(own) => event(&mut page, own),
            Topic::Cause(own) => cause(&mut page, own),
            Topic::Rule(own) => rule(&mut page, own),
            Topic::Update(own) => update(&mut page, own),
            Topic::Hardening(own) => hardening(&mut page, own),
        }
    }
    page.into_text()
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Verified => "verified: a named source states it",
        Standing::Derived => "derived from what is stated",
        Standing::Memory => "unverified: a hint that never decides alone",
    }
}

fn line(page: &mut Page, name: &str, value: &str) {
    if !value.is_empty() {
        page.paragraph("  ", 4, &format!("{name}: {value}"));
    }
}

fn source(page: &mut Page, known: Standing, source: &str, checked: &str) {
    line(page, "standing", standing(known));
    line(page, "source", &format!("{source} (checked {checked})"));
}

fn code(page: &mut Page, own: &CodeTopic) {
    let known = &own.known;
    page.heading(format!("{}  {}", own.code, known.symbol).trim_end());
    page.paragraph("  ", 2, &known.meaning);
    line(page, "space", &word(&own.space));
    let worth = match known.weight {
        Weight::Specific => "names its class by itself",
        Weight::Secondary => "a consequence of something at the other end",
        Weight::Ambiguous => "fits several causes, so it proves nothing alone",
    };
    line(page, "class", &format!("{} ({worth})", known.class.name()));
    source(page, known.standing, &known.source, &known.checked);
}

fn event(page: &mut Page, own: &EventTopic) {
    let ids: Vec<_> = own.events.iter().map(u32::to_string).collect();
    let ids = if ids.is_empty() { "every event".to_owned() } else { ids.join(", ") };
    page.heading(&format!("{}  {ids}", own.provider));
    page.paragraph("  ", 2, &own.says);
    line(page, "meaning", &word(&own.meaning));
    line(page, "class", &own.class.map_or_else(String::new, |class| class.name()));
    line(page, "logged at", &own.side.as_ref().map_or_else(String::new, word));
    source(page, own.standing, &own.source, &own.checked);
}

fn cause(page: &mut Page, own: &CauseTopic) {
    page.heading(own.cause.name());
    page.paragraph("  ", 2, &format!("It means that {}.", own.means));
    line(page, "family", &word(&own.family));
    if own.rules.is_empty() {
        line(page, "rules", "none yet, so it is never the verdict");
    }
    for rule in &own.rules {
        line(page, "rule", &format!("{} {}{}", rule.id, rule.title, origin(rule.origin)));
    }
    own.fixes.iter().for_each(|fix| line(page, "mended by", &format!("{}: {}", fix.id, fix.title)));
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Shipped => "",
        Origin::Added => " (your own)",
        Origin::Replaced => " (your own, in place of the shipped one)",
    }
}

fn rule(page: &mut Page, own: &RuleReport) {
    page.heading(&format!("{}  {}{}", own.id, own.title, origin(own.origin)));
    let classes: Vec<_> = own.classes.iter().map(|class| class.name()).collect();
    line(page, "cause", &format!("{} ({})", own.cause.name(), word(&own.family)));
    line(
        page,
        "asked of",
        if word(&own.scope) == "pair" { "every pair in question" } else { "the whole incident" },
    );
    line(page, "failures of the class", &classes.join(", "));
    line(page, "proof", &word(&own.proof));
    line(page, "asks", &own.facts.join(", "));
    line(page, "set off by", &own.triggers.join(", "));
    line(page, "mended by", &own.fixes.join(", "));
    let conditions = [
        ("when", Some(&own.when)),
        ("requires", own.requires.as_ref()),
        ("corroborated by", own.corroborated_by.as_ref()),
        ("before a failure", own.foresees.as_ref()),
    ];
    for (name, condition) in conditions {
        if let Some(condition) = condition {
            page.paragraph("  ", 4, &format!("{name}:"));
            page.verbatim("", 8, condition);
        }
    }
    for paragraph in own.prose.split("\n\n") {
        page.gap();
        page.paragraph("  ", 2, &paragraph.replace('\n', " "));
    }
    page.gap();
    line(page, "source", &format!("{} (checked {})", own.sources.join("; "), own.checked));
}

fn update(page: &mut Page, own: &UpdateTopic) {
    page.heading(&own.kb);
    for release in &own.releases {
        let build = release.build.as_deref().unwrap_or("that is not known");
        let (day, kind) = (&release.date, &release.update_kind);
        let text = format!("published {day} ({kind}), brings build {build}; {}", standing(release.standing));
        line(page, &format!("Windows Server {}", release.os), &text);
    }
    for phase in &own.phases {
        let text = format!(
            "{} ({}), phase {} of {}; {}",
            phase.hardening,
            phase.title,
            phase.phase,
            phase.date,
            standing(phase.standing)
        );
        line(page, "first to carry", &text);
    }
    if own.phases.is_empty() {
        line(
            page,
            "hardening",
            "it is not known to be the first to carry a phase; a cumulative update carries those of earlier ones",
        );
    }
}

fn hardening(page: &mut Page, own: &HardeningTopic) {
    page.heading(&format!("{}  {}", own.id, own.title));
    page.paragraph("  ", 2, &own.what);
    line(page, "to live migration", &own.effect);
    let role = match word(&own.role).as_str() {
        "dc" => "domain controllers",
        "host" => "Hyper-V hosts",
        _ => "domain controllers and Hyper-V hosts",
    };
    line(page, "acts on", role);
    line(
        page,
        "comes with",
        &own.upgrade_to.as_ref().map_or_else(String::new, |version| format!("Windows Server {version}")),
    );
    for phase in &own.phases {
        let kbs =
            if phase.kbs.is_empty() { String::new() } else { format!(", first in {}", phase.kbs.join(", ")) };
        line(
            page,
            "phase",
            &format!("{} from {}{kbs}; {}", phase.name, phase.date, standing(phase.standing)),
        );
    }
    for setting in &own.registry {
        line(page, "gated by", &format!("HKLM\\{} {}: {}", setting.key, setting.name, setting.what));
    }
    source(page, own.standing, &own.sources.join("; "), &own.checked);
}
