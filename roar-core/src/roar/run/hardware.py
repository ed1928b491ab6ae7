"""The machine of a run: kernel, processors, memory, graphics processors.  Read from /proc; nothing is started."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

_NVIDIA = "/proc/driver/nvidia"


def system(nvidia: str = _NVIDIA) -> dict[str, Any]:
    """The machine and its software: kernel, architecture, C library, processors, memory in bytes, GPUs where there are any.

    Args:
        nvidia: where NVIDIA's driver tells of itself.
    """
    uname = os.uname()
    described: dict[str, Any] = {
        "kernel": uname.release,
        "system": uname.sysname,
        "machine": uname.machine,
        "processors": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "roar_python": ".".join(map(str, sys.version_info[:3])),
    }
    with contextlib.suppress(ValueError, OSError):  # another C library than glibc
        described["libc"] = os.confstr("CS_GNU_LIBC_VERSION")
    for key, value in (("distribution", _os_release()), ("cpu", _cpu())):
        if value:
            described[key] = value
    return described | _gpus(nvidia)


def _os_release() -> str | None:
    try:
        with open("/etc/os-release", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("PRETTY_NAME="):
                    return line.partition("=")[2].strip().strip("\"'")
    except OSError:
        pass
    return None


def _cpu() -> str | None:
    """The model of the first processor; the file has an entry a processor and is made as far as it is read."""
    for name, value in _fields(_head("/proc/cpuinfo")):
        if name in ("model name", "Model", "Processor", "cpu model", "CPU part"):
            return value
    return None


def _gpus(nvidia: str) -> dict[str, Any]:
    """NVIDIA's driver and the models of its devices, in the order of their addresses."""
    try:
        devices = sorted(os.listdir(f"{nvidia}/gpus"))
    except OSError:
        return {}
    models = [dict(_fields(_head(f"{nvidia}/gpus/{device}/information"))).get("Model", "unknown") for device in devices]
    driver = [word for word in _head(f"{nvidia}/version").split() if word[:1].isdigit() and "." in word]
    return {"gpus": models} | ({"gpu_driver": driver[0]} if driver else {})


def _head(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(descriptor, 4096).decode("utf-8", "replace")
        finally:
            os.close(descriptor)
    except OSError:
        return ""


def _fields(text: str) -> list[tuple[str, str]]:
    pairs = (line.partition(":") for line in text.splitlines())
    return [(name.strip(), value.strip()) for name, colon, value in pairs if colon]
