"""Damaged and hostile tickets, by a seed: what a support organisation is sent by accident, and what nobody should be able to
do to it on purpose.

Each kind is a function of a lot (random.Random), a folder to write into and a sound ticket (the bytes of a zip); what it leaves
there is one ticket. `COPIES` keep so much of the sound one that a verdict may still be given; a confirmed one must then be
right. Of `OTHERS` and `HEAVY` none may be confirmed.
"""

import gzip
import os
import zlib

import archives
from archives import members, packed

BOMB = 1 << 30
DEEP = 100_000


def truncated(lot, place, sound):
    place.write_bytes(sound[: lot.randrange(len(sound))])


def flipped(lot, place, sound):
    """Some bytes of the zip itself."""
    place.write_bytes(flip(lot, sound, lot.choice([1, 8, 64, 512])))


def flipped_logs(lot, place, sound):
    """Some bits of its event logs: the zip's checksums hold, those of the logs do not."""
    count = lot.choice([1, 8, 64])
    place.write_bytes(packed((name, flip(lot, data, count if data[:4] == b"ElfF" else 0)) for name, data in members(sound)))


def misprinted(lot, place, sound):
    """Some bits of any file. A text has no checksum, and with one letter changed a name is another name: what it says now may
    well be sure, and not what was planted."""
    place.write_bytes(packed((name, flip(lot, data, lot.choice([1, 8, 64]))) for name, data in members(sound)))


def cut_inside(lot, place, sound):
    """Every file ends too early."""
    place.write_bytes(packed((name, data[: lot.randrange(len(data) + 1)]) for name, data in members(sound)))


def renamed(lot, place, sound):
    """Names that would leave the folder, clear the screen, or be no names at all."""
    wild = ["../../../etc/", "/etc/", "C:\\Windows\\", "\x1b[2J", "a\nb/", "\r", "con/", "=cmd|'/c calc'!A1/", "\u202e", "x" * 300]
    place.write_bytes(packed((lot.choice(wild) + name, data) for name, data in members(sound)))


def folder_with_fifo(lot, place, sound):
    """Who opens a FIFO to read waits for ever."""
    unpack(place, sound)
    os.mkfifo(place / "events.evtx")


def folder_with_links(lot, place, sound):
    """To nowhere, to itself, and to a device without end."""
    unpack(place, sound)
    for name, target in [("gone.evtx", "nowhere"), ("loop", "."), ("zero.evtx", "/dev/zero"), ("self", "self")]:
        (place / name).symlink_to(target)


def folder_without_rights(lot, place, sound):
    unpack(place, sound)
    place.chmod(0)


def nested(lot, place, sound):
    """Deeper than it is looked."""
    data = sound
    for depth in range(6):
        data = packed([(f"{depth}.zip", data)])
    place.write_bytes(data)


def encrypted(lot, place, sound):
    place.write_bytes(archives.encrypted(lot, ["HV01/System.evtx", "ad.ldif"]))


def ratio_bomb(lot, place, sound):
    """A gibibyte of one byte in a megabyte, twice: deflate can't do better."""
    place.write_bytes(archives.repeated(b"\0", BOMB, copies=2))


def gzip_bomb(lot, place, sound):
    place.write_bytes(gzip.compress(gzip.compress(bytes(BOMB // 4), 9), 9))


def count_bomb(lot, place, sound):
    """More members than it takes."""
    place.write_bytes(archives.crowded(250_000))


def overlapping(lot, place, sound):
    """Two thousand members, all of them the same bytes of the zip."""
    place.write_bytes(archives.overlapping(zlib.compress(bytes(4 << 20), 9)[2:-4], bytes(4 << 20), 2_000))


def sparse(lot, place, sound):
    """Four tebibytes that take no room."""
    with place.open("wb") as file:
        file.write(b"ElfFile\0")
        file.truncate(4 << 40)


def empty(lot, place, sound):
    place.write_bytes(b"")


def empty_folder(lot, place, sound):
    place.mkdir()


def empty_zip(lot, place, sound):
    place.write_bytes(packed([]))


def noise(lot, place, sound):
    """Random bytes behind the beginning of something that is known."""
    heads = [b"", b"PK\3\4", b"ElfFile\0", b"\x1f\x8b\x08", b"7z\xbc\xaf\x27\x1c", b"MSCF", b"\xff\xfe", b"<Event", b"dn: ", b"[{"]
    place.write_bytes(lot.choice(heads) + lot.randbytes(lot.randrange(100_000)))


def deep(lot, place, sound):
    """Nested a hundred thousand deep: what calls itself for each level overflows its stack."""
    json = b"[" * DEEP + b"]" * DEEP
    named = b'{"Id":' * DEEP + b"1" + b"}" * DEEP
    xml = b"<Events>" + b"<Event>" * DEEP + b"</Event>" * DEEP + b"</Events>"
    clixml = b"#< CLIXML\n<Objs>" + b"<Obj><MS>" * DEEP + b"</MS></Obj>" * DEEP + b"</Objs>"
    files = [("a.json", json), ("b.json", named), ("c.xml", xml), ("d.xml", clixml)]
    place.write_bytes(packed(files if lot.random() < 0.5 else [lot.choice(files)]))


def long_lines(lot, place, sound):
    """Exports whose one line is megabytes long."""
    ldif = b"dn: CN=HV01,DC=x\nobjectClass: computer\nservicePrincipalName: " + b"A" * (8 << 20) + b"\n"
    csv = b'"Name",' + b'"x",' * 300_000 + b'"y"\n' + b'"' + b"," * (2 << 20)
    place.write_bytes(packed([("ad.ldif", ldif), ("ad.csv", csv), ("w32tm.txt", b"Offset: " + b"9" * (1 << 20))]))


COPIES = [truncated, flipped, flipped_logs, cut_inside, renamed, folder_with_fifo, folder_with_links, folder_without_rights]
# These tell another story.
ALTERED = [misprinted]
OTHERS = [nested, encrypted, empty, empty_folder, empty_zip, noise, deep]
# These cost seconds, so a run holds few of them.
HEAVY = [ratio_bomb, gzip_bomb, count_bomb, overlapping, sparse, long_lines]


def flip(lot, data, count):
    data = bytearray(data)
    for _ in range(count if data else 0):
        data[lot.randrange(len(data))] ^= 1 << lot.randrange(8)
    return bytes(data)


def unpack(place, sound):
    for name, data in members(sound):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
