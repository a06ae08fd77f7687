//! What msinfo32 reports, as `.nfo` (XML) or as text: the machine, its version, and whether Credential Guard runs.
//!
//! Names of elements and labels are translated, their order is not: of a row the first part is the label and the second
//! the value; the product stands before the version, the machine three rows behind it.
//! What is *not* done here: what is only configured. Where the row of the running services can't be told from the row
//! of the configured ones, nothing is said.

use super::xml::{self, Element};
use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{Build, MachineReport, Observation, Parsed, Position};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// In a value these words are not translated.
const GUARD: &str = "Credential Guard";

/// A row of the summary.
#[derive(Debug, Default)]
struct Row {
    line: u64,
    label: String,
    value: String,
}

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let text = head.text();
    let is_ours = text.contains("<MsInfo>") || text::lines(text).any(|(_, line)| is_version(line));
    is_ours.then_some("msinfo32")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let rows = if text.contains("<MsInfo>") {
        let mut summary = Summary::default();
        let issue = xml::read(text, |path| summary.take(path));
        // The rest is devices and drivers: that it breaks costs nothing once the summary was read.
        parsed.issues.extend(issue.filter(|_| !summary.has_ended));
        summary.rows
    } else {
        of_text(tool_text::whole(text, &mut parsed.issues))
    };
    parsed.coverage.records = rows.len() as u64;
    let report = report(&rows);
    if let Some(row) = rows.first().filter(|_| report != MachineReport::default()) {
        parsed.facts.push(context.fact(Position::Line(row.line), Observation::Machine(Box::new(report))));
    }
    parsed
}

/// The first category of the XML form.
#[derive(Default)]
struct Summary {
    rows: Vec<Row>,
    open: Row,
    has_ended: bool,
}

impl Summary {
    fn take(&mut self, path: &[Element]) {
        let last = path.last().map(|last| (last.index, last.text.trim(), last.line));
        let Some((index, text, line)) = last.filter(|_| !self.has_ended) else { return };
        match (path.len(), index) {
            (4, 0) => self.open.label = text.to_owned(),
            (4, 1) => self.open.value = text.to_owned(),
            (3, _) => {
                let row = Row { line, ..std::mem::take(&mut self.open) };
                self.rows.extend(Some(row).filter(|row| !row.label.is_empty()));
            }
            (2, _) => self.has_ended = !self.rows.is_empty(),
            _ => {}
        }
    }
}

/// The label and the value of a row of the text form.
fn columns(line: &str) -> Option<(&str, &str)> {
    let (label, value) = line.split_once('\t')?;
    Some((label.trim(), value.trim()))
}

fn is_version(line: &str) -> bool {
    columns(line).is_some_and(|(label, value)| !label.is_empty() && tool_text::version(value).is_some())
}

/// The first section of the text form that holds a version.
fn of_text(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (line, content) in text::lines(text) {
        if content.starts_with('[') {
            if rows.iter().any(|row| tool_text::version(&row.value).is_some()) {
                break;
            }
            rows.clear();
        }
        let row = |(label, value): (&str, &str)| Row { line, label: label.into(), value: value.into() };
        rows.extend(columns(content).filter(|(label, _)| !label.is_empty()).map(row));
    }
    rows
}

fn report(rows: &[Row]) -> MachineReport {
    let at = rows.iter().position(|row| tool_text::version(&row.value).is_some());
    let value = |row: &Row| Some(row.value.clone()).filter(|value| !value.is_empty());
    let named = |label: &str| rows.iter().find(|row| row.label.eq_ignore_ascii_case(label));
    let product = at.and_then(|at| rows.get(at.checked_sub(1)?)).or_else(|| named("OS Name"));
    // A name holds no blanks; a row that does is another one.
    let placed = at.and_then(|at| rows.get(at + 3)).filter(|row| !row.value.contains(' '));
    let number = at.and_then(|at| tool_text::version(&rows.get(at)?.value));
    MachineReport {
        host: named("System Name").or(placed).and_then(value),
        product: product.and_then(value),
        build: number.map(|number| Build { number, revision: None }),
        credential_guard: credential_guard(rows),
        ..MachineReport::default()
    }
}

