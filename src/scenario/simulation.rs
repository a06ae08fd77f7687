//! Incidents drawn by lot, with known truth: how often is a verdict right, and is it as sure as it says?
//!
//! A seed decides everything: the site (`world`), what goes wrong there and since when (`plots`), the noise and the
//! decoys around it, and what the customer sends ([`Sources`]). The same seed gives the same incident. An incident
//! can be had as [`facts`], or written as files in any of the [`super::forms`].
//!
//! The lot is not the world: how often which cause occurs, and how customers send what, nobody has counted. So
//! figures measured here say how the rules do on what they were told, and no more; `docs/accuracy.md` says so too.
//! What is *not* done here: judging anything.

use jiff::Timestamp;

use super::bundles::{Pair, Trigger};
use super::forms::Told;
use super::site::{Attempt, Part};
use super::{Dice, Machine};

mod facts;
mod plots;
mod season;
mod sent;
mod world;

pub use facts::{Source, facts};
pub use plots::causes;
use world::World;

/// What a customer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sources {
    /// Every log of every machine that matters, the directory, the settings, the updates.
    Complete,
    /// A third of all that is missing, logs may begin late, lists may be flattened.
    Thinned,
}

/// How an export of the directory shows lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// As they are.
    Whole,
    /// As the name of their type.
    Flattened,
    /// Not at all.
    NotAskedFor,
}

/// A fault that was planted.
#[derive(Debug, Clone, PartialEq)]
pub struct Planted {
    /// The cause, in the words of the report's contract; `undetermined` where the machines do not say.
    pub cause: &'static str,
    /// The pairs that fail by it.
    pub pairs: Vec<Pair>,
    /// The changes that set it off, any of which a report may name.
    pub triggers: Vec<Trigger>,
    /// How many moves fail by it.
    pub failures: usize,
}

/// An incident and the truth about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// The seed that gives it again.
    pub seed: u64,
    /// What is wrong, the fault with the most failures first; empty where nothing is.
    pub planted: Vec<Planted>,
    /// Attempts that left a record in what is sent, by their true time.
    pub attempts: Vec<Attempt>,
    /// What is sent.
    pub told: Told,
    /// How the directory shows its lists.
    pub lists: Lists,
    /// Whether the events are sent with their messages.
    pub rendered: bool,
    /// Seconds by which some machine's clock is off without harm.
    pub offset: i64,
    /// Hosts of the site.
    pub hosts: usize,
}

impl Simulated {
    /// The cause that a perfect reader of everything would name.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        self.planted.first().map_or("healthy", |planted| planted.cause)
    }

    /// The pairs of the main fault.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        self.planted.first().map_or(&[], |planted| &planted.pairs)
    }

    /// The first failure on `pairs` that can be seen, and the last success before it on them; where none is seen
    /// there, of their sources.
    #[must_use]
    pub fn onset(&self, pairs: &[Pair]) -> Option<(Option<Timestamp>, Timestamp)> {
        let concerns = |attempt: &&Attempt| {
            pairs.iter().any(|(source, target)| *source == attempt.source && *target == attempt.target)
        };
        let first = self.attempts.iter().filter(concerns).find(|attempt| !attempt.succeeded)?;
        let is_before = |attempt: &&Attempt| attempt.succeeded && attempt.time < first.time;
        let shares_source = |attempt: &&Attempt| pairs.iter().any(|(source, _)| *source == attempt.source);
        let on_pairs = self.attempts.iter().filter(concerns).rfind(is_before);
        let last = on_pairs.or_else(|| self.attempts.iter().filter(shares_source).rfind(is_before));
        Some((last.map(|attempt| attempt.time), first.time))
    }
}

/// The incident of `seed`.
#[must_use]
pub fn draw(seed: u64, sources: Sources) -> Simulated {
    let mut dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6b63_646f_6374_6f72);
    let plot = plots::choose(&mut dice);
    let mut world = World::new(&mut dice, seed, plot);
    let planted = plots::tell(&mut world, plot, &mut dice);
    world.live(&planted, &mut dice);
    let hosts = world.hosts.len();
    let offset = world.offset;
    let rendered = plot.by_text || dice.chance(0.3);
    let mut simulated = Simulated {
        seed,
        planted,
        attempts: Vec::new(),
        told: Told::default(),
        lists: Lists::Whole,
        rendered,
        offset,
        hosts,
    };
    sent::send(world, sources, &mut simulated, &mut dice);
    simulated
}

/// The records of `parts` with the machines that they come from.
fn logs_of(
    parts: Vec<Part>,
    machines: &[(Machine, &'static str)],
) -> Vec<(Machine, Vec<super::evtx::Record>)> {
    let log = |part: Part| machines.get(part.log).map(|(machine, _)| (machine.clone(), part.records));
    parts.into_iter().filter_map(log).collect()
}

impl Simulated {
    /// What it states, source by source.
    #[must_use]
    pub fn facts(&self) -> Vec<Source> {
        facts(&self.told, self.lists, self.rendered)
    }

    /// The same as files, in forms that the seed decides.
    #[must_use]
    pub fn written(&self) -> Vec<(String, Vec<u8>)> {
        self.told.written(sent::forms(self))
    }
}

/// A large cluster without delegation, for benches: `count` moves between `nodes` hosts, one in a hundred of which
/// succeeds; the rest fails for want of credentials. Every pair is tried where there are moves enough.
#[must_use]
pub fn crowd(nodes: usize, count: usize) -> Told {
    world::crowd(nodes, count)
}
