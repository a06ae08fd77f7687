//! Incidents of which the failing component states the cause itself.

use jiff::Timestamp;

use super::delegation::delegating;
use super::{
    BY_CLUSTER, Draft, Expected, Incident, STANDALONE, august, binary, controller, hosts, july, xml,
};
use crate::scenario::events::hyper_v::listener_disabled as disabled;
use crate::scenario::events::{Fault, HIGH_AVAILABILITY, SYSTEM, VMMS, WORKER};
use crate::scenario::exports::culture::Culture;
use crate::scenario::exports::directory::Account;
use crate::scenario::exports::host::Authentication;
use crate::scenario::site::{Form, Log, Site};
use crate::scenario::{Domain, Machine, Os, later, moment};

fn with_messages<'a>(host: &'a Machine, channel: &'a str) -> Log<'a> {
    Log { host, channel, form: Form::XmlWithMessages }
}

/// A machine moves, and back some hours later, `count` times.
fn there_and_back(site: &mut Site, one: &Machine, two: &Machine, first: Timestamp, count: u32) {
    site.succeed_often(one, two, first, count, 50);
    site.succeed_often(two, one, later(first, 6 * 3_600_000), count, 50);
}

pub(super) fn user_right_missing() -> Incident {
    let domain = Domain::new("contoso.com");
    let os = Os::Server2019;
    let dc = controller(&domain, os);
    let [one, two, three] = hosts(&domain, os);
    let mut site = Site::new("user-right-missing", &dc, BY_CLUSTER);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP02"]);
    site.place(&three, &["PRINT01"]);
    there_and_back(&mut site, &one, &three, moment(9, 7, 8, 0), 2);
    there_and_back(&mut site, &two, &three, moment(9, 8, 9, 0), 2);
    site.update(&three, august(os), moment(9, 12, 19, 0));
    for (source, day, hour) in [(&one, 14, 7), (&two, 14, 9), (&one, 15, 8)] {
        site.fail(source, &three, Fault::UserRight, moment(9, day, hour, 20));
    }
    site.succeed(&one, &two, moment(9, 15, 13, 0));
    // Nothing here ever moved by delegation.
    let accounts =
        [Account::controller(&dc), Account::host(&one), Account::host(&two), Account::host(&three)];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&two, HIGH_AVAILABILITY),
        xml(&two, VMMS),
        xml(&three, VMMS),
        xml(&three, SYSTEM),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two, &three], Authentication::Kerberos)
        .updates(&three, august(os), (9, 12), Culture::American)
        .incident(
            "user-right-missing",
            "A policy took the right to log on as a service from the virtual machines on HV03; an update in the same days \
             and delegation that nobody needed have nothing to do with it.",
            Expected {
                cause: "user-right-missing",
                levels: &["confirmed"],
                pairs: &[(&one, &three), (&two, &three)],
                ..Expected::default()
            },
        )
}

pub(super) fn name_resolution() -> Incident {
    let domain = Domain::new("fabrikam.com");
    let os = Os::Server2022;
    let dc = controller(&domain, os);
    let [one, two, three] = hosts(&domain, os);
    let mut site = Site::new("name-resolution", &dc, STANDALONE);
    site.place(&one, &["SQL01", "WEB03", "APP02"]);
    site.place(&two, &["FS01"]);
    there_and_back(&mut site, &one, &three, moment(9, 1, 8, 0), 2);
    there_and_back(&mut site, &two, &one, moment(9, 2, 7, 0), 2);
    for (day, hour) in [(10, 8), (10, 9), (11, 7)] {
        site.fail(&one, &three, Fault::UnknownName, moment(9, day, hour, 41));
    }
    site.succeed(&one, &two, moment(9, 11, 12, 0));
    let accounts = [
        Account::controller(&dc),
        delegating(&one, &[&two, &three]),
        delegating(&two, &[&one, &three]),
        delegating(&three, &[&one, &two]),
    ];
    let logs = [binary(&one, VMMS), xml(&two, VMMS), xml(&three, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two, &three], Authentication::Kerberos)
        .incident(
            "name-resolution",
            "Three hosts without a cluster. HV01 asks a resolver that does not know HV03; it still reaches HV02.",
            Expected {
                cause: "name-resolution",
                levels: &["probable"],
                pairs: &[(&one, &three)],
                ..Expected::default()
            },
        )
}

