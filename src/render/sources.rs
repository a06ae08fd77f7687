//! What is to be known of the files of a bundle, in every table alike: what is damaged or not understood.

use super::layout::Page;
use crate::parse::UNKNOWN;
use crate::report::SourceReport;

/// The sources of which something is to be known, under a heading of their own; nothing where there are none.
pub(super) fn noticed(page: &mut Page, sources: &[SourceReport]) {
    if sources.iter().any(|source| source.kind == UNKNOWN || !source.issues.is_empty()) {
        page.heading("SOURCES");
        issues(page, sources);
    }
}

/// What is to be known of each source, such as its damage.
pub(super) fn issues(page: &mut Page, sources: &[SourceReport]) {
    for source in sources {
        if source.kind == UNKNOWN {
            page.paragraph("  ", 4, &format!("{}: not understood", source.path));
        }
        for issue in &source.issues {
            let lost = match issue.lost {
                Some(0) => String::new(),
                Some(lost) => format!(" ({lost} lost)"),
                None => " (how much is lost can't be counted)".into(),
            };
            page.paragraph("  ", 4, &format!("{}: {}: {}{lost}", source.path, issue.code, issue.detail));
        }
    }
}
