//! A site under observation: told what happens, it writes what every machine would have logged.
//!
//! The site always writes the whole truth; [`Site::export`] then hands out only the logs that a customer sent,
//! and says which attempts can be seen in them. What is *not* done here: text exports of the directory and the
//! hosts, which are stated by the story itself.

use jiff::Timestamp;

use super::events::security::{AccountChange, Admin, Request, ValueChange};
use super::events::{Fault, Language, Move, Side, hyper_v, security, system};
use super::evtx::{Payload, Record, write_log};
use super::exports::{directory::Account, events::event_viewer_xml, system_time, utf16, wevtutil};
use super::{Dice, Machine, Os, Update, Vm, later};

/// How moves happen at a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// The hosts are nodes of one cluster: the resource library logs too.
    pub clustered: bool,
    /// Moves run under an administrator's identity, so domain controllers see requests on their behalf.
    pub delegated: bool,
    /// The resource library writes down the phases of a move that succeeds.
    pub phases: bool,
    /// The display language of the hosts.
    pub language: Language,
}

/// An attempt to move a machine, as it can be seen in the exported logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The source's name.
    pub source: String,
    /// The target's name.
    pub target: String,
    /// The virtual machine's name.
    pub vm: String,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// The true time of its first exported record, whatever the clock of the machine said.
    pub time: Timestamp,
}

/// How a log is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The binary log.
    Evtx,
    /// `wevtutil qe /f:xml`, UTF-8.
    Xml,
    /// The same through PowerShell's `>`: UTF-16.
    XmlUtf16,
    /// Event Viewer's XML, with the message of every event.
    XmlWithMessages,
}

/// A log that the customer sent.
#[derive(Debug, Clone, Copy)]
pub struct Log<'a> {
    /// The machine.
    pub host: &'a Machine,
    /// The channel.
    pub channel: &'a str,
    /// The form.
    pub form: Form,
}

/// The exported logs and what they show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Export {
    /// Paths and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// Attempts with a record in one of the files, by time.
    pub attempts: Vec<Attempt>,
    /// What the files hold: a machine and the records of one of its channels.
    pub logs: Vec<(Machine, Vec<Record>)>,
}

/// One file's worth of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Which of the logs that were asked for.
    pub log: usize,
    /// The folder that it lies in, where the host was upgraded since.
    pub folder: &'static str,
    /// Its records, numbered.
    pub records: Vec<Record>,
}

/// One record on its way to a log.
struct Entry {
    /// The true time, whatever the machine's clock says.
    time: Timestamp,
    attempt: Option<usize>,
    record: Record,
}

/// An attempt that was told of and is not yet written down: which machine moves depends on the moves before it,
/// and stories are not told in the order of time.
struct Plan {
    source: Machine,
    target: Machine,
    fault: Option<Fault>,
    start: Timestamp,
}

/// Who tried what; the time comes from the exported records.
struct Tried {
    source: String,
    target: String,
    vm: String,
    succeeded: bool,
}

/// Where a virtual machine is, and when it moved last.
struct Placed {
    vm: Vm,
    host: String,
    moved: u64,
}

/// A site under observation.
pub struct Site {
    dice: Dice,
    style: Style,
    controller: Machine,
    machines: Vec<Placed>,
    plans: Vec<Plan>,
    entries: Vec<Entry>,
    tried: Vec<Tried>,
    clocks: Vec<(String, Timestamp, i64)>,
    /// Names of the nodes of each cluster; empty where all hosts are of one.
    clusters: Vec<Vec<String>>,
    upgrades: Vec<(String, Timestamp)>,
}

/// Milliseconds from the beginning of an update to the start on it.
pub const UPDATE_TAKES: i64 = 1_201_700;

impl Site {
    /// A site with a domain controller; `name` seeds its jitter.
    #[must_use]
    pub fn new(name: &str, controller: &Machine, style: Style) -> Self {
        Self {
            dice: Dice::named(name),
            style,
            controller: controller.clone(),
            machines: Vec::new(),
            plans: Vec::new(),
            entries: Vec::new(),
            tried: Vec::new(),
            clocks: Vec::new(),
            clusters: Vec::new(),
            upgrades: Vec::new(),
        }
    }

    /// Puts virtual machines on a host.
    pub fn place(&mut self, host: &Machine, names: &[&str]) {
        let placed = |name: &&str| Placed { vm: Vm::new(name), host: host.name.clone(), moved: 0 };
        self.machines.extend(names.iter().map(placed));
    }

