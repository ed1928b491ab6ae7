"""What the loader was refused."""

from __future__ import annotations

import os


class Refused(Exception):
    """The probe was not armed."""

    def __init__(self, error: int, step: str, advice: str) -> None:
        super().__init__(f"{os.strerror(error)} {step}")
        self.error = error
        """errno of what was refused; 0 when it was no call of the kernel's."""
        self.step = step
        """What was tried."""
        self.advice = advice
        """A code for what could be done about it, see `preflight.failure`; may be empty."""
