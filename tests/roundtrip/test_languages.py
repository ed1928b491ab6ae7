"""Pipelines in Python, C, Node, notebooks and generated code, recorded and made again."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest
from roundtrip.pipeline import Hand, Pipeline, Run

PYTHON = sys.executable
DATA = {"data.csv": "name,value\nb,2\na,1\nc,3\n"}
MAIN = "int main(void) { return 0; }\n"
HELLO = '#include <stdio.h>\n#include "text.h"\nint main(void) { return puts(TEXT) < 0; }\n'
ADD = "int add(int a, int b) { return a + b; }\n"
CALL = '#include <stdio.h>\nint add(int, int);\nint main(void) { printf("%d\\n", add(2, 3)); return 0; }\n'
UPPER = "#include <ctype.h>\n#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(toupper(c)); return 0; }\n"
NOTEBOOK = json.dumps({
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Sum"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["total = sum(map(len, open('data.csv')))\n"]},
        {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["print(total)\n", "open('total', 'w').write(str(total))"]},
    ],
    "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
})  # fmt: skip
EXECUTE = """\
import contextlib, io, json, sys
notebook, names = json.load(open(sys.argv[1])), {}
for cell in notebook["cells"]:
    if cell["cell_type"] == "code":
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec("".join(cell["source"]), names)
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": said.getvalue()}]
json.dump(notebook, open(sys.argv[2], "w"), indent=1)
"""
CLEAN = """\
import csv
rows = sorted(csv.DictReader(open("data.csv")), key=lambda row: row["name"])
with open("clean.csv", "w", newline="") as file:
    writer = csv.DictWriter(file, ["name", "value"])
    writer.writeheader()
    writer.writerows(rows)
"""
SUMMARY = """\
import csv, json
values = [int(row["value"]) for row in csv.DictReader(open("clean.csv"))]
json.dump({"sum": sum(values), "mean": sum(values) / len(values)}, open("summary.json", "w"))
"""
POOL = """\
import multiprocessing
def part(number):
    with open(f"part-{number}", "w") as file:
        file.write(str(number ** 2) + "\\n")
if __name__ == "__main__":
    with multiprocessing.Pool(3) as pool:
        pool.map(part, range(6))
    with open("all", "w") as whole:
        whole.writelines(open(f"part-{number}").read() for number in range(6))
