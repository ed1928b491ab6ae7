"""Running a pipeline there and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Workspace
from roundtrip.pipeline import Pipeline, delete_outputs, record, reproduce


@pytest.fixture
def comes_back(workspace: Workspace) -> Callable[[Pipeline], None]:
    """Asserts that a pipeline's target, and every file on the way there, comes out identical."""

    def check(pipeline: Pipeline) -> None:
        record(workspace, pipeline)
        delete_outputs(workspace)
        before = workspace.sh("git", "status", "--porcelain=v2", "--ignored").stdout
        value, done = reproduce(workspace, pipeline.target, *pipeline.options)
        assert done.returncode == 0 and value["identical"] is True, done.stderr
        assert {step["result"]["outcome"] for step in value["steps"]} <= {"identical", "done"}, done.stderr
        assert workspace.sh("git", "status", "--porcelain=v2", "--ignored").stdout == before

    return check
