//! Lists that a text holds in its exporter's own form: braces of a console, or any separator that a user chose.
//!
//! A list is split only where every piece is a service principal name or a distinguished name. What is *not* done
//! here: lists that a syntax keeps apart itself.

use crate::fact::{Known, Reason, Spn};

/// Excel cuts a cell at this length.
pub(super) const EXCEL_CELL: usize = 32_767;

/// What the pieces of a list are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Spn,
    Dn,
}

/// A number that every object has: where none is stated, it was not asked for.
pub(super) fn number(value: &str) -> Known<u32> {
    let unknown = if value.is_empty() { Reason::NotAskedFor } else { Reason::Undecodable };
    value.parse().map_or(Known::Unknown(unknown), Known::Known)
}

/// A list as a text holds it.
pub(super) fn listed(value: &str, kind: Kind) -> Known<Vec<String>> {
    let value = value.trim();
    let inner = value.strip_prefix('{').and_then(|value| value.strip_suffix('}')).unwrap_or(value).trim();
    if inner.is_empty() {
        return Known::Known(Vec::new());
    }
    if value.starts_with('{') && !value.ends_with('}') {
        return Known::Unknown(Reason::Truncated);
    }
    // A column of a console's table may end, or its row be broken, within the braces.
    let is_open = value.starts_with('{') != value.ends_with('}');
    if is_open || is_cut(inner) || value.encode_utf16().count() >= EXCEL_CELL {
        return Known::Unknown(Reason::Truncated);
    }
    if is_type_name(inner) {
        return Known::Unknown(Reason::Flattened);
    }
    split(inner, kind).map_or(Known::Unknown(Reason::Undecodable), Known::Known)
}

/// Whether a console left out the end.
pub(super) fn is_cut(value: &str) -> bool {
    let value = value.trim_end();
    value.ends_with("...") || value.ends_with('…')
}

/// `Microsoft.ActiveDirectory.Management.ADPropertyValueCollection`, `System.String[]` and their like.
pub(super) fn is_type_name(value: &str) -> bool {
    let begins = ["System.", "Microsoft.ActiveDirectory.", "Deserialized."]
        .iter()
        .any(|start| value.starts_with(start));
    begins && !value.contains(['/', '='])
}

/// Splits a list at the one separator that leaves nothing but whole pieces.
fn split(text: &str, kind: Kind) -> Option<Vec<String>> {
    let whole = |pieces: &Vec<String>| !pieces.is_empty() && pieces.iter().all(|piece| is_piece(piece, kind));
    for separator in ['\n', ';', '|', '\t'] {
        if text.contains(separator) {
            return Some(pieces(text, separator)).filter(whole);
        }
    }
    let blanks = || match kind {
        Kind::Spn => split_spns(text),
        Kind::Dn => split_names(text),
    };
    match kind {
        Kind::Spn => Some(pieces(text, ',')).filter(whole),
        Kind::Dn => None,
    }
    .or_else(|| blanks().filter(whole))
}

fn pieces(text: &str, separator: char) -> Vec<String> {
    let pieces = text.split(separator).map(|piece| piece.trim().trim_matches('"'));
    pieces.filter(|piece| !piece.is_empty()).map(str::to_owned).collect()
}

pub(super) fn is_piece(piece: &str, kind: Kind) -> bool {
    match kind {
        Kind::Spn => Spn::parse(piece)
            .is_some_and(|spn| !spn.host.contains(char::is_whitespace) && !spn.class.contains(['=', ','])),
        Kind::Dn => piece.to_ascii_lowercase().contains(",dc=") && starts_name(piece),
    }
}

/// Whether `text` begins like a distinguished name, with `CN=` or `OU=`.
fn starts_name(text: &str) -> bool {
    text.split_at_checked(3)
        .is_some_and(|(start, _)| start.eq_ignore_ascii_case("cn=") || start.eq_ignore_ascii_case("ou="))
}

/// Splits service principal names at blanks. A host holds no blank, so a name ends at the first blank behind
/// its `/`; a class may hold some, and only Hyper-V's are known to.
fn split_spns(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (class, host) = rest.split_once('/')?;
        let known = class.starts_with("Microsoft Virtual ") || class.starts_with("Hyper-V Replica ");
        if class.contains(char::is_whitespace) && !known {
            return None;
        }
        let end = host.find(char::is_whitespace).unwrap_or(host.len());
        let (name, behind) = rest.split_at_checked(class.len() + 1 + end)?;
        names.push(name.to_owned());
        rest = behind.trim_start();
    }
    Some(names)
}

/// Splits distinguished names that a comma or a blank joins: one ends with the last of its `DC=` parts.
fn split_names(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let (mut begin, mut last) = (0, 0);
    let is_domain =
        |part: &str| part.split_at_checked(3).is_some_and(|(start, _)| start.eq_ignore_ascii_case("dc="));
    for (at, _) in text.match_indices([',', ' ']) {
        let part = text.get(last..at)?;
        let behind = text.get(at + 1..)?.trim_start();
        if is_domain(part.trim()) && starts_name(behind) {
            names.push(text.get(begin..at)?.trim().to_owned());
            begin = text.len() - behind.len();
        }
        last = at + 1;
    }
    names.push(text.get(begin..)?.trim().to_owned());
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_a_table_of_a_console_cut_is_unknown() {
        for text in ["{cifs/a, cifs/b", "cifs/a, cifs/b}", "{cifs/a"] {
            assert_eq!(listed(text, Kind::Spn), Known::Unknown(Reason::Truncated), "{text}");
        }
    }
}
