"""Counts what was asked and what was as it should be, and says of each mismatch all that a reader needs."""

from collections import Counter


class Score:
    """Checks, by phase."""

    def __init__(self):
        self.passed = Counter()
        self.failed = Counter()
        self.cells = Counter()

    def check(self, state, phase, about, want, got, said=""):
        """One statement: in `state` and `phase`, of `about`, `want` is to be seen; `said` is the KDC's own reason."""
        if want == got:
            self.passed[phase] += 1
            return
        self.failed[phase] += 1
        reason = f"\n           the KDC said: {said}" if said else ""
        print(f"  MISMATCH state {state}, {phase}: {about}\n           want: {want}\n           got:  {got}{reason}", flush=True)

    def pairs(self, phase, count):
        """So many ordered pairs were asked for in `phase`."""
        self.cells[phase] += count

    @property
    def mismatches(self):
        return sum(self.failed.values())

    def summary(self, states):
        """The counts, as the last lines of a run."""
        yield f"{states} states"
        for phase in sorted(set(self.passed) | set(self.failed)):
            pairs = f"{self.cells[phase]} ordered pairs, " if self.cells[phase] else ""
            yield f"  {phase}: {pairs}{self.passed[phase]} checks passed, {self.failed[phase]} failed"
        yield f"{sum(self.passed.values())} checks passed, {self.mismatches} failed"
