"""Sifting a job's files: order, switches, the user's patterns, observers, and what is told about it."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roar.api import Filter, FilterContext
from roar.filters import roar_config_keys, roar_filters
from roar.filters.apply import EXCLUDE, KEEP_HOOK, Sifted, key_of, sieve
from roar.filters.globs import compiled
from roar.filters.trackers import runs

ROOT = b"/tmp/work/repo"
FILTERS = list(roar_filters())
DEFAULTS: dict[str, Any] = {key.name: key.default for key in roar_config_keys()} | {
    one.config_key: one.default for one in FILTERS
}


def context(root: bytes = ROOT, executables: tuple[bytes, ...] = (), **settings: Any) -> FilterContext:
    values = DEFAULTS | {f"filters.{name}": value for name, value in settings.items()}
    return FilterContext(root, root + b"/.roar", values.__getitem__, executables)


def sift(*paths: str, direction: Any = "input", root: bytes = ROOT, **settings: Any) -> Sifted:
    return sieve([(path.encode(), direction) for path in paths], FILTERS, context(root, **settings))


def filter_of(path: str, **options: Any) -> str | None:
    return next(iter(sift(path, **options).dropped), None)


# ---- the built-in filters together


@pytest.mark.requirement("FILTER-1", "FILTER-3")
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/tmp/work/repo/data/train.csv", None),
        ("/tmp/work/repo/tmp/x", None),
        ("/tmp/work/repo/lib/libours.so", None),
        ("/tmp/work/repo/bin/tool", None),
        ("/tmp/work/repo/.env", None),
        ("/data/train.csv", None),
        ("/home/someone/datasets/x.npy", None),
        ("/mnt/x/model.bin", None),
        ("/tmp/work/repo/.git/index", "roar and git internals"),
        ("/tmp/work/repo/.roar/roar.db", "roar and git internals"),
        ("/tmp/work/repo/sub/.git", "roar and git internals"),
        ("/tmp/other/x", "temp files"),
        ("/tmp/work/repository/x", "temp files"),
        ("/dev/null", "devices and kernel files"),
        ("/dev/shm/x", "temp files"),
        ("/proc/1/stat", "devices and kernel files"),
        ("socket:[12]", "devices and kernel files"),
        ("/tmp/work/repo/__pycache__/a.cpython-311.pyc", "bytecode"),
        ("/tmp/work/repo/.venv/lib/python3.11/site-packages/a.py", "package files"),
        ("/tmp/work/repo/.venv/bin/python", "package files"),
        ("/usr/lib/python3/dist-packages/a.py", "package files"),
        ("/usr/lib/python3.11/os.py", "system files"),
        ("/etc/localtime", "system files"),
        ("/usr/share/zoneinfo/UTC", "system files"),
        ("/home/someone/.config/matplotlib/matplotlibrc", "system files"),
        ("/home/someone/.cache/huggingface/hub/x", "model caches"),
        ("/tmp/torchinductor_me/x", "model caches"),
        ("/tmp/work/repo/wandb/run-1/x", "experiment trackers"),
        ("/tmp/work/repo/runs/events.out.tfevents.1", "experiment trackers"),
    ],
)
def test_each_file_is_dropped_by_the_filter_it_belongs_to(path: str, name: str | None) -> None:
    assert filter_of(path) == name
    assert filter_of(path, direction="output") == name


@pytest.mark.requirement("FILTER-1")
@pytest.mark.parametrize(
    ("path", "switch"),
    [
        ("/tmp/other/x", "ignore_tmp_files"),
        ("/usr/lib/python3/dist-packages/a.py", "ignore_package_reads"),
        ("/usr/lib/python3.11/os.py", "ignore_system_reads"),
        ("/home/someone/.cache/huggingface/hub/x", "ignore_torch_cache"),
        ("/tmp/work/repo/wandb/run-1/x", "ignore_experiment_trackers"),
        ("/tmp/work/repo/.git/index", "ignore_roar_git"),
        ("/tmp/work/repo/__pycache__/a.cpython-311.pyc", "ignore_bytecode"),
        ("/dev/null", "ignore_system_files"),
    ],
)
def test_switching_a_filter_off_brings_its_files_back(path: str, switch: str) -> None:
    assert filter_of(path) is not None
    assert filter_of(path, **{switch: False}) is None


@pytest.mark.requirement("FILTER-1")
@pytest.mark.parametrize(
    "root", [b"/tmp/repo", b"/home/x/.config/repo", b"/usr/src/repo", b"/data/wandb/repo", b"/opt/venv/lib/repo"]
)
def test_a_workspace_anywhere_is_a_workspace(root: bytes) -> None:
    inside = (root + b"/data.csv").decode()
    assert filter_of(inside, root=root) is None
    assert filter_of((root + b"/.git/HEAD").decode(), root=root) == "roar and git internals"


@pytest.mark.requirement("FILTER-1", "NORM-4")
def test_programs_outside_the_repository_belong_to_the_environment_and_inside_they_are_inputs() -> None:
    programs = (b"/srv/tools/convert", ROOT + b"/bin/tool")
    files = [(program, "input") for program in programs] + [(b"/srv/tools/convert", "output")]
    sifted = sieve(files, FILTERS, context(executables=programs))  # type: ignore[arg-type]
    assert sifted.kept == [(ROOT + b"/bin/tool", "input"), (b"/srv/tools/convert", "output")]


@pytest.mark.requirement("FILTER-1")
def test_the_installation_of_an_interpreter_that_ran_belongs_to_the_environment() -> None:
    where = context(executables=(b"/data/envs/ml/bin/python3.11",))
    files: list[Any] = [(b"/data/envs/ml/lib/libx.bin", "input"), (b"/data/envs/ml/data.csv", "input")]
    assert sieve(files, FILTERS, where).kept == files[1:]


@pytest.mark.requirement("FILTER-1")
def test_temporary_directories_of_the_environment_count_but_never_one_that_holds_the_workspace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TMPDIR", "/scratch/job")
    assert filter_of("/scratch/job/x") == "temp files"
    assert filter_of("/scratch/other/x") is None
    assert filter_of("/scratch/job/x", root=b"/scratch/job/repo") is None


@pytest.mark.requirement("FILTER-3")
def test_a_cache_that_a_variable_moves_is_still_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "/scratch/hf")
    assert filter_of("/scratch/hf/hub/x") == "model caches"
    monkeypatch.setenv("HF_HOME", ROOT.decode())
    assert filter_of("/tmp/work/repo/x") is None


@pytest.mark.requirement("FILTER-1")
def test_an_environment_of_any_name_inside_the_repository_is_recognised(tmp_path: Any) -> None:
    root = str(tmp_path).encode()
    (tmp_path / "myenv" / "bin").mkdir(parents=True)
    (tmp_path / "myenv" / "pyvenv.cfg").write_text("")
    (tmp_path / "ours" / "bin").mkdir(parents=True)
    assert filter_of(f"{tmp_path}/myenv/bin/pytest", root=root) == "package files"
    assert filter_of(f"{tmp_path}/ours/bin/tool", root=root) is None


@pytest.mark.requirement("FILTER-3")
def test_the_trackers_runs_are_told_from_the_names_of_their_files() -> None:
    run = b"0123456789abcdef" * 2
    paths = [
        b"/w/wandb/run-20260101_120000-3fk2a9x1/files/x",
        b"/w/wandb/run-20260101_120000-3fk2a9x1/files/y",
        b"/w/mlruns/7/" + run + b"/metrics/loss",
        b"/w/mlruns/7/meta.yaml",
        b"/w/wandb/debug.log",
    ]
    assert runs(paths) == ("wandb:3fk2a9x1", f"mlflow:7/{run.decode()}")


# ---- the sieve


class Named(Filter):
    config_key = "filters.ignore_tmp_files"
    reason = "a test"

    def __init__(self, name: str, rule: Callable[[bytes], bool]) -> None:
        self.name = name  # type: ignore[misc]
        self.rule = rule

    def prepare(self, context: FilterContext) -> Any:
        return lambda path, direction: self.rule(path)


@pytest.mark.requirement("FILTER-2")
@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c", b"d"]), st.sampled_from(["input", "output"])), unique=True)
)
def test_every_file_is_kept_or_dropped_once_in_order(files: list[Any]) -> None:
    filters = [Named("first", lambda path: path in b"ab"), Named("second", lambda path: path in b"bc")]
    sifted = sieve(files, filters, context())
    assert sifted.kept == [file for file in files if file[0] == b"d"]
    assert sifted.dropped.get("first", []) == [file for file in files if file[0] in b"ab"]
    assert sifted.dropped.get("second", []) == [file for file in files if file[0] == b"c"]
    assert len(sifted.kept) + sum(map(len, sifted.dropped.values())) == len(files)


@pytest.mark.requirement("FILTER-4")
def test_include_wins_over_every_filter_and_over_exclude() -> None:
    sifted = sift("/tmp/keep/x", "/tmp/other/x", include=["/tmp/keep/**"], exclude=["/tmp/keep/x"])
    assert sifted.kept == [(b"/tmp/keep/x", "input")]
    assert sifted.dropped == {"temp files": [(b"/tmp/other/x", "input")]}


@pytest.mark.requirement("FILTER-4")
def test_exclude_drops_what_the_filters_keep() -> None:
    sifted = sift("/tmp/work/repo/a.log", "/tmp/work/repo/a.csv", exclude=["*.log"])
    assert sifted.kept == [(b"/tmp/work/repo/a.csv", "input")]
    assert sifted.dropped == {EXCLUDE: [(b"/tmp/work/repo/a.log", "input")]}


@pytest.mark.requirement("FILTER-4")
def test_an_observer_s_opinion_wins_over_all() -> None:
    opinions = {b"/tmp/x": True, ROOT + b"/a": False}
    files: list[Any] = [(b"/tmp/x", "input"), (b"/tmp/y", "input"), (ROOT + b"/a", "output"), (ROOT + b"/b", "output")]
    sifted = sieve(files, FILTERS, context(), lambda path, direction: opinions.get(path))
    assert sifted.kept == [files[0], files[3]]
    assert sifted.dropped == {"temp files": [files[1]], KEEP_HOOK: [files[2]]}


@pytest.mark.requirement("FILTER-2")
def test_it_is_told_when_no_output_is_left_and_which_filters_took_them() -> None:
    files: list[Any] = [
        (b"/tmp/x", "output"),
        (b"/tmp/y", "output"),
        (ROOT + b"/.git/x", "output"),
        (ROOT + b"/in", "input"),
    ]
    sifted = sieve(files, FILTERS, context())
    assert sifted.took_every_output == ("temp files", "roar and git internals")
    assert sifted.notes[0] == (
        "No output is left: the filter 'temp files' removed 2 outputs; to record them: "
        "roar config set filters.ignore_tmp_files false"
    )
    assert sieve([*files, (ROOT + b"/out", "output")], FILTERS, context()).notes == ()
    assert sieve([(ROOT + b"/in", "input")], FILTERS, context()).notes == ()


@pytest.mark.requirement("PLUG-2", "FILTER-4")
@pytest.mark.parametrize("where", ["prepare", "matcher"])
def test_a_filter_that_raises_is_blamed_and_left_out(where: str) -> None:
    bad = Named("bad", lambda path: 1 // 0 == 0)
    if where == "prepare":
        bad.prepare = lambda context: 1 // 0  # type: ignore[method-assign]
    blamed: list[tuple[object, str]] = []
    files: list[Any] = [(b"/tmp/x", "input"), (ROOT + b"/a", "input")]
    sifted = sieve(files, [bad, *FILTERS], context(), blame=lambda thing, reason: blamed.append((thing, reason)))
    assert sifted.kept == files[1:]
    assert blamed == [
        (bad, "filter 'bad' raised ZeroDivisionError: integer division or modulo by zero; it was left out")
    ]


@pytest.mark.requirement("SHOW-2")
def test_the_key_of_a_count_is_known() -> None:
    assert key_of("temp files", FILTERS) == "filters.ignore_tmp_files"
    assert key_of(EXCLUDE, FILTERS) == EXCLUDE
    assert key_of("nothing", FILTERS) is None


@pytest.mark.requirement("PERF-3")
def test_a_hundred_thousand_files_are_sifted_in_a_fraction_of_a_second() -> None:
    files: list[Any] = [
        (b"%b/data/class_%d/%d.npy" % (ROOT, number % 100, number), "input") for number in range(100_000)
    ]

    def timed_s() -> float:
        started = time.process_time()
        assert len(sieve(files, FILTERS, context()).kept) == len(files)
        return time.process_time() - started

    assert min(timed_s() for _ in range(3)) < 1.0


# ---- patterns


@pytest.mark.requirement("FILTER-4")
@pytest.mark.parametrize(
    ("pattern", "fits", "not_fits"),
    [
        ("*.log", ["/r/a.log", "/r/d/a.log", "/elsewhere/a.log"], ["/r/a.log2", "/r/a"]),
        ("data", ["/r/data", "/r/data/x", "/r/d/data/e/x"], ["/r/database", "/r/mydata"]),
        ("data/", ["/r/data/x"], ["/r/other/x"]),
        ("data/*.csv", ["/r/data/a.csv"], ["/r/data/d/a.csv", "/r/d/data/a.csv", "/x/data/a.csv"]),
        ("./data/*.csv", ["/r/data/a.csv"], ["/r/a.csv"]),
        ("data/**", ["/r/data/a", "/r/data/b/c"], ["/r/other"]),
        ("**/cache", ["/r/cache", "/r/a/b/cache", "/r/cache/x"], ["/x/cache", "/r/mycache"]),
        ("a/**/b", ["/r/a/b", "/r/a/x/y/b"], ["/r/a/xb"]),
        ("/data/**", ["/data/x", "/data/d/x"], ["/r/data/x", "/data2/x"]),
        ("/data", ["/data", "/data/x"], ["/r/data"]),
        ("f?le", ["/r/file", "/r/fule"], ["/r/fle", "/r/f/le"]),
        ("f[iu]le", ["/r/file", "/r/fule"], ["/r/fale"]),
        ("f[!iu]le", ["/r/fale"], ["/r/file", "/r/f/le"]),
        ("f[ile", ["/r/f[ile"], ["/r/file"]),
        ("f[a-c-]le", ["/r/fble", "/r/f-le"], ["/r/fdle"]),
        ("f[c-a]le", [], ["/r/fble", "/r/f-le"]),
        ("f[!c-a]le", ["/r/fble"], ["/r/f/le"]),
        ("f[]x]le", ["/r/f]le", "/r/fxle"], ["/r/fale"]),
        ("f[!]x]le", ["/r/fale"], ["/r/f]le", "/r/fxle"]),
        ("[!]", ["/r/[!]"], ["/r/a"]),
        ("f[\\d-]le", ["/r/fdle", "/r/f\\le", "/r/f-le"], ["/r/f1le"]),
        ("f[.-0]le", ["/r/f.le", "/r/f0le"], ["/r/f/le"]),
        ("a+b(c).txt", ["/r/a+b(c).txt"], ["/r/aab.txt"]),
        ("new\nline", ["/r/new\nline", "/r/new\nline/x"], ["/r/new"]),
        ("\udcff*", ["/r/\udcffx"], ["/r/x"]),
    ],
)
def test_patterns_fit_as_in_gitignore(pattern: str, fits: list[str], not_fits: list[str]) -> None:
    found = compiled([pattern], b"/r")
    assert found is not None
    assert [path for path in fits if not found(path.encode(errors="surrogateescape"))] == []
    assert [path for path in not_fits if found(path.encode(errors="surrogateescape"))] == []


@pytest.mark.requirement("FILTER-4")
def test_a_name_above_the_workspace_is_not_meant() -> None:
    found = compiled(["data"], b"/data/repo")
    assert found is not None
    assert not found(b"/data/repo/x") and found(b"/data/repo/data/x") and found(b"/data/other/x")


@pytest.mark.requirement("FILTER-4")
def test_no_patterns_is_no_rule() -> None:
    assert compiled([], b"/r") is None
    assert compiled(["", " ", "/"], b"/r") is None


@pytest.mark.requirement("FILTER-4")
@given(
    st.lists(st.text("ab*?[]!^-\\/.~", max_size=8), max_size=3),
    st.binary(max_size=12).filter(lambda name: b"\0" not in name),
)
def test_any_pattern_can_be_compiled_and_asked(patterns: list[str], name: bytes) -> None:
    found = compiled(patterns, b"/r")
    assert found is None or isinstance(found(b"/r/" + name), bool)


@pytest.mark.requirement("FILTER-4")
@given(st.text("ab*?", min_size=1, max_size=6), st.text("ab", min_size=1, max_size=6))
def test_a_pattern_without_a_slash_is_fnmatch_s(pattern: str, name: str) -> None:
    if "**" in pattern:
        return
    found = compiled([pattern], b"/r")
    assert found is not None
    assert found(f"/r/{name}".encode()) == fnmatch.fnmatchcase(name, pattern)
