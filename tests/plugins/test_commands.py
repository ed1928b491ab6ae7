"""`roar plugins` and `roar tracer`, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from roar_tracer_ebpf.tracer import EbpfTracer

from .conftest import Site
from .test_plugins import HASHER

TRACER = """
from roar.api import Capability, Check, Preflight, Tracer, Traced
class Mine(Tracer):
    name, rank, capabilities = {name!r}, {rank}, frozenset({{Capability.STATIC_BINARIES}})
    @classmethod
    def preflight(cls, deep=False):
        return {preflight}
    def start(self, launch, journal):
        raise RuntimeError("never")
    @classmethod
    def enable(cls, confirm):
        {enable}
@hookimpl
def roar_tracers():
    return [Mine]
"""
READY = "Preflight((Check('kernel', True, '6.1'),))"
UNREADY = "Preflight((Check('kernel', True, '5.4'), Check('BTF', False, 'BTF is missing', 'boot another kernel')))"


def tracer(name: str, rank: int, preflight: str, enable: str = "return cls.preflight(deep=True)") -> str:
    return TRACER.format(name=name, rank=rank, preflight=preflight, enable=enable)


@pytest.fixture
def env(tmp_path: Path) -> tuple[Site, dict[str, str]]:
    site = Site(tmp_path / "plugins")
    return site, {"PYTHONPATH": str(site.path)}


def tracers(workspace: Any, env: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(workspace.roar("tracer", "--json", env=env).stdout)
    assert answer["schema"] == "roar/tracer/1"
    return answer


# ---- roar plugins


@pytest.mark.requirement("PLUG-3", "SHOW-7")
def test_plugins_lists_distribution_version_kinds_api_state_and_load_time(workspace: Any, env: Any) -> None:
    site, variables = env
    module = site.install("one-hasher", HASHER.format(name="mine"), "roar.hashers", version="2.1")
    listing = json.loads(workspace.roar("plugins", "--json", env=variables).stdout)
    assert (listing["schema"], listing["api_version"]) == ("roar/plugins/1", 1)
    (found,) = [plugin for plugin in listing["plugins"] if plugin["distribution"] == "one-hasher"]
    load_ms, reason = found.pop("load_time_ms"), found.pop("reason")
    assert load_ms >= 0
    assert (reason is None) is (load_ms <= 200), reason  # on a busy machine importing it may be slow
    assert found == {
        "distribution": "one-hasher",
        "version": "2.1",
        "module": module,
        "kinds": ["hasher"],
        "api_version": 1,
        "state": "ok",
    }
    lines = workspace.roar("plugins", env=variables).stdout.splitlines()
    assert lines[0].split() == ["DISTRIBUTION", "VERSION", "KINDS", "API", "STATE", "LOAD", "MODULE"]
    assert [line.split()[:5] for line in lines if line.startswith("one-hasher")] == [
        ["one-hasher", "2.1", "hasher", "1", "ok"]
    ]


@pytest.mark.requirement("PLUG-2", "PLUG-3")
def test_a_broken_plugin_is_named_in_the_list_and_once_on_stderr_and_breaks_nothing(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("broken-one", "raise ValueError('\\x1b[31mno')", "roar.hashers", "roar.observers")
    listing = workspace.roar("plugins", env=variables)
    assert "broken-one" in listing.stdout and "ValueError" in listing.stdout and "\x1b" not in listing.stdout
    assert listing.stderr.count("broken-one") == 1 and "\x1b" not in listing.stderr
    ran = workspace.roar("run", "sh", "-c", "echo 1 > out", env=variables)
    assert ran.stderr.count("broken-one") == 1
    assert workspace.names(workspace.job()["outputs"]) == {"out"}


@pytest.mark.requirement("INIT-3")
def test_plugins_and_tracer_need_no_workspace_and_no_home(workspace: Any, tmp_path: Path) -> None:
    for words in (("plugins",), ("plugins", "--json"), ("tracer",), ("tracer", "--json")):
        done = workspace.roar(*words, cwd=tmp_path, env={"HOME": "/proc/nonexistent", "XDG_CACHE_HOME": "/proc/x"})
        assert done.stderr == ""


@pytest.mark.requirement("PLUG-2")
def test_plugins_can_be_limited_to_a_few(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("one", "raise ValueError", "roar.hashers")
    done = workspace.roar("plugins", "--json", env=variables | {"ROAR_PLUGINS": "two"})
    (found,) = [plugin for plugin in json.loads(done.stdout)["plugins"] if plugin["distribution"] == "one"]
    assert (found["state"], done.stderr) == ("not loaded", "")


@pytest.mark.requirement("PLUG-2", "TRC-5")
def test_a_run_without_any_tracer_says_what_to_do(workspace: Any) -> None:
    done = workspace.roar("run", "true", env={"ROAR_PLUGINS": ""}, ok=False)
    assert (done.returncode, done.stderr) == (
        1,
        "Error: Tracer preflight failed for 'auto': ROAR_PLUGINS leaves out every tracer that is installed\nunset ROAR_PLUGINS\n",
    )


@pytest.mark.requirement("PLUG-3")
def test_a_plugin_s_command_can_be_typed(workspace: Any, env: Any) -> None:
    site, variables = env
    source = "import click\n@click.command()\ndef hello():\n    click.echo('hello from a plugin')\n"
    module = site.install("with-command", source, "roar.commands", module="my_hello_command")
    hooks = f"@hookimpl\ndef roar_commands():\n    return {{'hello': '{module}:hello', 'init': '{module}:hello'}}\n"
    (site.path / f"{module}.py").write_text((site.path / f"{module}.py").read_text() + hooks)
    assert workspace.roar("hello", env=variables).stdout == "hello from a plugin\n"
    assert "hello" in workspace.roar("--help", env=variables).stdout
    assert "already" in workspace.roar("init", env=variables).stdout + workspace.roar("init", env=variables).stderr


# ---- roar tracer


@pytest.mark.requirement("TRC-1")
def test_the_table_says_what_is_ready_what_is_not_and_why_and_what_each_can_see(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("tracer-new", tracer("brandnew", 900, UNREADY), "roar.tracers", version="3.0")
    best = "ebpf" if EbpfTracer.preflight().ready else "preload"
    answer = tracers(workspace, variables)
    assert (answer["default"], answer["auto"], answer["active"]) == ("auto", best, best)
    found = {one["name"]: one for one in answer["tracers"]}
    assert list(found) == ["brandnew", "ebpf", "preload", "ptrace"]
    assert (found["brandnew"]["ready"], found["brandnew"]["version"]) == (False, "3.0")
    assert (found["brandnew"]["reason"], found["brandnew"]["fix"]) == ("BTF is missing", "boot another kernel")
    assert found["brandnew"]["capabilities"] == ["static binaries"]
    assert "io_uring" in found["brandnew"]["blind_to"]
    assert found[best]["ready"] and found[best]["active"]
    table = workspace.roar("tracer", env=variables).stdout
    assert f"default: auto, which chooses {best}" in table
    assert next(line.split()[:4] for line in table.splitlines() if line.startswith("*")) == [
        "*",
        best,
        found[best]["version"],
        "ready",
    ]
    assert "BTF is missing" in table and "boot another kernel" in table and "can't see: " in table


@pytest.mark.requirement("TRC-1", "PLUG-2")
@pytest.mark.parametrize(
    ("way", "told"), [("return 'the back door'", "the back door"), ("raise SystemError", None), ("return 3", None)]
)
def test_the_table_says_by_which_way_a_tracer_would_see(workspace: Any, env: Any, way: str, told: str | None) -> None:
    site, variables = env
    ways = f"{READY}\n    @classmethod\n    def way(cls):\n        {way}"
    site.install("tracer-new", tracer("brandnew", 900, ways), "roar.tracers")
    found = {one["name"]: one["way"] for one in tracers(workspace, variables)["tracers"]}
    assert found["brandnew"] == told and found["preload"] is None
    table = workspace.roar("tracer", env=variables)
    assert ("brandnew" in table.stderr) is (told is None)
    (line,) = [line.split("  ") for line in table.stdout.splitlines() if line.startswith("* brandnew")]
    assert line[-2] == (f"ready by {told}" if told else "ready")
    if found["ebpf"] is not None:  # is ready here
        assert found["ebpf"] in ("tier fentry", "tier base") and f"ready by {found['ebpf']}" in table.stdout
    assert found["ptrace"] == "seccomp user notification" and f"ready by {found['ptrace']}" in table.stdout


@pytest.mark.requirement("TRC-2")
def test_check_prints_a_line_a_condition_and_passes(workspace: Any) -> None:
    done = workspace.roar("tracer", "check", "preload")
    lines = done.stdout.splitlines()
    assert len(lines) >= 3 and all(line.startswith("ok ") for line in lines[:-1])
    assert lines[-1].startswith("Tracer preload ") and lines[-1].endswith(" is ready.")


@pytest.mark.requirement("TRC-2", "TRC-5")
def test_check_of_a_tracer_that_is_not_ready_fails_with_cause_and_remedy(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("tracer-new", tracer("brandnew", 900, UNREADY), "roar.tracers")
    done = workspace.roar("tracer", "check", "brandnew", env=variables, ok=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].split() == ["ok", "kernel", "5.4"]
    assert done.stdout.splitlines()[1].split(maxsplit=2) == ["FAIL", "BTF", "   BTF is missing".strip()]
    assert done.stderr == "Error: Tracer preflight failed for 'brandnew': BTF is missing\nboot another kernel\n"
    as_json = workspace.roar("tracer", "check", "brandnew", "--json", env=variables, ok=False)
    assert as_json.returncode == 1 and not json.loads(as_json.stdout)["tracer"]["ready"]


@pytest.mark.requirement("TRC-5")
@pytest.mark.parametrize("name", ["ebpf", "ptrace"])
@pytest.mark.parametrize("words", [("check",), ("use",), ("enable",), ("disable", "-y")])
def test_one_of_ours_that_is_not_installed_says_how_to_install_it(
    workspace: Any, name: str, words: tuple[str, ...]
) -> None:
    done = workspace.roar("tracer", *words, name, env={"ROAR_PLUGINS": "roar-tracer-preload"}, ok=False)
    assert done.returncode == 1
    assert (
        done.stderr == f"Error: Tracer preflight failed for '{name}': not installed\npip install roar-tracer-{name}\n"
    )


@pytest.mark.requirement("TRC-5", "SAFE-4")
@pytest.mark.parametrize("words", [("check",), ("use",), ("enable",), ("disable", "-y")])
def test_a_tracer_that_nobody_has_is_an_error_with_the_nearest(workspace: Any, words: tuple[str, ...]) -> None:
    done = workspace.roar("tracer", *words, "prelaod", ok=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == "Error: Unknown tracer 'prelaod'. Installed tracers: ebpf, preload, ptrace.\nDid you mean 'preload'?\n"
    )


@pytest.mark.requirement("TRC-5")
def test_a_run_with_a_tracer_that_is_not_ready_is_refused_and_not_started(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("tracer-new", tracer("brandnew", 900, UNREADY), "roar.tracers")
    done = workspace.roar("run", "--tracer", "brandnew", "touch", "made", env=variables, ok=False)
    assert done.returncode == 1 and not (workspace.root / "made").exists()
    assert done.stderr.startswith(
        "Error: Tracer preflight failed for 'brandnew': BTF is missing\nboot another kernel\n"
    )


@pytest.mark.requirement("TRC-7")
def test_a_fallback_of_auto_is_said_once_and_kept_with_the_job(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("tracer-new", tracer("brandnew", 900, UNREADY), "roar.tracers")
    site.install("tracer-weak", tracer("weak", 1, UNREADY), "roar.tracers")
    done = workspace.roar("run", "true", env=variables)
    assert done.stderr.count("brandnew is not ready (BTF is missing)") == 1
    assert "weak" not in done.stderr
    notes = workspace.job()["capture"]["notes"]
    assert sum("brandnew is not ready" in note for note in notes) == 1


@pytest.mark.requirement("TRC-7", "PLUG-2")
def test_a_tracer_whose_preflight_raises_is_not_ready_and_named(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("tracer-bad", tracer("bad", 900, "1 / 0"), "roar.tracers")
    site.install("tracer-odd", tracer("odd", 900, "5"), "roar.tracers")
    found = {one["name"]: one for one in tracers(workspace, variables)["tracers"]}
    assert found["bad"]["reason"] == "it raised ZeroDivisionError: division by zero"
    assert found["odd"]["reason"] == "it returned a int"
    assert workspace.roar("run", "true", env=variables).returncode == 0


@pytest.mark.requirement("TRC-4")
def test_use_sets_the_default_of_the_workspace_or_of_the_user(workspace: Any, tmp_path: Path) -> None:
    workspace.roar("tracer", "use", "preload")
    assert 'default = "preload"' in (workspace.root / ".roar/config.toml").read_text()
    assert tracers(workspace, {})["default"] == "preload"
    workspace.roar("tracer", "use", "auto")
    assert tracers(workspace, {})["default"] == "auto"
    workspace.roar("tracer", "use", "preload", "--global", cwd=tmp_path)
    assert tracers(workspace, {})["default"] == "auto"
    outside = json.loads(workspace.roar("tracer", "--json", cwd=tmp_path).stdout)
    assert (outside["default"], outside["active"]) == ("preload", "preload")


@pytest.mark.requirement("TRC-4", "INIT-3")
def test_use_without_global_needs_a_workspace(workspace: Any, tmp_path: Path) -> None:
    done = workspace.roar("tracer", "use", "preload", cwd=tmp_path, ok=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: roar is not initialized in this directory.\n") and "roar init" in done.stderr


@pytest.mark.requirement("TRC-4")
def test_use_of_a_tracer_that_is_not_ready_warns(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("tracer-new", tracer("brandnew", 900, UNREADY), "roar.tracers")
    done = workspace.roar("tracer", "use", "brandnew", env=variables)
    assert "Warning: Tracer preflight failed for 'brandnew': BTF is missing" in done.stderr
    answer = tracers(workspace, variables)
    assert (answer["default"], answer["active"]) == ("brandnew", None)
    assert "which is not ready" in workspace.roar("tracer", env=variables).stdout


@pytest.mark.requirement("TRC-3")
def test_enable_may_be_repeated(workspace: Any) -> None:
    for _ in range(2):
        assert workspace.roar("tracer", "enable", "preload").stdout.splitlines()[-1].endswith(" is ready.")


@pytest.mark.requirement("TRC-3")
def test_enable_asks_before_what_needs_privilege(workspace: Any, env: Any) -> None:
    site, variables = env
    asks = f"return {READY} if confirm('May I?') else {UNREADY}"
    site.install("tracer-new", tracer("brandnew", 900, READY, asks), "roar.tracers")
    refused = workspace.roar("tracer", "enable", "brandnew", env=variables, ok=False)
    assert refused.returncode == 1
    assert refused.stderr == "Error: there is no terminal to ask on: May I?\nRun: roar tracer enable brandnew -y\n"
    assert "is ready." in workspace.roar("tracer", "enable", "brandnew", "-y", env=variables).stdout


@pytest.mark.requirement("TRC-3", "SAFE-4")
def test_disable_asks_and_a_failing_tracer_gets_the_blame(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("tracer-new", tracer("brandnew", 900, READY, "1 / 0"), "roar.tracers")
    refused = workspace.roar("tracer", "disable", "brandnew", env=variables, ok=False)
    assert refused.returncode == 1 and refused.stderr.endswith("Run: roar tracer disable brandnew -y\n")
    assert "is disabled" in workspace.roar("tracer", "disable", "brandnew", "-y", env=variables).stdout
    failed = workspace.roar("tracer", "enable", "brandnew", env=variables, ok=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: tracer 'brandnew' failed: ZeroDivisionError: division by zero\n")


@pytest.mark.requirement("TRC-7")
def test_an_observer_may_choose_among_the_ready_tracers(workspace: Any, env: Any) -> None:
    site, variables = env
    site.install("tracer-new", tracer("brandnew", 900, READY), "roar.tracers")
    site.install("chooser", "@hookimpl\ndef roar_select_tracer(ready):\n    return ready[-1]\n", "roar.observers")
    workspace.roar("run", "true", env=variables)
    assert workspace.job()["tracer"] == "ptrace"


@pytest.mark.requirement("PLUG-1")
def test_observers_see_a_run_from_before_its_start_to_its_record(workspace: Any, env: Any, tmp_path: Path) -> None:
    site, variables = env
    log = tmp_path / "log"
    source = f"""
