"""What the throw-away directory holds: for each state of delegation a small world of hosts, and what is to be seen of it.

A state says of each ordered pair of its hosts in a word what its delegation is worth, written here by hand. The KDC and
kcdoctor are asked for the same word, so that neither can agree with a mistake of the other. What is *not* done here:
writing them as LDIF (objects.py), talking to a directory (domain.py) or to a KDC (kerberos.py).
"""

from dataclasses import dataclass, field

REALM = "CORP.EXAMPLE"
DOMAIN = "corp.example"
BASE = "DC=corp,DC=example"
ROOT = f"OU=Hyper-V,{BASE}"

MIGRATION = "Microsoft Virtual System Migration Service"
# What a Hyper-V host registers beside it; cifs is answered by HOST, as in any directory.
SERVICES = (MIGRATION, "Microsoft Virtual Console Service", "HOST", "RestrictedKrbHost", "WSMAN")

# userAccountControl ([MS-ADTS] 2.2.16).
WORKSTATION = 0x1000
UNCONSTRAINED = 0x8_0000
SENSITIVE = 0x10_0000
ANY_PROTOCOL = 0x100_0000
NORMAL_USER = 0x200
PASSWORD_STAYS = 0x1_0000

ALL_TYPES = 28  # RC4, AES128, AES256
RC4_ONLY = 4

SYSTEMS = {
    "2012 R2": ("Windows Server 2012 R2 Datacenter", "6.3 (9600)"),
    "2022": ("Windows Server 2022 Datacenter", "10.0 (20348)"),
}

# Administrators who start moves: anyone, one whose account is sensitive, one in Protected Users.
ANYONE, SENSITIVE_USER, PROTECTED_USER = "alice", "bob", "carol"


@dataclass
class Host:
    """A Hyper-V host, as its computer object shows it."""

    dns: str
    account: str = ""  # sAMAccountName without $; at most 15 characters
    bits: int = 0
    list: tuple = ()  # msDS-AllowedToDelegateTo
    system: str = "2022"
    types: int | None = ALL_TYPES
    place: str = ""  # containers between the object and its state's
    uncut: bool = False  # it registers the first label of its DNS name as well, though NetBIOS cuts it
    further: tuple = ()  # names of others under which its services are registered
    trusts: tuple = ()  # accounts named in msDS-AllowedToActOnBehalfOfOtherIdentity

    def __post_init__(self):
        self.account = self.account or self.label[:15].upper()

    @property
    def label(self):
        return self.dns.split(".")[0]

    @property
    def name(self):
        """As kcdoctor names hosts."""
        return self.label.upper()

    @property
    def forms(self):
        """Its own names, as its services are registered."""
        return (self.account, self.label, self.dns) if self.uncut else (self.account, self.dns)

    @property
    def wanted(self):
        """The SPNs that a source needs on its list to move a machine here."""
        return tuple(f"{MIGRATION}/{form}" for form in self.forms)

    @property
    def kerberos_only_serves(self):
        """Before Windows Server 2016 a move brings the administrator's own ticket along."""
        return self.system == "2012 R2"


@dataclass
class State:
    """Hosts of one kind, and what each ordered pair of them is worth before the plan and with it."""

    name: str
    about: str
    hosts: list
    usual: str  # the word for pairs that `words` does not name
    words: dict = field(default_factory=dict)
    cause: str = "kcd-missing"  # of kcdoctor's verdict
    cluster: bool = False
    user: str = ANYONE  # who starts the moves
    options: tuple = ()  # with which kcdoctor is asked for the plan
    planned: tuple | None = None  # the names of the pairs that the plan is about; None for all
    goal: str = "granted"  # the word for planned pairs once the plan is applied
    storage: bool = False  # the plan is about the file services as well
    left_alone: bool = False  # kcdoctor sees what is wrong, and its files change nothing

    @property
    def container(self):
        return f"OU={self.name},{ROOT}"

    @property
    def pairs(self):
        return [(s, t) for s in self.hosts for t in self.hosts if s is not t]

    def word(self, source, target):
        """`granted`, `partial`, `kerberos-only`, `unconstrained` or `missing`."""
        return self.words.get((source.name, target.name), self.usual)

    def plans(self, source, target):
        return self.planned is None or (source.name, target.name) in self.planned

    def word_after(self, source, target):
        return self.goal if self.plans(source, target) else self.word(source, target)

    def dn(self, host):
        return f"CN={host.label},{host.place}{self.container}"


