//! Incidents that look like delegation and are not, and one without a fault.

use super::delegation::delegating;
use super::{
    BY_ADMINISTRATORS, BY_CLUSTER, Draft, Expected, Incident, STANDALONE, Trigger, august, binary,
    controller, hosts, xml,
};
use crate::scenario::events::hyper_v::{merge_failed, spn_not_registered};
use crate::scenario::events::security::{
    Admin, Request, preauthentication_failed, sign_in_refused, ticket_refused,
};
use crate::scenario::events::system::{
    clock_change_refused, clock_differs, clock_unsynchronised, interface_failed, interface_unreachable,
    node_removed, secure_channel_broken, volume_paused,
};
use crate::scenario::events::{Fault, HIGH_AVAILABILITY, SECURITY, SYSTEM, VMMS, WORKER};
use crate::scenario::exports::culture::Culture;
use crate::scenario::exports::directory::{
    ANY_PROTOCOL, Account, DISABLED, Requested, bystander, ldapsearch, ldifde,
};
use crate::scenario::exports::host::Authentication;
use crate::scenario::site::{Site, Style};
use crate::scenario::{Domain, Machine, Os, Vm, later, moment};

pub(super) fn network_lookalike() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] = hosts(&domain, Os::Server2022);
    let mut site = Site::new("network-lookalike", &dc, BY_CLUSTER);
    site.place(&one, &["SQL01", "WEB03", "APP02"]);
    site.place(&two, &["FS01", "DC03"]);
    site.succeed_often(&one, &two, moment(9, 1, 8, 0), 4, 90);
    site.succeed_often(&two, &one, moment(9, 3, 9, 0), 4, 90);
    site.boot(&one, august(Os::Server2022).revision, moment(8, 22, 19, 0));
    let network = "LiveMigration 10.40.0.0";
    let tries = [
        (&one, &two, 21, 9, Fault::Reset),
        (&two, &one, 21, 10, Fault::Reset),
        (&one, &two, 21, 14, Fault::Reset),
        (&one, &two, 22, 8, Fault::TimedOut),
        (&two, &one, 22, 9, Fault::TimedOut),
        (&one, &two, 22, 13, Fault::Reset),
    ];
    for (source, target, day, hour, fault) in tries {
        let start = site.fail(source, target, fault, moment(9, day, hour, 15));
        let lost = later(start, fault.delay() - 6_400);
        for (host, other) in [(source, target), (target, source)] {
            site.log(interface_unreachable(host, other, network, later(lost, -900)));
            site.log(interface_failed(host, other, network, lost));
            site.log(node_removed(host, other, later(lost, 5_100)));
        }
    }
    let accounts = [Account::controller(&dc), Account::host(&one), Account::host(&two)];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&one, SYSTEM),
        xml(&two, HIGH_AVAILABILITY),
        xml(&two, VMMS),
        xml(&two, SYSTEM),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "network-lookalike",
            "21502 and 22038 late in the copy and no delegation in the directory: the picture of the folk tale. But \
             the cluster moved without delegation for weeks, and its network breaks on both nodes.",
            Expected {
                cause: "network-unreachable",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                ..Expected::default()
            },
        )
}

pub(super) fn clock_skew() -> Incident {
    let domain = Domain::new("contoso.com");
    let os = Os::Server2019;
    let dc = controller(&domain, os);
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("clock-skew", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01"]);
    site.succeed_often(&one, &two, moment(9, 28, 8, 0), 3, 47);
    site.succeed_often(&two, &one, moment(9, 29, 9, 0), 2, 47);
    let wrong = moment(10, 5, 3, 2);
    site.set_clock_wrong(&two, wrong, 661_000);
    site.boot(&two, august(os).revision, later(wrong, 4_000));
    for hours in [1, 5, 9] {
        let time = later(wrong, hours * 3_600_000);
        site.log(clock_differs(&two, 128, time));
        site.log(clock_change_refused(&two, -661, 300, later(time, 350)));
        site.log(clock_unsynchronised(&two, 86_400, later(time, 410)));
    }
    for (hour, minute) in [(6, 10), (8, 30), (12, 5)] {
        let start = site.fail(&one, &two, Fault::ClockSkew, moment(10, 5, hour, minute));
        site.log(preauthentication_failed(&dc, &two, 0x25, later(start, 700)));
        let start = site.fail(&two, &one, Fault::ClockSkew, moment(10, 5, hour, minute + 12));
        let request = Request { dc: &dc, client: &two, service: &one, time: later(start, 1_640) };
        site.log(ticket_refused(request, &one.account(), 0x25));
    }
    let accounts = [Account::controller(&dc), delegating(&one, &[&two]), delegating(&two, &[&one])];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&two, HIGH_AVAILABILITY),
        xml(&two, VMMS),
        xml(&two, SYSTEM),
        xml(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "clock-skew",
            "Since a restart the clock of HV02 is eleven minutes ahead, and so are its own records; delegation is \
             complete.",
            Expected {
                cause: "clock-skew",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                triggers: vec![Trigger::new("time", &two, wrong)],
                ..Expected::default()
            },
        )
}

