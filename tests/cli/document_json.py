"""Writes docs/json.md from the JSON Schemas: ``python tests/cli/document_json.py > docs/json.md``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).parents[2] / "roar-core" / "src" / "roar" / "render" / "schemas"

_INTRODUCTION = """\
# What `--json` prints

Every command that reads takes `--json` and prints one JSON value to stdout, never through a pager and never in colours.
Its key `schema` names what it is and in which version: `roar/show/1`. A version only gains keys; a key that goes, or means
something else, makes a new version. Ignore keys that you don't know.

The text is ASCII. A name or argument that is not UTF-8 has its odd bytes as surrogate escapes (`\\udcXX`), what Python's
`os.fsdecode` gives and `os.fsencode` takes. Times are ISO 8601 in UTC, sizes bytes, spans seconds.

The JSON Schemas (draft 2020-12) are in the package, in `roar/render/schemas`; this page is made from them.
"""

_SCHEMAS = (
    "show", "log", "dag", "lineage", "inputs", "verify", "status", "diff", "session", "label", "label-history", "pop", "env", "reproduce",
    "fsck",
)  # fmt: skip


def page() -> str:
    """The page's text."""
    parts = [_INTRODUCTION]
    for name in _SCHEMAS:
        schema = json.loads((SCHEMAS / f"{name}.json").read_text())
        parts.append(f"## {schema['title']}: `roar/{name}/1`\n")
        if "oneOf" in schema:
            keys = [f"`{choice['required'][0]}`" for choice in schema["oneOf"]]
            parts.append(f"Beside `schema` exactly one of {', '.join(keys[:-1])} and {keys[-1]}.\n")
        parts.append(_table(schema))
    parts.append("## Objects\n")
    definitions = json.loads((SCHEMAS / "definitions.json").read_text())["$defs"]
    for name, schema in definitions.items():
        parts.append(f"### {name}\n\n{schema['description']}\n")
        parts.append(_table(schema))
    return "\n".join(parts)


def _table(schema: dict[str, Any]) -> str:
    lines = ["| key | type | meaning |", "|---|---|---|"]
    lines += [f"| `{key}` | {type_} | {text} |" for key, type_, text in _rows(schema, "")]
    return "\n".join(lines) + "\n"


def _rows(schema: dict[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", [])
    for key, value in schema.get("properties", {}).items():
        optional = "" if key in required or "oneOf" in schema else ", optional"
        yield prefix + key, _type(value) + optional, _meaning(value)
        inner = value.get("items", value)
        if "$ref" not in inner and "properties" in inner:
            yield from _rows(inner, f"{prefix}{key}{'[]' if 'items' in value else ''}.")


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "anyOf" in schema:
        return " or ".join(map(_type, schema["anyOf"]))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if kinds == ["array"]:
        return f"list of {_type(schema['items'])}"
    return " or ".join(kinds)


def _meaning(schema: dict[str, Any]) -> str:
    text = schema.get("description", "")
    if not text and "$ref" in schema:
        definitions = json.loads((SCHEMAS / "definitions.json").read_text())["$defs"]
        text = definitions[schema["$ref"].rpartition("/")[2]]["description"]
    return str(text).replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
