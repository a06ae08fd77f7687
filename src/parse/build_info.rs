//! The version lines that Microsoft's support scripts write: `Build.txt`, `BuildInfo.txt`, `OSVersion-Build.txt`.
//!
//! What is *not* done here: `BuildLabEx`, which names the branch that Windows was made from and not what runs.

use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{Build, MachineReport, Observation, Parsed, Position};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// The words that a product's name begins with.
const PRODUCTS: [&str; 3] = ["Windows ", "Microsoft ", "Azure "];

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    text::lines(head.text()).any(|(_, line)| report(line).is_some()).then_some("build-info")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    let mut last = None;
    for (line, content) in text::lines(tool_text::whole(text, &mut parsed.issues)) {
        let Some(report) = report(content) else { continue };
        parsed.coverage.records += 1;
        // The scripts write the line twice.
        if last.as_ref() != Some(&report) {
            let observation = Observation::Machine(Box::new(report.clone()));
            parsed.facts.push(context.fact(Position::Line(line), observation));
            last = Some(report);
        }
    }
    parsed
}

/// `HV01 Windows Server 2019 Datacenter Server Version:6.3  Build:17763.3650`.
fn report(line: &str) -> Option<MachineReport> {
    let (before, build) = line.trim().rsplit_once("Build:")?;
    let (number, revision) = build.split_once('.')?;
    let build = Build { number: number.parse().ok()?, revision: Some(revision.parse().ok()?) };
    let (name, _) = before.split_once("Version:")?;
    let name = name.trim();
    let is_product = |text: &str| PRODUCTS.iter().any(|word| text.starts_with(word));
    let (host, product) = match name.split_once(' ') {
        Some((host, rest)) if !is_product(name) && is_product(rest) => (Some(host), rest),
        _ => (None, name),
    };
    Some(MachineReport {
        host: host.map(str::to_owned),
        product: Some(product.trim().to_owned()).filter(|product| !product.is_empty()),
        build: Some(build),
        ..MachineReport::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing;

    const LINE: &str = "HV01 Windows Server 2019 Datacenter Server Version:6.3  Build:17763.3650\r\n";

    fn read(text: &str) -> Vec<MachineReport> {
        let report = |fact: crate::fact::Fact| match fact.observation {
            Observation::Machine(report) => Some(*report),
            _ => None,
        };
        testing::read(&FORMAT, text.as_bytes()).facts.into_iter().filter_map(report).collect()
    }

    #[test]
    fn a_line_is_read_once() {
        let text = format!("{LINE}-------\r\nBuildLabEx: 17763.1.amd64fre.rs5_release.180914-1434\r\n{LINE}");
        assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("build-info"));
        let expected = MachineReport {
            host: Some("HV01".into()),
            product: Some("Windows Server 2019 Datacenter Server".into()),
            build: Some(Build { number: 17763, revision: Some(3650) }),
            ..MachineReport::default()
        };
        assert_eq!(read(&text).as_slice(), std::slice::from_ref(&expected));
        assert_eq!(read(&text.replace("\r\n", "\r\r\n")), [expected]);
        assert_eq!(read(LINE.strip_prefix("HV01 ").unwrap())[0].host, None);
    }

    #[test]
    fn other_lines_and_cut_ones_are_not() {
        for cut in 0..LINE.len() - 2 {
            assert_eq!(read(&LINE[..cut]), []);
        }
        for text in ["", "Build:17763.1\n", "BuildLabEx: 17763.1.amd64fre\n", "a Version:1 Build:x.1\n"] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None, "{text}");
        }
        testing::damage(&FORMAT, LINE, *b"\0\n:.\xFF");
        assert_eq!(read(&"Build:".repeat(1 << 20)), []);
        assert_eq!(read(&LINE.repeat(50_000)).len(), 1);
    }
}
