"""What is said of a path that no artifact is known at: three reasons, the one that applies first."""

from __future__ import annotations

from collections.abc import Sequence
from os import fsdecode

from roar.lineage.unknown import Dropped, Elsewhere
from roar.render.job import Place
from roar.render.text import printable


def reasons(
    dropped: Dropped | None,
    key: str,
    elsewhere: Sequence[Elsewhere],
    place: Place,
    on_disk: bool,
    is_internal: bool = False,
) -> str:
    """The lines after ``No artifact found for path: …``.

    Args:
        dropped: the filter that dropped it, if one did.
        key: that filter's configuration key; empty for one that is not installed any more.
        elsewhere: other paths that the user may mean.
        place: where the user is.
        on_disk: whether there is such a file now.
        is_internal: whether it is one of git's or roar's own.
    """
    filtered = _filtered(dropped, key)
    untouched = "It was never recorded: only files that the tracer saw being read or written are tracked" + (
        ", and no recorded job touched this one." if on_disk and not dropped else "."
    )
    mismatch = _mismatch(elsewhere, place)
    ordered = [filtered, untouched, mismatch] if dropped else [mismatch, untouched, filtered]
    is_known = bool(dropped or elsewhere)
    if not is_known:
        ordered = [filtered, untouched, mismatch] if is_internal else [untouched, filtered, mismatch]
    lines = ["Reasons, the one that applies first:" if is_known or is_internal else "Reasons, the likeliest first:"]
    lines += [f"  {number}. {reason}" for number, reason in enumerate(ordered, 1)]
    return "\n".join([*lines, "Every artifact of the session: roar dag --show-artifacts"])


def _filtered(dropped: Dropped | None, key: str) -> str:
    if dropped is None:
        return (
            "It was filtered as noise: temp files, package files, .roar/ and .git/ are left out by default"
            " (roar config list shows the filters.* keys)."
        )
    did = "read" if dropped.direction == "input" else "wrote"
    text = (
        f"It was filtered as noise: {dropped.job.ref} {did} it and the filter '{printable(dropped.filter)}' dropped it"
    )
    return f"{text} ({key}). To record such files: roar config set {key} false" if key else f"{text}."


def _mismatch(elsewhere: Sequence[Elsewhere], place: Place) -> str:
    if elsewhere:
        paths = ", ".join(f"{place.name(other.path)} ({other.job.ref})" for other in elsewhere)
        return f"It was recorded at another path: {paths}."
    return f"It was recorded at another path: relative paths start from the current directory, {printable(fsdecode(place.cwd))}."
