"""Hooks about runs: called as pluggy calls them, and no implementation can harm a run or another implementation."""

from __future__ import annotations

from pathlib import Path

import pytest

from roar.api import Plan, Recorded, Refused
from roar.plugins.contract import OBSERVER_HOOKS
from roar.plugins.observers import Observers
from roar.testing.storage import job

from .conftest import Site

pytestmark = pytest.mark.requirement("PLUG-1", "PLUG-2")

PLAN = Plan(
    uid="0" * 32,
    kind="run",
    command=(b"true",),
    redacted=("true",),
    cwd=b"/w",
    root=b"/w",
    name=None,
    labels={},
    parameters={},
    tracer="preload",
    git=None,
    changed=(),
    started_ns=0,
    run_dir=Path("/w/.roar/runs/0"),
)


def observers(site: Site, **sources: str) -> Observers:
    for name, source in sources.items():
        site.install(name, "from roar.api import Refused\ncalls = []\n" + source, "roar.observers")
    plugins = site.plugins()
    found = plugins.observers
    assert found is not None
    site.problems = plugins.problems  # type: ignore[attr-defined]
    return found


def problems(site: Site) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = site.problems  # type: ignore[attr-defined]
    return found


def hook(name: str, arguments: str, body: str, options: str = "") -> str:
    return f"@hookimpl{options}\ndef {name}({arguments}):\n    {body}\n"


def test_there_is_a_method_for_every_hook() -> None:
    nothing = Observers([])
    assert all(callable(getattr(nothing, name)) for name in OBSERVER_HOOKS)
    nothing.roar_before_run(PLAN)
    assert nothing.roar_keep(b"/x", "input", ()) is None
    assert nothing.roar_redact("command", "x") == ()


def test_the_first_opinion_on_the_tracer_counts(site: Site) -> None:
    found = observers(
        site,
        a=hook("roar_select_tracer", "ready", "return None"),
        b=hook("roar_select_tracer", "ready, command", "return ready[-1] if command == (b'x',) else None"),
        c=hook("roar_select_tracer", "", "return 'one'"),
    )
    assert found.roar_select_tracer(ready=("one", "two"), requested="auto", command=(b"x",)) == "two"
    assert found.roar_select_tracer(ready=("one", "two"), requested="auto", command=(b"y",)) == "one"


def test_an_opinion_that_is_no_ready_tracer_is_passed_over(site: Site) -> None:
    found = observers(
        site, a=hook("roar_select_tracer", "", "return 'three'"), b=hook("roar_select_tracer", "", "return 'two'")
    )
    assert found.roar_select_tracer(ready=("one", "two"), requested="auto", command=()) == "two"
    assert problems(site) == [("a", "roar_select_tracer returned 'three', which is not one of the ready tracers")]


def test_the_first_opinion_on_a_file_counts(site: Site) -> None:
    found = observers(
        site,
        a=hook("roar_keep", "path", "return False if path == b'/no' else None"),
        b=hook("roar_keep", "path, direction", "return True if direction == 'output' else None"),
        c=hook("roar_keep", "", "return 'yes'"),
    )
    assert found.roar_keep(path=b"/no", direction="output", command=()) is False
    assert found.roar_keep(path=b"/x", direction="output", command=()) is True
    assert problems(site) == []
    assert found.roar_keep(path=b"/x", direction="input", command=()) is None
    assert problems(site) == [("c", "roar_keep returned a str, not True, False or None")]


@pytest.mark.requirement("REG-6")
def test_each_redaction_gets_what_the_last_one_left(site: Site) -> None:
    found = observers(
        site,
        a=hook("roar_redact", "value", "return value.replace('one', 'two')"),
        b=hook("roar_redact", "field, value", "return value + field if 'two' in value else None"),
        c=hook("roar_redact", "value", "raise ValueError"),
        d=hook("roar_redact", "value", "return 5"),
    )
    assert found.roar_redact("!", "one") == ("two", "two!")
    assert found.roar_redact("!", "x") == ("x",)
    assert [owner for owner, _ in problems(site)] == ["c", "d"]


def test_a_veto_passes_through_with_its_reason(site: Site) -> None:
    found = observers(
        site, a=hook("roar_before_run", "plan", "raise Refused(f'not {plan.command[0]}', fix='try false')")
    )
    with pytest.raises(Refused) as caught:
        found.roar_before_run(plan=PLAN)
    assert (caught.value.message, caught.value.fix) == ("not b'true'", "try false")
    assert problems(site) == []


