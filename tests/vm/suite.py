"""What is tried on a kernel: programs and cases are made here, where they cost little; the guest takes the steps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from roar.testing.capture.case import Case
from roar.testing.capture.programs import Programs
from vm.batch import Repository
from vm.initramfs import HELPERS, root_for
from vm.inside import WHO
from vm.kernels import Kernel
from vm.machine import Ended, Job, run

HERE = Path(__file__).parent
_CHECKOUT = HERE.parents[1]
_TIMEOUT_S = 1800
Step = tuple[object, ...]
"""A step's name, of `vm.inside.Guest`, and its arguments."""


class Told(NamedTuple):
    """What a guest told."""

    ended: Ended
    lines: tuple[dict[str, Any], ...]
    output: str

    def of(self, *step: object) -> Any:
        """The outcome of a step, whose first words are enough to name it.

        Raises:
            AssertionError: it failed, or there is none.
        """
        for line in self.lines:
            if line["step"][: len(step)] == list(step):
                assert "failed" not in line, f"{step}: {line['failed']}"
                return line["outcome"]
        raise AssertionError(f"{step}: the guest didn't tell; it ended with {self.ended.status}\n{self.output[-3000:]}")


@contextmanager
def prepared() -> Iterator[Path]:
    """A directory with all that steps need: a guest has no time to make it.  It gets a copy at the same place."""
    place = Path(tempfile.mkdtemp(prefix="roar-vm-"))
    place.chmod(0o755)
    try:
        (place / "programs").mkdir()
        Programs(place / "programs")
        built = str(place / "programs/count")
        subprocess.run(["cc", "-O2", "-static", "-o", built, str(HERE / "count.c")], check=True)
        for who in WHO:
            Repository.make(place / who)
        yield place
    finally:
        shutil.rmtree(place)


def take(
    kernel: Kernel,
    place: Path,
    cases: Collection[Case],
    steps: Sequence[Step],
    path: Sequence[Path] = (),
    *,
    counted: bool,
) -> Told:
    """Boots a kernel and takes the steps on it.

    Args:
        kernel: from `vm.kernels.kernel`.
        place: of `prepared`.
        cases: those that batches choose from.
        steps: in order.
        path: directories with distributions that are not installed.
        counted: the guest's clock counts instructions.

    Raises:
        CannotStart, Crashed, TookTooLong: see `vm.machine.run`.
    """
    order = {
        "programs": str(place / "programs"),
        **{who: str(place / who) for who in WHO},
        "cases": [[sorted(field) if isinstance(field, frozenset) else field for field in case] for case in cases],
        "steps": steps,
    }
    with tempfile.TemporaryDirectory(prefix="roar-vm-order-") as folder, tempfile.TemporaryFile() as file:
        Path(folder, "order").write_text(json.dumps(order))
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "PYTHONPATH": os.pathsep.join([*map(str, path), str(HERE.parent)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": "/tmp",
        }
        root = root_for([_CHECKOUT, Path(sys.prefix), Path(sys.base_prefix)], [HELPERS])
        command = [sys.executable, "-m", "vm.inside", f"{folder}/order"]
        carried = [place, Path(folder)]
        ended = run(kernel, Job(command, _CHECKOUT, environment, root, carried, counted, _TIMEOUT_S), file)
        file.seek(0)
        output = file.read().decode(errors="replace")
    lines = tuple(json.loads(line) for line in output.splitlines() if line.startswith('{"step"'))
    return Told(ended, lines, output)