pub(super) fn spn_missing() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] = hosts(&domain, Os::Server2022);
    let mut site = Site::new("spn-missing", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP02", "APP03"]);
    site.succeed_often(&one, &two, moment(9, 1, 8, 0), 2, 60);
    site.succeed_often(&two, &one, moment(9, 2, 8, 0), 4, 150);
    site.boot(&two, august(Os::Server2022).revision, moment(9, 12, 20, 0));
    for hour in [20, 21, 22] {
        let class = "Microsoft Virtual System Migration Service";
        site.log(spn_not_registered(&two, class, moment(9, 12, hour, 4)));
    }
    for (day, hour) in [(14, 7), (14, 11), (15, 9), (16, 8)] {
        site.fail(&one, &two, Fault::UnknownTarget, moment(9, day, hour, 33));
    }
    let mut second = Account { changed: moment(9, 10, 6, 44), ..delegating(&two, &[&one]) };
    second.spns.retain(|spn| !spn.starts_with("Microsoft Virtual System Migration Service"));
    let accounts = [Account::controller(&dc), delegating(&one, &[&two]), second];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&two, VMMS),
        xml(&two, SYSTEM),
        xml(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .file("ad/computers.ldf", ldifde(&accounts))
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "spn-missing",
            "HV02 could not register its migration SPN, so nobody gets a ticket for it; moves away from it succeed.",
            Expected {
                cause: "spn-missing",
                levels: &["confirmed"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn account_disabled() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] = hosts(&domain, Os::Server2022);
    let mut site = Site::new("account-disabled", &dc, STANDALONE);
    site.place(&one, &["SQL01"]);
    site.place(&two, &["FS01", "APP02"]);
    site.succeed_often(&two, &one, moment(9, 7, 8, 0), 3, 60);
    site.succeed_often(&one, &two, moment(9, 8, 8, 0), 2, 60);
    let (by, when) = (Admin::new("svc-cleanup", &domain, 1201), moment(9, 21, 1, 30));
    let before = delegating(&two, &[&one]);
    let after = Account { changed: when, ..before.clone().with(DISABLED) };
    site.change_delegation(&before, &after, &by, when);
    for (day, hour) in [(21, 7), (21, 9), (22, 8)] {
        let start = site.fail(&two, &one, Fault::LogonFailure, moment(9, day, hour, 2));
        // KDC_ERR_CLIENT_REVOKED: disabled or locked.
        site.log(sign_in_refused(&dc, &two, 0x12, later(start, 1_500)));
        site.log(secure_channel_broken(&two, &dc, later(start, -610_000)));
    }
    let accounts = [Account::controller(&dc), delegating(&one, &[&two]), after];
    let logs = [binary(&two, VMMS), xml(&two, SYSTEM), xml(&one, VMMS), xml(&dc, SECURITY)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "account-disabled",
            "A clean-up job disabled the computer account of HV02, which gets no ticket any more; its delegation is \
             complete.",
            Expected {
                cause: "account-unusable",
                levels: &["confirmed"],
                pairs: &[(&two, &one)],
                triggers: vec![Trigger::new("directory", &two, when)],
                ..Expected::default()
            },
        )
}

/// Two nodes with complete delegation on which `fault` prevents some moves from the first to the second.
fn faulty_pair(name: &str, one: &Machine, two: &Machine, dc: &Machine, fault: Fault) -> Site {
    let mut site = Site::new(name, dc, BY_CLUSTER);
    site.place(one, &["SQL01", "WEB03", "APP02"]);
    site.place(two, &["FS01"]);
    site.succeed_often(one, two, moment(9, 1, 8, 0), 3, 90);
    site.succeed_often(two, one, moment(9, 2, 9, 0), 4, 170);
    for (day, hour) in [(15, 9), (15, 16), (16, 8)] {
        site.fail(one, two, fault, moment(9, day, hour, 50));
    }
    site
}

/// Exports of two nodes whose delegation is complete.
fn with_full_delegation(draft: Draft, domain: &Domain, one: &Machine, two: &Machine, dc: &Machine) -> Draft {
    let accounts = [Account::controller(dc), delegating(one, &[two]), delegating(two, &[one])];
    draft
        .file("ad/computers.ldif", ldapsearch(domain, &accounts, Requested::All))
        .settings(&[one, two], Authentication::Kerberos)
}

pub(super) fn memory_short() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] = hosts(&domain, Os::Server2022);
    let mut site = faulty_pair("memory-short", &one, &two, &dc, Fault::OutOfMemory);
    site.fail(&one, &two, Fault::NoResources, moment(9, 17, 7, 15));
    let logs = [binary(&one, HIGH_AVAILABILITY), xml(&one, VMMS), xml(&two, VMMS), xml(&two, WORKER)];
    with_full_delegation(Draft::new(site, &logs), &domain, &one, &two, &dc).incident(
        "memory-short",
        "HV02 has no memory left for the machines that should move there; both ends say so.",
        Expected {
            cause: "memory-short",
            levels: &["confirmed"],
            pairs: &[(&one, &two)],
            ..Expected::default()
        },
    )
}

