"""What a reference on the command line means, and when it means nothing, why."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from roar.cli.reading import cwd, place

if TYPE_CHECKING:
    from roar.api.storage import Storage
    from roar.context import Context
    from roar.lineage.references import Found, UnknownPath


def found(context: Context, storage: Storage, ref: str, is_all: bool = False) -> Found:
    """What the user means.

    Args:
        context: of the invocation.
        storage: where to look.
        ref: what was typed.
        is_all: for a path, all edges that are recorded there, not only the newest ones.

    Raises:
        NotFound: nothing has this name; of a path with the reasons, the one that applies first.
        Ambiguous: it fits more than one thing.
    """
    from roar.lineage.references import EDGES, UnknownPath, resolve

    try:
        return resolve(storage, ref, cwd(), None if is_all else EDGES)
    except UnknownPath as error:
        raise _explained(context, storage, ref, error) from None


def _explained(context: Context, storage: Storage, ref: str, error: UnknownPath) -> UnknownPath:
    from roar.lineage.references import path_candidates
    from roar.lineage.unknown import dropped, elsewhere
    from roar.render.unknown import reasons

    here = place(context)
    paths = path_candidates(ref, here.cwd)
    by_filter = dropped(storage, paths)
    others = [] if by_filter else elsewhere(storage, ref, here.root, paths)
    key = ""
    if by_filter is not None:
        keys = {known.name: known.config_key for known in context.plugins.filters()}
        key = keys.get(by_filter.filter, "")
    is_internal = not {b".git", b".roar"}.isdisjoint(error.path.split(b"/"))
    error.fix = reasons(by_filter, key, others, here, os.path.lexists(error.path), is_internal)
    return error
