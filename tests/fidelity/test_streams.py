"""Standard streams, pipes and other descriptors are the command's own."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest
from fidelity.lines import BARE, AsBare, Lines, cases, facts
from fidelity.tracers import Tracer

STREAMS = {
    "stdin of a pipe": "echo a b c | @ cat",
    "stdin of a file": "@ cat < README",
    "stdin for both": "@ cat <> README",
    "stdin shared": "(@ head -c 2; cat) < README",
    "stdin half read": '(read first; echo "first $first"; @ cat) < README',
    "stdin of a here-document": "@ cat <<< 'a b c'",
    "stdin of /dev/null": "@ cat < /dev/null; echo $?",
    "stdin of a FIFO": "mkfifo fifo; (echo hi > fifo &) ; @ cat < fifo; rm fifo",
    "stdin closed": "@ cat <&-; echo $?",
    "stdin by its names": "@ cat /dev/stdin < README; echo x | @ cat /proc/self/fd/0; @ cat /dev/fd/0 < README",
    "stdin left alone": "(@ true; cat) < README; echo abc | (@ true; cat)",
    "stdout closed": "@ sh -c 'echo hi; exit 3' >&-; echo $?",
    "stdout by its names": "@ sh -c 'echo hi > /dev/stdout; echo ho > /proc/self/fd/1; echo hu > /dev/fd/1' | cat",
    "stderr closed": "@ sh -c 'echo hi; echo err >&2; echo x' 2>&-; echo $?",
    "stderr alone": "@ sh -c 'echo hi >&2'",
    "all closed": "@ sh -c 'exit 4' <&- >&- 2>&-; echo $?",
    "closed stays closed": "@ ls /proc/self/fd <&- 2>&-",
    "first free descriptor": "@ bash -c 'exec {a}<README; echo $a; exec {b}</dev/null; echo $b; head -c 3 <&$a'",
    "appending": "echo a > out; @ echo b >> out; @ echo c >> out; cat out",
    "a reader that leaves": "@ yes | head -1; echo ${PIPESTATUS[0]}",
    "a reader that leaves, stderr too": "@ sh -c 'yes >&2' 2>&1 | head -1; echo ${PIPESTATUS[0]}",
    "a writer that is told": "@ sh -c 'yes 2>&1; exit 3' | head -1; echo ${PIPESTATUS[0]}",
    "a pipeline in it": "@ sh -c 'cat README | tr a-z A-Z | sort -r | head -1; exit 6'; echo $?",
    "a pipeline of runs": "@ cat README | @ tr a-z A-Z | @ sort | head -2; echo ${PIPESTATUS[@]}",
    "much through it": "head -c 3000000 /dev/zero | @ cat | cksum",
    "a full device": "@ /bin/echo hi > /dev/full; echo $?",
    "both to one file": "@ sh -c 'echo a; echo b >&2; echo c' > both 2>&1",
    "stdin and stdout of one file": "@ sh -c 'read a; echo \"<$a>\"' <> README 1>&0",
    "no descriptor more": "@ ls /proc/self/fd; @ bash -c 'ls /proc/self/fd; (ls /proc/self/fd)'",
    "descriptors 3 to 9": "@ bash -c 'for i in 3 4 5 6 7 8 9; do readlink /proc/self/fd/$i | sed s/[0-9]//g; done'"
    " 3<README 4<&0 7<>seven 9>/dev/null",
    "high descriptors": "exec 200<README 251>../high; @ bash -c 'read a <&200; echo $a';"
    " @ bash -c 'ls /proc/self/fd; cat <&200; echo x >&251'",
    "a descriptor's offset": "exec 3<README; @ sh -c 'read a <&3; echo $a'; cat <&3",
    "a descriptor's offset, written": "exec 3>out; @ sh -c 'echo a >&3'; echo b >&3; cat out",
    "a descriptor of a deleted file": "exec 3<>out; rm out; @ sh -c 'echo a >&3; cat /proc/self/fd/3'; cat /dev/fd/3",
    "process substitution": "@ cat <(echo one) <(echo two)",
    "process substitution of runs": "@ cat <(@ echo one) <(@ echo two)",
    "process substitution to write": "@ sh -c 'echo one > $0' >(cat); wait $!",
    "process substitution in it": "@ bash -c 'diff <(echo a) <(echo b); tee >(tr a-z A-Z >out) < README; wait; sleep 0; cat out'",
    "a coprocess": "coproc @ cat; pid=$COPROC_PID; echo hi >&${COPROC[1]}; read x <&${COPROC[0]}; echo $x; kill $pid;"
    " wait $pid; echo $?",
    "not a terminal": "@ sh -c 'for n in 0 1 2; do test -t $n; echo $?; done'; @ tty; echo $?",
}


@pytest.mark.requirement("RUN-2")
@cases(STREAMS)
def test_its_streams_are_as_without_roar(as_bare: AsBare, line: str) -> None:
    as_bare(line)


@pytest.mark.requirement("RUN-2")
@pytest.mark.parametrize("kind", ["pipe", "socket", "event", "nonblocking", "append", "path"])
def test_a_passed_descriptor_is_what_it_was(lines: Lines, tracer: Tracer, kind: str) -> None:
    """Kind, flags, offset, and the number; 3 and 700 are open in the command and nothing else is."""
    told = []
    for way in (BARE, tracer):
        passed = opened(lines, kind)
        with subprocess.Popen(
            ["bash", "-c", f"exec 3<&{passed[0]} 700<&{passed[0]} {passed[0]}<&-; {lines.text(way, '@ world')}"],
            cwd=lines.workspace.root,
            env=lines.env(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=passed[:1],
        ) as bash:
            for number in passed:
                os.close(number)
            said, _ = bash.communicate(timeout=60)
        told.append({name: value for name, value in facts(said).items() if name.startswith("descriptor")})
    assert told[1] == told[0]
    assert {"descriptor 3", "descriptor 700"} < told[0].keys()
    assert len(told[0]) == 5


def opened(lines: Lines, kind: str) -> list[int]:
    if kind == "pipe":
        return list(os.pipe())
    if kind == "socket":
        return [end.detach() for end in socket.socketpair()]
    if kind == "event":
        return [os.eventfd(3)]
    flags = {"nonblocking": os.O_NONBLOCK, "append": os.O_WRONLY | os.O_APPEND, "path": os.O_PATH}[kind]
    return [os.open(lines.workspace.root / "README", flags)]
