"""Compares what `kcdoctor merge --format parquet` writes with the lines of JSON that it was made of.

What each column holds is written down here a second time, after docs/merge.md and not after the program.
"""

import datetime
import json
import pathlib
import random
import subprocess
import sys

import pyarrow
import pyarrow.parquet

# More than the 65,536 rows that the program compresses together.
GENERATED = 70_000


def joined(values):
    return None if values is None else ", ".join(values)


def verdict(line, name):
    return line["verdict"] and line["verdict"][name]


def signature(line, place):
    parts = (line["signature"] or "").split("|", 3)
    part = parts[place] if place < len(parts) else ""
    return None if part in ("", "-") else part


def onset(line, name):
    return line["onset"] and line["onset"][name]


TEXT, NUMBER, SHARE, TIME = pyarrow.string(), pyarrow.int64(), pyarrow.float64(), pyarrow.timestamp("us", tz="UTC")

COLUMNS = [
    ("ticket", TEXT, lambda line: line["ticket"]),
    ("status", TEXT, lambda line: line["status"]),
    ("error_code", TEXT, lambda line: line["error_code"]),
    ("cause", TEXT, lambda line: verdict(line, "cause")),
    ("family", TEXT, lambda line: verdict(line, "family")),
    ("level", TEXT, lambda line: verdict(line, "level")),
    ("confidence", SHARE, lambda line: verdict(line, "confidence")),
    ("trigger", TEXT, lambda line: verdict(line, "trigger")),
    ("shape", TEXT, lambda line: signature(line, 2)),
    ("os", TEXT, lambda line: signature(line, 3)),
    ("signature", TEXT, lambda line: line["signature"]),
    ("pairs", TEXT, lambda line: joined(line["verdict"] and [":".join(pair) for pair in line["verdict"]["pairs"]])),
    ("also", TEXT, lambda line: joined(line["also"] and [also["cause"] for also in line["also"]] or line["also"])),
    ("last_success", TIME, lambda line: time(onset(line, "last_success"))),
    ("first_failure", TIME, lambda line: time(onset(line, "first_failure"))),
    ("gaps", TEXT, lambda line: joined(line["gaps"])),
    ("issues", TEXT, lambda line: joined(line["issues"])),
    ("steps", TEXT, lambda line: joined(line["plan"] and [step["kind"] for step in line["plan"]["steps"]])),
    ("summary", TEXT, lambda line: verdict(line, "summary")),
    ("error", TEXT, lambda line: line["error"]),
    ("first", TIME, lambda line: time(line["first"])),
    ("last", TIME, lambda line: time(line["last"])),
    ("bytes", NUMBER, lambda line: line["bytes"]),
    ("records", NUMBER, lambda line: line["records"]),
    ("path", TEXT, lambda line: line["path"]),
    ("hash", TEXT, lambda line: line["hash"]),
    ("version", TEXT, lambda line: line["tool"]["version"]),
    ("knowledge", TEXT, lambda line: line["tool"]["knowledge"]),
    ("options", TEXT, lambda line: line["tool"]["options"]),
    ("elapsed_ms", NUMBER, lambda line: line.get("elapsed_ms")),
]


def time(text):
    """Microseconds since 1970; `None` for what is no time."""
    if text is None or not text.endswith("Z"):
        return None
    whole, _, fraction = text[:-1].partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 1_000_000 + int((fraction + "000000")[:6])


def generated(number, lot):
    """A line with anything in it, drawn by lot; a confidence has two decimals, as triage writes it."""
    maybe = lambda value: value if lot.random() < 0.8 else None
    words = ["", "-", "kcd-missing", "Zürich", "=1+1", "a\nb", "日本", "<b>", "\u0000", "x" * 500, "\U0001f600", ","]
    word = lambda: lot.choice(words)
    moment = lambda: f"20{lot.randrange(10, 99)}-0{lot.randrange(1, 9)}-1{lot.randrange(0, 9)}T00:0{lot.randrange(0, 9)}:59" + lot.choice(
        ["Z", ".1Z", ".1234567Z", ".999999999Z"]
    )
    is_ok = lot.random() < 0.9
    own = lambda value: value if is_ok else None
    line = {
        "schema_version": 1,
        "ticket": f"T{number:07}{word()}",
        "path": word(),
        "hash": maybe(word()),
        "status": "ok" if is_ok else "error",
        "error": None if is_ok else word(),
        "error_code": None if is_ok else maybe(word()),
        "verdict": own({"cause": word(), "family": word(), "level": word(), "confidence": lot.randrange(101) / 100,
                        "pairs": [[word(), word()] for _ in range(lot.randrange(3))], "trigger": maybe(word()), "summary": word()}),
        "also": own(maybe([{"cause": word(), "level": word(), "pairs": []} for _ in range(lot.randrange(3))])),
        "signature": own("|".join(word() for _ in range(lot.randrange(1, 6)))),
        "onset": own(maybe({"last_success": maybe(moment()), "first_failure": maybe(moment())})),
        "gaps": own(maybe([word() for _ in range(lot.randrange(3))])),
        "issues": own(maybe([word() for _ in range(lot.randrange(3))])),
        "plan": own(maybe({"steps": [{"kind": word(), "host": None, "targets": [], "blocked_by": []}
                                     for _ in range(lot.randrange(3))], "changes": "blake3:00"})),
        "first": maybe(moment()),
        "last": maybe(lot.choice([moment(), "no time"])),
        "bytes": maybe(lot.randrange(1 << 40)),
        "records": maybe(lot.randrange(1 << 20)),
        "tool": {"version": "0.1.0", "knowledge": word(), "options": word()},
    }
    if lot.random() < 0.5:
        line["elapsed_ms"] = lot.randrange(100_000)
    return line


def main(kcdoctor, work):
    lot = random.Random(1)
    fixture = pathlib.Path("fixtures/merge/first.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in fixture.split("\n") if line]
    lines += [generated(number, lot) for number in range(GENERATED)]
    result, written = work / "result.jsonl", work / "tickets.parquet"
    with result.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line) + "\n")
    subprocess.run([kcdoctor, "merge", "--quiet", "--format", "parquet", "-o", written, result], check=True)

    lines.sort(key=lambda line: line["ticket"].encode())
    file = pyarrow.parquet.ParquetFile(written)
    faults = []
    expected = pyarrow.schema([(name, kind) for name, kind, _ in COLUMNS])
    if file.schema_arrow != expected:
        faults.append(f"the schema is\n{file.schema_arrow}\nand should be\n{expected}")
    groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
    chunks = [group.column(column) for group in groups for column in range(group.num_columns)]
    if len(groups) < 2:
        faults.append("there is one row group, so what lies between two is not tested")
    faults += [f"{chunk.path_in_schema} is not compressed with ZSTD" for chunk in chunks if chunk.compression != "ZSTD"]
    table = file.read()
    if table.num_rows != len(lines):
        faults.append(f"there are {table.num_rows} rows, and should be {len(lines)}")
    cells = 0
    for name, kind, of in COLUMNS:
        column = table[name]
        if kind == TIME:
            column = column.cast(pyarrow.int64())
        for line, got in zip(lines, column.to_pylist()):
            wanted = of(line)
            cells += 1
            if got != wanted:
                faults.append(f"{line['ticket']!r}: {name} is {got!r}, and should be {wanted!r}")
    for fault in faults[:20]:
        print(fault, file=sys.stderr)
    print(f"{len(lines)} rows, {cells} cells, {len(groups)} row groups compared: {len(faults)} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2])))
