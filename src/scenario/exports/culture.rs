//! How the cultures of exporters print dates and times: always local, and without a zone.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::Offset};

/// The culture that dates are printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Culture {
    /// en-US: `9/15/2026 4:12:00 PM`.
    #[default]
    American,
    /// de-DE: `15.09.2026 16:12:00`.
    German,
    /// en-GB: `15/09/2026 16:12:00`.
    British,
    /// es-CO: `15/09/2026 4:12:00 p. m.`, with no-break blanks behind the time.
    Colombian,
    /// ja-JP: `2026/09/15 16:12:00`.
    Japanese,
}

impl Culture {
    /// A date and time.
    #[must_use]
    pub fn time(self, time: DateTime) -> String {
        match self {
            Self::American => time.strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string(),
            Self::German => time.strftime("%d.%m.%Y %H:%M:%S").to_string(),
            Self::British => time.strftime("%d/%m/%Y %H:%M:%S").to_string(),
            Self::Colombian => {
                let half = if time.hour() < 12 { "a" } else { "p" };
                format!("{}\u{a0}{half}.\u{a0}m.", time.strftime("%d/%m/%Y %-I:%M:%S"))
            }
            Self::Japanese => time.strftime("%Y/%m/%d %H:%M:%S").to_string(),
        }
    }

    /// A day, which PowerShell prints as its midnight.
    #[must_use]
    pub fn day(self, day: Date) -> String {
        self.time(day.at(0, 0, 0, 0))
    }

    /// What separates values in its tables (`Export-Csv -UseCulture`).
    #[must_use]
    pub fn delimiter(self) -> char {
        match self {
            Self::German | Self::Colombian => ';',
            Self::American | Self::British | Self::Japanese => ',',
        }
    }
}

/// Where and how an export is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exporter {
    /// The culture of the session.
    pub culture: Culture,
    /// Hours that its clock is ahead of UTC.
    pub ahead: i8,
    /// Columns of its console.
    pub width: usize,
    /// `$FormatEnumerationLimit`: how many items of a list a console shows; `None` is -1, all of them.
    pub limit: Option<usize>,
}

impl Default for Exporter {
    /// An American session in UTC whose console is wide and cuts no list.
    fn default() -> Self {
        Self { culture: Culture::American, ahead: 0, width: 4096, limit: None }
    }
}

impl Exporter {
    /// What its clock shows at `time`.
    #[must_use]
    pub fn clock(self, time: Timestamp) -> DateTime {
        self.offset().to_datetime(time)
    }

    /// A time as it prints it.
    #[must_use]
    pub fn time(self, time: Timestamp) -> String {
        self.culture.time(self.clock(time))
    }

    /// A time with its zone, as ISO 8601 with seven decimals: what keeps a `datetime` exact.
    #[must_use]
    pub fn instant(self, time: Timestamp) -> String {
        let sign = if self.ahead < 0 { '-' } else { '+' };
        let zone = format!("{sign}{:02}:00", self.ahead.unsigned_abs());
        let clock = self.clock(time);
        format!("{}.{:07}{zone}", clock.strftime("%Y-%m-%dT%H:%M:%S"), clock.subsec_nanosecond() / 100)
    }

    /// The instant at which a day begins on its clock.
    #[must_use]
    pub fn midnight(self, day: Date) -> Timestamp {
        self.offset().to_timestamp(day.at(0, 0, 0, 0)).unwrap_or_default()
    }

    fn offset(self) -> Offset {
        Offset::from_hours(self.ahead).unwrap_or(Offset::UTC)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_culture_prints_its_own() {
        let time = date(2026, 9, 5).at(16, 2, 3, 0);
        let all =
            [Culture::American, Culture::German, Culture::British, Culture::Colombian, Culture::Japanese]
                .map(|culture| culture.time(time));
        let expected = [
            "9/5/2026 4:02:03 PM",
            "05.09.2026 16:02:03",
            "05/09/2026 16:02:03",
            "05/09/2026 4:02:03\u{a0}p.\u{a0}m.",
            "2026/09/05 16:02:03",
        ];
        assert_eq!(all, expected);
        assert_eq!(Culture::American.day(date(2026, 9, 5)), "9/5/2026 12:00:00 AM");
        let exporter = Exporter { ahead: -7, ..Exporter::default() };
        assert_eq!(exporter.instant(Timestamp::UNIX_EPOCH), "1969-12-31T17:00:00.0000000-07:00");
        assert_eq!(exporter.midnight(date(1970, 1, 1)).as_second(), 7 * 3600);
    }
}
