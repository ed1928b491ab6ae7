"""Files that are open when roar is started: its standard streams, and other descriptors."""

from __future__ import annotations

from roar.api.tracer import Capability
from roar.testing.capture.case import PYTHON, Case, case
from roar.testing.capture.programs import is_static

_CAT = ("cat",)

CASES: list[Case] = [
    case("inherited: input", _CAT, "a", opened="0<a"),
    case("inherited: output", ("cat", "a"), "a", "out", opened="1>out"),
    case("inherited: input and output", _CAT, "a", "out", opened="0<a 1>out"),
    case("inherited: output over", ("echo", "x"), "", "a", opened="1>a"),
    case("inherited: output appended", ("echo", "x"), "a", "a", opened="1>>a"),
    case("inherited: output appended, new", ("echo", "x"), "", "out", opened="1>>out"),
    case("inherited: output appended, nothing written", ("true",), opened="1>>a"),
    case("inherited: errors", ("ls", "./nothere"), "", "err", code=2, opened="2>err"),
    case("inherited: output and errors", "cat a; ls ./nothere", "a", "out err", code=2, opened="1>out 2>err"),
    case("inherited: read-write", "read l <&5; echo $l >&5", "a", "a", opened="5<>a"),
    case("inherited: another descriptor", "cat <&7 >&8", "a", "out", opened="7<a 8>out"),
    case("inherited: another descriptor by name", "cat /dev/fd/7 > /dev/fd/8", "a", "out", opened="7<a 8>out"),
    case("inherited: a high descriptor", (PYTHON, "-B", "-c", "import os;os.write(99,os.read(98,9))"), "a", "out",
         opened="98<a 99>out"),
    case("inherited: one file twice", "cat <&0; echo x >&1", "a", "a", opened="0<a 1>>a"),
    case("inherited: output removed", "echo x; rm out", opened="1>out"),
    case("inherited: input by a child", "sh -c 'sh -c cat' > out", "a", "out", opened="0<a"),
    case("inherited: in another directory", "cd sub; cat > y", "a", "sub/y", opened="0<a"),
    case("inherited: through links", _CAT, "sub/x", "b", opened="0<way/x 1>./sub/../b"),
]  # fmt: skip
if is_static("busybox"):
    CASES.append(
        case("inherited: by a static program", ("busybox", "cat"), "a", "out", needs=Capability.STATIC_BINARIES, anyway="a out",
             opened="0<a 1>out")
    )  # fmt: skip
