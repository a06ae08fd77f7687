//! Synthetic incidents with known truth: the one source of fixtures, test inputs, benches and simulations.
//!
//! A story is told to a [`site::Site`]: moves, faults, changes. The site writes down what every machine would
//! have logged, and exports the part of it that a customer sent. [`events`] knows the shape of each event,
//! [`exports`] that of each text file, [`evtx`] writes the binary log, [`bundles`] tells the stories.
//!
//! No public log with events of a Hyper-V host exists, so everything here is synthetic: templates and field
//! orders follow Microsoft's documents, published message tables and the few records that were quoted in
//! public, and each constructor says where a number or a name is not established. Nothing here reads a clock
//! or a random device: the same calls give the same bytes. What is *not* done here: judging anything.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

pub mod bundles;
pub mod events;
pub mod evtx;
pub mod exports;
pub mod forms;
pub mod simulation;
pub mod site;

/// The SplitMix64 generator: small, seeded, good enough for jitter and identifiers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A generator that repeats itself for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator seeded by a name, so that adding a story never changes another one.
    #[must_use]
    pub fn named(name: &str) -> Self {
        // FNV-1a: any stable hash would do, the standard one is not stable between releases.
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where there is none.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll().checked_rem(bound).unwrap_or(0)
    }

    /// From `least` to below `most`; `least` where that is no span.
    pub fn span(&mut self, least: i64, most: i64) -> i64 {
        let width = u64::try_from(most.saturating_sub(least)).unwrap_or(0);
        least.saturating_add(i64::try_from(self.below(width)).unwrap_or(0))
    }

    /// An index below `count`; 0 where there is none.
    pub fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).unwrap_or(0)
    }

    /// True in `share` of all cases.
    pub fn chance(&mut self, share: f64) -> bool {
        const SCALE: u32 = 1_000_000;
        f64::from(u32::try_from(self.below(u64::from(SCALE))).unwrap_or(0)) < share * f64::from(SCALE)
    }

    /// One of `choices`; `None` where there are none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        let index = usize::try_from(self.below(choices.len() as u64)).ok()?;
        choices.get(index)
    }

    /// A version 4 GUID, upper-case and without braces, as Hyper-V writes VM ids.
    pub fn guid(&mut self) -> String {
        let (high, low) = (self.roll(), self.roll());
        format!(
            "{:08X}-{:04X}-4{:03X}-{:04X}-{:012X}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | ((low >> 48) & 0x3fff),
            low & 0xffff_ffff_ffff
        )
    }
}

/// Releases of Windows Server that hosts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// Windows Server 2016.
    Server2016,
    /// Windows Server 2019.
    Server2019,
    /// Windows Server 2022.
    Server2022,
    /// Windows Server 2025.
    Server2025,
}

impl Os {
    /// The build without its update revision.
    #[must_use]
    pub fn build(self) -> u32 {
        match self {
            Self::Server2016 => 14393,
            Self::Server2019 => 17763,
            Self::Server2022 => 20348,
            Self::Server2025 => 26100,
        }
    }

    /// `operatingSystem` as the computer object shows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Server2016 => "Windows Server 2016 Datacenter",
            Self::Server2019 => "Windows Server 2019 Datacenter",
            Self::Server2022 => "Windows Server 2022 Datacenter",
            Self::Server2025 => "Windows Server 2025 Datacenter",
        }
    }

    /// `operatingSystemVersion` as the computer object shows it: never with an update revision.
    #[must_use]
    pub fn version(self) -> String {
        format!("10.0 ({})", self.build())
    }

    /// What Windows Update calls the product in the titles of cumulative updates.
    #[must_use]
    pub fn product(self) -> &'static str {
        match self {
            Self::Server2016 => "Windows Server 2016",
            Self::Server2019 => "Windows Server 2019 (1809)",
            Self::Server2022 => "Microsoft server operating system version 21H2",
            Self::Server2025 => "Microsoft server operating system version 24H2",
        }
    }
}

/// A cumulative update, as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Update {
    /// `KB` and digits.
    pub kb: &'static str,
    /// The month in its title, such as `2026-08`.
    pub month: &'static str,
    /// The update revision that runs after the restart.
    pub revision: u32,
}

/// The cumulative updates of July and August 2026 of `os`.
#[must_use]
pub const fn updates(os: Os) -> [Update; 2] {
    const fn of(month: &'static str, kb: &'static str, revision: u32) -> Update {
        Update { kb, month, revision }
    }
    match os {
        Os::Server2016 => [of("2026-07", "KB5099535", 9339), of("2026-08", "KB5120418", 9418)],
        Os::Server2019 => [of("2026-07", "KB5099538", 9020), of("2026-08", "KB5120238", 9121)],
        Os::Server2022 => [of("2026-07", "KB5099540", 5386), of("2026-08", "KB5120242", 5499)],
        Os::Server2025 => [of("2026-07", "KB5099536", 33158), of("2026-08", "KB5120233", 33296)],
    }
}