/// Whether Credential Guard runs: the row says so by its English label, or by standing behind another row that names
/// it, which is what is configured.
fn credential_guard(rows: &[Row]) -> Option<bool> {
    let running = |row: &&Row| row.label.to_ascii_lowercase().ends_with("services running");
    if let Some(row) = rows.iter().find(running) {
        return Some(row.value.contains(GUARD));
    }
    // Server 2016 writes `Device Guard Virtualization based security`.
    let is_off = |row: &Row| {
        let label = row.label.to_ascii_lowercase().replace('-', " ");
        label.ends_with("virtualization based security") && row.value.eq_ignore_ascii_case("Not enabled")
    };
    if rows.iter().any(is_off) {
        return Some(false);
    }
    let names = |row: &Row| row.value.contains(GUARD);
    rows.windows(2).any(|pair| pair.iter().all(names)).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const ROWS: [(&str, &str); 8] = [
        ("OS Name", "Microsoft Windows Server 2019 Datacenter"),
        ("Version", "10.0.17763 Build 17763"),
        ("Other OS Description", "Not Available"),
        ("OS Manufacturer", "Microsoft Corporation"),
        ("System Name", "HV01"),
        ("Virtualization-based security", "Running"),
        ("Virtualization-based security Services Configured", "Credential Guard"),
        (
            "Virtualization-based security Services Running",
            "Credential Guard, Hypervisor enforced Code Integrity",
        ),
    ];

    /// The same report in another language: labels and names of elements are foreign.
    fn translated(rows: &[(&str, &str)]) -> Vec<(String, String)> {
        let label =
            |(index, (_, value)): (usize, &(&str, &str))| (format!("Étiquette {index}"), (*value).to_owned());
        rows.iter().enumerate().map(label).collect()
    }

    fn nfo(rows: &[(String, String)], [data, item, value]: [&str; 3]) -> String {
        let row = |(label, own): &(String, String)| {
            format!(
                "<{data}>\r\n<{item}><![CDATA[{label}]]></{item}><{value}><![CDATA[{own}]]></{value}></{data}>\r\n"
            )
        };
        let rows: String = rows.iter().map(row).collect();
        format!(
            "<?xml version=\"1.0\"?>\r\n<MsInfo>\r\n<Metadata><Version>8.0</Version></Metadata>\r\n<Category name=\"x\">\r\n{rows}\
             <Category name=\"y\"><{data}><{item}>a</{item}><{value}>b</{value}></{data}></Category></Category></MsInfo>\r\n"
        )
    }

    fn text(rows: &[(String, String)]) -> String {
        let rows: String = rows.iter().map(|(label, value)| format!("{label}\t{value}\t\r\n")).collect();
        format!(
            "System Information report\r\n\r\n[System Summary]\r\n\r\nItem\tValue\t\r\n{rows}\r\n[Hardware]\r\n\r\na\tb\t\r\n"
        )
    }

    fn read(text: &str) -> Option<MachineReport> {
        testing::read(&FORMAT, text.as_bytes()).facts.into_iter().find_map(|fact| match fact.observation {
            Observation::Machine(report) => Some(*report),
            _ => None,
        })
    }

    fn expected() -> MachineReport {
        MachineReport {
            host: Some("HV01".into()),
            product: Some("Microsoft Windows Server 2019 Datacenter".into()),
            build: Some(Build { number: 17763, revision: None }),
            credential_guard: Some(true),
            ..MachineReport::default()
        }
    }

    #[test]
    fn both_forms_are_read_in_any_language() {
        let english: Vec<_> =
            ROWS.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        for rows in [english, translated(&ROWS)] {
            for text in [
                nfo(&rows, ["Data", "Item", "Value"]),
                nfo(&rows, ["Datos", "Elemento", "Valor"]),
                text(&rows),
            ] {
                assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("msinfo32"));
                assert_eq!(read(&text), Some(expected()), "{text}");
                assert_eq!(read(&text.replace("\r\n", "\r\r\n")), Some(expected()));
            }
        }
    }

    #[test]
    fn what_is_only_configured_does_not_run() {
        let without = |text: &str| read(text).unwrap().credential_guard;
        let mut rows = ROWS;
        rows[7].1 = "";
        let english: Vec<_> =
            rows.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect();
        assert_eq!(without(&text(&english)), Some(false));
        assert_eq!(without(&text(&translated(&rows))), None);
        assert_eq!(without(&text(&english[..6])), None);
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        let rows = translated(&ROWS);
        let good = nfo(&rows, ["Data", "Item", "Value"]);
        testing::damage(&FORMAT, &good, *b"\0<>]\xFF");
        testing::damage(&FORMAT, &text(&rows), *b"\0\n\t[\xFF");
        let cut = testing::read(&FORMAT, &good.as_bytes()[..good.find("Hypervisor").unwrap()]);
        assert_eq!((testing::codes(&cut), cut.coverage.records), (vec!["xml-malformed"], 7));
        let long = format!("a\t10.0.17763 Build 17763\n{}", "x\ty\n".repeat(200_000));
        assert!(read(&long).is_some());
        for other in ["", "a: 10.0.17763 Build 17763\n", "a\tb\n", "<Events></Events>"] {
            assert_eq!(testing::kind(&FORMAT, other.as_bytes()), None);
        }
    }
}
