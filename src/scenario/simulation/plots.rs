//! What goes wrong: a row for each cause, and how its story is told.
//!
//! A plot says where it can happen, which pairs it reaches, what the machines say when a move fails, and what stands
//! beside that. The functions of the submodules break something in the world and write down what would have been
//! logged; they return what set the fault off, where a log would show it.

use jiff::Timestamp;

use super::Planted;
use super::season::Season;
use super::world::{Kind, World};
use crate::scenario::bundles::Trigger;
use crate::scenario::events::Fault;
use crate::scenario::{Dice, Os, later};

mod authentication;
mod components;
mod delegation;
mod hardening;

/// Which pairs a fault reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// From one host to every other.
    Source,
    /// From every host to one.
    Target,
    /// Two hosts in both directions.
    Both,
    /// One ordered pair.
    Pair,
}

/// Pairs that fail, and what breaks them.
pub(super) struct Hit {
    /// The host at fault: a source, or a target.
    pub(super) at: usize,
    /// The other end of the first pair.
    pub(super) other: usize,
    /// Whether the pairs worked before.
    pub(super) worked: bool,
}

/// How one cause is told.
pub(super) struct Plot {
    /// The cause, in the words of the report's contract.
    pub(super) cause: &'static str,
    /// How often it is drawn, against the others.
    pub(super) weight: u64,
    /// Where it can happen.
    pub(super) kinds: &'static [Kind],
    /// Whether a host is upgraded in place.
    pub(super) upgrades: bool,
    /// The release that its hosts run, where that matters.
    pub(super) os: Option<Os>,
    /// When it happens.
    pub(super) season: &'static Season,
    /// Hours after which the last move fails; all the time where it is 0.
    pub(super) hours: i64,
    /// Whether only the text of a message tells it, as its number is documented nowhere.
    pub(super) by_text: bool,
    pub(super) reach: Reach,
    /// Share of incidents in which the pairs worked before.
    pub(super) worked: f64,
    /// What the machines say; each failure says one of them.
    pub(super) faults: &'static [Fault],
    /// Breaks it, from the moment on at which the world's fault sets in.
    pub(super) set: fn(&mut World, &Hit, &mut Dice) -> Vec<Trigger>,
    /// What stands beside a failure: source, target, start.
    pub(super) beside: fn(&mut World, &Failure, &mut Dice),
}

/// A move that failed.
pub(super) struct Failure {
    pub(super) source: usize,
    pub(super) target: usize,
    pub(super) start: Timestamp,
    pub(super) fault: Fault,
    /// Drawn once for all failures of a fault: whether the other witness spoke.
    pub(super) witnessed: bool,
}

/// Clusters and hosts alone.
const ANYWHERE: &[Kind] = &[Kind::Administrators, Kind::Cluster, Kind::Standalone];
/// Where moves run under a user's identity.
const BY_USERS: &[Kind] = &[Kind::Administrators, Kind::Standalone];
/// Where moves go through a cluster.
const CLUSTERED: &[Kind] = &[Kind::Administrators, Kind::Cluster];

fn plots() -> impl Iterator<Item = &'static Plot> {
    [delegation::PLOTS, authentication::PLOTS, hardening::PLOTS, components::PLOTS].into_iter().flatten()
}

/// Every cause that can be drawn.
pub fn causes() -> impl Iterator<Item = &'static str> {
    plots().map(|plot| plot.cause)
}

/// The plot of an incident, by weight.
pub(super) fn choose(dice: &mut Dice) -> &'static Plot {
    let total = plots().map(|plot| plot.weight).sum();
    let mut at = dice.below(total);
    for plot in plots() {
        if at < plot.weight {
            return plot;
        }
        at -= plot.weight;
    }
    &components::HEALTHY
}

