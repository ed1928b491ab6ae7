"""``python -m vm [OPTION]... KERNEL -- COMMAND``: runs a command as root on another kernel, on this machine's files."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from vm.initramfs import HELPERS, root_for
from vm.kernels import KERNELS, NotToBeHad, kernel
from vm.machine import CannotStart, Crashed, Job, TookTooLong, run

_TIMED_OUT, _NOT_RUN = 124, 125


def main() -> int:
    """The command's status; 124: it took too long, 125: it didn't get as far as its end."""
    parser = argparse.ArgumentParser(
        prog="python -m vm",
        description="The guest has this machine's files, read-only; /tmp and /run are empty ones of its own. No network.",
        epilog="kernels: " + ", ".join(f"{name} ({package})" for name, package in KERNELS.items()),
    )
    parser.add_argument("--counted", action="store_true", help="the guest's clock counts instructions: 1 ns each")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    parser.add_argument("kernel", help="a name, or PACKAGE/SUITE of Debian")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    root = root_for([Path.cwd(), Path(sys.prefix), Path(sys.base_prefix)], [HELPERS])
    environment = {
        "HOME": "/tmp",
        "PATH": os.environ.get("PATH", os.defpath),
        "TERM": "dumb",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    job = Job(given.command, Path.cwd(), environment, root, counted=given.counted, timeout_s=given.timeout)
    try:
        ended = run(kernel(given.kernel), job, sys.stdout.buffer)
    except TookTooLong as error:
        print(f"Error: {error}", file=sys.stderr)
        return _TIMED_OUT
    except (NotToBeHad, CannotStart, Crashed) as error:
        print(f"Error: {error}", file=sys.stderr)
        return _NOT_RUN
    return ended.status


if __name__ == "__main__":
    sys.exit(main())
