//! A text to paste into a mail to the customer: plain ASCII, short, each request with its reason and its command.

use super::super::Style;
use super::super::layout::{Page, plain};
use super::place;
use crate::report::inventory::{InventoryReport, RequestReport, UnknownReport};

/// Columns of a line that no mail program breaks.
const WIDTH: usize = 72;
/// Files that are named; more would bury the requests.
const FILES: usize = 10;

pub(super) fn render(report: &InventoryReport) -> String {
    let mut page = Page::new(Style { width: WIDTH, color: false });
    let needed: Vec<_> = report.requests.iter().filter(|request| request.needed).collect();
    page.paragraph("", 0, "Hello,");
    page.gap();
    page.paragraph("", 0, opening(report, &needed));
    if !needed.is_empty() {
        script(&mut page, report);
        by_hand(&mut page, &needed);
        sending(&mut page, report);
    }
    // What a collector writes beside the point is not its user's doing.
    let is_worth_it =
        |unknown: &&UnknownReport| report.layouts.is_empty() && !unknown.advice.starts_with("nothing");
    let unusable: Vec<_> = report.not_understood.iter().filter(is_worth_it).collect();
    if !unusable.is_empty() {
        unreadable(&mut page, &unusable);
    }
    page.gap();
    page.paragraph("", 0, "Thank you!");
    ascii(&page.into_text())
}

fn opening(report: &InventoryReport, needed: &[&RequestReport]) -> &'static str {
    match (report.bundle.sources.is_empty(), report.understood, needed.is_empty()) {
        (true, ..) => {
            "we have received no files yet. To find out why live migrations fail, we need the following from you."
        }
        (_, false, _) => {
            "thank you for the files. Sadly we cannot use any of them. To find out why live migrations fail, we need the following from you."
        }
        (_, _, false) => {
            "thank you for the files. To find out why live migrations fail, we need a little more from you."
        }
        (_, _, true) => {
            "thank you for the files. They are complete; at present we need nothing more from you."
        }
    }
}

fn script(page: &mut Page, report: &InventoryReport) {
    page.gap();
    page.paragraph("", 0, "THE EASY WAY");
    page.gap();
    page.paragraph(
        "",
        0,
        "Please run the attached script kcdoctor-collect.ps1 once, on one of the Hyper-V hosts, in a PowerShell \
         that was opened with \"Run as administrator\". It gathers everything below but older logs from all hosts, only reads, \
         asks for no passwords, and writes one zip file. Please send us that file.",
    );
    if let Some(note) = &report.script.note {
        page.paragraph("", 0, note);
    }
    page.gap();
    page.verbatim("", 4, &report.script.command);
}

fn by_hand(page: &mut Page, needed: &[&RequestReport]) {
    page.gap();
    page.paragraph("", 0, "OR BY HAND");
    page.gap();
    page.paragraph(
        "",
        0,
        "Please open PowerShell with \"Run as administrator\" on the machine that each request names, and begin in a \
         new folder:",
    );
    page.gap();
    page.verbatim("", 4, "New-Item -ItemType Directory C:\\kcdoctor -Force; Set-Location C:\\kcdoctor");
    for (index, asked) in needed.iter().enumerate() {
        request(page, index + 1, asked);
    }
}

fn request(page: &mut Page, number: usize, request: &RequestReport) {
    page.gap();
    let about =
        if request.hosts.is_empty() { String::new() } else { format!(": {}", request.hosts.join(", ")) };
    page.paragraph(&format!("{number}."), 4, &format!("{}{about}", request.ask));
    page.paragraph("", 4, request.reason.trim());
    page.paragraph("", 4, &format!("Where: {}.", place(request)));
    page.gap();
    page.verbatim("", 8, &request.collect);
    if let Some(other) = &request.otherwise {
        page.gap();
        page.paragraph("", 4, &format!("{}:", other.applies));
        page.gap();
        page.verbatim("", 8, &other.collect);
    }
}

fn sending(page: &mut Page, report: &InventoryReport) {
    page.gap();
    page.paragraph("", 0, "HOW TO SEND IT");
    page.gap();
    page.paragraph(
        "",
        0,
        "Please put the files of each machine into a folder with its name, all of them into one zip, and leave the \
         files as they are: a table or log that was opened and saved in another program may lose what we need.",
    );
    page.gap();
    page.verbatim("", 4, &report.pack.command);
}

fn unreadable(page: &mut Page, unknown: &[&UnknownReport]) {
    page.gap();
    page.paragraph("", 0, "FILES THAT WE COULD NOT USE");
    page.gap();
    for unknown in unknown.iter().take(FILES) {
        let name = unknown.files.first().map_or("", String::as_str);
        let rest = unknown.files.len().saturating_sub(1);
        let rest = if rest == 0 { String::new() } else { format!(" and {rest} more like it") };
        page.paragraph("-", 2, &format!("{name}{rest}: {}. {}.", unknown.what, sentence(&unknown.advice)));
    }
    let rest = unknown.len().saturating_sub(FILES);
    if rest > 0 {
        page.paragraph("-", 2, &format!("and {rest} others"));
    }
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Mail programs agree on ASCII alone; names of files may hold anything.
fn ascii(text: &str) -> String {
    let line =
        |line: &str| -> String { plain(line).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect() };
    text.lines().map(|text| line(text) + "\n").collect()
}
