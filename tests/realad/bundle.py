"""Writes a bundle as a customer would send it: exports of the directory, and logs of moves that failed or went well.

The exports are real. The logs are made up, since no Hyper-V host runs here, but what failed and which name was refused is
what the KDC has said. What is *not* done here: making the exports (domain.py).
"""

import re
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import lab

VMMS = "Microsoft-Windows-Hyper-V-VMMS-Admin"
CLUSTER = "Microsoft-Windows-Hyper-V-High-Availability-Admin"
PROVIDERS = {
    VMMS: ("Microsoft-Windows-Hyper-V-VMMS", "6066f867-7ca1-4418-85fd-36e3f9c0600c"),
    CLUSTER: ("Microsoft-Windows-Hyper-V-High-Availability", "64e92abc-910c-4770-bd9c-c3c54699b8f9"),
    "System": ("Microsoft-Windows-Security-Kerberos", "98e6cfcb-ee0a-41e0-a57b-622d4e1b30b1"),
    "Security": ("Microsoft-Windows-Security-Auditing", "54849625-5478-4994-a5ba-3e3b0328c30d"),
}
CREATED = re.compile("^whenCreated: .*$", re.MULTILINE)
# SEC_E_NO_CREDENTIALS, as a number for the table of messages and as text.
NO_CREDENTIALS = ("%%2148074254", "0x8009030E")
# The statuses of a refused S4U2Proxy (MS-SFU 3.2.5.2.2): nothing on the list, nothing that fits.
NOTHING_LISTED, NOTHING_FITS = "0xc00000bb", "0xc0000272"

EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='{provider}' Guid='{{{guid}}}'/><EventID>{id}</EventID><Version>0</Version><Level>{level}</Level>"
    "<Task>0</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords>"
    "<TimeCreated SystemTime='{time}'/><EventRecordID>{record}</EventRecordID><Correlation/>"
    "<Execution ProcessID='2212' ThreadID='4480'/><Channel>{channel}</Channel>"
    "<Computer>{computer}</Computer><Security UserID='S-1-5-18'/></System>{payload}</Event>\n"
)
USER_DATA = (
    "<UserData><VmlEventLog xmlns='http://www.microsoft.com/Windows/Virtualization/Events'>{}</VmlEventLog></UserData>"
)

# What Hyper-V says at the source, put together by the cluster.
FAILED = """Live migration of 'Virtual Machine {vm}' failed.

Virtual machine migration operation for '{vm}' failed at migration source '{source}'. (Virtual machine ID {guid})

Failed to establish a connection with host '{target}': No credentials are available in the security package (0x8009030E)."""

HOST = """
ComputerName                              : {name}
FullyQualifiedDomainName                  : {domain}
Name                                      : {name}
UseAnyNetworkForMigration                 : False
VirtualMachineMigrationAuthenticationType : Kerberos
VirtualMachineMigrationEnabled            : True
VirtualMachineMigrationPerformanceOption  : Compression
"""


