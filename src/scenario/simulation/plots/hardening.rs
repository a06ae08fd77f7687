//! Faults that lie with domain controllers and with keys.

use jiff::Timestamp;

use super::components::{BROKEN_AT_SOURCE, HEALTHY};
use super::{BY_USERS, Failure, Hit, Plot, Reach};
use crate::scenario::bundles::Trigger;
use crate::scenario::events::Fault;
use crate::scenario::events::kdc::{no_key, signature_missing, signature_refused};
use crate::scenario::events::security::{Request, ticket_refused};
use crate::scenario::simulation::season::{APRIL_2026, JULY_2023, NOVEMBER_2021};
use crate::scenario::simulation::world::World;
use crate::scenario::{Dice, Machine, later};

/// AES alone, RC4 alone, and nothing stated.
const AES: u32 = 0x18;
const RC4: u32 = 0x4;
const UNSTATED: u32 = 0;

/// Server 2019 as released on 2021-11-09: tickets that hosts get for users are refused.
const FAULTY: u32 = 2300;
/// The same at October 2022, a month before tickets bear a signature over the PAC.
const UNSIGNED: u32 = 3532;

/// By policy, one host uses nothing that the other does.
const NO_COMMON_TYPE: Plot = Plot {
    cause: "encryption-mismatch",
    kinds: BY_USERS,
    reach: Reach::Both,
    worked: 0.7,
    faults: &[Fault::UnknownEncryption],
    set: no_common_type,
    beside: no_suitable_key,
    ..HEALTHY
};

pub(super) const PLOTS: &[Plot] = &[
    Plot { weight: 1, ..NO_COMMON_TYPE },
    Plot { weight: 1, season: &APRIL_2026, set: no_common_type_and_updated, ..NO_COMMON_TYPE },
    Plot {
        cause: "encryption-mismatch",
        weight: 2,
        kinds: BY_USERS,
        season: &APRIL_2026,
        faults: &[Fault::UnknownEncryption],
        set: rc4_no_longer_assumed,
        beside: no_common_ticket,
        ..HEALTHY
    },
    Plot {
        cause: "kdc-regression",
        weight: 2,
        kinds: BY_USERS,
        set: restored,
        beside: self_ticket_refused,
        ..BROKEN_AT_SOURCE
    },
    Plot {
        cause: "kdc-regression",
        weight: 2,
        kinds: BY_USERS,
        season: &NOVEMBER_2021,
        set: updated,
        beside: self_ticket_refused,
        ..BROKEN_AT_SOURCE
    },
    Plot {
        cause: "ticket-validation",
        weight: 2,
        kinds: BY_USERS,
        set: apart,
        beside: unsigned_ticket,
        ..BROKEN_AT_SOURCE
    },
    Plot {
        cause: "ticket-validation",
        weight: 2,
        kinds: BY_USERS,
        season: &JULY_2023,
        set: left_behind,
        beside: unsigned_ticket,
        ..BROKEN_AT_SOURCE
    },
];

fn no_common_type(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    let changed = later(world.since, -7_200_000);
    for (at, types) in [(hit.at, AES), (hit.other, RC4)] {
        world.was_always(at, |account| (account.encryption, account.changed) = (types, changed));
    }
    Vec::new()
}

/// The same, while the domain controller takes an update that changes nothing for objects which state their types.
fn no_common_type_and_updated(world: &mut World, hit: &Hit, dice: &mut Dice) -> Vec<Trigger> {
    world.update_controller();
    no_common_type(world, hit, dice)
}

/// A source that asks for RC4 alone, a target whose object states nothing, and an update that assumes AES of it.
fn rc4_no_longer_assumed(world: &mut World, hit: &Hit, _: &mut Dice) -> Vec<Trigger> {
    for (at, types) in [(hit.at, RC4), (hit.other, UNSTATED)] {
        world.was_always(at, |account| account.encryption = types);
    }
    world.update_controller()
}

/// The events that the update brings are not established well enough to be written; the audit of tickets is.
fn no_common_ticket(world: &mut World, failure: &Failure, _: &mut Dice) {
    let dc = world.controller.clone();
    let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
    let request = Request { dc: &dc, client: &source, service: &target, time: later(failure.start, 1_640) };
    world.site.log(ticket_refused(request, &target.account(), 0xe));
}

fn no_suitable_key(world: &mut World, failure: &Failure, dice: &mut Dice) {
    no_common_ticket(world, failure, dice);
    if failure.witnessed {
        let (dc, target) = (world.controller.clone(), world.host(failure.target).clone());
        let of = |at: usize| world.accounts.get(at).is_some_and(|account| account.encryption == RC4);
        let (requested, available) = if of(failure.target) { ("18, 17", "23") } else { ("23", "18, 17") };
        world.site.log(no_key(&dc, &target, requested, available, later(failure.start, 1_652)));
    }
}

/// The domain controller is restored from an image that is years old.
fn restored(world: &mut World, _: &Hit, _: &mut Dice) -> Vec<Trigger> {
    let dc = world.controller.clone();
    world.site.boot(&dc, FAULTY, world.since);
    world.frozen = true;
    Vec::new()
}

/// The domain controller takes the update that breaks tickets which hosts get for users.
fn updated(world: &mut World, _: &Hit, _: &mut Dice) -> Vec<Trigger> {
    world.update_controller()
}

fn self_ticket_refused(world: &mut World, failure: &Failure, _: &mut Dice) {
    let (dc, source) = (world.controller.clone(), world.host(failure.source).clone());
    world.site.log(signature_refused(&dc, &source, later(failure.start, 1_601)));
}

/// A second domain controller comes back that does not sign yet what the first insists on.
fn apart(world: &mut World, _: &Hit, _: &mut Dice) -> Vec<Trigger> {
    world.frozen = true;
    second_unsigned(world, world.since);
    Vec::new()
}

/// The first domain controller takes the update that insists on it, while the second gets none any more.
fn left_behind(world: &mut World, _: &Hit, _: &mut Dice) -> Vec<Trigger> {
    second_unsigned(world, later(world.begin, 7_200_000));
    world.update_controller()
}

fn second_unsigned(world: &mut World, started: Timestamp) {
    let old = Machine::new("DC02", &world.domain, 1002, world.controller.os);
    world.site.boot(&old, UNSIGNED, started);
    world.second = Some(old);
}

fn unsigned_ticket(world: &mut World, failure: &Failure, _: &mut Dice) {
    let dc = world.controller.clone();
    let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
    let request = Request { dc: &dc, client: &source, service: &target, time: later(failure.start, 1_640) };
    world.site.log(ticket_refused(request, &target.account(), 0x14));
    world.site.log(signature_missing(&dc, &source, later(failure.start, 1_652)));
}