    /// The hosts form several clusters. Inside of one they move machines by themselves, and only there the resource
    /// library logs.
    pub fn cluster(&mut self, clusters: &[&[Machine]]) {
        let names = |nodes: &&[Machine]| nodes.iter().map(|node| node.name.clone()).collect();
        self.clusters = clusters.iter().map(names).collect();
    }

    /// How a move from `source` to `target` happens.
    fn style_of(&self, go: Move<'_>) -> Style {
        let within = |nodes: &Vec<String>| nodes.contains(&go.source.name) && nodes.contains(&go.target.name);
        let together = self.clusters.iter().any(within);
        if self.clusters.is_empty() {
            return self.style;
        }
        Style { clustered: together, delegated: !together, ..self.style }
    }

    /// From `since` on, the clock of `host` is `milliseconds` ahead.
    pub fn set_clock_wrong(&mut self, host: &Machine, since: Timestamp, milliseconds: i64) {
        self.clocks.push((host.fqdn(), since, milliseconds));
    }

    /// At `time` the host is upgraded in place: its logs begin anew, the old ones lie under `Windows.old`.
    pub fn upgrade(&mut self, host: &Machine, to: Os, revision: u32, time: Timestamp) {
        self.log(system::stopped(host, later(time, -1_260_000)));
        self.upgrades.push((host.fqdn(), time));
        self.log(system::log_started(host, later(time, 14_000)));
        self.log(system::started(host, to, revision, time));
    }

    /// Writes a record down, by the clock of the machine that it comes from.
    pub fn log(&mut self, record: Record) {
        self.enter(None, record);
    }

    fn enter(&mut self, attempt: Option<usize>, mut record: Record) {
        let time = record.time;
        let ahead = self.clocks.iter().filter(|(host, since, _)| *host == record.computer && *since <= time);
        record.time = later(time, ahead.map(|(_, _, milliseconds)| milliseconds).sum());
        // The kernel writes the machine's own time into the payload as well.
        if let Payload::EventData(fields) = &mut record.payload {
            let is_clock = |name: &Option<String>| matches!(name.as_deref(), Some("StartTime" | "StopTime"));
            for (_, value) in fields.iter_mut().filter(|(name, _)| is_clock(name)) {
                *value = system_time(record.time);
            }
        }
        self.entries.push(Entry { time, attempt, record });
    }

    /// A machine moves from `source` to `target` about then, and arrives.
    pub fn succeed(&mut self, source: &Machine, target: &Machine, about: Timestamp) {
        self.plan(source, target, None, about);
    }

    /// `count` moves from `source` to `target` that succeed, `hours` apart.
    pub fn succeed_often(
        &mut self,
        source: &Machine,
        target: &Machine,
        first: Timestamp,
        count: u32,
        hours: u32,
    ) {
        for at in 0..count {
            self.succeed(source, target, later(first, i64::from(at * hours) * 3_600_000));
        }
    }

    /// A machine should move from `source` to `target`, and `fault` prevents it. Returns the start.
    pub fn fail(&mut self, source: &Machine, target: &Machine, fault: Fault, about: Timestamp) -> Timestamp {
        self.plan(source, target, Some(fault), about)
    }

    fn plan(
        &mut self,
        source: &Machine,
        target: &Machine,
        fault: Option<Fault>,
        about: Timestamp,
    ) -> Timestamp {
        let start = self.start(about);
        self.plans.push(Plan { source: source.clone(), target: target.clone(), fault, start });
        start
    }

    /// Writes down every attempt, in the order of time.
    fn settle(&mut self) {
        let mut plans = std::mem::take(&mut self.plans);
        plans.sort_by_key(|plan| plan.start);
        for Plan { source, target, fault, start } in plans {
            let vm = self.choose(&source, &target, fault.is_none());
            let go = Move { vm: &vm, source: &source, target: &target };
            self.tried.push(Tried {
                source: source.name.clone(),
                target: target.name.clone(),
                vm: vm.name.clone(),
                succeeded: fault.is_none(),
            });
            match fault {
                None => self.log_success(go, start),
                Some(fault) => self.log_failure(go, fault, start),
            }
        }
    }

    fn log_success(&mut self, go: Move<'_>, start: Timestamp) {
        let attempt = self.tried.len().checked_sub(1);
        let (seconds, tenths) = (4 + self.dice.below(40), self.dice.below(9) + 1);
        let end = later(start, i64::try_from(seconds).unwrap_or(0) * 1000 + 371);
        if self.style_of(go).delegated {
            let ticket = security::delegation_granted(self.request(go.source, go.target, later(start, -96)));
            self.log(ticket);
        }
        self.enter(attempt, hyper_v::initiated(go, start));
        self.enter(attempt, hyper_v::completed(go, &format!("0.{tenths}"), end));
        if self.style_of(go).phases {
            self.enter(attempt, hyper_v::finished_on_target(go, seconds, later(end, 13)));
            self.enter(attempt, hyper_v::finished_on_source(go, seconds, later(end, 41)));
        }
    }

