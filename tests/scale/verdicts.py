"""The lines of a run, held against what was planted."""

import json
from collections import Counter

# Errors that a bundle may end with. The others (`fault`, `worker-died`, `out-of-memory`, `deadline`) are the program's.
OWN = {"no-input", "nothing-understood", "io", "over-budget"}
# The bounds of docs/accuracy.md.
RIGHT, RIGHT_OR_OPEN = 0.99, 0.90
ENOUGH = 1_000
# Of these tickets, which are not those of that page, so many may be called healthy, or stated with nine tenths, and not be so.
SURE_AND_WRONG = 0.001


class Score:
    """What was checked, and what was not as it should be."""

    def __init__(self):
        self.checks, self.mismatches = 0, 0

    def check(self, what, want, got):
        self.checks += 1
        if want != got:
            self.mismatches += 1
            print(f"MISMATCH {what}: expected {short(want)}, got {short(got)}", flush=True)

    def holds(self, what, condition, detail=""):
        self.check(f"{what} {detail}".strip(), True, bool(condition))


def short(value):
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}…"


def check_lines(score, what, data, tickets):
    """Exactly one line of JSON for each ticket, in their order. Returns the lines."""
    lines = [json.loads(line) for line in data.split(b"\n")[:-1]]
    score.check(f"{what}: the last line ends", b"\n", data[-1:])
    got, want = [(line["ticket"], line["path"]) for line in lines], [ticket.key for ticket in tickets]
    score.check(f"{what}: lines", len(want), len(got))
    wrong = [pair for pair in zip(want, got) if pair[0] != pair[1]]
    score.check(f"{what}: tickets out of place", [], wrong[:3])
    for line in lines:
        is_whole = (line["verdict"] is None) == (line["status"] == "error") == (line["error_code"] is not None)
        score.holds(f"{what}: a verdict or an error", is_whole, line["ticket"])
    return lines


def check_verdicts(score, tickets, lines):
    """Who is right, sort by sort; nothing may be confirmed that is not so. Returns counts by sort and outcome."""
    counts, sure = Counter(), 0
    for ticket, line in zip(tickets, lines):
        if line["status"] == "error":
            counts[ticket.sort, line["error_code"]] += 1
            score.holds(f"the fault of {ticket.key}", line["error_code"] in OWN, line["error"])
            continue
        verdict = line["verdict"]
        outcome = judged(ticket, verdict)
        counts[ticket.sort, outcome] += 1
        said = f"{verdict['level']} {verdict['cause']} {verdict['confidence']}, planted {(ticket.truth or {}).get('cause')}"
        is_wrong = outcome == "wrong" and ticket.sort != "altered"
        score.holds(f"{ticket.key[1]!r}: confirmed, and not so:", not (is_wrong and verdict["level"] == "confirmed"), said)
        if is_wrong and (verdict["level"] == "healthy" or verdict["confidence"] >= 0.9):
            sure += 1
            print(f"sure and wrong: {ticket.key[1]!r}: {said}", flush=True)
    score.holds(f"{sure} of {len(tickets)} sure and wrong", sure <= max(1, SURE_AND_WRONG * len(tickets)))
    for sort, outcomes, bound in [("complete", ["right"], RIGHT), ("thinned", ["right", "open"], RIGHT_OR_OPEN)]:
        part, whole = sum(counts[sort, outcome] for outcome in outcomes), sum(1 for ticket in tickets if ticket.sort == sort)
        # Of few, a share says little.
        if whole >= ENOUGH:
            score.holds(f"{sort}: {part} of {whole} {' or '.join(outcomes)}, at least {bound}", part >= bound * whole)
    return counts


def judged(ticket, verdict):
    """As docs/accuracy.md has it: right is the cause that was planted, or one of two; what the machines do not say leaves
    anything up to possible right."""
    truth = ticket.truth
    if truth is not None:
        if verdict["cause"] in (truth["cause"], *truth["also"]):
            return "right"
        if truth["cause"] == "undetermined" and verdict["level"] in ("possible", "inconclusive"):
            return "right"
    return "open" if verdict["level"] == "inconclusive" else "wrong"
