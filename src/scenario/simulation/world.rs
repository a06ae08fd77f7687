//! The site of a drawn incident: its hosts, how moves happen there, and everyday life.

use jiff::Timestamp;

use super::Planted;
use super::plots::Plot;
use super::season::Season;
use crate::scenario::bundles::Trigger;
use crate::scenario::events::hyper_v::{listener_disabled, merge_failed, spn_registered};
use crate::scenario::events::security::Admin;
use crate::scenario::events::system::{clock_unsynchronised, interface_failed};
use crate::scenario::events::{Fault, HIGH_AVAILABILITY, Language, VMMS};
use crate::scenario::exports::directory::{ANY_PROTOCOL, Account};
use crate::scenario::exports::host::Authentication;
use crate::scenario::forms::Told;
use crate::scenario::site::{Site, Style, UPDATE_TAKES};
use crate::scenario::{Dice, Domain, Machine, Os, Update, Vm, later, moment};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How moves happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// In a cluster, under the identity of the administrator who starts them.
    Administrators,
    /// In a cluster, by itself.
    Cluster,
    /// Between hosts without a cluster, with Kerberos.
    Standalone,
    /// Between hosts without a cluster, with CredSSP.
    CredSsp,
    /// In and between two clusters; between them with Kerberos.
    TwoClusters,
}

impl Kind {
    fn style(self, language: Language) -> Style {
        let clustered = matches!(self, Self::Administrators | Self::Cluster | Self::TwoClusters);
        let delegated = matches!(self, Self::Administrators | Self::Standalone | Self::TwoClusters);
        Style { clustered, delegated, phases: clustered, language }
    }
}

/// A site about which a story can be told.
pub(super) struct World {
    pub(super) site: Site,
    pub(super) kind: Kind,
    pub(super) season: &'static Season,
    pub(super) domain: Domain,
    pub(super) controller: Machine,
    pub(super) hosts: Vec<Machine>,
    /// The hosts' computer objects, as they are when they are exported.
    pub(super) accounts: Vec<Account>,
    /// Other objects of the directory.
    pub(super) others: Vec<Account>,
    pub(super) authentication: Authentication,
    /// The first day of the logs.
    pub(super) begin: Timestamp,
    /// When the fault sets in.
    pub(super) since: Timestamp,
    /// When the logs are exported.
    pub(super) end: Timestamp,
    /// Pairs that never worked before, by index of their hosts.
    pub(super) never: Vec<(usize, usize)>,
    /// When moves are tried.
    tried: Vec<Timestamp>,
    /// Pairs that the fault hits, tried or not.
    pub(super) dead: Vec<(usize, usize)>,
    /// Pairs that fail, by index of their hosts.
    pub(super) broken: Vec<(usize, usize)>,
    /// A second domain controller, where the story needs one.
    pub(super) second: Option<Machine>,
    /// It has no part in the story.
    has_idle_second: bool,
    /// The domain controllers take no update any more.
    pub(super) frozen: bool,
    /// Hosts whose listener stays off since the onset, whenever their service starts.
    pub(super) deaf: Vec<Machine>,
    /// Hosts on which live migration is switched off.
    pub(super) switched_off: Vec<Machine>,
    /// Installed updates: the machine, the update, the day.
    pub(super) patched: Vec<(Machine, Update, Timestamp)>,
    /// Seconds by which a clock is off without harm.
    pub(super) offset: i64,
}