/// An Active Directory domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// The DNS name, lower-case.
    pub dns: String,
    /// The NetBIOS name, upper-case.
    pub netbios: String,
    /// The three parts of its SID after `S-1-5-21`.
    pub parts: [u32; 3],
}

impl Domain {
    /// A domain whose names and SID derive from its DNS name.
    #[must_use]
    pub fn new(dns: &str) -> Self {
        let mut dice = Dice::named(dns);
        let mut part = || u32::try_from(dice.below(3_000_000_000)).unwrap_or(0) + 500_000_000;
        let netbios = dns.split('.').next().unwrap_or(dns).to_ascii_uppercase();
        Self { dns: dns.to_ascii_lowercase(), netbios, parts: [part(), part(), part()] }
    }

    /// The Kerberos realm.
    #[must_use]
    pub fn realm(&self) -> String {
        self.dns.to_ascii_uppercase()
    }

    /// The distinguished name.
    #[must_use]
    pub fn dn(&self) -> String {
        let parts: Vec<String> = self.dns.split('.').map(|label| format!("DC={label}")).collect();
        parts.join(",")
    }

    /// The SID of the account with `rid`.
    #[must_use]
    pub fn sid(&self, rid: u32) -> String {
        let [a, b, c] = self.parts;
        format!("S-1-5-21-{a}-{b}-{c}-{rid}")
    }
}

/// A computer of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The host name, upper-case.
    pub name: String,
    /// Its domain.
    pub domain: Domain,
    /// The last part of its SID.
    pub rid: u32,
    /// Its address in the management network.
    pub ip: String,
    /// What it runs.
    pub os: Os,
}

impl Machine {
    /// A computer; its address derives from `rid`.
    #[must_use]
    pub fn new(name: &str, domain: &Domain, rid: u32, os: Os) -> Self {
        let ip = format!("10.20.{}.{}", (rid / 250) % 250, rid % 250 + 2);
        Self { name: name.to_ascii_uppercase(), domain: domain.clone(), rid, ip, os }
    }

    /// The full DNS name, the host part as the machine writes it.
    #[must_use]
    pub fn fqdn(&self) -> String {
        format!("{}.{}", self.name, self.domain.dns)
    }

    /// The sAMAccountName: at most fifteen characters and a `$`.
    #[must_use]
    pub fn account(&self) -> String {
        format!("{}$", self.name.chars().take(15).collect::<String>())
    }

    /// The Kerberos principal of its account.
    #[must_use]
    pub fn principal(&self) -> String {
        format!("{}@{}", self.account(), self.domain.realm())
    }

    /// The SID of its account.
    #[must_use]
    pub fn sid(&self) -> String {
        self.domain.sid(self.rid)
    }

    /// `class/NAME` and `class/name.domain`, as Windows registers both forms.
    #[must_use]
    pub fn spns(&self, class: &str) -> [String; 2] {
        [format!("{class}/{}", self.name), format!("{class}/{}", self.fqdn())]
    }
}

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vm {
    /// Its name.
    pub name: String,
    /// Its id, a GUID without braces.
    pub id: String,
}

impl Vm {
    /// A virtual machine whose id derives from its name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), id: Dice::named(name).guid() }
    }

    /// Its cluster resource.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("Virtual Machine {}", self.name)
    }
}

/// A moment of 2026 in UTC, the year of all stories; the epoch where there is no such moment.
#[must_use]
pub fn moment(month: i8, day: i8, hour: i8, minute: i8) -> Timestamp {
    DateTime::new(2026, month, day, hour, minute, 0, 0)
        .and_then(|civil| civil.to_zoned(TimeZone::UTC))
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

/// The moment `milliseconds` after `time` (before it, if negative), on the 100 ns grid of FILETIME.
#[must_use]
pub fn later(time: Timestamp, milliseconds: i64) -> Timestamp {
    let nanoseconds = time.as_nanosecond() + i128::from(milliseconds) * 1_000_000;
    Timestamp::from_nanosecond(nanoseconds - nanoseconds.rem_euclid(100)).unwrap_or(time)
}

/// `time` in FILETIME units: 100 ns since 1601.
#[must_use]
pub fn filetime(time: Timestamp) -> i128 {
    time.as_nanosecond() / 100 + 116_444_736_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first outputs for seed 1234567 as published with the reference implementation.
        let mut dice = Dice::new(1_234_567);
        assert_eq!([dice.roll(), dice.roll()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn names_and_times_are_stable() {
        let domain = Domain::new("contoso.com");
        let host = Machine::new("hv01", &domain, 1104, Os::Server2019);
        assert_eq!(host.principal(), "HV01$@CONTOSO.COM");
        assert_eq!(domain.dn(), "DC=contoso,DC=com");
        assert_eq!(moment(9, 30, 16, 5).to_string(), "2026-09-30T16:05:00Z");
        assert_eq!(filetime(Timestamp::UNIX_EPOCH), 116_444_736_000_000_000);
        assert_eq!(
            Machine::new("A-VERY-LONG-HOST-NAME", &domain, 1, Os::Server2022).account(),
            "A-VERY-LONG-HOS$"
        );
    }
}
