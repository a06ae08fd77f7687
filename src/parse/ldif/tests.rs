//! What the LDIF reader promises.

use super::*;
use crate::fact::{DirectoryObject, Known, Position, Reason, Sid, Trustee};
use crate::parse::testing::{chosen_and_expected, codes, damage, known, objects, read as read_as};
use crate::scenario::bundles;

const NOT_ASKED: Reason = Reason::NotAskedFor;

fn read_bytes(bytes: &[u8]) -> Parsed {
    read_as(&FORMAT, bytes)
}

fn read(text: &str) -> Parsed {
    read_bytes(text.as_bytes())
}

fn only(text: &str) -> DirectoryObject {
    let mut objects = objects(read(text));
    assert_eq!(objects.len(), 1, "{text}");
    objects.remove(0)
}

const COMPUTER: &str = "dn: CN=HV01,DC=x\nobjectClass: top\nobjectClass: computer\n";

#[test]
fn an_entry_becomes_an_object_and_its_secrets_stay_behind() {
    let text = "version: 1\n\n# HV01, x\ndn: CN=HV01,OU=Z\\, Y,DC=x\nchangetype: add\nobjectClass: computer\ncn: HV01\n\
                sAMAccountName: HV01$\ndNSHostName: hv01.x\nobjectSid:: AQIAAAAAAAUgAAAAIAIAAA==\nuserAccountControl: 4096\n\
                ms-Mcs-AdmPwd: Secret1\nmsDS-SupportedEncryptionTypes: 28\noperatingSystem: Windows Server 2022\n\
                whenChanged: 20211219015404.0Z\nservicePrincipalName: Microsoft Virtual System Migration\n  Service/hv\n 01\n\
                msDS-AllowedToDelegateTo: cifs/hv02\n";
    let parsed = read(text);
    assert!(!format!("{parsed:?}").contains("Secret1"));
    assert_eq!((parsed.coverage.records, parsed.facts[0].origin.at), (1, Position::Line(4)));
    let object = only(text);
    assert_eq!(object.dn.as_deref(), Some("CN=HV01,OU=Z\\, Y,DC=x"));
    assert_eq!(object.sid, Sid::from_text("S-1-5-32-544"));
    assert_eq!(object.user_account_control, Known::Known(4096));
    assert_eq!(object.encryption_types, Known::Known(Some(28)));
    assert_eq!(object.spns, known(["Microsoft Virtual System Migration Service/hv01"]));
    assert_eq!(object.allowed_to_delegate_to, known(["cifs/hv02"]));
    assert_eq!(object.when_changed, "2021-12-19T01:54:04Z".parse().ok());
    assert_eq!(object.allowed_to_act, Known::Unknown(NOT_ASKED));
}

/// ldbsearch leaves it plain, ldapsearch encodes it, and to a domain controller it is another name.
#[test]
fn a_blank_at_the_end_of_a_service_is_kept() {
    for value in [": cifs/hv02 \r", ": cifs/hv02 ", ":: Y2lmcy9odjAyIA=="] {
        let object = only(&format!("{COMPUTER}msDS-AllowedToDelegateTo{value}\nuserAccountControl: 4096 \n"));
        assert_eq!(object.allowed_to_delegate_to, known(["cifs/hv02 "]));
        assert_eq!(object.user_account_control, Known::Known(4096));
    }
}

#[test]
fn missing_is_empty_only_where_it_was_asked_for() {
    let lists = |text: &str| {
        let object = only(text);
        (object.allowed_to_delegate_to, object.spns)
    };
    let (none, unknown) = (known([]), Known::Unknown(NOT_ASKED));
    let head = |names: &str| format!("# extended LDIF\n# requesting: {names}\n#\n\n{COMPUTER}");
    assert_eq!(lists(COMPUTER), (unknown.clone(), unknown.clone()));
    assert_eq!(lists(&head("ALL")), (none.clone(), none.clone()));
    assert_eq!(lists(&head("cn *")), (none.clone(), none.clone()));
    assert_eq!(
        lists(&head("cn msds-allowedtodelegate\n To userAccountControl")),
        (none.clone(), unknown.clone())
    );
    assert_eq!(lists(&format!("{COMPUTER}instanceType: 4\nuSNChanged: 7\n")), (none.clone(), none));
    assert_eq!(only(&head("ALL")).user_account_control, Known::Unknown(NOT_ASKED));
    assert_eq!(only(&head("ALL")).encryption_types, Known::Known(None));
    assert_eq!(only(&format!("{COMPUTER}uSNChanged: 7\n")).spns, unknown);
}