    fn log_failure(&mut self, go: Move<'_>, fault: Fault, start: Timestamp) {
        let attempt = self.tried.len().checked_sub(1);
        let end = later(start, fault.delay());
        self.log_tickets(go, fault, end);
        if !fault.prevents_connection() && !matches!(fault, Fault::MissingSwitch | Fault::Processor) {
            self.enter(attempt, hyper_v::initiated(go, start));
        }
        for record in causes(go, fault, end) {
            self.enter(attempt, record);
        }
        // The cluster refuses a node that may not own the role before Hyper-V hears of it.
        if fault != Fault::NotOwner {
            self.enter(attempt, hyper_v::failed_at_source(go, later(end, 31)));
        }
        if fault.side() == Side::Destination {
            self.enter(attempt, hyper_v::failed_at_destination(go, later(end, 12)));
        }
        if self.style_of(go).clustered {
            self.enter(attempt, hyper_v::move_failed(go, later(end, 58)));
            self.enter(attempt, hyper_v::failure_report(go, fault, self.style.language, later(end, 64)));
        }
    }

    /// What the domain controller sees of a move that fails.
    fn log_tickets(&mut self, go: Move<'_>, fault: Fault, end: Timestamp) {
        let request =
            Request { dc: &self.controller, client: go.source, service: go.target, time: later(end, -83) };
        let spn = crate::fact::Spn::migration(&go.target.fqdn());
        let record = match fault {
            Fault::NoCredentials if self.style_of(go).delegated => security::delegation_refused(request),
            // Nobody bears the SPN: KDC_ERR_S_PRINCIPAL_UNKNOWN.
            Fault::UnknownTarget => security::ticket_refused(request, &spn, 0x7),
            _ => return,
        };
        self.log(record);
    }

