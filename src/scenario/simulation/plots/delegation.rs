//! Faults of delegation.

use super::components::{BROKEN_AT_SOURCE, HEALTHY};
use super::{BY_USERS, Failure, Hit, Plot, Reach};
use crate::scenario::bundles::Trigger;
use crate::scenario::events::Fault;
use crate::scenario::events::system::{
    credential_guard_configured, credential_guard_started, kerberos_refusal, unconstrained_refused,
};
use crate::scenario::exports::directory::{ANY_PROTOCOL, Account, UNCONSTRAINED, migration_spns};
use crate::scenario::simulation::world::{Kind, World};
use crate::scenario::{Dice, Machine, Os, later};

const NEEDED: &[Kind] = &[Kind::Administrators, Kind::Standalone, Kind::TwoClusters];

pub(super) const PLOTS: &[Plot] = &[
    Plot {
        cause: "kcd-missing",
        weight: 12,
        kinds: NEEDED,
        reach: Reach::Source,
        worked: 0.6,
        faults: &[Fault::NoCredentials],
        set: lose_everything,
        beside: list_is_empty,
        ..HEALTHY
    },
    Plot {
        cause: "kcd-incomplete",
        weight: 8,
        kinds: NEEDED,
        reach: Reach::Pair,
        worked: 0.5,
        faults: &[Fault::NoCredentials],
        set: lose_one,
        beside: not_on_the_list,
        ..HEALTHY
    },
    Plot {
        cause: "kcd-kerberos-only",
        weight: 6,
        kinds: BY_USERS,
        reach: Reach::Source,
        worked: 0.5,
        faults: &[Fault::NoCredentials],
        set: lose_transition,
        beside: not_on_the_list,
        ..HEALTHY
    },
    Plot {
        cause: "unconstrained-blocked",
        weight: 5,
        kinds: &[Kind::Standalone],
        upgrades: true,
        reach: Reach::Source,
        faults: &[Fault::NoCredentials],
        set: upgrade,
        beside: guard_refuses,
        ..HEALTHY
    },
    Plot {
        cause: "credssp-blocked",
        weight: 6,
        kinds: &[Kind::CredSsp],
        reach: Reach::Source,
        worked: 0.7,
        faults: &[Fault::NoCredentials],
        ..HEALTHY
    },
    Plot {
        cause: "credssp-blocked",
        weight: 2,
        kinds: &[Kind::CredSsp],
        upgrades: true,
        set: guard,
        ..BROKEN_AT_SOURCE
    },
    Plot {
        cause: "user-not-delegatable",
        weight: 5,
        kinds: BY_USERS,
        beside: restricted,
        ..BROKEN_AT_SOURCE
    },
    Plot {
        cause: "delegation-not-effective",
        weight: 4,
        kinds: BY_USERS,
        worked: 0.0,
        hours: 9,
        set: granted_too_late,
        ..BROKEN_AT_SOURCE
    },
];

/// A grant by the targets would serve as well, so it goes too.
fn only_lists(world: &mut World) {
    let hosts = world.hosts.clone();
    for at in 0..hosts.len() {
        world.was_always(at, |account| {
            if account.allowed_to_act.is_empty() {
                return;
            }
            account.allowed_to_act.clear();
            let own = account.machine.name.clone();
            let others: Vec<&Machine> = hosts.iter().filter(|host| host.name != own).collect();
            *account = account.clone().migrating_to(&others).storing_to(&others).with(ANY_PROTOCOL);
        });
    }
}

/// The host loses its delegation, or never had any.
fn lose_everything(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    only_lists(world);
    let strip = |account: &mut Account| {
        account.list.clear();
        account.control &= !ANY_PROTOCOL;
    };
    if !hit.worked {
        world.was_always(hit.at, strip);
        return Vec::new();
    }
    world.change(hit.at, world.since, strip).into_iter().collect()
}

/// The list loses one target, or never had it.
fn lose_one(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    only_lists(world);
    let gone = migration_spns(world.host(hit.other));
    let strip = |account: &mut Account| account.list.retain(|spn| !gone.contains(spn));
    if !hit.worked {
        world.was_always(hit.at, strip);
        return Vec::new();
    }
    world.change(hit.at, world.since, strip).into_iter().collect()
}

/// "Use Kerberos only".
fn lose_transition(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    only_lists(world);
    let strip = |account: &mut Account| account.control &= !ANY_PROTOCOL;
    if !hit.worked {
        world.was_always(hit.at, strip);
        return Vec::new();
    }
    world.change(hit.at, world.since, strip).into_iter().collect()
}

/// Trusted for delegation to any service, the host is upgraded to 2025.
fn upgrade(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    for at in 0..world.hosts.len() {
        world.was_always(at, |account| *account = unconstrained(account));
    }
    upgraded(world, hit.at)
}

fn upgraded(world: &mut World, at: usize) -> Vec<Trigger> {
    let (host, since) = (world.host(at).clone(), world.since);
    let [_, august] = world.season.updates(Os::Server2025);
    world.site.upgrade(&host, Os::Server2025, august.revision, since);
    world.site.log(credential_guard_configured(&host, 2, true, later(since, 9_800)));
    world.site.log(credential_guard_started(&host, later(since, 9_900)));
    world.was_always(at, |account| {
        account.machine.os = Os::Server2025;
        account.changed = later(since, 600_000);
    });
    vec![Trigger::new("os-upgrade", &host, since)]
}

/// The host is upgraded, and Credential Guard keeps what CredSSP would hand on.
fn guard(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    upgraded(world, hit.at)
}

/// Nothing was there, and what is missing is added while moves fail.
fn granted_too_late(world: &mut World, hit: &Hit, dice: &mut Dice) -> Vec<Trigger> {
    only_lists(world);
    let Some(whole) = world.accounts.get(hit.at).cloned() else { return Vec::new() };
    world.was_always(hit.at, |account| {
        account.list.clear();
        account.control &= !ANY_PROTOCOL;
    });
    let when = later(world.since, dice.span(310, 400) * 60_000);
    world.change(hit.at, when, |account| {
        account.list = whole.list;
        account.control = whole.control;
    });
    let (source, target) = (world.host(hit.at).clone(), world.host(hit.other).clone());
    let recovered = world.quiet_after(later(world.since, dice.span(13, 20) * 3_600_000));
    world.site.succeed(&source, &target, recovered);
    Vec::new()
}

fn restricted(world: &mut World, failure: &Failure, _: &mut Dice) {
    let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
    world.site.log(kerberos_refusal(&source, &target, "0xc000006e", later(failure.start, 1_690)));
}

fn unconstrained(account: &Account) -> Account {
    Account { changed: account.changed, ..Account::host(&account.machine).with(UNCONSTRAINED) }
}

fn list_is_empty(world: &mut World, failure: &Failure, dice: &mut Dice) {
    refused(world, failure, "0xc00000bb", dice);
}

fn not_on_the_list(world: &mut World, failure: &Failure, dice: &mut Dice) {
    refused(world, failure, "0xc0000272", dice);
}

/// The client writes its refusals down only where somebody switched that on.
fn refused(world: &mut World, failure: &Failure, extended: &str, dice: &mut Dice) {
    if failure.witnessed && dice.chance(0.3) {
        let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
        world.site.log(kerberos_refusal(&source, &target, extended, later(failure.start, 1_690)));
    }
}

fn guard_refuses(world: &mut World, failure: &Failure, _: &mut Dice) {
    if failure.witnessed {
        let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
        world.site.log(unconstrained_refused(&source, &target, "adm-berg", later(failure.start, 1_655)));
    }
}
