//! The packages of Windows' servicing: `dism /get-packages` as list and as table, `Get-WindowsPackage` as list.
//!
//! Labels and states are translated, names of packages and the order of their lines (state, kind, time) are not. The
//! word for "installed" is the one that a part of Windows itself bears, which is never anything else. The revision of
//! Windows is the version of the image, else that of the newest cumulative update that is installed: replaced, staged
//! and pending ones do not run.
//! What is *not* done here: packages of the servicing stack and of .NET, whose versions are not the system's; states of
//! images other than the running system's look alike and can't be told apart.

use super::dates::{Order, Written, written};
use super::hot_fix::kb;
use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{Build, InstallDay, InstalledUpdate, MachineReport, Observation, Parsed, Position};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// Stands in the name of each of Microsoft's packages: the token of the key that signed it.
const TOKEN: &str = "~31bf3856ad364e35~";
/// Packages that every running system has.
const ALWAYS_INSTALLED: [&str; 2] =
    ["Microsoft-Windows-Foundation-Package~", "Microsoft-Windows-FodMetadata-Package~"];

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    packages(head.text()).next().is_some().then_some("windows-packages")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let text = tool_text::whole(text, &mut parsed.issues);
    let own = |package: &Package<'_>| ALWAYS_INSTALLED.iter().any(|name| package.name.starts_with(name));
    let installed = packages(text).find(own).map_or("Installed", |package| package.state);
    let mut order = Order::default();
    let mut updates = Vec::new();
    let mut newest: Option<(Build, u64)> = None;
    for package in packages(text) {
        parsed.coverage.records += 1;
        order.learn(package.time);
        if !package.state.eq_ignore_ascii_case(installed) {
            continue;
        }
        newest = newest.max(package.build().map(|build| (build, package.line)));
        updates.extend(package.kb().map(|kb| (package.line, kb, package.time)));
    }
    if let Some((build, line)) = image_version(text).or(newest) {
        let report = MachineReport { build: Some(build), ..MachineReport::default() };
        parsed.facts.push(context.fact(Position::Line(line), Observation::Machine(Box::new(report))));
    }
    let mut undecided = None;
    for (line, kb, time) in updates {
        let installed = order.install_day(time);
        if let InstallDay::Either(month_first, day_first) = installed {
            undecided.get_or_insert((month_first, day_first));
        }
        let update = InstalledUpdate { host: None, kb, installed };
        parsed.facts.push(context.fact(Position::Line(line), Observation::Update(update)));
    }
    parsed.issues.extend(undecided.map(|(month_first, day_first)| Order::undecided(month_first, day_first)));
    parsed
}

/// A package with its state.
struct Package<'a> {
    line: u64,
    /// `Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.3406.1.5`.
    name: &'a str,
    state: &'a str,
    time: Written,
}

impl Package<'_> {
    /// The build that a cumulative update brings.
    fn build(&self) -> Option<Build> {
        let version = self.name.strip_prefix("Package_for_RollupFix~")?.rsplit('~').next()?;
        let mut parts = version.split('.');
        let (number, revision) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        // A name that a narrow table cut lacks its last numbers.
        (parts.count() == 2).then_some(Build { number, revision: Some(revision) })
    }

    fn kb(&self) -> Option<String> {
        kb(self.name.strip_prefix("Package_for_")?.split('~').next()?)
    }
}

/// Every package whose state is printed.
fn packages(text: &str) -> impl Iterator<Item = Package<'_>> {
    let mut lines = text::lines(text).peekable();
    std::iter::from_fn(move || {
        loop {
            let (line, content) = lines.next()?;
            if !content.contains(TOKEN) {
                continue;
            }
            let cells: Vec<_> = content.splitn(5, '|').map(str::trim).collect();
            if let [name, state, _, time, ..] = *cells.as_slice() {
                return Some(Package { line, name, state, time: written(time) });
            }
            let Some((_, name)) = tool_text::labelled(content) else { continue };
            // The lines that follow the name, in their order.
            let mut values = [""; 3];
            for value in &mut values {
                let is_next = |(_, line): &(u64, &str)| !line.trim().is_empty() && !line.contains(TOKEN);
                let Some((_, content)) = lines.next_if(is_next) else { break };
                *value = tool_text::labelled(content).map_or("", |(_, value)| value);
            }
            let [state, _, time] = values;
            if !state.is_empty() {
                return Some(Package { line, name, state, time: written(time) });
            }
        }
    })
}

