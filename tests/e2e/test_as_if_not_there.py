"""Each line is run by bash twice, with `roar run` for the ``@`` and with nothing: both must print the same and end alike."""

from __future__ import annotations

import pytest
from e2e.acting import ROAR_LINE, Workspace, roars_own

EXITS = {
    "exit 0": "@ true; echo $?",
    "exit 255": "@ sh -c 'exit 255'; echo $?",
    "exit 256 and more": "@ sh -c 'exit 259'; echo $?",
    "a script with an interpreter": "@ ./script a 'b c'; echo $?",
    "a script without #!": "@ ./without-interpreter a 'b c'; echo $?",
    "an empty file": "@ ./empty; echo $?",
    "a background child outlives it": "@ sh -c 'sleep 0.2 & exit 2'; echo $?",
    "stdout and stderr closed by itself": "@ sh -c 'exec 0<&- 1>&- 2>&-; exit 9'; echo $?",
    "it becomes another program": "@ sh -c 'exec > /dev/null 2>&1; exec sh -c \"exit 11\"'; echo $?",
    "it kills its own group": "@ sh -c 'trap \"kill 0\" EXIT; sleep 50 & true'; echo $?",
}
STREAMS = {
    "stdin of a pipe": "echo a b c | @ cat",
    "stdin of a file": "@ cat < README",
    "stdin shared": "(@ head -c 2; cat) < README",
    "stdin half read": '(read first; echo "first $first"; @ cat) < README',
    "stdin of /dev/null": "@ cat < /dev/null; echo $?",
    "stdin closed": "@ cat <&-; echo $?",
    "stdout closed": "@ sh -c 'echo hi; exit 3' >&-; echo $?",
    "stderr closed": "@ sh -c 'echo hi; echo err >&2; echo x' 2>&-; echo $?",
    "all closed": "@ sh -c 'exit 4' <&- >&- 2>&-; echo $?",
    "closed stays closed": "@ ls /proc/self/fd <&- 2>&-",
    "a reader that leaves": "@ yes | head -1; echo ${PIPESTATUS[0]}",
    "a writer that is told": "@ sh -c 'yes 2>&1; exit 3' | head -1; echo ${PIPESTATUS[0]}",
    "a full device": "@ /bin/echo hi > /dev/full; echo $?",
    "both to one file": "@ sh -c 'echo a; echo b >&2; echo c' > ../outside.both 2>&1; grep -v ^roar: ../outside.both",
    "no descriptor more": "@ bash -c 'ls /proc/self/fd'",
    "descriptors 3 to 9": "@ bash -c 'for i in 3 4 5 6 7 8 9; do readlink /proc/self/fd/$i | sed s/[0-9]//g; done'"
    " 3<README 4<&0 7<>../outside.seven 9>/dev/null",
    "a descriptor's offset": "exec 3<README; @ sh -c 'read a <&3; echo $a'; cat <&3",
    "process substitution": "@ cat <(echo one) <(echo two)",
    "process substitution to write": "@ sh -c 'echo one > $0' >(cat); wait $!",
    "a coprocess": "coproc @ cat; echo hi >&${COPROC[1]}; read x <&${COPROC[0]}; echo $x; kill $COPROC_PID; wait $COPROC_PID;"
    " echo $?",
}
SURROUNDINGS = {
    "environment": "@ env | grep -v -e ^LD_PRELOAD= -e ^_= | sort",
    "an empty environment": 'env -i PATH="$PATH" @ env | grep -v ^LD_PRELOAD=',
    "a locale that is none": "LC_ALL= LANG=xx_YY.ISO-8859-1 @ env | grep -e ^LC_ -e ^LANG",
    "the C locale": "env -u LANG LC_ALL=C @ env | grep ^LC_",
    "bytes in variables": "GREETING=$'\\xff\\n\\e' @ sh -c 'printf %s \"$GREETING\" | od -c'",
    "a large variable": "BIG=$(head -c 120000 /dev/zero | tr '\\0' x) @ sh -c 'echo ${#BIG}'",
    "an LD_PRELOAD already": "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libm.so.6 @ sh -c 'echo ${LD_PRELOAD##*/}'",
    "Python's variables": "PYTHONIOENCODING=ascii PYTHONWARNINGS=error PYTHONDEVMODE=1 PYTHONOPTIMIZE=2 @ sh -c 'echo hi; env |"
    " grep ^PYTHON | sort'",
    "no HOME": "env -u HOME @ sh -c 'echo ${HOME-none}'",
    "no TMPDIR": "TMPDIR=/nonexistent @ sh -c 'echo $TMPDIR; exit 3'; echo $?",
    "words": "@ printf '<%s>' '' ' ' $'\\xff\\xfe' $'a\\nb' $'\\e[31m' '*' é --json -q -- | od -c",
    "words like options": "@ printf '%s\\n' --quiet --help --tracer nope -- -x",
    "many words": "@ /bin/echo $(seq 1 20000) | cksum",
    "umask": "umask 027; @ sh -c umask",
    "limits": "ulimit -c 0 -s 4096 -n 64; @ sh -c 'ulimit -a; ulimit -Hn'",
    "ten descriptors": "ulimit -n 10; @ sh -c 'echo hi; exit 4'; echo $?",
    "niceness": "nice -n 5 @ nice",
    "scheduling": "chrt -b 0 @ sh -c 'chrt -p $$ | sed s/pid.*s//'",
    "processors": "taskset 1 @ sh -c 'taskset -p $$ | sed s/pid.*s//'",
    "input and output priority": "ionice -c 3 @ sh -c 'ionice -p $$'",
    "directory": "cd folder; @ sh -c 'pwd; pwd -P; cat file'",
    "a directory by a link": "ln -sfn \"$PWD/folder\" ../outside.link; cd ../outside.link; @ sh -c 'pwd; pwd -P; cat file'",
    "signal masks": "@ grep -e ^Sig -e ^Shd -e ^Cap -e ^NoNew -e ^Seccomp: -e ^Umask -e ^Threads /proc/self/status",
    "ignored signals": "trap '' INT TERM HUP QUIT USR1 TSTP; @ grep -e ^Sig /proc/self/status",
    "the name it was called by": "@ bash -c 'exec -a other sh -c \"echo \\$0\"'",
}
SIGNALS = {
    "timeout": "timeout 0.3 @ sleep 50; echo $?",
    "timeout, with another signal": "timeout -s INT 0.3 @ sleep 50; echo $?",
    "timeout, handled": "timeout 0.4 @ sh -c 'trap \"echo got; exit 5\" TERM; while :; do sleep 0.02; done'; echo $?",
    "nohup": "nohup @ sh -c 'kill -HUP $$; echo alive'; echo $?",
    "ignored by the shell": "(trap '' INT; @ sh -c 'kill -INT $$; echo alive')",
    "in a session of its own": "setsid -w @ sh -c 'exit 5'; echo $?",
    "to the group, ignored": "set -m; @ sh -c 'trap \"\" TERM; kill 0; exit 5'; echo $?",
    "to the group, once each": "set -m; @ python3 -c '"
    "import os, signal\n"
    'kinds = [getattr(signal, "SIG" + n) for n in "TERM USR1 USR2 HUP INT QUIT ALRM CONT WINCH URG ABRT".split()]\n'
    "got = []\n"
    "for kind in kinds: signal.signal(kind, lambda number, frame: got.append(int(number)))\n"
    "for kind in kinds:\n"
    "    os.kill(0, kind)\n"
    "    signal.sigtimedwait([], 0.03)\n"
    "print(got)'; echo $?",
}


