"""Where the tracer can't work it says why and what to do; `auto` takes it where it can, and says so when it doesn't."""

from __future__ import annotations

import errno
import gc
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from conftest import Workspace

from roar_tracer_ebpf import preflight, privileges
from roar_tracer_ebpf.build import PROGRAM_NAME
from roar_tracer_ebpf.refusal import Refused

sys.path.append(str(Path(__file__).parents[1] / "ptrace/common"))
import surroundings
from surroundings import Step

pytestmark = pytest.mark.requirement("TRC-2", "TRC-5", "SAFE-4")

_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
_SYS_ADMIN, _PERFMON, _BPF_CAPABILITY = 21, 38, 39
_DROP_BOUND, _NO_NEW_PRIVS, _UNAME_2_6 = 24, 38, 0x0020000
_NEWUSER = 0x10000000

_ROAR = """
import sys
from pathlib import Path
from roar_tracer_ebpf import drainer, install, preflight
install.DIRECTORY = Path("/nonesuch")
exec(sys.argv.pop(1))
from roar.__main__ import main
sys.exit(main())
"""
"""roar on a machine where no helper is installed, and a change to it first."""


def _prctl(option: int, value: int) -> Step:
    def act() -> None:
        if surroundings.kernel.libc.prctl(option, value, 0, 0, 0):
            raise OSError("prctl")

    return act


def _old_kernel() -> None:
    surroundings.kernel.libc.personality(_UNAME_2_6)


def _no_types() -> None:
    surroundings.own_mounts()
    surroundings.tmpfs(Path("/sys/kernel/btf"), "size=4k")()


def _own_users() -> None:
    libc = surroundings.kernel.libc
    assert libc.unshare(_NEWUSER) == 0
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text("0 0 1")
    Path("/proc/self/gid_map").write_text("0 0 1")


_without_capabilities = surroundings.each(
    *(_prctl(_DROP_BOUND, capability) for capability in (_SYS_ADMIN, _PERFMON, _BPF_CAPABILITY))
)
_bpf_refused = surroundings.refused(_BPF, errno.EPERM)
_PRELOAD, _ENABLE = "roar tracer use preload", "roar tracer enable ebpf"


class Situation(NamedTuple):
    """Somewhere that it can't work."""

    why: str
    """What is said."""
    remedies: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    """What the process goes through first."""
    change: str = ""
    """Where nothing real does it: to roar's modules."""


SITUATIONS = {
    "old kernel": Situation(r"kernel 2\.6\S* is older than 5\.8", ("boot a kernel from 5.8 on", _PRELOAD), (_old_kernel,)),
    "no BTF": Situation(
        "missing BTF: /sys/kernel/btf/vmlinux can't be read", ("CONFIG_DEBUG_INFO_BTF=y", _PRELOAD), (_no_types,)
    ),
    "ordinary user": Situation("CAP_BPF not set", (_ENABLE, _PRELOAD), (surroundings.ordinary(),)),
    "root without capabilities": Situation(
        "CAP_BPF not set: root lacks it, as in a container", ("--cap-add BPF --cap-add PERFMON", _PRELOAD), (_without_capabilities,)
    ),
    "user namespace": Situation(
        "CAP_BPF not set: in a user namespace", ("run roar outside of it", _PRELOAD), (_own_users,)
    ),
    "sandbox": Situation(
        "CAP_BPF not set: no_new_privs keeps the helper from getting it",
        ("run roar outside of it", _PRELOAD),
        (surroundings.ordinary(), _prctl(_NO_NEW_PRIVS, 1)),
        "preflight.find_helper = lambda: Path('/helper')",
    ),
    "lockdown": Situation(
        "the kernel is locked down (confidentiality)",
        ("boot without lockdown=confidentiality", _PRELOAD),
        change="import tempfile; file = tempfile.NamedTemporaryFile()\nfile.write(b'none integrity [confidentiality]'); file.flush()\n"
        "preflight._LOCKDOWN = Path(file.name)",
    ),
    "few descriptors": Situation(
        "the probe is held by 20 descriptors; 18 is all that a process may have open here",
        ("ulimit -n 20", _PRELOAD), (surroundings.limited(resource.RLIMIT_NOFILE, 18),)
    ),
    "not built": Situation(
        "the program roar-ebpf isn't built",
        (_ENABLE, "apt install gcc libc6-dev", _PRELOAD),
        change="drainer.find_program = preflight.find_program = lambda: None",
    ),
    "refused": Situation(
        "Operation not permitted creating BPF map", ("roar tracer check ebpf", _ENABLE, _PRELOAD), (_bpf_refused,)
    ),
}  # fmt: skip


