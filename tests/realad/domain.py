"""A domain controller that lives in one directory and one network namespace: made, loaded, started, asked, stopped.

Everything listens on the namespace's own loopback, where nothing but this run can reach it. What is *not* done here:
Kerberos (kerberos.py) and what the objects are (lab.py).
"""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import lab

ADMINISTRATOR = f"Administrator@{lab.DOMAIN}"
PASSWORD = "Adm1n-Passw0rd!"
# RFC 4511 result codes that a plan meets when the world differs from the export.
OK, NO_SUCH_VALUE, VALUE_EXISTS = 0, 16, 20
# What a logon or any change stamps upon an object; everything else belongs to the state.
STAMPS = {"whenChanged", "uSNChanged", "logonCount", "lastLogon", "lastLogonTimestamp", "badPwdCount", "badPasswordTime"}
EVERYTHING = ("*", "nTSecurityDescriptor")
PERMISSIVE = "1.2.840.113556.1.4.1413"

CONFIGURATION = """[global]
 netbios name = DC1
 realm = {realm}
 workgroup = CORP
 server role = active directory domain controller
 server services = ldap, cldap, kdc
 interfaces = 127.0.0.1/8
 bind interfaces only = yes
 disable netbios = yes
 tls enabled = no
 # ldapmodify speaks plain LDAP here, on a loopback that nobody else has.
 ldap server require strong auth = no
 dns update command = /bin/true
 spn update command = /bin/true
 logging = file
 log file = {home}/log
 # Three is where the KDC writes why it refuses.
 log level = 1 kerberos:3
 max log size = 0
 private dir = {home}/private
 state directory = {home}/state
 cache directory = {home}/cache
 lock directory = {home}/lock
 pid directory = {home}/run
 binddns dir = {home}/bind-dns
 ncalrpc dir = {home}/ncalrpc
 ntp signd socket directory = {home}/ntp
 winbindd socket directory = {home}/winbindd
[sysvol]
 path = {home}/state/sysvol
[netlogon]
 path = {home}/state/sysvol/{domain}/scripts
"""


class Broken(Exception):
    """The laboratory itself failed: nothing is said of any plan."""


def run(arguments, check=True, **options):
    """Runs a program, and returns what it said; its words are in the error where it fails."""
    done = subprocess.run(
        [str(argument) for argument in arguments], capture_output=True, text=True, encoding="utf-8", **options
    )
    if check and done.returncode:
        raise Broken(f"{' '.join(map(str, arguments))} ended with {done.returncode}: {done.stderr or done.stdout}")
    return done


class Domain:
    """One domain controller under `home`."""

    def __init__(self, home: Path):
        self.home = home
        self.settings = home / "smb.conf"
        self.log = home / "log"
        self.keytab = home.parent / "all.keytab"
        self.process = None

    def provision(self):
        for name in ("private", "state/sysvol/" + lab.DOMAIN + "/scripts", "cache", "lock", "run", "ncalrpc", "bind-dns", "winbindd"):
            (self.home / name).mkdir(parents=True)
        (self.home / "private").chmod(0o700)
        self.settings.write_text(CONFIGURATION.format(home=self.home, realm=lab.REALM, domain=lab.DOMAIN))
        names = [f"--realm={lab.REALM}", "--domain=CORP", "--host-name=DC1", "--host-ip=127.0.0.1"]
        rest = ["--server-role=dc", "--dns-backend=NONE", f"--adminpass={PASSWORD}", "-d0"]
        self.tool("domain", "provision", *names, *rest)

    def load(self, ldif: str):
        """Adds objects to the database of a controller that does not run."""
        file = self.home.parent / "lab.ldif"
        file.write_text(ldif)
        self.ldb("ldbmodify", file)

    def trust(self, target: str, source: str):
        """Resource-based delegation: `target`'s object names `source`."""
        self.tool("delegation", "add-principal", f"{target}$", f"{source}$")

    def export_keys(self):
        self.keytab.unlink(missing_ok=True)
        self.tool("domain", "exportkeytab", self.keytab, "-d0")

    def tool(self, *arguments):
        return run(["samba-tool", *arguments, f"--configfile={self.settings}"])

    def ldb(self, program, *arguments, private=None, check=True):
        database = (private or self.home / "private") / "sam.ldb"
        modules = next(Path("/usr/lib").glob("*/samba/ldb"), None)
        environment = dict(os.environ, LDB_MODULES_PATH=str(modules), LC_ALL="C.UTF-8")
        switches = ["-H", database, f"--configfile={self.settings}"]
        return run([program, *switches, *arguments], env=environment, check=check)

    # Running

    def start(self, preload: Path | None = None):
        environment = dict(os.environ)
        if preload:
            environment["LD_PRELOAD"] = str(preload)
        said = open(self.home / "said", "w")
        arguments = ["samba", "--foreground", "--model=single", "--no-process-group", "-s", str(self.settings)]
        self.process = subprocess.Popen(
            arguments, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        for _ in range(300):
            if self.process.poll() is not None:
                break
            if all(answers(port) for port in (88, 389)):
                return
            time.sleep(0.1)
        raise Broken(f"samba did not start: {(self.home / 'said').read_text()[-2000:]}")

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    # Reading

    def search(self, base: str, *attributes, comments=False):
        """The words of ldapsearch, as a customer's file holds them."""
        quiet = [] if comments else ["-LLL"]
        return self.ldap("ldapsearch", *quiet, "-b", base, "(objectClass=*)", *attributes).stdout

    def dump(self, base: str, *attributes, private=None):
        """The words of ldbsearch."""
        return self.ldb("ldbsearch", "-b", base, "(objectClass=*)", *attributes, private=private).stdout

    def snapshot(self, base: str):
        """Every attribute of every object below `base`, as the server shows them, without mere stamps."""
        return lines(self.search(base, *EVERYTHING))

    def stored(self, base: str, private=None):
        """The same as the database holds it: this one's, or a copy's."""
        return lines(self.dump(base, *EVERYTHING, private=private))

    # Changing

    def ldap(self, program, *arguments, check=True):
        login = ["-x", "-H", "ldap://127.0.0.1", "-D", ADMINISTRATOR, "-w", PASSWORD]
        return run([program, *login, *arguments], check=check)

    def modify(self, file: Path, *, resume=False, permissive=False):
        """Loads a file of changes; returns the result code and what ldapmodify said."""
        more = ["-c"] if resume else []
        more += ["-e", f"!{PERMISSIVE}"] if permissive else []
        done = self.ldap("ldapmodify", *more, "-f", file, check=False)
        return done.returncode, done.stderr

    def change(self, head: str, *lines):
        """One change that somebody else makes of the object that the line `head` names."""
        file = self.home.parent / "meanwhile.ldif"
        file.write_text("\n".join([head, "changetype: modify", *lines]) + "\n")
        code, said = self.modify(file)
        if code:
            raise Broken(f"a change of {head} was refused with {code}: {said}")

    def copy_database(self, to: Path):
        """A database of its own, for tools that need no server."""
        shutil.copytree(self.home / "private", to, ignore=shutil.ignore_patterns("*.sock", "ldapi", "ldap_priv"))


def lines(ldif):
    """The values of an export, each with its object."""
    found = set()
    for entry in re.sub(r"\n ", "", ldif).split("\n\n"):
        values = [line for line in entry.split("\n") if line and not line.startswith("#")]
        kept = [line for line in values if line.split(":")[0] not in STAMPS]
        name = next((line for line in kept if line.startswith("dn:")), "")
        found.update(f"{name} | {line}" for line in kept)
    return found


def answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
