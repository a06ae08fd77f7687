//! What a machine says of itself: `Win32_OperatingSystem`, `Get-ComputerInfo`, `Win32_DeviceGuard` and the registry's
//! `CurrentVersion`, in any syntax.
//!
//! What is *not* done here: reading a configuration of Credential Guard as its state.

use jiff::Timestamp;

use super::Context;
use super::dates::{Written, written};
use super::records::{Cell, Gather, Kinds, Meaning, Record};
use crate::fact::{Build, MachineReport, Observation, Parsed, Position};

/// What is read here.
pub(super) const MEANING: Meaning = Meaning {
    kinds: Kinds {
        csv: "machine-csv",
        json: "machine-json",
        clixml: "machine-clixml",
        list: "machine-list",
        table: "machine-table",
    },
    columns: &[
        "caption",
        "buildnumber",
        "csname",
        "version",
        "lastbootuptime",
        "currenttimezone",
        "osbuildnumber",
        "osname",
        "osversion",
        "csdnshostname",
        "cscaption",
        "csdomain",
        "currentbuild",
        "currentbuildnumber",
        "ubr",
        "productname",
        "pscomputername",
        "computername",
        GUARD,
        SERVICES,
    ],
    tells: |has| {
        has("buildnumber") && has("caption")
            || has("osbuildnumber")
            || has(GUARD)
            || has(SERVICES)
            || (has("currentbuild") || has("currentbuildnumber")) && has("ubr")
    },
    gather: || Box::new(Machines::default()),
};

/// Of `Get-ComputerInfo`.
const GUARD: &str = "deviceguardsecurityservicesrunning";
/// Of `Win32_DeviceGuard`.
const SERVICES: &str = "securityservicesrunning";

/// The machines of one source.
#[derive(Default)]
struct Machines {
    found: Vec<(u64, MachineReport)>,
}

impl Gather for Machines {
    fn take(&mut self, record: &Record, _: &Context<'_>) {
        self.found.push((record.line, report(record)));
    }

    fn finish(self: Box<Self>, context: &Context<'_>) -> Parsed {
        let said = self.found.into_iter().filter(|(_, report)| says_something(report));
        let fact =
            |(line, report)| context.fact(Position::Line(line), Observation::Machine(Box::new(report)));
        Parsed { facts: said.map(fact).collect(), ..Parsed::default() }
    }
}

fn says_something(report: &MachineReport) -> bool {
    let named = MachineReport {
        host: report.host.clone(),
        domain: report.domain.clone(),
        ..MachineReport::default()
    };
    *report != named
}

fn report(record: &Record) -> MachineReport {
    let text = |names: &[&str]| record.first(names).map(str::to_owned);
    let domain = text(&["csdomain"]).filter(|domain| domain.contains('.'));
    MachineReport {
        host: text(&["csdnshostname", "csname", "cscaption", "__server", "pscomputername", "computername"]),
        domain,
        product: text(&["osname", "caption", "productname"]),
        build: build(record),
        booted: record.first(&["lastbootuptime", "oslastbootuptime"]).and_then(instant),
        utc_offset: record
            .text("currenttimezone")
            .and_then(|minutes| minutes.parse::<i32>().ok()?.checked_mul(60)),
        credential_guard: record.cell(GUARD).or_else(|| record.cell(SERVICES)).and_then(credential_guard),
        ..MachineReport::default()
    }
}

/// The build; its revision stands in the registry and, in `Get-ComputerInfo`, with the hardware abstraction layer,
/// whose revision is the system's only if it was replaced last, so that one is not taken.
fn build(record: &Record) -> Option<Build> {
    let number = record.first(&["buildnumber", "osbuildnumber", "currentbuildnumber", "currentbuild"])?;
    let revision = record.first(&["ubr", "osubr"]).and_then(|revision| revision.parse().ok());
    Some(Build { number: number.parse().ok()?, revision })
}

