"""Processes and threads that the command starts: many, in every way, and what they share."""

from __future__ import annotations

import os

import pytest
from fidelity.lines import AsBare, cases

PROCESSES = {
    "a hundred threads that open files": "@ threads open",
    "threads that fork": "@ threads forks; echo $?",
    "another program from a thread that isn't the first": "@ threads exec | (read a; read b;"
    ' test "$a" = "$b"; echo $?; cat); echo ${PIPESTATUS[0]}',
    "four hundred programs, by vfork and posix_spawn": "@ processes starts",
    "two thousand processes": "@ processes forks",
    "processes in processes": "@ processes deep",
    "orphans": "@ processes orphan",
    "odd clones": "@ processes clones",
    "locks and leases": "@ processes locks",
    "a file that is watched": "@ processes watched",
    "a shell's many": "@ bash -c 'for i in {1..100}; do /bin/true & done; wait; for i in {1..20}; do (exit $i) & done; wait; echo $?'",
    "xargs": "@ sh -c 'seq 60 | xargs -P 8 -n 3 echo | sort | cksum'",
    "make": '@ sh -c \'printf "all: a b c d\\n%%:\\n\\tcat README > \\$@; echo \\$@>> order\\n" > Makefile;'
    " make -s -j4 && cat a b c d | cksum; sort order; rm order'",
    "programs that were just written": "@ bash -c 'for i in {1..20}; do cp /bin/true t$i && ./t$i || echo $i; done; rm t*'",
    "a script that was just written": "@ bash -c 'for i in {1..20}; do echo \"#!/bin/cat\" > t$i; chmod +x t$i; ./t$i; done; rm t*'",
    "a FIFO between two": "@ sh -c 'mkfifo f; cat f & echo through > f; wait; (sleep 0.05; echo late > f) & cat f; wait; rm f'",
    "many FIFOs that wait at once": "@ bash -c 'mkfifo x{1..20}; for i in {1..20}; do cat x$i & done; cat README;"
    " for i in {20..1}; do echo x > x$i; done; wait; rm x*'",
    "Python's own processes": "@ python3 -c '"
    "import subprocess, multiprocessing.pool as pool, os\n"
    'print(subprocess.run(["cat", "README"], capture_output=True).stdout)\n'
    'print(sorted(pool.ThreadPool(8).map(lambda n: subprocess.call(["sh", "-c", f"exit {n}"]), range(24))))\n'
    'print(os.waitstatus_to_exitcode(os.system("cat README; exit 3")))\'',
    "errors of calls": "mkdir w; cd w; echo x > a; echo x > b; ln -s loop loop; @ calls; rm t??????; cd ..; ls w; rm -r w",
    "a pipe that the command closes": "@ sh -c 'exec >&-; until [ -e go ]; do sleep 0.01; done; rm go; exit 3' | (cat; >go; wait);"
    " echo ${PIPESTATUS[0]}",
    "a pipe that the command stops to read": "(yes 2>/dev/null; echo $? > code) |"
    " @ sh -c 'exec <&-; until [ -s code ]; do sleep 0.01; done; exit 3'; echo $?; cat code; rm code",
    "time": "@ bash -c 'time true' 2>&1 | tr 0-9 0",
}
AS_ROOT = {
    "a mount that goes": "@ unshare -m sh -c 'mkdir m; mount -t tmpfs none m; echo x > m/f; cat m/f; cd m; cat f; cd ..;"
    " umount m; echo $?; rmdir m'",
    "a process space of its own": "@ unshare -pf --mount-proc sh -c 'echo $$; cat README | wc -l;"
    " echo /proc/[0-9]*; exit 3'; echo $?",
    "another root": "mkdir -p r/bin; cp $(command -v busybox) r/bin/sh; echo in > r/f;"
    " @ chroot r /bin/sh -c 'read x < /f; echo $x; echo out > /g; read x < /g; echo $x; exit 3'; echo $?; rm -r r",
    "another user": "@ setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'id -u; cat README; echo x > none; exit 3'; echo $?",
    "a setuid program": "cp $(command -v who-am-i) w; chown 65534:65534 w; chmod 6755 w; @ ./w; @ sh -c './w; cat README'; rm w",
    "a program with capabilities": "cp $(command -v who-am-i) w; setcap cap_net_raw=ep w;"
    " @ setpriv --reuid 65534 --clear-groups ./w; rm w",
    "su": "@ su -s /bin/sh nobody -c 'id -u; cat README' < /dev/null; echo $?",
}
_ROOT = os.geteuid() == 0


@pytest.mark.requirement("RUN-2", "RUN-3")
@cases({**PROCESSES, **(AS_ROOT if _ROOT else {})})
def test_processes_are_as_without_roar(as_bare: AsBare, line: str) -> None:
    as_bare(line)