#[test]
fn what_one_object_carries_was_asked_for_all_of_its_search() {
    let carrier = "dn: CN=b,DC=x\nobjectClass: computer\nmsDS-AllowedToDelegateTo: cifs/a\n\n";
    let first = objects(read(&format!("{COMPUTER}\n{carrier}"))).remove(0);
    assert_eq!(first.allowed_to_delegate_to, known([]));
    let two = format!(
        "# extended LDIF\n# requesting: cn\n\n{COMPUTER}\n# extended LDIF\n# requesting: msDS-AllowedToDelegateTo\n\n{carrier}"
    );
    let first = objects(read(&two)).remove(0);
    assert_eq!(first.allowed_to_delegate_to, Known::Unknown(NOT_ASKED));
}

/// A file that ends within a line says nothing of what its last object lacks, nor that its lists are whole.
#[test]
fn a_cut_object_is_unknown_and_never_empty() {
    let whole = "# extended LDIF\n# requesting: ALL\n\ndn: CN=HV02,DC=x\nobjectClass: computer\n\
                 userAccountControl: 4096\n\n";
    let truncated = || Known::Unknown(Reason::Truncated);
    let in_a_list = "dn: CN=HV01,DC=x\nobjectClass: computer\ncn: HV01\nuserAccountControl: 4096\n\
                     msDS-AllowedToDelegateTo: cifs/hv02\nmsDS-AllowedToDelegateTo: cifs/h";
    for (cut, account_control) in
        [(in_a_list, Known::Known(4096)), (&in_a_list[..60], Known::Unknown(Reason::Truncated))]
    {
        let parsed = read(&format!("{whole}{cut}"));
        assert_eq!(codes(&parsed), ["ldif-truncated"], "{cut}");
        let [two, one] = <[_; 2]>::try_from(objects(parsed)).unwrap();
        assert_eq!((two.allowed_to_delegate_to, two.spns), (known([]), known([])));
        assert_eq!(one.name.as_deref(), Some("HV01"));
        assert_eq!(one.user_account_control, account_control);
        assert_eq!((one.allowed_to_delegate_to, one.spns), (truncated(), truncated()));
        assert_eq!(one.allowed_to_act, Known::Unknown(Reason::Truncated));
    }
    assert_eq!(codes(&read(&format!("{whole}dn: CN=HV0"))), ["ldif-truncated"]);
    assert_eq!(codes(&read(whole.trim_end())), ["ldif-truncated"]);
    assert_eq!(codes(&read(&format!("{whole}# numEntries: 1"))), [""; 0]);
}

#[test]
fn ranges_are_joined_or_truncated() {
    let part = |range: &str, value: &str| {
        format!("dn: cn=a,DC=x\ncn: a\nmsDS-AllowedToDelegateTo;range={range}: {value}\n\n")
    };
    let read_all = |parts: &[String]| objects(read(&parts.concat())).remove(0).allowed_to_delegate_to;
    assert_eq!(read_all(&[part("1-*", "cifs/b"), part("0-0", "cifs/a")]), known(["cifs/a", "cifs/b"]));
    assert_eq!(
        read_all(&[part("0-0", "cifs/a"), part("0-0", "cifs/a"), part("1-*", "cifs/b")]),
        known(["cifs/a", "cifs/b"])
    );
    let truncated = Known::Unknown(Reason::Truncated);
    assert_eq!(read_all(&[part("0-0", "cifs/a")]), truncated);
    assert_eq!(read_all(&[part("1000-*", "cifs/a")]), truncated);
    assert_eq!(read_all(&[part("0-5", "cifs/a"), part("8-*", "cifs/b")]), truncated);
    assert_eq!(read_all(&[part("0-18446744073709551615", "cifs/a")]), truncated);
}

#[test]
fn base64_that_is_none_is_taken_as_it_stands() {
    let object = only("dn::Q049WsO8cmljaCxEQz14\nsAMAccountName:: HV01\ndNSHostName:: hv01.contoso.com\n");
    assert_eq!(object.dn.as_deref(), Some("CN=Zürich,DC=x"));
    assert_eq!(object.account.as_deref(), Some("HV01"));
    assert_eq!(object.dns_name.as_deref(), Some("hv01.contoso.com"));
    assert_eq!(only("dn:: CN=ü,DC=x\nsAMAccountName: a\n").dn.as_deref(), Some("CN=ü,DC=x"));
}

