//! When attributes of an object were last changed: `msDS-ReplAttributeMetaData`, of which each value is a piece of XML
//! about one attribute ([MS-ADTS] 3.1.1.4.5.21). The times are in UTC.
//!
//! What is *not* done here: `repadmin /showobjmeta` and `Get-ADReplicationAttributeMetadata`, which print local times
//! of an unknown zone, and values of links.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The name of the attribute in exports, lower-case.
pub(super) const NAME: &str = "msds-replattributemetadata";

/// Attributes that decide, in lower case: of others the time of the last change says nothing here.
const KEPT: &[&str] = &[
    "msds-allowedtodelegateto",
    "msds-allowedtoactonbehalfofotheridentity",
    "serviceprincipalname",
    "useraccountcontrol",
    "msds-supportedencryptiontypes",
];

/// The last change of each attribute that decides, by its name in lower case.
pub(super) fn changes<'a>(values: impl Iterator<Item = &'a str>) -> BTreeMap<String, Timestamp> {
    let change = |value: &str| {
        let name = element(value, "pszAttributeName")?.to_lowercase();
        let time = element(value, "ftimeLastOriginatingChange")?.parse().ok()?;
        KEPT.contains(&name.as_str()).then_some((name, time))
    };
    values.filter_map(change).collect()
}

/// The text of the first element called `name`; the values have no attributes and no entities in what is read here.
fn element<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = value.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sound_values_of_deciding_attributes_are_kept() {
        let value = |name: &str, time: &str| {
            format!(
                "<DS_REPL_ATTR_META_DATA>\n\t<pszAttributeName>{name}</pszAttributeName>\n\t<dwVersion>2</dwVersion>\n\t\
                 <ftimeLastOriginatingChange>{time}</ftimeLastOriginatingChange>\n</DS_REPL_ATTR_META_DATA>\n\0"
            )
        };
        let values = [
            value("userAccountControl", "2026-09-10T10:00:00Z"),
            value("lastLogonTimestamp", "2026-09-11T10:00:00Z"),
            value("servicePrincipalName", "yesterday"),
            "<pszAttributeName>userAccountControl".to_owned(),
        ];
        let found = changes(values.iter().map(String::as_str));
        let expected = [("useraccountcontrol".to_owned(), "2026-09-10T10:00:00Z".parse().unwrap())];
        assert_eq!(found, BTreeMap::from(expected));
    }
}
