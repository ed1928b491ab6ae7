"""Environment, words, directory, limits, priorities, masks: a process finds itself as it would without roar."""

from __future__ import annotations

import os

import pytest
from fidelity.lines import AsBare, Lines, cases, facts
from fidelity.tracers import ROAR_LEADS, Tracer, excused, inside

SITUATIONS = {
    "plainly": "@ world",
    "by a relative name": "cp $(command -v world) here; @ ./here; rm here",
    "by an absolute name": "@ $(command -v world)",
    "by another name": "@ bash -c 'exec -a \"an other\" world a b'",
    "by a shell": "@ sh -c 'world; exit $?'",
    "by a grandchild": "@ sh -c '(world; true); true'",
    "by env": "@ env A=b world",
    "by nice": "@ nice -n 3 world",
    "in the background": "@ world & wait $!",
    "in a pipeline": "true | @ world | cat",
    "in a job in it": "@ bash -c 'set -m; world'",
    "in a session in it": "@ setsid -w world",
    "with a terminal in it": '@ script -qec "world" /dev/null < /dev/null',
    "words": "@ world '' ' ' $'a\\nb' $'\\e[31m' '*' --json -q --tracer x é",
    "umask": "umask 027; @ world",
    "signals ignored": "trap '' INT TERM HUP QUIT USR1 USR2 TSTP TTIN TTOU CHLD ALRM WINCH CONT; @ world",
    "signals ignored, the rest": "trap '' ABRT FPE ILL SEGV BUS SYS TRAP IO PWR STKFLT URG VTALRM PROF XCPU RTMIN RTMAX; @ world",
    "signals blocked": "env --block-signal=INT,TERM,CHLD,USR1,CONT,TSTP,PIPE,SYS,TRAP,SEGV,RTMIN+1,RTMAX @ world",
    "signals blocked and ignored": "env --block-signal=ALRM,URG --ignore-signal=URG,WINCH @ world",
    "nohup": "nohup @ world",
    "limits": "ulimit -c 0 -s 4096 -n 64 -u 4000 -f 10000 -v 4000000 -d 3000000 -t 100 -i 500 -q 1000 -l 100 -x 50; @ world",
    "hard limits": "ulimit -Sn 100; ulimit -Hn 200; ulimit -Ss 4096; ulimit -Hs 16384; @ world",
    "ten descriptors": "ulimit -n 10; @ world",
    "twelve descriptors": "ulimit -n 12; @ sh -c 'world; cat README; exit 4'; echo end: $?",
    "niceness": "nice -n 5 @ world",
    "scheduling": "chrt -b 0 @ world; chrt -i 0 @ sh -c 'chrt -p $$ | sed s/pid.*s//'",
    "processors": "taskset 1 @ world",
    "input and output priority": "ionice -c 3 @ world",
    "timer slack": "world slack=70000 -- @ world",
    "personality": "setarch -R @ world",
    "another personality": "world personality=4194304 -- @ world",  # ADDR_COMPAT_LAYOUT and others survive execve(2)
    "no huge pages": "world thp=1 -- @ world",
    "no new privileges": "world new=1 -- @ world",
    "killed before others": "echo 500 > /proc/self/oom_score_adj; @ world",
    "a core filter": "echo 0x7 > /proc/self/coredump_filter; @ world",
    "a folder": "cd folder; @ world",
    "a folder by a link": 'ln -s "$PWD/folder" link; cd link; @ world',
    "an empty environment": 'env -i PATH="$PATH" HOME="$HOME" PYTHONPATH="$PYTHONPATH" @ world',
    "a locale that is none": "LC_ALL= LANG=xx_YY.ISO-8859-1 @ world",
    "the C locale": "env -u LANG LC_ALL=C @ world",
    "no locale": "env -u LANG -u LC_ALL @ world",
    "bytes in variables": "GREETING=$'\\xff\\n\\e' EMPTY= @ world",
    "Python's variables": "PYTHONIOENCODING=ascii PYTHONWARNINGS=error PYTHONDEVMODE=1 PYTHONOPTIMIZE=2 @ world",
    "no TMPDIR": "TMPDIR=/nonexistent @ world",
    "a strange PATH": 'PATH="$PATH:/nonexistent::." @ world',
    "variables of the loader": "LD_BIND_NOW=1 LD_LIBRARY_PATH=/nonexistent MALLOC_PERTURB_=7 GLIBC_TUNABLES=glibc.malloc.check=1 @ world",
}
"""Each prints what programs/world.c knows of its process."""

LEADING = {
    "in a job of its own": "set -m; @ world",
    "in a session of its own": "setsid -w @ world",
    "in place of the shell": "exec @ world",
    "with a terminal": 'script -qec "@ world" /dev/null < /dev/null',
}
"""The same, where the process that is started leads its group or session."""


@pytest.mark.requirement("RUN-2", "SAFE-3")
@cases(SITUATIONS)
def test_a_process_finds_itself_as_without_roar(lines: Lines, tracer: Tracer, line: str) -> None:
    compare(lines, tracer, line, excused(tracer))


@pytest.mark.requirement("RUN-2")
@cases(LEADING)
def test_where_roar_leads_nothing_else_is_different(lines: Lines, tracer: Tracer, line: str) -> None:
    compare(lines, tracer, line, excused(tracer) | ROAR_LEADS.facts)