/// Tells the story of `plot`, and now and then of a second fault on other pairs.
pub(super) fn tell(world: &mut World, plot: &Plot, dice: &mut Dice) -> Vec<Planted> {
    if plot.faults.is_empty() {
        return Vec::new();
    }
    let mut planted = vec![break_with(world, plot, 3 + dice.index(6), dice)];
    if world.hosts.len() >= 4 && dice.chance(0.2) {
        let second: Vec<_> =
            components::PLOTS.iter().filter(|other| other.cause != plot.cause && is_second(other)).collect();
        if let Some(second) = dice.pick(&second).copied()
            && second.kinds.contains(&world.kind)
        {
            planted.push(break_with(world, second, 2, dice));
        }
    }
    planted.retain(|planted| planted.failures > 0);
    planted.sort_by_key(|planted| std::cmp::Reverse(planted.failures));
    planted
}

/// A second fault is one pair's own.
fn is_second(plot: &Plot) -> bool {
    matches!(plot.reach, Reach::Pair | Reach::Target)
        && !plot.faults.is_empty()
        && plot.cause != "undetermined"
}

fn break_with(world: &mut World, plot: &Plot, failures: usize, dice: &mut Dice) -> Planted {
    let count = world.hosts.len();
    let worked = dice.chance(plot.worked);
    let free = |pair: &(usize, usize)| !world.dead.contains(pair);
    // A second fault takes pairs that the first does not touch.
    let starts: Vec<(usize, usize)> = (0..count)
        .flat_map(|at| (0..count).map(move |other| (at, other)))
        .filter(|(at, other)| at != other)
        .filter(|(at, other)| reached(plot.reach, *at, *other, count).iter().all(free))
        .filter(|(at, other)| world.kind != Kind::TwoClusters || world.is_across(*at, *other))
        .collect();
    let nothing = Planted { cause: plot.cause, pairs: Vec::new(), triggers: Vec::new(), failures: 0 };
    let Some((at, other)) = dice.pick(&starts).copied() else { return nothing };
    let mut pairs = reached(plot.reach, at, other, count);
    if world.kind == Kind::TwoClusters {
        pairs.retain(|(source, target)| world.is_across(*source, *target));
    }
    world.dead.extend(&pairs);
    if !worked {
        world.never.extend(&pairs);
    }
    let triggers = (plot.set)(world, &Hit { at, other, worked }, dice);
    // The first pair that was reached, and some of the others.
    let mut tried: Vec<(usize, usize)> = pairs.iter().copied().take(1).collect();
    tried.extend(pairs.iter().skip(1).copied().filter(|_| dice.chance(0.5)).take(3));
    world.broken.extend(&tried);
    let witnessed = dice.chance(0.8);
    let mut failed = 0;
    for (number, (source, target)) in
        tried.iter().copied().cycle().take(failures.max(tried.len())).enumerate()
    {
        let fault = *dice.pick(plot.faults).unwrap_or(&Fault::AccessDenied);
        let rest = if plot.hours == 0 { world.rest() - 40 * 60_000 } else { plot.hours * 3_600_000 };
        let about = later(world.since, 20 * 60_000 + dice.span(0, rest));
        // The first failure follows the fault soon, so that the bracket is one.
        let about = if number == 0 { later(world.since, dice.span(20, 300) * 60_000) } else { about };
        let about = world.quiet_after(about);
        let (one, two) = (world.host(source).clone(), world.host(target).clone());
        let start = world.site.fail(&one, &two, fault, about);
        (plot.beside)(world, &Failure { source, target, start, fault, witnessed }, dice);
        failed += 1;
    }
    let name = |at: usize| world.host(at).name.clone();
    let pairs = tried.iter().map(|(source, target)| (name(*source), name(*target))).collect();
    Planted { cause: plot.cause, pairs, triggers, failures: failed }
}

fn reached(reach: Reach, at: usize, other: usize, count: usize) -> Vec<(usize, usize)> {
    let others = || (0..count).filter(move |host| *host != at && *host != other);
    match reach {
        Reach::Source => std::iter::once((at, other)).chain(others().map(|host| (at, host))).collect(),
        Reach::Target => std::iter::once((other, at)).chain(others().map(|host| (host, at))).collect(),
        Reach::Both => vec![(at, other), (other, at)],
        Reach::Pair => vec![(at, other)],
    }
}

fn nothing(_: &mut World, _: &Failure, _: &mut Dice) {}

fn unbroken(_: &mut World, _: &Hit, _: &mut Dice) -> Vec<Trigger> {
    Vec::new()
}
