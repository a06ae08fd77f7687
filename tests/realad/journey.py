"""One state on its way there and back: exported, read, changed by the plan, changed back, and at each step the KDC asked.

The KDC decides what is true; the word that lab.py has for a pair, and kcdoctor's, are held against its answers. What is
*not* done here: asking (kerberos.py), changing (domain.py).
"""

import re
from datetime import datetime, timedelta, timezone

import bundle
import doctor
import lab
import objects
from domain import NO_SUCH_VALUE, OK, VALUE_EXISTS
from kerberos import NOT_FORWARDABLE, NOT_LISTED

# What an export by ranges asks for; the list comes beside it in two parts.
ATTRIBUTES = (
    "objectClass", "sAMAccountName", "dNSHostName", "userAccountControl", "servicePrincipalName", "objectSid",
    "operatingSystem", "operatingSystemVersion", "msDS-AllowedToActOnBehalfOfOtherIdentity",
)
LIST = "msDS-AllowedToDelegateTo"
BITS = "userAccountControl"
PASSWORD_STAYS = 0x1_0000


class Journey:
    def __init__(self, laboratory, state: lab.State):
        self.laboratory, self.state = laboratory, state
        self.domain, self.kdc = laboratory.domain, laboratory.kdc
        self.folder = laboratory.work / "states" / state.name
        self.folder.mkdir(parents=True)
        self.odd = {tuple(row["pair"]): row for row in laboratory.known("cell", state)}
        self.first_move = datetime.now(timezone.utc) - timedelta(days=1)
        self.refused = {}

    def there_and_back(self, sabotage=False):
        found = self.snapshot()
        before = self.ask("before", self.state.word)
        self.refused = {pair: self.refused_name(pair, answers) for pair, answers in before.items()}
        reading = self.read("before", before, self.state.word)
        self.check("before", "kcdoctor's verdict", self.state.cause, reading.cause)
        if self.state.left_alone:
            self.check("before", "what apply.ldf changes", [], doctor.records(reading.apply))
            return
        if sabotage:
            spoil(reading.apply)
        self.meet_a_change(reading, found)

        self.load("after", reading.apply)
        changed, stored = self.snapshot(), self.domain.stored(self.state.container)
        after = self.ask("after", self.state.word_after)
        self.read("after", after, self.state.word_after)
        self.ask_for_more()
        self.ask_for_users()
        self.load_again(reading, changed)
        self.take_away(reading, changed)

        self.load("rollback", reading.rollback)
        self.same("rollback", "every attribute is what it was", found, self.snapshot())
        again = self.ask("rollback", self.state.word)
        self.same("rollback", "every answer of the KDC is what it was", flat(before), flat(again))
        self.read("rollback", again, self.state.word)
        self.use_one_transaction(reading, stored)

    # The KDC

    def ask(self, phase, word):
        """Asks for every ordered pair in every way; answers by the names of the pair."""
        answers = {}
        self.kdc.forget()
        for source in self.state.hosts:
            targets = [target for target in self.state.hosts if target is not source]
            spns = [spn for target in targets for spn in target.wanted]
            ways = {
                "remote": self.kdc.remote(source, spns),
                "local": self.kdc.local(source, spns),
                "forwarded": self.kdc.forwarded(source, spns) or {},
            }
            for target in targets:
                own = {way: {spn: got[spn] for spn in target.wanted if spn in got} for way, got in ways.items()}
                answers[source.name, target.name] = own
                self.judge(phase, source, target, own, word(source, target))
        self.laboratory.score.pairs(phase, len(answers))
        return answers

    def judge(self, phase, source, target, own, word):
        pair = (source.name, target.name)
        want = self.odd[pair]["kdc"] if pair in self.odd else word
        said = "; ".join(f"{spn.split('/')[1]} {way}: {answer}" for way, got in own.items() for spn, answer in got.items())
        self.check(phase, f"what the KDC grants {name(pair)}", want, worth(source, own), said)
        # A refusal counts only for its own reason: not for a service that nobody has, nor for a clock.
        reasons = {
            "remote": {NOT_LISTED} if source.bits & lab.ANY_PROTOCOL else {NOT_FORWARDABLE, NOT_LISTED},
            "local": {NOT_LISTED},
        }
        for way, fit in reasons.items():
            for spn, answer in own[way].items():
                if not answer.granted:
                    self.check(phase, f"why {spn} is refused {source.name}, {way}", True, answer.reason in fit, answer)

    def refused_name(self, pair, answers):
        """The SPN at which a move fails, as a Windows KDC would have it."""
        if pair in self.odd and self.odd[pair]["windows"] == "granted":
            return None
        source, target = (next(own for own in self.state.hosts if own.name == label) for label in pair)
        if self.state.user != lab.ANYONE:
            return target.wanted[0]
        way = "local" if source.kerberos_only_serves else "remote"
        return next((spn for spn, answer in answers[way].items() if not answer.granted), None)

    def ask_for_more(self):
        """Nothing else came with the plan: other services of the targets, and a host that no plan names."""
        for source in self.state.hosts:
            target = next(own for own in self.state.hosts if own is not source)
            files, shells = ([f"{service}/{form}" for form in target.forms] for service in ("cifs", "WSMAN"))
            listed = {spn.lower() for spn in source.list} | {spn.lower() for spn in files if self.state.storage}
            foreign = [f"{lab.MIGRATION}/{name}" for name in target.further]
            asked = (*files, *shells, *foreign, *lab.OUTSIDER.wanted)
            for way in (self.kdc.remote, self.kdc.local):
                for spn, answer in way(source, asked).items():
                    about = f"whether {source.name} reaches {spn}, {way.__name__}"
                    if spn.lower() not in listed:
                        self.check("after", f"{about}, which the plan does not name", False, answer.granted)
                    elif self.state.storage:
                        self.check("after", about, True, answer.granted, answer)

    def ask_for_users(self):
        """Whose tickets nobody may hand on, before the plan and after it."""
        source, target = next(pair for pair in self.state.pairs if (pair[0].name, pair[1].name) not in self.odd)
        asked = {
            "a sensitive account, remote": self.kdc.remote(source, target.wanted, lab.SENSITIVE_USER),
            "a sensitive account, local": self.kdc.local(source, target.wanted, lab.SENSITIVE_USER),
            "a ticket that is not forwardable, local": self.kdc.local(source, target.wanted, forwardable=False),
        }
        for about, answers in asked.items():
            for spn, answer in answers.items():
                self.check("after", f"{source.name} → {spn} for {about}", f"refused ({NOT_FORWARDABLE})", str(answer))
        for row in self.laboratory.known("answer", self.state):
            source, target = (next(own for own in self.state.hosts if own.name == label) for label in row["pair"])
            answers = getattr(self.kdc, row["way"])(source, target.wanted, row["user"]) or {}
            got = "granted" if answers and all(answer.granted for answer in answers.values()) else "refused"
            self.check("after", f"{name(row['pair'])} for {row['about']}", row["kdc"], got, row["reason"])

    # kcdoctor

    def read(self, phase, answers, word):
        """Lets kcdoctor read each export, and holds its matrix against the KDC; returns what it read."""
        readings = []
        for label, texts in self.exports().items():
            place = self.folder / phase / label
            bundle.write(place / "bundle", self.state, self.refused, texts, self.first_move)
            reading = doctor.read(self.laboratory.binary, place / "bundle", place / "plan", self.state.options)
            self.check(phase, f"issues with the export of {label}", [], reading.issues)
            for source, target in self.state.pairs:
                self.compare(phase, label, reading, source, target, answers, word(source, target))
            self.check(phase, f"the plan for {label} adds", self.lacking(answers, word), reading.added)
            readings.append(reading)
        for other in readings[1:]:
            for file in doctor.FILES:
                one, two = (doctor.records(reading.plan / file) for reading in (readings[0], other))
                self.check(phase, f"{file} is the same for every form of export", one, two)
        return readings[0]

    def exports(self):
        """The state as files, by the tool that wrote them."""
        place = self.state.container
        exports = {
            "ldapsearch": {"computers.ldif": self.domain.search(place, comments=True)},
            "ldbsearch": {"computers.ldif": self.domain.dump(place)},
        }
        for own in self.state.hosts:
            if len(own.list) > 1000:
                first = self.domain.search(place, *ATTRIBUTES, f"{LIST};range=0-999", comments=True)
                rest = self.domain.search(self.state.dn(own), *ATTRIBUTES, f"{LIST};range=1000-*", comments=True)
                exports["ldapsearch, by ranges"] = {"computers.ldif": first + rest}
        if self.state.user != lab.ANYONE:
            users = f"CN=Users,{lab.BASE}"
            exports["ldapsearch"]["users.ldif"] = self.domain.search(users, comments=True)
            exports["ldbsearch"]["users.ldif"] = self.domain.dump(users)
        return exports

    def compare(self, phase, label, reading, source, target, answers, word):
        pair = (source.name, target.name)
        got = reading.words.get(pair, "no such pair")
        if self.state.cluster and got == "not-needed" and word == "granted":
            got = "granted"  # nothing failed from there, so nothing shows that moves in the cluster need what they have
        cell = self.odd.get(pair)
        want = cell["windows"] if cell else worth(source, answers[pair])
        self.check(phase, f"kcdoctor's cell {name(pair)} by {label}", want, got)
        lacks = target.wanted if cell else absent(answers[pair])
        self.check(phase, f"SPNs that {name(pair)} lacks, by {label}", sorted(lacks), sorted(reading.missing.get(pair, ())))

    def lacking(self, answers, word):
        """By host what the KDC says is missing for pairs that do not work and are to be planned."""
        missing = {}
        for source, target in self.state.pairs:
            if word(source, target) != "granted" and self.state.plans(source, target):
                missing.setdefault(source.name, []).extend(absent(answers[source.name, target.name]))
        return {host: tuple(spns) for host, spns in missing.items() if spns}

    # The plan

    def load(self, phase, file):
        code, said = self.domain.modify(file)
        self.check(phase, f"ldapmodify loads {file.name}", OK, code, said)

    def load_again(self, reading, changed):
        """Applying twice is harmless, and the results say that it has been done."""
        for record in doctor.records(reading.apply):
            code, said = self.domain.modify(self.one_record(record))
            # A directory refuses the old value, which is gone. Samba takes the record where the result stands already.
            done = {VALUE_EXISTS} if f"add: {LIST}" in record else {NO_SUCH_VALUE, OK}
            self.check("again", f"{code} is a result of {record[2]} for {record[0]} that says so", True, code in done, said)
        code, said = self.domain.modify(reading.apply, permissive=True)
        self.check("again", "a second load under permissive modify is taken", OK, code, said)
        self.same("again", "a second load changes nothing", changed, self.snapshot())

    def meet_a_change(self, reading, found):
        """Somebody else changed what the plan is about to change: its record is refused, and nothing of it is applied."""
        records = doctor.records(reading.apply)
        addition = next((record for record in records if f"add: {LIST}" in record), None)
        if addition:
            value = next(line for line in addition if line.startswith(f"{LIST}: "))
            self.refuse(addition, [f"add: {LIST}", value], [f"delete: {LIST}", value], VALUE_EXISTS, found)
        switch = next((record for record in records if f"delete: {BITS}" in record), None)
        if switch:
            old = next(int(line.split()[1]) for line in switch if line.startswith(f"{BITS}: "))
            put = lambda bits: [f"replace: {BITS}", f"{BITS}: {bits}"]
            self.refuse(switch, put(old | PASSWORD_STAYS), put(old), NO_SUCH_VALUE, found)

    def refuse(self, record, change, back, want, found):
        self.domain.change(record[0], *change)
        since = self.snapshot()
        code, said = self.domain.modify(self.one_record(record))
        self.check("meanwhile", f"the result of {record[2]} for {record[0]}", want, code, said)
        self.same("meanwhile", "a refused record changes nothing", since, self.snapshot())
        self.domain.change(record[0], *back)
        self.same("meanwhile", "the state is what it was", found, self.snapshot())

    def take_away(self, reading, changed):
        """What is taken away after the tests: no ticket is handed on to such a host any more, and every move works."""
        cleared = {record[0] for record in doctor.records(reading.clear)}
        if not cleared:
            return
        self.load("cleared", reading.clear)
        answers = self.ask("cleared", self.state.word_after)
        for source, target in self.state.pairs:
            if objects.head(self.state.dn(source)) in cleared:
                forwarded = answers[source.name, target.name]["forwarded"]
                self.check("cleared", f"tickets handed on for {source.name} → {target.name}", {}, forwarded)
        self.load("cleared", reading.restore)
        self.same("cleared", "the way back leads to where it came from", changed, self.snapshot())

    def one_record(self, record):
        file = self.folder / "record.ldf"
        file.write_text("\n".join(record) + "\n", encoding="ascii")
        return file

    def use_one_transaction(self, reading, changed):
        """ldbmodify, on a database of its own: the same result, and a file is taken as a whole or not at all."""
        private = self.laboratory.copy
        load = lambda file: self.domain.ldb("ldbmodify", file, private=private, check=False).returncode
        snapshot = lambda: self.domain.stored(self.state.container, private)
        found = snapshot()
        self.check("ldbmodify", "apply.ldf is loaded", OK, load(reading.apply))
        self.same("ldbmodify", "it changes what ldapmodify changed", changed, snapshot())
        adds = any(f"add: {LIST}" in record for record in doctor.records(reading.apply))
        self.check("ldbmodify", "a second load is refused where it adds", adds, load(reading.apply) != OK)
        self.same("ldbmodify", "a second load changes nothing", changed, snapshot())
        self.check("ldbmodify", "rollback.ldf is loaded", OK, load(reading.rollback))
        self.same("ldbmodify", "every attribute is what it was", found, snapshot())

    # Words

    def snapshot(self):
        return self.domain.snapshot(self.state.container)

    def check(self, phase, about, want, got, said=""):
        self.laboratory.score.check(self.state.name, phase, about, want, got, said)

    def same(self, phase, about, want, got):
        """Two sets of lines; the lines that differ are shown."""
        self.check(phase, about, [], [f"gone: {line}" for line in sorted(want - got)] + [f"new: {line}" for line in sorted(got - want)])


