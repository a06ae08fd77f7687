"""Runs of the program, watched from outside: time, memory of all its processes, and a violent end."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

# Whom a run belongs to where the test itself is root: root reads what it has no rights to.
NOBODY = 65534
PAUSE = 0.1
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Watched:
    """What was seen of a run: exit status (negative: killed), seconds by the clock and of processors, the peak of the process
    itself and of all of its processes together in bytes, and what it said."""

    status: int
    seconds: float
    processor: float
    peak: int
    peak_of_all: int
    said: str


def run(command, folder, source, errors, kill_after=None):
    """Runs a command in a folder, with a file piped to its standard input; ends it with SIGKILL after so many seconds."""
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    with subprocess.Popen(["cat", source], stdout=subprocess.PIPE) as feed, open(errors, "wb") as said:
        began = time.monotonic()
        child = subprocess.Popen(command, cwd=folder, stdin=feed.stdout, stdout=subprocess.DEVNULL, stderr=said, **user)
        feed.stdout.close()
        timer = threading.Timer(kill_after or 0, child.kill)
        if kill_after is not None:
            timer.start()
        watch = Watch(child.pid)
        watch.start()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
        watch.end()
    # Linux counts in KiB.
    peak = usage.ru_maxrss * 1024
    said = Path(errors).read_text(errors="replace")
    return Watched(child.returncode, seconds, usage.ru_utime + usage.ru_stime, peak, max(peak, watch.peak), said)


class Watch(threading.Thread):
    """Adds up the memory of a process and of its children, ten times a second."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peak, self.ended = pid, 0, threading.Event()

    def run(self):
        while not self.ended.wait(PAUSE):
            self.peak = max(self.peak, sum(resident(pid) for pid in [self.pid, *children(self.pid)]))

    def end(self):
        self.ended.set()
        self.join()


def children(parent):
    """Not every kernel lists them, so all processes are asked for their parent."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name stands in brackets and may hold anything.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
        except (OSError, ValueError):
            continue
    return found


def resident(pid):
    """Bytes; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
