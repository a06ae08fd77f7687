"""Proves kcdoctor's plans on a real directory with a real KDC, state by state.

usage: prove.py --work DIR --kcdoctor PROGRAM [--state NAME]... [--sabotage]      (started by `run`)

Ends with 0 where everything was as it should be, 1 on a mismatch, 2 where the laboratory itself broke. What happens to one
state stands in journey.py.
"""

import argparse
import re
import sys
import time
import tomllib
from pathlib import Path

import lab
import objects
from domain import Broken, Domain, run
from journey import Journey
from kerberos import NOT_FORWARDABLE, NOT_LISTED, UNKNOWN, Kdc
from score import Score

HERE = Path(__file__).parent


class Laboratory:
    """A directory with every state in it, its KDC, and what is known of both."""

    def __init__(self, work: Path, binary: Path, states):
        self.work, self.binary, self.states = work, binary, states
        self.score = Score()
        self.domain = Domain(work / "dc")
        self.copy = work / "copy"
        said = run(["samba", "--version"]).stdout
        self.version = version(re.search(r"\d+\.\d+", said).group())
        self.differences = tomllib.loads((HERE / "differences.toml").read_text(encoding="utf-8"))
        self.kdc = Kdc(self.domain, work)

    def build(self):
        run(["cc", "-O2", "-shared", "-fPIC", "-o", self.work / "blanks.so", HERE / "blanks.c", "-ldl"])
        self.domain.provision()
        self.domain.load(objects.ldif([*self.states, lab.outside()]))
        for own in (own for state in self.states for own in state.hosts):
            for source in own.trusts:
                self.domain.trust(own.account, source)
        self.domain.export_keys()
        self.domain.copy_database(self.copy)

    def known(self, kind, state):
        """The rows of differences.toml about `state` that hold for this Samba."""
        holds = lambda row: version(row.get("since", "0.0")) <= self.version < version(row.get("before", "99.0"))
        return [row for row in self.differences[kind] if row["state"] == state.name and holds(row)]

    def compare_with_stock(self):
        """The stock server differs in one thing: it finds no service with a blank in its name."""
        hosts = {own.name: own for state in self.states for own in state.hosts}
        file_service = lambda name: lab.services(hosts[name].label, service="cifs")
        cases = [
            ("FILE2", file_service("FILE1"), "granted"),
            ("FILE1", file_service("FILE2"), f"refused ({NOT_FORWARDABLE})"),
            ("ANY1", file_service("FILE1"), f"refused ({NOT_LISTED})"),
            ("ANY1", hosts["ANY2"].wanted, f"refused ({UNKNOWN})"),
        ]
        self.domain.start()
        try:
            for source, spns, want in cases:
                for spn, answer in self.kdc.remote(hosts[source], spns).items():
                    self.score.check("(stock server)", "control", f"{source} → {spn}", want, str(answer))
        finally:
            self.domain.stop()


def version(text):
    return tuple(int(part) for part in text.split("."))


def prove(arguments):
    began = time.monotonic()
    wanted = arguments.state
    states = [state for state in lab.states() if not wanted or state.name in wanted]
    laboratory = Laboratory(arguments.work, arguments.kcdoctor, states)
    laboratory.build()
    print(f"Samba {'.'.join(map(str, laboratory.version))}: {len(states)} states are loaded", flush=True)
    score = laboratory.score
    if not wanted:
        laboratory.compare_with_stock()
    laboratory.domain.start(arguments.work / "blanks.so")
    try:
        for state in states:
            since, failed = time.monotonic(), score.mismatches
            Journey(laboratory, state).there_and_back(arguments.sabotage)
            verdict = "as it should be" if failed == score.mismatches else "MISMATCH"
            print(f"{state.name:14} {len(state.pairs):4} pairs {time.monotonic() - since:6.1f} s  {verdict}", flush=True)
    finally:
        laboratory.domain.stop()
    print(*score.summary(len(states)), f"{time.monotonic() - began:.0f} seconds", sep="\n", flush=True)
    return 1 if score.mismatches else 0


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--kcdoctor", type=Path, required=True)
    parser.add_argument("--state", action="append", choices=[state.name for state in lab.states()])
    parser.add_argument("--sabotage", action="store_true")
    try:
        return prove(parser.parse_args())
    except Broken as broken:
        print(f"The laboratory broke, and nothing is said of any plan: {broken}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
