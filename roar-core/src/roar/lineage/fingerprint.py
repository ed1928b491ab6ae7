"""A session's hash: the same steps on the same contents give the same hash, whenever and wherever they ran."""

from __future__ import annotations

import hashlib
import os

from roar.lineage.graph import Graph


def fingerprint(graph: Graph, root: bytes) -> str:
    """SHA-256 over the current steps: kind, command, exit code, and the digests of inputs and outputs by path.

    Args:
        graph: of the session.
        root: of the workspace; paths below it count relative to it.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()

    def add(*fields: str | bytes) -> None:
        for field in fields:
            data = os.fsencode(field)
            digest.update(b"%d:" % len(data))
            digest.update(data)

    prefix = root.rstrip(b"/") + b"/"
    for step in graph.current:
        job = step.job
        add("step", job.kind, str(len(job.command)), *job.command, str(job.exit_code), job.status)
        for edge in (*step.inputs, *step.outputs):
            name, hash_ = next(iter(edge.hashes.items()), ("", ""))
            add(edge.direction, edge.path.removeprefix(prefix), name, hash_)
    return digest.hexdigest()
