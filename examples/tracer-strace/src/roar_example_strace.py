"""A tracer that lets strace(1) do the work: it sees everything and slows everything down."""

import os
import re
import time

from roar.api import Capability, Check, Coverage, Event, Kind, Preflight, Traced, Tracer, hookimpl, spawn, wait

roar_api = 1
CALLS = b"-etrace=open,openat,creat,/^rename,/^link,unlink,unlinkat,truncate,execve,chdir,/fork,/clone"
STRACE = b"/usr/bin/strace", CALLS, b"-Dqfftttyxx"  # -D: the command, not strace, is roar's child; -ff: a log a process
KINDS = {"r": Kind.RENAME, "l": Kind.LINK, "u": Kind.UNLINK, "t": Kind.TRUNCATE, "e": Kind.EXEC}
LINE = re.compile(r"([\d.]+) (\w+)\((.*= (\d+).*)")  # when, the call, all of it, its result unless it failed
NAME = re.compile(
    r'(?:<([\\x0-9a-f]*)>, )?"([\\x0-9a-f]*)"|= \d+<([\\x0-9a-f]*)>'
)  # -y: <of the descriptor>, -xx: \x2f


class Strace(Tracer, Traced):
    name, rank, capabilities = "strace", 10, frozenset({Capability.STATIC_BINARIES, Capability.GO_BINARIES})

    @classmethod
    def preflight(cls, deep=False):
        return Preflight((Check("strace", os.path.exists(STRACE[0]), "the program", "apt install strace"),))

    def start(self, launch, journal):
        if not os.access(launch.executable, os.X_OK):  # strace would only say so on stderr
            raise OSError(13 if os.path.exists(launch.executable) else 2, "can't be executed")
        argv = *STRACE, b"-o%b/log" % os.fsencode(journal), os.path.abspath(launch.executable), *launch.argv[1:]
        self.child = spawn(launch._replace(executable=STRACE[0], argv=argv))
        self.pid, self.journal, self.found, self.seen = self.child.pid, journal, iter(()), 0
        return self

    def wait(self):
        ended, deadline = wait(self.child), time.monotonic() + 60
        while "+++ " not in (self.journal / f"log.{self.pid}").read_text() and time.monotonic() < deadline:
            time.sleep(0.002)  # strace is a step behind the command
        self.found = iter(found := sorted(self.read(self.pid, os.getcwdb()), key=lambda event: event.time_ns))
        self.seen = len(found)
        return ended

    def events(self):
        return self.found

    def finish(self):
        return Coverage(self.seen)

    def read(self, pid, cwd):
        for at, call, text, result in LINE.findall((self.journal / f"log.{pid}").read_text()):
            names = [[bytes.fromhex(part.replace("\\x", "")) for part in found if part] for found in NAME.findall(text)]
            paths, now_ns = [os.path.join(cwd, *parts) for parts in names], int(float(at) * 1e9)
            if "fork" in call or "clone" in call:
                yield from self.read(int(result), cwd)
            elif call == "chdir":
                cwd = paths[0]
            elif "O_" in text:
                flags = sum(getattr(os, name) for name in set(re.findall(r"\bO_[A-Z]+", text)))
                kind = Kind.WRITE if flags & (os.O_ACCMODE | os.O_TRUNC | os.O_CREAT) else Kind.OPEN
                yield Event(kind, pid, now_ns, paths[-1], flags=flags, existed=not flags & os.O_CREAT or None)
            else:
                yield Event(KINDS[call[0]], pid, now_ns, *paths[: 1 + (call[0] in "rl")])


@hookimpl
def roar_tracers():
    return [Strace]