impl World {
    /// A site at which `plot` can happen; `seed` names it.
    pub(super) fn new(dice: &mut Dice, seed: u64, plot: &Plot) -> Self {
        let names = ["contoso.com", "fabrikam.local", "corp.example.net", "ad.tailspin.org"];
        let domain = Domain::new(dice.pick(&names).unwrap_or(&"contoso.com"));
        let kind = *dice.pick(plot.kinds).unwrap_or(&Kind::Standalone);
        let count = usize::try_from(match dice.below(20) {
            0..8 => 2,
            8..15 => 3 + dice.below(2),
            15..19 => 5 + dice.below(4),
            _ => 9 + dice.below(8),
        })
        .unwrap_or(2);
        let count = if kind == Kind::TwoClusters { count.max(4) } else { count };
        let releases: Vec<Os> = plot.season.releases().collect();
        let os =
            if plot.upgrades { Os::Server2022 } else { *dice.pick(&releases).unwrap_or(&Os::Server2022) };
        let os = plot.os.unwrap_or(os);
        let mixed = !plot.upgrades && plot.os.is_none() && dice.chance(0.2);
        let stem = dice.pick(&["HV", "NODE", "HYPERV-PROD"]).copied().unwrap_or("HV");
        let hosts: Vec<_> = (0u32..)
            .take(count)
            .map(|at| {
                let os = if mixed { *dice.pick(&releases).unwrap_or(&os) } else { os };
                Machine::new(&format!("{stem}{:02}", at + 1), &domain, 1104 + at, os)
            })
            .collect();
        let controller = Machine::new("DC01", &domain, 1001, Os::Server2019);
        let language = if dice.chance(0.15) { Language::German } else { Language::English };
        let mut site = Site::new(&format!("simulated {seed}"), &controller, kind.style(language));
        if kind == Kind::TwoClusters {
            let (one, other) = hosts.split_at(count / 2);
            site.cluster(&[one, other]);
        }
        for (at, host) in hosts.iter().enumerate() {
            let names = [format!("SQL{at:02}"), format!("WEB{at:02}")];
            site.place(host, &names.each_ref().map(String::as_str));
        }
        let begin = later(plot.season.begin(), dice.span(0, 4 * DAY));
        let since = later(begin, dice.span(12 * DAY, 34 * DAY));
        let end = later(since, dice.span(DAY, 5 * DAY));
        let authentication =
            if kind == Kind::CredSsp { Authentication::CredSsp } else { Authentication::Kerberos };
        let mut world = Self {
            site,
            kind,
            season: plot.season,
            accounts: Vec::new(),
            others: Vec::new(),
            domain,
            controller,
            hosts,
            authentication,
            begin,
            since,
            end,
            never: Vec::new(),
            dead: Vec::new(),
            tried: Vec::new(),
            broken: Vec::new(),
            second: None,
            has_idle_second: false,
            frozen: false,
            deaf: Vec::new(),
            switched_off: Vec::new(),
            patched: Vec::new(),
            offset: 0,
        };
        world.accounts = world.accounts_of(dice);
        world
    }

    /// Complete delegation where it is needed; elsewhere often none, which is no fault.
    fn accounts_of(&self, dice: &mut Dice) -> Vec<Account> {
        let bare = matches!(self.kind, Kind::Cluster | Kind::CredSsp) && dice.chance(0.6);
        let by_target = !bare && dice.chance(0.1);
        let changed = later(self.begin, -dice.span(5 * DAY, 60 * DAY));
        let account = |(at, host): (usize, &Machine)| {
            let others: Vec<_> = self
                .hosts
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
                .map(|(_, host)| host)
                .collect();
            let account = match (bare, by_target) {
                (true, _) => Account::host(host),
                (false, true) => Account::host(host).trusting(&others),
                (false, false) => {
                    Account::host(host).migrating_to(&others).storing_to(&others).with(ANY_PROTOCOL)
                }
            };
            let mut account = Account { changed, ..account };
            if self.kind.style(Language::English).clustered {
                account.spns.extend(host.spns("MSServerClusterMgmtAPI"));
            }
            account
        };
        self.hosts.iter().enumerate().map(account).collect()
    }

    /// Whether two hosts are nodes of two clusters.
    pub(super) fn is_across(&self, one: usize, other: usize) -> bool {
        let half = self.hosts.len() / 2;
        (one < half) != (other < half)
    }

    pub(super) fn host(&self, at: usize) -> &Machine {
        // Indices are drawn below the number of hosts.
        self.hosts.get(at).unwrap_or(&self.controller)
    }

    /// The first moment from `about` on at which no other move is tried: what fails in one moment can't be told apart.
    pub(super) fn quiet_after(&mut self, about: Timestamp) -> Timestamp {
        self.quiet(about, 25 * MINUTE)
    }

    /// The same backwards, so that what worked before the fault stays before it.
    fn quiet_before(&mut self, about: Timestamp) -> Timestamp {
        self.quiet(about, -25 * MINUTE)
    }

    fn quiet(&mut self, about: Timestamp, step: i64) -> Timestamp {
        let mut time = about;
        let near = |time: Timestamp, other: &Timestamp| {
            other.duration_since(time).abs().as_millis() < i128::from(step.abs())
        };
        while let Some(other) = self.tried.iter().find(|other| near(time, other)).copied() {
            time = later(other, step);
        }
        self.tried.push(time);
        time
    }

    /// Writes an administrator's change of a host's object at `time`, and keeps what it leaves.
    pub(super) fn change(
        &mut self,
        at: usize,
        time: Timestamp,
        edit: impl FnOnce(&mut Account),
    ) -> Option<Trigger> {
        let before = self.accounts.get(at)?.clone();
        let mut after = Account { changed: time, ..before.clone() };
        edit(&mut after);
        let by = Admin::new("adm-berg", &self.domain, 1190);
        self.site.change_delegation(&before, &after, &by, time);
        if let Some(account) = self.accounts.get_mut(at) {
            *account = after;
        }
        Some(Trigger::new("directory", &before.machine, time))
    }