def compare(
    lines: Lines, tracer: Tracer, line: str, known: frozenset[str], privileged: bool = os.geteuid() == 0
) -> None:
    """Runs a line that prints facts, bare and under a tracer; fails when more than the known facts differ.

    A line that the tracer is known to refuse prints none, and says why.
    """
    bare, traced = lines.both(tracer, line)
    refused = inside(tracer, line, privileged)
    if refused is not None:
        assert refused.verdict.encode() in traced.stderr
        return
    expected, found = (without(outcome.stdout, known) for outcome in (bare, traced))
    differing = {
        name: (expected.get(name), found.get(name))
        for name in {**expected, **found}
        if expected.get(name) != found.get(name)
    }
    assert not differing, f"{line}\nfact: (bare, traced)\n{differing}"
    assert len(found) > 80, f"{line} printed {bare}"
    assert (traced.code, traced.stderr, traced.files) == (bare.code, bare.stderr, bare.files)


def without(report: bytes, known: frozenset[str]) -> dict[str, str]:
    """The facts of a report but for those that are known to differ."""
    found = facts(report)
    found["order of variables"] = " ".join(name for name in found["order of variables"].split() if name not in known)
    return {name: value for name, value in found.items() if name not in known}


WORDS = {
    "bytes": "@ printf '<%s>' '' ' ' $'\\xff\\xfe' $'a\\nb' $'\\e[31m' '*' é --json -q -- | od -c",
    "like options": "@ printf '%s\\n' --quiet --help --tracer nope -- -x",
    "many": "@ /bin/echo $(seq 1 20000) | cksum",
    "a long one": "@ /bin/echo $(head -c 120000 /dev/zero | tr '\\0' x) | cksum",
    "too many": "@ /bin/echo $(seq 1 1000000) | cksum; echo ${PIPESTATUS[0]}",
    "as many as execve takes": "@ room arguments",
    "as large an environment as execve takes": "@ room environment",
    "as long a word as execve takes": "@ room word",
    "none at all": "@ room none",
}
ENVIRONMENT = {
    "a large variable": "BIG=$(head -c 120000 /dev/zero | tr '\\0' x) @ sh -c 'echo ${#BIG}'",
    "many variables": "for n in $(seq 3000); do export V$n=$n; done; @ env | grep ^V | cksum",
    "a large environment": "for n in $(seq 12); do export V$n=$(head -c 100000 /dev/zero | tr '\\0' x); done; @ env | grep ^V | cksum;"
    " @ sh -c 'sh -c \"cat README\"'",
    "an LD_PRELOAD already": "LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libm.so.6 @ sh -c 'echo ${LD_PRELOAD##*/}'",
    "an LD_PRELOAD that is none": "@ sh -c 'LD_PRELOAD=/nonexistent.so sh -c \"cat README\"'",
    "changed in it": "@ sh -c 'A=1 B= env -u HOME sh -c \"echo \\$A-\\$B-\\$HOME; cat README\"'",
    "emptied in it": "@ env -i /bin/sh -c '/bin/cat README; echo $-; set' | grep -v -e ^PPID= -e ^LD_PRELOAD=",
    "no HOME": "env -u HOME @ sh -c 'echo ${HOME-none}'",
}
DIRECTORIES = {
    "a folder": "cd folder; @ sh -c 'pwd; pwd -P; cat file'",
    "a link": 'ln -s "$PWD/folder" link; cd link; @ sh -c "pwd; pwd -P; cat file"',
    "removed in it": "@ sh -c 'mkdir gone; cd gone; rmdir ../gone; pwd; /bin/pwd; cat ../README; echo x > y; cat README'",
    "moved in it": "@ sh -c 'mkdir a; cd a; mv ../a ../b; echo x > y; /bin/pwd; cat ../b/y; cd ..; ls'",
    "deep": "@ python3 -c '"
    "import os\n"
    "for _ in range(40): os.mkdir(chr(100) * 200); os.chdir(chr(100) * 200)\n"
    'open("here", "w").write("deep"); os.rename("here", "there"); print(open("there").read(), len(os.listdir()))\n'
    "for _ in range(40): os.chdir(chr(46) * 2)\n"
    'print(sorted(os.listdir())); os.system("rm -r ddd*")\'',
    "unreadable names": "@ sh -c 'cat nothing; cat folder; cat README/x; cat \"\"; cat $(printf %05000d 1); ls; echo x > folder; > new/x'",
    "loops": "ln -s loop loop; @ sh -c 'cat loop; echo x > loop; cd loop'; rm loop",
    "a link that dangles": "ln -s made link; @ sh -c 'cat link; echo x > link; cat made'",
    "the process's own": "@ sh -c 'cat /proc/self/comm; cat < /proc/thread-self/comm; read a b < /proc/self/stat; test $a = $$; echo $?'",
    "devices": "@ sh -c 'cat /dev/null; head -c 5 /dev/zero | od -c; echo x > /dev/null; echo x > /dev/tty; cat < /dev/tty'",
}


@pytest.mark.requirement("RUN-2", "SAFE-3")
@cases(WORDS)
def test_words_are_as_without_roar(as_bare: AsBare, line: str) -> None:
    as_bare(line)


@pytest.mark.requirement("RUN-2", "SAFE-3")
@cases(ENVIRONMENT)
def test_variables_are_as_without_roar(as_bare: AsBare, line: str) -> None:
    as_bare(line)


@pytest.mark.requirement("RUN-2")
@cases(DIRECTORIES)
def test_files_and_directories_are_as_without_roar(as_bare: AsBare, line: str) -> None:
    as_bare(line)
