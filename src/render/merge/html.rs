//! A page of its own for a browser: no script, nothing from elsewhere, and nothing of a name is HTML.

use std::fmt::Write as _;

use super::super::escape::html;
use super::document::{Room, Section, counted, headline, origin, sections};
use crate::report::merge::MergeReport;

/// Should something of a name be HTML after all, the policy lets it neither run nor load.
const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
"#;

const LOOKS: &str = "<style>
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .3rem; }
p, ul { max-width: 50rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { border-bottom: 1px solid #8886; overflow-wrap: break-word; padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top; }
th { white-space: nowrap; }
.number { font-variant-numeric: tabular-nums; text-align: right; }
</style>
";

pub(super) fn render(report: &MergeReport) -> String {
    let (count, rest) = headline(report);
    let mut page = format!(
        "{HEAD}<title>{}: {}</title>\n{LOOKS}</head>\n<body>\n<h1>{}: {}</h1>\n<p>{}</p>\n",
        html(&count),
        html(&rest),
        html(&count),
        html(&rest),
        html(&origin(report))
    );
    if !report.remarks.is_empty() {
        page.push_str("<h2>To know first</h2>\n<ul>\n");
        for remark in &report.remarks {
            let _ = writeln!(page, "<li>{}</li>", html(remark));
        }
        page.push_str("</ul>\n");
    }
    for own in sections(report, Room::Wide) {
        section(&mut page, &own);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn section(page: &mut String, section: &Section) {
    let _ = writeln!(page, "<h2>{}</h2>", html(section.title));
    if !section.prose.is_empty() {
        let _ = writeln!(page, "<p>{}</p>", html(&section.prose));
    }
    page.push_str("<div class=\"table\"><table>\n<thead><tr>");
    let class = |is_number: bool| if is_number { " class=\"number\"" } else { "" };
    for head in &section.header {
        let _ = write!(page, "<th scope=\"col\"{}>{}</th>", class(head.is_number), html(&head.title));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &section.rows {
        page.push_str("<tr>");
        for (cell, head) in row.cells.iter().zip(&section.header) {
            let _ = write!(page, "<td{}>{}</td>", class(head.is_number), html(cell));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
    if section.hidden > 0 {
        let _ = writeln!(page, "<p>And {}.</p>", counted(section.hidden, "more row"));
    }
}
