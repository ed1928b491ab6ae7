"""The reference page of the configuration keys: ``python -m roar.workspace.reference > docs/config.md``."""

from __future__ import annotations

from collections.abc import Iterable

from roar.api.config import ConfigKey
from roar.workspace.keys import SIZES, type_name
from roar.workspace.sizes import size_words
from roar.workspace.values import in_toml

_TOP = """\
# Configuration

Settings are read from two TOML files, each optional:

- `.roar/config.toml`: of the workspace, changed by `roar config set KEY VALUE`;
- `$XDG_CONFIG_HOME/roar/config.toml`, by default `~/.config/roar/config.toml`: of the user, changed by
  `roar config set --global KEY VALUE`.

The workspace's win over the user's, and both over the defaults. A key `hash.threads` is `threads` in the table `[hash]`:

```toml
[hash]
threads = 4
```

`roar config list` shows every key with its value and where that comes from, `roar config edit` opens the file, and
`roar config unset KEY` goes back to the default. Plugins can have keys of their own; those below are roar's and its filters'.
A size is a number of bytes, or one with a unit: `500M`, `10G` (powers of 1024).
"""


def page(keys: Iterable[ConfigKey]) -> str:
    """The page, as Markdown.

    Args:
        keys: what it describes, in any order.
    """
    lines = [_TOP]
    section = ""
    for key in sorted(keys):
        table = key.name.rpartition(".")[0]
        if table != section:
            section = table
            lines += [f"## {table}", ""]
        default = size_words(key.default) if key.name in SIZES else in_toml(key.default)
        lines += [f"### `{key.name}`", "", f"{key.doc}", "", f"Type: {type_name(key)}. Default: `{default}`.", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def documented() -> list[ConfigKey]:
    """The keys on the page: of roar and of its own filters, whatever else is installed."""
    from roar.filters import roar_config_keys, roar_filters
    from roar.workspace.keys import KEYS

    switches = [
        ConfigKey(item.config_key, bool, item.default, f"Leave out {item.name}: {item.reason}.")
        for item in roar_filters()
    ]
    return [*KEYS, *switches, *roar_config_keys()]


if __name__ == "__main__":
    print(page(documented()), end="")