Roar = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def roar(workspace: Workspace) -> Roar:
    """Runs roar in a situation."""
    if os.geteuid() == 0:
        for folder in (workspace.root, *workspace.root.parents):
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o711)
        subprocess.run(["chmod", "-R", "a+rwX", workspace.root, workspace.env["HOME"]], check=True)
        Path(workspace.env["HOME"], ".gitconfig").write_text(
            Path(workspace.env["HOME"], ".gitconfig").read_text() + "[safe]\n\tdirectory = *\n"
        )

    def run(situation: Situation, *words: str, ok: bool = False) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _ROAR, situation.change, *words]
        return workspace.sh(*command, ok=ok, preexec_fn=surroundings.each(*situation.steps))

    return run


def _assert_explained(text: str, situation: Situation) -> None:
    lines = text.splitlines()
    assert re.match(rf"Error: Tracer preflight failed for 'ebpf': {_pattern(situation)}", lines[0]), text
    assert all(any(remedy in line for line in lines) for remedy in situation.remedies), text
    assert "Traceback" not in text


def _pattern(situation: Situation) -> str:
    return situation.why if "\\" in situation.why else re.escape(situation.why)


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_each_refusal_is_named_with_its_remedy_and_nothing_is_started(
    situation: Situation, roar: Roar, workspace: Workspace
) -> None:
    checked = roar(situation, "tracer", "check", "ebpf")
    assert checked.returncode == 1, checked.stdout
    failed = [line for line in checked.stdout.splitlines() if line.startswith("FAIL")]
    assert any(re.search(_pattern(situation), line) for line in failed), checked.stdout
    _assert_explained(checked.stderr, situation)
    done = roar(situation, "run", "--tracer", "ebpf", "touch", "made")
    assert done.returncode == 1
    _assert_explained(done.stderr, situation)
    assert not (workspace.root / "made").exists()
    assert not [path for path in (workspace.root / ".roar/runs").glob("*") if path.name[0] != "."], (
        "nothing is half done"
    )


@pytest.mark.requirement("TRC-6", "TRC-7")
def test_the_raw_refusal_is_the_pages_words_and_auto_goes_on_without(roar: Roar, workspace: Workspace) -> None:
    """Here a look at the capabilities finds nothing wrong: it fails when it is to begin."""
    done = roar(SITUATIONS["refused"], "run", "--tracer", "ebpf", "true")
    assert done.stderr.splitlines() == [
        "Error: Tracer preflight failed for 'ebpf': Operation not permitted creating BPF map",
        preflight._NOT_PERMITTED,
    ]
    done = roar(SITUATIONS["refused"], "run", "touch", "made", ok=True)
    assert done.stderr.count("ebpf is not ready (Operation not permitted creating BPF map)") == 1
    job = workspace.job()
    assert job["tracer"] == "preload"
    assert workspace.names(job["outputs"]) == {"made"}
    assert sum("ebpf is not ready" in note for note in job["capture"]["notes"]) == 1


@pytest.mark.requirement("TRC-1", "TRC-7")
def test_where_it_is_not_ready_auto_says_so_and_the_table_too(roar: Roar, workspace: Workspace) -> None:
    situation = SITUATIONS["root without capabilities"]
    done = roar(situation, "run", "true", ok=True)
    assert done.stderr.splitlines()[0] == (
        "roar: tracer preload was chosen because ebpf is not ready "
        "(CAP_BPF not set: root lacks it, as in a container); see: roar tracer"
    )
    table = json.loads(roar(situation, "tracer", "--json").stdout)
    (ours,) = (one for one in table["tracers"] if one["name"] == "ebpf")
    assert (ours["ready"], table["active"]) == (False, "preload")
    assert "CAP_BPF not set" in ours["reason"]


@pytest.mark.requirement("TRC-1", "TRC-7")
def test_where_it_is_ready_auto_takes_it_and_says_nothing(workspace: Workspace) -> None:
    done = workspace.roar("run", "true")
    assert "not ready" not in done.stderr and "chosen" not in done.stderr
    job = workspace.job()
    assert (job["tracer"], job["capture"]["verdict"]) == ("ebpf", "complete")
    table = json.loads(workspace.roar("tracer", "--json").stdout)
    (ours,) = (one for one in table["tracers"] if one["name"] == "ebpf")
    assert (ours["ready"], table["active"]) == (True, "ebpf")


@pytest.mark.requirement("TRC-1")
def test_the_check_tells_which_tier_a_run_goes_by(workspace: Workspace) -> None:
    done = workspace.roar("tracer", "check", "ebpf")
    used = [line for line in done.stdout.splitlines() if "that tier is used" in line]
    assert len(used) == 1 and re.match(r"ok\s+tier (base|fentry)", used[0]), done.stdout
    assert done.stdout.endswith("is ready.\n")


_LATE = """
from roar.api.errors import PreflightFailed
from roar.api.tracer import Check, Preflight, Tracer
class Late(Tracer):
    name, rank, capabilities = "late", 1000, frozenset()
    @classmethod
    def preflight(cls, deep=False):
        return Preflight((Check("look", True, "fine"),))
    def start(self, launch, journal):
        (journal / "half").write_text("done")
        raise PreflightFailed("late", "it was too late", "Be early")
@hookimpl
def roar_tracers():
    return [Late]
"""


