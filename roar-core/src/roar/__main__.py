"""The program `roar`: the version without loading anything, everything else through the command line's error boundary."""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Runs the command line of ``sys.argv`` and, as a rule, ends the process; else returns the exit code.

    Exit codes: 0 ok, 1 refused or failed, 2 usage, under `run` the command's own.
    """
    gc.disable()  # a short life: what cycles hold is less than looking for them among 100 000 files costs
    _occupy_standard_descriptors()
    if sys.argv[1:] == ["--version"]:
        from roar import __version__

        if sys.stdout is None:
            return 0
        try:
            sys.stdout.write(f"roar {__version__}\n")
            sys.stdout.flush()
            return 0
        except OSError as error:
            failure: OSError = error
        from roar.cli.boundary import stdout_failed

        return stdout_failed(failure)
    from roar.cli.boundary import run

    code = run(sys.argv[1:])
    _end(code)
    return code


def _end(code: int) -> None:
    """Ends the process without taking the interpreter apart, which would cost 10 ms; does nothing while threads are at work."""
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        return
    import atexit

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):  # the boundary has said what there was to say
            continue
    os._exit(code)


def _occupy_standard_descriptors() -> None:
    """Makes sure that 0, 1 and 2 are open, so that no file of roar's gets such a number and is written to as a terminal.

    What is opened here is closed on exec: a command that roar runs finds the descriptor closed, as roar did.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _forget_working_directory() -> None:
    """Takes back what `python -m` puts first on the path of modules: a json.py in the user's directory is not ours."""
    try:
        here = os.getcwd()
    except OSError:  # it was removed
        here = ""
    if not sys.flags.safe_path and sys.path[:1] == [here]:
        del sys.path[0]


if __name__ == "__main__":
    _forget_working_directory()
    sys.exit(main())
