//! Computer objects as PowerShell and csvde show them.

use super::{ANY_PROTOCOL, Account, DISABLED, UNCONSTRAINED, Value as Raw, attributes};
use crate::scenario::exports::object::{Object, Value};
use crate::scenario::filetime;

/// The collection that every list of the directory is.
const COLLECTION: &str = "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection";
const DESCRIPTOR: &str = "System.DirectoryServices.ActiveDirectorySecurity";
/// Property names of the module that are there for every object, set or not.
const EVERY: [&str; 4] = ["Description", "Location", "ManagedBy", "userCertificate"];

/// What `Get-ADComputer -Properties *` returns: of the attributes those that are set, and the module's own
/// properties, which are always there. With `secrets` also what no report may ever show: a LAPS password in clear.
#[must_use]
pub fn computer(account: &Account, secrets: &[(&'static str, &str)]) -> Object {
    let machine = &account.machine;
    let text = |text: &str| Value::Text(text.to_owned());
    let flag = |bits: u32| Value::Flag(account.control & bits != 0);
    let many = |values: &[String]| Value::Many(COLLECTION, values.to_vec());
    let category = format!("CN=Computer,CN=Schema,CN=Configuration,{}", machine.domain.dn());
    let password = account.password_set();
    let mut all = vec![
        ("AccountNotDelegated", Value::Flag(false)),
        ("CN", text(&machine.name)),
        ("DistinguishedName", Value::Text(account.dn())),
        ("DNSHostName", Value::Text(machine.fqdn())),
        ("Enabled", Value::Flag(account.control & DISABLED == 0)),
        ("instanceType", Value::Number(4)),
        ("KerberosEncryptionType", many(&["RC4, AES128, AES256".to_owned()])),
        ("MemberOf", many(&[])),
        ("msDS-SupportedEncryptionTypes", Value::Number(account.encryption.into())),
        ("Name", text(&machine.name)),
        ("nTSecurityDescriptor", Value::Opaque(DESCRIPTOR)),
        ("ObjectCategory", Value::Text(category)),
        ("ObjectClass", text("computer")),
        ("objectSid", Value::Sid(machine.sid())),
        ("OperatingSystem", text(machine.os.name())),
        ("OperatingSystemVersion", Value::Text(machine.os.version())),
        ("PasswordLastSet", Value::Time(password)),
        ("PrincipalsAllowedToDelegateToAccount", many(&[])),
        ("pwdLastSet", Value::Number(i64::try_from(filetime(password)).unwrap_or(0))),
        ("SamAccountName", Value::Text(machine.account())),
        ("ServicePrincipalNames", many(&account.spns)),
        ("SID", Value::Sid(machine.sid())),
        ("TrustedForDelegation", flag(UNCONSTRAINED)),
        ("TrustedToAuthForDelegation", flag(ANY_PROTOCOL)),
        ("userAccountControl", Value::Number(i64::from(account.control))),
        ("uSNChanged", Value::Number(i64::from(401_000 + machine.rid * 7))),
        ("whenChanged", Value::Time(account.changed)),
    ];
    all.extend(EVERY.map(|name| (name, Value::Nothing)));
    all.extend(secrets.iter().map(|(name, value)| (*name, text(value))));
    if !account.list.is_empty() {
        all.push(("msDS-AllowedToDelegateTo", many(&account.list)));
    }
    if !account.spns.is_empty() {
        all.push(("servicePrincipalName", many(&account.spns)));
    }
    if !account.allowed_to_act.is_empty() {
        all.push(("msDS-AllowedToActOnBehalfOfOtherIdentity", Value::Opaque(DESCRIPTOR)));
    }
    all.sort_by_key(|(name, _)| name.to_lowercase());
    Object {
        types: &[
            "Microsoft.ActiveDirectory.Management.ADComputer",
            "Microsoft.ActiveDirectory.Management.ADAccount",
            "Microsoft.ActiveDirectory.Management.ADEntity",
            "System.Object",
        ],
        printed: account.dn(),
        properties: all,
        added: Vec::new(),
    }
}

/// What `csvde -f` writes: raw attributes, lists joined with `;`, bytes as `X'…'`, quotes only where a comma asks for
/// them, and every attribute that any object has as a column.
#[must_use]
pub fn csvde(accounts: &[Account]) -> String {
    let all: Vec<_> = accounts.iter().map(attributes).collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in all.iter().flatten() {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let mut out = format!("DN,{}\r\n", names.join(","));
    for (account, attributes) in accounts.iter().zip(&all) {
        let cell = |name: &&str| {
            let own = attributes.iter().filter(|(own, _)| own == name).map(|(_, value)| raw(value));
            quoted(&own.collect::<Vec<_>>().join(";"))
        };
        let cells: Vec<_> = names.iter().map(cell).collect();
        out.push_str(&format!("{},{}\r\n", quoted(&account.dn()), cells.join(",")));
    }
    out
}

fn raw(value: &Raw) -> String {
    match value {
        Raw::Text(text) => text.clone(),
        Raw::Bytes(bytes) => {
            format!("X'{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