pub(super) fn migration_limit() -> Incident {
    let domain = Domain::new("contoso.com");
    let os = Os::Server2022;
    let dc = controller(&domain, os);
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("migration-limit", &dc, BY_CLUSTER);
    site.place(&one, &["SQL01", "SQL02", "WEB03", "APP02", "APP03"]);
    site.place(&two, &["FS01"]);
    there_and_back(&mut site, &one, &two, moment(9, 1, 8, 0), 3);
    // A drain: two machines may move at once, the others are refused.
    let drain = moment(9, 16, 18, 30);
    site.succeed(&one, &two, drain);
    site.succeed(&one, &two, later(drain, 2_000));
    for at in 0..3 {
        site.fail(&one, &two, Fault::LimitReached, later(drain, 300_000 + at * 4_000));
    }
    let accounts = [Account::controller(&dc), Account::host(&one), Account::host(&two)];
    let logs = [binary(&one, HIGH_AVAILABILITY), xml(&one, VMMS), xml(&two, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::CredSsp)
        .incident(
            "migration-limit",
            "HV01 is drained: two machines move, the next three are refused because the limit is reached (21501).",
            Expected {
                cause: "migration-limit",
                levels: &["probable"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn configuration_version() -> Incident {
    let domain = Domain::new("contoso.com");
    let dc = controller(&domain, Os::Server2022);
    let host = |number: u32, os| Machine::new(&format!("HV{number:02}"), &domain, 1103 + number, os);
    let (one, two) = (host(1, Os::Server2025), host(2, Os::Server2025));
    let old = host(3, Os::Server2022);
    let mut site = Site::new("configuration-version", &dc, BY_CLUSTER);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01"]);
    site.place(&old, &["PRINT01", "APP02"]);
    there_and_back(&mut site, &one, &two, moment(9, 1, 8, 0), 2);
    site.succeed(&old, &one, moment(9, 6, 8, 0));
    site.succeed(&old, &two, moment(9, 6, 9, 0));
    for (source, hour) in [(&one, 8), (&two, 10), (&one, 15)] {
        site.fail(source, &old, Fault::OldVersion, moment(9, 21, hour, 5));
    }
    site.succeed(&one, &two, moment(9, 22, 8, 0));
    let accounts = [
        Account::controller(&dc),
        delegating(&one, &[&two, &old]),
        delegating(&two, &[&one, &old]),
        delegating(&old, &[&one, &two]),
    ];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&two, HIGH_AVAILABILITY),
        xml(&two, VMMS),
        xml(&old, VMMS),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two, &old], Authentication::Kerberos)
        .incident(
            "configuration-version",
            "A cluster half way through its upgrade: machines whose version was updated can't go back to HV03, which says \
             so by 10698.",
            Expected {
                cause: "configuration-version",
                levels: &["probable"],
                pairs: &[(&one, &old), (&two, &old)],
                ..Expected::default()
            },
        )
}

pub(super) fn registration_failed() -> Incident {
    let domain = Domain::new("contoso.com");
    let os = Os::Server2019;
    let dc = controller(&domain, os);
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("registration-failed", &dc, BY_CLUSTER);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01", "APP02"]);
    there_and_back(&mut site, &two, &one, moment(9, 1, 8, 0), 3);
    for (day, hour) in [(9, 8), (9, 14), (10, 7), (11, 9)] {
        site.fail(&one, &two, Fault::NotRegistered, moment(9, day, hour, 12));
    }
    let accounts = [Account::controller(&dc), Account::host(&one), Account::host(&two)];
    let logs = [binary(&one, HIGH_AVAILABILITY), xml(&one, VMMS), with_messages(&two, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .updates(&one, july(os), (7, 18), Culture::German)
        .incident(
            "registration-failed",
            "Moves to HV02 fail at their very end: it has no drive E:, where the configurations lie on HV01. Nobody \
             configured delegation, and nobody needed it.",
            Expected {
                cause: "registration-failed",
                levels: &["confirmed"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn key_protector() -> Incident {
    let domain = Domain::new("fabrikam.com");
    let os = Os::Server2025;
    let dc = controller(&domain, os);
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("key-protector", &dc, STANDALONE);
    site.place(&one, &["WEB03", "APP02", "DC03"]);
    site.place(&two, &["FS01"]);
    there_and_back(&mut site, &one, &two, moment(9, 2, 8, 0), 3);
    for (day, hour) in [(14, 8), (15, 11), (17, 9)] {
        site.fail(&one, &two, Fault::KeyProtector, moment(9, day, hour, 30));
    }
    site.succeed(&two, &one, moment(9, 16, 10, 0));
    let accounts = [Account::controller(&dc), delegating(&one, &[&two]), delegating(&two, &[&one])];
    let logs = [xml(&one, VMMS), with_messages(&two, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "key-protector",
            "HV02 was set up anew and lacks the guardian's certificates, so it can't open the virtual TPMs of the machines \
             on HV01; delegation is complete.",
            Expected {
                cause: "key-protector",
                levels: &["probable"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn listener_disabled() -> Incident {
    let domain = Domain::new("contoso.com");
    let os = Os::Server2022;
    let dc = controller(&domain, os);
    let [one, two, three] = hosts(&domain, os);
    let mut site = Site::new("listener-disabled", &dc, STANDALONE);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01"]);
    site.place(&three, &["APP02", "APP03"]);
    there_and_back(&mut site, &one, &two, moment(9, 1, 8, 0), 2);
    there_and_back(&mut site, &three, &two, moment(9, 2, 9, 0), 2);
    site.log(disabled(&two, moment(9, 18, 4, 52)));
    for (source, day, hour) in [(&one, 18, 7), (&three, 18, 8), (&one, 18, 13), (&three, 21, 9)] {
        site.fail(source, &two, Fault::ListenerOff, moment(9, day, hour, 17));
    }
    site.succeed(&one, &three, moment(9, 21, 10, 0));
    let accounts = [
        Account::controller(&dc),
        delegating(&one, &[&two, &three]),
        delegating(&two, &[&one, &three]),
        delegating(&three, &[&one, &two]),
    ];
    let logs = [binary(&one, VMMS), with_messages(&two, VMMS), xml(&three, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &three], Authentication::Kerberos)
        .switched_off(&two, Authentication::Kerberos)
        .incident(
            "listener-disabled",
            "Live migration was switched off on HV02 in the night. The others see a refused connection, which looks like a \
             firewall; HV02 says what it was.",
            Expected {
                cause: "listener-disabled",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&three, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn owner_restricted() -> Incident {
    let domain = Domain::new("contoso.com");
    let os = Os::Server2022;
    let dc = controller(&domain, os);
    let [one, two] = hosts(&domain, os);
    let mut site = Site::new("owner-restricted", &dc, BY_CLUSTER);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01"]);
    there_and_back(&mut site, &one, &two, moment(9, 1, 8, 0), 2);
    for (day, hour) in [(8, 7), (8, 12), (9, 7)] {
        site.fail(&one, &two, Fault::NotOwner, moment(9, day, hour, 3));
    }
    let accounts = [Account::controller(&dc), Account::host(&one), Account::host(&two)];
    let logs = [xml(&one, HIGH_AVAILABILITY), xml(&one, VMMS), xml(&two, VMMS)];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two], Authentication::Kerberos)
        .incident(
            "owner-restricted",
            "Someone took HV02 off the possible owners. The cluster refuses by itself, so Hyper-V logs nothing, and one \
             log alone tells.",
            Expected {
                cause: "owner-restricted",
                levels: &["probable"],
                pairs: &[(&one, &two)],
                ..Expected::default()
            },
        )
}

pub(super) fn image_attached() -> Incident {
    let domain = Domain::new("contoso.com");
    let os = Os::Server2019;
    let dc = controller(&domain, os);
    let [one, two, three] = hosts(&domain, os);
    let mut site = Site::new("image-attached", &dc, BY_CLUSTER);
    site.place(&one, &["SQL01", "WEB03"]);
    site.place(&two, &["FS01"]);
    site.place(&three, &["APP02"]);
    there_and_back(&mut site, &one, &two, moment(9, 1, 8, 0), 2);
    there_and_back(&mut site, &three, &one, moment(9, 2, 9, 0), 2);
    for (target, hour) in [(&two, 8), (&three, 9), (&two, 16)] {
        site.fail(&one, target, Fault::MissingMedia, moment(9, 24, hour, 44));
    }
    site.succeed(&two, &three, moment(9, 24, 12, 0));
    let accounts =
        [Account::controller(&dc), Account::host(&one), Account::host(&two), Account::host(&three)];
    let logs = [
        binary(&one, HIGH_AVAILABILITY),
        xml(&one, VMMS),
        xml(&two, VMMS),
        xml(&two, WORKER),
        xml(&three, VMMS),
        xml(&three, WORKER),
    ];
    Draft::new(site, &logs)
        .directory(&domain, &accounts)
        .settings(&[&one, &two, &three], Authentication::Kerberos)
        .incident(
            "image-attached",
            "An installation image was left in the virtual drives of the machines on HV01; wherever they should go, it \
             can't be opened.",
            Expected {
                cause: "storage-failure",
                levels: &["confirmed"],
                pairs: &[(&one, &two), (&one, &three)],
                ..Expected::default()
            },
        )
}
