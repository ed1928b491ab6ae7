"""Compiles the probe into the object that the package ships, with bcc, ahead of time: ``python -m roar_tracer_ebpf.compile``.

For developers; nobody else needs bcc, which is Debian's python3-bpfcc (the index's ``bcc`` is another program).  It is used as a
compiler alone: no kernel header is read and nothing is loaded, so any machine will do, and two compilations by the same bcc are
the same to the byte.  ``--check`` compares with the object that is there.

The object, little endian, strings with their length in the byte before:

    "ROARBPF2", u32 length of the rest after the next field, u32 its CRC-32
    u16 n, n symbols: kind, name, a, b      o offset of member b (alternatives a|b, path x.y, +N) in struct a; p the same, by machine;
                                            c constant by machine; t BTF id of struct a; k of function a; m map; s program a
    u16 n, n machines: name; u16 n, n × (u16 symbol, struct, member); u32 the constant; two tables: u16 n, n × (u16 number, u8 action)
    u32 × 6: sizes of the values of GLOBALS, COUNTERS, SCRATCH; entries of SCRATCH, PROCS; where the tables are in GLOBALS
    u16 n, n programs: name; u8 variant (1 FAST), u8 tiers, u8 optional, u16 program type, u16 attach type, u8 parameters, target,
                       u16 n, n × (u16 instruction, u16 symbol), u16 n, n instructions; none: those of the program before
"""

from __future__ import annotations

import os
import re
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from roar_tracer_ebpf import layout
from roar_tracer_ebpf.layout import MAGIC, PROGRAMS, SYMBOLS
from roar_tracer_ebpf.syscalls import MACHINES

PROBE = Path(__file__).parent / "probe"
OBJECT = Path(__file__).parent / "probe.bin"
FAST, COMPAT = 1, 0
_DIST_PACKAGES = "/usr/lib/python3/dist-packages"
_MOVE, _LOAD_WIDE, _CALL = 0xB7, 0x18, 0x85
_OPCODES = {"o": _MOVE, "p": _MOVE, "t": _MOVE, "c": _MOVE, "m": _LOAD_WIDE, "k": _CALL, "s": _CALL}
_INSTRUCTION = struct.Struct("<BBhi")


class Code(NamedTuple):
    """A compiled function."""

    instructions: bytes
    symbols: tuple[tuple[int, int], ...]
    """(instruction, index of the symbol)"""


