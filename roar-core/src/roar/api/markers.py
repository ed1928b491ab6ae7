"""The marker of hook implementations, apart from the specifications so that a plugin needs to import only this."""

from __future__ import annotations

import pluggy

hookimpl = pluggy.HookimplMarker("roar")
"""``@hookimpl`` before a function of a plugin's module makes it an implementation of the hook of its name."""
