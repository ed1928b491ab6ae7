"""Records for tests: a whole `JobRecord` of which a test names only what matters to it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

from roar.api import Capture, Edge, FileStat, GitState, JobRecord

STARTED_NS = 1_700_000_000_000_000_000


def digests(content: bytes, *algorithms: str) -> dict[str, str]:
    """Digests of a content, by default one that is called blake3 (no storage looks into it)."""
    return {
        name: hashlib.sha256(b"3" + content).hexdigest() if name == "blake3" else hashlib.new(name, content).hexdigest()
        for name in algorithms or ("blake3",)
    }


def stat(path: bytes, size: int, **changes: int) -> FileStat:
    """The state of a file."""
    return FileStat(64769, sum(path) + 1, size, STARTED_NS, STARTED_NS + 1, 0o100644)._replace(**changes)


def edge(path: bytes, content: bytes | None = None, *algorithms: str, **changes: Any) -> Edge:
    """A file with a content, by default its own name; other fields as given."""
    content = path if content is None else content
    made = Edge(path, digests(content, *algorithms), len(content), stat(path, len(content)))
    return made._replace(**changes)


def unknown(path: bytes, reason: str = "it vanished") -> Edge:
    """A file whose content is not known."""
    return Edge(path, {}, None, None, reason)


def git_state(**changes: Any) -> GitState:
    """A clean repository."""
    return GitState("c0ffee" * 6 + "abcd", "main", "https://example.org/r.git", b"/w", b"", False)._replace(**changes)


def job_record(inputs: Sequence[Edge] = (), outputs: Sequence[Edge] = (), **changes: Any) -> JobRecord:
    """A job that went well; its counts add up."""
    filtered = sum(len(files) for files in changes.get("filtered", {}).values())
    recorded = len(inputs) + len(outputs)
    return JobRecord(
        uid=uuid.uuid4().hex,
        kind="run",
        command=("python", "train.py"),
        name=None,
        labels={},
        parameters={},
        cwd=b"/w",
        started_ns=STARTED_NS,
        ended_ns=STARTED_NS + 1_000_000_000,
        recording_s=0.01,
        cpu_s=0.5,
        max_rss_bytes=1 << 24,
        exit_code=0,
        status="ok",
        tracer="preload",
        tracer_version="0.1.0",
        capture=Capture("complete", (), recorded + filtered, recorded, filtered, 0),
        git=git_state(),
        environment={"packages": {"numpy": "2.0"}, "variables": {}, "system": {"kernel": "6.1"}},
        inputs=list(inputs),
        outputs=list(outputs),
    )._replace(**changes)
