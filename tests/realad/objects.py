"""The lab as LDIF to load: hosts, users, and the containers around them."""

import base64

import lab


def password(name):
    return f"Pw-{name}-2026!"


def ldif(states):
    """The whole lab as LDIF to add."""
    records = [record(lab.ROOT, ["objectClass: organizationalUnit"])]
    for state in states:
        containers = {state.container}
        for own in state.hosts:
            containers.update({f"{own.place}{state.container}"})
        records += [record(dn, ["objectClass: organizationalUnit"]) for dn in sorted(containers, key=len)]
        records += [computer(state.dn(own), own) for own in state.hosts]
    records += [user(lab.ANYONE, 0), user(lab.SENSITIVE_USER, lab.SENSITIVE), user(lab.PROTECTED_USER, 0)]
    protected = ["changetype: modify", "add: member", f"member: CN={lab.PROTECTED_USER},CN=Users,{lab.BASE}"]
    records.append(record(f"CN=Protected Users,CN=Users,{lab.BASE}", protected))
    return "\n".join(records)


def computer(dn, host):
    system, version = lab.SYSTEMS[host.system]
    lines = [
        "objectClass: computer",
        f"sAMAccountName: {host.account}$",
        f"userAccountControl: {lab.WORKSTATION | host.bits}",
        f"dNSHostName: {host.dns}",
        f"operatingSystem: {system}",
        f"operatingSystemVersion: {version}",
        secret(host.account),
    ]
    lines += [f"servicePrincipalName: {service}/{form}" for service in lab.SERVICES for form in (*host.forms, *host.further)]
    lines += [value("msDS-AllowedToDelegateTo", spn) for spn in host.list]
    if host.types is not None:
        lines.append(f"msDS-SupportedEncryptionTypes: {host.types}")
    return record(dn, lines)


def user(name, bits):
    lines = [
        "objectClass: user",
        f"sAMAccountName: {name}",
        f"userPrincipalName: {name}@{lab.DOMAIN}",
        f"userAccountControl: {lab.NORMAL_USER | lab.PASSWORD_STAYS | bits}",
        secret(name),
    ]
    return record(f"CN={name},CN=Users,{lab.BASE}", lines)


def secret(name):
    return "unicodePwd:: " + base64.b64encode(f'"{password(name)}"'.encode("utf-16-le")).decode()


def record(dn, lines):
    return "\n".join([head(dn), *lines]) + "\n"


def head(dn):
    """The first line of a record about `dn`."""
    return value("dn", dn)


def value(name, text):
    plain = text.isascii() and not text.endswith(" ")
    return f"{name}: {text}" if plain else f"{name}:: " + base64.b64encode(text.encode()).decode()
