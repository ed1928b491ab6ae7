"""Arguments of system calls that no libc would give: what is in the upper halves of registers, and lengths in two halves."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from roar.testing.tracer import Ground

pytestmark = pytest.mark.requirement("TRC-10", "NORM-2")

_HALVES = r"""
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define JUNK(low) (0xfeedbeef00000000UL | (unsigned)(low))
#define MUST(what) do { if ((long)(what) < 0) { perror(#what); return 1; } } while (0)

int main(void) {
    long f;
    MUST(f = syscall(SYS_openat, JUNK(AT_FDCWD), "a", JUNK(O_RDONLY), 0));
    close(f);
    MUST(f = syscall(SYS_openat, JUNK(AT_FDCWD), "made", JUNK(O_WRONLY | O_CREAT | O_EXCL), 0644));
    MUST(syscall(SYS_ftruncate, JUNK(f), 0L));
    close(f);
    MUST(f = syscall(SYS_openat, AT_FDCWD, "b", 0xffffffff80000000UL | O_RDONLY, 0)); /* a bit that nobody knows */
    close(f);
    MUST(syscall(SYS_renameat2, JUNK(AT_FDCWD), "made", JUNK(AT_FDCWD), "moved", JUNK(0)));
    MUST(syscall(SYS_linkat, JUNK(AT_FDCWD), "moved", JUNK(AT_FDCWD), "linked", JUNK(0)));
    MUST(syscall(SYS_symlinkat, "a", JUNK(AT_FDCWD), "soft"));
    MUST(syscall(SYS_unlinkat, JUNK(AT_FDCWD), "moved", JUNK(0)));
    MUST(syscall(SYS_mknodat, JUNK(AT_FDCWD), "node", JUNK(0100644), 0));
    MUST(f = syscall(SYS_openat, AT_FDCWD, "large", O_WRONLY, 0));
    MUST(syscall(SYS_ftruncate, f, 0x100000000)); /* whose lower half is 0 */
    return 0;
}
"""

_TWO_DOORS = r"""
#include <fcntl.h>
#include <unistd.h>

static long call(long number, long a, long b, long c, long d) {
    long done;
    __asm__ volatile("int $0x80" : "=a"(done) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
    return done;
}

int main(void) {
    int f = call(5, (long)"large", O_WRONLY | 0100000, 0, 0);
    if (f < 0 || call(194, f, 0, 1, 0)) return 1; /* ftruncate64 to 4 GiB */
    if (call(193, (long)"other", 0, 1, 0)) return 2; /* truncate64 */
    f = call(5, (long)"emptied", O_WRONLY, 0, 0);
    if (f < 0 || call(194, f, 0, 0, 0) || write(f, "x", 1) != 1) return 3;
    return 0;
}
"""


def test_upper_halves_of_registers_make_no_difference(ground: Ground, compiled: Callable[..., Path]) -> None:
    ground.write(a="1\n", b="2\n", large="3\n")
    driven, _, err = ground.run(str(compiled(_HALVES)))
    assert driven.exit is not None and driven.exit.code == 0, err
    assert driven.blind == ()
    assert driven.coverage is not None and driven.coverage.notes == ()
    assert ground.inputs(driven) == {b"a", b"b", b"large"}
    assert ground.outputs(driven) == {b"linked", b"node", b"large"}


def test_lengths_in_two_halves_are_one_length(ground: Ground, compiled: Callable[..., Path]) -> None:
    """What is kept of a file makes it an input; what was cut to nothing is the program's own."""
    if os.uname().machine != "x86_64":
        return  # there is no such interface
    ground.write(large="1\n", other="2\n", emptied="3\n")
    driven, _, err = ground.run(str(compiled(_TWO_DOORS, "-no-pie")))
    assert driven.exit is not None and driven.exit.code == 0, err
    assert driven.blind == ()
    assert ground.inputs(driven) == {b"large", b"other"}
    assert ground.outputs(driven) == {b"large", b"other", b"emptied"}