    /// The object was like this before the logs begin.
    pub(super) fn was_always(&mut self, at: usize, edit: impl FnOnce(&mut Account)) {
        if let Some(account) = self.accounts.get_mut(at) {
            edit(account);
        }
    }

    /// Everything that happens beside the fault: moves that succeed, updates, noise, decoys.
    pub(super) fn live(&mut self, planted: &[Planted], dice: &mut Dice) {
        self.succeed(dice);
        self.second_controller(dice);
        self.patch(dice);
        self.hum(dice);
        self.mislead(planted, dice);
        let harmless = planted.iter().all(|planted| planted.cause != "clock-skew");
        if harmless && dice.chance(0.2) {
            self.offset = dice.span(4_000, 150_000) / 1000;
            let at = dice.index(self.hosts.len());
            let host = self.host(at).clone();
            self.site.set_clock_wrong(&host, self.begin, self.offset * 1000);
        }
    }

    /// Many a domain has a second controller, which has no part in the story.
    fn second_controller(&mut self, dice: &mut Dice) {
        let is_open = self.second.is_none() && !self.frozen;
        if is_open && dice.chance(0.25) {
            let os = *dice.pick(&[Os::Server2016, Os::Server2019, Os::Server2022]).unwrap_or(&Os::Server2019);
            self.second = Some(Machine::new("DC02", &self.domain, 1002, os));
            self.has_idle_second = true;
        }
    }

    /// The second controller, where it has no part in the story.
    pub(super) fn idle_second(&self) -> Option<Machine> {
        self.second.clone().filter(|_| self.has_idle_second)
    }

    /// Moves before the fault on every pair that works, and after it on those that it does not touch.
    fn succeed(&mut self, dice: &mut Dice) {
        let count = self.hosts.len();
        let tries = 6 + dice.below(18);
        let mut pairs = self.broken.clone();
        for _ in 0..tries {
            pairs.push((dice.index(count), dice.index(count)));
        }
        for (source, target) in pairs {
            if source == target || self.never.contains(&(source, target)) {
                continue;
            }
            let before = later(self.since, -dice.span(20 * MINUTE, self.span() - 6 * HOUR));
            let before = self.quiet_before(before);
            let (one, other) = (self.host(source).clone(), self.host(target).clone());
            self.site.succeed(&one, &other, before);
            if !self.dead.contains(&(source, target)) && dice.chance(0.4) {
                let after = later(self.since, dice.span(20 * MINUTE, self.rest()));
                let after = self.quiet_after(after);
                self.site.succeed(&one, &other, after);
            }
        }
    }

    fn span(&self) -> i64 {
        i64::try_from(self.since.duration_since(self.begin).as_millis()).unwrap_or(DAY)
    }

    pub(super) fn rest(&self) -> i64 {
        i64::try_from(self.end.duration_since(self.since).as_millis()).unwrap_or(DAY)
    }

    /// Every machine starts before the logs begin to matter, and most take the newer update some time.
    fn patch(&mut self, dice: &mut Dice) {
        let machines = self.hosts.iter().chain([&self.controller]).cloned().chain(self.idle_second());
        for host in machines.collect::<Vec<_>>() {
            let [first, newer] = self.season.updates(host.os);
            let start = later(self.begin, dice.span(0, 10 * HOUR));
            self.site.boot(&host, first.revision, start);
            if self.hosts.contains(&host) {
                let class = "Hyper-V Replica Service";
                self.site.log(spn_registered(&host, class, later(start, 52_000)));
            }
            self.patched.push((host.clone(), first, later(start, -20 * DAY)));
            let upgraded = self
                .accounts
                .iter()
                .any(|account| account.machine.name == host.name && account.machine.os != host.os);
            let frozen = self.frozen && host.name == self.controller.name;
            if !upgraded && !frozen && dice.chance(0.6) {
                let when = later(self.begin, dice.span(DAY, self.span() + self.rest() - 2 * HOUR));
                self.update(&host, newer, when);
            }
        }
    }

    /// The domain controller takes the newer update, starts on it as the fault sets in, and takes none after.
    pub(super) fn update_controller(&mut self) -> Vec<Trigger> {
        let (dc, since) = (self.controller.clone(), self.since);
        let [_, newer] = self.season.updates(dc.os);
        let when = later(since, -UPDATE_TAKES);
        self.site.update(&dc, newer, when);
        self.patched.push((dc.clone(), newer, when));
        self.frozen = true;
        vec![Trigger::update(newer, &dc, since)]
    }

