//! Every reading of a word or number.

use std::collections::BTreeSet;

use super::super::rules::RuleReport;
use super::super::{SCHEMA_VERSION, Tool};
use super::{
    BroughtPhase, CauseTopic, CodeTopic, EventTopic, Explanation, FixName, HardeningTopic, PhaseReport,
    ReleaseReport, RuleName, SettingReport, Topic, UpdateTopic,
};
use crate::knowledge::{
    Cause, Code, Fix, Hardening, Knowledge, Per, Phase, Release, Rule, Setting, Signal, Space,
};

/// Looks `query` up.
#[must_use]
pub fn explanation(query: &str, knowledge: &Knowledge) -> Explanation {
    let mut topics = codes(query, knowledge);
    topics.extend(events(query, knowledge));
    topics
        .extend(Cause::named(&query.to_lowercase()).map(|cause| Topic::Cause(self::cause(cause, knowledge))));
    let rule = knowledge.rules.iter().find(|rule| rule.id.eq_ignore_ascii_case(query));
    topics.extend(rule.map(|rule| Topic::Rule(Box::new(RuleReport::from(rule)))));
    topics.extend(
        updates(query, knowledge).into_iter().filter_map(|kb| update(&kb, knowledge)).map(Topic::Update),
    );
    let same = |own: &&Hardening| own.id.eq_ignore_ascii_case(query);
    let hardening = knowledge.hardenings.all().iter().find(same);
    topics.extend(hardening.map(|own| Topic::Hardening(self::hardening(own, knowledge))));
    let (schema_version, command) = (SCHEMA_VERSION, "explain");
    Explanation { schema_version, command, tool: Tool::with(knowledge), query: query.to_owned(), topics }
}

/// Every name that can be asked for, to find the one that was meant.
#[must_use]
pub fn names(knowledge: &Knowledge) -> Vec<String> {
    let codes = knowledge.codes.all();
    let codes =
        codes.iter().flat_map(|(space, number, code)| [written(*space, *number), code.symbol.clone()]);
    let mut names: Vec<String> = codes.filter(|name| !name.is_empty()).collect();
    names.extend(Cause::names().map(str::to_owned));
    names.extend(knowledge.rules.iter().map(|rule| rule.id.clone()));
    names.extend(knowledge.hardenings.all().iter().map(|own| own.id.clone()));
    let phases = knowledge.hardenings.all().iter().flat_map(|own| &own.phase);
    names.extend(phases.flat_map(|phase| phase.kbs.iter().cloned()));
    names
}

/// The numbers that a text can be: hexadecimal with `0x` or with eight digits, decimal with or without a sign, or behind
/// `%%` as events hold a code whose text is to be looked up.
fn numbers(text: &str) -> Vec<u32> {
    let text = text.strip_prefix("%%").unwrap_or(text);
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let bare = (text.len() == 8).then_some(text);
    let hex = digits.or(bare).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    // A signed decimal is how PowerShell and WMI show an HRESULT.
    let signed = text.parse::<i32>().ok().filter(|number| *number < 0).map(i32::cast_unsigned);
    let decimal = text.parse::<u32>().ok();
    let mut numbers: Vec<_> = [hex, signed, decimal].into_iter().flatten().collect();
    numbers.dedup();
    numbers
}

fn written(space: Space, number: u32) -> String {
    if space == Space::Kerberos { format!("0x{number:X}") } else { format!("0x{number:08X}") }
}

/// Codes by number, in every space and as the Win32 code in an HRESULT, and by symbol.
fn codes(query: &str, knowledge: &Knowledge) -> Vec<Topic> {
    let numbers = numbers(query);
    let win32: Vec<_> = numbers.iter().filter(|own| **own <= 0xFFFF).map(|own| 0x8007_0000 | own).collect();
    let is_meant = |space: Space, number: u32, code: &Code| {
        numbers.contains(&number)
            || space == Space::Hresult && win32.contains(&number)
            || !code.symbol.is_empty() && code.symbol.eq_ignore_ascii_case(query)
    };
    let topic = |(space, number, code): (Space, u32, &Code)| {
        Topic::Code(CodeTopic { code: written(space, number), space, known: code.clone() })
    };
    let all = knowledge.codes.all().into_iter();
    all.filter(|(space, number, code)| is_meant(*space, *number, code)).map(topic).collect()
}

/// Events by number, or by provider and number; of a provider that is taken as a whole, where no number says more.
fn events(query: &str, knowledge: &Knowledge) -> Vec<Topic> {
    let (provider, id) = query.rsplit_once(['/', ' ']).unwrap_or(("", query));
    let Ok(id) = id.trim().parse::<u32>() else { return Vec::new() };
    let provider = provider.trim().to_lowercase();
    let of_provider = |signal: &&Signal| signal.provider.to_lowercase().contains(&provider);
    let signals: Vec<_> = knowledge.signals.all().iter().filter(of_provider).collect();
    let mut found: Vec<_> = signals.iter().filter(|signal| signal.events.contains(&id)).collect();
    if found.is_empty() && !provider.is_empty() {
        found = signals.iter().filter(|signal| signal.events.is_empty()).collect();
    }
    let topic = |signal: &&&Signal| {
        Topic::Event(EventTopic {
            provider: signal.provider.clone(),
            events: signal.events.clone(),
            meaning: signal.meaning,
            says: signal.says.clone(),
            class: signal.class,
            side: signal.side,
            standing: signal.standing,
            source: signal.source.clone(),
            checked: signal.checked.clone(),
        })
    };
    found.iter().map(topic).collect()
}

