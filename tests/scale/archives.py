"""Zips that no packer writes, byte by byte. (Format: APPNOTE.TXT of PKWARE.)"""

import io
import struct
import zipfile
import zlib
from functools import cache

# Days are counted from 1980; no member here has another date.
DATE = (1980, 1, 1, 0, 0, 0)
STORED, DEFLATED = 0, 8
ENCRYPTED = 1


def members(data):
    """Names and contents of a sound zip."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(entry.filename, archive.read(entry)) for entry in archive.infolist()]


def packed(files):
    """A zip of names and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def local(name, crc, compressed, size, method=DEFLATED, flags=0):
    fields = (b"PK\3\4", 20, flags, method, 0, 0x21, crc, compressed, size, len(name), 0)
    return struct.pack("<4s5H3L2H", *fields) + name


def central(name, crc, compressed, size, offset, method=DEFLATED, flags=0):
    fields = (b"PK\1\2", 20, 20, flags, method, 0, 0x21, crc, compressed, size, len(name), 0, 0, 0, 0, 0, offset)
    return struct.pack("<4s6H3L5H2L", *fields) + name


def ended(body, directory, count):
    """The zip of these local and central parts; more than 65,535 members need the records of zip64."""
    at, size = len(body), len(directory)
    far = b""
    if count > 0xFFFF:
        far = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
        far += struct.pack("<4sLQL", b"PK\6\7", 0, at + size, 1)
    shown = min(count, 0xFFFF)
    return body + directory + far + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, shown, shown, size, at, 0)


def encrypted(lot, names):
    """Members that say they are encrypted; without the password they are noise, so noise they are."""
    body, directory = b"", b""
    for name in (name.encode() for name in names):
        content = lot.randbytes(4096)
        fields = (lot.getrandbits(32), len(content), 8 * len(content))
        directory += central(name, *fields, len(body), flags=ENCRYPTED)
        body += local(name, *fields, flags=ENCRYPTED) + content
    return ended(body, directory, len(names))


@cache
def repeated(byte, size, copies):
    """Members of `size` times one byte each."""
    block = byte * (1 << 20)
    packer, crc, deflated = zlib.compressobj(9, zlib.DEFLATED, -15), 0, b""
    for _ in range(size >> 20):
        crc = zlib.crc32(block, crc)
        deflated += packer.compress(block)
    deflated += packer.flush()
    body, directory = b"", b""
    for number in range(copies):
        name = f"{number}/System.evtx".encode()
        directory += central(name, crc, len(deflated), size, len(body))
        body += local(name, crc, len(deflated), size) + deflated
    return ended(body, directory, copies)


@cache
def crowded(count):
    """So many empty members."""
    body, directory = bytearray(), bytearray()
    for number in range(count):
        name = f"{number}.evtx".encode()
        directory += central(name, 0, 0, 0, len(body), STORED)
        body += local(name, 0, 0, 0, STORED)
    return ended(bytes(body), bytes(directory), count)


@cache
def overlapping(deflated, content, count):
    """So many names for one member."""
    crc, sizes = zlib.crc32(content), (len(deflated), len(content))
    body = local(b"0.evtx", crc, *sizes) + deflated
    directory = b"".join(central(f"{number}.evtx".encode(), crc, *sizes, 0) for number in range(count))
    return ended(body, directory, count)
