"""A workspace whose record is in a PostgreSQL database: everything works as with its own file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from conftest import Workspace
from store.postgres import Server, running


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.mark.requirement("RUN-7", "SHOW-1", "SHOW-4", "SHOW-7")
def test_runs_are_recorded_in_and_shown_from_a_server(workspace: Workspace, server: Server) -> None:
    workspace.commit({"input": "data\n"})
    workspace.roar("config", "set", "storage.url", server.new_schema("one"))
    (workspace.root / ".roar" / "roar.db").unlink()
    workspace.roar("run", "sh", "-c", "cat input > first")
    workspace.roar("run", "sh", "-c", "cat first > second; exit 3", ok=False)
    assert not (workspace.root / ".roar" / "roar.db").exists()
    job = workspace.job("@2")
    assert (job["status"], job["exit_code"]) == ("failed", 3)
    assert workspace.names(job["inputs"]) == {"first"}
    assert workspace.names(job["outputs"]) == {"second"}
    listed = json.loads(workspace.roar("log", "--json").stdout)["jobs"]
    assert [entry["index"] for entry in listed] == [2, 1]
    assert "first" in workspace.roar("dag", "--show-artifacts").stdout
    assert "@1" in workspace.roar("show", "first").stdout
    assert "└─ @1" in workspace.roar("lineage", "second").stdout
    assert "@2" in workspace.roar("lineage", "input", "--down").stdout
    assert "input" in workspace.roar("inputs", "second").stdout
    assert "all are as recorded" in workspace.roar("verify").stdout
    assert "<svg" in workspace.roar("dag", "first", "--svg").stdout
    assert workspace.roar("fsck").returncode == 0


@pytest.mark.requirement("RUN-7", "SHOW-1", "SHOW-3")
def test_workspaces_that_share_a_server_keep_their_files_apart_wherever_they_move(
    make_workspace: Callable[..., Workspace], server: Server
) -> None:
    url = server.new_schema("shared")
    one, other = make_workspace("one"), make_workspace("other")
    for workspace, text in ((one, "1"), (other, "2")):
        workspace.roar("config", "set", "storage.url", url)
        workspace.roar("run", "sh", "-c", f"echo {text} > out")
    moved = Workspace(one.root.rename(one.root.with_name("moved")), one.env)
    for workspace, ref in ((moved, "@1"), (other, "@2")):
        shown = json.loads(workspace.roar("show", "out", "--json").stdout)["artifact"]
        assert (shown["path"], shown["state"]) == (str(workspace.root / "out"), "present")
        assert [job["ref"] for job in shown["produced_by"]] == [ref]
    moved.roar("run", "sh", "-c", "cat out > next")
    edges = {ref: {one["path"] for one in other.job(ref)["outputs"]} for ref in ("@1", "@2", "@3")}
    assert edges == {"@1": {f"{moved.root}/out"}, "@2": {f"{other.root}/out"}, "@3": {f"{moved.root}/next"}}
    assert "all are as recorded" in other.roar("verify").stdout


@pytest.mark.requirement("SAFE-2", "RUN-3", "RUN-6")
def test_a_server_that_is_down_costs_the_run_nothing_but_its_record_for_now(
    workspace: Workspace, server: Server
) -> None:
    workspace.commit({"input": "data\n"})
    url = server.new_schema("two")
    workspace.roar("config", "set", "storage.url", url.replace("host=", "host=/nowhere"))
    done = workspace.roar("run", "sh", "-c", "cat input > out; exit 4", ok=False)
    assert done.returncode == 4
    assert "Error: the run was not recorded" in done.stderr
    assert "Traceback" not in done.stderr
    workspace.roar("config", "set", "storage.url", url)
    job = workspace.job("@1")
    assert (job["status"], job["exit_code"], job["capture"]["verdict"]) == ("failed", 4, "complete")
