//! What `knowledge/` says holds together.

use std::collections::BTreeSet;
use std::fs;

use kcdoctor::incident::trigger;
use kcdoctor::knowledge::{Class, Knowledge, PLACEHOLDERS, Space, vocabulary};

use kcdoctor::scenario::events::security::everyday;
use kcdoctor::scenario::{Dice, Domain, Machine, Os, moment};

use super::root;

#[test]
fn rules_name_what_exists_and_say_why() {
    let knowledge = Knowledge::load().unwrap();
    for rule in &knowledge.rules {
        for fix in &rule.fixes {
            assert!(knowledge.fixes.named(fix).is_some(), "{}: no fix {fix}", rule.id);
        }
        for name in &rule.triggers {
            let is_known = trigger(name).is_some() || knowledge.hardenings.sets_off(name).is_some();
            assert!(is_known, "{}: no change is called {name}", rule.id);
        }
        assert_eq!(rule.cause.is_fault(), !rule.fixes.is_empty(), "{}", rule.id);
        assert!(
            rule.prose.len() > 100
                && !rule.verification.sources.is_empty()
                && rule.verification.checked.len() == 10,
            "{}",
            rule.id
        );
    }
}

/// A fix without a rule would be dead text.
#[test]
fn every_fix_is_used_and_its_templates_are_whole() {
    let knowledge = Knowledge::load().unwrap();
    let used: BTreeSet<_> = knowledge.rules.iter().flat_map(|rule| &rule.fixes).collect();
    for fix in knowledge.fixes.all() {
        // The plan itself offers this one beside the delegation that a rule asks for.
        let is_offered = fix.id == "add-storage-delegation";
        assert!(used.contains(&fix.id) || is_offered, "{} is used by no rule", fix.id);
        let scripts = [&fix.precheck, &fix.command, &fix.alternative, &fix.verify, &fix.rollback];
        let texts = [&fix.title, &fix.rights, &fix.affects, &fix.risk, &fix.approval];
        for script in scripts {
            // A line that names a target is repeated for each, so it must be whole.
            let repeated = script.lines().filter(|line| {
                ["{target}", "{target_fqdn}", "{target_identity}", "{names}"]
                    .iter()
                    .any(|name| line.contains(name))
            });
            let cut =
                repeated.filter(|line| line.trim_end().ends_with(['|', ',', '{', '('])).collect::<Vec<_>>();
            assert!(cut.is_empty(), "{}: {cut:?}", fix.id);
        }
        for text in texts.into_iter().chain(scripts).chain(&fix.clicks).chain(&fix.adac) {
            for name in text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
            {
                let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
                assert!(!word || PLACEHOLDERS.contains(&name), "{}: {{{name}}} is no placeholder", fix.id);
            }
        }
    }
}

#[test]
fn every_signal_has_a_source_and_a_name_of_its_own() {
    let knowledge = Knowledge::load().unwrap();
    let ids: BTreeSet<_> = knowledge.signals.all().iter().map(|signal| &signal.id).collect();
    assert_eq!(ids.len(), knowledge.signals.all().len());
    for signal in knowledge.signals.all() {
        assert!(!signal.source.is_empty() && signal.checked.len() == 10, "{}", signal.id);
        let is_sentence = signal.says.ends_with('.') && signal.says.len() <= 80;
        assert!(is_sentence, "{}: {}", signal.id, signal.says);
    }
}

#[test]
fn every_value_of_the_registry_has_a_source_and_a_place() {
    let knowledge = Knowledge::load().unwrap();
    let settings = knowledge.registry.all();
    let places: BTreeSet<_> =
        settings.iter().map(|own| (own.key.to_lowercase(), own.name.to_lowercase())).collect();
    assert_eq!(places.len(), settings.len());
    for own in settings {
        let hive = own.key.starts_with(r"SYSTEM\CurrentControlSet\") || own.key.starts_with(r"SOFTWARE\");
        assert!(hive && !own.what.is_empty() && !own.source.is_empty() && own.checked.len() == 10, "{own:?}");
        assert_eq!(
            knowledge.interest().kept(&own.key, &own.name),
            Some((own.key.as_str(), own.name.as_str()))
        );
    }
}

/// What fills a generated log is what an analysis skips.
#[test]
fn no_signal_looks_for_everyday_records() {
    let knowledge = Knowledge::load().unwrap();
    let dc = Machine::new("DC01", &Domain::new("contoso.com"), 1001, Os::Server2022);
    let mut dice = Dice::new(7);
    for _ in 0..20_000 {
        let record = everyday(&mut dice, &dc, moment(9, 1, 0, 0));
        let wanted = knowledge.signals.all().iter().find(|signal| {
            let is_named = signal.events.is_empty() || signal.events.contains(&record.id.into());
            signal.provider.eq_ignore_ascii_case(&record.provider) && is_named
        });
        assert!(wanted.is_none(), "{}: {wanted:?}", record.id);
    }
}

#[test]
fn the_codes_that_everything_hangs_on_are_known() {
    let knowledge = Knowledge::load().unwrap();
    let class = |space, code| knowledge.codes.of(space, code).map(|known| known.class);
    assert_eq!(class(Space::Hresult, 0x8009_030E), Some(Class::Delegation));
    assert_eq!(class(Space::Hresult, 0x8009_0324), Some(Class::Clock));
    assert_eq!(class(Space::Hresult, 0x8007_0005), Some(Class::AccessDenied));
    assert_eq!(class(Space::Kerberos, 0x25), Some(Class::Clock));
}

#[test]
fn hardening_changes_have_sources_and_phases_in_order() {
    let knowledge = Knowledge::load().unwrap();
    for hardening in knowledge.hardenings.all() {
        assert!(!hardening.sources.is_empty() && hardening.checked.len() == 10, "{}", hardening.id);
        assert!(hardening.phase.is_sorted_by_key(|phase| phase.date.clone()), "{}", hardening.id);
    }
    assert_eq!(
        knowledge.hardenings.brought_by_upgrade("2025").collect::<Vec<_>>(),
        ["CREDGUARD-DEFAULT-WS2025"]
    );
}

#[test]
fn facts_have_one_name_each_and_every_gap_is_documented() {
    let names: BTreeSet<_> = vocabulary::FACTS.iter().map(|fact| (fact.of, fact.name)).collect();
    assert_eq!(names.len(), vocabulary::FACTS.len());
    let knowledge = Knowledge::load().unwrap();
    let documented = fs::read_to_string(root().join("docs/gaps.md")).unwrap();
    for fact in vocabulary::FACTS {
        let gap = fact.gap.split(':').next().unwrap();
        assert!(knowledge.gaps.piece(gap).is_some(), "{gap} is not in knowledge/gaps.toml");
    }
    for piece in &knowledge.gaps.pieces {
        assert!(documented.contains(&format!("`{}", piece.id)), "{} is not in docs/gaps.md", piece.id);
    }
}

/// Every issue code in the source stands in `docs/issues.md`.
#[test]
fn every_issue_is_documented() {
    let documented = fs::read_to_string(root().join("docs/issues.md")).unwrap();
    let mut folders = vec![root().join("src/parse"), root().join("src/bundle")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for rest in ["Issue::note(", "Issue::loss("].iter().flat_map(|call| text.split(call).skip(1)) {
                let Some(code) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'))
                else {
                    continue;
                };
                assert!(
                    documented.contains(&format!("`{}`", code.0)),
                    "{}: {} is not in docs/issues.md",
                    path.display(),
                    code.0
                );
            }
        }
    }
}
