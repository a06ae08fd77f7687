//! Incidents of delegation that the bundle can't prove, or that share the stage with another fault.

use super::delegation::delegating;
use super::{
    BY_ADMINISTRATORS, Draft, Expected, Incident, STANDALONE, august, binary, controller, hosts, xml,
};
use crate::scenario::events::system::{interface_failed, interface_unreachable, node_removed};
use crate::scenario::events::{Fault, HIGH_AVAILABILITY, SECURITY, SYSTEM, VMMS};
use crate::scenario::exports::culture::{Culture, Exporter};
use crate::scenario::exports::directory::{Account, Requested, Table, get_ad_computer, ldapsearch};
use crate::scenario::exports::host::Authentication;
use crate::scenario::exports::utf8_with_mark;
use crate::scenario::site::{Site, Style};
use crate::scenario::{Domain, Machine, Os, later, moment};

/// Two nodes whose moves succeed for some days and then fail both ways for want of delegation.
fn broken_pair(name: &str, one: &Machine, two: &Machine, dc: &Machine, style: Style) -> Site {
    let mut site = Site::new(name, dc, style);
    site.place(one, &["SQL01", "WEB03"]);
    site.place(two, &["FS01", "APP04"]);
    site.succeed_often(one, two, moment(9, 21, 7, 0), 3, 48);
    site.succeed_often(two, one, moment(9, 22, 8, 0), 3, 48);
    for (day, hour) in [(28, 6), (28, 12), (29, 7)] {
        site.fail(one, two, Fault::NoCredentials, moment(9, day, hour, 5));
        site.fail(two, one, Fault::NoCredentials, moment(9, day, hour, 25));
    }
    site
}

pub(super) fn no_directory_export() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2019);
    let [one, two] = hosts(&domain, Os::Server2019);
    let site = broken_pair("no-directory-export", &one, &two, &dc, BY_ADMINISTRATORS);
    let logs =
        [binary(&one, HIGH_AVAILABILITY), xml(&one, VMMS), xml(&two, HIGH_AVAILABILITY), xml(&two, VMMS)];
    Draft::new(site, &logs).incident(
        "no-directory-export",
        "The failures of classic-two-nodes, and nothing but the hosts' logs: neither the directory nor the hosts' \
         settings were sent, so CredSSP explains them as well.",
        Expected {
            cause: "kcd-missing",
            levels: &["possible", "inconclusive"],
            pairs: &[(&one, &two), (&two, &one)],
            gaps: &["directory-export", "host-export"],
            ..Expected::default()
        },
    )
}

pub(super) fn flattened_export() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two] = hosts(&domain, Os::Server2022);
    let site = broken_pair("flattened-export", &one, &two, &dc, BY_ADMINISTRATORS);
    let changed = |host| Account { changed: moment(9, 27, 20, 14), ..Account::host(host) };
    let accounts = [Account::controller(&dc), changed(&one), changed(&two)];
    let exporter = Exporter { ahead: -7, ..Exporter::default() };
    let table = Table { delimiter: ',', joined: false, exporter };
    let logs =
        [binary(&one, HIGH_AVAILABILITY), xml(&one, VMMS), xml(&two, HIGH_AVAILABILITY), xml(&two, VMMS)];
    Draft::new(site, &logs)
        .file("ad/computers.csv", utf8_with_mark(&get_ad_computer(&accounts, table)))
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "flattened-export",
            "The hosts use Kerberos, but PowerShell wrote the type's name where the delegation lists should be: \
             unknown, not empty.",
            Expected {
                cause: "kcd-missing",
                levels: &["probable", "possible"],
                pairs: &[(&one, &two), (&two, &one)],
                gaps: &["delegation-attributes"],
                ..Expected::default()
            },
        )
}

