"""The table of `kcdoctor merge`, held against the lines and against what was planted."""

import json
import subprocess
from collections import Counter

from verdicts import judged

# Of the complete tickets, how many name just the pairs that their fault hit; the others name fewer.
TOLD = 0.8
# Of the tickets that an update set off, how many name it: the bound of docs/accuracy.md.
NAMED = 0.95


def shape(pairs):
    """How pairs lie to each other, as the signature has it."""
    pairs = {tuple(pair) for pair in pairs}
    sources, targets = {source for source, _ in pairs}, {target for _, target in pairs}
    hosts = len(sources | targets)
    if len(pairs) < 2:
        return "one-way" if pairs else None
    if len(pairs) == hosts * (hosts - 1):
        return "both-ways" if hosts == 2 else "every-pair"
    return "from-one" if len(sources) == 1 else "to-one" if len(targets) == 1 else "several"


def merged(kcdoctor, results, output):
    subprocess.run([kcdoctor, "merge", *results, "--format", "json", "--quiet", "-o", output], check=True)
    return json.loads(output.read_text())


def check_table(score, table, lines):
    """Every ticket is counted once, whatever it says. Of a ticket with several lines, those that failed do not count."""
    by_ticket = {}
    for line in sorted(lines, key=lambda line: line["status"] == "ok"):
        by_ticket[line["ticket"]] = line
    fine = [line for line in by_ticket.values() if line["status"] == "ok"]
    totals = table["totals"]
    score.check("merge: lines", len(lines), totals["lines"])
    score.check("merge: tickets", (len(by_ticket), len(fine)), (totals["tickets"], totals["ok"]))
    got = Counter({cluster["signature"]: cluster["tickets"] for cluster in table["clusters"]})
    score.check("merge: clusters", Counter(line["signature"] for line in fine), got)
    got = Counter({cause["cause"]: cause["tickets"] for cause in table["causes"]})
    score.check("merge: causes", Counter(line["verdict"]["cause"] for line in fine), got)


def told(score, tickets, lines):
    """The complete tickets whose verdict is right and names just the pairs that were hit, as pairs of ticket and line."""
    complete = [(ticket, line) for ticket, line in zip(tickets, lines) if ticket.sort == "complete" and line["verdict"]]
    same = lambda truth, line: set(map(tuple, truth["pairs"])) == set(map(tuple, line["verdict"]["pairs"]))
    found = [(ticket, line) for ticket, line in complete
             if line["verdict"]["cause"] == ticket.truth["cause"] and judged(ticket, line["verdict"]) == "right"
             and same(ticket.truth, line)]  # fmt: skip
    score.holds(f"clusters: {len(found)} of {len(complete)} tickets name just what was hit", len(found) >= TOLD * len(complete))
    return found


def check_planted(score, table, found):
    """The clusters of these tickets are those that the simulator planted: by cause and by the shape of the pairs."""
    want = Counter((ticket.truth["cause"], shape(ticket.truth["pairs"])) for ticket, _ in found)
    got = Counter()
    for cluster in table["clusters"]:
        got[cluster["cause"], cluster["shape"]] += cluster["tickets"]
    score.check("merge: planted clusters", want, got)
    for ticket, line in found:
        # An update is named by its KB, any other change by its kind.
        trigger, planted = line["signature"].split("|")[1], ticket.truth["triggers"]
        score.holds(f"{ticket.key[1]!r}: what set it off:", trigger == "-" or trigger in planted, f"{trigger} of {planted}")
    return len(want)


def check_updates(score, table, found):
    """Which update hit how many of these tickets, and since when. Returns the count of each."""
    failures = {}
    for ticket, line in found:
        for name in ticket.truth["triggers"]:
            if name.startswith("KB"):
                failures.setdefault(name, []).append(line["onset"]["first_failure"])
    named = {count["trigger"]: count for count in table["triggers"] if (count["trigger"] or "").startswith("KB")}
    score.check("merge: updates", sorted(failures), sorted(named))
    for name, count in named.items():
        planted, tickets, onset = failures.get(name, []), count["tickets"], count["onset"]
        score.holds(f"merge: {name}: {tickets} of {len(planted)} tickets", NAMED * len(planted) <= tickets <= len(planted))
        if tickets == len(planted):
            score.check(f"merge: {name}: since when", (min(planted), max(planted)), (onset["first"], onset["last"]))
    return {name: count["tickets"] for name, count in named.items()}