#[test]
fn descriptors_come_as_base64_and_as_sddl() {
    let sid = Sid::from_text("S-1-5-32-544").unwrap();
    let binary = "AQAEgAAAAAAAAAAAAAAAABQAAAAEACAAAQAAAAAAGAD/AQ8AAQIAAAAAAAUgAAAAIAIAAA==";
    for value in [format!(":: {binary}"), format!(": {binary}"), ": O:BAD:(A;;CR;\n ;;BA)".into()] {
        let object = only(&format!("{COMPUTER}msDS-AllowedToActOnBehalfOfOtherIdentity{value}\n"));
        assert_eq!(object.allowed_to_act, Known::Known(vec![Trustee::Sid(sid.clone())]), "{value}");
    }
    let parsed = read(&format!("{COMPUTER}msDS-AllowedToActOnBehalfOfOtherIdentity:: AQAEgA==\n"));
    assert_eq!(codes(&parsed), ["ldif-undecodable"]);
    assert_eq!(objects(parsed)[0].allowed_to_act, Known::Unknown(Reason::Undecodable));
}

#[test]
fn change_records_and_other_classes_state_nothing() {
    let text = format!(
        "dn: CN=HV01,DC=x\nchangetype: modify\nadd: msDS-AllowedToDelegateTo\nmsDS-AllowedToDelegateTo: cifs/b\n-\n\n\
         dn: OU=x,DC=x\nobjectClass: organizationalUnit\ncn: x\n\n{COMPUTER}"
    );
    let parsed = read(&text);
    assert_eq!((parsed.coverage.records, codes(&parsed)), (2, vec!["ldif-change-records"]));
    assert_eq!(only(&text).allowed_to_delegate_to, Known::Unknown(NOT_ASKED));
}

#[test]
fn the_end_of_a_search_is_no_entry() {
    let text = format!(
        "# extended LDIF\n# requesting: ALL\n\n{COMPUTER}\n# search reference\nref: ldap://x/DC=x\n\n# search result\nsearch: 2\n\
         result: 4 Size limit exceeded\ncontrol: 1.2 false MA==\n\n# numEntries: 1\n"
    );
    let parsed = read(&text);
    assert_eq!((parsed.coverage.records, codes(&parsed)), (1, vec!["ldif-search-incomplete"]));
    assert_eq!(codes(&read("# extended LDIF\n\nsearch: 2\nresult: 0 Success\n")), Vec::<&str>::new());
}

#[test]
fn every_encoding_and_line_end_reads_alike() {
    let text = "dn: CN=Zürich,DC=x\nsAMAccountName: Zürich$\nservicePrincipalName: \n HOST/a\n\n";
    let crlf = text.replace('\n', "\r\n");
    let utf16: Vec<u8> = crlf.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let ansi: Vec<u8> = text.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
    let expected = objects(read(text));
    assert_eq!(objects(read(&crlf)), expected);
    assert_eq!(objects(read_bytes(&utf16)), expected);
    assert_eq!(objects(read_bytes(&ansi)), expected);
    assert_eq!(expected[0].spns, known(["HOST/a"]));
}

#[test]
fn recognition_wants_a_name() {
    let is = |text: &str| crate::parse::testing::kind(&FORMAT, text.as_bytes()).is_some();
    assert!(is("\n# c\nversion: 1\ndn: CN=a,DC=b\n") && is("DN:: Q049YQ==\n") && is("# extended LDIF\n"));
    assert!(!is("dn: \n") && !is("dn: see = below\n") && !is("DN,objectClass\n") && !is("no dn: CN=a\n"));
}

#[test]
fn damage_never_panics() {
    let good = format!(
        "# extended LDIF\n# requesting: ALL\n\n{COMPUTER}member;range=0-1: ü\nobjectSid:: AQIAAAAAAAUgAAAAIAIAAA==\n \n"
    );
    damage(&FORMAT, &good, [b':', b';', b'\n', 0, 0xff]);
    let parsed =
        read("cn: a\nuserAccountControl: 1\ndn: \n\ndn: CN=a\nuserAccountControl: x\n:\n;;:\n range");
    assert_eq!(codes(&parsed), ["ldif-truncated", "ldif-lines-without-entry", "ldif-undecodable"]);
}