def main(arguments: list[str]) -> int:
    """Compiles, and writes the object or compares with it; the exit code."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write("Usage: python -m roar_tracer_ebpf.compile [--check]\n")
        return 2
    compiled = build()
    if arguments:
        if OBJECT.read_bytes() == compiled:
            return 0
        sys.stderr.write(f"{OBJECT} is not what its sources compile to.\nRun: python -m roar_tracer_ebpf.compile\n")
        return 1
    partial = OBJECT.with_suffix(".new")
    partial.write_bytes(compiled)
    os.replace(partial, OBJECT)  # a loader may be reading it
    sys.stdout.write(f"{OBJECT}: {len(compiled)} bytes\n")
    return 0


def build() -> bytes:
    """The object, compiled from the sources.

    Raises:
        SystemExit: bcc is missing, or doesn't compile them as the loader needs it.
    """
    bcc = _bcc()
    functions = sorted({program.function for program in PROGRAMS})
    with tempfile.TemporaryDirectory(prefix="roar-ebpf-") as place:
        Path(place, "symbols.h").write_text(_header(), "ascii")
        os.environ["BCC_KERNEL_SOURCE"] = str(PROBE / "headers")
        code = {variant: _compile(bcc, variant, place, functions) for variant in (FAST, COMPAT)}
    body = _packed(code)
    return b"ROARBPF2" + struct.pack("<II", len(body), zlib.crc32(body)) + body


def _bcc() -> ModuleType:
    for path in ("", _DIST_PACKAGES):  # a virtual environment doesn't see Debian's
        if path:
            sys.modules.pop("bcc", None)
            sys.path.append(path)
        try:
            import bcc
        except ImportError:
            continue
        if hasattr(bcc, "BPF"):
            found: ModuleType = bcc
            return found
    raise SystemExit(
        "Error: the BPF Compiler Collection is missing (the index's bcc is another program).\nRun: apt install python3-bpfcc"
    )


def _header() -> str:
    """What the probe includes as symbols.h."""
    lines = [f"#define {name} {value}" for name, value in layout.CONSTANTS.items()]
    for index, symbol in enumerate(SYMBOLS):
        magic = MAGIC + index
        wide = f"0x{magic << 32 | magic:x}ull"
        plain = {"m": wide, "k": f"0x{magic:x}", "s": f"0x{magic:x}"}.get(symbol.kind, f"SYMBOL(0x{magic:x})")
        lines.append(f"#define {symbol.name} {plain}")
    return "\n".join(lines) + "\n"


def _compile(bcc: ModuleType, variant: int, place: str, functions: Iterable[str]) -> dict[str, Code]:
    flags = [f"-I{PROBE}", f"-I{place}", f"-DFAST={variant}", "-Wno-int-conversion", "-Wno-address-of-packed-member"]
    # bcc wants the source as text and takes a function that it can see as a program
    program = bcc.BPF(text=_inlined("probe.c"), cflags=flags)
    return {name: _found(name, program.dump_func(name)) for name in functions}


def _inlined(name: str) -> str:
    """A source with our own headers in it: bcc rewrites, and looks for functions in, the main file alone."""
    text = (PROBE / name).read_text("utf-8")
    return re.sub(
        r'^#include "(?!symbols\.h)(\w+\.h)"[^\n]*$', lambda found: _inlined(found[1]), text, flags=re.MULTILINE
    )


def _found(name: str, code: bytes) -> Code:
    """Where the symbols are; an immediate that the compiler has computed with would be a wrong number at run time."""
    found = []
    at = 0
    while at < len(code) // 8:
        opcode, _, _, immediate = _INSTRUCTION.unpack_from(code, at * 8)
        index = immediate - MAGIC
        if 0 <= index < len(SYMBOLS):
            if opcode != _OPCODES[SYMBOLS[index].kind]:
                raise SystemExit(f"Error: {name}: {SYMBOLS[index].name} is in an instruction {opcode:#x}, number {at}")
            found.append((at, index))
        elif immediate & 0x7FF00000 == MAGIC and opcode != _LOAD_WIDE:
            raise SystemExit(f"Error: {name}: instruction {at} has an immediate that was computed from a symbol's")
        at += 2 if opcode == _LOAD_WIDE else 1
    return Code(code, tuple(found))


def _packed(code: dict[int, dict[str, Code]]) -> bytes:
    indices = {symbol.name: index for index, symbol in enumerate(SYMBOLS)}
    parts = [struct.pack("<H", len(SYMBOLS))]
    parts += [s.kind.encode() + _text(s.name) + _text(s.a) + _text(s.b) for s in SYMBOLS]
    parts.append(struct.pack("<H", len(MACHINES)))
    for machine in MACHINES:
        parts += [_text(machine.name), struct.pack("<H", len(machine.offsets))]
        parts += [
            struct.pack("<H", indices[f"O_{name}"]) + _text(a) + _text(b) for name, (a, b) in machine.offsets.items()
        ]
        parts.append(struct.pack("<I", machine.compat_mask))
        for table in (machine.own, machine.compat):
            parts.append(
                struct.pack("<H", len(table)) + b"".join(struct.pack("<HB", *one) for one in sorted(table.items()))
            )
    parts.append(
        struct.pack(
            "<6I", layout.GLOBALS_SIZE, layout.COUNTERS_SIZE, layout.SCRATCH_SIZE, layout.SCRATCH_DEPTH, layout.PROCESSES,
            layout.GLOBALS_ACTIONS,
        )
    )  # fmt: skip
    parts.append(struct.pack("<H", len(PROGRAMS) * len(code)))
    for variant, functions in code.items():
        before = ""
        for program in PROGRAMS:
            instructions, symbols = functions[program.function] if program.function != before else Code(b"", ())
            before = program.function
            head = struct.pack(
                "<BBBHHB", variant, program.tiers, program.optional, program.type, program.attach, program.parameters
            )
            parts += [
                _text(program.name or program.function),
                head,
                _text(program.target),
                struct.pack("<H", len(symbols)),
            ]
            parts += [struct.pack("<HH", *symbol) for symbol in symbols]
            parts += [struct.pack("<H", len(instructions) // 8), instructions]
    return b"".join(parts)


def _text(text: str) -> bytes:
    encoded = text.encode("ascii")
    return bytes((len(encoded),)) + encoded


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