/// ISO 8601 with an offset, PowerShell's JSON, or CIM's `20221110081410.500000+060`. Local times say nothing here.
fn instant(text: &str) -> Option<Timestamp> {
    if let Written::At(time, _) = written(text) {
        return Some(time);
    }
    let (local, offset) = text.split_at_checked(21)?;
    let part = |from: usize, to: usize| local.get(from..to)?.parse::<i8>().ok();
    let civil = jiff::civil::DateTime::new(
        local.get(..4)?.parse().ok()?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?,
        0,
    );
    let minutes: i64 = offset.parse().ok()?;
    let as_utc = jiff::tz::TimeZone::UTC.to_timestamp(civil.ok()?).ok()?;
    as_utc.checked_sub(jiff::SignedDuration::from_mins(minutes)).ok()
}

/// The services by name or by number, of which 1 is Credential Guard. An empty text may mean that nothing was asked.
fn credential_guard(services: Cell<'_>) -> Option<bool> {
    let is_guard = |service: &str| {
        let service = service.trim();
        service == "1" || service.eq_ignore_ascii_case("CredentialGuard") || service == "Credential Guard"
    };
    match services {
        Cell::List(services) => Some(services.iter().any(|service| is_guard(service))),
        Cell::Text(text) if !text.is_empty() => {
            let is_cut = text.contains("...") || text.contains('…');
            let inner = text.trim_matches(['{', '}']);
            let runs = inner.split(',').any(is_guard);
            (runs || !is_cut && !inner.starts_with("System.")).then_some(runs)
        }
        Cell::Text(_) | Cell::Cut => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::records::{clixml, console, delimited, json};
    use crate::parse::{Format, testing};

    fn only(format: &Format, text: &str) -> MachineReport {
        let parsed = testing::read(format, text.as_bytes());
        match &parsed.facts[0].observation {
            Observation::Machine(report) => (**report).clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_system_says_its_build_its_zone_and_its_start() {
        let text = "[{\"CSName\":\"HV01\",\"Caption\":\"Microsoft Windows Server 2019 Datacenter\",\"BuildNumber\":\"17763\",\
                    \"CurrentTimeZone\":60,\"LastBootUpTime\":\"\\/Date(1668064450500)\\/\"}]";
        let report = only(&json::FORMAT, text);
        assert_eq!((report.host.as_deref(), report.utc_offset), (Some("HV01"), Some(3600)));
        assert_eq!(report.build, Some(Build { number: 17763, revision: None }));
        assert_eq!(report.booted, "2022-11-10T07:14:10.5Z".parse().ok());
        assert_eq!(instant("20221110081410.500000+060"), "2022-11-10T07:14:10Z".parse().ok());
        assert_eq!((instant("20221110"), instant("")), (None, None));
    }

    #[test]
    fn credential_guard_is_what_runs() {
        let guard = |list: &str| {
            let text = format!(
                "CsDNSHostName : HV01\nOsBuildNumber : 17763\nDeviceGuardSecurityServicesRunning : {list}\n"
            );
            only(&console::FORMAT, &text).credential_guard
        };
        assert_eq!(guard("{CredentialGuard, HypervisorEnforcedCodeIntegrity}"), Some(true));
        assert_eq!(
            (guard("{HypervisorEnforcedCodeIntegrity}"), guard("{}"), guard("{0}")),
            (Some(false), Some(false), Some(false))
        );
        assert_eq!((guard(""), guard("{2, 3...}")), (None, None));
        let rows = "PSComputerName,SecurityServicesRunning\nHV01,System.UInt32[]\n";
        assert!(testing::read(&delimited::FORMAT, rows.as_bytes()).facts.is_empty());
        let xml = "<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><Obj RefId=\"0\"><Props>\
                   <Obj N=\"SecurityServicesRunning\" RefId=\"1\"><LST><U32>1</U32><U32>2</U32></LST></Obj></Props>\
                   <MS><S N=\"PSComputerName\">HV01</S></MS></Obj></Objs>";
        assert_eq!(only(&clixml::FORMAT, xml).credential_guard, Some(true));
    }
}
