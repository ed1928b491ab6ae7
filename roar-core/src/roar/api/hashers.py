"""The interface of a hasher: a digest algorithm by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Protocol


class Digest(Protocol):
    """A digest in the making; as hashlib's."""

    def update(self, data: bytes | bytearray | memoryview, /) -> object:
        """Takes more bytes.  Called from several threads for different digests; should release the GIL for large data."""

    def hexdigest(self) -> str:
        """The digest so far, lower-case hexadecimal."""


class Hasher(ABC):
    """An algorithm.  ``hash.primary`` names the one that identifies artifacts; among those available the highest rank is the default."""

    name: ClassVar[str]
    """As it appears in records and in ``Hash (<name>): …``."""
    digest_bytes: ClassVar[int]
    rank: ClassVar[int] = 0
    """Ours: blake3 200, sha256 100; 0 and below are never chosen by default."""

    @classmethod
    def available(cls) -> bool:
        """Whether its library can be imported here."""
        return True

    @classmethod
    @abstractmethod
    def new(cls) -> Digest:
        """An empty digest."""
