"""The marker of hook implementations, apart from the specifications so that a plugin needs to import only this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

_F = TypeVar("_F", bound=Callable[..., Any])


class _HookimplMarker:
    """Marks as ``pluggy.HookimplMarker("roar")`` does, to the letter, without importing pluggy: that alone takes 10 ms."""

    @overload
    def __call__(self, function: _F) -> _F: ...

    @overload
    def __call__(
        self,
        *,
        wrapper: bool = ...,
        optionalhook: bool = ...,
        tryfirst: bool = ...,
        trylast: bool = ...,
        specname: str | None = ...,
    ) -> Callable[[_F], _F]: ...

    def __call__(
        self,
        function: Any = None,
        *,
        wrapper: bool = False,
        optionalhook: bool = False,
        tryfirst: bool = False,
        trylast: bool = False,
        specname: str | None = None,
    ) -> Any:
        def mark(marked: _F) -> _F:
            marked.roar_impl = {  # type: ignore[attr-defined]
                "wrapper": wrapper,
                "hookwrapper": False,
                "optionalhook": optionalhook,
                "tryfirst": tryfirst,
                "trylast": trylast,
                "specname": specname,
            }
            return marked

        return mark if function is None else mark(function)


hookimpl = _HookimplMarker()
"""``@hookimpl`` before a function of a plugin's module makes it an implementation of the hook of its name."""
