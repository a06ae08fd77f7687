//! What differs from a recorded result, for a person.

use crate::report::triage::Difference;

/// Writes differences by ticket, and their count, of `bundles` that were compared with the result called `recorded`.
#[must_use]
pub fn render_differences(differences: &[Difference], bundles: usize, recorded: &str) -> String {
    let mut text = String::new();
    for Difference { ticket, changes } in differences {
        text.push_str(&format!("{}\n", super::layout::plain(ticket)));
        for change in changes {
            text.push_str(&format!("  {}\n", super::layout::plain(change)));
        }
    }
    let compared = if bundles == 1 { "1 bundle was".to_owned() } else { format!("{bundles} bundles were") };
    let outcome = match differences.len() {
        0 => "nothing differs".to_owned(),
        1 => "1 ticket differs".to_owned(),
        count => format!("{count} tickets differ"),
    };
    text.push_str(&format!("{compared} compared with {recorded}: {outcome}.\n"));
    text
}
