"""The reasons of a verdict: what they tell to use instead is another tracer."""

from __future__ import annotations

import pytest

from roar.api.events import Blind
from roar.api.tracer import Coverage
from roar.run.verdict import reasons

pytestmark = pytest.mark.requirement("TRC-8")


@pytest.mark.parametrize(("tracer", "others"), [("preload", "ebpf or ptrace"), ("ebpf", "ptrace"), ("ptrace", "ebpf")])
@pytest.mark.parametrize("reason", [Blind.NAMESPACE, Blind.NOT_STARTED, "it {went} away"])
def test_the_fix_is_not_the_tracer_that_ran(tracer: str, others: str, reason: str) -> None:
    (sentence,) = reasons([(reason, b"/bin/{x}")], Coverage(1), tracer)
    assert sentence.endswith(f"(fix: use a tracer that sees it, {others}: roar tracer)")
    assert "/bin/{x}" in sentence