/// The version of the image: the second that DISM prints, behind its own.
fn image_version(text: &str) -> Option<(Build, u64)> {
    let version = |line: &str| {
        let rest = tool_text::labelled(line)?.1.strip_prefix("10.0.")?;
        let (number, revision) = rest.split_once('.')?;
        Some(Build { number: number.parse().ok()?, revision: Some(revision.parse().ok()?) })
    };
    let head = text::lines(text).take_while(|(_, line)| !line.contains(TOKEN));
    let mut found = head.filter_map(|(line, content)| Some((version(content)?, line)));
    found.nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;
    use jiff::civil::date;

    const GERMAN: &str = "\r\nTool zur Imageverwaltung für die Bereitstellung\r\nVersion: 10.0.17763.1\r\n\r\nPaketauflistung:\r\n\r\n\
        Paketidentität : Microsoft-Windows-Foundation-Package~31bf3856ad364e35~amd64~~10.0.17763.1\r\nStatus : Installiert\r\n\
        Versionstyp : Foundation\r\nInstallationszeit : 15.09.2018 09:08\r\n\r\n\
        Paketidentität : Package_for_KB4470788~31bf3856ad364e35~amd64~~17763.164.1.1\r\nStatus : Installiert\r\n\
        Versionstyp : Security Update\r\nInstallationszeit : 12.03.2019 06:27\r\n\r\n\
        Paketidentität : Package_for_KB5000000~31bf3856ad364e35~amd64~~17763.164.1.1\r\nStatus : Bereitgestellt\r\n\
        Versionstyp : Security Update\r\nInstallationszeit : \r\n\r\n\
        Paketidentität : Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.3406.1.5\r\nStatus : Installiert\r\n\
        Versionstyp : Security Update\r\nInstallationszeit : 13.09.2022 23:06\r\n\r\n\
        Paketidentität : Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.379.1.11\r\nStatus : Ersetzt\r\n\
        Versionstyp : Security Update\r\nInstallationszeit : 12.03.2019 06:31\r\n\r\n\
        Paketidentität : Package_for_ServicingStack_3650~31bf3856ad364e35~amd64~~17763.3650.1.1\r\nStatus : Installiert\r\n\
        Versionstyp : Update\r\nInstallationszeit : 13.09.2022 22:46\r\n\r\nDer Vorgang wurde erfolgreich beendet.\r\n";

    const TABLE: &str = "Version: 10.0.20348.681\r\n\r\nImage Version: 10.0.20348.1249\r\n\r\n\
        ---------------- | --------- | ------------ | ------------\r\nPackage Identity | State     | Release Type | Install Time\r\n\
        ---------------- | --------- | ------------ | ------------\r\n\
        Package_for_KB5012170~31bf3856ad364e35~amd64~~20348.880.1.1 | Installed | Security Update | 9/13/2022 11:06 PM\r\n\
        Package_for_RollupFix~31bf3856ad364e35~amd64~~20348.1366.1.5 | Install Pending | Security Update | 12/14/2022 1:00 AM\r\n";

    fn read(text: &str) -> Vec<String> {
        let parsed = testing::read(&FORMAT, text.as_bytes());
        let say = |fact: crate::fact::Fact| match fact.observation {
            Observation::Machine(report) => {
                let build = report.build.unwrap();
                format!("{}.{}", build.number, build.revision.unwrap())
            }
            Observation::Update(InstalledUpdate { kb, installed: InstallDay::On(day), .. }) => {
                format!("{kb} {day}")
            }
            other => format!("{other:?}"),
        };
        parsed.facts.into_iter().map(say).collect()
    }

    #[test]
    fn a_list_is_read_in_any_language() {
        assert_eq!(testing::kind(&FORMAT, GERMAN.as_bytes()), Some("windows-packages"));
        assert_eq!(read(GERMAN), ["KB4470788 2019-03-12", "17763.3406"]);
        assert_eq!(read(&GERMAN.replace("\r\n", "\r\r\n")), ["KB4470788 2019-03-12", "17763.3406"]);
        let list = "PackageName  : Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.7314.1.18\nPackageState : Installed\n\
                    ReleaseType  : SecurityUpdate\nInstallTime  : 5/15/2025 7:34:00 PM\n";
        assert_eq!(read(list), ["17763.7314"]);
    }

    #[test]
    fn a_table_is_read_and_what_is_pending_does_not_run() {
        assert_eq!(testing::kind(&FORMAT, TABLE.as_bytes()), Some("windows-packages"));
        assert_eq!(read(TABLE), ["20348.1249", "KB5012170 2022-09-13"]);
        assert_eq!(read(&TABLE.replace("Image Version", "x")), ["20348.1249", "KB5012170 2022-09-13"]);
        let without =
            TABLE.replace("Image Version: 10.0.20348.1249", "").replace("Install Pending", "Installed");
        assert_eq!(read(&without), ["KB5012170 2022-09-13", "20348.1366"]);
        assert_eq!(read(&without.replace("20348.1366.1.5", "20348.13...")), ["KB5012170 2022-09-13"]);
    }

    #[test]
    fn a_day_may_be_undecided() {
        let text = TABLE.replace("9/13/2022", "9/1/2022").replace("12/14/2022", "12/1/2022");
        let parsed = testing::read(&FORMAT, text.as_bytes());
        assert_eq!(testing::codes(&parsed), ["date-order-undecided"]);
        let either = InstallDay::Either(date(2022, 9, 1), date(2022, 1, 9));
        let is_either = |fact: &crate::fact::Fact| matches!(&fact.observation, Observation::Update(update) if update.installed == either);
        assert!(parsed.facts.iter().any(is_either));
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        testing::damage(&FORMAT, GERMAN, *b"\0\n:~\xFF");
        testing::damage(&FORMAT, TABLE, *b"\0\n|.\xFF");
        // A cut revision would be an older one.
        assert_eq!(read("PackageName : Package_for_RollupFix~31bf3856ad364e35~amd64~~17763.73"), [""; 0]);
        assert_eq!(read(&GERMAN.repeat(5_000)).len(), 5_001);
        assert_eq!(read(&TOKEN.repeat(500_000)).len(), 0);
        for text in ["", "a : b\n", "x~31bf3856ad364e35~y\n"] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None);
        }
    }
}
