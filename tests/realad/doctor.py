"""Runs kcdoctor over a bundle and reads what it says: the cells of its matrix, its steps, and its plan as files.

What is *not* done here: comparing that with anything (journey.py).
"""

import json
from dataclasses import dataclass
from pathlib import Path

from domain import run


@dataclass
class Reading:
    """What kcdoctor said of one bundle."""

    cause: str
    words: dict  # by the names of a pair
    missing: dict  # SPNs, by the names of a pair
    added: dict  # SPNs that the plan adds, by host
    issues: list  # what it could not read
    plan: Path  # the folder with the plan as files

    @property
    def apply(self):
        return self.plan / "apply.ldf"

    @property
    def rollback(self):
        return self.plan / "rollback.ldf"

    @property
    def clear(self):
        """What is taken away once every pair has been tested."""
        return self.plan / "apply-after-tests.ldf"

    @property
    def restore(self):
        return self.plan / "rollback-after-tests.ldf"


FILES = ("apply.ldf", "rollback.ldf", "apply-after-tests.ldf", "rollback-after-tests.ldf")


def read(binary: Path, bundle: Path, plan: Path, options) -> Reading:
    """Analyzes `bundle`, and writes the plan to `plan`."""
    done = run([binary, "analyze", "--format", "json", "--quiet", "--plan-dir", plan, *options, bundle])
    report = json.loads(done.stdout)
    pair = lambda cell: (cell["source"], cell["target"])
    adds = [step for step in report["plan"]["steps"] if step["kind"] == "add-delegation" and not step["blocked_by"]]
    return Reading(
        cause=report["verdict"]["cause"],
        words={pair(cell): cell["delegation"] for cell in report["pairs"]},
        missing={pair(cell): tuple(cell["missing_spns"] or ()) for cell in report["pairs"]},
        added={step["host"]: tuple(step["add_spns"]) for step in adds},
        issues=[issue for source in report["bundle"]["sources"] for issue in source["issues"]],
        plan=plan,
    )


def records(file: Path):
    """The records of a file of changes, each as its lines."""
    text = file.read_text(encoding="ascii").replace("\r\n", "\n").replace("\n ", "")
    blocks = [[line for line in block.split("\n") if line and line[0] != "#"] for block in text.split("\n\n")]
    return [block for block in blocks if block]