pub(super) fn bare_21502() -> Incident {
    let domain = Domain::new("woodgrove.net");
    let dc = controller(&domain, Os::Server2019);
    let [one, two] = hosts(&domain, Os::Server2019);
    let mut site = Site::new("bare-21502", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "WEB03"]);
    for (day, hour) in [(14, 9), (14, 17), (16, 8)] {
        site.fail(&one, &two, Fault::AccessDenied, moment(9, day, hour, 12));
    }
    let accounts = [Account::controller(&dc), Account::host(&one), Account::host(&two)];
    let asked = [
        "cn",
        "dNSHostName",
        "sAMAccountName",
        "objectSid",
        "userAccountControl",
        "servicePrincipalName",
        "msDS-AllowedToDelegateTo",
        "msDS-AllowedToActOnBehalfOfOtherIdentity",
    ];
    Draft::new(site, &[binary(&one, HIGH_AVAILABILITY)])
        .file("ad/computers.ldif", ldapsearch(&domain, &accounts, Requested::These(&asked)))
        .incident(
            "bare-21502",
            "Only 21502 with 0x80070005, which means anything; delegation is missing in the directory, and how the \
             hosts authenticate is not known.",
            Expected {
                cause: "kcd-missing",
                levels: &["possible"],
                pairs: &[(&one, &two)],
                gaps: &["host-export"],
                ..Expected::default()
            },
        )
}

pub(super) fn credssp_host() -> Incident {
    let domain = Domain::new("contoso.com");
    let os = Os::Server2022;
    let dc = controller(&domain, os);
    let [one, two] = hosts(&domain, os);
    // With CredSSP no domain controller is ever asked on someone's behalf.
    let site = broken_pair("credssp-host", &one, &two, &dc, Style { delegated: false, ..STANDALONE });
    let accounts = [Account::controller(&dc), Account::host(&one), Account::host(&two)];
    Draft::new(site, &[binary(&one, VMMS), xml(&two, VMMS)])
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::CredSsp)
        .updates(&one, august(os), (8, 29), Culture::American)
        .incident(
            "credssp-host",
            "0x8009030E and no delegation, yet delegation is irrelevant: both hosts are set to CredSSP, and nobody \
             was signed in on the source.",
            Expected {
                cause: "credssp-blocked",
                levels: &["probable", "possible"],
                pairs: &[(&one, &two), (&two, &one)],
                ..Expected::default()
            },
        )
}

pub(super) fn two_faults() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let [one, two, three] = hosts(&domain, Os::Server2022);
    let mut site = Site::new("two-faults", &dc, BY_ADMINISTRATORS);
    site.place(&one, &["SQL01", "SQL02", "WEB03", "WEB04"]);
    site.place(&two, &["FS01"]);
    site.place(&three, &["APP05", "APP06"]);
    site.succeed_often(&one, &two, moment(9, 1, 8, 0), 3, 47);
    site.succeed_often(&one, &three, moment(9, 2, 9, 0), 2, 70);
    site.succeed_often(&two, &one, moment(9, 3, 10, 0), 2, 70);
    for day in [9, 10, 11, 14, 15] {
        site.fail(&three, &one, Fault::NoCredentials, moment(9, day, 9, 20));
    }
    let network = "Migration 10.30.0.0";
    for (day, hour, fault) in [(10, 14, Fault::TimedOut), (10, 15, Fault::Refused), (11, 10, Fault::TimedOut)]
    {
        let start = site.fail(&one, &two, fault, moment(9, day, hour, 40));
        site.log(interface_failed(&one, &two, network, later(start, -41_000)));
        site.log(interface_unreachable(&two, &two, network, later(start, -40_200)));
        site.log(node_removed(&one, &two, later(start, -12_500)));
    }
    let accounts = [
        Account::controller(&dc),
        delegating(&one, &[&two, &three]),
        delegating(&two, &[&one, &three]),
        Account::host(&three),
    ];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&one, SYSTEM),
        xml(&two, SYSTEM),
        xml(&two, VMMS),
        xml(&three, HIGH_AVAILABILITY),
        xml(&three, VMMS),
        xml(&dc, SECURITY),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two, &three], Authentication::Kerberos)
        .incident(
            "two-faults",
            "HV03 has no delegation at all, and in the same days the network between HV01 and HV02 breaks: two \
             causes, each with pairs of its own.",
            Expected {
                cause: "kcd-missing",
                levels: &["confirmed"],
                pairs: &[(&three, &one)],
                also: &[("network-unreachable", &[(&one, &two)])],
                ..Expected::default()
            },
        )
}
