//! What a drawn incident states, as the parsers would have read it: thousands can be judged without a file written.
//!
//! What is *not* done here: forms, encodings and archives, which the same incidents written as files try.

use super::Lists;
use crate::fact::{
    ChannelCoverage, Coverage, DirectoryObject, Event, Fact, Field, HostSettings, InstallDay,
    InstalledUpdate, Issue, Known, MigrationAuthentication, Observation, Origin, Parsed, Position, Reason,
    Sid, SourceId, Trustee,
};
use crate::scenario::Machine;
use crate::scenario::evtx::{Payload, Record};
use crate::scenario::exports::directory::Account;
use crate::scenario::exports::events::message;
use crate::scenario::exports::host::Authentication;
use crate::scenario::forms::Told;

/// A source and what was read from it.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its path in the bundle.
    pub path: String,
    /// The format that it would have had.
    pub kind: &'static str,
    /// What it states.
    pub parsed: Parsed,
}

/// What `told` states, source by source, in the order of paths; `lists` says how the directory shows its lists,
/// `rendered` whether events come with their messages.
#[must_use]
pub fn facts(told: &Told, lists: Lists, rendered: bool) -> Vec<Source> {
    let mut sources: Vec<(String, &'static str, Vec<Observation>, Vec<ChannelCoverage>)> = Vec::new();
    if !told.accounts.is_empty() {
        let objects =
            told.accounts.iter().map(|account| Observation::Directory(Box::new(object(account, lists))));
        sources.push(("ad/computers.ldif".into(), "ldif", objects.collect(), Vec::new()));
    }
    let on = told.settings.iter().map(|own| (own, true));
    let all = on.chain(told.switched_off.iter().map(|own| (own, false)));
    for ((host, authentication), enabled) in all {
        let path = format!("{}/Get-VMHost.txt", host.name);
        sources.push((
            path,
            "vm-host",
            vec![Observation::HostSettings(settings(host, *authentication, enabled))],
            Vec::new(),
        ));
    }
    for (host, fixes) in &told.updates {
        let update = |kb: &str, day| InstalledUpdate {
            host: Some(host.name.clone()),
            kb: kb.to_owned(),
            installed: InstallDay::On(day),
        };
        let updates = fixes.iter().map(|fix| Observation::Update(update(fix.kb, fix.installed)));
        sources.push((format!("{}/hotfixes.csv", host.name), "hot-fix", updates.collect(), Vec::new()));
    }
    for (number, (host, records)) in told.logs.iter().enumerate() {
        let events = records.iter().map(|record| Observation::Event(event(record, rendered)));
        let path = format!("{}/log{number:03}.evtx", host.name);
        sources.push((path, "evtx", events.collect(), coverage(records).into_iter().collect()));
    }
    sources.sort_by(|a, b| a.0.cmp(&b.0));
    let source = |(index, (path, kind, observations, channels)): (usize, (String, _, Vec<_>, _))| {
        let records = observations.len() as u64;
        let fact = |(line, observation): (u64, Observation)| {
            let at = match &observation {
                Observation::Event(event) => Position::Record(event.record),
                _ => Position::Line(line),
            };
            Fact { origin: Origin { source: SourceId(index), at }, observation }
        };
        let facts = (1..).zip(observations).map(fact).collect();
        let issues: Vec<Issue> = Vec::new();
        let parsed = Parsed { facts, issues, coverage: Coverage { records, channels }, ..Parsed::default() };
        Source { path, kind, parsed }
    };
    sources.into_iter().enumerate().map(source).collect()
}

fn object(account: &Account, lists: Lists) -> DirectoryObject {
    let machine = &account.machine;
    let delegation = account.list.clone();
    DirectoryObject {
        dn: Some(account.dn()),
        name: Some(machine.name.clone()),
        classes: ["top", "person", "organizationalPerson", "user", "computer"].map(str::to_owned).into(),
        account: Some(machine.account()),
        dns_name: Some(machine.fqdn()),
        sid: Sid::from_text(&machine.sid()),
        user_account_control: Known::Known(account.control),
        spns: Known::Known(account.spns.clone()),
        allowed_to_delegate_to: match lists {
            Lists::Whole => Known::Known(delegation),
            Lists::Flattened => Known::Unknown(Reason::Flattened),
            Lists::NotAskedFor => Known::Unknown(Reason::NotAskedFor),
        },
        allowed_to_act: match lists {
            Lists::Whole => Known::Known(
                account
                    .allowed_to_act
                    .iter()
                    .filter_map(|sid| Sid::from_text(sid))
                    .map(Trustee::Sid)
                    .collect(),
            ),
            Lists::Flattened => Known::Unknown(Reason::Flattened),
            Lists::NotAskedFor => Known::Unknown(Reason::NotAskedFor),
        },
        encryption_types: Known::Known(Some(account.encryption)),
        operating_system: Some(machine.os.name().to_owned()),
        operating_system_version: Some(machine.os.version()),
        when_changed: Some(account.changed),
        ..DirectoryObject::default()
    }
}

fn settings(host: &Machine, authentication: Authentication, enabled: bool) -> HostSettings {
    HostSettings {
        host: Some(host.name.clone()),
        domain: Some(host.domain.dns.clone()),
        authentication: Known::Known(match authentication {
            Authentication::Kerberos => MigrationAuthentication::Kerberos,
            Authentication::CredSsp => MigrationAuthentication::CredSsp,
        }),
        enabled: Some(enabled),
        performance: Some("Compression".into()),
        any_network: Some(false),
    }
}

fn event(record: &Record, rendered: bool) -> Event {
    let fields = match &record.payload {
        Payload::EventData(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        }
        Payload::UserData { fields, .. } => {
            fields.iter().map(|(name, value)| (Some(name.clone()), value.clone())).collect::<Vec<_>>()
        }
    };
    Event {
        provider: record.provider.clone(),
        id: u32::from(record.id),
        channel: Some(record.channel.clone()),
        computer: record.computer.clone(),
        time: record.time,
        record: record.record,
        level: Some(record.level),
        user: record.user.clone(),
        fields: fields.into_iter().map(|(name, value)| Field { name, value }).collect(),
        message: rendered.then(|| message(record)),
        local: false,
    }
}

fn coverage(records: &[Record]) -> Option<ChannelCoverage> {
    let times = records.iter().map(|record| record.time);
    let numbers = records.iter().map(|record| record.record);
    let first = records.first()?;
    Some(ChannelCoverage {
        computer: first.computer.clone(),
        channel: first.channel.clone(),
        records: records.len() as u64,
        first: times.clone().min()?,
        last: times.max()?,
        numbers: numbers.clone().min().zip(numbers.max()),
        holes: Vec::new(),
    })
}
