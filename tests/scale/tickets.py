"""The tickets of a run: drawn incidents of known truth, and hostile ones among them, all by a seed."""

import json
import os
import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import hostile

# Ids as ticket systems, spreadsheets and pranksters make them. Those of a list can hold anything but NUL and
# the end of a line.
IDS = [
    "line\u2028paragraph\u2029next\u0085end".encode(),
    b'say "hi"', b"back\\slash", b"a\tb\tc", b"'; drop table tickets --", b"=1+1", b"../../T1", b"\x1b[2Jcleared",
    b"\xff\xfe", "Störung №7 🚚".encode(), b"{\"schema_version\":1}", b"-", b"x" * 5_000, b"T1|T2,T3;T4", b"\xe2\x80\xae4321",
]
# Names of files can hold ends of lines as well.
NAMES = [b"%s", b"%s", b"%s", b"line\nend %s", b"tab\t%s", b'quote " %s', b"back\\%s", b"\xff%s\xfe", b"-rf %s", b" %s ", "ä%s".encode()]
# Where a path leads that is none, or none that ends.
ODD_PATHS = [b"-", b"/dev/zero", b"/dev/stdin", b"/proc/self/fd/0", b"nowhere/T1.zip", b"complete/truth.jsonl/x", b"\xff\xfe"]


@dataclass
class Ticket:
    """One ticket: where its bundle stands, its id where the list gives one, what is planted in it, and of which sort it is."""

    path: bytes
    id: bytes | None = None
    truth: dict | None = None
    sort: str = "complete"

    @property
    def key(self):
        """The ticket and the path that its line must bear."""
        name = os.path.basename(self.path) or self.path
        # What stands behind a further tab of a list is no part of it.
        return shown(self.id.split(b"\t")[0] if self.id else name), shown(self.path)

    @property
    def line(self):
        return self.path + (b"\t" + self.id if self.id else b"") + b"\n"


def shown(raw):
    return raw.decode("utf-8", "replace")


@dataclass
class Tickets:
    """Those of a list, then those of a folder: the order in which they are triaged."""

    listed: list
    folder: list

    def __len__(self):
        return len(self.folder) + len(self.listed)

    def all(self):
        return self.listed + self.folder

    def write_list(self, path):
        path.write_bytes(b"".join(ticket.line for ticket in self.listed))


def make(work, kcdoctor, count, seed):
    """`count` tickets below `work`: 4 in 100 hostile, of the others two thirds complete. Paths are relative to it."""
    lot = random.Random(seed)
    bad = max(count // 25, 2 * len(hostile.HEAVY + hostile.OTHERS + hostile.COPIES))
    odd = [Ticket(path, sort="odd") for path in ODD_PATHS] + [Ticket(b"", b"no path", sort="odd")]
    odd += [Ticket(b"missing/T%d.zip" % number, sort="odd") for number in range(bad // 10)]
    sound = count - bad - len(odd)
    complete = drawn(work, kcdoctor, "complete", sound - sound // 3, seed)
    thinned = drawn(work, kcdoctor, "thinned", sound // 3, seed)
    folder = spoilt(work, lot, bad, complete)
    for number, ticket in enumerate(lot.sample(complete, len(complete) // 20)):
        ticket.id = b"%d %s" % (number, IDS[number % len(IDS)])
    listed = complete + thinned + odd
    lot.shuffle(listed)
    return Tickets(listed, folder)


def drawn(work, kcdoctor, sort, count, seed):
    """Incidents by the simulator; seeds are not those of docs/accuracy.md."""
    first = seed * 100_000 + (50_000 if sort == "thinned" else 0)
    command = [kcdoctor, "simulate", "--write", work / sort, "--zip", "--bundles", str(count), "--seed", str(first)]
    subprocess.run(command + (["--thinned"] if sort == "thinned" else []), check=True)
    truths = [json.loads(line) for line in (work / sort / "truth.jsonl").read_bytes().splitlines()]
    return [Ticket(f"{sort}/tickets/{truth['bundle']}".encode(), truth=truth, sort=sort) for truth in truths]


def spoilt(work, lot, count, complete):
    """Hostile tickets as the children of one folder, in the order of their names."""
    folder = work / "hostile"
    folder.mkdir()
    few = hostile.HEAVY * 2
    often = hostile.COPIES * 2 + hostile.ALTERED + hostile.OTHERS
    tickets = []
    for number in range(count):
        kind = few[number] if number < len(few) else often[number % len(often)]
        original = lot.choice(complete)
        name = lot.choice(NAMES) % f"{kind.__name__}-{number}".encode()
        place = Path(os.fsdecode(os.path.join(os.fsencode(folder), name)))
        kind(lot, place, (work / os.fsdecode(original.path)).read_bytes())
        truth = original.truth if kind in hostile.COPIES else None
        sort = "damaged" if truth else "altered" if kind in hostile.ALTERED else "hostile"
        tickets.append(Ticket(b"hostile/" + name, truth=truth, sort=sort))
    os.mkfifo(folder / "~fifo")
    (folder / "~link").symlink_to("nowhere")
    tickets += [Ticket(b"hostile/~fifo", sort="odd"), Ticket(b"hostile/~link", sort="odd")]
    return sorted(tickets, key=lambda ticket: os.path.basename(ticket.path))