    /// A host takes an update and starts again.
    fn update(&mut self, host: &Machine, update: Update, when: Timestamp) {
        self.site.update(host, update, when);
        let started = later(when, HOUR / 2);
        if started > self.since && self.deaf.contains(host) {
            self.site.log(listener_disabled(host, started));
        }
        self.patched.push((host.clone(), update, when));
    }

    fn hum(&mut self, dice: &mut Dice) {
        for host in self.hosts.clone() {
            self.site.hum(&host, self.begin, 4, 110);
            if dice.chance(0.2) {
                let time = later(self.begin, dice.span(0, self.span() + self.rest()));
                self.site.log(clock_unsynchronised(&host, 86_400, time));
            }
            if dice.chance(0.15) {
                let time = later(self.begin, dice.span(0, self.span() + self.rest()));
                self.site.log(merge_failed(&host, &Vm::new("ARCHIVE01"), Fault::SharingViolation, time));
            }
        }
        let hosts: Vec<_> = self.hosts.clone();
        let hosts: Vec<&Machine> = hosts.iter().collect();
        self.site.hum_of_controller(&hosts, self.begin, 6, 120);
        if let Some(second) = self.idle_second() {
            self.site.hum_of(&second, &hosts, self.begin, 6, 120);
        }
    }

    /// What happens near the onset and has nothing to do with it.
    fn mislead(&mut self, planted: &[Planted], dice: &mut Dice) {
        let Some((source, target)) = self.broken.first().copied() else { return };
        if dice.chance(0.35) {
            let at = if dice.chance(0.5) { source } else { target };
            let host = self.host(at).clone();
            let [_, newer] = self.season.updates(host.os);
            if self.patched.iter().all(|(patched, update, _)| patched.name != host.name || *update != newer) {
                let when = later(self.since, -dice.span(25 * MINUTE, 5 * HOUR));
                self.update(&host, newer, when);
            }
        }
        let network = planted.iter().any(|planted| planted.cause == "network-unreachable");
        if !network && self.kind != Kind::Standalone && self.kind != Kind::CredSsp && dice.chance(0.2) {
            let (host, other) = (self.host(source).clone(), self.host(target).clone());
            let time = later(self.begin, dice.span(2 * DAY, 8 * DAY));
            self.site.log(interface_failed(&host, &other, "Cluster Network 2", time));
        }
        let delegation = planted
            .iter()
            .any(|planted| planted.cause.starts_with("kcd") || planted.cause.starts_with("account"));
        if !delegation && dice.chance(0.15) {
            // A file service is added to the list: a change, and none that takes anything away.
            let time = later(self.since, -dice.span(10 * MINUTE, 5 * HOUR));
            let spn = format!("cifs/FS{:02}", dice.below(90));
            self.change(source, time, |account| account.list.push(spn));
        }
    }
}

/// See [`super::crowd`].
pub(super) fn crowd(nodes: usize, count: usize) -> Told {
    let domain = Domain::new("contoso.com");
    let machine = |at: u32| Machine::new(&format!("HV{:03}", at + 1), &domain, 1104 + at, Os::Server2022);
    let hosts: Vec<_> = (0..).take(nodes).map(machine).collect();
    let controller = Machine::new("DC01", &domain, 1001, Os::Server2022);
    let mut site = Site::new("crowd", &controller, Kind::Administrators.style(Language::English));
    for (at, host) in hosts.iter().enumerate() {
        site.place(host, &[&format!("SQL{at:03}"), &format!("WEB{at:03}")]);
    }
    let begin = moment(8, 1, 0, 0);
    let pairs: Vec<_> = hosts.iter().flat_map(|one| hosts.iter().map(move |two| (one, two))).collect();
    let mut pairs = pairs.into_iter().filter(|(one, two)| one.name != two.name).cycle();
    for at in 0..count {
        let Some((source, target)) = pairs.next() else { break };
        let time = later(begin, i64::try_from(at).unwrap_or(0) * 75_000);
        if at % 100 == 0 {
            site.succeed(source, target, time);
        } else {
            site.fail(source, target, Fault::NoCredentials, time);
        }
    }
    let channels = [HIGH_AVAILABILITY, VMMS];
    let logs: Vec<_> =
        hosts.iter().flat_map(|host| channels.map(|channel| (host.clone(), channel))).collect();
    let (parts, _) = site.record(logs.iter().map(|(host, channel)| (host, *channel)));
    Told {
        accounts: hosts.iter().map(Account::host).collect(),
        settings: hosts.iter().map(|host| (host.clone(), Authentication::Kerberos)).collect(),
        logs: super::logs_of(parts, &logs),
        ..Told::default()
    }
}