def say(*words):
    with open({str(log)!r}, "a") as file:
        print(*words, file=file)
@hookimpl
def roar_before_run(plan): say("before", plan.redacted)
@hookimpl
def roar_run_started(plan, pid): say("started", pid > 0)
@hookimpl
def roar_run_recorded(job, recorded): say("recorded", recorded.step, len(job.outputs))
@hookimpl
def roar_keep(path, direction): return False if path.endswith(b"secret.txt") else None
@hookimpl
def roar_redact(field, value): return value.replace("hush", "***") if field == "command" else None
"""
    site.install("watcher", source, "roar.observers")
    workspace.roar("run", "sh", "-c", "echo hush > out.txt; echo 1 > secret.txt", env=variables)
    assert log.read_text().splitlines() == [
        "before ('sh', '-c', 'echo *** > out.txt; echo 1 > secret.txt')",
        "started True",
        "recorded 1 1",
    ]
    job = workspace.job()
    assert job["command"][-1] == "echo *** > out.txt; echo 1 > secret.txt"
    assert workspace.names(job["outputs"]) == {"out.txt"}


@pytest.mark.requirement("PLUG-1")
def test_an_observer_may_veto_a_run(workspace: Any, env: Any) -> None:
    site, variables = env
    source = "from roar.api import Refused\n@hookimpl\ndef roar_before_run(plan):\n    raise Refused('not on Fridays.', fix='Wait.')\n"
    site.install("veto", source, "roar.observers")
    done = workspace.roar("run", "touch", "made", env=variables, ok=False)
    assert (done.returncode, done.stderr) == (1, "Error: not on Fridays.\nWait.\n")
    assert not (workspace.root / "made").exists()
    assert json.loads(workspace.roar("log", "--json").stdout)["jobs"] == []


@pytest.mark.requirement("PLUG-2", "RUN-3")
def test_observers_that_raise_change_nothing_of_the_run(workspace: Any, env: Any) -> None:
    site, variables = env
    hooks = {
        "roar_before_run": "plan",
        "roar_run_started": "plan, pid",
        "roar_run_recorded": "job, recorded",
        "roar_keep": "path",
        "roar_redact": "value",
        "roar_select_tracer": "ready",
    }
    source = "".join(
        f"@hookimpl\ndef {name}({arguments}): raise ValueError('x')\n" for name, arguments in hooks.items()
    )
    site.install("bad-watcher", source, "roar.observers")
    done = workspace.roar("run", "sh", "-c", "echo 1 > out; exit 5", env=variables, ok=False)
    assert done.returncode == 5
    for name in hooks:
        assert done.stderr.count(f"{name} raised ValueError: x") == 1
    assert workspace.names(workspace.job()["outputs"]) == {"out"}


@pytest.mark.requirement("PLUG-1")
def test_a_plugin_s_storage_keeps_the_record_when_its_scheme_is_configured(
    workspace: Any, env: Any, tmp_path: Path
) -> None:
    site, variables = env
    source = """
