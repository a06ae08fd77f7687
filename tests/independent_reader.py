#!/usr/bin/env python3
"""Reads event logs with python-evtx, a reader that shares no code with kcdoctor.

usage: independent_reader.py LOG...          (pip install python-evtx)

Prints the records of each log. Ends with 1 unless the header and every chunk of every log pass their
checksums, and every record that the chunks announce can be rendered as XML that parses.
"""

import sys
import xml.etree.ElementTree as ElementTree

from Evtx.Evtx import Evtx


def read(path):
    """Returns the number of records in the log at `path`; raises on the first that can't be read."""
    count = 0
    with Evtx(path) as log:
        header = log.get_file_header()
        if not header.verify():
            raise ValueError("the file header does not pass its checks")
        for number, chunk in enumerate(header.chunks(include_inactive=True)):
            if not any(chunk.unpack_binary(0, 8)):
                continue  # an unused chunk at the end of a log that has grown
            if not chunk.verify():
                raise ValueError(f"chunk {number} does not pass its checks")
            records = list(chunk.records())
            announced = chunk.log_last_record_number() - chunk.log_first_record_number() + 1
            if len(records) != announced:
                raise ValueError(f"chunk {number} announces {announced} records and holds {len(records)}")
            for record in records:
                ElementTree.fromstring(record.xml())
            count += len(records)
    return count


def main(paths):
    if not paths:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    failed = False
    for path in paths:
        try:
            print(f"{path}\t{read(path)}")
        except Exception as error:  # whatever the reader trips over is a failure of the log
            failed = True
            print(f"{path}\t{type(error).__name__}: {error}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