def host(label, **traits):
    return Host(dns=f"{label}.{DOMAIN}", **traits)


def services(label, forms=("short", "full"), service=MIGRATION):
    """SPNs of the host called `label`, for the list of another."""
    names = {"short": label.upper(), "full": f"{label}.{DOMAIN}"}
    return tuple(f"{service}/{names[form]}" for form in forms)


def lists(*labels, **kind):
    return tuple(spn for label in labels for spn in services(label, **kind))


def cluster():
    """Sixteen nodes, four of each kind: no list, every other node, short names only, every node but Kerberos only."""
    labels = [f"clu{number:02}" for number in range(1, 17)]
    others = {label: [other for other in labels if other != label] for label in labels}
    words, nodes = {}, []
    for number, label in enumerate(labels):
        kind = number // 4
        traits = (
            {},
            {"bits": ANY_PROTOCOL, "list": lists(*others[label])},
            {"bits": ANY_PROTOCOL, "list": lists(*others[label], forms=("short",))},
            {"list": lists(*others[label])},
        )[kind]
        word = ("missing", "granted", "partial", "kerberos-only")[kind]
        words.update({(label.upper(), other.upper()): word for other in others[label]})
        nodes.append(host(label, **traits))
    return State("cluster", "sixteen nodes of one cluster, four of each kind", nodes, "missing", words, cluster=True)