class Log:
    """The channels of one computer."""

    def __init__(self, computer: str):
        self.computer = computer
        self.channels = {}

    def virtualization(self, channel, time, id, level, *values):
        """A record of Hyper-V, whose values have numbers for names."""
        parameters = "".join(f"<Parameter{n}>{escape(value)}</Parameter{n}>" for n, value in enumerate(values))
        self.write(channel, time, id, level, USER_DATA.format(parameters))

    def system(self, channel, time, id, level, **values):
        """A record whose values have names."""
        data = "".join(f"<Data Name='{name}'>{escape(value)}</Data>" for name, value in values.items())
        self.write(channel, time, id, level, f"<EventData>{data}</EventData>")

    def write(self, channel, time: datetime, id: int, level: int, payload: str):
        events = self.channels.setdefault(channel, [])
        provider, guid = PROVIDERS[channel]
        events.append(
            EVENT.format(
                provider=provider, guid=guid, id=id, level=level, time=time.strftime("%Y-%m-%dT%H:%M:%S.%f0Z"),
                record=4000 + len(events), channel=channel, computer=escape(self.computer), payload=payload,
            )
        )

    def save(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        for channel, events in self.channels.items():
            (folder / f"{channel}.xml").write_text("".join(events), encoding="utf-8")


def write(folder: Path, state: lab.State, refused: dict, exports: dict, first: datetime):
    """A bundle in `folder`: for each ordered pair one move, a minute after the other.

    `refused` says by the names of a pair which SPN was refused, `None` where the move went well; `exports` are texts by
    file name.
    """
    logs = {own.name: Log(own.dns) for own in state.hosts}
    controller = Log(f"DC1.{lab.DOMAIN}")
    for number, (source, target) in enumerate(state.pairs):
        time = first + timedelta(minutes=number)
        spn = refused[source.name, target.name]
        log = logs[source.name]
        if spn:
            failed_move(log, state, source, spn, number, time)
            refused_ticket(log, controller, source, target, spn, time, state.user)
        else:
            vm, guid = machine(source, number)
            log.virtualization(VMMS, time, 20413, 4, vm, target.account, guid)
            log.virtualization(VMMS, time + timedelta(seconds=30), 20415, 4, vm, guid, "0.1")
    for own in state.hosts:
        logs[own.name].save(folder / own.name)
        settings = HOST.format(name=own.account.upper(), domain=lab.DOMAIN)
        (folder / own.name / "Get-VMHost.txt").write_text(settings, encoding="utf-8")
    controller.save(folder / "DC1")
    (folder / "ad").mkdir()
    # The laboratory is a minute old and its moves are dated back, so the making of its objects is too: what was made after
    # a failure proves nothing about it.
    created = f"whenCreated: {first - timedelta(days=30):%Y%m%d%H%M%S}.0Z"
    for name, text in exports.items():
        (folder / "ad" / name).write_text(CREATED.sub(created, text), encoding="utf-8")


def machine(source, number):
    vm = f"VM{number:03}"
    return vm, str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{vm}.{source.dns}")).upper()


def failed_move(log, state, source, spn, number, time):
    vm, guid = machine(source, number)
    target = spn.split("/")[1]
    after = lambda milliseconds: time + timedelta(milliseconds=milliseconds)
    log.virtualization(VMMS, time, 20306, 2, target, *NO_CREDENTIALS)
    log.virtualization(VMMS, after(30), 21024, 2, vm, guid, source.account)
    if state.cluster:
        words = FAILED.format(vm=vm, guid=guid, source=source.account, target=target)
        log.virtualization(CLUSTER, after(60), 21111, 2, f"Virtual Machine {vm}")
        log.virtualization(CLUSTER, after(90), 21502, 2, f"Virtual Machine {vm}", guid, words)


def refused_ticket(log, controller, source, target, spn, time, user):
    """What the source's Kerberos client and the domain controller record of it.

    The client names a user whose account is the reason, and leaves the name out otherwise.
    """
    controller.system(
        "Security", time - timedelta(milliseconds=40), 4769, 0,
        TargetUserName=f"{source.account}$@{lab.REALM}", TargetDomainName=lab.REALM, ServiceName=f"{target.account}$",
        ServiceSid="S-1-0-0", TicketOptions="0x40830000", TicketEncryptionType="0xffffffff",
        IpAddress="::ffff:192.0.2.11", IpPort="50123", Status="0xd",
        LogonGuid="00000000-0000-0000-0000-000000000000", TransmittedServices="-",
    )
    log.system(
        "System", time - timedelta(milliseconds=20), 3, 2,
        LogonSession="", ClientTime="", ServerTime="", ErrorCode="0xd", ErrorMessage="KDC_ERR_BADOPTION",
        ExtendedError=NOTHING_FITS if source.list else NOTHING_LISTED, ClientRealm="",
        ClientName="" if user == lab.ANYONE else user,
        ServerRealm=lab.REALM, ServerName=spn, TargetName=f"{spn}@{lab.REALM}", ErrorText="", File="9", Line="124b",
    )
