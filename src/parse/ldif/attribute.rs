//! The attributes of an entry that matter, and sets of them.

/// The attributes that are looked at, the lists first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attribute {
    Spn,
    AllowedToDelegateTo,
    Member,
    ObjectClass,
    Cn,
    Name,
    Account,
    DnsName,
    Sid,
    UserAccountControl,
    AllowedToAct,
    EncryptionTypes,
    OperatingSystem,
    OperatingSystemVersion,
    WhenChanged,
    InstanceType,
    UsnChanged,
}

const NAMES: &[(&str, Attribute)] = &[
    ("servicePrincipalName", Attribute::Spn),
    ("msDS-AllowedToDelegateTo", Attribute::AllowedToDelegateTo),
    ("member", Attribute::Member),
    ("objectClass", Attribute::ObjectClass),
    ("cn", Attribute::Cn),
    ("name", Attribute::Name),
    ("sAMAccountName", Attribute::Account),
    ("dNSHostName", Attribute::DnsName),
    ("objectSid", Attribute::Sid),
    ("userAccountControl", Attribute::UserAccountControl),
    ("msDS-AllowedToActOnBehalfOfOtherIdentity", Attribute::AllowedToAct),
    ("msDS-SupportedEncryptionTypes", Attribute::EncryptionTypes),
    ("operatingSystem", Attribute::OperatingSystem),
    ("operatingSystemVersion", Attribute::OperatingSystemVersion),
    ("whenChanged", Attribute::WhenChanged),
    ("instanceType", Attribute::InstanceType),
    ("uSNChanged", Attribute::UsnChanged),
];

impl Attribute {
    /// The attribute called `name`, compared without case.
    pub(super) fn from_name(name: &[u8]) -> Option<Self> {
        NAMES
            .iter()
            .find(|(own, _)| own.as_bytes().eq_ignore_ascii_case(name))
            .map(|(_, attribute)| *attribute)
    }
}

/// A set of attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Attributes(u32);

impl Attributes {
    /// Every attribute.
    pub(super) const ALL: Self = Self(u32::MAX);

    /// These and `attribute`.
    pub(super) fn with(self, attribute: Attribute) -> Self {
        Self(self.0 | 1 << attribute as u32)
    }

    /// These and `other`.
    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `attribute` is among them.
    pub(super) fn has(self, attribute: Attribute) -> bool {
        self.0 & 1 << attribute as u32 != 0
    }
}
