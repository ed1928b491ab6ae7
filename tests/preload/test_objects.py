"""Which programs and libraries call the kernel themselves."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest
from preload.conftest import Traced

from roar.api.events import Blind, Event, Kind
from roar_tracer_preload.objects import ObjectScan
from roar_tracer_preload.rawcalls import calls_kernel

Compiled = Callable[..., Path]
pytestmark = pytest.mark.requirement("TRC-8")

_RAW = """
long raw(long n, const char *p) {{
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"({number}), "D"(p), "S"(0), "d"(0) : "rcx", "r11", "memory");
    return r;
}}
int main(void) {{ return raw(2, "a") < 0; }}
"""
_INT_80 = (
    'static const char name[] = "a";\n'
    'int main(void) {{ int r; __asm__ volatile("int $0x80" : "=a"(r) : "a"({number}), "b"(name), "c"(0), "d"(0) : "memory");'
    " return r < 0; }}"
)
_CASES = {
    "int 0x80: open": (_INT_80.format(number=5), True),
    "int 0x80: openat": (_INT_80.format(number=295), True),
    "int 0x80: futex": (_INT_80.format(number=240), False),
    "int 0x80: own syscall function": (
        '__asm__(".globl own\\nown: push %rbx\\nmov %edi, %eax\\nmov %esi, %ebx\\nmov %ecx, %r8d\\nmov %edx, %ecx\\n'
        'mov %r8d, %edx\\nint $0x80\\npop %rbx\\nret");\nlong own();int main(void){return own(39)<0;}',
        True,
    ),
    "open": (_RAW.format(number="2L"), True),
    "openat": (_RAW.format(number="257L"), True),
    "futex": (_RAW.format(number="202L"), False),
    "nothing": ("int main(void) { return 0; }", False),
    "libc": ('#include <fcntl.h>\nint main(void) { return open("a", 0) < 0; }', False),
    "own syscall function": (
        '__asm__(".globl own\\nown: mov %rdi, %rax\\nmov %rsi, %rdi\\nmov %rdx, %rsi\\nmov %rcx, %rdx\\n'
        'mov %r8, %r10\\nmov %r9, %r8\\nsyscall\\ncmp $-4095, %rax\\nret");\nlong own();int main(void){return own(39)<0;}',
        True,
    ),
}
if platform.machine() == "x86_64":

    @pytest.mark.parametrize("name", _CASES)
    def test_system_calls_that_concern_files_are_found(name: str, compiled: Compiled) -> None:
        source, expected = _CASES[name]
        assert calls_kernel(os.fsencode(compiled(source))) is expected

    def test_the_systems_libc_is_recognised_and_its_other_libraries_are_not() -> None:
        with open("/proc/self/maps", "rb") as maps:
            mapped = {line.split(None, 5)[5].rstrip() for line in maps if b".so" in line}
        found = {os.path.basename(path) for path in mapped if calls_kernel(path)}
        assert all(name.startswith((b"libc", b"ld-")) for name in found)
        assert any(name.startswith(b"libc.") for name in found)

    def test_a_library_that_does_so_is_named(trace: Callable[..., Traced], place: Path, compiled: Compiled) -> None:
        library = compiled(_RAW.format(number="2L"), "-shared", "-fPIC")
        code = f"import ctypes; ctypes.CDLL({str(library)!r}).raw(2, b'a')"
        seen = trace("python3", "-S", "-c", code)
        assert [(s.reason, s.subject) for s in seen.coverage.blind] == [(Blind.RAW_SYSCALLS, os.fsencode(library))]


@pytest.mark.parametrize(
    "content", [b"", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(58), b"\x7fELF\x02\x01" + b"\xff" * 5000]
)
def test_broken_files_are_no_objects(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert calls_kernel(os.fsencode(tmp_path / "x")) is False


def test_what_was_found_is_remembered(tmp_path: Path, compiled: Compiled) -> None:
    memory = tmp_path / "cache" / "objects"
    program = tmp_path / "odd name\n"
    program.write_bytes(compiled("int main(void) { return 0; }").read_bytes())
    first = ObjectScan(memory)
    first.add(Event(Kind.EXEC, 1, 0, os.fsencode(program)))
    first.look()
    first.remember()
    written = memory.stat()
    again = ObjectScan(memory)
    again.add(Event(Kind.EXEC, 1, 0, os.fsencode(program)))
    again.look()
    again.remember()
    assert memory.stat().st_mtime_ns == written.st_mtime_ns  # nothing new was learnt
    assert not again.found


def test_a_broken_memory_is_forgotten(tmp_path: Path) -> None:
    memory = tmp_path / "objects"
    memory.write_bytes(b"\xff\x00 nonsense \x00 1 2 3")
    scan = ObjectScan(memory)
    scan.add(Event(Kind.EXEC, 1, 0, b"/work/none"))
    scan.look()
    scan.remember()
    assert not scan.found
