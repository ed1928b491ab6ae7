"""The sessions that the documentation shows are what happens: each is typed into a shell, and the answers compared.

Numbers, digests and times may differ; a line that a page ends with … may go on.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from package_builds import ROOT

SESSIONS = {
    "README.md": f"cp {shlex.quote(str(ROOT))}/examples/pipeline/*.* . && git init -q && git add -A && git commit -qm i",
    "docs/tutorial-first-lineage.md": "true",
}
"""Page → what its reader has before the first command."""


class Typed(NamedTuple):
    """A command of a session and the answer that the page gives."""

    command: str
    answer: str


def _session(text: str) -> list[Typed]:
    found: list[Typed] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            here = re.match(r"[^\n]*<<'(\w+)'\n.*?^\1\n", part, re.MULTILINE | re.DOTALL)
            end = here.end() if here else part.index("\n") + 1
            found.append(Typed(part[:end].rstrip("\n"), part[end:]))
    return found


def _plain(line: str) -> str:
    """A line without what differs from one execution to the next."""
    line = re.sub(r" in \S+/\.roar", " in FOLDER/.roar", line)
    line = re.sub(r"\(/\S+/", "(FOLDER/", line)
    line = re.sub(r"\b(?=[0-9a-f]*\d)[0-9a-f]{7,}\b", "DIGEST", line)
    line = re.sub(r"(\d+ min )?\d+(\.\d+)? (ms|s)\b", "TIME", line)
    line = re.sub(r"\d+(\.\d+)? (k?B)\b", "SIZE", line)
    return " ".join(re.sub(r"\d[\d:.-]*", "N", line).split())


def _missing(answer: str, output: str) -> list[str]:
    """The lines of a page's answer that the output doesn't have, in that order."""
    lines = iter([_plain(line) for line in output.splitlines()])
    missing = []
    for shown in answer.splitlines():
        wanted = _plain(shown)
        begins = wanted.removesuffix("…") if wanted.endswith("…") else None
        if not any(line.startswith(begins) if begins is not None else line == wanted for line in lines):
            missing.append(shown)
    return missing


@pytest.mark.parametrize("page", SESSIONS)
def test_a_session_goes_as_its_page_shows_it(page: str, tmp_path: Path) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = A\n\temail = a@example.org\n")
    (home / ".config/roar").mkdir(parents=True)
    (home / ".config/roar/config.toml").write_text('[tracer]\ndefault = "preload"\n')  # root would get ebpf
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ROAR_", "GIT_", "XDG_", "LD_"))}
    env = {**kept, "HOME": str(home), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    session = _session((ROOT / page).read_text())
    script = f"exec 2>&1\n{SESSIONS[page]}\n" + "".join(f'{typed.command}\necho "<<$?>>"\n' for typed in session)

    done = subprocess.run(
        ["bash", "-c", script], cwd=work, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )

    answers = re.findall(r"(.*?)<<(\d+)>>\n", done.stdout, re.DOTALL)
    assert len(answers) == len(session), done.stdout
    for typed, (output, code) in zip(session, answers, strict=True):
        fails = typed.answer.startswith("Error: ") or "fsck --content" in typed.command
        assert code == ("1" if fails else "0"), f"$ {typed.command}\n{output}"
        assert not _missing(typed.answer, output), f"$ {typed.command}\n{output}"
