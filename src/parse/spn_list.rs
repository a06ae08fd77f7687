//! Service principal names as `setspn` lists them: of one account (`-L`), of those that a query finds (`-Q`), and those
//! that several accounts hold (`-X`).
//!
//! Verbs are translated; told are the distinguished names, the names below them and the indentation.
//! What is *not* done here: guessing that an account is a computer by less than its own HOST names, and taking the
//! list of a query for whole unless it shows more than the computer was asked for.

use super::{Context, Format, Head, Reader, text, tool_text};
use crate::fact::{DirectoryObject, DuplicateSpn, Issue, Known, Observation, Parsed, Position, Reason, Spn};

/// The format's line in the table.
pub(super) const FORMAT: Format = Format { recognise, reader: Reader::Text(parse) };

/// Names that every computer object of the directory holds, and other accounts do not.
const OF_COMPUTERS: [&str; 2] = ["HOST", "RestrictedKrbHost"];

fn recognise(head: &Head<'_>) -> Option<&'static str> {
    let text = head.text();
    let has_none = || text::lines(text).any(|(_, line)| line.starts_with("found 0 group of duplicate"));
    (blocks(text).next().is_some() || has_none()).then_some("setspn")
}

fn parse(text: &str, context: &Context<'_>) -> Parsed {
    let mut issues: Vec<Issue> = Vec::new();
    let whole = tool_text::whole(text, &mut issues);
    let mut parsed = Parsed { issues, ..Parsed::default() };
    let is_cut = !parsed.issues.is_empty();
    for block in blocks(whole) {
        parsed.coverage.records += 1;
        let may_lack = is_cut && block.is_last;
        let observation = match block.head {
            Heading::Duplicate(spn) => {
                let accounts = block.items.into_iter().map(str::to_owned).collect();
                Observation::DuplicateSpn(DuplicateSpn { spn: spn.to_owned(), accounts })
            }
            Heading::Account { dn, is_whole } => {
                Observation::Directory(Box::new(account(dn, &block.items, is_whole, may_lack)))
            }
        };
        parsed.facts.push(context.fact(Position::Line(block.line), observation));
    }
    parsed
}

/// A heading, and the indented lines below it.
struct Block<'a> {
    line: u64,
    head: Heading<'a>,
    /// Service principal names, or distinguished names below a duplicate.
    items: Vec<&'a str>,
    /// The text ends with its items.
    is_last: bool,
}

#[derive(Clone, Copy)]
enum Heading<'a> {
    /// A distinguished name; whether all names of the account follow.
    Account { dn: &'a str, is_whole: bool },
    /// A service principal name.
    Duplicate(&'a str),
}

/// Every block of a text that is one of `setspn`'s.
fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let mut lines = text::lines(text).peekable();
    std::iter::from_fn(move || {
        loop {
            let (line, content) = lines.next()?;
            let Some(head) = heading(content) else { continue };
            let mut items = Vec::new();
            while let Some(item) = lines.peek().and_then(|(_, content)| item(content, head)) {
                items.push(item);
                lines.next();
            }
            // A name that one account holds is no duplicate; the others may have been cut off.
            let fewest = if matches!(head, Heading::Duplicate(_)) { 2 } else { 1 };
            if items.len() >= fewest {
                return Some(Block { line, head, items, is_last: lines.peek().is_none() });
            }
        }
    })
}

fn heading(line: &str) -> Option<Heading<'_>> {
    if tool_text::is_indented(line) {
        return None;
    }
    let line = line.trim_end();
    if let Some(dn) = distinguished(line) {
        let is_listed = line.len() > dn.len();
        let dn = if is_listed { dn.strip_suffix(':')? } else { dn };
        return Some(Heading::Account { dn: dn.trim_end(), is_whole: is_listed });
    }
    // The instance ends where the verb begins; service classes hold blanks.
    let (class, rest) = line.split_once('/')?;
    let instance = rest.split_whitespace().next()?.trim_end_matches(':');
    let spn = line.get(..class.len() + 1 + instance.len())?;
    Spn::parse(spn).filter(|spn| is_class(spn.class)).map(|_| Heading::Duplicate(spn))
}

