"""Many processes and threads, and those that begin, become another program or end in the less usual ways."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import surroundings
from ptrace_ways import ByStops

from roar.api.events import Kind
from roar.api.tracer import Tracer
from roar.testing.drive import Driven
from roar.testing.tracer import Ground
from roar_tracer_ptrace.tracer import PtraceTracer

pytestmark = pytest.mark.requirement("TRC-10", "RUN-3")

Compiled = Callable[..., Path]

_CROWD = r"""
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int at_once = 40;

static void work(const char *folder, int n) { /* reads one file and adds to another, by names relative to a directory */
    char name[32];
    int f = open("input", O_RDONLY);
    if (f < 0) _exit(2);
    close(f);
    sprintf(name, "%d", n);
    f = open(name, O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (f < 0 || write(f, folder, 1) != 1 || close(f)) _exit(3);
}

static void *thread(void *n) {
    char one[32], other[32];
    sprintf(one, "t%d.part", (int)(long)n);
    sprintf(other, "t%d", (int)(long)n);
    int f = open(one, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (f < 0 || write(f, "x", 1) != 1 || close(f) || rename(one, other)) _exit(4);
    if ((long)n % 2 && unlink(other)) _exit(5);
    return NULL;
}

static void *become(void *words) {
    execv("/bin/sh", words);
    _exit(6);
}

int main(int count, char **words) {
    int status, bad = 0, many = count > 2 ? atoi(words[2]) : 0;
    if (!strcmp(words[1], "processes"))
        for (int at = 0; at < many; at += at_once) {
            const char *folder = at / at_once % 2 ? "b" : "a";
            if (chdir(folder)) return 7;
            for (int n = 0; n < at_once; n++)
                if (!fork()) {
                    work(folder, n);
                    _exit(0);
                }
            while (wait(&status) > 0) bad |= status;
            if (chdir("..")) return 7;
        }
    if (!strcmp(words[1], "programs"))
        for (int n = 0; n < many; n++) {
            if (!vfork()) {
                execl("/bin/true", "true", (char *)0);
                _exit(8);
            }
            wait(&status);
            bad |= status;
        }
    if (!strcmp(words[1], "threads")) {
        pthread_t ids[200];
        for (long n = 0; n < 200; n++) if (pthread_create(&ids[n], NULL, thread, (void *)n)) return 9;
        for (int n = 0; n < 200; n++) pthread_join(ids[n], NULL);
    }
    if (!strcmp(words[1], "become")) { /* while other threads are in the middle of something */
        pthread_t id;
        for (long n = 0; n < 20; n++) if (pthread_create(&id, NULL, thread, (void *)(2 * n))) return 10;
        if (pthread_create(&id, NULL, become, words + 2)) return 11;
        pause();
    }
    return bad ? 1 : 0;
}
"""


@pytest.fixture
def crowd(ground: Ground, compiled: Compiled) -> Callable[..., Driven]:
    """Runs the program, which must succeed."""
    for folder in ("a", "b"):
        (ground.root / folder).mkdir()
        (ground.root / folder / "input").write_text(folder)

    def run(*words: str) -> Driven:
        driven, out, err = ground.run(str(compiled(_CROWD, "-pthread")), *words)
        assert driven.exit is not None and driven.exit.code == 0, (driven.exit, out, err)
        assert driven.blind == ()
        assert driven.coverage is not None and driven.coverage[1:] == (0, (), (), ())
        return driven

    return run


def test_5000_processes(ground: Ground, crowd: Callable[..., Driven]) -> None:
    driven = crowd("processes", "5000")
    assert ground.inputs(driven) == {b"a/input", b"b/input"}
    assert ground.outputs(driven) == {b"%c/%d" % (folder, n) for folder in b"ab" for n in range(40)}


def test_a_storm_of_vforks(ground: Ground, crowd: Callable[..., Driven]) -> None:
    driven = crowd("programs", "400")
    true = os.fsencode(os.path.realpath("/bin/true"))
    assert true in driven.inputs
    assert {event.path for event in driven.events if event.kind == Kind.EXEC} >= {true}


def test_200_threads(ground: Ground, crowd: Callable[..., Driven]) -> None:
    driven = crowd("threads")
    assert ground.outputs(driven) == {b"t%d" % n for n in range(0, 200, 2)}
    assert ground.inputs(driven) == set()


def test_a_thread_that_is_not_the_first_becomes_another_program(ground: Ground, crowd: Callable[..., Driven]) -> None:
    """The others end with that; what they had done is recorded, and nothing that they had not."""
    driven = crowd("become", "sh", "-c", "cat a/input > c; exec sh -c 'cat c > d'")
    there = {os.fsencode(name) for name in os.listdir(ground.root) if name not in ("a", "b")}
    assert {b"c", b"d"} <= there
    assert (ground.inputs(driven), ground.outputs(driven)) == ({b"a/input"}, there)


_WANDERER = r"""
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static void *wander(void *folder) { return chdir(folder) ? folder : NULL; }

int main(void) {
    const char *folders[] = { "a", "../b", "../a", ".." };
    for (int n = 0; n < 4; n++) {
        pthread_t id;
        void *failed;
        close(open("input", O_RDONLY));
        pthread_create(&id, NULL, wander, (void *)folders[n]);
        pthread_join(id, &failed);
        if (failed) return 1;
    }
    return 0;
}
"""


def test_a_thread_takes_the_others_to_another_directory(ground: Ground, compiled: Compiled) -> None:
    for folder in ("a", "b"):
        (ground.root / folder).mkdir()
        (ground.root / folder / "input").write_text(folder)
    driven = ground.run(str(compiled(_WANDERER, "-pthread")))[0]
    assert driven.exit is not None and driven.exit.code == 0
    assert ground.inputs(driven) == {b"a/input", b"b/input"}


@pytest.mark.parametrize("tracer", [PtraceTracer, ByStops])
def test_process_numbers_may_come_again(tmp_path: Path, compiled: Compiled, tracer: type[Tracer]) -> None:
    """Where numbers are few, as they may be in a namespace of its own since Linux 6.14."""
    version = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if version < (6, 14):
        return  # the setting would be everybody's
    ground = Ground(tracer, tmp_path)
    for folder in ("a", "b"):
        (ground.root / folder).mkdir()
        (ground.root / folder / "input").write_text(folder)
    words = [str(compiled(_CROWD, "-pthread")), "processes", "5000"]
    driven, out, err = ground.run(*words, preexec_fn=surroundings.own_numbers(2000))
    assert driven.exit is not None and driven.exit.code == 0, (driven.exit, out, err)
    assert max(event.pid for event in driven.events) < 2000
    assert ground.inputs(driven) == {b"a/input", b"b/input"}
    assert ground.outputs(driven) == {b"%c/%d" % (folder, n) for folder in b"ab" for n in range(40)}