@pytest.mark.parametrize("body", ["1 / 0", "raise SystemExit(1)", "raise Refused('late')"])
def test_whoever_raises_is_named_and_the_others_are_told(site: Site, body: str) -> None:
    found = observers(
        site,
        a=hook("roar_run_recorded", "job, recorded", body),
        b=hook("roar_run_recorded", "job, recorded", "calls.append(recorded.step)"),
        c=hook("roar_run_started", "plan, pid", "calls.append(pid)"),
    )
    found.roar_run_recorded(job=job(), recorded=Recorded("0" * 32, 7, 1))
    found.roar_run_started(plan=PLAN, pid=12)
    import sys

    calls = [
        module.calls
        for name, module in sys.modules.items()
        if name.startswith(("b_", "c_")) and hasattr(module, "calls")
    ]
    assert calls[-2:] == [[7], [12]]
    assert [owner for owner, _ in problems(site)] == ["a"]
    assert problems(site)[0][1].startswith("roar_run_recorded ")


def test_order_can_be_asked_for_as_pluggy_allows(site: Site) -> None:
    found = observers(
        site,
        a=hook("roar_redact", "value", "return value + 'a'", "(trylast=True)"),
        b=hook("roar_redact", "value", "return value + 'b'"),
        c=hook("roar_redact", "value", "return value + 'c'", "(tryfirst=True)"),
        d=hook("other", "value", "return value + 'd'", "(specname='roar_redact')"),
    )
    assert found.roar_redact("", "")[-1] == "cbda"


def test_wrappers_work_and_a_failing_one_is_as_if_it_were_not_there(site: Site) -> None:
    found = observers(
        site,
        good=hook("roar_keep", "", "return not (yield)", "(wrapper=True)"),
        early=hook("roar_keep", "", "1 / 0; yield", "(wrapper=True)"),
        late=hook("roar_keep", "", "yield; 1 / 0", "(wrapper=True)"),
        twice=hook("roar_keep", "", "yield; yield", "(wrapper=True)"),
        z=hook("roar_keep", "", "return True"),
    )
    assert found.roar_keep(path=b"/x", direction="input", command=()) is False
    assert sorted(owner for owner, _ in problems(site)) == ["early", "late", "twice"]


def test_a_veto_passes_through_wrappers(site: Site) -> None:
    found = observers(
        site,
        a=hook("roar_before_run", "plan", "yield", "(wrapper=True)"),
        b=hook("roar_before_run", "plan", "raise Refused('no')"),
    )
    with pytest.raises(Refused):
        found.roar_before_run(plan=PLAN)
    assert problems(site) == []


def test_an_implementation_with_an_unknown_argument_is_left_out(site: Site) -> None:
    found = observers(
        site,
        a=hook("roar_keep", "path, surprise", "return True"),
        b=hook("roar_keep", "path", "return False"),
    )
    assert found.roar_keep(path=b"/x", direction="input", command=()) is False
    ((owner, reason),) = problems(site)
    assert owner == "a" and "surprise" in reason


def test_a_wrapper_of_pluggy_s_old_kind_is_left_out_with_the_way_to_mend_it(site: Site) -> None:
    marker = "import pluggy\nhookimpl = pluggy.HookimplMarker('roar')\n"
    found = observers(
        site,
        a=marker + hook("roar_keep", "", "yield", "(hookwrapper=True)"),
        b=marker + hook("roar_keep", "", "return True"),
    )
    assert found.roar_keep(path=b"/x", direction="input", command=()) is True
    assert [(owner, "wrapper=True" in reason) for owner, reason in problems(site)] == [("a", True)]


def test_a_redaction_can_be_no_wrapper(site: Site) -> None:
    found = observers(
        site,
        a=hook("roar_redact", "value", "return (yield)", "(wrapper=True)"),
        b=hook("roar_redact", "value", "return value + '!'"),
    )
    assert found.roar_redact("command", "x") == ("x!",)
    assert [owner for owner, _ in problems(site)] == ["a"]


def test_what_nobody_implements_need_not_be_called(site: Site) -> None:
    found = observers(site, a=hook("roar_redact", "value", "return value"))
    assert found.implement("roar_redact") and not found.implement("roar_keep")


def test_calls_can_be_traced(site: Site, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("ROAR_TRACE_HOOKS", "1")
    found = observers(site, a=hook("roar_keep", "path", "return True"))
    found.roar_keep(path=b"/x", direction="input", command=())
    assert "roar: hook roar_keep(path=b'/x', direction='input', command=()) of a: True in " in capfd.readouterr().err