def worth(source, own):
    """In a word what the KDC's answers for a pair are worth to a move."""
    works = [answer.granted for answer in own["local" if source.kerberos_only_serves else "remote"].values()]
    if any(works):
        return "granted" if all(works) else "partial"
    if any(answer.granted for answer in own["forwarded"].values()):
        return "unconstrained"
    return "kerberos-only" if any(answer.granted for answer in own["local"].values()) else "missing"


def absent(own):
    """What is not on the list: refused whatever the ticket."""
    return tuple(spn for spn, answer in own["local"].items() if not answer.granted)


def flat(answers):
    """Every answer as a line."""
    return {
        f"{name(pair)} {way} {spn}: {answer}"
        for pair, own in answers.items() for way, got in own.items() for spn, answer in got.items()
    }


def name(pair):
    return f"{pair[0]} → {pair[1]}"


def spoil(file):
    """Makes a plan wrong: one SPN becomes another's."""
    text = file.read_text(encoding="ascii")
    wrong, count = re.subn(rf"(?m)^({LIST}: ){re.escape(lab.MIGRATION)}/\S+", rf"\1{lab.OUTSIDER.wanted[0]}", text, count=1)
    assert count == 1, "apply.ldf adds no SPN that could be spoilt"
    file.write_text(wrong, encoding="ascii")
