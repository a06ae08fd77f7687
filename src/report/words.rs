//! The verdict in one sentence that a customer can read.

use crate::diagnose::{Diagnosis, Level};
use crate::evidence::Evidence;
use crate::incident::{Change, Grant, Incident, Kind, Loss, Outcome, Pair, When};
use crate::knowledge::{Cause, Class};

/// Pairs that a sentence names before it counts the rest.
const NAMED: usize = 4;

/// The sentence.
pub(super) fn summary(diagnosis: &Diagnosis<'_>, incident: &Incident, evidence: &Evidence) -> String {
    let verdict = &diagnosis.verdict;
    let pairs = pairs(&verdict.pairs, evidence);
    let of = |outcome: Outcome| incident.attempts.iter().filter(|attempt| attempt.outcome == outcome).count();
    // Where no record names a target, no pair stands for the cause.
    let place = if pairs.is_empty() { " ({pairs})" } else { "{pairs}" };
    let stated = verdict.rule.map_or_else(String::new, |rule| rule.summary.replace(place, &pairs));
    match verdict.level {
        Level::Confirmed => stated,
        Level::Probable => format!("Probably: {}", lower_first(&stated)),
        Level::Possible => format!("Possibly, by ambiguous evidence only: {}", lower_first(&stated)),
        Level::Latent => {
            format!("No move has failed yet, but one will as things stand: {}", lower_first(&stated))
        }
        Level::Healthy => format!("{} were seen and none failed.", migrations(of(Outcome::Succeeded))),
        Level::Inconclusive => inconclusive(diagnosis, incident, &pairs),
    }
}

fn inconclusive(diagnosis: &Diagnosis<'_>, incident: &Incident, pairs: &str) -> String {
    let of = |outcome: Outcome| incident.attempts.iter().filter(move |attempt| attempt.outcome == outcome);
    let (failed, succeeded) = (of(Outcome::Failed).count(), of(Outcome::Succeeded).count());
    let place = if pairs.is_empty() { String::new() } else { format!(" ({pairs})") };
    let cause = diagnosis.verdict.cause;
    if cause != Cause::undetermined() {
        return format!(
            "{} failed{place}; the likeliest reading is that {}, but the bundle cannot decide it: see what is missing.",
            migrations(failed),
            cause.clause()
        );
    }
    let mut classes: Vec<_> = of(Outcome::Failed)
        .filter(|attempt| attempt.class != Class::Unknown)
        .map(|attempt| attempt.class.name())
        .collect();
    classes.sort_unstable();
    classes.dedup();
    match (failed, succeeded, classes.is_empty()) {
        (0, 0, _) if incident.hyper_v_logs => "No live migration is recorded in these logs, so nothing can be said about one.".into(),
        (0, 0, _) => "No live migration is recorded in this bundle, and no log of Hyper-V is in it, so nothing can be said about one.".into(),
        (0, ..) => format!("{} succeeded and none failed, but {}.", migrations(succeeded), doubt(diagnosis, incident)),
        (.., true) => format!("{} failed{place}, and no evidence in the bundle names the cause.", migrations(failed)),
        (.., false) => format!("{} failed{place} with errors of the class {}, and no rule of this version explains them from what the bundle holds.", migrations(failed), classes.join(", ")),
    }
}

/// Why nothing is called healthy, though nothing was seen to fail.
fn doubt(diagnosis: &Diagnosis<'_>, incident: &Incident) -> &'static str {
    let is_open = |pair: &Pair| pair.grant.is_unmet() || pair.grant == Grant::Unknown;
    let mut findings = diagnosis.findings.iter().filter(|finding| finding.rule.cause == Cause::healthy());
    if incident.loose_ends || !incident.loose_failures.is_empty() {
        "records of connections that failed, or of moves that began, belong to no move that is known to have ended"
    } else if findings.any(|finding| finding.missing.contains("incident.all_seen")) {
        "the logs do not show all that happened: see what is missing"
    } else if !incident.shut.is_empty() && !incident.pairs.iter().any(is_open) {
        "the account of a host is disabled, or live migration is switched off there"
    } else {
        "the delegation that they may need is not in place or not known"
    }
}

fn migrations(count: usize) -> String {
    if count == 1 { "1 live migration".into() } else { format!("{count} live migrations") }
}

/// What a change was, for a person.
pub(super) fn change(change: &Change, evidence: &Evidence) -> String {
    let host = change.host.map_or("an unnamed host", |host| evidence.hosts.name(host));
    let when = match change.effective.or(change.installed) {
        Some(When::At(time)) => format!(" at {} UTC", time.strftime("%Y-%m-%d %H:%M:%S")),
        Some(When::On(day)) => format!(" on {day}"),
        None => String::new(),
    };
    let losses: std::collections::BTreeSet<_> = change.takes.iter().map(|(loss, _)| *loss).collect();
    let taken = losses.iter().map(|loss| match loss {
        Loss::Delegation => "delegation taken away",
        Loss::ResourceDelegation => "resource-based delegation taken away",
        Loss::Transition => "\"use any authentication protocol\" taken away",
        Loss::Account => "the account disabled",
        Loss::ServiceName => "a service principal name removed",
    });
    let taken: Vec<_> = taken.collect();
    match change.kind {
        Kind::Update => format!("{} took effect on {host}{when}", change.id),
        Kind::Phase => format!("{} entered a phase{when}", change.id),
        Kind::OsUpgrade => format!("{host} was upgraded in place{when}"),
        Kind::Policy => format!("a policy of {host} changed{when}"),
        Kind::Directory if taken.is_empty() => format!("the computer object of {host} was changed{when}"),
        Kind::Directory => format!("the computer object of {host} was changed{when}: {}", taken.join(", ")),
        Kind::CredentialGuard => format!("Credential Guard began to run on {host}{when}"),
        Kind::Reboot => format!("{host} started{when}"),
        Kind::Time => format!("the clock of {host} was found wrong or set{when}"),
    }
}

/// `HV01 → HV02, HV02 → HV01`, shortened for many.
pub(super) fn pairs(
    pairs: &[(crate::evidence::HostId, crate::evidence::HostId)],
    evidence: &Evidence,
) -> String {
    let named: Vec<_> = pairs
        .iter()
        .take(NAMED)
        .map(|(source, target)| {
            format!("{} → {}", evidence.hosts.name(*source), evidence.hosts.name(*target))
        })
        .collect();
    let rest = pairs.len().saturating_sub(NAMED);
    if rest == 0 { named.join(", ") } else { format!("{} and {rest} more", named.join(", ")) }
}

pub(super) fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    // A word of capitals (a name, an abbreviation) keeps them.
    let second_is_lower =
        text.chars().nth(1).is_some_and(char::is_lowercase) || text.chars().nth(1) == Some(' ');
    match chars.next() {
        Some(first) if second_is_lower => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}
