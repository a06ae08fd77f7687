//! What `systeminfo` prints, as a list in any language or as CSV: the machine, its version, its updates.
//!
//! Labels are translated, order and values are not: the version (`10.0.17763 N/A Build 17763`) stands behind the
//! product and that behind the host; the logon server (`\\DC01`) stands behind the domain; updates are the numbered list
//! that holds KB numbers.
//! What is *not* done here: the revision of the build, which is not printed; the time of the start, whose date is
//! written in the machine's own culture without a zone.

use csv::ReaderBuilder;

use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{Build, InstallDay, InstalledUpdate, MachineReport, Observation, Parsed, Position};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let mut lines = text::lines(head.text());
    let is_ours = |line: &str| {
        is_version(line) || row(line).is_some() || tool_text::is_indented(line) && kb(line).is_some()
    };
    lines.any(|(_, line)| is_ours(line)).then_some("systeminfo")
}

/// Whether a line of the list states the version.
fn is_version(line: &str) -> bool {
    !tool_text::is_indented(line)
        && tool_text::labelled(line).is_some_and(|(_, value)| tool_text::version(value).is_some())
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut machines: Vec<Machine> = Vec::new();
    let mut list = List::default();
    for (line, content) in text::lines(tool_text::whole(text, &mut parsed.issues)) {
        if let Some(machine) = row(content) {
            let updates = machine.updates.into_iter().map(|(_, kb)| (line, kb)).collect();
            machines.push(Machine { line, updates, ..machine });
        } else if !content.trim().is_empty() {
            list.read(line, content, &mut machines);
        }
    }
    list.close(&mut machines);
    for machine in machines {
        parsed.coverage.records += 1;
        machine.tell(context, &mut parsed);
    }
    parsed
}

/// One machine.
#[derive(Debug, Default)]
struct Machine {
    line: u64,
    host: Option<String>,
    product: Option<String>,
    build: Option<u32>,
    domain: Option<String>,
    /// With their lines.
    updates: Vec<(u64, String)>,
    /// How many updates there are, and how many entries the list has.
    counts: Option<(u64, u64)>,
}

impl Machine {
    fn tell(self, context: &Context<'_>, parsed: &mut Parsed) {
        let Self { line, host, product, build, domain, updates, counts } = self;
        let full = match (&host, &domain) {
            (Some(host), Some(domain)) if domain.contains('.') => Some(format!("{host}.{domain}")),
            _ => host.clone(),
        };
        if let Some(number) = build {
            let build = Some(Build { number, revision: None });
            let report = MachineReport { host, domain, product, build, ..MachineReport::default() };
            parsed.facts.push(context.fact(Position::Line(line), Observation::Machine(Box::new(report))));
        }
        for (line, kb) in updates {
            let update = InstalledUpdate { host: full.clone(), kb, installed: InstallDay::Unstated };
            parsed.facts.push(context.fact(Position::Line(line), Observation::Update(update)));
        }
        parsed.issues.extend(
            counts
                .filter(|(stated, listed)| stated > listed)
                .map(|(stated, listed)| tool_text::incomplete("updates", stated, listed)),
        );
    }
}

/// The list form while its lines go by.
#[derive(Debug, Default)]
struct List {
    /// The last two labelled lines: what stands before the version.
    before: [String; 2],
    /// The line, value and entries of the heading that is read.
    heading: Heading,
    /// The heading behind the logon server: the updates.
    is_next: bool,
}

#[derive(Debug, Default)]
struct Heading {
    value: String,
    is_updates: bool,
    entries: u64,
    updates: Vec<(u64, String)>,
}

impl List {
    fn read(&mut self, line: u64, content: &str, machines: &mut Vec<Machine>) {
        if tool_text::is_indented(content) {
            if entry(content).is_some() {
                self.heading.entries += 1;
                self.heading.updates.extend(kb(content).map(|kb| (line, kb)));
            }
            return;
        }
        self.close(machines);
        let Some((_, value)) = tool_text::labelled(content) else { return };
        self.heading = Heading { value: value.to_owned(), is_updates: self.is_next, ..Heading::default() };
        self.is_next = value.starts_with(r"\\");
        let [first, second] = &mut self.before;
        if let Some(build) = tool_text::version(value) {
            let stated = |text: &mut String| Some(std::mem::take(text)).filter(|text| !text.is_empty());
            let (host, product) = (stated(first), stated(second));
            machines.push(Machine { line, host, product, build: Some(build), ..Machine::default() });
        } else if self.is_next
            && let Some(machine) = machines.last_mut()
        {
            machine.domain = Some(std::mem::take(second)).filter(|text| !text.is_empty());
        }
        *first = std::mem::replace(second, value.to_owned());
    }

