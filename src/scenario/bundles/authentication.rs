//! Incidents of authentication that leave the lists of delegation alone, and of delegation that is in place.

use super::delegation::delegating;
use super::{
    BY_ADMINISTRATORS, Draft, Expected, Incident, STANDALONE, Trigger, august, binary, controller, hosts,
    july, xml,
};
use crate::scenario::events::security::{Admin, Request, ticket_refused};
use crate::scenario::events::system::{
    credential_guard_configured, credential_guard_started, identity_refused, kerberos_refusal,
    kerberos_without_controller, name_not_unique, no_logon_server, policy_without_controller,
};
use crate::scenario::events::{Fault, HIGH_AVAILABILITY, KERBEROS, SECURITY, SYSTEM, VMMS, WORKER};
use crate::scenario::exports::culture::Culture;
use crate::scenario::exports::directory::{
    ANY_PROTOCOL, Account, Requested, bystander, ldapsearch, ldifde, migration_spns,
};
use crate::scenario::exports::host::Authentication;
use crate::scenario::site::{Form, Log, Site, Style};
use crate::scenario::{Domain, Machine, Os, later, moment};

pub(super) fn protected_administrator() -> Incident {
    let domain = Domain::new("fabrikam.com");
    let (os, dc) = (Os::Server2022, controller(&domain, Os::Server2022));
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("protected-administrator", &dc, STANDALONE);
    site.place(&one, &["SQL01", "WEB03", "APP02"]);
    site.place(&two, &["FS01", "PRINT01"]);
    site.succeed_often(&one, &two, moment(9, 2, 9, 0), 3, 60);
    site.succeed_often(&two, &one, moment(9, 3, 9, 0), 3, 60);
    // The decoy: an update the night before the new administrator's first day.
    site.update(&one, august(os), moment(9, 13, 20, 3));
    for (source, target, day, hour) in
        [(&one, &two, 14, 7), (&two, &one, 14, 8), (&one, &two, 15, 9), (&two, &one, 15, 10)]
    {
        let start = site.fail(source, target, Fault::NoCredentials, moment(9, day, hour, 20));
        site.log(kerberos_refusal(source, target, "0xc000006e", later(start, 1_690)));
    }
    // A colleague's moves still work.
    site.succeed(&one, &two, moment(9, 14, 15, 0));
    site.succeed(&two, &one, moment(9, 16, 8, 0));
    let accounts = [
        Account::controller(&dc),
        Account::host(&one).trusting(&[&two]),
        Account::host(&two).trusting(&[&one]),
    ];
    let administrator = format!(
        "dn: CN=adm-weiss,OU=Admins,{0}\r\nobjectClass: user\r\ncn: adm-weiss\r\nsAMAccountName: adm-weiss\r\n\
         userAccountControl: 1049088\r\nmemberOf: CN=Hyper-V Operators,OU=Groups,{0}\r\n\r\n",
        domain.dn()
    );
    let logs =
        [binary(&one, VMMS), xml(&one, SYSTEM), xml(&two, VMMS), xml(&two, SYSTEM), xml(&dc, SECURITY)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .file("ad/user.ldf", administrator.into_bytes())
        .settings(&[&one, &two], Authentication::Kerberos)
        .updates(&one, august(os), (9, 13), Culture::American)
        .incident(
            "protected-administrator",
            "Resource-based delegation is complete and a colleague's moves succeed, but the new administrator's \
             account is marked as sensitive: nobody may hand on its tickets.",
            Expected {
                cause: "user-not-delegatable",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                ..Expected::default()
            },
        )
}

pub(super) fn delegation_of_today() -> Incident {
    let domain = Domain::new("contoso.com");
    let (os, dc) = (Os::Server2022, controller(&domain, Os::Server2022));
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("delegation-of-today", &dc, STANDALONE);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP02"]);
    site.boot(&one, august(os).revision, moment(9, 5, 20, 0));
    site.succeed_often(&two, &one, moment(9, 10, 9, 0), 2, 60);
    for (day, hour, minute) in [(21, 8, 10), (21, 9, 30), (21, 10, 5), (21, 11, 2)] {
        site.fail(&one, &two, Fault::NoCredentials, moment(9, day, hour, minute));
    }
    // Added between the second and the third failure; the next morning it works.
    let (by, when) = (Admin::new("adm-keller", &domain, 1187), moment(9, 21, 9, 50));
    let before = Account::host(&one);
    let after = Account { changed: later(when, 4_090), ..delegating(&one, &[&two]) };
    site.change_delegation(&before, &after, &by, when);
    site.succeed(&one, &two, moment(9, 22, 7, 15));
    let accounts = [Account::controller(&dc), after, delegating(&two, &[&one])];
    let logs = [binary(&one, VMMS), xml(&one, SYSTEM), xml(&two, VMMS), xml(&dc, SECURITY)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "delegation-of-today",
            "The list of HV01 was filled after the first failures; moves failed for another hour, with older tickets, \
             and succeeded the next morning.",
            Expected {
                cause: "delegation-not-effective",
                levels: &["probable"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn credssp_under_guard() -> Incident {
    let domain = Domain::new("tailspin.local");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] = [("NODE-A", 1171), ("NODE-B", 1172)]
        .map(|(name, rid)| Machine::new(name, &domain, rid, Os::Server2022));
    // With CredSSP no domain controller is ever asked on someone's behalf.
    let mut site = Site::new("credssp-under-guard", &dc, Style { delegated: false, ..STANDALONE });
    site.place(&one, &["SQL21", "WEB22"]);
    site.place(&two, &["APP23", "APP24"]);
    site.boot(&one, july(Os::Server2022).revision, moment(8, 20, 19, 0));
    site.succeed_often(&one, &two, moment(8, 25, 9, 0), 3, 75);
    site.succeed_often(&two, &one, moment(8, 26, 9, 0), 3, 75);
    let upgraded = moment(9, 12, 10, 40);
    site.upgrade(&one, Os::Server2025, august(Os::Server2025).revision, upgraded);
    site.log(credential_guard_configured(&one, 2, true, later(upgraded, 9_800)));
    site.log(credential_guard_started(&one, later(upgraded, 9_900)));
    for (day, hour) in [(14, 8), (15, 9), (16, 13)] {
        site.fail(&one, &two, Fault::NoCredentials, moment(9, day, hour, 15));
    }
    // The other node was not upgraded yet.
    site.succeed(&two, &one, moment(9, 15, 11, 0));
    let now = Account {
        changed: moment(9, 12, 11, 3),
        ..Account::host(&Machine { os: Os::Server2025, ..one.clone() })
    };
    let accounts = [Account::controller(&dc), now, Account::host(&two)];
    let logs = [binary(&one, VMMS), xml(&one, SYSTEM), xml(&two, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::CredSsp)
        .incident(
            "credssp-under-guard",
            "Two hosts set to CredSSP; since the upgrade of one to 2025 Credential Guard runs there and keeps the \
             credentials, while moves from the other still work.",
            Expected {
                cause: "credssp-blocked",
                levels: &["confirmed"],
                pairs: &[(&one, &two)],
                triggers: vec![Trigger::new("os-upgrade", &one, upgraded)],
                ..Expected::default()
            },
        )
}

/// The object of a host that `new` replaced, kept and renamed, with the names of the new one.
fn retired(name: &str, new: &Machine, rid: u32) -> Account {
    let machine = Machine::new(name, &new.domain, rid, new.os);
    let spns = migration_spns(new).into_iter().chain(machine.spns("HOST")).collect();
    Account {
        spns,
        units: vec!["Retired".to_owned()],
        changed: moment(9, 9, 15, 30),
        ..Account::host(&machine)
    }
}

/// A move to `target` that fails since its names stand on two accounts.
fn fail_for_two_holders(site: &mut Site, dc: &Machine, (source, target): (&Machine, &Machine), day: i8) {
    let start = site.fail(source, target, Fault::WrongPrincipal, moment(9, day, 9, 35));
    let request = Request { dc, client: source, service: target, time: later(start, 1_600) };
    let [short, _] = migration_spns(target);
    site.log(ticket_refused(request, &short, 0x8));
    site.log(name_not_unique(dc, target, later(start, 1_604)));
}

pub(super) fn retired_host() -> Incident {
    let domain = Domain::new("woodgrove.net");
    let (os, dc) = (Os::Server2022, controller(&domain, Os::Server2022));
    let [one, two, three] = hosts(&domain, os);
    let mut site = Site::new("retired-host", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP02"]);
    site.place(&three, &["PRINT01"]);
    site.succeed_often(&two, &one, moment(9, 7, 9, 0), 2, 170);
    site.succeed_often(&one, &three, moment(9, 8, 9, 0), 2, 170);
    for day in [14, 16, 17] {
        fail_for_two_holders(&mut site, &dc, (&one, &two), day);
    }
    fail_for_two_holders(&mut site, &dc, (&three, &two), 15);
    let accounts = [
        Account::controller(&dc),
        delegating(&one, &[&two, &three]),
        delegating(&two, &[&one, &three]),
        delegating(&three, &[&one, &two]),
        retired("HV-OLD-7", &two, 1066),
        bystander("FILE01", &domain, 1131),
    ];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&two, VMMS),
        xml(&three, HIGH_AVAILABILITY),
        xml(&three, VMMS),
        xml(&dc, SECURITY),
        xml(&dc, SYSTEM),
    ];
    Draft::new(site, &logs)
        .file("ad/computers.ldf", ldifde(&accounts))
        .settings(&[&one, &two, &three], Authentication::Kerberos)
        .incident(
            "retired-host",
            "HV02 replaced a host whose object was kept, and got its migration SPNs without taking them away there: no \
             domain controller gives a ticket for a name on two accounts.",
            Expected {
                cause: "spn-duplicate",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&three, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn branch_without_controller() -> Incident {
    let domain = Domain::new("contoso.com");
    let (os, dc) = (Os::Server2019, controller(&domain, Os::Server2019));
    let [one, two] =
        [("BRANCH-HV1", 1181), ("BRANCH-HV2", 1182)].map(|(name, rid)| Machine::new(name, &domain, rid, os));
    let mut site = Site::new("branch-without-controller", &dc, STANDALONE);
    site.place(&one, &["FS11", "APP12"]);
    site.place(&two, &["PRINT13"]);
    site.update(&one, august(os), moment(9, 8, 20, 0));
    site.succeed_often(&one, &two, moment(9, 10, 9, 0), 3, 50);
    site.succeed_often(&two, &one, moment(9, 11, 9, 0), 2, 50);
    site.hum(&one, moment(9, 9, 4, 0), 4, 90);
    for (hour, minute) in [(7, 5), (7, 50), (8, 20)] {
        let start = site.fail(&one, &two, Fault::NoAuthority, moment(9, 21, hour, minute));
        site.log(no_logon_server(&one, later(start, -214_000)));
        site.log(kerberos_without_controller(&one, later(start, 1_400)));
    }
    site.log(policy_without_controller(&one, moment(9, 21, 7, 12)));
    site.succeed(&one, &two, moment(9, 21, 13, 0));
    let accounts = [Account::controller(&dc), Account::host(&one), Account::host(&two)];
    let logs = [binary(&one, VMMS), xml(&one, SYSTEM), xml(&one, KERBEROS), xml(&two, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "branch-without-controller",
            "On one morning the line of a branch was down and its hosts reached no domain controller; the lists are \
             empty, which the moves before and after did not mind.",
            Expected {
                cause: "dc-unreachable",
                levels: &["confirmed"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn across_the_trust() -> Incident {
    let (domain, other) = (Domain::new("contoso.com"), Domain::new("fabrikam.com"));
    let os = Os::Server2022;
    let dc = Machine::new("FDC01", &other, 1002, os);
    let one = Machine::new("HV01", &domain, 1104, os);
    let [two, three] =
        [("FHV11", 1211), ("FHV12", 1212)].map(|(name, rid)| Machine::new(name, &other, rid, os));
    let mut site = Site::new("across-the-trust", &dc, Style { delegated: false, ..STANDALONE });
    site.place(&one, &["SQL01", "WEB03", "WEB04", "APP01"]);
    site.place(&two, &["FS01"]);
    site.place(&three, &["APP02"]);
    site.succeed_often(&one, &two, moment(9, 2, 9, 0), 3, 70);
    for (day, hour) in [(14, 7), (14, 9), (15, 8)] {
        let start = site.fail(&one, &three, Fault::SelectiveAuthentication, moment(9, day, hour, 12));
        let request = Request { dc: &dc, client: &one, service: &three, time: later(start, 1_600) };
        site.log(ticket_refused(request, &three.account(), 0xc));
    }
    let own = [Account::host(&one).with(ANY_PROTOCOL)];
    let theirs = [
        Account::controller(&dc),
        Account::host(&two).trusting(&[&one]),
        Account::host(&three).trusting(&[&one]),
    ];
    let logs =
        [binary(&one, VMMS), xml(&one, SYSTEM), xml(&two, VMMS), xml(&three, VMMS), xml(&dc, SECURITY)];
    Draft::new(site, &logs)
        .directory(&domain, &own)
        .file("ad/fabrikam.ldif", ldapsearch(&other, &theirs, Requested::All))
        .settings(&[&one, &two, &three], Authentication::Kerberos)
        .incident(
            "across-the-trust",
            "A trust with selective authentication: HV01 may sign in at FHV11, and nobody allowed it at FHV12, which is \
             new. Resource-based delegation is there.",
            Expected {
                cause: "policy-restricted",
                levels: &["confirmed"],
                pairs: &[(&one, &three)],
                ..Expected::default()
            },
        )
}

pub(super) fn cloned_hosts() -> Incident {
    let domain = Domain::new("contoso.com");
    let (os, dc) = (Os::Server2025, controller(&domain, Os::Server2025));
    let [one, two] =
        [("CLONE-1", 1191), ("CLONE-2", 1192)].map(|(name, rid)| Machine::new(name, &domain, rid, os));
    let mut site = Site::new("cloned-hosts", &dc, Style { delegated: false, ..STANDALONE });
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP02"]);
    for (host, day) in [(&one, 11), (&two, 12)] {
        site.boot(host, july(os).revision, moment(8, 2, 20, 0));
        site.update(host, august(os), moment(9, day, 20, 0));
        site.hum(host, moment(9, 13, 14, 0), 3, 40);
    }
    site.succeed_often(&one, &two, moment(8, 20, 9, 0), 3, 150);
    site.succeed_often(&two, &one, moment(8, 21, 9, 0), 3, 150);
    for (source, target, day, hour) in
        [(&one, &two, 14, 7), (&two, &one, 14, 8), (&one, &two, 15, 13), (&two, &one, 16, 9)]
    {
        let start = site.fail(source, target, Fault::NoCredentials, moment(9, day, hour, 25));
        site.log(identity_refused(target, later(start, 1_702)));
    }
    let accounts = [Account::controller(&dc), delegating(&one, &[&two]), delegating(&two, &[&one])];
    let logs = [binary(&one, VMMS), xml(&one, SYSTEM), xml(&two, VMMS), xml(&two, SYSTEM)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "cloned-hosts",
            "Two hosts of 2025 were cloned from one disk; since an update each refuses the other, and says so at the \
             minute of every failure. Delegation is complete.",
            Expected {
                cause: "duplicate-sid",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                ..Expected::default()
            },
        )
}

pub(super) fn secure_channel() -> Incident {
    let domain = Domain::new("contoso.com");
    let (os, dc) = (Os::Server2019, controller(&domain, Os::Server2019));
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("secure-channel", &dc, STANDALONE);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01"]);
    site.succeed_often(&one, &two, moment(9, 2, 9, 0), 3, 70);
    site.succeed_often(&two, &one, moment(9, 3, 9, 0), 3, 70);
    for (day, hour) in [(21, 7), (21, 12), (22, 8)] {
        site.fail(&one, &two, Fault::LogonFailure, moment(9, day, hour, 40));
    }
    let accounts = [Account::controller(&dc), delegating(&one, &[&two]), delegating(&two, &[&one])];
    // Restored from a backup that is older than its password.
    let channel = "Flags: 0 \r\nTrusted DC Name  \r\nTrusted DC Connection Status Status = 5 0x5 ERROR_ACCESS_DENIED\r\n\
                   The command completed successfully\r\n";
    let logs = [binary(&one, VMMS), xml(&two, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .file("HV01/nltest-sc.txt", channel.as_bytes().to_vec())
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "secure-channel",
            "HV01 was restored from a backup that holds an older password; nltest shows that its domain no longer accepts \
             it.",
            Expected {
                cause: "account-unusable",
                levels: &["confirmed"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn three_faults() -> Incident {
    let domain = Domain::new("contoso.com");
    let (os, dc) = (Os::Server2022, controller(&domain, Os::Server2022));
    let [one, two, three] = hosts(&domain, os);
    let mut site = Site::new("three-faults", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "WEB03", "APP02"]);
    site.place(&two, &["FS01", "FS02", "APP06"]);
    site.place(&three, &["PRINT01", "APP05"]);
    site.succeed_often(&two, &one, moment(9, 1, 9, 0), 2, 60);
    site.succeed_often(&one, &three, moment(9, 2, 9, 0), 2, 60);
    for day in [9, 10, 11, 14] {
        site.fail(&three, &one, Fault::NoCredentials, moment(9, day, 9, 20));
    }
    for day in [10, 11, 15] {
        fail_for_two_holders(&mut site, &dc, (&one, &two), day);
    }
    for day in [10, 15] {
        site.fail(&two, &three, Fault::OutOfMemory, moment(9, day, 14, 5));
    }
    let accounts = [
        Account::controller(&dc),
        delegating(&one, &[&two, &three]),
        delegating(&two, &[&one, &three]),
        Account::host(&three),
        retired("HV-OLD-3", &two, 1066),
    ];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&two, HIGH_AVAILABILITY),
        xml(&two, VMMS),
        xml(&three, HIGH_AVAILABILITY),
        xml(&three, VMMS),
        Log { host: &three, channel: WORKER, form: Form::XmlUtf16 },
        xml(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two, &three], Authentication::Kerberos)
        .incident(
            "three-faults",
            "HV03 has no delegation, the names of HV02 stand on a retired host's object as well, and HV03 is short of \
             memory: three causes, each with a pair of its own.",
            Expected {
                cause: "kcd-missing",
                levels: &["confirmed"],
                pairs: &[(&three, &one)],
                also: &[("spn-duplicate", &[(&one, &two)]), ("memory-short", &[(&two, &three)])],
                ..Expected::default()
            },
        )
}
