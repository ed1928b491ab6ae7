"""What of a run is hashed, with which algorithms, and the hashing that is left when the command has ended."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TextIO

from roar.api.events import FileStat
from roar.api.filters import Direction
from roar.api.hashers import Hasher
from roar.context import Context
from roar.run.digest import Digested, Task
from roar.run.digester import Digester, wait_for_all
from roar.run.known import WORTH_LOOKING_UP, known

Digests = dict[Direction, dict[bytes, Digested]]


class Hashing(NamedTuple):
    """What is hashed, and how."""

    enabled: bool
    inputs: tuple[str, ...]
    """Algorithms, the primary one first."""
    outputs: tuple[str, ...]
    no_inputs_over: int | None
    hashers: Mapping[str, type[Hasher]]
    threads: int

    @classmethod
    def of(cls, context: Context, enabled: bool, algorithm: str | None, no_inputs_over: int | None) -> Hashing:
        """What the options, and where they say nothing the configuration, ask for.

        Raises:
            ConfigError: an algorithm that there is no hasher for.
        """
        from roar.api.errors import ConfigError

        config = context.config
        hashers = context.plugins.hashers()
        # without blake3 its place is taken by the best that there is (HASH-1); a name that was asked for must exist
        primary = algorithm or config.get("hash.primary")
        if primary not in hashers:
            if algorithm or primary != "blake3":
                raise ConfigError(
                    f"no hasher is named '{primary}'.",
                    f"Use one of: {', '.join(hashers)} (roar config set hash.primary …)",
                )
            primary = next(iter(hashers))
        configured = config.get("hash.no_inputs_over")
        if no_inputs_over is None and configured:
            from roar.workspace.sizes import parse_size

            no_inputs_over = parse_size(configured)
        extra_outputs = [name for name in config.get("hash.extra_outputs") if name in hashers]
        extra_inputs = [name for name in config.get("hash.extra_inputs") if name in hashers]
        return cls(
            enabled,
            tuple(dict.fromkeys([primary, *extra_inputs])),
            tuple(dict.fromkeys([primary, *extra_outputs])),
            no_inputs_over,
            hashers,
            config.get("hash.threads") or min(4, len(os.sched_getaffinity(0))),
        )

    def digester(self) -> Digester | None:
        """A digester; None when hashing is off."""
        return Digester(self.hashers, self.threads) if self.enabled else None


def hash_rest(
    context: Context,
    inputs: Mapping[bytes, FileStat | None],
    outputs: Mapping[bytes, FileStat],
    lost: Mapping[bytes, str],
    renamed: frozenset[bytes],
    digester: Digester | None,
    hashing: Hashing,
    interrupted: Callable[[], bool],
) -> Digests:
    """Hashes what was not hashed while the command ran.

    Args:
        context: of the workspace whose record may know large inputs already.
        inputs: path → the file when it was consumed.
        outputs: path → the file when the command had ended.
        lost: inputs that are no longer as they were consumed.
        renamed: inputs that the job gave another name.
        digester: has begun; None when hashing is off.
        hashing: what is hashed.
        interrupted: whether the user wants hashing to stop.
    """
    if digester is None:
        return {"input": {}, "output": {}}
    report = Progress(digester, len(inputs) + len(outputs), sys.stderr)
    wait_for_all(digester, interrupted, report)
    early_inputs, early_outputs = digester.done["input"], digester.done["output"]
    limit = hashing.no_inputs_over
    large = {
        path: stat
        for path, stat in inputs.items()
        if stat is not None and stat.size >= WORTH_LOOKING_UP and path not in early_inputs
    }
    early_inputs.update(known(context, large, hashing.inputs))

    def wanted() -> Iterable[Task]:
        for path, stat in inputs.items():
            if path not in early_inputs and path not in lost and (limit is None or stat is None or stat.size <= limit):
                yield Task(path, stat, hashing.inputs, "input", path in renamed)
        for path, now in outputs.items():
            early = early_outputs.get(path)
            if early is None or early.stat is None or not early.stat.identical(now):
                yield Task(path, now, hashing.outputs, "output")

    digester.share(list(wanted()))
    wait_for_all(digester, interrupted, report)
    report.clear()
    digester.close()
    return digester.done


class Progress:
    """Says on a terminal how far hashing is, once it takes longer than a second (HASH-3)."""

    def __init__(self, digester: Digester, total: int, stream: TextIO | None) -> None:
        self._digester = digester
        self._total = total
        self._stream = stream if stream is not None and stream.isatty() else None
        self._began = time.monotonic()
        self._shown = False

    def __call__(self) -> None:
        """Updates the line."""
        if self._stream is None or time.monotonic() - self._began < 1:
            return
        files, size = self._digester.progress()
        self._stream.write(f"\rroar: hashing {files} of {self._total} files, {size / 1e6:.0f} MB \x1b[K")
        self._stream.flush()
        self._shown = True

    def clear(self) -> None:
        """Removes the line."""
        if self._shown and self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
