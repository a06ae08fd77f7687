//! When a drawn incident happens: the updates that machines run at first, and those that come.
//!
//! Most incidents belong to the summer of 2026. One that an update sets off belongs to the month of that update, as all
//! machines of the site do. What an update brings stands in `knowledge/`, which nothing here may know: a test compares.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use crate::scenario::{Os, Update, updates};

/// A month of updates.
#[derive(Debug)]
pub(super) struct Season {
    /// The first day on which logs may begin: some days after the newer updates were published.
    begins: Date,
    /// By release, the update that its machines start on, and the one that comes.
    updates: &'static [(Os, [Update; 2])],
}

impl Season {
    /// The start of the first day, in UTC.
    pub(super) fn begin(&self) -> Timestamp {
        self.begins.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
    }

    /// Releases of Windows Server that there were.
    pub(super) fn releases(&self) -> impl Iterator<Item = Os> {
        self.updates.iter().map(|(os, _)| *os)
    }

    /// The update that machines of `os` start on, and the one that comes. No machine runs what a season lacks.
    pub(super) fn updates(&self, os: Os) -> [Update; 2] {
        self.updates.iter().find(|own| own.0 == os).map_or(updates(os), |own| own.1)
    }
}

/// Nothing that came then is known to break anything.
pub(super) const AUGUST_2026: Season = Season {
    begins: date(2026, 8, 14),
    updates: &[
        (Os::Server2016, updates(Os::Server2016)),
        (Os::Server2019, updates(Os::Server2019)),
        (Os::Server2022, updates(Os::Server2022)),
        (Os::Server2025, updates(Os::Server2025)),
    ],
};

/// The update of November breaks S4U2Self at domain controllers up to 2019 (`S4USELF-2021-11`).
pub(super) const NOVEMBER_2021: Season = Season {
    begins: date(2021, 11, 12),
    updates: &[
        (Os::Server2016, [of("2021-10", "KB5006669", 4704), of("2021-11", "KB5007192", 4770)]),
        (Os::Server2019, [of("2021-10", "KB5006672", 2237), of("2021-11", "KB5007206", 2300)]),
        (Os::Server2022, [of("2021-10", "KB5006699", 288), of("2021-11", "KB5007205", 350)]),
    ],
};

/// Since the update of July, domain controllers insist on the full signature of a PAC (`PACSIG-CVE-2022-37967`).
pub(super) const JULY_2023: Season = Season {
    begins: date(2023, 7, 14),
    updates: &[
        (Os::Server2016, [of("2023-06", "KB5027219", 5989), of("2023-07", "KB5028169", 6085)]),
        (Os::Server2019, [of("2023-06", "KB5027222", 4499), of("2023-07", "KB5028168", 4645)]),
        (Os::Server2022, [of("2023-06", "KB5027225", 1787), of("2023-07", "KB5028171", 1850)]),
    ],
};

/// Since the update of April, domain controllers assume AES alone where an account states nothing
/// (`RC4-CVE-2026-20833`).
pub(super) const APRIL_2026: Season = Season {
    begins: date(2026, 4, 17),
    updates: &[
        (Os::Server2016, [of("2026-03", "KB5078938", 8957), of("2026-04", "KB5082198", 9060)]),
        (Os::Server2019, [of("2026-03", "KB5078752", 8511), of("2026-04", "KB5082123", 8644)]),
        (Os::Server2022, [of("2026-03", "KB5078766", 4893), of("2026-04", "KB5082142", 5020)]),
        (Os::Server2025, [of("2026-03", "KB5078740", 32522), of("2026-04", "KB5082063", 32690)]),
    ],
};

const fn of(month: &'static str, kb: &'static str, revision: u32) -> Update {
    Update { kb, month, revision }
}
