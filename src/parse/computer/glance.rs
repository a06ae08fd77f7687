//! A row as far as it takes to tell whether it matters, without building its object.
//!
//! As with LDIF ([`super::super::ldif::sketch`]) whatever is written in an unusual way matters until it is read.

use std::rc::Rc;

use super::{
    ALLOWED_TO_ACT, ALLOWED_TO_DELEGATE_TO, CLASSES, ENCRYPTION_NAMES, ENCRYPTION_TYPES, EXCEL_CELL, Kind,
    Noticed, PRINCIPALS, SPNS, USER_ACCOUNT_CONTROL, delegation_names, encryption_bits, is_piece,
    is_type_name, service_names,
};
use crate::fact::Bystanders;
use crate::parse::Wanted;
use crate::parse::ldif::attribute::Attribute;
use crate::parse::ldif::sketch::{MIGRATION, Pad, Sketch, starts_without_case};
use crate::parse::records::Record;
use crate::parse::table::Row;

/// SIDs of groups that decide by their being there: Domain Users, Domain Computers, Protected Users.
const TELLING_SIDS: &[&str] = &["-513", "-515", "-525"];

/// The columns that tell whether a row matters; of several names of one attribute the most trustworthy first.
#[derive(Debug, Default)]
struct Columns {
    dn: Vec<usize>,
    name: Vec<usize>,
    account: Vec<usize>,
    dns_name: Vec<usize>,
    class: Vec<usize>,
    sid: Vec<usize>,
    control: Vec<usize>,
    system: Vec<usize>,
    spns: Vec<usize>,
    list: Vec<usize>,
    act: Vec<usize>,
    principals: Vec<usize>,
    types: Vec<usize>,
    type_names: Vec<usize>,
    members: Vec<usize>,
    /// Columns of the user's own naming need a closer look, and so does csvde, whose columns tell of each other.
    has_own_names: bool,
}

impl Columns {
    fn of(record: &Record, header: &[String]) -> Self {
        let at = |names: &[&str]| -> Vec<usize> {
            let place = |name: &&str| header.iter().position(|own| own == name);
            names.iter().filter_map(place).collect()
        };
        Self {
            dn: at(&["distinguishedname", "dn"]),
            name: at(&["name", "cn"]),
            account: at(&["samaccountname"]),
            dns_name: at(&["dnshostname"]),
            class: at(&["objectclass"]),
            sid: at(&["sid", "objectsid"]),
            control: at(&[USER_ACCOUNT_CONTROL]),
            system: at(&["operatingsystem"]),
            spns: at(SPNS),
            list: at(ALLOWED_TO_DELEGATE_TO),
            act: at(&[ALLOWED_TO_ACT]),
            principals: at(&[PRINCIPALS]),
            types: at(&[ENCRYPTION_TYPES]),
            type_names: at(&[ENCRYPTION_NAMES]),
            members: at(&["member", "members"]),
            has_own_names: super::states_what_it_has(record)
                || !delegation_names(record).is_empty()
                || !service_names(record).is_empty(),
        }
    }
}

/// What a cell that holds a list comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No such column.
    Absent,
    Known,
    Flattened,
    /// To be read with care.
    Odd,
}

impl State {
    /// As [`super::better`] chooses.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Odd, _) | (_, Self::Odd) => Self::Odd,
            (Self::Known, _) | (_, Self::Absent) => self,
            _ => other,
        }
    }
}

/// Looks at rows; keeps where the columns stand.
#[derive(Debug, Default)]
pub(super) struct Glance {
    header: Option<Rc<Vec<String>>>,
    columns: Columns,
    pad: Pad,
}

