"""The configuration keys that roar itself has; filters and plugins register their own."""

from __future__ import annotations

from collections.abc import Iterable

from roar.api.config import ConfigKey

KEYS: tuple[ConfigKey, ...] = (
    ConfigKey(
        "env.allow",
        list,
        [],
        "Further environment variables, names or patterns such as MYAPP_*, that are recorded by value; of others only a digest is.",
    ),
    ConfigKey("glaas.url", str, "", "The GLaaS server that lineage is published to; empty: none."),
    ConfigKey("glaas.web_url", str, "", "Where people look at what was published, if it differs from glaas.url."),
    ConfigKey(
        "hash.primary",
        str,
        "blake3",
        "The algorithm whose digest names an artifact; sha256 is used where it isn't installed.",
    ),
    ConfigKey(
        "hash.extra_outputs", list, ["sha256"], "Algorithms that outputs are hashed with besides, in the same pass."
    ),
    ConfigKey("hash.extra_inputs", list, [], "Algorithms that inputs are hashed with besides."),
    ConfigKey("hash.threads", int, 0, "How many files are hashed at once; 0: as many as there are processors."),
    ConfigKey(
        "hash.no_inputs_over",
        str,
        "",
        "Inputs larger than this size (500M, 10G) are recorded without a digest; empty: every input is hashed.",
    ),
    ConfigKey("hints.enabled", bool, True, "Whether the next useful command is suggested."),
    ConfigKey(
        "logging.level",
        str,
        "warning",
        "How much roar tells about itself on stderr.",
        ("debug", "info", "warning", "error"),
    ),
    ConfigKey("output.quiet", bool, False, "Whether runs end without a summary."),
    ConfigKey(
        "output.track_repo_files",
        bool,
        True,
        "Whether files that are committed in git are listed as inputs, marked `git`; their content is known by the commit.",
    ),
    ConfigKey(
        "run.patch_limit",
        int,
        10 << 20,
        "How much of new files a run with --allow-dirty keeps in its patch, all together; changes of tracked files always are.",
    ),
    ConfigKey("run.patch_file_limit", int, 1 << 20, "The largest new file that goes into such a patch."),
    ConfigKey(
        "storage.url",
        str,
        "",
        "Where records are kept, such as postgresql://host/database; empty: .roar/roar.db, in SQLite.",
    ),
    ConfigKey("tracer.default", str, "auto", "The tracer that runs use; auto: the most capable one that is ready."),
)

SIZES = frozenset({"hash.no_inputs_over", "run.patch_limit", "run.patch_file_limit"})
"""Keys whose values are sizes: in bytes, or as people write them (`roar.workspace.sizes`)."""


def by_name(keys: Iterable[ConfigKey]) -> dict[str, ConfigKey]:
    """The keys by their names; of several with one name the first."""
    found: dict[str, ConfigKey] = {}
    for key in keys:
        found.setdefault(key.name, key)
    return found


def type_name(key: ConfigKey) -> str:
    """A key's type as people say it."""
    if key.choices:
        return "one of " + ", ".join(key.choices)
    if key.name in SIZES:
        return "size"
    return {bool: "true or false", int: "whole number", float: "number", str: "text", list: "list of texts"}[key.type]
