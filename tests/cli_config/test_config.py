"""`roar config`: settings as a user changes and reads them."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_SCHEMA = Path(__file__).parents[2] / "roar-core/src/roar/render/schemas/config.json"


def _file(workspace: Any) -> Path:
    path: Path = workspace.root / ".roar" / "config.toml"
    return path


def _refused(workspace: Any, *words: str, **options: Any) -> list[str]:
    """The lines of an error; the first is the one that matters."""
    done = workspace.roar(*words, ok=False, **options)
    lines: list[str] = done.stderr.splitlines()
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert lines[0].startswith("Error: ")
    assert len(lines) > 1, "no fix"
    return lines


@pytest.mark.requirement("REG-7")
def test_a_setting_is_set_read_and_unset(workspace: Any) -> None:
    workspace.roar("config", "set", "glaas.url", "https://glaas.ai")
    assert workspace.roar("config", "get", "glaas.url").stdout == "https://glaas.ai\n"
    assert stat.S_IMODE(_file(workspace).stat().st_mode) == 0o600
    workspace.roar("config", "unset", "glaas.url")
    assert workspace.roar("config", "get", "glaas.url").stdout == "\n"
    assert _file(workspace).read_text() == ""


@pytest.mark.requirement("FILTER-1")
def test_a_filter_s_switch_is_a_setting(workspace: Any) -> None:
    assert workspace.roar("config", "get", "filters.ignore_tmp_files").stdout == "true\n"
    workspace.roar("config", "set", "filters.ignore_tmp_files", "off")
    assert workspace.roar("config", "get", "filters.ignore_tmp_files").stdout == "false\n"
    assert "ignore_tmp_files = false" in _file(workspace).read_text()


@pytest.mark.requirement("FILTER-4")
@pytest.mark.parametrize(
    "typed",
    [["*.log", "scratch/**"], ["*.log, scratch/**"], ['["*.log", "scratch/**"]'], ["--", "*.log", "scratch/**"]],
)
def test_a_list_is_typed_in_any_of_three_ways(workspace: Any, typed: list[str]) -> None:
    workspace.roar("config", "set", "filters.exclude", *typed)
    assert json.loads(workspace.roar("config", "get", "filters.exclude").stdout) == ["*.log", "scratch/**"]


@pytest.mark.requirement("SAFE-4")
def test_a_value_of_another_type_is_refused_and_nothing_changes(workspace: Any) -> None:
    first, *fix = _refused(workspace, "config", "set", "hash.threads", "-1")
    assert first == 'Error: hash.threads can\'t be "-1": expected a whole number, 0 or more.'
    assert fix == ["For example: roar config set hash.threads 4"]
    assert "isn't UTF-8" in _refused(workspace, "config", "set", "glaas.url", "a\udcff")[0]
    assert not _file(workspace).exists()


@pytest.mark.requirement("SAFE-3")
def test_a_value_is_printed_harmlessly(workspace: Any) -> None:
    workspace.roar("config", "set", "glaas.url", "a\x1bb")
    assert workspace.roar("config", "get", "glaas.url").stdout == "a\\x1bb\n"
    assert "\x1b" not in workspace.roar("config", "list").stdout + _file(workspace).read_text()


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize("command", [["get"], ["set"], ["unset"]])
def test_an_unknown_key_suggests_the_nearest(workspace: Any, command: list[str]) -> None:
    value = ["x"] if command == ["set"] else []
    lines = _refused(workspace, "config", *command, "tracer.defalt", *value)
    assert "tracer.defalt" in lines[0]
    assert "tracer.default" in lines[1]
    assert not _file(workspace).exists()


@pytest.mark.requirement("SAFE-4")
def test_the_right_name_in_the_wrong_table_is_suggested(workspace: Any) -> None:
    assert "filters.ignore_tmp_files" in _refused(workspace, "config", "set", "ignore_tmp_files", "false")[1]
    assert "hash.threads" in _refused(workspace, "config", "get", "run.threads")[1]


@pytest.mark.requirement("SAFE-2")
def test_comments_order_and_unknown_keys_are_kept(workspace: Any) -> None:
    _file(workspace).write_text(
        "# mine\n\n[tracer] # which\ndefault = 'auto' # for now\n\n[hash]\n# fast\nthreads = 2\n\n[other]\nx = { y = 1 }\n"
    )
    workspace.roar("config", "set", "tracer.default", "preload")
    workspace.roar("config", "set", "hash.primary", "sha256")
    workspace.roar("config", "unset", "hash.threads")
    text = _file(workspace).read_text()
    assert text.startswith('# mine\n\n[tracer] # which\ndefault = "preload" # for now\n')
    assert "# fast" in text
    assert text.endswith("[other]\nx = { y = 1 }\n")
    assert workspace.roar("config", "get", "hash.primary").stdout == "sha256\n"


@pytest.mark.requirement("SAFE-2")
@pytest.mark.parametrize("between", ["", "[hash]\nthreads = 2\n\n"])
def test_a_switch_that_is_set_already_can_be_set_again(workspace: Any, between: str) -> None:
    _file(workspace).write_text(f"[filters.a]\nx = 1\n\n{between}[filters]\nignore_tmp_files = true # why\n")
    workspace.roar("config", "set", "filters.ignore_tmp_files", "false")
    assert _file(workspace).read_text().endswith("[filters]\nignore_tmp_files = false # why\n")


@pytest.mark.requirement("SAFE-2")
@pytest.mark.parametrize(
    "before",
    [
        "", "hash.threads = 2\n", "[hash]\nthreads = 2\n", "hash = { threads = 2 }\n", "\ufeff[hash]\nthreads = 2\n",
        '["hash"]\n"threads" = 2\n', "[hash]\r\nthreads = 2\r\n", "[hash.deep]\nx = 1\n", "[tracer]\n\n\n\n",
    ],
)  # fmt: skip
def test_every_way_of_writing_a_table_can_be_changed(workspace: Any, before: str) -> None:
    _file(workspace).write_bytes(before.encode())
    workspace.roar("config", "set", "hash.threads", "7")
    assert workspace.roar("config", "get", "hash.threads").stdout == "7\n"
    workspace.roar("config", "unset", "hash.threads")
    assert workspace.roar("config", "get", "hash.threads").stdout == "0\n"


@pytest.mark.requirement("SAFE-2", "RUN-7")
def test_eight_who_set_at_once_lose_nothing(workspace: Any) -> None:
    keys = [f"filters.ignore_{name}" for name in ("tmp_files", "torch_cache", "system_reads", "package_reads")]
    keys += ["output.quiet", "hints.enabled", "output.track_repo_files", "filters.ignore_bytecode"]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "roar", "config", "set", key, "on"],
            cwd=workspace.root,
            env=workspace.env,
            stdout=subprocess.DEVNULL,
        )
        for key in keys
    ]
    assert [process.wait() for process in running] == [0] * len(keys)
    rows = json.loads(workspace.roar("config", "list", "--json").stdout)["keys"]
    assert {row["name"] for row in rows if row["origin"] == "workspace"} == set(keys)
    assert [path.name for path in (workspace.root / ".roar").iterdir() if "config" in path.name] == ["config.toml"]


@pytest.mark.requirement("INIT-3")
def test_the_user_s_settings_need_no_workspace_and_the_workspace_s_win(workspace: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    workspace.roar("config", "set", "--global", "hash.threads", "3", cwd=outside)
    path = Path(workspace.env["HOME"], ".config", "roar", "config.toml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for words in (["get", "hash.threads"], ["get", "--global", "hash.threads"], ["--global", "get", "hash.threads"]):
        assert workspace.roar("config", *words, cwd=outside).stdout == "3\n"
    assert workspace.roar("config", "get", "hash.threads").stdout == "3\n"
    workspace.roar("config", "set", "hash.threads", "5")
    assert workspace.roar("config", "get", "hash.threads").stdout == "5\n"
    assert workspace.roar("config", "get", "--global", "hash.threads").stdout == "3\n"


@pytest.mark.requirement("INIT-3")
@pytest.mark.parametrize("words", [["set", "hash.threads", "1"], ["unset", "hash.threads"], ["edit"]])
def test_changing_the_workspace_s_settings_needs_a_workspace(workspace: Any, tmp_path: Path, words: list[str]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    lines = _refused(workspace, "config", *words, cwd=outside)
    assert lines[0] == "Error: roar is not initialized in this directory."
    assert "roar init" in lines[1]


@pytest.mark.requirement("SAFE-4")
def test_xdg_config_home_is_respected_and_without_a_home_there_is_no_file(workspace: Any, tmp_path: Path) -> None:
    there = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    workspace.roar("config", "set", "--global", "hash.threads", "4", env=there)
    assert (tmp_path / "xdg" / "roar" / "config.toml").is_file()
    nowhere = {"HOME": "", "XDG_CONFIG_HOME": ""}
    assert workspace.roar("config", "get", "hash.threads", env=nowhere).stdout == "0\n"
    lines = _refused(workspace, "config", "set", "--global", "hash.threads", "4", env=nowhere)
    assert "no home directory" in lines[0]


@pytest.mark.requirement("SAFE-2")
def test_a_linked_file_stays_a_link(workspace: Any, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("# mine\n")
    _file(workspace).symlink_to(real)
    workspace.roar("config", "set", "hash.threads", "4")
    assert _file(workspace).is_symlink()
    assert real.read_text().startswith("# mine\n")


@pytest.mark.requirement("SHOW-7")
def test_the_list_has_every_key_in_the_documented_schema(workspace: Any) -> None:
    workspace.roar("config", "set", "storage.url", "postgresql://me:hunter2@host/db")
    workspace.roar("config", "set", "--global", "hash.threads", "2")
    answer = json.loads(workspace.roar("config", "list", "--json").stdout)
    item = json.loads(_SCHEMA.read_text())["properties"]["keys"]["items"]
    assert answer["schema"] == "roar/config/1"
    for row in answer["keys"]:
        assert set(row) == set(item["properties"]) == set(item["required"])
    rows = {row["name"]: row for row in answer["keys"]}
    assert list(rows) == sorted(rows)
    assert rows["hash.threads"]["origin"] == "global"
    assert rows["storage.url"]["value"] == "postgresql://me@host/db"
    assert rows["hash.extra_outputs"] | {"doc": ""} == {
        "name": "hash.extra_outputs", "value": ["sha256"], "origin": "default", "type": "list", "expected": "list of texts",
        "default": ["sha256"], "choices": [], "doc": "", "problem": None,
    }  # fmt: skip


@pytest.mark.requirement("SHOW-7")
def test_the_list_for_people_says_value_origin_type_and_purpose(workspace: Any) -> None:
    workspace.roar("config", "set", "run.patch_limit", "20M")
    for words in (["config"], ["config", "list"]):
        lines = workspace.roar(*words).stdout.splitlines()
        place = lines.index("run.patch_limit = 20M")
        assert lines[place + 1].startswith("    workspace; size. ")
        assert "hunter2" not in "".join(lines)


@pytest.mark.requirement("SAFE-2", "SAFE-4")
@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"[hash]\nthreads 4\n", "line 2, column 9"),
        (b"[hash\n", "line 1, column 6"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"a = 'x", "end of document"),
        (b"[hash]\nthreads = \xff\n", "line 2: it is not UTF-8"),
        (b"a = " + b"[" * 3000, "nested too deeply"),
        (b"\x00\x01binary", "line 1, column 1"),
    ],
)
def test_a_broken_file_is_one_line_and_nothing_is_destroyed(workspace: Any, content: bytes, where: str) -> None:
    _file(workspace).write_bytes(content)
    first, *fix = _refused(workspace, "config", "set", "hash.threads", "1")
    assert f"{_file(workspace)}" in first
    assert where in first
    assert "mv" in fix[0]
    assert _file(workspace).read_bytes() == content


@pytest.mark.requirement("SAFE-2", "RUN-3")
def test_a_broken_file_stops_a_run_before_the_command(workspace: Any) -> None:
    _file(workspace).write_text("threads 4\n")
    lines = _refused(workspace, "run", "touch", "started")
    assert "line 1, column 9" in lines[0]
    assert not (workspace.root / "started").exists()


@pytest.mark.requirement("SAFE-2")
def test_a_directory_in_the_file_s_place_is_one_line(workspace: Any) -> None:
    _file(workspace).mkdir()
    assert "can't be read: Is a directory" in _refused(workspace, "config", "get", "hash.threads")[0]


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize(
    ("line", "key", "expected"),
    [
        ("threads = 'many'", "hash.threads", 'expected a whole number, 0 or more, found "many"'),
        ("threads = true", "hash.threads", "expected a whole number, 0 or more, found true"),
        ("primary = 3", "hash.primary", "expected text, found 3"),
        ("extra_outputs = 'sha256'", "hash.extra_outputs", 'expected a list of texts, found "sha256"'),
        ("extra_outputs = [1]", "hash.extra_outputs", "expected a list of texts, found [1]"),
        ("no_inputs_over = 'big'", "hash.no_inputs_over", 'expected a size such as 500M or 10G, found "big"'),
    ],
)
def test_a_wrong_type_names_file_key_and_what_is_expected(workspace: Any, line: str, key: str, expected: str) -> None:
    _file(workspace).write_text(f"[hash]\n{line}\n")
    first, *fix = _refused(workspace, "config", "get", key)
    assert first == f"Error: {_file(workspace)}: {key}: {expected}."
    assert fix == [f"Take it out: roar config unset {key}"]
    rows = {row["name"]: row for row in json.loads(workspace.roar("config", "list", "--json").stdout)["keys"]}
    assert (rows[key]["value"], rows[key]["origin"]) == (None, "workspace")
    assert expected in rows[key]["problem"]
    workspace.roar("config", "unset", key)
    workspace.roar("config", "get", key)


@pytest.mark.requirement("SAFE-4")
def test_a_size_in_the_file_may_be_a_number_or_text(workspace: Any) -> None:
    _file(workspace).write_text("[run]\npatch_limit = '2M'\n[hash]\nno_inputs_over = 1000\n")
    assert workspace.roar("config", "get", "run.patch_limit").stdout == "2097152\n"
    assert workspace.roar("config", "get", "hash.no_inputs_over").stdout == "1000\n"


@pytest.mark.requirement("SAFE-4")
def test_an_unknown_key_in_the_file_is_told_once_and_is_not_fatal(workspace: Any) -> None:
    _file(workspace).write_text("[tracer]\ndefalt = 'auto'\n[zzz]\nq = 1\n")
    done = workspace.roar("config", "get", "tracer.default")
    assert done.stdout == "auto\n"
    assert done.stderr.splitlines() == [
        f"roar: {_file(workspace)}: unknown key tracer.defalt; did you mean tracer.default?",
        f"roar: {_file(workspace)}: unknown key zzz.q.",
    ]
    workspace.roar("config", "unset", "tracer.defalt")
    assert "defalt" not in _file(workspace).read_text()


@pytest.mark.requirement("SAFE-4")
def test_edit_opens_the_editor_on_a_file_that_explains_itself(workspace: Any) -> None:
    workspace.roar(
        "config", "edit", env={"VISUAL": "", "EDITOR": "sed -i -e 's/^# .hash.$/[hash]/;s/^# threads = 0/threads = 6/'"}
    )
    text = _file(workspace).read_text()
    assert '# extra_outputs = ["sha256"]' in text
    assert workspace.roar("config", "get", "hash.threads").stdout == "6\n"


@pytest.mark.requirement("SAFE-4")
def test_edit_works_on_a_broken_file_and_checks_what_it_left(workspace: Any) -> None:
    _file(workspace).write_text("broken\n")
    mend = {"VISUAL": 'sh -c \'echo "[hash]" > "$0"; echo "threads = -1" >> "$0"\'', "EDITOR": "false"}
    done = workspace.roar("config", "edit", env=mend)
    assert "0 or more" in done.stderr
    assert "Error" not in done.stderr
    assert "line 1" in _refused(workspace, "config", "edit", env={"VISUAL": "sh -c 'echo x > \"$0\"'"})[0]


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize(("editor", "said"), [("no-such-editor -w", "can't be started"), ("false", "exit code 1")])
def test_an_editor_that_fails_is_said_so(workspace: Any, editor: str, said: str) -> None:
    assert said in _refused(workspace, "config", "edit", env={"VISUAL": "", "EDITOR": editor})[0]


@pytest.mark.requirement("SAFE-4")
@pytest.mark.parametrize("words", [["set", "hash.threads"], ["get"], ["set"], ["nonsense"]])
def test_a_wrong_command_line_is_a_usage_error(workspace: Any, words: list[str]) -> None:
    done = workspace.roar("config", *words, ok=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ")


@pytest.mark.requirement("SAFE-4")
def test_several_values_for_one_are_refused(workspace: Any) -> None:
    assert "takes one value" in _refused(workspace, "config", "set", "hash.primary", "a", "b")[0]


@pytest.mark.requirement("SAFE-2")
def test_a_disk_that_takes_no_more_leaves_the_old_file(workspace: Any) -> None:
    workspace.roar("config", "set", "hash.threads", "2")
    before = _file(workspace).read_bytes()
    limited = f'ulimit -f 0; exec "{sys.executable}" -m roar config set hash.threads 3'
    done = workspace.sh("sh", "-c", limited, ok=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {_file(workspace)} can't be changed: File too large.")
    assert _file(workspace).read_bytes() == before
    assert [path.name for path in (workspace.root / ".roar").iterdir() if "config" in path.name] == ["config.toml"]