fn cause(cause: Cause, knowledge: &Knowledge) -> CauseTopic {
    let rules: Vec<_> = knowledge.rules.iter().filter(|rule| rule.cause == cause).collect();
    let mut fixes: Vec<FixName> = Vec::new();
    for id in rules.iter().flat_map(|rule| &rule.fixes) {
        let title = knowledge.fixes.named(id).map_or_else(String::new, anyones);
        if !fixes.iter().any(|own| own.id == *id) {
            fixes.push(FixName { id: id.clone(), title });
        }
    }
    let name =
        |rule: &&Rule| RuleName { id: rule.id.clone(), title: rule.title.clone(), origin: rule.origin };
    let rules = rules.iter().map(name).collect();
    CauseTopic { cause, family: cause.family(), means: cause.clause(), rules, fixes }
}

/// A step's title without the hosts of an incident.
fn anyones(fix: &Fix) -> String {
    let host = match fix.per {
        Per::Source => "the source",
        Per::Target => "the target",
        Per::Controller => "the domain controller",
        Per::FaultyEnd => "the host",
    };
    fix.title.replace("{host}", host).replace("{targets}", "its targets").replace("{target}", "the target")
}

/// An update by its number, with or without `KB`.
/// The updates that a text can mean: its number, with or without `KB`, or a build as `26100.1742` or with `10.0.` before it.
fn updates(query: &str, knowledge: &Knowledge) -> BTreeSet<String> {
    let upper = query.to_uppercase();
    let build = query.strip_prefix("10.0.").unwrap_or(query);
    let brings = |own: &&Release| !own.build.is_empty() && own.build == build;
    let brought = knowledge.builds.all().filter(brings).map(|own| own.kb.clone());
    brought.chain([format!("KB{}", upper.strip_prefix("KB").unwrap_or(&upper))]).collect()
}

fn update(kb: &str, knowledge: &Knowledge) -> Option<UpdateTopic> {
    let release = |own: &Release| ReleaseReport {
        os: own.os.clone(),
        build: Some(own.build.clone()).filter(|build| !build.is_empty()),
        date: own.date.clone(),
        update_kind: own.kind.clone(),
        standing: own.standing,
    };
    let releases: Vec<_> = knowledge.builds.releases(kb).iter().map(release).collect();
    let phase = |(own, phase): (&Hardening, &Phase)| BroughtPhase {
        hardening: own.id.clone(),
        title: own.title.clone(),
        phase: phase.name.clone(),
        date: phase.date.clone(),
        standing: phase.standing,
    };
    let all = knowledge.hardenings.all().iter();
    let phases = all.flat_map(|own| own.phase.iter().map(move |phase| (own, phase)));
    let phases: Vec<_> =
        phases.filter(|(_, phase)| phase.kbs.iter().any(|own| own == kb)).map(phase).collect();
    (!releases.is_empty() || !phases.is_empty()).then(|| UpdateTopic { kb: kb.to_owned(), releases, phases })
}

fn hardening(own: &Hardening, knowledge: &Knowledge) -> HardeningTopic {
    let phase = |phase: &Phase| PhaseReport {
        name: phase.name.clone(),
        date: phase.date.clone(),
        standing: phase.standing,
        kbs: phase.kbs.clone(),
    };
    let settings =
        knowledge.registry.all().iter().filter(|setting| setting.hardening.as_ref() == Some(&own.id));
    let setting = |setting: &Setting| SettingReport {
        key: setting.key.clone(),
        name: setting.name.clone(),
        what: setting.what.clone(),
    };
    HardeningTopic {
        id: own.id.clone(),
        title: own.title.clone(),
        role: own.role,
        what: own.what.clone(),
        effect: own.effect.clone(),
        standing: own.standing,
        upgrade_to: own.upgrade_to.clone(),
        phases: own.phase.iter().map(phase).collect(),
        registry: settings.map(setting).collect(),
        sources: own.sources.clone(),
        checked: own.checked.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in ["0x8009030E", "8009030E", "8009030e", "-2146893042", "2148074254", "0X8009030e"] {
            assert_eq!(numbers(text), [0x8009_030E], "{text}");
        }
        assert_eq!(numbers("0xD"), [13]);
        assert_eq!(numbers("80070569"), [0x8007_0569, 80_070_569]);
        for text in ["", "0x", "kcd-missing", "0x1234567890", "KB5019966"] {
            assert!(numbers(text).is_empty(), "{text}");
        }
    }
}
