"""The eBPF tracer on Debian's kernels, of which `make vm-test` boots all and the suite two: each is booted once, and tells what it saw."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from roar.api.tracer import Capability
from roar.testing.capture.tables import blind, calls
from roar_tracer_ebpf.install import find_program
from roar_tracer_ebpf.tracer import EbpfTracer
from vm.kernels import KERNELS, NotToBeHad, kernel
from vm.machine import CannotStart, Crashed, TookTooLong
from vm.suite import Step, Told, prepared, take

pytestmark = pytest.mark.requirement("TRC-5", "TRC-8", "TRC-10")

_WANTED = os.environ.get("ROAR_TEST_KERNELS", "6.1 newest")
_ALL = _WANTED == "all"
TRIED = tuple(KERNELS if _ALL else _WANTED.split())
TIERS = Path(__file__).with_name("tiers")
TRACERS = ("ebpf-fentry", "ebpf-base", *(("ebpf-fentry-compat", "ebpf-base-compat") if _ALL else ()))
_AT_ONCE = 2
_USERS = EbpfTracer.capabilities - {Capability.SETUID}
_ROOTS = EbpfTracer.capabilities | {Capability.SETUID}

VERIFIED = {"fast": {"sys_exit": 3630, "": 2520}, "compat": {"sys_exit": 4270, "uring_complete": 2940, "": 2560}}
"""The most instructions that the verifier may look at: by variant and program, of all others under no name.  It was a tenth less."""
ADDED: Mapping[tuple[str, str], Mapping[str, int]] = {
    ("ebpf-fentry", "fast"): {"getpid": 0, "read": 10, "open": 1100},
    ("ebpf-fentry", "compat"): {"getpid": 0, "read": 10, "open": 2000},
    ("ebpf-base", "fast"): {"getpid": 230, "read": 230, "open": 1400},
    ("ebpf-base", "compat"): {"getpid": 240, "read": 240, "open": 3300},
}
"""The most instructions that a call may take longer, by tier and variant.  What is added to a read is nothing, but for a few
when the code lies elsewhere."""
_LOST = re.compile(r"\d+ events? were lost: the kernel put the probe off|\d+ process(es)? outlived the command")
"""A process whose end was lost is one that outlived the command."""


def _steps(name: str) -> list[Step]:
    """Other cases on each kernel and with each tracer."""
    first = TRIED.index(name)
    every = 2 if _ALL else 8
    root: dict[str, Sequence[str]] = dict.fromkeys(TRACERS, sorted(_ROOTS))
    if name == "5.10":  # a completion doesn't tell its request there
        root |= {one: sorted(_ROOTS - {Capability.IO_URING}) for one in TRACERS if "base" in one}
    return [
        ("kernel",),
        ("facts", str(find_program()), "check"),
        ("roar", "root", "tracer", "check", "ebpf"),
        *(("batch", "root", one, (first + n) % every, every, able) for n, (one, able) in enumerate(root.items())),
        *(("count", tracer) for tracer in ("", "ebpf-fentry", "ebpf-base")),
        ("roar", "root", "tracer", "enable", "ebpf"),
        ("batch", "user", "ebpf", first % every, every, sorted(_USERS)),
        ("roar", "root", "tracer", "disable", "ebpf", "-y"),
        ("helpers",),
        ("loaded",),
    ]


@pytest.fixture(scope="module")
def machines() -> Iterator[Mapping[str, Told]]:
    """What each kernel told; all are booted for the first test."""
    with prepared() as place, ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            kernels = {name: kernel(name) for name in TRIED}
            cases = [*calls.CASES, *blind.CASES]
            boot = partial(take, place=place, cases=cases, path=[TIERS], counted=True)
            running = {name: pool.submit(boot, kernels[name], steps=_steps(name)) for name in TRIED}
            yield {name: one.result() for name, one in running.items()}
        except (NotToBeHad, CannotStart, Crashed, TookTooLong) as error:
            pytest.fail(str(error), pytrace=False)


@pytest.fixture(params=TRIED)
def told(request: pytest.FixtureRequest, machines: Mapping[str, Told]) -> Told:
    """What one kernel told."""
    return machines[request.param]


def _variant(told: Told) -> str:
    variant: str = told.of("facts")["variant"]
    return variant


def test_it_is_the_kernel_that_was_asked_for(machines: Mapping[str, Told]) -> None:
    releases = {name: told.of("kernel") for name, told in machines.items()}
    known = {name: release for name, release in releases.items() if name[0].isdigit()}
    assert all(release.startswith(f"{name}.") for name, release in known.items()), releases
    assert len(set(releases.values())) == len(TRIED)


def test_both_tiers_are_ready(told: Told) -> None:
    checked = told.of("roar", "root", "tracer", "check")
    assert checked["code"] == 0, checked
    assert re.search(r"^ok +tier fentry .*: that tier is used$", checked["stdout"], re.MULTILINE), checked["stdout"]
    assert re.search(r"^ok +tier base ", checked["stdout"], re.MULTILINE), checked["stdout"]


@pytest.mark.parametrize("tracer", TRACERS)
def test_the_record_is_true(told: Told, tracer: str) -> None:
    _assert_true(told.of("batch", "root", tracer), told.of("kernel"))


@pytest.mark.requirement("TRC-3")
def test_an_ordinary_user_has_the_same_record_by_the_helper(told: Told) -> None:
    enabled = told.of("roar", "root", "tracer", "enable")
    assert enabled["code"] == 0, enabled
    _assert_true(told.of("batch", "user", "ebpf"), told.of("kernel"))


@pytest.mark.requirement("TRC-3")
def test_disabled_it_leaves_no_helper(told: Told) -> None:
    assert told.of("roar", "root", "tracer", "disable")["code"] == 0
    assert told.of("helpers") == []


def test_nothing_stays_loaded(told: Told) -> None:
    assert told.of("loaded") == 0


def test_the_verifier_has_no_more_work_than_it_had(told: Told) -> None:
    facts, limits = told.of("facts"), VERIFIED[_variant(told)]
    verified = {name: int(count) for name, count in facts.items() if name.startswith("insns.")}
    limit = {name: limits.get(name.rpartition(".")[2], limits[""]) for name in verified}
    assert len(verified) >= 20
    assert {name: count for name, count in verified.items() if count > limit[name]} == {}
    if not told.of("kernel").startswith("5.10."):  # which doesn't count
        assert all(verified.values())


@pytest.mark.requirement("PERF-2")
@pytest.mark.parametrize("tracer", ["ebpf-fentry", "ebpf-base"])
@pytest.mark.parametrize("whose", ["traced", "bystander"])
def test_a_call_takes_no_more_instructions_than_it_may(told: Told, tracer: str, whose: str) -> None:
    alone, counted = told.of("count", "")["alone"], told.of("count", tracer)
    added = {call: counted[whose][call] - alone[call] for call in alone}
    limits = ADDED[tracer, _variant(told)]
    assert added.keys() == limits.keys()
    assert {call: count for call, count in added.items() if count > limits[call]} == {}, added


def _assert_true(outcome: Mapping[str, Any], release: str) -> None:
    assert outcome["code"] == 0 and outcome["cases"] > 20
    if outcome["verdict"] == "complete":
        assert outcome["wrong"] == {}, outcome["said"]
        return
    # a kernel that preempts programs of BPF runs them for nobody else meanwhile; that is counted
    assert int(release.split(".")[0]) >= 7, outcome["reasons"]
    assert [reason for reason in outcome["reasons"] if not _LOST.match(reason)] == []
    assert len(outcome["wrong"]) <= outcome["cases"] // 10, outcome["wrong"]
