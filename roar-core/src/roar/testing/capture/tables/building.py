"""Compilers and build tools."""

from __future__ import annotations

from roar.testing.capture.case import Case, case, have

_LIBRARY = "echo 'int f(void){return 0;}' > f.c"

CASES: list[Case] = [
    case("make", "make -s prog", "Makefile m.c m.h", "prog"),
    case("make twice", "make -s prog; make -s prog", "Makefile m.c m.h", "prog"),
    case("make with nothing to do", "touch prog; make -s prog", "Makefile", "prog"),
    case("make asks only", "make -n prog > /dev/null", "Makefile"),
    case("make elsewhere", "cp Makefile m.c m.h sub; make -s -C sub prog", "Makefile m.c m.h",
         "sub/Makefile sub/m.c sub/m.h sub/prog"),
    case("make parallel", "printf 'all: x y z\\nx y z: a\\n\\tcat a > $@\\n' > M; make -s -j3 -f M; rm M", "a", "x y z"),
    case("make includes", "printf 'include inc\\nall: ; cat a > out\\n' > M; echo V=1 > inc; make -s -f M; rm M inc", "a", "out"),
    case("make removes what failed", "printf 'out: a\\n\\tcat a > out; false\\n.DELETE_ON_ERROR:\\n' > M; make -s -f M 2>/dev/null; rm M",
         "a"),
    case("cc", "cc -c m.c -o m.o", "m.c m.h", "m.o"),
    case("cc and run", "cc -o prog m.c; ./prog", "m.c m.h", "prog"),
    case("cc to assembly, as, ld", "cc -S m.c -o m.s; as m.s -o m.o; ld -r m.o -o r.o", "m.c m.h", "m.s m.o r.o"),
    case("cc with pipes", "cc -pipe -c m.c -o m.o", "m.c m.h", "m.o"),
    case("cc preprocesses", "cc -E m.c > m.i", "m.c m.h", "m.i"),
    case("cc keeps what is between", "cc -save-temps -c m.c", "m.c m.h", "m.i m.s m.o"),
    case("cc from input", "echo 'int x;' | cc -x c -c - -o out.o", "", "out.o"),
    case("cc fails", "echo '#error no' > bad.c; cc -c bad.c 2>/dev/null; rm bad.c"),
    case("cc, ar, link, strip", f"{_LIBRARY}; cc -c f.c; ar rc libf.a f.o; cc -o p m.c libf.a; strip p; rm f.c f.o", "m.c m.h",
         "libf.a p"),
    case("ar extracts", f"{_LIBRARY}; cc -c f.c; ar rc libf.a f.o; rm f.o f.c; ar x libf.a", "", "libf.a f.o"),
    case("objcopy in place", "cc -g -c m.c -o m.o; objcopy --strip-debug m.o", "m.c m.h", "m.o"),
    case("cc dependency file", "cc -MMD -c m.c -o m.o", "m.c m.h", "m.o m.d"),
    case("cc shared, loaded by name", "echo 'int g(void){return 0;}' > g.c; cc -shared -fPIC -o libg.so g.c; rm g.c; echo x > out",
         "", "libg.so out"),
    case("nm, size, readelf", "nm copy > o1 2>&1; size copy > o2; readelf -h copy > o3", "copy", "o1 o2 o3", code=None),
]  # fmt: skip
if have("cmake"):
    CASES += [
        case("cmake copies", "cmake -E copy a out", "a", "out"),
        case("cmake touches", "cmake -E touch out", "", "out"),
        case("cmake script",
             "printf 'file(READ a t)\\nfile(WRITE out \"${t}\")\\nfile(RENAME b z)\\n' > s.cmake; cmake -P s.cmake; rm s.cmake",
             "a b", "out z"),
        case("cmake configures a file", "printf 'configure_file(${CMAKE_CURRENT_LIST_DIR}/a ${CMAKE_CURRENT_LIST_DIR}/out)' > s.cmake;"
             " cmake -P s.cmake; rm s.cmake", "a", "out"),
    ]  # fmt: skip
if have("ninja"):
    CASES.append(
        case("ninja", "printf 'rule c\\n command = cat $in > $out\\nbuild out: c a\\n' > build.ninja; ninja > /dev/null;"
             " rm -f .ninja_log .ninja_deps", "a", "build.ninja out")
    )  # fmt: skip