impl Glance {
    /// Counts a row whose object surely does not matter, and says whether it was one.
    pub(super) fn passes_over(
        &mut self,
        record: &Record,
        wanted: &Wanted,
        bystanders: &mut Bystanders,
        noticed: &mut Noticed,
    ) -> bool {
        let Some(row) = record.row() else { return false };
        if !self.header.as_ref().is_some_and(|header| Rc::ptr_eq(header, row.header())) {
            self.columns = Columns::of(record, row.names());
            self.header = Some(Rc::clone(row.header()));
        }
        if self.columns.has_own_names {
            return false;
        }
        let Some(sketch) = self.sketch(row, wanted) else { return false };
        if sketch.matters {
            return false;
        }
        // Rows of other classes tell nothing.
        if sketch.classes() == Some(false) {
            return true;
        }
        let columns = &self.columns;
        let spns = state(row, &columns.spns, spn_state);
        let list = state(row, &columns.list, spn_state);
        let act =
            state(row, &columns.act, |_| State::Odd).or(state(row, &columns.principals, |_| State::Odd));
        let types = |value: &str| if encryption_bits(value).is_some() { State::Known } else { State::Odd };
        let types = state(row, &columns.types, types).or(state(row, &columns.type_names, types));
        let states = [spns, list, act, types];
        if states.contains(&State::Odd) {
            return false;
        }
        noticed.flattened += u64::from(states.contains(&State::Flattened));
        bystanders.has_unknown_servers |= sketch.is_server && spns != State::Known;
        sketch.pass_over(bystanders, &mut self.pad);
        true
    }

    /// The sketch of a row; `None` where a part of it needs care.
    fn sketch(&mut self, row: &Row, wanted: &Wanted) -> Option<Sketch> {
        let Self { columns, pad, .. } = self;
        // A row that ends early leaves values unknown, and one without a name needs another look too.
        row.at(row.names().len().checked_sub(1)?)?;
        let dn = first(row, &columns.dn)?;
        let mut sketch = Sketch::begin(row.line, dn.as_bytes(), Some(wanted), pad);
        let single = [
            (Attribute::Account, &columns.account),
            (Attribute::DnsName, &columns.dns_name),
            (Attribute::Cn, &columns.name),
            (Attribute::UserAccountControl, &columns.control),
            (Attribute::OperatingSystem, &columns.system),
            (Attribute::Sid, &columns.sid),
        ];
        for (attribute, places) in single {
            let Some(value) = first(row, places) else { continue };
            if is_type_name(value) {
                return None;
            }
            sketch.look_at(attribute, b"", value.as_bytes(), Some(wanted), pad);
        }
        let sid = first(row, &columns.sid).unwrap_or_default();
        let is_telling = TELLING_SIDS.iter().any(|end| sid.ends_with(end));
        let is_binary = !sid.is_empty() && !sid.starts_with("S-");
        let names_members = first(row, &columns.members).is_some();
        sketch.matters |= is_telling || is_binary || names_members;
        let classes = first(row, &columns.class).filter(|value| !is_type_name(value)).unwrap_or_default();
        let classes =
            classes.split([';', '|', ',', ' ', '\n']).map(str::trim).filter(|name| !name.is_empty());
        for class in classes {
            let is_kept = CLASSES.iter().any(|own| own.eq_ignore_ascii_case(class));
            sketch.note_class(class.as_bytes(), is_kept);
        }
        for spn in first(row, &columns.spns).unwrap_or_default().split(';') {
            sketch.matters |= starts_without_case(spn.trim().as_bytes(), MIGRATION);
        }
        Some(sketch)
    }
}

/// The first value that is not empty.
fn first<'a>(row: &'a Row, places: &[usize]) -> Option<&'a str> {
    places.iter().filter_map(|place| row.at(*place)).find(|value| !value.is_empty())
}

/// What the cells at `places` come to together, each read by `read` unless that is plain.
fn state(row: &Row, places: &[usize], read: impl Fn(&str) -> State) -> State {
    let one = |place: &usize| match row.at(*place) {
        None => State::Odd,
        Some("") => State::Known,
        Some(value) if is_type_name(value) => State::Flattened,
        Some(value) => read(value),
    };
    places.iter().map(one).reduce(State::or).unwrap_or(State::Absent)
}

