"""Plugins are loaded when their kind is asked for, and none of them can break roar or hide behind another."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence

import pluggy
import pytest

from roar.api import ROAR_API, ConfigError, hookimpl
from roar.api import hookspecs as specifications
from roar.plugins import PluginInfo, Plugins, loading
from roar.plugins.contract import CONFIG_HOOK, HOOKS, KINDS, OBSERVER_HOOKS, REGISTRATION
from roar.plugins.entry_points import EntryPoint, installed
from roar.plugins.listing_cache import ListingCache

from .conftest import Site

HASHER = """
from roar.api import Hasher
import hashlib
class Mine(Hasher):
    name, digest_bytes, rank = {name!r}, 16, 0
    new = classmethod(lambda cls: hashlib.md5())
@hookimpl
def roar_hashers():
    return [Mine]
"""
FILTER = """
from roar.api import Filter
class Mine(Filter):
    name, config_key, reason = {name!r}, {key!r}, "a reason"
    def prepare(self, context):
        return lambda path, direction: False
@hookimpl
def roar_filters():
    return [Mine()]
"""


def info_of(plugins: Plugins, distribution: str) -> PluginInfo:
    (found,) = [info for info in plugins.listing() if info.distribution == distribution]
    return found


# ---- the contract


def test_the_marker_marks_as_pluggy_s_does() -> None:
    theirs = pluggy.HookimplMarker("roar")

    def one() -> None: ...
    def two() -> None: ...

    assert hookimpl(one).__dict__ == theirs(two).__dict__
    options = {"wrapper": True, "tryfirst": True, "trylast": False, "optionalhook": True, "specname": "roar_keep"}
    assert hookimpl(**options)(one).__dict__ == theirs(**options)(two).__dict__  # type: ignore[call-overload]


def test_the_table_of_hooks_is_the_specification() -> None:
    manager = pluggy.PluginManager("roar")
    manager.add_hookspecs(specifications)
    specified = {name for name in dir(specifications) if name.startswith("roar_")}
    assert specified == HOOKS
    assert set(REGISTRATION.values()) | {CONFIG_HOOK} | set(OBSERVER_HOOKS) == HOOKS
    first = {name for name in specified if getattr(manager.hook, name).spec.opts["firstresult"]}
    assert first == {"roar_select_tracer", "roar_keep"}


@pytest.mark.requirement("PLUG-1")
def test_roar_s_own_plugins_register_through_the_same_hooks() -> None:
    plugins = Plugins()
    own = {info.module: info for info in plugins.listing() if info.distribution == "roar-core"}
    assert set(own) == {"roar.filters", "roar.hashers", "roar.store"}
    assert {info.state for info in own.values()} == {"ok"}
    assert list(plugins.hashers()) == ["blake3", "sha256", "sha512"]
    assert [one.order for one in plugins.filters()] == sorted(one.order for one in plugins.filters())


@pytest.mark.requirement("PLUG-1")
def test_without_any_metadata_the_core_has_its_own_plugins() -> None:
    plugins = Plugins([])
    assert "blake3" in plugins.hashers()
    assert plugins.filters()
    assert plugins.tracers() == {}
    assert plugins.observers is None
    assert plugins.problems == []


# ---- loading


@pytest.mark.requirement("PLUG-5")
def test_asking_for_a_kind_imports_no_other(site: Site) -> None:
    tracer = site.install("a-tracer", "raise RuntimeError", "roar.tracers")
    hasher = site.install("a-hasher", HASHER.format(name="mine"), "roar.hashers")
    plugins = site.plugins()
    assert "mine" in plugins.hashers()
    assert hasher in sys.modules and tracer not in sys.modules
    assert plugins.problems == []


@pytest.mark.requirement("PLUG-5")
def test_asking_for_hashers_and_filters_imports_no_pluggy() -> None:
    code = (
        "import sys; from roar.plugins import Plugins; p = Plugins(); p.hashers(); p.filters(); p.tracers(); p.observers;"
        "print(sorted({'pluggy', 'inspect', 'importlib.metadata', 'json', 'dataclasses'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=_path(), check=False)
    assert done.stdout == "[]\n", done.stderr


def _path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(filter(None, sys.path)), "HOME": "/proc/nonexistent"}


@pytest.mark.requirement("PLUG-2", "PLUG-3")
def test_a_working_plugin_is_listed_with_what_it_is(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_SLOW_MS", math.inf)  # on a busy machine importing it may be slow
    module = site.install("My_Hasher", HASHER.format(name="mine"), "roar.hashers", "roar.observers", version="2.1")
    found = info_of(site.plugins(), "My_Hasher")
    assert found._replace(load_ms=0) == PluginInfo(
        "My_Hasher", "2.1", module, ("hasher", "observer"), 1, "ok", None, 0.0
    )
    assert found.load_ms is not None


@pytest.mark.requirement("PLUG-2")
@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_module_x", "ModuleNotFoundError: No module named 'no_such_module_x'"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError"),
        ("", "does not implement roar_hashers"),
        ("@hookimpl\ndef roar_hasher(): return []", "roar_hasher is not a hook of roar (did you mean roar_hashers?)"),
        ("@hookimpl\ndef roar_hashers(): 1 / 0", "roar_hashers raised ZeroDivisionError: division by zero"),
        ("@hookimpl\ndef roar_hashers(x): return []", "roar_hashers raised TypeError"),
        ("@hookimpl\ndef roar_hashers(): raise SystemExit", "roar_hashers raised SystemExit"),
        ("@hookimpl\ndef roar_hashers(): return 5", "roar_hashers returned a int, not a list"),
        ("@hookimpl\ndef roar_hashers(): return 'text'", "roar_hashers returned a str, not a list"),
        ("@hookimpl\ndef roar_hashers(): return [int]", "roar_hashers returned int, not a Hasher class"),
        ("@hookimpl(wrapper=True)\ndef roar_hashers(): return (yield)", "can't be a wrapper"),
        (HASHER.format(name=""), "whose name is not"),
        (HASHER.format(name="x").replace("16", "'16'"), "whose digest_bytes is not of type int"),
        (HASHER.format(name="x").replace("    new", "    old"), "which lacks new"),
    ],
)
def test_a_broken_plugin_is_named_and_the_others_work(site: Site, source: str, reason: str) -> None:
    site.install("broken-one", source, "roar.hashers")
    site.install("working-one", HASHER.format(name="mine"), "roar.hashers")
    plugins = site.plugins()
    assert list(plugins.hashers()) == ["blake3", "sha256", "sha512", "mine"]
    assert len(plugins.problems) >= 1
    assert {owner for owner, _ in plugins.problems} == {"broken-one"}
    found = info_of(plugins, "broken-one")
    assert found.state == "broken" and reason in (found.reason or "")
    assert info_of(plugins, "working-one").state == "ok"


@pytest.mark.requirement("PLUG-2")
@pytest.mark.parametrize(
    ("api", "reason"),
    [
        (None, f"does not say which API it was written for (roar_api = {ROAR_API})"),
        ("'1'", "does not say which API"),
        ("True", "does not say which API"),
        ("2", "written for roar_api 2; this roar has 1"),
        ("0", "written for roar_api 0; this roar has 1"),
    ],
)
def test_a_plugin_for_another_api_is_not_called(site: Site, api: str | None, reason: str) -> None:
    site.install("other-api", HASHER.format(name="mine"), "roar.hashers", api=api)
    plugins = site.plugins()
    assert "mine" not in plugins.hashers()
    found = info_of(plugins, "other-api")
    assert found.state == "incompatible" and reason in (found.reason or "")


@pytest.mark.requirement("PLUG-2")
def test_a_name_belongs_to_roar_s_own_and_then_to_the_first_by_distribution(site: Site) -> None:
    site.install("aaa", HASHER.format(name="sha256"), "roar.hashers")
    site.install("zzz", HASHER.format(name="mine"), "roar.hashers")
    first = site.install("bbb", HASHER.format(name="mine"), "roar.hashers")
    plugins = site.plugins()
    hashers = plugins.hashers()
    assert hashers["sha256"].__module__ == "roar.hashers"
    assert hashers["mine"].__module__ == first
    for name, reason in (
        ("aaa", "'sha256' is already registered by roar-core"),
        ("zzz", "'mine' is already registered by bbb"),
    ):
        found = info_of(plugins, name)
        assert found.state == "duplicate" and reason in (found.reason or "")
    assert info_of(plugins, "bbb").state == "ok"


@pytest.mark.requirement("PLUG-3")
def test_a_slow_import_is_noted(site: Site) -> None:
    site.install("slow-one", "import time; time.sleep(0.25)\n" + HASHER.format(name="mine"), "roar.hashers")
    plugins = site.plugins()
    found = info_of(plugins, "slow-one")
    assert found.state == "ok" and "slow: importing it took" in (found.reason or "")
    assert plugins.problems == []


def test_only_the_named_distributions_are_loaded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    one = site.install("one", HASHER.format(name="first"), "roar.hashers")
    site.install("two", HASHER.format(name="second"), "roar.hashers")
    monkeypatch.setenv("ROAR_PLUGINS", "Two, other")
    plugins = site.plugins()
    assert {"second", "blake3"} <= set(plugins.hashers())
    assert "first" not in plugins.hashers() and one not in sys.modules
    found = info_of(plugins, "one")
    assert (found.state, found.reason) == ("not loaded", "not named in ROAR_PLUGINS")
    monkeypatch.setenv("ROAR_PLUGINS", "")
    assert list(site.plugins().hashers()) == ["blake3", "sha256", "sha512"]


def test_an_entry_point_may_name_an_object(site: Site) -> None:
    module = site.install("object-one", "class Space:\n    roar_hashers = hookimpl(lambda: [])\n")
    for value, state in ((f"{module}:Space", "ok"), (f"{module}:Nothing", "broken")):
        plugins = Plugins([EntryPoint("object-one", "1", "roar.hashers", "x", value)])
        assert info_of(plugins, "object-one").state == state


def test_every_call_of_a_hook_can_be_traced(
    site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    site.install("traced-one", HASHER.format(name="mine"), "roar.hashers")
    site.plugins().hashers()
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("ROAR_TRACE_HOOKS", "1")
    site.plugins().hashers()
    (line,) = [line for line in capfd.readouterr().err.splitlines() if "traced-one" in line]
    assert line.startswith("roar: hook roar_hashers() of traced-one: [<class ") and line.endswith(" ms")


# ---- what is registered


@pytest.mark.requirement("FILTER-4", "PLUG-3")
def test_a_filter_s_switch_and_a_plugin_s_keys_are_configuration_keys(site: Site) -> None:
    key = "@hookimpl\ndef roar_config_keys():\n    from roar.api import ConfigKey\n    return [ConfigKey('mine.size', int, 3, 'A size.')]\n"
    site.install("with-filter", FILTER.format(name="my noise", key="mine.ignore") + key, "roar.filters")
    site.install("with-hasher", HASHER.format(name="mine") + key.replace("size", "other"), "roar.hashers")
    keys = {one.name: one for one in site.plugins().config_keys()}
    assert keys["mine.ignore"][1:4] == (bool, True, "Leave out my noise: a reason.")
    assert (keys["mine.size"].default, keys["mine.other"].default) == (3, 3)
    assert {"filters.ignore_tmp_files", "filters.include", "filters.exclude"} <= set(keys)


@pytest.mark.requirement("PLUG-2")
@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("('a.b', int, 1, 'x')", "a tuple, not a ConfigKey"),
        ("ConfigKey('a.b', dict, {}, 'x')", "whose type is not bool, int, float, str or list"),
        ("ConfigKey('a.b', int, 'one', 'x')", "whose default is not of its type, int"),
    ],
)
def test_a_broken_configuration_key_is_named(site: Site, key: str, reason: str) -> None:
    source = f"@hookimpl\ndef roar_config_keys():\n    from roar.api import ConfigKey\n    return [{key}]\n"
    site.install("bad-key", HASHER.format(name="mine") + source, "roar.hashers")
    plugins = site.plugins()
    assert "a.b" not in {one.name for one in plugins.config_keys()}
    assert reason in (info_of(plugins, "bad-key").reason or "")


@pytest.mark.requirement("PLUG-5")
def test_the_keys_of_filters_are_found_without_importing_the_rest(site: Site) -> None:
    hasher = site.install("a-hasher", HASHER.format(name="mine"), "roar.hashers")
    assert "filters.include" in {key.name for key in site.plugins().config_keys("filters")}
    assert hasher not in sys.modules


def test_commands_are_listed_and_not_imported(site: Site) -> None:
    answer = "{'hello': 'my_commands_that_do_not_exist:hello', 'bad': 'no-colon', '': 'a:b'}"
    site.install("with-command", f"@hookimpl\ndef roar_commands():\n    return {answer}\n", "roar.commands")
    plugins = site.plugins()
    assert plugins.commands() == {"hello": "my_commands_that_do_not_exist:hello"}
    assert 'not "module:object"' in (info_of(plugins, "with-command").reason or "")


def test_a_storage_is_opened_by_the_scheme_of_its_url(site: Site) -> None:
    with pytest.raises(ConfigError, match="no storage for 'sqlit:' is installed") as caught:
        site.plugins().open_storage("sqlit:///x")
    assert caught.value.fix == "Did you mean sqlite:// ?"


def test_a_hasher_whose_library_is_missing_is_left_out(site: Site) -> None:
    missing = HASHER.format(name="gone") + "Mine.available = classmethod(lambda cls: False)\n"
    raising = HASHER.format(name="raising") + "Mine.available = classmethod(lambda cls: 1 / 0)\n"
    site.install("missing", missing, "roar.hashers")
    site.install("raising", raising, "roar.hashers")
    plugins = site.plugins()
    assert not {"gone", "raising"} & set(plugins.hashers())
    assert [owner for owner, _ in plugins.problems] == ["raising"]


def test_a_problem_is_told_once(site: Site) -> None:
    site.install("broken-one", "import no_such_module_y", "roar.hashers", "roar.filters")
    plugins = site.plugins()
    plugins.hashers()
    plugins.filters()
    plugins.listing()
    assert len(plugins.problems) == 1


def test_an_installed_plugin_costs_nothing_until_it_is_used(site: Site, tmp_path: object) -> None:
    module = site.install("unused", "import no_such_module_z", "roar.tracers")
    found: Sequence[EntryPoint] = installed([str(site.path)], ListingCache(None))
    assert [point.value for point in found] == [module]
    assert module not in sys.modules


def test_the_kinds_have_each_a_group_and_a_hook_of_their_own() -> None:
    assert len({kind.group for kind in KINDS}) == len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.group == f"roar.{kind.name}s" for kind in KINDS)
