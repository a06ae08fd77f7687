"""Asks a KDC what a host may do for a user, and reads the KDC's own word for it from its log.

Three ways lead to a target's service, and a host can be refused each for itself:

- *remote*: the move was started elsewhere, so the host asks for a ticket in the user's name (S4U2Self) and goes on with
  that (S4U2Proxy). Asked with kinit and kvno.
- *local*: the user's own service ticket is the evidence that goes on (S4U2Proxy alone). Asked through GSSAPI.
- *forwarded*: the user hands its ticket-granting ticket on, because the KDC says that the host is trusted for delegation.

What is *not* done here: judging the answers (prove.py).
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import gssapi

import lab
import objects
from domain import Broken, Domain, run

CONFIGURATION = """[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 forwardable = true
 udp_preference_limit = 1
 # As Windows does, hand the ticket-granting ticket on only to hosts that the KDC calls trusted.
 enforce_ok_as_delegate = true
[realms]
 {realm} = {{
  kdc = 127.0.0.1
 }}
"""

# One line of the KDC's log for each request that it has answered.
ANSWER = re.compile(r"TGS-REQ (\w+) ipv4:\S+ \S+ ((?:\\.|\S)+)@" + re.escape(lab.REALM) + r" (.*)$")
REASON = re.compile(r" reason=(.*)$")

# What the KDC writes where it refuses, in short.
NOT_FORWARDABLE = "Missing forwardable flag on ticket for constrained delegation"
NOT_LISTED = "Constrained delegation not allowed"
UNKNOWN = "Service principal unknown"

KERBEROS = gssapi.MechType.kerberos
PRINCIPAL = gssapi.NameType.kerberos_principal


@dataclass(frozen=True)
class Answer:
    """What the KDC answered to one request; `reason` is its own where it refused."""

    granted: bool
    reason: str = ""

    def __str__(self):
        return "granted" if self.granted else f"refused ({self.reason})"


class Kdc:
    """A running KDC, asked in the name of hosts and users of the lab."""

    def __init__(self, domain: Domain, folder: Path):
        self.domain = domain
        self.folder = folder
        self.count = 0
        self.tickets = {}
        settings = folder / "krb5.conf"
        settings.write_text(CONFIGURATION.format(realm=lab.REALM))
        os.environ["KRB5_CONFIG"] = str(settings)
        # The replay cache of an acceptor that lives for one request.
        os.environ["KRB5RCACHENAME"] = "none:"

    def remote(self, source: lab.Host, spns, user=lab.ANYONE):
        """S4U2Self and S4U2Proxy from `source` to each of `spns`, by SPN."""
        cache = self.host_tickets(source)
        since = self.mark()
        done = subprocess.run(
            ["kvno", "-I", user, "-P", *spns],
            env=dict(os.environ, KRB5CCNAME=cache, LC_ALL="C"), capture_output=True, text=True,
        )
        answers = self.answers(since, spns)
        for spn, answer in answers.items():
            # kvno says "kvno = 1" of refused ones too, so its complaints count.
            complained = f"{spn}@{lab.REALM}: constrained delegation failed" in done.stderr
            if complained == answer.granted:
                raise Broken(f"the KDC says that {spn} was {answer}, and kvno: {done.stderr}")
        return answers

    def local(self, source: lab.Host, spns, user=lab.ANYONE, forwardable=True):
        """S4U2Proxy from `source` to each of `spns` with the service ticket of `user` as evidence, by SPN."""
        evidence = self.user_tickets(user, forwardable)
        cache = self.host_tickets(source)
        accepted = self.accept(source, evidence, {"usage": "both", "store": {"ccache": cache, "keytab": self.keys()}})
        return self.go_on(accepted.delegated_creds, spns)

    def forwarded(self, source: lab.Host, spns, user=lab.ANYONE):
        """From `source` to each of `spns` with the ticket-granting ticket that `user` hands on; `None` where it does not."""
        evidence = self.user_tickets(user, True)
        # Without a ticket of its own the host can't use S4U2Proxy here.
        accepted = self.accept(source, evidence, {"usage": "accept", "store": {"keytab": self.keys()}}, hand_on=True)
        return self.go_on(accepted.delegated_creds, spns) if accepted.delegated_creds else None

    def accept(self, source, evidence, credentials, hand_on=False):
        """Lets a user sign in at `source`; returns the host's side of it."""
        flags = [gssapi.RequirementFlag.mutual_authentication]
        flags += [gssapi.RequirementFlag.delegate_to_peer] if hand_on else []
        own = gssapi.Name(f"{source.account}$@{lab.REALM}", PRINCIPAL)
        user = gssapi.Credentials(usage="initiate", store={"ccache": evidence})
        hello = gssapi.SecurityContext(name=own, creds=user, usage="initiate", mech=KERBEROS, flags=flags).step()
        host = gssapi.SecurityContext(creds=gssapi.Credentials(name=own, **credentials), usage="accept")
        host.step(hello)
        return host

    def go_on(self, credentials, spns):
        since = self.mark()
        reached = {}
        for spn in spns:
            name = gssapi.Name(f"{spn}@{lab.REALM}", PRINCIPAL)
            try:
                gssapi.SecurityContext(name=name, creds=credentials, usage="initiate", mech=KERBEROS).step()
                reached[spn] = True
            except gssapi.exceptions.GSSError:
                reached[spn] = False
        answers = self.answers(since, spns)
        for spn, answer in answers.items():
            if answer.granted != reached[spn]:
                raise Broken(f"the KDC says that {spn} was {answer}, and GSSAPI: {reached[spn]}")
        return answers

    # Tickets

    def host_tickets(self, host):
        """A fresh cache: one that was used remembers what was granted."""
        cache = self.fresh()
        run(["kinit", "-k", "-t", self.domain.keytab, "-c", cache, f"{host.account}$"])
        return cache

    def forget(self):
        """Users sign in anew: their tickets for hosts say how those hosts were trusted then."""
        self.tickets = {}

    def user_tickets(self, user, forwardable):
        """A user's own cache."""
        key = (user, forwardable)
        if key not in self.tickets:
            cache = self.fresh()
            flag = "-f" if forwardable else "-F"
            run(["kinit", flag, "-c", cache, user], input=objects.password(user) + "\n")
            self.tickets[key] = cache
        return self.tickets[key]

    def fresh(self):
        self.count += 1
        return f"FILE:{self.folder}/{self.count}.cache"

    def keys(self):
        return f"FILE:{self.domain.keytab}"

    # The KDC's log

    def mark(self):
        return self.domain.log.stat().st_size

    def answers(self, since, spns):
        """The KDC's last word on each of `spns` since `since`."""
        with open(self.domain.log, "rb") as log:
            log.seek(since)
            lines = log.read().decode("utf-8", "replace").splitlines()
        found = {}
        for match in filter(None, map(ANSWER.search, lines)):
            status, service, rest = match.groups()
            reason = REASON.search(" " + rest)
            found[service.replace("\\ ", " ")] = Answer(status == "SUCCESS", reason.group(1) if reason else status)
        unheard = [spn for spn in spns if spn not in found]
        if unheard:
            raise Broken(f"the KDC was never asked for {', '.join(unheard)}")
        return {spn: found[spn] for spn in spns}