pub(super) fn switch_missing() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] = hosts(&domain, Os::Server2022);
    let site = faulty_pair("switch-missing", &one, &two, &dc, Fault::MissingSwitch);
    let logs = [binary(&one, HIGH_AVAILABILITY), xml(&one, VMMS), xml(&two, VMMS)];
    with_full_delegation(Draft::new(site, &logs), &domain, &one, &two, &dc).incident(
        "switch-missing",
        "The virtual switch of the machines was renamed on HV02.",
        Expected {
            cause: "switch-missing",
            levels: &["probable"],
            pairs: &[(&one, &two)],
            ..Expected::default()
        },
    )
}

pub(super) fn processor_incompatible() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2019);
    let [one, two] = hosts(&domain, Os::Server2019);
    let site = faulty_pair("processor-incompatible", &one, &two, &dc, Fault::Processor);
    let logs = [binary(&one, HIGH_AVAILABILITY), xml(&one, VMMS), xml(&two, VMMS)];
    with_full_delegation(Draft::new(site, &logs), &domain, &one, &two, &dc)
        .updates(&one, august(Os::Server2019), (9, 12), Culture::American)
        .incident(
            "processor-incompatible",
            "Since a firmware update HV01 offers processor features that HV02 lacks.",
            Expected {
                cause: "cpu-incompatible",
                levels: &["probable"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn storage_lock() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] = hosts(&domain, Os::Server2022);
    let mut site = faulty_pair("storage-lock", &one, &two, &dc, Fault::SharingViolation);
    for (day, hour) in [(15, 9), (15, 16)] {
        let time = moment(9, day, hour, 31);
        site.log(merge_failed(&one, &Vm::new("SQL01"), Fault::SharingViolation, time));
        site.log(volume_paused(&two, "Volume1", "STATUS_FILE_LOCK_CONFLICT(c0000054)", later(time, 90_000)));
    }
    let unit = |account: Account| Account { units: vec!["Zürich, Süd".to_owned()], ..account };
    let note = Some("Backup-Host, Gebäude 3".to_owned());
    let accounts = [
        Account::controller(&dc),
        unit(delegating(&one, &[&two])),
        unit(delegating(&two, &[&one])),
        Account { description: note, ..bystander("BACKUP01", &domain, 1140) },
    ];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&two, VMMS),
        xml(&two, WORKER),
        xml(&two, SYSTEM),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "storage-lock",
            "A backup holds the disks of the machines while they should move; the destination can't open them.",
            Expected {
                cause: "storage-failure",
                levels: &["confirmed"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn healthy_cluster() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2025);
    let [one, two, three] = hosts(&domain, Os::Server2025);
    let mut site = Site::new("healthy-cluster", &dc, Style { phases: true, ..BY_ADMINISTRATORS });
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP02"]);
    site.place(&three, &["PRINT01"]);
    let ring = [(&one, &two), (&two, &three), (&three, &one), (&one, &three), (&three, &two), (&two, &one)];
    for (at, (source, target)) in (0i8..).zip(ring) {
        site.succeed_often(source, target, moment(9, 7 + at, 9, 0), 2, 170);
    }
    site.boot(&one, august(Os::Server2025).revision, moment(8, 30, 19, 0));
    site.hum(&one, moment(9, 1, 4, 0), 4, 100);
    // HV03 is reached through delegation on its own object, HV01 and HV02 through the lists of their sources.
    let accounts = [
        Account::controller(&dc),
        delegating(&one, &[&two]),
        delegating(&two, &[&one]),
        Account::host(&three).migrating_to(&[&one, &two]).with(ANY_PROTOCOL).trusting(&[&one, &two]),
    ];
    let logs = [
        binary(&one, VMMS),
        xml(&two, VMMS),
        xml(&three, VMMS),
        xml(&one, HIGH_AVAILABILITY),
        xml(&two, HIGH_AVAILABILITY),
        xml(&three, HIGH_AVAILABILITY),
        xml(&one, SYSTEM),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two, &three], Authentication::Kerberos)
        .updates(&one, august(Os::Server2025), (8, 30), Culture::American)
        .incident(
            "healthy-cluster",
            "Three nodes, moves in all six directions, no failure; every need is met, that of HV03 as a target by \
             resource-based delegation.",
            Expected { cause: "healthy", levels: &["healthy"], ..Expected::default() },
        )
}