def both(workspace: Workspace, line: str) -> tuple[tuple[object, ...], tuple[object, ...]]:
    def run(what: str) -> tuple[object, ...]:
        done = workspace.bash("set +m\n" + line.replace("@ ", what))
        said = [text for text in done.stderr.split(b"\n") if not roars_own(text) and b"line 2:" not in text]
        return done.returncode, done.stdout, said

    return run(""), run(f"{ROAR_LINE} run ")


def cases(table: dict[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("line", list(table.values()), ids=list(table))


@pytest.mark.requirement("RUN-3")
@cases(EXITS)
def test_it_ends_as_without_roar(shared: Workspace, line: str) -> None:
    plain, recorded = both(shared, line)
    assert recorded == plain


@pytest.mark.requirement("RUN-2")
@cases(STREAMS)
def test_its_streams_are_as_without_roar(shared: Workspace, line: str) -> None:
    plain, recorded = both(shared, line)
    assert recorded == plain


@pytest.mark.requirement("RUN-2", "SAFE-3")
@cases(SURROUNDINGS)
def test_its_surroundings_are_as_without_roar(shared: Workspace, line: str) -> None:
    plain, recorded = both(shared, line)
    assert recorded == plain


@pytest.mark.requirement("RUN-2")
@cases(SIGNALS)
def test_signals_work_as_without_roar(shared: Workspace, line: str) -> None:
    plain, recorded = both(shared, line)
    assert recorded == plain


@pytest.mark.requirement("RUN-3")
def test_every_exit_code_is_forwarded(shared: Workspace) -> None:
    line = f'for n in 1 2 77 125 126 127 128 129 137 143 254; do {ROAR_LINE} run -q sh -c "exit $n"; echo $?; done'
    assert shared.bash(line).stdout.split() == b"1 2 77 125 126 127 128 129 137 143 254".split()


@pytest.mark.requirement("RUN-3")
def test_death_by_a_signal_gives_128_and_its_number(shared: Workspace) -> None:
    numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 30, 31, 34, 64]
    chosen = " ".join(map(str, numbers))
    line = f'ulimit -c 0; for n in {chosen}; do {ROAR_LINE} run -q sh -c "kill -$n \\$\\$"; echo $?; done'
    assert [int(code) - 128 for code in shared.bash(line).stdout.split()] == numbers


@pytest.mark.requirement("RUN-3")
@pytest.mark.parametrize(
    ("word", "code", "said"),
    [
        ("no-such-program", 127, "command not found: no-such-program"),
        ("./no-such-program", 127, "command not found: ./no-such-program"),
        ("./plain", 126, "command is not executable: ./plain"),
        ("./folder", 126, "command is a directory: ./folder"),
        ("./missing-interpreter", 127, "command not found: ./missing-interpreter (its interpreter is missing)"),
        ("./with-crlf", 127, "command not found: ./with-crlf (its interpreter is missing)"),
        ("", 127, "command not found: ''"),
    ],
)
def test_what_cannot_be_started_gives_a_shells_code_and_a_line_with_the_fix(
    shared: Workspace, word: str, code: int, said: str
) -> None:
    done = shared.roar("run", word)
    first, *fix = done.stderr.decode().splitlines()
    assert (done.returncode, first, done.stdout) == (code, f"Error: {said}", b"")
    assert fix
    if word:
        assert shared.bash(f"'{word}'").returncode == code, "bash itself says something else"
