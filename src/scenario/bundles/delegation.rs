//! Incidents whose cause is delegation, with the evidence to prove it.

use super::{
    BY_ADMINISTRATORS, Draft, Expected, Incident, STANDALONE, Trigger, august, binary, controller, hosts,
    july, xml,
};
use crate::scenario::events::security::{Admin, logon};
use crate::scenario::events::system::{
    credential_guard_configured, credential_guard_started, kerberos_refusal, unconstrained_refused,
};
use crate::scenario::events::{Fault, HIGH_AVAILABILITY, KERBEROS, Language, SECURITY, SETUP, SYSTEM, VMMS};
use crate::scenario::exports::culture::{Culture, Exporter};
use crate::scenario::exports::directory::{
    ANY_PROTOCOL, Account, MEMBER, Table, UNCONSTRAINED, bystander, get_ad_computer, ldifde,
};
use crate::scenario::exports::host::Authentication;
use crate::scenario::exports::utf16;
use crate::scenario::site::{Form, Log, Site, Style};
use crate::scenario::{Domain, Machine, Os, later, moment};

/// Full delegation of `host` to `targets`: moves and storage, any protocol.
pub(super) fn delegating(host: &Machine, targets: &[&Machine]) -> Account {
    Account::host(host).migrating_to(targets).storing_to(targets).with(ANY_PROTOCOL)
}

/// The account of `before` after its delegation was taken away.
pub(super) fn stripped(before: &Account, time: jiff::Timestamp) -> Account {
    Account { list: Vec::new(), control: MEMBER, changed: time, ..before.clone() }
}

pub(super) fn classic_two_nodes() -> Incident {
    let domain = Domain::new("contoso.com");
    let (os, dc) = (Os::Server2019, controller(&domain, Os::Server2019));
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("classic-two-nodes", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "WEB03", "APP02"]);
    site.place(&two, &["FS01", "PRINT01"]);
    site.boot(&one, july(os).revision, moment(9, 5, 21, 14));
    site.hum(&one, moment(9, 8, 4, 0), 5, 96);
    site.hum_of_controller(&[&one, &two], moment(9, 27, 6, 0), 2, 60);
    // The decoy: an update some days before moves stop, and moves that succeed after it.
    site.update(&one, august(os), moment(9, 19, 20, 3));
    site.update(&two, august(os), moment(9, 20, 20, 7));
    site.succeed_often(&one, &two, moment(9, 8, 9, 10), 5, 128);
    site.succeed_often(&two, &one, moment(9, 10, 14, 40), 5, 118);
    let (by, when) = (Admin::new("adm-keller", &domain, 1187), moment(9, 30, 16, 12));
    let before = [delegating(&one, &[&two]), delegating(&two, &[&one])];
    let after = before.clone().map(|account| stripped(&account, when));
    for (old, new) in before.iter().zip(&after) {
        let delay = i64::from(old.machine.rid - one.rid) * 94_300;
        site.change_delegation(old, new, &by, later(when, delay));
    }
    for (day, hour) in [(30, 19), (30, 20)] {
        let start = site.fail(&one, &two, Fault::NoCredentials, moment(9, day, hour, 20));
        site.log(kerberos_refusal(&one, &two, "0xc00000bb", later(start, 1_690)));
        site.fail(&two, &one, Fault::NoCredentials, moment(9, day, hour, 40));
    }
    site.fail(&one, &two, Fault::NoCredentials, moment(10, 1, 7, 5));
    site.fail(&two, &one, Fault::NoCredentials, moment(10, 1, 7, 15));
    let [first, second] = after;
    let accounts = [Account::controller(&dc), first, second, bystander("FILE01", &domain, 1131)];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&one, SYSTEM),
        xml(&one, SETUP),
        xml(&two, HIGH_AVAILABILITY),
        xml(&two, VMMS),
        binary(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .updates(&one, august(os), (9, 19), Culture::American)
        .updates(&two, august(os), (9, 20), Culture::American)
        .updates(&dc, august(os), (8, 15), Culture::American)
        .incident(
            "classic-two-nodes",
            "Hardening emptied both delegation lists; since that evening no move succeeds in either direction. \
             An update ten days earlier is a decoy.",
            Expected {
                cause: "kcd-missing",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                triggers: vec![
                    Trigger::new("directory", &one, when),
                    Trigger::new("directory", &two, later(when, 94_300)),
                ],
                ..Expected::default()
            },
        )
}

