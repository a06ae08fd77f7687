//! Faults of Kerberos and accounts.

use super::components::HEALTHY;
use super::{BY_USERS, CLUSTERED, Failure, Hit, Plot, Reach};
use crate::fact::Spn;
use crate::scenario::bundles::Trigger;
use crate::scenario::events::Fault;
use crate::scenario::events::hyper_v::spn_not_registered;
use crate::scenario::events::security::{Request, preauthentication_failed, sign_in_refused, ticket_refused};
use crate::scenario::events::system::{
    clock_change_refused, clock_unsynchronised, identity_refused, kerberos_without_controller,
    name_not_unique, no_logon_server, secure_channel_broken,
};
use crate::scenario::exports::directory::{ANY_PROTOCOL, Account, DISABLED, migration_spns};
use crate::scenario::simulation::world::{Kind, World};
use crate::scenario::{Dice, Machine, Os, later};

const HOUR: i64 = 3_600_000;

pub(super) const PLOTS: &[Plot] = &[
    Plot {
        cause: "clock-skew",
        weight: 6,
        kinds: BY_USERS,
        reach: Reach::Target,
        faults: &[Fault::ClockSkew],
        set: clock,
        beside: skewed,
        ..HEALTHY
    },
    Plot {
        cause: "spn-missing",
        weight: 6,
        kinds: BY_USERS,
        reach: Reach::Target,
        worked: 0.6,
        faults: &[Fault::UnknownTarget],
        set: unregistered,
        ..HEALTHY
    },
    Plot {
        cause: "account-unusable",
        weight: 6,
        kinds: CLUSTERED,
        reach: Reach::Source,
        worked: 0.8,
        faults: &[Fault::LogonFailure],
        set: disabled,
        beside: revoked,
        ..HEALTHY
    },
    Plot {
        cause: "spn-duplicate",
        weight: 5,
        kinds: BY_USERS,
        reach: Reach::Target,
        worked: 0.7,
        faults: &[Fault::WrongPrincipal],
        set: held_twice,
        beside: not_unique,
        ..HEALTHY
    },
    Plot {
        cause: "dc-unreachable",
        weight: 5,
        kinds: BY_USERS,
        reach: Reach::Source,
        faults: &[Fault::NoAuthority],
        beside: no_controller,
        ..HEALTHY
    },
    Plot {
        cause: "policy-restricted",
        weight: 4,
        kinds: BY_USERS,
        reach: Reach::Target,
        worked: 0.4,
        faults: &[Fault::SelectiveAuthentication],
        beside: not_allowed,
        ..HEALTHY
    },
    Plot {
        cause: "duplicate-sid",
        weight: 4,
        kinds: &[Kind::Cluster],
        os: Some(Os::Server2025),
        reach: Reach::Both,
        faults: &[Fault::NoCredentials],
        set: granted,
        beside: same_machine,
        ..HEALTHY
    },
];

/// The names of the target stand on the object of the host that it replaced as well.
fn held_twice(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    let new = world.host(hit.at).clone();
    let old = Machine::new("OLD-HOST-7", &new.domain, 1066, new.os);
    let spns = migration_spns(&new).into_iter().chain(old.spns("HOST")).collect();
    let changed = later(world.since, -HOUR);
    world.others.push(Account { spns, units: vec!["Retired".to_owned()], changed, ..Account::host(&old) });
    Vec::new()
}

fn not_unique(world: &mut World, failure: &Failure, _: &mut Dice) {
    if failure.witnessed {
        let dc = world.controller.clone();
        let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
        let request =
            Request { dc: &dc, client: &source, service: &target, time: later(failure.start, 1_600) };
        let [short, _] = migration_spns(&target);
        world.site.log(ticket_refused(request, &short, 0x8));
        world.site.log(name_not_unique(&dc, &target, later(failure.start, 1_604)));
    }
}