def states():
    """Every state, in the order in which they are proven."""
    foreign = tuple(f"HTTP/app{number:04}.{DOMAIN}" for number in range(1600))
    every = {"bits": ANY_PROTOCOL}
    return [
        State("none", "no delegation at all", [host("none1"), host("none2")], "missing"),
        State(
            "one-way",
            "one host lists the other, which lists nobody",
            [host("way1", list=lists("way2"), **every), host("way2")],
            "missing",
            {("WAY1", "WAY2"): "granted"},
        ),
        State(
            "short-names",
            "one list has only short names, the other only full ones",
            [
                host("short1", list=lists("short2", forms=("short",)), **every),
                host("short2", list=lists("short1", forms=("full",)), **every),
            ],
            "partial",
            cause="kcd-incomplete",
        ),
        State(
            "kerberos-only",
            "complete lists, and 'use Kerberos only'",
            [host("kerb1", list=lists("kerb2")), host("kerb2", list=lists("kerb1"))],
            "kerberos-only",
            cause="kcd-kerberos-only",
        ),
        State(
            "kerberos-2012",
            "'use Kerberos only' where it serves: Windows Server 2012 R2",
            [host("old1", list=lists("old2"), system="2012 R2"), host("old2", system="2012 R2")],
            "missing",
            {("OLD1", "OLD2"): "granted"},
        ),
        State(
            "any-protocol",
            "two hosts know each other, and a third that nobody put on a list",
            [
                host("any1", list=lists("any2"), **every),
                host("any2", list=lists("any1"), **every),
                host("any3", **every),
            ],
            "missing",
            {("ANY1", "ANY2"): "granted", ("ANY2", "ANY1"): "granted"},
        ),
        State(
            "unconstrained",
            "delegation to any service; one of them has a complete list beside it",
            [
                host("open1", bits=UNCONSTRAINED),
                host("open2", bits=UNCONSTRAINED | ANY_PROTOCOL, list=lists("open1", "open3")),
                host("open3", bits=UNCONSTRAINED, list=lists("open1", "open2")),
            ],
            "unconstrained",
            {("OPEN2", "OPEN1"): "granted", ("OPEN2", "OPEN3"): "granted"},
            cause="unconstrained-blocked",
        ),
        State(
            "empty-list",
            "'use any authentication protocol' with nothing on the list",
            [host("void1", **every), host("void2", **every)],
            "missing",
        ),
        State(
            "cifs-only",
            "lists with the file service alone; no encryption types stated",
            [
                host("file1", list=lists("file2", service="cifs"), types=None),
                host("file2", list=lists("file1", service="cifs"), types=None, **every),
            ],
            "missing",
            cause="kcd-incomplete",
        ),
        State(
            "rc4-only",
            "hosts that state RC4 and nothing else",
            [host("rc1", types=RC4_ONLY), host("rc2", list=lists("rc1"), types=RC4_ONLY, **every)],
            "missing",
            {("RC2", "RC1"): "granted"},
        ),
        State(
            "sensitive",
            "complete lists, and an administrator whose account nobody may delegate",
            [host("sens1", list=lists("sens2"), **every), host("sens2", list=lists("sens1"), **every)],
            "granted",
            cause="user-not-delegatable",
            user=SENSITIVE_USER,
        ),
        State(
            "protected",
            "complete lists, and an administrator in Protected Users",
            [host("prot1", list=lists("prot2"), **every), host("prot2", list=lists("prot1"), **every)],
            "granted",
            cause="user-not-delegatable",
            user=PROTECTED_USER,
        ),
        State(
            "resource",
            "one host's object names the other (resource-based), and nothing else is configured",
            [host("res1"), host("res2", trusts=("RES1",))],
            "missing",
            {("RES1", "RES2"): "granted"},
        ),
        State(
            "umlaut",
            "a container with a comma and an umlaut in its name",
            [
                host("zur1", place="OU=Zürich\\, Süd,"),
                host("zur2", place="OU=Zürich\\, Süd,", list=lists("zur1"), **every),
            ],
            "missing",
            {("ZUR2", "ZUR1"): "granted"},
        ),
        State(
            "long-names",
            "accounts cut to 15 characters under longer DNS names, in mixed case",
            [
                Host(f"Hv-A-Frankfurt-Main.{DOMAIN}", account="HV-A-FRANKFURT-"),
                Host(f"hv-b-frankfurt-main.Corp.Example", account="hv-b-Frankfurt-", bits=ANY_PROTOCOL),
            ],
            "missing",
        ),
        State(
            "spelling",
            "a complete list in other case, among services of others",
            [
                host("Spell1", list=tuple(s.upper() for s in lists("spell2")) + ("HTTP/Web01", "MSSQLSvc/db01:1433"), **every),
                host("spell2", list=("HTTP/Web01", "http/old.spell1"), **every),
            ],
            "missing",
            {("SPELL1", "SPELL2"): "granted"},
            cause="kcd-incomplete",
        ),
        State(
            "uncut-names",
            "hosts that register their long names uncut as well",
            [
                Host(f"hv-c-munich-second.{DOMAIN}", uncut=True, bits=ANY_PROTOCOL),
                Host(f"hv-d-munich-second.{DOMAIN}", uncut=True),
            ],
            "missing",
        ),
        State(
            "further-name",
            "a host has taken the name of a retired one over, which no move asks for",
            [
                host("more1", list=lists("more2"), **every),
                host("more2", further=("MORE2-OLD",), **every),
            ],
            "missing",
            {("MORE1", "MORE2"): "granted"},
        ),
        State(
            "blanks",
            "names on a list that end in a blank, as pasted by hand: the KDC finds none, and LDAP takes them for the same",
            [
                host("trail1", list=tuple(f"{spn} " for spn in lists("trail2")), **every),
                host("trail2", list=lists("trail1"), **every),
            ],
            "granted",
            {("TRAIL1", "TRAIL2"): "missing"},
            cause="kcd-incomplete",
            left_alone=True,
        ),
        State(
            "disjoint",
            "hosts whose DNS names lie outside the name of their domain",
            [Host("apart1.lab.example", bits=ANY_PROTOCOL), Host("apart2.lab.example", bits=ANY_PROTOCOL)],
            "missing",
        ),
        State(
            "long-list",
            "1,600 services of others on one list",
            [host("long1", list=foreign), host("long2", list=foreign[:3] + lists("long1"), **every)],
            "missing",
            {("LONG2", "LONG1"): "granted"},
            cause="kcd-incomplete",
        ),
        State(
            "one-pair",
            "a plan for moves in one direction only",
            [host("pair1"), host("pair2")],
            "missing",
            options=("--pair", "PAIR1:PAIR2"),
            planned=(("PAIR1", "PAIR2"),),
        ),
        State(
            "by-hand",
            "a plan for moves that are started at the source: 'use Kerberos only'",
            [host("hand1"), host("hand2")],
            "missing",
            options=("--protocol", "kerberos"),
            goal="kerberos-only",
        ),
        State(
            "storage",
            "a plan for moves that take their storage along",
            [host("disk1", **every), host("disk2")],
            "missing",
            options=("--storage",),
            storage=True,
        ),
        cluster(),
    ]


# A host that no plan names.
OUTSIDER = host("outside")


def outside():
    return State("outside", "a host of no state", [OUTSIDER], "missing")