    fn request<'a>(&'a self, client: &'a Machine, service: &'a Machine, time: Timestamp) -> Request<'a> {
        Request { dc: &self.controller, client, service, time }
    }

    /// The machine on `source` that rested longest; a new one where the story placed none there.
    fn choose(&mut self, source: &Machine, target: &Machine, arrives: bool) -> Vm {
        let turn = 1 + self.machines.iter().map(|placed| placed.moved).max().unwrap_or(0);
        let host = if arrives { target.name.clone() } else { source.name.clone() };
        let here = self.machines.iter_mut().filter(|placed| placed.host == source.name);
        if let Some(placed) = here.min_by_key(|placed| placed.moved) {
            (placed.moved, placed.host) = (turn, host);
            return placed.vm.clone();
        }
        let vm = Vm::new(&format!("TEST{:02}", self.machines.len()));
        self.machines.push(Placed { vm: vm.clone(), host, moved: turn });
        vm
    }

    /// `about`, up to four minutes later, on the grid of FILETIME.
    fn start(&mut self, about: Timestamp) -> Timestamp {
        let ticks = i128::from(self.dice.below(2_400_000_000));
        Timestamp::from_nanosecond(about.as_nanosecond() + ticks * 100).unwrap_or(about)
    }

    /// The machine starts on that update revision.
    pub fn boot(&mut self, host: &Machine, revision: u32, time: Timestamp) {
        self.log(system::started(host, host.os, revision, time));
        self.log(system::log_started(host, later(time, 11_300)));
        self.log(system::service_changed(
            host,
            "Hyper-V Virtual Machine Management",
            "running",
            later(time, 41_050),
        ));
    }

    /// The machine installs an update and restarts onto it, in the order that real logs show.
    pub fn update(&mut self, host: &Machine, update: Update, time: Timestamp) {
        let restarted = later(time, UPDATE_TAKES);
        self.log(system::update_started(host, update, time));
        self.log(system::restart_required(host, update, later(time, 811_200)));
        self.log(system::stopped(host, later(time, 1_020_400)));
        self.boot(host, update.revision, restarted);
        self.log(system::package_installed(host, update, later(time, 1_322_900)));
        self.log(system::update_installed(host, update, later(time, 1_391_600)));
    }

    /// Everyday records of the system log, `hours` apart.
    pub fn hum(&mut self, host: &Machine, first: Timestamp, count: u32, hours: u32) {
        const SERVICES: [&str; 4] =
            ["Windows Update", "Windows Modules Installer", "Volume Shadow Copy", "Device Setup Manager"];
        for at in 0..count {
            let time = self.start(later(first, i64::from(at * hours) * 3_600_000));
            let service = self.dice.pick(&SERVICES).copied().unwrap_or("Windows Update");
            let state = if self.dice.chance(0.5) { "running" } else { "stopped" };
            self.log(system::service_changed(host, service, state, time));
        }
    }

    /// Everyday records of the domain controller's security log: logons and plain tickets.
    pub fn hum_of_controller(&mut self, hosts: &[&Machine], first: Timestamp, count: u32, hours: u32) {
        let dc = self.controller.clone();
        self.hum_of(&dc, hosts, first, count, hours);
    }

    /// The same of any domain controller.
    pub fn hum_of(&mut self, dc: &Machine, hosts: &[&Machine], first: Timestamp, count: u32, hours: u32) {
        for at in 0..count {
            let time = self.start(later(first, i64::from(at * hours) * 3_600_000));
            let Some(host) = self.dice.pick(hosts).copied() else { return };
            let who = Admin { name: host.account(), sid: host.sid(), logon: "0x1f2a3b".to_owned() };
            let request = Request { dc, client: host, service: dc, time: later(time, -4) };
            self.log(security::ticket_granted(request));
            self.log(security::logon(dc, &who, &host.ip, time));
        }
    }

    /// An administrator changes the delegation of an account: 4742, then one 5136 a value some seconds later.
    pub fn change_delegation(&mut self, before: &Account, after: &Account, by: &Admin, time: Timestamp) {
        let (dn, dc) = (before.dn(), self.controller.clone());
        let delegation = (before.list != after.list).then(|| after.list.clone());
        let change = AccountChange { delegation, control: sam_change(before.control, after.control) };
        self.log(security::account_changed(&dc, &before.machine, by, &change, time));
        let mut values = Vec::new();
        if before.control != after.control {
            values.push(("userAccountControl", before.control.to_string(), false));
            values.push(("userAccountControl", after.control.to_string(), true));
        }
        let list = "msDS-AllowedToDelegateTo";
        let gone = before.list.iter().filter(|spn| !after.list.contains(spn));
        values.extend(gone.map(|spn| (list, spn.clone(), false)));
        let new = after.list.iter().filter(|spn| !before.list.contains(spn));
        values.extend(new.map(|spn| (list, spn.clone(), true)));
        for (at, (attribute, value, added)) in values.iter().enumerate() {
            let change = ValueChange { dn: &dn, attribute, value, added: *added };
            let time = later(time, 4_090 + i64::try_from(at).unwrap_or(0));
            self.log(security::value_changed(&dc, by, change, time));
        }
    }

    /// The logs that the customer sent. A log of an upgraded host comes in two files.
    #[must_use]
    pub fn export(self, logs: &[Log<'_>]) -> Export {
        let (parts, attempts) = self.record(logs.iter().map(|log| (log.host, log.channel)));
        let mut export = Export { attempts, ..Export::default() };
        for Part { log, folder, records } in parts {
            let Some(log) = logs.get(log) else { continue };
            export.files.push(file(log, folder, &records));
            export.logs.push((log.host.clone(), records));
        }
        export
    }

    /// What the logs of these machines and channels hold, before it is written in any form, and the attempts that
    /// have a record in one of them.
    #[must_use]
    pub fn record<'a>(
        mut self,
        logs: impl Iterator<Item = (&'a Machine, &'a str)>,
    ) -> (Vec<Part>, Vec<Attempt>) {
        self.settle();
        let mut parts = Vec::new();
        let mut first_seen: Vec<Option<Timestamp>> = vec![None; self.tried.len()];
        for (index, (host, channel)) in logs.enumerate() {
            let host = host.fqdn();
            let mut entries: Vec<&Entry> = self
                .entries
                .iter()
                .filter(|entry| entry.record.computer == host && entry.record.channel == channel)
                .collect();
            entries.sort_by_key(|entry| entry.time);
            for entry in &entries {
                note(&mut first_seen, entry);
            }
            let upgrade = self.upgrades.iter().find(|(upgraded, _)| *upgraded == host).map(|(_, time)| *time);
            let old = entries.partition_point(|entry| upgrade.is_some_and(|upgrade| entry.time < upgrade));
            let (before, after) = entries.split_at_checked(old).unwrap_or((&entries, &[]));
            let number = Dice::named(&format!("{host}{channel}")).below(60_000) + 1;
            let old = numbered(before, number);
            let new = numbered(after, if upgrade.is_some() { 1 } else { number });
            let both = [("Windows.old/Windows/System32/winevt/Logs/", old), ("", new)];
            // None where there is nothing to write.
            let written = both.into_iter().filter(|(_, records)| !records.is_empty());
            parts.extend(written.map(|(folder, records)| Part { log: index, folder, records }));
        }
        let mut attempts: Vec<_> =
            self.tried.iter().zip(first_seen).filter_map(|(tried, time)| seen(tried, time?)).collect();
        attempts.sort_by_key(|attempt| attempt.time);
        (parts, attempts)
    }
}

