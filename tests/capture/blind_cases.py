"""Programs that a library before libc can't see into: the verdict must say so."""

from __future__ import annotations

from capture.cases import Case, case

CASES: list[Case] = [
    case("static", "./static > out", "static", "out", "partial", reason="static is a static binary"),
    case("static first", ("./static",), "static", "", "partial", reason="static is a static binary"),
    case("static by env -i", "env -i ./static", "static", "", "partial", reason="static binary"),
    case("static in a pipeline", "./static | cat > out", "static", "out", "partial", reason="static binary"),
    case("dynamic child of a static one", "./staticrun", "staticrun a", "out", "partial", reason="static binary"),
    case("Go", "./go > out", "go", "out", "partial", reason="Go binary"),
    case("Go first", ("./go",), "go", "", "partial", reason="Go binary"),
    case("32 bit", "./bit32 2> err", "bit32", "err", "partial", reason="foreign architecture"),
    case("32 bit first", ("./bit32",), "bit32", "", "partial", reason="foreign architecture"),
    case("unknown loader", "./loader > out", "loader", "out", "partial", reason="unknown program loader"),
    case("setuid", "./suid", "suid", "", "partial", reason="setuid"),
    case("setuid first", ("./suid",), "suid", "", "partial", reason="setuid"),
    case("setuid, no new privileges", "setpriv --no-new-privs ./suid", "suid", ""),
    case("privileges dropped", "setpriv --reuid 65534 --clear-groups true", "", "", "partial", reason="out of reach"),
    case("AddressSanitizer", "./asan > out", "asan", "out", "partial", reason="AddressSanitizer"),
    case("AddressSanitizer first", ("./asan",), "asan", "", "partial", reason="AddressSanitizer"),
    case("left in the background", "(exec sleep 2) & exit 3", "", "", "partial", 3, "outlived"),
    case(
        "static, by a script",
        "printf '#!./static\\n' > s; chmod +x s; ./s; rm s",
        "static",
        "",
        "partial",
        reason="static",
    ),
]
