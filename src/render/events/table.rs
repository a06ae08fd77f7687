//! For a person at a terminal: a line of columns for each event, and below it what it means and says.

use super::super::layout::{Ink, Page, clock};
use super::super::{Style, word};
use crate::report::events::{EventLevel, EventReport, EventsReport};
use crate::report::{AttemptReport, shortened};

/// Characters of an event's text at most; the other forms have all of it.
const TEXT: usize = 1200;

pub(super) fn render(report: &EventsReport, style: Style) -> String {
    let mut page = Page::new(style);
    if let Some(attempt) = &report.attempt {
        headline(&mut page, attempt);
    }
    if !report.events.is_empty() {
        list(&mut page, &report.events);
    }
    footer(&mut page, report);
    page.into_text()
}

fn list(page: &mut Page, events: &[EventReport]) {
    let rows: Vec<_> = events.iter().map(columns).collect();
    let header = ["time (UTC)", "host", "level", "event", "record", "attempt"];
    let widths = page.columns(&header, &rows);
    for (event, row) in events.iter().zip(&rows) {
        page.row(row, &widths, ink(event));
        if let Some(meaning) = &event.meaning {
            page.paragraph("", 4, meaning);
        }
        if event.recorded != event.time {
            page.paragraph("", 4, &format!("Its own clock showed {}.", clock(&event.recorded)));
        }
        page.aside(4, &shortened(&event.text, TEXT), Ink::Dim);
    }
    page.gap();
}

fn headline(page: &mut Page, attempt: &AttemptReport) {
    let end = |host: &Option<String>| host.clone().unwrap_or_else(|| "?".into());
    let class = attempt.class.map_or_else(String::new, |class| format!(", {}", word(&class)));
    let said = format!(
        "{} {} → {} {}{class} {}",
        end(&attempt.vm),
        end(&attempt.source),
        end(&attempt.target),
        attempt.outcome,
        attempt.codes.join(" ")
    );
    page.headline(&attempt.id, Ink::Bold, said.trim_end());
    page.gap();
}

fn columns(event: &EventReport) -> Vec<String> {
    let provider = event.provider.strip_prefix("Microsoft-Windows-").unwrap_or(&event.provider);
    let provider = provider.strip_prefix("Hyper-V-").unwrap_or(provider);
    let level = match event.level {
        Some(EventLevel::Information) => "info".into(),
        Some(level) => word(&level),
        None => "?".into(),
    };
    vec![
        clock(&event.time),
        event.host.clone().unwrap_or_else(|| event.computer.clone()),
        level,
        format!("{provider} {}", event.id),
        event.record.to_string(),
        event.attempt.clone().unwrap_or_default(),
    ]
}

fn ink(event: &EventReport) -> Option<Ink> {
    match event.level? {
        EventLevel::Critical | EventLevel::Error => Some(Ink::Red),
        EventLevel::Warning => Some(Ink::Yellow),
        EventLevel::Information | EventLevel::Verbose => None,
    }
}

/// How much of the whole this is, and whose times were corrected.
fn footer(page: &mut Page, report: &EventsReport) {
    let (shown, relevant, records) = (report.events.len(), report.relevant, report.records);
    page.paragraph(
        "",
        0,
        &format!(
            "{shown} of {relevant} relevant events are listed. The logs hold {records} records; what is routine or says nothing of live migration is only counted."
        ),
    );
    for host in &report.hosts {
        let Some(ahead) = host.clock_ahead_seconds else { continue };
        let way = if ahead < 0 { "behind" } else { "ahead" };
        page.paragraph(
            "",
            0,
            &format!("The clock of {} runs {} s {way}; its times are corrected.", host.name, ahead.abs()),
        );
    }
}