from roar.store.sqlite import SqliteStorage
class Elsewhere(SqliteStorage):
    scheme = "elsewhere"
    @classmethod
    def open(cls, url, read_only=False):
        return super().open(url.replace("elsewhere:", "sqlite:", 1), read_only)
@hookimpl
def roar_storages():
    return {"elsewhere": Elsewhere, "sqlite": Elsewhere}
"""
    site.install("store-elsewhere", source, "roar.storages")
    workspace.roar("config", "set", "storage.url", f"elsewhere://{tmp_path}/far.db", env=variables)
    workspace.roar("run", "sh", "-c", "echo 1 > out", env=variables)
    assert (tmp_path / "far.db").exists()
    assert json.loads(workspace.roar("show", "@1", "--json", env=variables).stdout)["job"]["outputs"]
    without = workspace.roar("show", "@1", ok=False)
    assert without.returncode == 1
    assert without.stderr.startswith("Error: no storage for 'elsewhere:' is installed (storage.url)\n")


@pytest.mark.requirement("PLUG-2", "SAFE-4")
def test_a_storage_that_fails_gets_the_blame(workspace: Any, env: Any, tmp_path: Path) -> None:
    site, variables = env
    source = """
from roar.store.sqlite import SqliteStorage
class Broken(SqliteStorage):
    @classmethod
    def open(cls, url, read_only=False):
        raise ValueError("no\\nluck")
@hookimpl
def roar_storages():
    return {"broken": Broken}
"""
    site.install("store-broken", source, "roar.storages")
    workspace.roar("config", "set", "storage.url", "broken://x", env=variables)
    done = workspace.roar("log", env=variables, ok=False)
    assert done.returncode == 1
    assert (
        done.stderr == "Error: plugin store-broken failed to open storage.url: ValueError: no luck\nSee: roar plugins\n"
    )
