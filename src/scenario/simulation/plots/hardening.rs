//! Faults that lie with domain controllers and with keys.

use super::components::{BROKEN_AT_SOURCE, HEALTHY};
use super::{BY_USERS, Failure, Hit, Plot, Reach};
use crate::scenario::bundles::Trigger;
use crate::scenario::events::Fault;
use crate::scenario::events::kdc::{no_key, signature_missing, signature_refused};
use crate::scenario::events::security::{Request, ticket_refused};
use crate::scenario::simulation::world::World;
use crate::scenario::{Dice, Machine, later};

/// AES alone, and RC4 alone.
const AES: u32 = 0x18;
const RC4: u32 = 0x4;

/// Server 2019 as released on 2021-11-09: tickets that hosts get for users are refused.
const FAULTY: u32 = 2300;
/// The same before November 2022: tickets bear no signature over the PAC.
const UNSIGNED: u32 = 3406;

pub(super) const PLOTS: &[Plot] = &[
    Plot {
        cause: "encryption-mismatch",
        weight: 4,
        kinds: BY_USERS,
        reach: Reach::Both,
        worked: 0.7,
        faults: &[Fault::UnknownEncryption],
        set: no_common_type,
        beside: no_suitable_key,
        ..HEALTHY
    },
    Plot {
        cause: "kdc-regression",
        weight: 4,
        kinds: BY_USERS,
        set: restored,
        beside: self_ticket_refused,
        ..BROKEN_AT_SOURCE
    },
    Plot {
        cause: "ticket-validation",
        weight: 4,
        kinds: BY_USERS,
        set: apart,
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

fn no_suitable_key(world: &mut World, failure: &Failure, _: &mut Dice) {
    let dc = world.controller.clone();
    let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
    let request = Request { dc: &dc, client: &source, service: &target, time: later(failure.start, 1_640) };
    world.site.log(ticket_refused(request, &target.account(), 0xe));
    if failure.witnessed {
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

fn self_ticket_refused(world: &mut World, failure: &Failure, _: &mut Dice) {
    let (dc, source) = (world.controller.clone(), world.host(failure.source).clone());
    world.site.log(signature_refused(&dc, &source, later(failure.start, 1_601)));
}

/// A second domain controller comes back that does not sign yet what the first insists on.
fn apart(world: &mut World, _: &Hit, _: &mut Dice) -> Vec<Trigger> {
    let old = Machine::new("DC02", &world.domain, 1002, world.controller.os);
    world.site.boot(&old, UNSIGNED, world.since);
    world.frozen = true;
    world.second = Some(old);
    Vec::new()
}

fn unsigned_ticket(world: &mut World, failure: &Failure, _: &mut Dice) {
    let dc = world.controller.clone();
    let (source, target) = (world.host(failure.source).clone(), world.host(failure.target).clone());
    let request = Request { dc: &dc, client: &source, service: &target, time: later(failure.start, 1_640) };
    world.site.log(ticket_refused(request, &target.account(), 0x14));
    world.site.log(signature_missing(&dc, &source, later(failure.start, 1_652)));
}
