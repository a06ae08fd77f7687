//! Filling the templates of fixes. Names come from the customer's files, so in a script they stand in single
//! quotes and can never become code.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::{Evidence, HostId};
use crate::fact::Spn;
use crate::fact::domain_of;
use crate::incident::forms;

/// What the tab Delegation calls protocol transition.
const ANY_PROTOCOL: &str = "Use any authentication protocol";
/// What it calls delegation without it.
const KERBEROS_ONLY: &str = "Use Kerberos only";
/// Placeholders for which a line is repeated, once for each target.
const PER_TARGET: [&str; 4] = ["{target}", "{target_fqdn}", "{target_identity}", "{names}"];

/// The values of one step.
pub(super) struct Filler {
    host: Names,
    targets: Vec<Names>,
    spns: Vec<String>,
    /// Other accounts, each with the host's names that it holds.
    held: BTreeMap<String, BTreeSet<String>>,
    update: Option<String>,
    protocol: &'static str,
}

struct Names {
    short: String,
    fqdn: String,
    /// How the Active Directory module finds the object: by its name and the domain that holds it.
    identity: String,
    /// The part of that which names the domain.
    server: String,
    forms: Vec<String>,
}

impl Names {
    fn of(host: HostId, evidence: &Evidence) -> Self {
        let forms = forms(host, &evidence.hosts, &evidence.directory);
        let known = evidence.hosts.get(host);
        let short = forms.first().cloned().unwrap_or_default();
        let object = evidence.directory.computer(host);
        let fqdn = known.and_then(|host| host.fqdn.clone()).unwrap_or_else(|| short.clone());
        let account = object.and_then(|object| object.account.clone()).unwrap_or_else(|| format!("{short}$"));
        let dn = object.and_then(|object| object.dn.clone());
        // One account name can stand in several domains.
        let domain = dn
            .as_deref()
            .and_then(domain_of)
            .or_else(|| fqdn.split_once('.').map(|(_, domain)| domain.to_owned()));
        let server = domain.map_or_else(String::new, |domain| format!(" -Server {}", quoted(&domain)));
        let identity = format!("-Identity {}{server}", quoted(dn.as_ref().unwrap_or(&account)));
        Self { identity, server, short, fqdn, forms }
    }
}

impl Filler {
    pub(super) fn new(host: HostId, targets: &[HostId], spns: &[String], evidence: &Evidence) -> Self {
        let others = evidence.holders.of(host, &evidence.directory);
        let others = others.known().map_or(&[][..], Vec::as_slice);
        let own = Names::of(host, evidence);
        let mut held: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for holder in others.iter().copied().chain(evidence.holders.instead_of(host)) {
            held.entry(holder.account.clone()).or_default().insert(holder.spn.clone());
        }
        if held.is_empty() {
            let names = own.forms.iter().map(|form| Spn::migration(form)).collect();
            held.insert("<the other account>".to_owned(), names);
        }
        Self {
            held,
            host: own,
            targets: targets.iter().map(|target| Names::of(*target, evidence)).collect(),
            spns: spns.to_vec(),
            update: None,
            protocol: ANY_PROTOCOL,
        }
    }

    /// The same for a host that needs protocol transition, or does not.
    pub(super) fn with_protocol(self, transition: bool) -> Self {
        Self { protocol: if transition { ANY_PROTOCOL } else { KERBEROS_ONLY }, ..self }
    }

    /// The same for a host that should have `update`.
    pub(super) fn with_update(self, update: Option<String>) -> Self {
        Self { update, ..self }
    }

    /// A line for people; targets are listed in it.
    pub(super) fn prose(&self, template: &str) -> String {
        fill(template.trim(), &|name| self.value(name, None, &plain))
    }

    /// A line for people, repeated for each target that it names.
    pub(super) fn lines(&self, template: &str) -> Vec<String> {
        self.repeated(template.trim(), &plain)
    }

    /// A script: names quoted, lines that name a target repeated for each.
    pub(super) fn script(&self, template: &str) -> String {
        template.trim().lines().flat_map(|line| self.repeated(line, &quoted)).collect::<Vec<_>>().join("\n")
    }