fn item<'a>(line: &'a str, head: Heading<'_>) -> Option<&'a str> {
    if !tool_text::is_indented(line) {
        return None;
    }
    let line = line.trim();
    match head {
        // The account's name may stand before its distinguished name.
        Heading::Duplicate(_) => distinguished(line),
        Heading::Account { .. } => Spn::parse(line).filter(|spn| is_class(spn.class)).map(|_| line),
    }
}

/// The distinguished name of an object that a line ends in.
fn distinguished(line: &str) -> Option<&str> {
    let begins = |at: &usize| *at == 0 || line.get(..*at).is_some_and(|before| before.ends_with([' ', '\t']));
    let at = line.match_indices("CN=").map(|(at, _)| at).find(begins)?;
    line.get(at..).filter(|dn| dn.contains(",DC="))
}

/// Letters, digits and blanks; paths and addresses hold more.
fn is_class(class: &str) -> bool {
    class.starts_with(|c: char| c.is_ascii_alphabetic())
        && class.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.'))
}

fn account(dn: &str, spns: &[&str], is_whole: bool, may_lack: bool) -> DirectoryObject {
    let name = dn.strip_prefix("CN=").and_then(|rest| rest.split(',').next()).unwrap_or_default();
    let classes = || spns.iter().filter_map(|spn| Spn::parse(spn));
    let of_computers = |spn: &Spn<'_>| OF_COMPUTERS.iter().any(|class| spn.class.eq_ignore_ascii_case(class));
    let is_own = |spn: Spn<'_>| {
        of_computers(&spn) && spn.host.split('.').next().is_some_and(|label| label.eq_ignore_ascii_case(name))
    };
    let shows_all = classes().any(|spn| of_computers(&spn)) && classes().any(|spn| !of_computers(&spn));
    let names = spns.iter().map(|spn| (*spn).to_owned()).collect();
    let spns = if (is_whole || shows_all) && !may_lack {
        Known::Known(names)
    } else {
        Known::Unknown(Reason::Truncated)
    };
    let not_asked = Reason::NotAskedFor;
    DirectoryObject {
        dn: Some(dn.to_owned()),
        name: Some(name.to_owned()),
        classes: if classes().any(is_own) { vec!["computer".to_owned()] } else { Vec::new() },
        spns,
        user_account_control: Known::Unknown(not_asked),
        allowed_to_delegate_to: Known::Unknown(not_asked),
        allowed_to_act: Known::Unknown(not_asked),
        encryption_types: Known::Unknown(not_asked),
        members: Known::Unknown(not_asked),
        member_of: Known::Unknown(not_asked),
        ..DirectoryObject::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::testing::{self, known};

    const LIST: &str = "Registered ServicePrincipalNames for CN=HV01,OU=Hyper-V,DC=contoso,DC=com:\r\n\
        \tMicrosoft Virtual System Migration Service/HV01\r\n\tHOST/HV01.contoso.com\r\n";
    const QUERY: &str = "Checking domain DC=contoso,DC=com\r\nCN=HV02,OU=Hyper-V,DC=contoso,DC=com\r\n\tcifs/HV02\r\n\r\n\
        Existing SPN found!\r\n";
    const DUPLICATES: &str = "Checking domain DC=contoso,DC=com\r\nProcessing entry 0\r\n\
        Microsoft Virtual System Migration Service/HV01 is registered on these accounts:\r\n\
        \tCN=HV01,OU=Hyper-V,DC=contoso,DC=com\r\n\tCN=svc-hv,OU=Service,DC=contoso,DC=com\r\n\r\nfound 1 group of duplicate SPNs.\r\n";

    fn read(text: &str) -> Parsed {
        testing::read(&FORMAT, text.as_bytes())
    }

    fn duplicates(text: &str) -> Vec<DuplicateSpn> {
        let duplicate = |fact: crate::fact::Fact| match fact.observation {
            Observation::DuplicateSpn(duplicate) => Some(duplicate),
            _ => None,
        };
        read(text).facts.into_iter().filter_map(duplicate).collect()
    }

    #[test]
    fn the_names_of_an_account_are_read_in_any_language() {
        let german =
            LIST.replace("Registered ServicePrincipalNames for", "Registrierte Dienstprinzipalnamen für");
        for text in [LIST.to_owned(), german, LIST.replace("\r\n", "\r\r\n")] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), Some("setspn"));
            let objects = testing::objects(read(&text));
            let [object] = objects.as_slice() else { panic!("{objects:?}") };
            assert_eq!(object.dn.as_deref(), Some("CN=HV01,OU=Hyper-V,DC=contoso,DC=com"));
            assert_eq!(
                (object.name.as_deref(), object.classes.as_slice()),
                (Some("HV01"), ["computer".to_owned()].as_slice())
            );
            assert_eq!(
                object.spns,
                known(["Microsoft Virtual System Migration Service/HV01", "HOST/HV01.contoso.com"])
            );
            assert_eq!(object.allowed_to_delegate_to, Known::Unknown(Reason::NotAskedFor));
        }
    }

    #[test]
    fn an_account_is_no_computer_by_foreign_names() {
        let text = LIST.replace("CN=HV01", "CN=svc-hv");
        assert_eq!(testing::objects(read(&text))[0].classes, Vec::<String>::new());
    }

    #[test]
    fn a_query_is_whole_only_where_it_shows_more() {
        assert_eq!(testing::objects(read(QUERY))[0].spns, Known::Unknown(Reason::Truncated));
        let text = QUERY.replace("\tcifs/HV02\r\n", "\tcifs/HV02\r\n\tHOST/HV02\r\n");
        assert_eq!(testing::objects(read(&text))[0].spns, known(["cifs/HV02", "HOST/HV02"]));
        assert_eq!(
            testing::objects(read(&text.replace("cifs", "RestrictedKrbHost")))[0].spns,
            Known::Unknown(Reason::Truncated)
        );
    }

    #[test]
    fn a_list_that_is_cut_is_unknown() {
        let text = format!("{QUERY}{}", &LIST[..LIST.len() - 4]);
        let objects = testing::objects(read(&text));
        assert_eq!(objects[1].spns, Known::Unknown(Reason::Truncated));
        assert_eq!(testing::codes(&read(&text)), ["text-truncated"]);
    }

    #[test]
    fn duplicates_are_read() {
        let expected = [DuplicateSpn {
            spn: "Microsoft Virtual System Migration Service/HV01".into(),
            accounts: vec![
                "CN=HV01,OU=Hyper-V,DC=contoso,DC=com".into(),
                "CN=svc-hv,OU=Service,DC=contoso,DC=com".into(),
            ],
        }];
        assert_eq!(duplicates(DUPLICATES), expected);
        let german =
            DUPLICATES.replace("is registered on these accounts", "ist für folgende Konten registriert");
        assert_eq!(duplicates(&german), expected);
        let older = "HOST/HV01\n   CONTOSO\\HV01$      CN=HV01,DC=contoso,DC=com\n   CONTOSO\\x   CN=x,DC=contoso,DC=com\nfound 1 group\n";
        assert_eq!(duplicates(older)[0].accounts, ["CN=HV01,DC=contoso,DC=com", "CN=x,DC=contoso,DC=com"]);
        let none = "Processing entry 0\r\nfound 0 group of duplicate SPNs.\r\n";
        assert_eq!((testing::kind(&FORMAT, none.as_bytes()), duplicates(none).len()), (Some("setspn"), 0));
    }

    #[test]
    fn other_texts_are_not_claimed() {
        for text in [
            "",
            "COMPUTER SETTINGS\n------\n    CN=HV01,OU=a,DC=contoso,DC=com\n",
            "dn: CN=HV01,DC=contoso,DC=com\n a/b\n",
            "CN=Configuration,DC=contoso,DC=com\n    Site\\DC02 via RPC\n",
            "C:\\a/b\n  CN=a,DC=b\n",
        ] {
            assert_eq!(testing::kind(&FORMAT, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn damage_and_size_do_no_harm() {
        for text in [LIST, QUERY, DUPLICATES] {
            testing::damage(&FORMAT, text, *b"\0\n:/\xFF");
        }
        assert_eq!(read(&LIST.repeat(20_000)).facts.len(), 20_000);
        assert_eq!(read(&format!("{}\n", "CN=".repeat(3 << 20))).facts.len(), 0);
    }
}