/// What the machines say of the cause itself, as records of the attempt.
fn causes(go: Move<'_>, fault: Fault, end: Timestamp) -> Vec<Record> {
    match fault {
        Fault::Reset => vec![hyper_v::send_failed(go, fault, end)],
        Fault::OutOfMemory | Fault::NoResources => vec![hyper_v::memory_refused(go, fault, later(end, -9))],
        Fault::SharingViolation | Fault::MissingMedia => {
            vec![hyper_v::disk_not_opened(go, fault, later(end, -9))]
        }
        Fault::UserRight => vec![hyper_v::planned_refused(go, fault, later(end, -9))],
        Fault::NotRegistered => vec![hyper_v::not_registered(go, fault, later(end, -9))],
        Fault::KeyProtector => vec![hyper_v::key_not_unwrapped(go, later(end, -9))],
        Fault::OldVersion => vec![hyper_v::version_refused(go, later(end, -9))],
        Fault::LimitReached => vec![hyper_v::limit_reached(go, later(end, -9))],
        // Only the cluster speaks of it.
        Fault::NotOwner => Vec::new(),
        Fault::Processor => vec![hyper_v::processor_incompatible(go, later(end, 4))],
        Fault::MissingSwitch => vec![
            hyper_v::switch_not_found(go, "vSwitch-Production", later(end, -17)),
            hyper_v::switch_missing(go, later(end, 22)),
            hyper_v::setup_failed(go, later(end, 26)),
        ],
        _ => vec![hyper_v::no_connection(go, fault, end)],
    }
}

/// The change of control bits as 4742 shows it: other bits than the directory's, and a message.
fn sam_change(before: u32, after: u32) -> Option<(u32, u32, &'static str)> {
    const TABLE: [(u32, u32, &str, &str); 3] = [
        (0x2, 0x1, "%%2080", "%%2048"),
        (0x8_0000, 0x2000, "%%2093", "%%2061"),
        (0x100_0000, 0x4_0000, "%%2098", "%%2066"),
    ];
    let sam =
        |control: u32| TABLE.iter().filter(|row| control & row.0 != 0).fold(0x80, |bits, row| bits | row.1);
    let row = TABLE.iter().find(|row| (before ^ after) & row.0 != 0)?;
    let message = if after & row.0 != 0 { row.2 } else { row.3 };
    Some((sam(before), sam(after), message))
}

fn note(first_seen: &mut [Option<Timestamp>], entry: &Entry) {
    if let Some(slot) = entry.attempt.and_then(|index| first_seen.get_mut(index)) {
        *slot = Some(slot.map_or(entry.time, |time| time.min(entry.time)));
    }
}

fn seen(tried: &Tried, time: Timestamp) -> Option<Attempt> {
    Some(Attempt {
        source: tried.source.clone(),
        target: tried.target.clone(),
        vm: tried.vm.clone(),
        succeeded: tried.succeeded,
        time,
    })
}

/// Records as their log numbers them.
fn numbered(entries: &[&Entry], first: u64) -> Vec<Record> {
    let record = |(number, entry): (u64, &&Entry)| Record { record: number, ..entry.record.clone() };
    (first..).zip(entries).map(record).collect()
}

/// One log file.
fn file(log: &Log<'_>, folder: &str, records: &[Record]) -> (String, Vec<u8>) {
    let (content, extension) = match log.form {
        Form::Evtx => (write_log(records), "evtx"),
        Form::Xml => (wevtutil(records).into_bytes(), "xml"),
        Form::XmlUtf16 => (utf16(&wevtutil(records)), "xml"),
        Form::XmlWithMessages => (event_viewer_xml(records).into_bytes(), "xml"),
    };
    // Windows writes the slash of a channel's name as %4.
    let name = log.channel.replace('/', "%4");
    (format!("{}/{folder}{name}.{extension}", log.host.name), content)
}