@pytest.mark.requirement("TRC-7")
def test_a_tracer_that_fails_when_it_is_to_begin_gives_way_to_the_next(workspace: Workspace, tmp_path: Path) -> None:
    site = tmp_path / "site"
    info = site / "tracer_late-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "tracer_late.py").write_text("from roar.api import hookimpl\nroar_api = 1\n" + _LATE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tracer-late\nVersion: 1.0\n\ntext\n")
    (info / "entry_points.txt").write_text("[roar.tracers]\nmain = tracer_late\n")
    env = {"PYTHONPATH": str(site)}
    done = workspace.roar("run", "sh", "-c", "cat README > made", env=env)
    assert done.stderr.count("late is not ready (it was too late)") == 1
    job: dict[str, Any] = workspace.job()
    assert (job["tracer"], job["capture"]["verdict"]) == ("ebpf", "complete")
    assert sum("it was too late" in note for note in job["capture"]["notes"]) == 1
    assert (workspace.names(job["inputs"]), workspace.names(job["outputs"])) == ({"README"}, {"made"})
    done = workspace.roar("run", "--tracer", "late", "touch", "other", env=env, ok=False)
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "Error: Tracer preflight failed for 'late': it was too late",
    )
    assert not (workspace.root / "other").exists()


# ---- what the loader refuses


def test_every_code_of_the_loader_has_a_remedy() -> None:
    sources = "".join(path.read_text() for path in (Path(preflight.__file__).parent / "loader").glob("*.c"))
    codes = {found[1] for found in re.finditer(r'\bfail\([^;]*?, [^;"]*?, "(\w*)"', sources)}
    codes |= {found[1] for found in re.finditer(r'advice = [^;"]*"(\w+)"', sources)}
    codes |= {
        word
        for found in re.finditer(r"return ([^;]*);", sources)
        for word in re.findall(r'"(caps|lockdown|memlock)"', found[1])
    }
    assert {
        "btf",
        "canary",
        "container",
        "disk",
        "helper",
        "kernel",
        "sessions",
        "caps",
        "lockdown",
        "memlock",
        "",
    } <= codes
    assert codes <= set(preflight._REMEDIES)


@pytest.mark.parametrize("code", [code for code in preflight._REMEDIES if code])
def test_every_remedy_can_be_typed_or_done(code: str) -> None:
    failure = preflight.failure(Refused(errno.EINVAL, "loading sys_exit", code))
    assert failure.why == (
        "the probe was loaded, and loading sys_exit failed" if code == "canary" else "Invalid argument loading sys_exit"
    )
    assert failure.fix and "roar tracer " in failure.fix


@pytest.mark.requirement("TRC-6")
@pytest.mark.parametrize("code", ["", "caps", "container"])
def test_a_map_that_is_refused_gets_both_remedies(code: str) -> None:
    failure = preflight.failure(Refused(errno.EPERM, "creating BPF map", code))
    assert failure.why == "Operation not permitted creating BPF map"
    assert failure.fix is not None
    assert all(words in failure.fix for words in ("roar tracer check ebpf", _ENABLE, _PRELOAD))


@pytest.mark.parametrize("helper", [None, Path("/helper")], ids=["own", "helper"])
def test_a_program_that_ends_without_an_answer_is_told(
    helper: Path | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from roar_tracer_ebpf import drainer

    for module in (drainer, preflight):
        monkeypatch.setattr(module, "find_helper", lambda: helper)
    monkeypatch.setattr(privileges, "suffice", lambda: False)
    for name, text in (("ends", "#!/bin/sh\nexit 3\n"), ("no-program", "nonsense")):
        fake = tmp_path / name / PROGRAM_NAME
        fake.parent.mkdir()
        fake.write_text(text)
        fake.chmod(0o755)
        monkeypatch.setattr(drainer, "find_program", lambda fake=fake: fake)
        gc.collect()  # what earlier tests left must not be closed in between
        held, begun = len(os.listdir("/proc/self/fd")), []
        with pytest.raises(Refused) as caught:
            begun.append(drainer.Drainer.start(fake.parent / "events"))
            try:
                begun[0].armed()
            finally:
                begun[0].close()
        assert caught.value.advice == ("build" if helper is None or name == "no-program" else "helper")
        assert len(os.listdir("/proc/self/fd")) == held
        assert len(begun) == (name == "ends")
        for one in begun:
            with pytest.raises(ChildProcessError):
                os.waitpid(one.pid, os.WNOHANG)  # it was waited for
        if begun:
            monkeypatch.setattr(preflight, "find_program", lambda fake=fake: fake)
            (trial,) = preflight._trial("auto", "auto")[1]
            assert (trial.ok, trial.detail) == (False, "roar-ebpf ended without an answer (exit code 3)")
            assert trial.fix == preflight._REMEDIES["build" if helper is None else "helper"]
