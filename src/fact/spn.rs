//! Service principal names. Their service classes contain blanks, so no list is ever split at one.

/// The service class that Hyper-V registers for live migration.
const MIGRATION_CLASS: &str = "Microsoft Virtual System Migration Service";

/// A service principal name of two parts: `class/host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spn<'a> {
    /// The service class, such as `cifs`.
    pub class: &'a str,
    /// The host, a short or full DNS name, with a port where one is given.
    pub host: &'a str,
}

impl<'a> Spn<'a> {
    /// Splits at the first `/`; `None` without one, or with an empty part.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (class, host) = text.trim().split_once('/')?;
        (!class.is_empty() && !host.is_empty()).then_some(Self { class, host })
    }

    /// The host of a migration SPN; `None` for any other class.
    #[must_use]
    pub fn migration_host(text: &'a str) -> Option<&'a str> {
        let spn = Self::parse(text)?;
        spn.class.eq_ignore_ascii_case(MIGRATION_CLASS).then_some(spn.host)
    }

    /// The migration SPN of `host`.
    #[must_use]
    pub fn migration(host: &str) -> String {
        format!("{MIGRATION_CLASS}/{host}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_belong_to_the_class() {
        assert_eq!(Spn::migration_host("microsoft virtual system migration service/HV01"), Some("HV01"));
        assert_eq!(Spn::migration_host("cifs/HV01"), None);
        assert_eq!(Spn::parse("/HV01"), None);
        assert_eq!(Spn::migration("hv01"), "Microsoft Virtual System Migration Service/hv01");
    }
}