"""

PIPELINES = [
    Pipeline(
        "python: a table is cleaned and summed up",
        {"clean.py": CLEAN, "summary.py": SUMMARY}, ("python3 clean.py", "python3 summary.py"), "summary.json", DATA,
    ),
    Pipeline(
        "python: an absolute path among the words",
        {"copy.py": "import sys\nopen(sys.argv[1].partition('=')[2], 'w').write(open(sys.argv[2]).read())\n"},
        ('python3 copy.py --out="$PWD/sub/out.txt" "$PWD/data.csv"',), "sub/out.txt", {**DATA, "sub/x": ""},
    ),
    Pipeline(
        "python: a package run by -m",
        {"pkg/__init__.py": "", "pkg/tool.py": "VALUE = 7\n",
         "pkg/main.py": "from pkg.tool import VALUE\nopen('seven', 'w').write(str(VALUE))\n"},
        ("python3 -m pkg.main",), "seven",
    ),
    Pipeline(
        "python: a database",
        {"fill.py": "import sqlite3\nd = sqlite3.connect('t.db')\nd.execute('create table t (n int)')\n"
                    "d.executemany('insert into t values (?)', [(n,) for n in range(9)])\nd.commit()\n",
         "ask.py": "import sqlite3\nd = sqlite3.connect('file:t.db?mode=ro', uri=True)\n"
                   "open('sum', 'w').write(str(d.execute('select sum(n) from t').fetchone()[0]))\n"},
        ("python3 fill.py", "python3 ask.py"), "sum",
    ),
    Pipeline(
        "python: archives without times",
        {"pack.py": "import gzip, zipfile\nz = zipfile.ZipFile('a.zip', 'w')\nz.writestr(zipfile.ZipInfo('x'), open('data.csv').read())\n"
                    "z.close()\ng = gzip.GzipFile('a.gz', 'wb', mtime=0)\ng.write(open('a.zip', 'rb').read())\ng.close()\n"},
        ("python3 pack.py",), "a.gz", DATA,
    ),
    Pipeline(
        "python: a model is pickled and used",
        {"fit.py": "import pickle\npickle.dump({'slope': 2.5}, open('model.pkl', 'wb'))\n",
         "use.py": "import pickle\nopen('answer', 'w').write(str(pickle.load(open('model.pkl', 'rb'))['slope'] * 4))\n"},
        ("python3 fit.py", "python3 use.py"), "answer",
    ),
    Pipeline(
        "python: arrays of NumPy",
        {"make.py": "import numpy\nnumpy.savez('a.npz', x=numpy.arange(12).reshape(3, 4), y=numpy.ones(3))\n",
         "mul.py": "import numpy\na = numpy.load('a.npz')\nnumpy.save('b.npy', a['x'].T @ a['y'])\n"},
        (f"{PYTHON} make.py", f"{PYTHON} mul.py"), "b.npy",
    ),
    Pipeline("python: a pool of processes", {"pool.py": POOL}, ("python3 pool.py",), "all"),
    Pipeline(
        "python: a program that starts programs",
        {"drive.py": "import subprocess\nsubprocess.run(['sort', '-o', 's', 'data.csv'], check=True)\n"
                     "subprocess.run('tr a-z A-Z < s > t', shell=True, check=True)\n"},
        ("python3 drive.py",), "t", DATA,
    ),
    Pipeline(
        "python: a module that a step has written",
        {"gen.py": "open('made.py', 'w').write('def f(x):\\n    return x + 41\\n')\n"},
        ("python3 gen.py", "python3 -B -c 'import made; open(\"f\", \"w\").write(str(made.f(1)))'"), "f",
    ),
    Pipeline(
        "python: the seed of hashes, as it was",
        {"h.py": "open('order', 'w').write(' '.join({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}))\n"},
        (Run("python3 h.py", env={"PYTHONHASHSEED": "5"}),), "order",
    ),
    Pipeline(
        "python: settings in TOML and a random generator with a seed",
        {"c.toml": "seed = 3\n",
         "r.py": "import random, tomllib\nr = random.Random(tomllib.load(open('c.toml', 'rb'))['seed'])\n"
                 "open('numbers', 'w').writelines(f'{r.random()}\\n' for _ in range(50))\n"},
        ("python3 r.py",), "numbers",
    ),
    Pipeline(
        "python: written aside and moved into place",
        {"w.py": "import os, tempfile\nf, n = tempfile.mkstemp(dir='.')\nos.write(f, b'x' * 9)\nos.close(f)\nos.replace(n, 'final')\n"},
        ("python3 w.py",), "final",
    ),
    Pipeline(
        "python: a log that each step adds to",
        {"add.py": "import sys\nopen('log', 'a').write(sys.argv[1] + '\\n')\n"},
        ("python3 add.py one", "python3 add.py two", "python3 add.py three"), "log",
    ),
    Pipeline(
        "notebook: executed in place of a person, and its output",
        {"n.ipynb": NOTEBOOK, "execute.py": EXECUTE}, ("python3 execute.py n.ipynb done.ipynb",), "done.ipynb", DATA,
    ),
    Pipeline(
        "notebook: what it wrote goes on into a script",
        {"n.ipynb": NOTEBOOK, "execute.py": EXECUTE},
        ("python3 execute.py n.ipynb done.ipynb", "sh -c 'cat total total > twice'"), "twice", DATA,
    ),
    Pipeline(
        "C: built, then run",
        {"call.c": CALL, "add.c": ADD},
        (Run("cc -O1 -o call call.c add.c", verb="build"), "sh -c './call > five'"), "five",
    ),
    Pipeline(
        "C: objects and a program by make",
        {"call.c": CALL, "add.c": ADD,
         "Makefile": "call: call.o add.o\n\tcc -o $@ $^\n%.o: %.c\n\tcc -c -o $@ $<\n"},
        ("make -s -j2", "./call > five"), "five",
    ),
    Pipeline(
        "C: a header that Python has written",
        {"hello.c": HELLO, "gen.py": "open('text.h', 'w').write('#define TEXT \"generated\"\\n')\n"},
        ("python3 gen.py", "cc -I. -o hello hello.c", "sh -c './hello > said'"), "said",
    ),
    Pipeline(
        "C: compiled, archived and linked apart",
        {"call.c": CALL, "add.c": ADD},
        ("cc -c add.c", "ar rcD libadd.a add.o", "cc -o call call.c -L. -ladd", "./call > five"), "five",
    ),
    Pipeline("C: a filter between roar's own streams", {"upper.c": UPPER},
             ("cc -o upper upper.c", "./upper < data.csv > upper.csv"), "upper.csv", DATA),
    Pipeline("C: assembler text", {"main.c": MAIN}, ("cc -S -o main.s main.c", "cc -o main main.s"), "main"),
    Pipeline(
        "C: a shared library found by a variable",
        {"call.c": CALL, "add.c": ADD},
        ("cc -shared -fPIC -o libadd.so add.c", "cc -o call call.c -L. -ladd",
         Run("sh -c './call > five'", env={"LD_LIBRARY_PATH": "."})), "five",
    ),
    Pipeline(
        "Node: a table becomes JSON",
        {"t.js": "const fs = require('fs');\nconst [head, ...rows] = fs.readFileSync('data.csv', 'utf8').trim().split('\\n');\n"
                 "fs.writeFileSync('t.json', JSON.stringify(rows.map(row => row.split(','))));\n"},
        ("node t.js",), "t.json", DATA,
    ),
    Pipeline(
        "make: a rule for each of several files",
        {"Makefile": "all: a.up b.up\n%.up: %.txt\n\ttr a-z A-Z < $< > $@\n"},
        ("make -s all", "sh -c 'cat a.up b.up > ab'"), "ab", {"a.txt": "a\n", "b.txt": "b\n"},
    ),
    Pipeline(
        "make: what was built by hand before is not built again",
        {"Makefile": "two: one\n\tcp one two\none:\n\techo 1 > one\n"},
        ("make -s one", "make -s two"), "two",
    ),
    Pipeline("python: moved by hand between two steps", {},
             ("python3 -c 'open(\"a\", \"w\").write(\"content\")'", Hand("mkdir in; mv a in/b"), "sort in/b -o c"), "c"),
]  # fmt: skip


@pytest.mark.requirement("REP-1", "REP-2")
@pytest.mark.parametrize("pipeline", PIPELINES, ids=str)
def test_it_comes_back(pipeline: Pipeline, comes_back: Callable[[Pipeline], None]) -> None:
    comes_back(pipeline)
