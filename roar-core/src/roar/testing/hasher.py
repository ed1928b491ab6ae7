"""What every hasher must do."""
# ruff: noqa: S101 - asserts are what a test kit is made of

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from roar.api.hashers import Hasher

_PIECES = (b"", b"a", b"bc" * 1000, bytes(range(256)) * 513, b"\0" * 65_537)


class HasherContract:
    """Subclass it and set `hasher` to the class; its library must be installed."""

    hasher: type[Hasher]

    def digest(self, data: bytes) -> str:
        """The digest of the data, given in one piece."""
        made = self.hasher.new()
        made.update(data)
        return made.hexdigest()

    def test_it_says_what_it_is(self) -> None:
        """Name, size and rank are of the right types, and the name can be typed."""
        assert issubclass(self.hasher, Hasher)
        assert isinstance(self.hasher.name, str) and self.hasher.name.isprintable() and self.hasher.name.split() != []
        assert isinstance(self.hasher.digest_bytes, int) and self.hasher.digest_bytes > 0
        assert isinstance(self.hasher.rank, int)

    def test_its_library_is_here(self) -> None:
        """``available`` answers True, and not something that only looks like it."""
        assert self.hasher.available() is True

    def test_digests_are_lower_case_hexadecimal_of_the_promised_size(self) -> None:
        """Also the one of nothing."""
        for data in _PIECES:
            digest = self.digest(data)
            assert len(digest) == 2 * self.hasher.digest_bytes
            assert set(digest) <= set("0123456789abcdef")

    def test_how_the_data_is_cut_makes_no_difference(self) -> None:
        """Pieces of any size, empty ones too, give the digest of the whole."""
        made = self.hasher.new()
        for piece in _PIECES:
            made.update(piece)
        assert made.hexdigest() == self.digest(b"".join(_PIECES))

    def test_every_kind_of_buffer_is_taken(self) -> None:
        """bytes, bytearray and memoryview alike."""
        data = _PIECES[3]
        for buffer in (data, bytearray(data), memoryview(data), memoryview(b"x" + data)[1:]):
            made = self.hasher.new()
            made.update(buffer)
            assert made.hexdigest() == self.digest(data)

    def test_a_digest_can_be_looked_at_and_goes_on(self) -> None:
        """Asking twice gives the same, and asking changes nothing."""
        made = self.hasher.new()
        made.update(b"one")
        assert made.hexdigest() == made.hexdigest() == self.digest(b"one")
        made.update(b"two")
        assert made.hexdigest() == self.digest(b"onetwo")

    def test_every_bit_counts(self) -> None:
        """Contents that differ in a bit, in their length or in their order have digests of their own."""
        data = _PIECES[3]
        variants = [data, data[:-1], data + b"\0", b"\0" + data, data[::-1]]
        for place in (0, len(data) // 2, len(data) - 1):
            changed = bytearray(data)
            changed[place] ^= 1
            variants.append(bytes(changed))
        assert len({self.digest(variant) for variant in variants}) == len(variants)

    def test_digests_of_different_files_do_not_mix_across_threads(self) -> None:
        """Several threads hash at once, each its own digest."""
        data = [bytes([number]) * 300_000 for number in range(16)]
        expected = [self.digest(one) for one in data]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(self.digest, data)) == expected

    def test_another_process_computes_the_same(self) -> None:
        """Nothing in it depends on the process, as Python's own hash() does."""
        code = (
            "import sys, importlib; cls = getattr(importlib.import_module(sys.argv[1]), sys.argv[2]); d = cls.new();"
            " d.update(b'the same everywhere'); print(d.hexdigest())"
        )
        words = [sys.executable, "-c", code, self.hasher.__module__, self.hasher.__qualname__]
        environment = {"PYTHONPATH": ":".join(filter(None, sys.path)), "PYTHONHASHSEED": "1"}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.strip() == self.digest(b"the same everywhere"), done.stderr
