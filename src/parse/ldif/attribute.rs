//! The attributes of an entry that matter, and sets of them.

/// The attributes that are looked at, the lists first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::parse) enum Attribute {
    Spn,
    AllowedToDelegateTo,
    Member,
    MemberOf,
    ObjectClass,
    Cn,
    Name,
    Account,
    DnsName,
    Sid,
    UserAccountControl,
    PrimaryGroup,
    AllowedToAct,
    EncryptionTypes,
    OperatingSystem,
    OperatingSystemVersion,
    WhenChanged,
    WhenCreated,
    InstanceType,
    UsnChanged,
    Metadata,
}

/// By the length of their names, so that a name is compared with few.
const NAMES: &[(&str, Attribute)] = &[
    ("cn", Attribute::Cn),
    ("name", Attribute::Name),
    ("member", Attribute::Member),
    ("memberOf", Attribute::MemberOf),
    ("objectSid", Attribute::Sid),
    ("uSNChanged", Attribute::UsnChanged),
    ("objectClass", Attribute::ObjectClass),
    ("dNSHostName", Attribute::DnsName),
    ("whenChanged", Attribute::WhenChanged),
    ("whenCreated", Attribute::WhenCreated),
    ("instanceType", Attribute::InstanceType),
    ("sAMAccountName", Attribute::Account),
    ("primaryGroupID", Attribute::PrimaryGroup),
    ("operatingSystem", Attribute::OperatingSystem),
    ("userAccountControl", Attribute::UserAccountControl),
    ("servicePrincipalName", Attribute::Spn),
    ("operatingSystemVersion", Attribute::OperatingSystemVersion),
    ("msDS-AllowedToDelegateTo", Attribute::AllowedToDelegateTo),
    ("msDS-ReplAttributeMetaData", Attribute::Metadata),
    ("msDS-SupportedEncryptionTypes", Attribute::EncryptionTypes),
    ("msDS-AllowedToActOnBehalfOfOtherIdentity", Attribute::AllowedToAct),
];

/// Of each length the place of the first name that is as long, or longer.
#[expect(clippy::indexing_slicing, reason = "out of bounds would not compile")]
const FIRST: [u8; 41] = {
    let mut first = [0; 41];
    let (mut length, mut place) = (0, 0);
    while length < first.len() {
        while NAMES[place].0.len() < length {
            place += 1;
        }
        first[length] = place as u8;
        length += 1;
    }
    first
};

impl Attribute {
    /// The attribute called `name`, compared without case.
    pub(in crate::parse) fn from_name(name: &[u8]) -> Option<Self> {
        let first = usize::from(*FIRST.get(name.len())?);
        let alike = NAMES.get(first..)?.iter().take_while(|(own, _)| own.len() == name.len());
        alike
            .into_iter()
            .find(|(own, _)| own.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, attribute)| *attribute)
    }
}

/// A set of attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::parse) struct Attributes(u32);

impl Attributes {
    /// Every attribute.
    pub(in crate::parse) const ALL: Self = Self(u32::MAX);

    /// These and `attribute`.
    pub(in crate::parse) fn with(self, attribute: Attribute) -> Self {
        Self(self.0 | 1 << attribute as u32)
    }

    /// These and `other`.
    pub(in crate::parse) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `attribute` is among them.
    pub(in crate::parse) fn has(self, attribute: Attribute) -> bool {
        self.0 & 1 << attribute as u32 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_without_case() {
        assert!(NAMES.is_sorted_by_key(|(name, _)| name.len()));
        for (name, attribute) in NAMES {
            assert_eq!(Attribute::from_name(name.to_uppercase().as_bytes()), Some(*attribute));
        }
        assert_eq!(Attribute::from_name(b"members"), None);
        assert_eq!(Attribute::from_name(b""), None);
    }
}