pub(super) fn one_direction() -> Incident {
    let domain = Domain::new("fabrikam.com");
    let (os, dc) = (Os::Server2022, controller(&domain, Os::Server2022));
    let [one, two, gone] = hosts(&domain, os);
    let mut site = Site::new("one-direction", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["ERP01", "WEB01"]);
    site.place(&two, &["SQL02", "RDS01", "APP07", "FS03"]);
    site.succeed_often(&two, &one, moment(9, 14, 8, 30), 4, 71);
    for day in [15, 17, 22, 25] {
        let start = site.fail(&one, &two, Fault::NoCredentials, moment(9, day, 10, 5));
        site.log(kerberos_refusal(&one, &two, "0xc0000272", later(start, 1_690)));
    }
    site.boot(&one, august(os).revision, moment(9, 12, 19, 0));
    // The list still names the host that HV02 replaced; of HV02 there is only the file service.
    let first = Account::host(&one).migrating_to(&[&gone]).storing_to(&[&gone, &two]).with(ANY_PROTOCOL);
    let accounts = [Account::controller(&dc), first, delegating(&two, &[&one])];
    let table = Table::joined(Exporter::default());
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&one, SYSTEM),
        xml(&two, VMMS),
        xml(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .file("ad/Get-ADComputer.csv", get_ad_computer(&accounts, table).into_bytes())
        .settings(&[&one, &two], Authentication::Kerberos)
        .updates(&one, august(os), (9, 12), Culture::American)
        .incident(
            "one-direction",
            "HV02 moves to HV01, but not back: the list of HV01 names a host that was replaced, and only the file \
             service of HV02.",
            Expected {
                cause: "kcd-incomplete",
                levels: &["confirmed"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn four_nodes_one_short() -> Incident {
    let domain = Domain::new("infra.emea.contoso.com");
    let (os, dc) = (Os::Server2022, controller(&domain, Os::Server2022));
    let [one, two, three, four] = hosts(&domain, os);
    let mut site = Site::new("four-nodes-one-short", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "SQL02"]);
    site.place(&two, &["WEB03", "WEB04"]);
    site.place(&three, &["APP05", "APP06"]);
    site.place(&four, &["FS07", "PRINT08"]);
    let ring = [
        (&one, &two),
        (&two, &three),
        (&three, &one),
        (&one, &three),
        (&three, &two),
        (&two, &one),
        (&four, &one),
        (&one, &four),
        (&two, &four),
        (&four, &three),
        (&four, &two),
    ];
    for (day, (source, target)) in (7..).zip(ring) {
        site.succeed(source, target, moment(9, day, 8, 25));
    }
    for (day, hour) in [(18, 21), (21, 9), (21, 15), (22, 7)] {
        site.fail(&three, &four, Fault::NoCredentials, moment(9, day, hour, 2));
    }
    site.succeed(&three, &one, moment(9, 22, 12, 30));
    site.boot(&three, august(os).revision, moment(9, 5, 20, 0));
    let accounts = [
        Account::controller(&dc),
        delegating(&one, &[&two, &three, &four]),
        delegating(&two, &[&one, &three, &four]),
        delegating(&three, &[&one, &two]),
        delegating(&four, &[&one, &two, &three]),
    ];
    let logs = [
        binary(&three, HIGH_AVAILABILITY),
        xml(&three, VMMS),
        xml(&three, SYSTEM),
        xml(&one, VMMS),
        xml(&two, VMMS),
        xml(&four, VMMS),
        xml(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two, &three, &four], Authentication::Kerberos)
        .updates(&three, august(os), (9, 5), Culture::American)
        .incident(
            "four-nodes-one-short",
            "Of twelve directions one fails: HV04 joined later, and the list of HV03 was forgotten.",
            Expected {
                cause: "kcd-incomplete",
                levels: &["confirmed"],
                pairs: &[(&three, &four)],
                ..Expected::default()
            },
        )
}

pub(super) fn unconstrained_after_2025() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] =
        [("HV11", 1161), ("HV12", 1162)].map(|(name, rid)| Machine::new(name, &domain, rid, Os::Server2022));
    let style = Style { delegated: false, ..STANDALONE };
    let mut site = Site::new("unconstrained-after-2025", &dc, style);
    site.place(&one, &["SQL11", "WEB12"]);
    site.place(&two, &["APP13"]);
    let revision = august(Os::Server2025).revision;
    for (host, day) in [(&one, 12), (&two, 13)] {
        site.boot(host, august(Os::Server2022).revision, moment(8, day + 3, 20, 30));
        site.upgrade(host, Os::Server2025, revision, moment(9, day, 10, 42));
        site.log(credential_guard_configured(host, 2, true, later(moment(9, day, 10, 42), 9_800)));
        site.log(credential_guard_started(host, later(moment(9, day, 10, 42), 9_900)));
        site.hum(host, moment(9, day, 14, 0), 2, 30);
    }
    site.succeed_often(&one, &two, moment(8, 20, 9, 0), 3, 170);
    site.succeed_often(&two, &one, moment(8, 21, 15, 0), 3, 168);
    for (source, target, day, hour) in [
        (&one, &two, 14, 7),
        (&two, &one, 14, 8),
        (&one, &two, 14, 13),
        (&two, &one, 15, 9),
        (&one, &two, 16, 6),
    ] {
        let start = site.fail(source, target, Fault::NoCredentials, moment(9, day, hour, 10));
        site.log(unconstrained_refused(source, target, "adm-berg", later(start, 1_655)));
    }
    let upgraded = |host: &Machine| {
        let machine = Machine { os: Os::Server2025, ..host.clone() };
        Account { changed: moment(9, 13, 11, 3), ..Account::host(&machine).with(UNCONSTRAINED) }
    };
    let accounts = [Account::controller(&dc), upgraded(&one), upgraded(&two)];
    let logs = [
        binary(&one, VMMS),
        xml(&one, SYSTEM),
        xml(&one, KERBEROS),
        xml(&two, VMMS),
        xml(&two, SYSTEM),
        xml(&two, KERBEROS),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "unconstrained-after-2025",
            "Two hosts without a cluster, trusted for delegation to any service, were upgraded in place from 2022 \
             to 2025; Credential Guard, on by default since, refuses that delegation.",
            Expected {
                cause: "unconstrained-blocked",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                triggers: [(&one, 12), (&two, 13)]
                    .map(|(host, day)| Trigger::new("os-upgrade", host, moment(9, day, 10, 42)))
                    .into(),
                ..Expected::default()
            },
        )
}

pub(super) fn kerberos_only() -> Incident {
    let domain = Domain::new("tailspin.local");
    let (os, dc) = (Os::Server2019, controller(&domain, Os::Server2019));
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("kerberos-only", &dc, STANDALONE);
    site.place(&one, &["SQL01", "APP01", "WEB01"]);
    site.place(&two, &["FS02"]);
    site.boot(&one, august(os).revision, moment(9, 6, 20, 0));
    // Started on the source itself, the list suffices; started from elsewhere, it does not.
    site.succeed(&one, &two, moment(9, 16, 9, 0));
    site.succeed(&two, &one, moment(9, 17, 9, 30));
    let by = Admin::new("adm-novak", &domain, 1190);
    for (source, target, day) in
        [(&one, &two, 18), (&two, &one, 18), (&one, &two, 21), (&two, &one, 22), (&one, &two, 23)]
    {
        let start = site.fail(source, target, Fault::NoCredentials, moment(9, day, 10, 20));
        site.log(logon(source, &by, "10.20.9.41", later(start, -2_400)));
        site.log(kerberos_refusal(source, target, "0xc0000272", later(start, 1_690)));
    }
    let accounts = [
        Account::controller(&dc),
        Account::host(&one).migrating_to(&[&two]).storing_to(&[&two]),
        Account::host(&two).migrating_to(&[&one]).storing_to(&[&one]),
    ];
    let logs = [
        binary(&one, VMMS),
        xml(&one, SYSTEM),
        xml(&one, SECURITY),
        xml(&two, VMMS),
        xml(&two, SYSTEM),
        xml(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .file("ad/computers.ldf", ldifde(&accounts))
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "kerberos-only",
            "The lists are complete, but \"use Kerberos only\" is set: moves started on the source succeed, moves \
             started from an administrator's machine fail.",
            Expected {
                cause: "kcd-kerberos-only",
                levels: &["confirmed", "probable"],
                pairs: &[(&one, &two), (&two, &one)],
                ..Expected::default()
            },
        )
}

pub(super) fn german() -> Incident {
    let domain = Domain::new("kontoso.de");
    let (os, dc) = (Os::Server2022, controller(&domain, Os::Server2022));
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("german", &dc, Style { language: Language::German, ..BY_ADMINISTRATORS });
    site.place(&one, &["SQL01", "DATEV01"]);
    site.place(&two, &["FS01", "MAIL02"]);
    site.succeed_often(&one, &two, moment(9, 7, 7, 0), 3, 49);
    site.succeed_often(&two, &one, moment(9, 8, 8, 0), 3, 50);
    let (by, when) = (Admin::new("adm-müller", &domain, 1188), moment(9, 15, 12, 2));
    let units = vec!["Hyper-V Hosts, München".to_owned()];
    let before = [(&one, &two), (&two, &one)]
        .map(|(host, target)| Account { units: units.clone(), ..delegating(host, &[target]) });
    let after = before.clone().map(|account| stripped(&account, when));
    for (old, new) in before.iter().zip(&after) {
        site.change_delegation(old, new, &by, later(when, i64::from(old.machine.rid - one.rid) * 41_000));
    }
    for (day, hour) in [(15, 16), (16, 6), (16, 12)] {
        site.fail(&one, &two, Fault::NoCredentials, moment(9, day, hour, 10));
        site.fail(&two, &one, Fault::NoCredentials, moment(9, day, hour, 30));
    }
    let [first, second] = after;
    let accounts = [Account::controller(&dc), first, second];
    let table = Table::joined(Exporter { culture: Culture::German, ahead: 2, ..Exporter::default() });
    let utf16_xml = |host, channel| Log { host, channel, form: Form::XmlUtf16 };
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        utf16_xml(&one, VMMS),
        xml(&two, HIGH_AVAILABILITY),
        xml(&two, VMMS),
        xml(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .file("ad/Computer.csv", utf16(&get_ad_computer(&accounts, table)))
        .settings(&[&one, &two], Authentication::Kerberos)
        .updates(&one, august(os), (8, 22), Culture::German)
        .updates(&two, august(os), (8, 23), Culture::German)
        .incident(
            "german",
            "As classic-two-nodes, from German hosts: German sentences, semicolons, UTF-16, dates with the day \
             first, an umlaut and a comma in a name.",
            Expected {
                cause: "kcd-missing",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                triggers: vec![
                    Trigger::new("directory", &one, when),
                    Trigger::new("directory", &two, later(when, 41_000)),
                ],
                ..Expected::default()
            },
        )
}
