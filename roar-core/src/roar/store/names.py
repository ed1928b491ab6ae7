"""How paths are kept: those in a workspace relative to it, so that the record holds wherever the workspace is moved to.

A kept path is absolute, or begins with the number of a workspace, which no absolute path does: ``3/data/train.csv``, and ``3``
for its root.  The table ``workspace`` says where each was when it last wrote; the one that asks knows better where it is.
"""

# ruff: noqa: S608 - statements are put together from our own names and placeholders only

from __future__ import annotations

from typing import TYPE_CHECKING

from roar.api.storage import Site

if TYPE_CHECKING:
    from roar.store.engine import Engine

_KEPT = (("path", "path"), ("job", "cwd"), ("composite", "path"), ("reproduction", "path"), ("commit_state", "root"))
"""Table and column of every path that is kept so and can be asked for."""


class Names:
    """Paths as they are kept in a database, and as they are now.

    Args:
        engine: of the database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._site: Site | None = None
        self._roots: dict[bytes, bytes] = {}  # number → root, without a slash at its end
        self._starts: dict[
            bytes, bytes
        ] = {}  # the same with a slash after each, where that is two bytes: of most stores
        self._noted: Site | None = None  # as it is in the table
        self._places: list[tuple[bytes, bytes]] | None = None  # root with a slash, number; the own one first

    def attach(self, site: Site) -> None:
        """See `Storage.attach`.  A storage that may be written notes where the workspace is."""
        self._site = site = site._replace(root=site.root.rstrip(b"/"))
        self._load()
        if not self._engine.read_only and self._noted != site:
            with self._engine.transaction():
                self._note(site)
            self._load()

    def keep(self, path: bytes) -> bytes:
        """A path as it is kept."""
        for prefix, number in self._load() if self._places is None else self._places:
            if path.startswith(prefix):
                return number + path[len(prefix) - 1 :]
            if path == prefix[:-1]:
                return number
        return path

    def give(self, kept: bytes) -> bytes:
        """The inverse of `keep`: where the file is now, if its workspace knows, else where it was."""
        start = self._starts.get(kept[:2])
        if start is not None:
            return start + kept[2:]
        if kept.startswith(b"/"):
            return kept
        number, slash, rest = kept.partition(b"/")
        if number not in self._roots:
            self._load()  # a workspace that came since
            if number not in self._roots:
                return kept
        return self._roots[number] + slash + rest or b"/"

    def below(self, folder: bytes) -> list[tuple[bytes, bytes]]:
        """Ranges, from the first to before the second, of what is kept of the files in a folder.

        Args:
            folder: with a slash at its end.
        """
        kept = self.keep(folder[:-1])
        found = [(kept + b"/", kept + b"0")]  # 0 comes after the slash
        for prefix, number in self._places or ():
            if prefix.startswith(folder) and number != kept:
                found.append((number + b"/", number + b"0"))
        return found

    def _load(self) -> list[tuple[bytes, bytes]]:
        own = b""
        self._roots = {}
        for number, uid, root in self._engine.rows("SELECT id, uid, root FROM workspace"):
            key = b"%d" % number
            self._roots[key] = root
            if self._site is not None and uid == self._site.uid:
                own, self._noted = key, Site(root, uid)
                self._roots[key] = self._site.root
        self._starts = {number + b"/": root + b"/" for number, root in self._roots.items() if len(number) == 1}
        # the nearest of several; one that is at the root of all files has only what it recorded itself
        found = [number for number, root in self._roots.items() if root or number == own]
        ordered = sorted(found, key=lambda number: (number != own, -len(self._roots[number])))
        self._places = [(self._roots[number] + b"/", number) for number in ordered]
        return self._places

    def _note(self, site: Site) -> None:
        if self._engine.rows("SELECT 1 FROM workspace WHERE uid = ?", (site.uid,)):
            self._engine.rows("UPDATE workspace SET root = ? WHERE uid = ?", site)
            return
        [(number,)] = self._engine.rows("SELECT coalesce(max(id), 0) + 1 FROM workspace")
        self._engine.rows("INSERT INTO workspace (id, uid, root) VALUES (?, ?, ?)", (number, site.uid, site.root))
        blob = "BLOB" if self._engine.database == "sqlite" else "BYTEA"
        first, after = site.root + b"/", site.root + b"0"
        for table, column in _KEPT:  # what others recorded of it, or an older roar
            self._engine.rows(
                f"UPDATE {table} SET {column} = CAST(? || substr({column}, ?) AS {blob})"
                f" WHERE {column} = ? OR ({column} >= ? AND {column} < ?)",
                (b"%d" % number, len(site.root) + 1, site.root, first, after),
            )
