"""The tracer's process: starts the command, is its parent, sees the calls of its tree, and stays until the last one has ended.

It is a fork of roar that has left roar's terminal, descriptors and directory behind, so that a kill of roar neither stops the
command nor costs a record.
"""

from __future__ import annotations

import gc
from pathlib import Path

from roar.api.process import Supervision
from roar_tracer_ptrace.journal import Writer
from roar_tracer_ptrace.ways import Unable, Way, note_failure


def supervise(supervision: Supervision, journal: Path, ways: tuple[Way, ...], accelerated: bool) -> None:
    """The life of the tracer's process.

    Args:
        supervision: starts the command, and tells roar of it.
        journal: the directory of the run.
        ways: to try, the best one first.
        accelerated: use the loop in C if it was built.
    """
    gc.disable()  # it would look at all that was roar's, and nothing here makes cycles
    writer = Writer(journal)
    failures = []
    masked = False
    for way in ways:
        if masked and way == Way.FILTER:
            continue  # the other's listener takes the calls before ours could stop them (seccomp(2): the order of actions)
        try:
            if way == Way.LISTENER:
                from roar_tracer_ptrace.stop import notified

                notified.run(supervision, writer, accelerated)
            else:
                from roar_tracer_ptrace.stop import stopped

                stopped.run(supervision, writer, every_call=way == Way.EVERY_CALL)
            return
        except Unable as error:
            failures.append(f"{way}: {error}")
            masked |= error.is_masked
        except OSError as error:  # no more descriptors or processes are allowed
            failures.append(f"{way}: {error.strerror}")
    note_failure(journal, "; ".join(failures))
