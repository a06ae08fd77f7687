//! Faults that a failing component states itself, and none at all.

use super::{ANYWHERE, CLUSTERED, Failure, Hit, Plot, Reach, nothing, unbroken};
use crate::scenario::bundles::Trigger;
use crate::scenario::events::Fault;
use crate::scenario::events::hyper_v::listener_disabled;
use crate::scenario::events::system::{interface_failed, interface_unreachable, node_removed, volume_paused};
use crate::scenario::simulation::season::AUGUST_2026;
use crate::scenario::simulation::world::{Kind, World};
use crate::scenario::{Dice, later};

/// Nothing is wrong.
pub(super) const HEALTHY: Plot = Plot {
    cause: "healthy",
    weight: 6,
    kinds: &[Kind::Administrators, Kind::Cluster, Kind::Standalone, Kind::TwoClusters],
    upgrades: false,
    os: None,
    season: &AUGUST_2026,
    hours: 0,
    by_text: false,
    reach: Reach::Pair,
    worked: 1.0,
    faults: &[],
    set: unbroken,
    beside: nothing,
};

/// A source that gets no credentials.
pub(super) const BROKEN_AT_SOURCE: Plot =
    Plot { reach: Reach::Source, faults: &[Fault::NoCredentials], ..HEALTHY };

pub(super) const PLOTS: &[Plot] = &[
    HEALTHY,
    Plot {
        cause: "undetermined",
        weight: 4,
        kinds: ANYWHERE,
        reach: Reach::Pair,
        faults: &[Fault::AccessDenied],
        ..HEALTHY
    },
    Plot {
        cause: "network-unreachable",
        weight: 8,
        kinds: ANYWHERE,
        reach: Reach::Both,
        faults: &[Fault::TimedOut, Fault::Refused, Fault::Reset],
        beside: paths_break,
        ..HEALTHY
    },
    Plot {
        cause: "storage-failure",
        weight: 6,
        kinds: CLUSTERED,
        reach: Reach::Target,
        faults: &[Fault::SharingViolation],
        beside: volume_pauses,
        ..HEALTHY
    },
    Plot {
        cause: "memory-short",
        weight: 6,
        kinds: ANYWHERE,
        reach: Reach::Target,
        faults: &[Fault::OutOfMemory, Fault::NoResources],
        ..HEALTHY
    },
    Plot {
        cause: "cpu-incompatible",
        weight: 5,
        kinds: CLUSTERED,
        reach: Reach::Pair,
        worked: 0.4,
        faults: &[Fault::Processor],
        ..HEALTHY
    },
    Plot {
        cause: "switch-missing",
        weight: 5,
        kinds: CLUSTERED,
        reach: Reach::Target,
        worked: 0.6,
        faults: &[Fault::MissingSwitch],
        ..HEALTHY
    },
    Plot {
        cause: "storage-failure",
        weight: 2,
        kinds: CLUSTERED,
        reach: Reach::Source,
        worked: 0.5,
        faults: &[Fault::MissingMedia],
        ..HEALTHY
    },
    Plot {
        cause: "user-right-missing",
        weight: 5,
        kinds: ANYWHERE,
        reach: Reach::Target,
        faults: &[Fault::UserRight],
        ..HEALTHY
    },
    Plot {
        cause: "name-resolution",
        weight: 5,
        kinds: ANYWHERE,
        reach: Reach::Pair,
        worked: 0.7,
        faults: &[Fault::UnknownName],
        ..HEALTHY
    },
    Plot {
        cause: "migration-limit",
        weight: 4,
        kinds: CLUSTERED,
        reach: Reach::Source,
        faults: &[Fault::LimitReached],
        ..HEALTHY
    },
    Plot {
        cause: "configuration-version",
        weight: 4,
        kinds: CLUSTERED,
        reach: Reach::Target,
        worked: 0.3,
        faults: &[Fault::OldVersion],
        ..HEALTHY
    },
    Plot {
        cause: "registration-failed",
        weight: 5,
        kinds: CLUSTERED,
        reach: Reach::Target,
        worked: 0.3,
        faults: &[Fault::NotRegistered],
        ..HEALTHY
    },
    Plot {
        cause: "key-protector",
        weight: 4,
        kinds: CLUSTERED,
        reach: Reach::Target,
        worked: 0.3,
        faults: &[Fault::KeyProtector],
        ..HEALTHY
    },
    Plot {
        cause: "listener-disabled",
        weight: 4,
        kinds: ANYWHERE,
        by_text: true,
        reach: Reach::Target,
        faults: &[Fault::ListenerOff],
        set: stop_listening,
        ..HEALTHY
    },
    Plot {
        cause: "owner-restricted",
        weight: 4,
        kinds: CLUSTERED,
        reach: Reach::Target,
        faults: &[Fault::NotOwner],
        ..HEALTHY
    },
];

/// The target stops listening for migrations: somebody switched them off, or its settings know nothing of it.
fn stop_listening(world: &mut World, hit: &Hit, dice: &mut Dice) -> Vec<Trigger> {
    let host = world.host(hit.at).clone();
    world.site.log(listener_disabled(&host, world.since));
    world.deaf.push(host.clone());
    if dice.chance(0.5) {
        world.switched_off.push(host);
    }
    Vec::new()
}

/// Cluster networks break on both nodes just before.
fn paths_break(world: &mut World, failure: &Failure, _: &mut Dice) {
    if !failure.witnessed || world.kind == Kind::Standalone {
        return;
    }
    let (one, other) = (world.host(failure.source).clone(), world.host(failure.target).clone());
    let lost = later(failure.start, failure.fault.delay() - 6_400);
    for (host, peer) in [(&one, &other), (&other, &one)] {
        world.site.log(interface_unreachable(host, peer, "LiveMigration", later(lost, -900)));
        world.site.log(interface_failed(host, peer, "LiveMigration", lost));
        world.site.log(node_removed(host, peer, later(lost, 5_100)));
    }
}

fn volume_pauses(world: &mut World, failure: &Failure, _: &mut Dice) {
    if failure.witnessed {
        let target = world.host(failure.target).clone();
        world.site.log(volume_paused(
            &target,
            "Volume1",
            "STATUS_FILE_LOCK_CONFLICT(c0000054)",
            later(failure.start, -200_000),
        ));
    }
}
