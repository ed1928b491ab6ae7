"""Redaction: no secret reaches the disk.  Values are replaced as a whole, wherever they occur."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from roar.api.errors import RoarError
from roar.workspace.secret_names import REDACTED, SHORTEST, is_secret_name, is_worth_looking_for
from roar.workspace.secret_shapes import has_known_token, known_tokens
from roar.workspace.secret_text import secret_words, secrets_in_text
from roar.workspace.secret_urls import Span, secrets_in_urls, without_credentials

__all__ = ["REDACTED", "Redactor", "workspace_key", "workspace_uid"]

KEY_BYTES = 32

_RECORDED = frozenset({
    "AR", "AS", "CC", "CFLAGS", "CPPFLAGS", "CXX", "CXXFLAGS", "FC", "FFLAGS", "LANG", "LANGUAGE", "LD", "LDFLAGS",
    "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "MAKEFLAGS", "PATH", "RUSTFLAGS", "SHELL", "SOURCE_DATE_EPOCH", "TERM", "TZ",
    "UV_PYTHON", "VIRTUAL_ENV",
})  # fmt: skip
_RECORDED_PREFIXES = (
    "BLIS_", "CONDA_", "CUBLAS_", "CUDA_", "CUDNN_", "GOMP_", "HIP_", "JAX_", "KMP_", "LC_", "MKL_", "NCCL_", "NUMBA_",
    "NUMEXPR_", "NVIDIA_", "OMP_", "OPENBLAS_", "PYTHON", "PYTORCH_", "ROCR_", "TF_", "TOKENIZERS_", "TORCH_", "XLA_",
)  # fmt: skip
"""What changes results and says nothing of the person: these are recorded by value."""
_OWN = ("ROAR_",)


class Redactor:
    """Takes secrets out of what is about to be written down.

    Args:
        env: the environment; values of secret variables are taken out wherever they occur.
        key: of the workspace, for digests that tell whether a value changed without telling the value.
    """

    def __init__(self, env: Mapping[str, str], key: bytes) -> None:
        self._key = key
        self._values = _secret_values(env)

    def words(self, argv: Sequence[str]) -> tuple[str, ...]:
        """The words of a command, as many as before, secret parts replaced by ``[redacted]``."""
        whole = secret_words(argv)
        return tuple(
            self._replace(word, [(whole[index], len(word))] if index in whole else [])
            for index, word in enumerate(argv)
        )

    def text(self, text: str) -> str:
        """A text, secret parts replaced by ``[redacted]``."""
        return self._replace(text, [])

    def url(self, url: str) -> str:
        """A URL without its credentials; other secrets in it are replaced by ``[redacted]``."""
        return self.text(without_credentials(url))

    def environment(self, env: Mapping[str, str], allow: Sequence[str] = ()) -> dict[str, Any]:
        """The environment as it is recorded.

        Args:
            env: the environment of the command.
            allow: further names, or patterns (``MYAPP_*``), that are recorded by value (``env.allow``).

        Returns:
            For each variable, sorted by name, its value if it is one that is recorded by value and no secret, else
            ``{"set": true, "digest": <keyed BLAKE2b, 32 hexadecimal digits>}``.
        """
        return {name: self._variable(name, env[name], allow) for name in sorted(env) if not name.startswith(_OWN)}

    def _variable(self, name: str, value: str, allow: Sequence[str]) -> Any:
        listed = name in _RECORDED or name.startswith(_RECORDED_PREFIXES)
        listed = listed or any(fnmatchcase(name, pattern) for pattern in allow)
        if listed and not is_secret_name(name, variable=True):
            return self.text(value)
        return {"set": True, "digest": self.digest(value)}

    def digest(self, value: str) -> str:
        """A digest that only this workspace can compare: BLAKE2b keyed with the workspace's key, 128 bits, hexadecimal."""
        try:
            from _blake2 import blake2b  # what hashlib gives, without loading OpenSSL
        except ImportError:
            from hashlib import blake2b

        return blake2b(os.fsencode(value), digest_size=16, key=self._key).hexdigest()

    def _replace(self, text: str, spans: list[Span]) -> str:
        for value in self._values:
            spans += _occurrences(text, value)
        spans += known_tokens(text)
        spans += secrets_in_text(text)
        if "://" in text:
            spans += secrets_in_urls(text)
        return _redacted(text, spans) if spans else text


def _secret_values(env: Mapping[str, str]) -> tuple[str, ...]:
    values: set[str] = set()
    for name, value in env.items():
        if len(value) < SHORTEST:
            continue
        if is_secret_name(name, variable=True):
            if is_worth_looking_for(name, value):
                values |= {value, value.strip()}
        elif "://" in value:
            values |= {value[start:end] for start, end in secrets_in_urls(value) if end - start >= SHORTEST}
        elif has_known_token(value):
            values.add(value)
    values |= {_percent_encoded(value) for value in values}
    return tuple(value for value in values if len(value) >= SHORTEST)


def _percent_encoded(value: str) -> str:
    if value.isalnum() and value.isascii():
        return value
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(os.fsencode(value), safe="")


def _occurrences(text: str, value: str) -> Iterable[Span]:
    position = text.find(value)
    while position >= 0:
        yield position, position + len(value)
        position = text.find(value, position + 1)


def _redacted(text: str, spans: list[Span]) -> str:
    """The text with every span replaced, overlapping and adjoining ones by one mark: no end of a secret remains."""
    parts: list[str] = []
    done = 0
    covered = -1
    for start, end in sorted(spans):
        if end <= start:
            continue
        if start > covered:
            parts += [text[done:start], REDACTED]
        done = covered = max(end, covered)
    return "".join([*parts, text[done:]])


def workspace_key(roar_dir: Path) -> bytes:
    """The workspace's secret key of 32 bytes, made when it is first asked for; safe to be asked by many runs at once.

    Raises:
        RoarError: it can't be read or made.
    """
    path = os.path.join(roar_dir, "key")
    try:
        for _ in range(3):
            key = _read(path)
            if len(key) == KEY_BYTES:
                return key
            _place(path, replace=bool(key))
    except OSError as error:
        raise RoarError(
            f"The workspace's key {path} can't be used: {error.strerror}.",
            "Check its permissions and the disk's free space.",
        ) from error
    raise RoarError(f"The workspace's key {path} can't be used.", f"Remove it: rm {path}")


def workspace_uid(roar_dir: Path) -> str:
    """What tells the workspace from others, wherever it is: 32 hexadecimal digits, which don't tell its key.

    Raises:
        RoarError: as `workspace_key`.
    """
    return Redactor({}, workspace_key(roar_dir)).digest("workspace")


def _read(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return os.read(fd, KEY_BYTES + 1)
    finally:
        os.close(fd)


def _place(path: str, replace: bool) -> None:
    """Puts a new key in place, whole from the start; the first of several wins."""
    new = f"{path}.{os.getpid()}.{os.urandom(4).hex()}"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, os.urandom(KEY_BYTES))
        os.fsync(fd)
        if replace:
            os.replace(new, path)
        else:
            os.link(new, path)
    except FileExistsError:
        pass
    finally:
        os.close(fd)
        if os.path.lexists(new):
            os.unlink(new)