    /// Ends the heading: it was the updates if it lists any, or stands where they do.
    fn close(&mut self, machines: &mut Vec<Machine>) {
        let Heading { value, is_updates, entries, updates } = std::mem::take(&mut self.heading);
        if updates.is_empty() && !is_updates {
            return;
        }
        let stated = value.split_whitespace().next().and_then(|word| word.parse().ok());
        if machines.last().is_none_or(|machine| machine.counts.is_some()) {
            machines.push(Machine::default());
        }
        if let Some(machine) = machines.last_mut() {
            machine.counts = Some((stated.unwrap_or(entries), entries));
            machine.updates.extend(updates);
        }
    }
}

/// What stands behind the number of an entry, `[01]: KB4464455`.
fn entry(line: &str) -> Option<&str> {
    let (number, rest) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    rest.trim_start().strip_prefix(':').filter(|_| is_number).map(str::trim)
}

/// The update of an entry; old ones are called `Q147222`, which is the same number.
fn kb(line: &str) -> Option<String> {
    let name = entry(line)?;
    let digits = name.strip_prefix("KB").or_else(|| name.strip_prefix('Q'))?;
    let is_number = (5..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("KB{digits}"))
}

/// A row of the CSV form; its header is translated and tells nothing.
fn row(line: &str) -> Option<Machine> {
    if !line.starts_with('"') {
        return None;
    }
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
    let cells = reader.records().next()?.ok()?;
    let build = tool_text::version(cells.get(2)?)?;
    let stated = |cell: &str| Some(cell.trim().to_owned()).filter(|cell| !cell.is_empty());
    let cells: Vec<_> = cells.iter().collect();
    let mut machine = Machine {
        host: cells.first().and_then(|cell| stated(cell)),
        product: cells.get(1).and_then(|cell| stated(cell)),
        build: Some(build),
        ..Machine::default()
    };
    let server = cells.iter().position(|cell| cell.starts_with(r"\\"));
    machine.domain = server.and_then(|at| cells.get(at.checked_sub(1)?)).and_then(|cell| stated(cell));
    let lists = |cell: &&&str| cell.split(',').any(|entry| kb(entry).is_some());
    let at_place = server.and_then(|at| cells.get(at + 1));
    if let Some(cell) = cells.iter().find(lists).or(at_place) {
        let entries = cell.split(',').filter(|part| entry(part).is_some()).count() as u64;
        let stated = cell.split_whitespace().next().and_then(|word| word.parse().ok());
        machine.counts = Some((stated.unwrap_or(entries), entries));
        machine.updates = cell.split(',').filter_map(kb).map(|kb| (0, kb)).collect();
    }
    Some(machine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const GERMAN: &str = "\r\nHostname:                                      HV01\r\n\
        Betriebssystemname:                            Microsoft Windows Server 2019 Datacenter\r\n\
        Betriebssystemversion:                         10.0.17763 Nicht zutreffend Build 17763\r\n\
        Betriebssystemhersteller:                      Microsoft Corporation\r\n\
        Systemstartzeit:                               30.09.2026, 08:00:00\r\n\
        Prozessor(en):                                 1 Prozessor(en) installiert.\r\n\
        \x20                                              [01]: Intel64 Family 6 Model 85\r\n\
        Dom\u{e4}ne:                                        contoso.com\r\n\
        Anmeldeserver:                                 \\\\DC01\r\n\
        Hotfix(es):                                    3 Hotfix(e) installiert.\r\n\
        \x20                                              [01]: KB5043080\r\n\
        \x20                                              [02]: File 1\r\n\
        \x20                                              [03]: Q147222\r\n\
        Netzwerkkarte(n):                              1 Netzwerkadapter installiert.\r\n\
        \x20                                              [01]: vmxnet3 Ethernet Adapter\r\n\
        \x20                                                    Verbindungsname: KB12345\r\n";

    fn read(text: &str) -> Parsed {
        testing::read(&FORMAT, text.as_bytes())
    }

    fn said(parsed: &Parsed) -> Vec<String> {
        let say = |fact: &crate::fact::Fact| match &fact.observation {
            Observation::Machine(report) => format!(
                "{} {} {} {}",
                report.host.as_deref().unwrap_or("-"),
                report.domain.as_deref().unwrap_or("-"),
                report.product.as_deref().unwrap_or("-"),
                report.build.map_or(0, |build| build.number)
            ),
            Observation::Update(update) => {
                format!("{} {}", update.host.as_deref().unwrap_or("-"), update.kb)
            }
            other => format!("{other:?}"),
        };
        parsed.facts.iter().map(say).collect()
    }

    #[test]
    fn a_list_is_read_in_any_language() {
        assert_eq!(testing::kind(&FORMAT, GERMAN.as_bytes()), Some("systeminfo"));
        let expected = [
            "HV01 contoso.com Microsoft Windows Server 2019 Datacenter 17763",
            "HV01.contoso.com KB5043080",
            "HV01.contoso.com KB147222",
        ];
        for text in [GERMAN.to_owned(), GERMAN.replace("\r\n", "\r\r\n")] {
            let parsed = read(&text);
            assert_eq!(said(&parsed), expected);
            assert_eq!((parsed.issues.len(), parsed.facts[1].origin.at), (0, Position::Line(12)));
        }
        let french = GERMAN.replace("]:", "] :").replace("Nicht zutreffend Build", "N/A version");
        assert_eq!(said(&read(&french)), expected);
        assert_eq!(said(&read(&format!("{GERMAN}{}", GERMAN.replace("HV01", "HV02")))).len(), 6);
    }

    #[test]
    fn a_list_that_is_cut_is_said_to_be() {
        let text = "Domain:        contoso.com\nLogon Server:  \\\\DC01\nHotfix(s):     110 Hotfix(s) Installed.\n\
                    Network Card(s):  1 NIC(s) Installed.\n   [01]: vmxnet3\n";
        let parsed =
            read(&format!("Host Name: HV01\nOS Name: W\nOS Version: 10.0.17763 N/A Build 17763\n{text}"));
        assert_eq!(testing::losses(&parsed), [("list-incomplete", Some(110))]);
        let parsed = read(&GERMAN[..GERMAN.find("Q147").unwrap()]);
        assert_eq!(testing::codes(&parsed), ["text-truncated", "list-incomplete"]);
    }

    #[test]
    fn an_excerpt_gives_its_updates() {
        let text = "Hotfix(s):    1 Hotfix(s) Installed.\n              [01]: KB4464455\n";
        assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("systeminfo"));
        assert_eq!(said(&read(text)), ["- KB4464455"]);
    }

    #[test]
    fn a_row_is_read() {
        let text = "\"Hostname\",\"Betriebssystemname\",\"Version\"\r\n\
                    \"HV01\",\"Microsoft Windows Server 2022\",\"10.0.20348 N/A Build 20348\",\"x\",\"contoso.com\",\"\\\\DC01\",\
                    \"2 Hotfix(e) installiert.,[01]: KB5019081,[02]: KB5020032\",\"1 NIC,[01]: Intel\"\r\n";
        let expected = [
            "HV01 contoso.com Microsoft Windows Server 2022 20348",
            "HV01.contoso.com KB5019081",
            "HV01.contoso.com KB5020032",
        ];
        assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("systeminfo"));
        assert_eq!(said(&read(text)), expected);
    }

    #[test]
    fn other_texts_are_not_claimed() {
        for text in [
            "",
            "a: b\n c: d\n",
            "Version\t10.0.17763 Build 17763\t\n",
            "  [01]: Intel\n",
            "\"a\",\"b\",\"c\"\n",
        ] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        testing::damage(&FORMAT, GERMAN, *b"\0\n:[\xFF");
        assert_eq!(read(&format!("{}\n", "[1]: KB".repeat(1 << 20))).facts.len(), 0);
        assert_eq!(read(&GERMAN.repeat(20_000)).facts.len(), 60_000);
    }
}