/// A list joined with `;`, or of one piece; others are split with more care.
fn spn_state(value: &str) -> State {
    let is_cut = value.ends_with("...") || value.len() >= EXCEL_CELL || value.starts_with('{');
    let is_joined = value.contains(';') && !value.contains('\n');
    let is_single = || !value.contains([';', '\n', '|', '\t', ',', ' ']);
    let is_piece = |piece: &str| {
        let piece = piece.trim().trim_matches('"');
        piece.is_empty() || is_piece(piece, Kind::Spn)
    };
    let is_plain = value.is_ascii() && !is_cut && (is_joined || is_single());
    if is_plain && value.contains('/') && value.split(';').all(is_piece) { State::Known } else { State::Odd }
}

#[cfg(test)]
mod tests {
    use crate::parse::records::delimited::FORMAT;
    use crate::parse::testing::chosen_and_expected;

    #[test]
    fn choosing_before_building_comes_to_the_same() {
        let flat = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection";
        let head = "DistinguishedName,Name,DNSHostName,ObjectClass,SamAccountName,SID,userAccountControl,servicePrincipalName,\
                    msDS-AllowedToDelegateTo,OperatingSystem,KerberosEncryptionType,PrincipalsAllowedToDelegateToAccount\n";
        let rows = format!(
            "\"CN=PC1,DC=x\",PC1,pc1.x,computer,PC1$,S-1-5-21-1-2-3-1001,4096,HOST/a;HOST/b,,Windows Server 2022,28,\n\
             \"CN=PC2,DC=x\",PC2,pc2.x,computer,PC2$,S-1-5-21-1-2-3-1002,4096,{flat},{flat},Windows Server 2022,{flat},{flat}\n\
             \"CN=PC3,DC=x\",PC3,pc3.x,computer,PC3$,S-1-5-21-1-2-3-1003,4096,\"HOST/a, HOST/b...\",cifs/b|cifs/c,,\"RC4, AES128\",\"CN=HV02,DC=x\"\n\
             \"CN=PC4,DC=x\",PC4,pc4.x,computer,PC4$,S-1-5-21-1-2-3-1004,4x,HOST/a b,no,,,\n\
             \"CN=c,DC=x\",c,,computer,c$,S-1-5-21-1-2-3-1005,4096,HOST/c;Microsoft Virtual System Migration Service/c,,,,\n\
             \"CN=HV02,DC=x\",other,HV02.x,computer,other$,S-1-5-21-1-2-3-1006,,,,,,\n\
             \"CN=DC1,DC=y,DC=x\",DC1,,top;person;computer,DC1$,,532480,,,,,\n\
             \"CN=Zürich,DC=x\",Zürich,,user,zürich,S-1-5-21-1-2-3-1105,512,,,,,\n\
             \"CN=Users,DC=x\",Users,,group,,S-1-5-21-1-2-3-513,,,,,,\n\
             \"OU=z,DC=z\",z,,organizationalUnit,,,,,,,,\n\
             \"CN=svc,DC=x\",svc,,msDS-ManagedServiceAccount,svc$,,,,,,,\n\
             ,PC5,pc5.x,computer,PC5$,,,,,,,\n\
             \"CN=PC6,DC=x\",PC6,,computer,PC6$,,4096,HOST/PC6\n\
             \"CN=PC7,DC=x\",PC7,pc7.x,,,X'01020000000000052000000020020000',,,,,,\n"
        );
        let text = format!("{head}{rows}");
        let joined = text.replace("servicePrincipalName,", "My SPN list,");
        let utf16: Vec<u8> = format!("\u{FEFF}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let ansi = text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
        for text in [text.into_bytes(), joined.into_bytes(), utf16, ansi] {
            let [chosen, expected] = chosen_and_expected(&FORMAT, &text);
            assert!(expected.facts.len() > 3 && expected.bystanders.objects > 5);
            assert_eq!(chosen, expected);
        }
    }
}