fn no_controller(world: &mut World, failure: &Failure, dice: &mut Dice) {
    let source = world.host(failure.source).clone();
    if failure.witnessed {
        world.site.log(kerberos_without_controller(&source, later(failure.start, 1_400)));
    }
    if dice.chance(0.6) {
        world.site.log(no_logon_server(&source, later(failure.start, -214_000)));
    }
}

fn not_allowed(world: &mut World, failure: &Failure, _: &mut Dice) {
    if failure.witnessed {
        let dc = world.controller.clone();
        let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
        let request =
            Request { dc: &dc, client: &source, service: &target, time: later(failure.start, 1_600) };
        world.site.log(ticket_refused(request, &target.account(), 0xc));
    }
}

/// Delegation is in place: it is not the reason.
fn granted(world: &mut World, _: &Hit, _: &mut Dice) -> Vec<Trigger> {
    let hosts = world.hosts.clone();
    for at in 0..hosts.len() {
        world.was_always(at, |account| {
            let own = account.machine.name.clone();
            let others: Vec<&Machine> = hosts.iter().filter(|host| host.name != own).collect();
            account.list.clear();
            *account = account.clone().migrating_to(&others).with(ANY_PROTOCOL);
        });
    }
    Vec::new()
}

fn same_machine(world: &mut World, failure: &Failure, _: &mut Dice) {
    let target = world.host(failure.target).clone();
    world.site.log(identity_refused(&target, later(failure.start, 1_702)));
}

/// A clock that is wrong since a restart, and by more than Kerberos allows.
fn clock(world: &mut World, hit: &Hit, dice: &mut Dice) -> Vec<Trigger> {
    let (host, since) = (world.host(hit.at).clone(), world.since);
    let minutes = dice.span(7, 55) * if dice.chance(0.5) { 1 } else { -1 };
    world.site.set_clock_wrong(&host, since, minutes * 60_000);
    let [first, _] = world.season.updates(host.os);
    world.site.boot(&host, first.revision, later(since, 4_000));
    let mut time = later(since, dice.span(5, 15) * 60_000);
    while time < world.end {
        world.site.log(clock_change_refused(&host, -60 * minutes, 300, time));
        world.site.log(clock_unsynchronised(&host, 86_400, later(time, 60)));
        time = later(time, dice.span(4 * HOUR, 9 * HOUR));
    }
    vec![Trigger::new("time", &host, since)]
}

fn skewed(world: &mut World, failure: &Failure, _: &mut Dice) {
    if failure.witnessed {
        let (dc, target) = (world.controller.clone(), world.host(failure.target).clone());
        world.site.log(preauthentication_failed(&dc, &target, 0x25, later(failure.start, 700)));
    }
}

/// The target could not register its service.
fn unregistered(world: &mut World, hit: &Hit, dice: &mut Dice) -> Vec<Trigger> {
    let (host, since) = (world.host(hit.at).clone(), world.since);
    world.was_always(hit.at, |account| {
        account.spns.retain(|spn| Spn::migration_host(spn).is_none());
        account.changed = later(since, -HOUR);
    });
    if dice.chance(0.7) {
        let class = "Microsoft Virtual System Migration Service";
        world.site.log(spn_not_registered(&host, class, later(since, 240_000)));
        world.site.log(spn_not_registered(&host, class, later(since, 240_000 + HOUR)));
    }
    Vec::new()
}

/// Somebody disabled the host's computer account.
fn disabled(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    let since = world.since;
    world.change(hit.at, since, |account| account.control |= DISABLED).into_iter().collect()
}

/// KDC_ERR_CLIENT_REVOKED at the domain controller, and the secure channel on the host itself.
fn revoked(world: &mut World, failure: &Failure, dice: &mut Dice) {
    let (dc, source) = (world.controller.clone(), world.host(failure.source).clone());
    if failure.witnessed {
        world.site.log(sign_in_refused(&dc, &source, 0x12, later(failure.start, 1_500)));
    }
    if dice.chance(0.5) {
        world.site.log(secure_channel_broken(&source, &dc, later(failure.start, -610_000)));
    }
}
