#!/usr/bin/env python3
"""Measures `kcdoctor triage` from outside and prints the tables of docs/scale.md as Markdown.

usage: benches/scale.py [--tickets N] [--rounds N] [--kcdoctor PROGRAM]...

  --tickets N         drawn tickets, each one zip (default: 2,000)
  --rounds N          of each command, interleaved, so that a machine that slows down slows all; medians are shown (default: 5)
  --kcdoctor PROGRAM  what is measured (default: target/release/kcdoctor); a second one, such as a static build, stands beside it

Run it on a machine with nothing else to do. It needs Rust, Python 3.9 and
Linux.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/scale"))

from archives import members  # noqa: E402
from watched import run  # noqa: E402

MIB = 1 << 20
ERRORS = "errors.txt"
GENERATE = ["cargo", "run", "--quiet", "--release", "--locked", "--example", "generate", "--"]


class Bench:
    """Tickets on disk and rounds over them."""

    def __init__(self, work, program, rounds):
        self.work, self.program, self.rounds = work, program, rounds
        (work / "out").mkdir()
        work.chmod(0o755)
        (work / "out").chmod(0o777)

    def measure(self, commands):
        """Runs `{name: arguments}` interleaved, once to warm up. Returns `{name: [Watched]}`."""
        runs = {name: [] for name in commands}
        for number in range(self.rounds + 1):
            for name, arguments in commands.items():
                seen = run(arguments, self.work, os.devnull, self.work / ERRORS)
                if seen.status != 0:
                    sys.exit(f"{' '.join(map(str, arguments))}: {seen.status}\n{seen.said}")
                if number:
                    runs[name].append(seen)
        return runs

    def triage(self, folder, *options, program=None):
        return [program or self.program, "triage", folder, "--no-progress", *options]


def median(runs, of="seconds"):
    return statistics.median(getattr(seen, of) for seen in runs)


def peak(runs):
    return max(seen.peak_of_all for seen in runs) / MIB


def drawn(work, program, name, count, seed=1):
    """Tickets in a folder of their own, with what is planted beside it. Returns their bytes as sent and unpacked."""
    folder = work / name
    command = [program, "simulate", "--write", folder, "--zip", "--bundles", str(count), "--seed", str(seed)]
    subprocess.run(command, check=True)
    zips = list((folder / "tickets").iterdir())
    return sum(path.stat().st_size for path in zips), unpacked(zips)


def unpacked(zips):
    """Of the first hundred, and as many times that."""
    sample = sorted(zips)[:100]
    total = sum(len(content) for path in sample for _, content in members(path.read_bytes()))
    return total * len(zips) // len(sample)


def speed(bench, programs, count, sizes):
    """Threads and processes."""
    commands = {}
    for name, program in programs.items():
        for threads in (1, 2):
            commands[f"{name}{threads} threads"] = bench.triage("many/tickets", "--threads", str(threads), program=program)
        for processes in (1, 2, 3, 4):
            options = ["--isolate", "--processes", str(processes), "--threads", str(processes)]
            commands[f"{name}`--isolate`, {processes} processes of one thread"] = bench.triage("many/tickets", *options, program=program)
    runs = bench.measure(commands)
    print(f"{count} tickets, {sizes[0] / MIB:.0f} MiB as sent, {sizes[1] / MIB:.0f} MiB unpacked, {bench.rounds} rounds:\n")
    print("| run | seconds | tickets a second | MiB/s, unpacked | processor, ms a ticket | peak of all processes, MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, seen in runs.items():
        seconds = median(seen)
        processor = 1000 * median(seen, "processor") / count
        rates = f"{count / seconds:.0f} | {sizes[1] / MIB / seconds:.0f} | {processor:.1f}"
        print(f"| {name} | {seconds:.2f} | {rates} | {peak(seen):.0f} |")


def resumed(bench, count):
    """A run that is done already, begun again; beside the whole one into a file."""
    done = bench.work / "out/done.jsonl"
    commands = {
        "whole, into a file": bench.triage("many/tickets", "-o", done),
        "resumed with nothing left to do": bench.triage("many/tickets", "-o", done, "--resume"),
    }
    runs = bench.measure(commands)
    print("\n| run | seconds | a ticket, ms |\n|---|---:|---:|")
    for name, seen in runs.items():
        print(f"| {name} | {median(seen):.2f} | {1000 * median(seen) / count:.2f} |")


def memory(bench, count):
    """Against the number of tickets, and against the size of one."""
    print("\n| tickets | peak in process, MiB | isolated, 2 processes, MiB |\n|---:|---:|---:|")
    for part in (count // 100, count // 10, count):
        name = f"part{part}"
        (bench.work / name).mkdir()
        for path in sorted((bench.work / "many/tickets").iterdir())[:part]:
            os.link(path, bench.work / name / path.name)
        row(bench, name, part)
    print("\n| one ticket, an event log of | peak in process, MiB | isolated, MiB |\n|---:|---:|---:|")
    for size in (16, 256, 1024):
        name = f"size{size}"
        (bench.work / name).mkdir()
        subprocess.run([*GENERATE, "--mib", str(size), bench.work / name / "T1.evtx"], cwd=ROOT, check=True)
        row(bench, name, f"{size} MiB")


def row(bench, folder, what):
    runs = bench.measure({"in": bench.triage(folder), "apart": bench.triage(folder, "--isolate", "--processes", "2")})
    print(f"| {what} | {peak(runs['in']):.0f} | {peak(runs['apart']):.0f} |")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--tickets", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--kcdoctor", type=Path, action="append")
    arguments = parser.parse_args()
    paths = [path.resolve() for path in arguments.kcdoctor or [ROOT / "target/release/kcdoctor"]]
    programs = {"" if path == paths[0] else f"{path.parent.parent.name}: ": path for path in paths}
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(Path(work), paths[0], arguments.rounds)
        print(f"{platform.system()} {platform.release()}, {os.cpu_count()} processors\n", flush=True)
        sizes = drawn(bench.work, paths[0], "many", arguments.tickets)
        speed(bench, programs, arguments.tickets, sizes)
        resumed(bench, arguments.tickets)
        memory(bench, arguments.tickets)


if __name__ == "__main__":
    main()
