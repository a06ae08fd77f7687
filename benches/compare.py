"""Times kcdoctor beside other readers of event logs and prints Markdown. `compare.sh` builds and generates
what it needs, and says how to call it.

Commands run interleaved (A B C A B C ...), so that a machine that slows down slows all of them; a ratio is taken
within each round, and the median of the ratios is shown. Output goes to /dev/null, inputs are in the page cache.
"""

import argparse
import os
import platform
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MIB = 1 << 20
# What python-evtx is asked to do: build the XML of every record, as its own dumper does.
READ_ALL = (
    "import sys, Evtx.Evtx as evtx\n"
    "with evtx.Evtx(sys.argv[1]) as log: print(sum(1 for record in log.records() if record.xml()))"
)

# What ldif3 is asked to do: parse every entry. It calls a function of base64 that Python 3.9 dropped.
READ_ENTRIES = (
    "import base64, sys\n"
    "base64.decodestring = base64.decodebytes\n"
    "import ldif3\n"
    "with open(sys.argv[1], 'rb') as file: print(sum(1 for entry in ldif3.LDIFParser(file, strict=False).parse()))"
)
# Of the export, for it is too slow for all of it.
LDIF3_BYTES = 4 * MIB


class Run:
    """One run of a command: wall seconds, processor seconds, peak memory in MiB, exit status."""

    def __init__(self, command, errors=None):
        devnull = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
        stderr = (os.POSIX_SPAWN_OPEN, 2, errors or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        start = time.perf_counter()
        child = os.posix_spawn(command[0], command, os.environ, file_actions=[devnull, stderr])
        _, status, usage = os.wait4(child, 0)
        self.wall = time.perf_counter() - start
        self.cpu = usage.ru_utime + usage.ru_stime
        # Linux counts in KiB, macOS in bytes.
        self.peak = usage.ru_maxrss / (MIB if sys.platform == "darwin" else 1024)
        self.status = os.waitstatus_to_exitcode(status)


def measure(commands, rounds):
    """Runs `{name: command}` interleaved, once to warm up and then `rounds` times. Returns `{name: [Run]}`."""
    runs = {name: [] for name in commands}
    with tempfile.NamedTemporaryFile() as errors:
        for number in range(rounds + 1):
            for name, command in commands.items():
                run = Run(command, errors.name)
                if run.status != 0:
                    said = Path(errors.name).read_text(errors="replace")[-500:]
                    sys.exit(f"{' '.join(command)}: exit status {run.status}\n{said}")
                if number > 0:
                    runs[name].append(run)
    return runs


def median(runs, of="wall"):
    return statistics.median(getattr(run, of) for run in runs)


def peak(runs):
    return max(run.peak for run in runs)


def ratio(over, under):
    """The median of the ratios of wall time within each round; None where one was not measured."""
    if not over or not under:
        return None
    return statistics.median(a.wall / b.wall for a, b in zip(over, under))


def times(value):
    return "–" if value is None else f"{value:.2f}"


def milliseconds(seconds):
    return f"{seconds * 1000:.1f}"


def table(head, rows):
    print("\n| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")


def size(path):
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def records(log):
    """How many records a generated log has: they are numbered from 1, and its header names the next."""
    with open(log, "rb") as file:
        return struct.unpack_from("<Q", file.read(32), 24)[0] - 1


def version(tool):
    return subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def processor():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def print_machine(kcdoctor, evtx_dump, rounds):
    """The machine, the tools, and what of the memory is not theirs."""
    true = shutil.which("true")
    floor = peak([Run([true]) for _ in range(3)])
    rows = [
        ("processor", processor()),
        ("processors", os.cpu_count()),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("date", time.strftime("%Y-%m-%d")),
        ("kcdoctor", version(kcdoctor)),
        ("evtx_dump", version(evtx_dump) if evtx_dump else "missing: its rows are left out"),
    ]
    table(("what", "value"), rows)
    print(
        f"\nOne warm-up, then {rounds} rounds, interleaved; ratios are medians of the ratios within each round. "
        f"Peak memory is what the kernel counts for the process. It begins at the peak of the Python that "
        f"starts it, {floor:.1f} MiB here (measured with `true`), so a smaller figure can't appear."
    )


def print_readers(args, plain, five):
    """The main table. Returns `{name: [Run]}`."""
    commands = {
        "cat": [shutil.which("cat"), str(plain / "Security.evtx")],
        "floor": [args.floor, str(plain / "Security.evtx")],
    }
    for name, folder in (("plain", plain), ("five", five)):
        for threads in ("1", "2"):
            commands[f"kcdoctor {name} {threads}"] = args.analyze(folder, threads)
            if args.evtx_dump:
                log = str(folder / "Security.evtx")
                commands[f"evtx_dump {name} {threads}"] = [args.evtx_dump, "-t", threads, "-o", "jsonl", log]
    runs = measure(commands, args.rounds)

    print("\n## Readers")
    for name, folder, share in (("plain", plain, "0.1 %"), ("five", five, "5 %")):
        log = folder / "Security.evtx"
        print(f"\n`{name}`: {size(log) / MIB:.0f} MiB, {records(log)} records, {share} of them relevant.")
    rows = []
    for name, of in runs.items():
        tool, *rest = name.split()
        count = records((five if "five" in rest else plain) / "Security.evtx")
        rival = runs.get(" ".join(["evtx_dump", *rest])) if tool == "kcdoctor" else None
        if tool == "floor":
            rival = runs.get("evtx_dump plain 1")
        walls = [run.wall for run in of]
        rows.append(
            (
                name,
                milliseconds(median(of)),
                milliseconds(min(walls)),
                milliseconds(max(walls)),
                milliseconds(median(of, "cpu")),
                "–" if tool in ("cat", "floor") else f"{count / median(of) / 1e6:.2f}",
                times(ratio(of, runs["cat"])),
                times(ratio(rival, of)),
                f"{peak(of):.1f}",
            )
        )
    head = ("tool, input, threads", "median ms", "min", "max", "CPU ms", "million records/s", "÷ cat")
    table((*head, "evtx_dump ÷ it", "peak MiB"), rows)
    print("\n" + "\n".join(f"- {name}: `{shown(command, args)}`" for name, command in commands.items()))
    print(
        "\nevtx_dump writes every record as a line of JSON; kcdoctor writes one report. `floor` reads the same blocks, "
        "checks the same checksums and takes the same hash on one thread, and does nothing else."
    )
    return runs


def shown(command, args):
    """A command without the folders of this machine."""
    return " ".join([Path(command[0]).name] + [word.replace(f"{args.input}{os.sep}", "") for word in command[1:]])


def print_python(python, log):
    """python-evtx reads too slowly for the other inputs."""
    print("\n## python-evtx\n")
    if not python:
        print("missing: it could not be installed.")
        return
    start = time.perf_counter()
    done = subprocess.run([python, "-c", READ_ALL, str(log)], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    count = int(done.stdout)
    print(
        f"Timed once, on a slice of {size(log) / MIB:.1f} MiB with the same mix, as it is too slow for the rest: "
        f"{count} records in {seconds:.2f} s, {count / seconds:.0f} records a second."
    )


def print_directory(args):
    """Exports of a directory, one thread. Returns megabytes a second of processor time, `{form: rate}`, and the peak."""
    exports = {form: args.input / f"forest.{form}" for form in ("ldif", "csv", "csv-utf16")}
    # What is analysed once the export was read: its hosts alone.
    with open(exports["csv"], encoding="utf-8") as file:
        rows = [row for index, row in enumerate(file) if index < 2 or row.startswith(('"CN=HV', '"CN=DC'))]
    hosts = args.input / "forest-hosts.csv"
    hosts.write_text("".join(rows), encoding="utf-8")
    commands = {f"kcdoctor {form}": args.analyze(path, "1") for form, path in exports.items()}
    commands["kcdoctor, hosts alone"] = args.analyze(hosts, "1")
    commands["csv crate csv"] = [args.rows, str(exports["csv"])]
    commands["cat ldif"] = [shutil.which("cat"), str(exports["ldif"])]
    runs = measure(commands, args.rounds)
    start = median(runs["kcdoctor, hosts alone"], "cpu")
    print("\n## Exports of a directory\n\nMegabytes (10^6) a second of processor time; of kcdoctor also without what its start and the hosts alone take.\n")
    rows, rates = [], {}
    for name, of in runs.items():
        form = name.split()[-1]
        mb = size(exports[form]) / 1e6 if form in exports else None
        cpu = median(of, "cpu")
        rate = without = "–"
        if mb:
            rate = f"{mb / cpu:.0f}"
            if name.startswith("kcdoctor"):
                rates[form] = mb / (cpu - start)
                without = f"{rates[form]:.0f}"
        cells = (name, f"{mb:.0f}" if mb else "–", milliseconds(median(of)), milliseconds(cpu), rate, without)
        rows.append((*cells, f"{peak(of):.1f}"))
    table(("tool, input", "MB", "median ms", "CPU ms", "MB/s", "reading alone", "peak MiB"), rows)
    print_ldif3(args.python, exports["ldif"])
    return rates, max(peak(runs[f"kcdoctor {form}"]) for form in exports)


def print_ldif3(python, export):
    """ldif3 over the first entries of the export."""
    with tempfile.NamedTemporaryFile(suffix=".ldif") as slice:
        with open(export, "rb") as file:
            head = file.read(LDIF3_BYTES)
        # Whole entries of it, without the comments that hold the heads of searches.
        head = head[head.index(b"\ndn: ") + 1 : head.rindex(b"\n\n") + 2]
        slice.write(head)
        slice.flush()
        start = time.perf_counter()
        try:
            done = subprocess.run([python, "-c", READ_ENTRIES, slice.name], capture_output=True, text=True, check=True)
        except (OSError, TypeError, subprocess.CalledProcessError):
            print("\nldif3 could not be installed, or could not read the export.")
            return
        seconds = time.perf_counter() - start
        print(
            f"\nldif3, timed once over the first {len(head) / 1e6:.1f} MB of the LDIF: {done.stdout.strip()} entries in "
            f"{seconds:.2f} s, {len(head) / 1e6 / seconds:.1f} MB a second."
        )


def print_bounds(runs, start_up, directory):
    """Each bound, what was measured, and whether it is met. Returns whether all are."""
    rows = []

    def bound(what, measured, limit, at_most=True, unit=""):
        if measured is None:
            rows.append((what, "not measured", "no"))
            return
        if limit is None:
            rows.append((what, f"{measured:.2f} ×", "–"))
            return
        met = measured <= limit if at_most else measured >= limit
        rows.append((what, f"{measured:.2f}{unit}", "yes" if met else "no"))

    def get(name):
        return runs.get(name, [])

    for threads, limit in (("1", 3.5), ("2", 2)):
        own = get(f"kcdoctor plain {threads}")
        faster = ratio(get(f"evtx_dump plain {threads}"), own)
        bound(f"plain, `--threads {threads}`: ≥ 5 × as fast as evtx_dump", faster, 5, at_most=False, unit=" ×")
        bound(f"plain, `--threads {threads}`: ≤ {limit} × the time of cat", ratio(own, get("cat")), limit, unit=" ×")
    bound("plain, `--threads 1`, beside the floor: no bound is set", ratio(get("kcdoctor plain 1"), get("floor")), None)
    for threads in ("1", "2"):
        faster = ratio(get(f"evtx_dump five {threads}"), get(f"kcdoctor five {threads}"))
        bound(f"five, `--threads {threads}`: ≥ 3 × as fast as evtx_dump", faster, 3, at_most=False, unit=" ×")
    for name in ("plain", "five"):
        memory = max(peak(get(f"kcdoctor {name} {threads}")) for threads in ("1", "2"))
        bound(f"{name}: peak ≤ 64 MiB", memory, 64, unit=" MiB")
    scaling = ratio(get("kcdoctor plain 1"), get("kcdoctor plain 2"))
    bound("plain, from 1 to 2 threads: ≥ 1.7 × as fast", scaling, 1.7, at_most=False, unit=" ×")
    bound("start-up: a ticket of 5 MB in ≤ 30 ms", median(start_up) * 1000, 30, unit=" ms")
    rates, memory = directory
    for form, limit in (("ldif", 500), ("csv", 400)):
        bound(f"directory as {form}: ≥ {limit} MB/s a core, reading alone", rates[form], limit, at_most=False)
    bound("directory: peak ≤ 64 MiB", memory, 64, unit=" MiB")
    print("\n## Bounds")
    table(("bound", "measured", "met"), rows)
    return all(met != "no" for _, _, met in rows)


def growth(long):
    """The tables that show how time and memory grow, and the inputs of each."""
    return {
        "Growth in bytes: one log": ["bytes-16", "bytes-64", "plain", *(["bytes-1024"] if long else [])],
        "Growth in files: as many bytes in 1, 16 and 256 logs": ["bytes-64", "files-16", "files-256"],
        "The same log in a zip": ["plain", "plain.zip"],
        "A ticket: 5 MB of log beside an incident": ["ticket"],
    }


def print_growth(folder, tables, runs):
    for title, names in tables.items():
        print(f"\n## {title}")
        rows = []
        for name in names:
            path, wall = folder / name, median(runs[name])
            logs = 1 if path.is_file() else len(list(path.rglob("*.evtx")))
            mib = size(path) / MIB
            cells = (f"`{name}`", f"{mib:.1f}", logs, milliseconds(wall), f"{wall * 1000 / mib:.2f}")
            rows.append((*cells, f"{peak(runs[name]):.1f}"))
        table(("input, 2 threads", "MiB", "logs", "median ms", "ms a MiB", "peak MiB"), rows)


def print_corpus(args):
    """Sums of processor time over real logs, since evtx_dump takes one file a process."""
    logs = args.logs
    own, rival, starts, failed = [], [], [], 0
    for _ in range(min(args.rounds, 3)):
        own.append(Run([args.kcdoctor, *args.options("1"), *logs]))
        if args.evtx_dump:
            one_each = [Run([args.evtx_dump, "-t", "1", "-o", "jsonl", log]) for log in logs]
            failed = sum(run.status != 0 for run in one_each)
            rival.append(sum(run.cpu for run in one_each))
            starts.append(sum(Run([args.evtx_dump, "--version"]).cpu for _ in logs))
    print(f"\n## Real logs\n\n{len(logs)} logs, {sum(map(os.path.getsize, logs)) / MIB:.0f} MiB, one thread.")
    rows = [("kcdoctor, one process", f"{median(own, 'cpu') * 1000:.0f}", f"exit status {own[-1].status}")]
    if rival:
        rows.append(("evtx_dump, a process a log", f"{statistics.median(rival) * 1000:.0f}", f"{failed} failed"))
        rows.append(("of that, starting it", f"{statistics.median(starts) * 1000:.0f}", ""))
    table(("tool", "CPU ms", "note"), rows)
    print(
        "\nProcessor time is compared, not wall time: evtx_dump reads one log a process, so its sum contains as "
        "many starts (the last row: `--version` as often). kcdoctor joins all logs into one report besides."
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0], allow_abbrev=False)
    parser.add_argument("--kcdoctor", required=True, metavar="FILE")
    parser.add_argument("--floor", required=True, metavar="FILE", help="what no analysis can do without")
    parser.add_argument("--rows", required=True, metavar="FILE", help="a plain loop of the csv crate")
    parser.add_argument("--computers", type=int, metavar="N", help="how many the exports of a directory hold")
    parser.add_argument("--evtx-dump", metavar="FILE", help="left out where it is missing")
    parser.add_argument("--python-evtx", metavar="FILE", help="a Python that has it; left out where it is missing")
    parser.add_argument("--input", required=True, type=Path, metavar="DIR", help="what compare.sh generated")
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    parser.add_argument("--long", action="store_true", help="with the log of 1 GiB")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="also time every .evtx under it")
    parser.add_argument("--check", action="store_true", help="exit status 1 where a bound is not met or not measured")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds: at least 1")
    if args.corpus:
        args.logs = sorted(str(path) for path in args.corpus.rglob("*") if path.suffix.lower() == ".evtx")
        if not args.logs:
            parser.error(f"--corpus: no .evtx under {args.corpus}")
    if not (args.evtx_dump and os.access(args.evtx_dump, os.X_OK)):
        args.evtx_dump = None
    args.python = args.python_evtx
    try:
        subprocess.run([args.python_evtx, "-c", "import Evtx"], check=True, capture_output=True)
    except (OSError, TypeError, subprocess.CalledProcessError):
        args.python_evtx = None
    args.options = lambda threads: ["analyze", "--threads", threads, "--format", "json"]
    args.analyze = lambda path, threads: [args.kcdoctor, *args.options(threads), str(path)]
    return args


def main():
    args = arguments()
    print("# kcdoctor beside other readers")
    print_machine(args.kcdoctor, args.evtx_dump, args.rounds)
    runs = print_readers(args, args.input / "plain", args.input / "five")
    print_python(args.python_evtx, args.input / "slice" / "Security.evtx")
    tables = growth(args.long)
    # Each input once, though two tables may show it.
    names = dict.fromkeys(name for inputs in tables.values() for name in inputs)
    grown = measure({name: args.analyze(args.input / name, "2") for name in names}, args.rounds)
    directory = print_directory(args)
    met = print_bounds(runs, grown["ticket"], directory)
    print_growth(args.input, tables, grown)
    if args.corpus:
        print_corpus(args)
    return 1 if args.check and not met else 0


if __name__ == "__main__":
    sys.exit(main())
