"""The built-in digest algorithms: a plugin of group ``roar.hashers`` like anyone's.

Their libraries are imported when the first digest is begun.
"""

from __future__ import annotations

from collections.abc import Sequence

from roar.api.hashers import Digest, Hasher
from roar.api.markers import hookimpl

roar_api = 1


class Blake3(Hasher):
    """BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn 2020): as fast as memory, on any length."""

    name = "blake3"
    digest_bytes = 32
    rank = 200

    @classmethod
    def available(cls) -> bool:
        """Whether the package blake3 can be imported, and not only found: it is compiled for a processor."""
        try:
            import blake3  # noqa: F401 - its absence is the question
        except ImportError:
            return False
        return True

    @classmethod
    def new(cls) -> Digest:
        """An empty digest, on one thread: files, not their parts, are hashed in parallel."""
        from blake3 import blake3

        return blake3()


class Sha256(Hasher):
    """SHA-256 (FIPS 180-4): what other tools' formats ask for."""

    name = "sha256"
    digest_bytes = 32
    rank = 100

    @classmethod
    def new(cls) -> Digest:
        """An empty digest."""
        from hashlib import sha256

        return sha256(usedforsecurity=False)


class Sha512(Hasher):
    """SHA-512 (FIPS 180-4); only when it is asked for."""

    name = "sha512"
    digest_bytes = 64
    rank = 0

    @classmethod
    def new(cls) -> Digest:
        """An empty digest."""
        from hashlib import sha512

        return sha512(usedforsecurity=False)


@hookimpl
def roar_hashers() -> Sequence[type[Hasher]]:
    """The algorithms."""
    return [Blake3, Sha256, Sha512]
