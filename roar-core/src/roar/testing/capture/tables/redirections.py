"""Redirections of the shell, each in sh and in bash, and those that only bash has."""

from __future__ import annotations

from typing import NamedTuple

from roar.testing.capture.case import Case, bash, case, have


class _Line(NamedTuple):
    name: str
    line: str
    inputs: str = ""
    outputs: str = ""
    code: int | None = 0


_BOTH = [
    _Line("output", "cat a > out", "a", "out"),
    _Line("output over", "cat a > b", "a", "b"),
    _Line("output over the input", "cat a > a", "", "a", None),
    _Line("clobbering", "set -C; cat a >| b", "a", "b"),
    _Line("noclobber refuses", "set -C; cat a > b 2>/dev/null", "", "", None),
    _Line("noclobber, new", "set -C; cat a > out", "a", "out"),
    _Line("input", "cat < a", "a"),
    _Line("input missing", "cat < nothere 2>/dev/null; :"),
    _Line("both ways", "cat < a > out", "a", "out"),
    _Line("input by a number", "cat 0< a 1> out", "a", "out"),
    _Line("read-write", "cat <> a", "a"),
    _Line("read-write written", "echo X 1<> a", "a", "a"),
    _Line("read-write new", "echo X 1<> out", "", "out"),
    _Line("read-write both", "exec 3<> a; read l <&3; echo $l >&3", "a", "a"),
    _Line("append", "echo x >> a", "a", "a"),
    _Line("append to empty", "echo x >> empty", "", "empty"),
    _Line("append new", "echo x >> new", "", "new"),
    _Line("append nothing", ": >> a"),
    _Line("truncate by colon", ": > a", "", "a"),
    _Line("create empty", ": > out", "", "out"),
    _Line("errors", "ls ./nothere 2> err", "", "err", 2),
    _Line("errors appended", "ls ./nothere 2>> err", "", "err", 2),
    _Line("output and errors", "ls ./nothere > out 2>&1", "", "out", 2),
    _Line("output and errors apart", "ls a ./nothere > out 2> err", "", "out err", 2),
    _Line("errors to the terminal's place", "ls ./nothere 2>&1 > out", "", "out", 2),
    _Line("swapped streams", "ls ./nothere 3>&1 1>&2 2>&3 3>&- > out", "", "out", 2),
    _Line("here document", "cat > out <<E\nx\nE", "", "out"),
    _Line("here document with a file in it", "cat > out <<E\n$(cat a)\nE", "a", "out"),
    _Line("large here document", "cat > out <<E\n$(seq 30000)\nE", "", "out"),
    _Line("descriptor kept", "exec 3>out; echo x >&3", "", "out"),
    _Line("descriptor closed", "exec 3<a; exec 3<&-; exec 3>out; echo x >&3", "a", "out"),
    _Line("descriptor kept over exec", "exec 3<a; exec cat <&3", "a"),
    _Line("descriptor moved", "exec 3>out; exec 4>&3 3>&-; echo x >&4", "", "out"),
    _Line("descriptor reopened", "exec 3<a; cat /dev/fd/3 > out", "a", "out"),
    _Line("descriptor written by name", "exec 3>out; echo x > /dev/fd/3", "", "out"),
    _Line("input reopened", "cat /dev/stdin < a > out", "a", "out"),
    _Line("output by name", "cat a > /dev/stdout", "a"),
    _Line("output closed", "{ read l < a; echo $l; } >&- 2>/dev/null; :", "a"),
    _Line("input closed", "cat <&- 2>/dev/null; cat a", "a"),
    _Line("null", "cat a > /dev/null", "a"),
    _Line("of a group", "{ cat a; cat b; } > out", "a b", "out"),
    _Line("of a subshell", "(cat a; cat b) > out 2> err", "a b", "out err"),
    _Line("of a loop", "for f in a b; do cat $f; done > out", "a b", "out"),
    _Line("of a while loop", "while read l; do echo $l; done < lines > out", "lines", "out"),
    _Line("of a condition", "if read l; then echo $l; fi < a > out", "a", "out"),
    _Line("of a function", "f() { cat; } < a; f > out", "a", "out"),
    _Line("of a builtin", "read line < a; echo $line > out", "a", "out"),
    _Line("of an assignment", "x=1 > out", "", "out"),
    _Line("to the last of several", "echo x > one > two", "", "one two"),
    _Line("in a pipeline", "cat < a | sort > out 2> err", "a", "out err"),
    _Line("into a directory that is missing", "{ echo x > d/out; } 2>/dev/null; :"),
    _Line("into a directory", "{ echo x > sub; } 2>/dev/null; :"),
]

CASES: list[Case] = [case(f"sh: {one.name}", one.line, one.inputs, one.outputs, code=one.code) for one in _BOTH]
if have("bash"):
    CASES += [
        case(f"bash: {one.name}", ("bash", "-c", one.line), one.inputs, one.outputs, code=one.code) for one in _BOTH
    ]
    CASES += [
        bash("bash: both streams", "cat a nothere &> out", "a", "out", 1),
        bash("bash: both streams, the old way", "cat a nothere >& out", "a", "out", 1),
        bash("bash: both streams appended", "ls ./nothere &>> out", "", "out", 2),
        bash("bash: here string", "cat <<< x > out", "", "out"),
        # what a shell substitutes it doesn't wait for: here the end of a pipe that all have open is waited for
        bash("bash: input substitution", "{ cat <(cat a) <(cat b) > out; } 3>&1 | cat", "a b", "out"),
        bash("bash: output substitution", "exec 3> >(sort > out); p=$!; cat a >&3; exec 3>&-; wait $p", "a", "out"),
        bash(
            "bash: substitution read twice",
            "exec 3> >(cat > out); p=$!; paste <(cat a) <(cat a) >&3; exec 3>&-; wait $p",
            "a",
            "out",
        ),
        bash(
            "bash: coprocess",
            "coproc { read l; cat a; }; exec 3<&${COPROC[0]}; echo >&${COPROC[1]}; cat <&3 > out; wait",
            "a",
            "out",
        ),
        bash("bash: contents of a file", "x=$(<a); echo $x > out", "a", "out"),
        bash("bash: mapfile", "mapfile -t l < lines; echo ${l[0]} > out", "lines", "out"),
        bash("bash: named descriptor", "exec {f}>out; echo x >&$f; exec {f}>&-", "", "out"),
        bash("bash: moved descriptor", "exec 3>out; exec 4>&3-; echo x >&4", "", "out"),
        bash("bash: exec of both", "exec < a > out; cat", "a", "out"),
        bash("bash: pipe of both streams", "ls ./nothere |& cat > out", "", "out"),
        bash("bash: time and pipefail", "set -o pipefail; time (cat a | false) > out", "a", "out", 1),
        bash("bash: last of a pipeline here", "shopt -s lastpipe; cat a | read l; echo $l > out", "a", "out"),
        bash("bash: names of files only", "printf '%s\\n' s* > out; [[ -s a ]]", "", "out"),
        bash("bash: source with arguments", ". ./sourced.sh x", "sourced.sh a", "out"),
        bash("bash: sourced from a substitution", "{ . <(echo 'cat a > out'); } 3>&1 | cat", "a", "out"),
    ]