    fn repeated(&self, template: &str, write: &dyn Fn(&str) -> String) -> Vec<String> {
        let per_target = PER_TARGET.iter().any(|name| template.contains(name));
        if per_target && !self.targets.is_empty() {
            return self
                .targets
                .iter()
                .map(|target| fill(template, &|name| self.value(name, Some(target), write)))
                .collect();
        }
        vec![fill(template, &|name| self.value(name, None, write))]
    }

    fn value(&self, name: &str, target: Option<&Names>, write: &dyn Fn(&str) -> String) -> Option<String> {
        let joined = |pick: &dyn Fn(&Names) -> &str| {
            self.targets.iter().map(|target| write(pick(target))).collect::<Vec<_>>().join(", ")
        };
        let listed = |all: &[String]| all.iter().map(|one| write(one)).collect::<Vec<_>>().join(", ");
        Some(match name {
            "host" => write(&self.host.short),
            "identity" => self.host.identity.clone(),
            "migration_spn" => write(&Spn::migration(&self.host.short)),
            "migration_spn_fqdn" => write(&Spn::migration(&self.host.fqdn)),
            "fqdn" => write(&self.host.fqdn),
            "target" => target.map_or_else(|| joined(&|target| &target.short), |target| write(&target.short)),
            "target_fqdn" => {
                target.map_or_else(|| joined(&|target| &target.fqdn), |target| write(&target.fqdn))
            }
            "target_identity" => target.map_or_else(String::new, |target| target.identity.clone()),
            "protocol" => plain(self.protocol),
            "targets" => joined(&|target| &target.short),
            "spns" => listed(&self.spns),
            "server" => self.host.server.clone(),
            "held" => {
                let row = |(account, names): (&String, &BTreeSet<String>)| {
                    let names: Vec<_> = names.iter().map(|name| write(name)).collect();
                    format!("@{{ Account = {}; Names = @({}) }}", write(account), names.join(", "))
                };
                self.held.iter().map(row).collect::<Vec<_>>().join(", ")
            }
            "update" => {
                plain(self.update.as_deref().unwrap_or("the newest cumulative update of its version"))
            }
            "names" => target.map_or_else(String::new, |target| target.forms.join(" and ")),
            _ => return None,
        })
    }
}

/// Replaces `{name}`; braces around anything else (script blocks) stay.
fn fill(template: &str, value: &dyn Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        match behind.split_once('}').and_then(|(name, tail)| Some((value(name)?, tail))) {
            Some((text, tail)) => {
                filled.push_str(&text);
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = behind;
            }
        }
    }
    filled + rest
}

/// Text on one line, in which nothing turns the direction of what stands behind it (Unicode 9).
pub(super) fn plain(text: &str) -> String {
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().filter(|c| !c.is_control() && !turns(*c)).collect()
}

/// A PowerShell string in single quotes, in which nothing is code. PowerShell takes four typographic quotes for the plain
/// one.
#[must_use]
pub fn quoted(text: &str) -> String {
    let doubled = plain(text)
        .chars()
        .flat_map(|c| std::iter::repeat_n(c, if matches!(c, '\'' | '‘' | '’' | '‚' | '‛') { 2 } else { 1 }))
        .collect::<String>();
    format!("'{doubled}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_replaced() {
        let value = |name: &str| (name == "host").then(|| "HV01".to_owned());
        assert_eq!(fill("{host} { klist {other} } {", &value), "HV01 { klist {other} } {");
    }

    #[test]
    fn hostile_names_stay_text() {
        assert_eq!(quoted("HV01'; Remove-Item x; '"), "'HV01''; Remove-Item x; '''");
        assert_eq!(quoted("a’b\n`$(x)"), "'a’’b`$(x)'");
        assert_eq!(quoted("a‘b’c‚d‛e"), "'a‘‘b’’c‚‚d‛‛e'");
        assert_eq!(quoted("$(x) `n\r\n\u{2028}\u{202e}\"#>"), "'$(x) `n\"#>'");
    }
}