#[test]
fn choosing_before_building_comes_to_the_same() {
    let odd = "dn: CN=PC1,OU=a,DC=x\nobjectClass: computer\ncn: PC1\nsAMAccountName: PC1$\noperatingSystem: Windows Server 2022\n\n\
        dn: CN=PC2,OU=a,DC=x\nobjectClass: computer\ncn: PC2\nuserAccountControl: 1x\noperatingSystem: Windows 11\n\n\
        dn: CN=DC1,DC=y,DC=x\nobjectClass: computer\nuserAccountControl: 532480\ncn: DC1\n\n\
        dn: CN=Zürich,DC=x\nobjectClass: user\nsAMAccountName: zürich\nobjectSid: S-1-5-21-1-2-3-1105\n\n\
        dn:: Q049WsO8cmljaCxEQz14\nobjectClass:: dXNlcg==\nsAMAccountName:: ZvxyenQ\ndNSHostName: hv02\n .x\n\n\
        dn: CN=b,DC=x\nsAMAccountName: hv02\n\ndn: OU=b,DC=z\nobjectClass: organizationalUnit\ncn: hv02\n\n\
        dn: CN=c,DC=x\nobjectClass: computer\ncn: c\nservicePrincipalName: Microsoft Virtual System\n  Migration Service/c\n\n\
        dn: CN=Users,DC=x\nobjectClass: group\nobjectSid: S-1-5-21-1-2-3-513\nmember: CN=b,DC=x\n\n\
        dn: CN=big,DC=x\nobjectClass: group\nmember;range=0-0: CN=b,DC=x\n\n\
        dn: CN=big,DC=x\nobjectClass: group\nmember;range=1-*: CN=c,DC=x\n\n\
        dn: CN=d,DC=x\nobjectClass: computer\ncn: d\nservicePrincipalName:< file:///x\noperatingSystem: Windows Server\n\n\
        dn: CN=e,O=x\nobjectClass: computer\ncn: other\nsAMAccountName: e$\n\n\
        # extended LDIF\n# requesting: cn servicePrincipal\n Name\n\n\
        dn: CN=PC3,DC=x\nobjectClass: computer\ncn: PC3\noperatingSystem: Windows Server 2019\n\n\
        dn: CN=PC4,DC=x\nchangetype: modify\nuserAccountControl: 4096\n\ncn: lost\n\n\
        dn: CN=HV02,DC=x\nobjectClass: computer\ncn: HV02";
    let ansi = odd.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
    let mut texts = vec![odd.as_bytes().to_vec(), odd.replace('\n', "\r\n").into_bytes(), ansi];
    for incident in bundles::all() {
        let is_ldif = |name: &str| name.ends_with(".ldif") || name.ends_with(".ldf");
        texts
            .extend(incident.files.into_iter().filter(|(name, _)| is_ldif(name)).map(|(_, content)| content));
    }
    assert!(texts.len() > 10, "{}", texts.len());
    for text in texts {
        let [chosen, expected] = chosen_and_expected(&FORMAT, &text);
        assert_eq!(chosen, expected, "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn an_entry_too_large_to_hold_costs_itself() {
    let mut text = b"dn: CN=big,DC=x\nobjectClass: computer\ncn: HV02\nthumbnailPhoto:: ".to_vec();
    text.resize(text.len() + lines::MOST_HELD + (1 << 20), b'A');
    text.extend(format!("\nuserAccountControl: 4096\n\n{COMPUTER}\n").bytes());
    for parsed in [read_bytes(&text), chosen_and_expected(&FORMAT, &text).into_iter().next().unwrap()] {
        assert_eq!((parsed.coverage.records, codes(&parsed)), (2, vec!["ldif-entry-too-large"]));
    }
    assert_eq!(objects(read_bytes(&text)).len(), 1);
    let many = "member: CN=a,DC=x\n".repeat(lines::MOST_HELD / 15);
    let text = format!("dn: CN=big,DC=x\nobjectClass: group\n{many}\n{COMPUTER}\n");
    assert_eq!(codes(&read(&text)), ["ldif-entry-too-large"]);
}
