//! Incidents in which a hardening or a faulty update on domain controllers decides.

use jiff::Timestamp;

use super::delegation::delegating;
use super::{Draft, Expected, Incident, STANDALONE, Trigger, august, controller, hosts, xml};
use crate::scenario::events::kdc::{no_key, signature_missing, signature_refused};
use crate::scenario::events::security::{Request, ticket_refused};
use crate::scenario::events::system::{log_started, started, stopped, update_installed, update_started};
use crate::scenario::events::{Fault, SECURITY, SYSTEM, VMMS};
use crate::scenario::exports::directory::Account;
use crate::scenario::exports::host::Authentication;
use crate::scenario::site::{Site, Style};
use crate::scenario::{Domain, Machine, Os, later, moment};

/// A start of a domain controller on a revision of its build.
fn boot(site: &mut Site, dc: &Machine, revision: u32, time: Timestamp) {
    site.log(started(dc, dc.os, revision, time));
    site.log(log_started(dc, later(time, 11_300)));
}

/// Since a policy one host allows only RC4 and the other only AES.
pub(super) fn encryption_mismatch() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2019);
    let [one, two] = hosts(&domain, Os::Server2022);
    let mut site = Site::new("encryption-mismatch", &dc, Style { delegated: false, ..STANDALONE });
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01"]);
    boot(&mut site, &dc, august(dc.os).revision, moment(8, 20, 19, 2));
    site.hum_of_controller(&[&one, &two], moment(9, 10, 6, 0), 4, 60);
    site.succeed_often(&one, &two, moment(9, 10, 8, 0), 3, 47);
    site.succeed_often(&two, &one, moment(9, 11, 9, 0), 3, 47);
    for (hour, source, target) in [(7, &one, &two), (9, &two, &one), (13, &one, &two), (15, &two, &one)] {
        let start = site.fail(source, target, Fault::UnknownEncryption, moment(9, 18, hour, 20));
        let request = Request { dc: &dc, client: source, service: target, time: later(start, 1_640) };
        site.log(ticket_refused(request, &target.account(), 0xe));
        let (requested, available) =
            if target.name == two.name { ("18, 17", "23") } else { ("23", "18, 17") };
        site.log(no_key(&dc, target, requested, available, later(start, 1_652)));
    }
    // No moves succeed after: the hum shows that the log goes on.
    site.hum_of_controller(&[&one, &two], moment(9, 19, 6, 0), 2, 30);
    let accounts = [
        Account::controller(&dc),
        Account { encryption: 0x18, ..delegating(&one, &[&two]) },
        Account { encryption: 0x4, ..delegating(&two, &[&one]) },
    ];
    let logs = [xml(&one, VMMS), xml(&two, VMMS), xml(&dc, SECURITY), xml(&dc, SYSTEM)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "encryption-mismatch",
            "HV01 uses only AES, HV02 only RC4, so the domain controller finds no common encryption type in either \
             direction; delegation is complete.",
            Expected {
                cause: "encryption-mismatch",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                ..Expected::default()
            },
        )
}

/// One of two domain controllers jumps years of updates; the other stays where it was.
pub(super) fn controllers_apart() -> Incident {
    let domain = Domain::new("fabrikam.com");
    let dc = controller(&domain, Os::Server2019);
    let old = Machine::new("DC02", &domain, 1002, Os::Server2019);
    let [one, two] = hosts(&domain, Os::Server2022);
    let mut site = Site::new("controllers-apart", &dc, Style { delegated: false, ..STANDALONE });
    site.place(&one, &["SQL01", "WEB03", "APP02"]);
    site.place(&two, &["FS01", "ERP04"]);
    // April 2023: it signs tickets and does not insist. September 2022: it does not sign yet.
    boot(&mut site, &dc, 4252, moment(8, 9, 19, 2));
    boot(&mut site, &old, 3406, moment(8, 9, 20, 12));
    site.hum_of_controller(&[&one, &two], moment(9, 5, 6, 0), 6, 48);
    site.succeed_often(&one, &two, moment(9, 6, 8, 0), 5, 47);
    site.succeed_often(&two, &one, moment(9, 7, 9, 0), 5, 47);
    let (update, when) = (august(dc.os), moment(9, 18, 20, 30));
    site.log(update_started(&dc, update, when));
    site.log(stopped(&dc, later(when, 1_020_400)));
    boot(&mut site, &dc, update.revision, later(when, 1_201_700));
    site.log(update_installed(&dc, update, later(when, 1_391_600)));
    for (day, hour, source, target) in
        [(19, 7, &one, &two), (19, 9, &two, &one), (21, 8, &one, &two), (22, 15, &two, &one)]
    {
        let start = site.fail(source, target, Fault::NoCredentials, moment(9, day, hour, 20));
        let request = Request { dc: &dc, client: source, service: target, time: later(start, 1_640) };
        site.log(ticket_refused(request, &target.account(), 0x14));
        site.log(signature_missing(&dc, source, later(start, 1_652)));
    }
    site.hum_of_controller(&[&one, &two], moment(9, 23, 6, 0), 2, 30);
    let accounts = [
        Account::controller(&dc),
        Account::controller(&old),
        delegating(&one, &[&two]),
        delegating(&two, &[&one]),
    ];
    let logs = [xml(&one, VMMS), xml(&two, VMMS), xml(&dc, SECURITY), xml(&dc, SYSTEM), xml(&old, SYSTEM)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "controllers-apart",
            "DC01 jumped from April 2023 to August 2026 and insists on signatures that DC02, still at September 2022, \
             does not make.",
            Expected {
                cause: "ticket-validation",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                triggers: vec![Trigger::update(update, &dc, later(when, 1_201_700))],
                ..Expected::default()
            },
        )
}

/// The only domain controller was restored from an image of November 2021.
pub(super) fn controller_faulty() -> Incident {
    let domain = Domain::new("tailspin.local");
    let dc = controller(&domain, Os::Server2019);
    let [one, two] = hosts(&domain, Os::Server2022);
    let mut site = Site::new("controller-faulty", &dc, STANDALONE);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01"]);
    boot(&mut site, &dc, august(dc.os).revision, moment(8, 14, 19, 2));
    site.hum_of_controller(&[&one, &two], moment(9, 5, 6, 0), 4, 48);
    site.succeed_often(&one, &two, moment(9, 6, 8, 0), 3, 47);
    site.succeed_often(&two, &one, moment(9, 7, 9, 0), 3, 47);
    // Out of the image it starts on the build of 2021-11-09, which out-of-band updates mended days later.
    boot(&mut site, &dc, 2300, moment(9, 15, 22, 41));
    for (day, hour, source, target) in
        [(16, 7, &one, &two), (16, 9, &two, &one), (17, 8, &one, &two), (17, 15, &two, &one)]
    {
        let start = site.fail(source, target, Fault::NoCredentials, moment(9, day, hour, 20));
        site.log(signature_refused(&dc, source, later(start, 1_601)));
    }
    site.hum_of_controller(&[&one, &two], moment(9, 18, 6, 0), 2, 30);
    let accounts = [Account::controller(&dc), delegating(&one, &[&two]), delegating(&two, &[&one])];
    let logs = [xml(&one, VMMS), xml(&two, VMMS), xml(&dc, SECURITY), xml(&dc, SYSTEM)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "controller-faulty",
            "The domain controller was restored from an image of November 2021, whose build breaks delegation by \
             protocol transition; delegation is complete.",
            Expected {
                cause: "kdc-regression",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&two, &one)],
                ..Expected::default()
            },
        )
}
