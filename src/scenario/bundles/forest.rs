//! A whole forest for benches: a million computers, of which few are Hyper-V hosts.

use std::io::{self, Write};

use crate::scenario::exports::culture::Exporter;
use crate::scenario::exports::directory::{
    Account, Requested, Table, bystander, get_ad_computer, ldapsearch, ldapsearch_entries,
};
use crate::scenario::exports::utf16;
use crate::scenario::{Dice, Domain, Machine, Os};

/// Accounts that are written at once, so that the size of an export is not a matter of memory.
const PIECE: u32 = 4_096;
/// One computer in so many is a Hyper-V host, one in so many a domain controller.
const HOSTS: u32 = 5_000;
const CONTROLLERS: u32 = 20_000;

/// How a forest is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// What `ldapsearch` prints of every attribute.
    Ldif,
    /// What `Export-Csv` writes, in UTF-8.
    Csv,
    /// The same in UTF-16.
    CsvUtf16,
}

/// Writes an export of `computers` computers. The same arguments write the same bytes.
///
/// # Errors
/// What writing to `out` fails with.
pub fn write_forest(out: &mut impl Write, form: Form, computers: u32) -> io::Result<()> {
    let domain = Domain::new("contoso.com");
    let mut dice = Dice::named("forest");
    for begin in (0..computers.max(1)).step_by(PIECE as usize) {
        let end = computers.max(1).min(begin.saturating_add(PIECE));
        let accounts: Vec<Account> = (begin..end).map(|number| account(number, &domain, &mut dice)).collect();
        out.write_all(&piece(form, &domain, &accounts, begin == 0))?;
    }
    Ok(())
}

/// One piece; the head of the export stands before the first.
fn piece(form: Form, domain: &Domain, accounts: &[Account], is_first: bool) -> Vec<u8> {
    let table = Table::joined(Exporter::default());
    let rows = || {
        let text = get_ad_computer(accounts, table);
        let head = if is_first { 0 } else { text.match_indices('\n').nth(1).map_or(0, |(at, _)| at + 1) };
        text.get(head..).unwrap_or_default().to_owned()
    };
    match form {
        Form::Ldif => {
            let mut text = if is_first { ldapsearch(domain, &[], Requested::All) } else { Vec::new() };
            // The end of a search would be read as such.
            text.truncate(text.windows(15).position(|part| part == b"# search result").unwrap_or(text.len()));
            text.extend(ldapsearch_entries(domain, accounts, Requested::All).into_bytes());
            text
        }
        Form::Csv => rows().into_bytes(),
        Form::CsvUtf16 => {
            let bytes = utf16(&rows());
            let mark = if is_first { 0 } else { 2 };
            bytes.get(mark..).unwrap_or_default().to_vec()
        }
    }
}

/// A computer: now and then a host or a domain controller, else one of which nothing speaks.
fn account(number: u32, domain: &Domain, dice: &mut Dice) -> Account {
    let rid = 1_100 + number;
    let machine = |prefix: &str| Machine::new(&format!("{prefix}{number:07}"), domain, rid, Os::Server2022);
    let office = format!("Office {:03}", dice.below(400));
    let description = dice.chance(0.3).then(|| format!("Rechner {} im Büro", dice.below(9_000)));
    let account = match number {
        _ if number % HOSTS == 7 => Account::host(&machine("HV")),
        _ if number % CONTROLLERS == 3 => Account::controller(&machine("DC")),
        _ => Account {
            units: vec!["Computers".to_owned(), office],
            ..bystander(&format!("PC{number:07}"), domain, rid)
        },
    };
    Account { description, ..account }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: Form, computers: u32) -> Vec<u8> {
        let mut out = Vec::new();
        write_forest(&mut out, form, computers).unwrap();
        out
    }

    #[test]
    fn pieces_make_one_export() {
        let count = PIECE + 2;
        let ldif = String::from_utf8(written(Form::Ldif, count)).unwrap();
        assert_eq!(ldif.matches("\ndn: ").count(), count as usize);
        assert_eq!(ldif.matches("# extended LDIF").count(), 1);
        let csv = String::from_utf8(written(Form::Csv, count)).unwrap();
        assert_eq!(csv.lines().count(), count as usize + 2);
        assert_eq!(written(Form::CsvUtf16, count), utf16(&csv));
        assert_eq!(csv.matches("HV0000007$").count(), 1);
    }
}
