"""Pipelines by what they do to files: streams, renames, edits in place, parallel work, commits in between."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from roundtrip.pipeline import Hand, Pipeline, Run

WORDS = {"words": "pear\napple\nfig\napple\n"}
NUMBERED = {f"in/{number}.txt": f"{number}\n" for number in range(8)}

KEEP_TMP = f"{sys.executable} -m roar config set filters.ignore_tmp_files false"  # the tests' own place is below /tmp

PIPELINES = [
    Pipeline("shell: sorted and counted", {}, ("sh -c 'sort words | uniq -c > counts'",), "counts", WORDS),
    Pipeline("shell: roar's own input and output", {}, ("sort < words > sorted",), "sorted", WORDS),
    Pipeline("shell: two steps add to one file", {}, ("echo one >> log", "echo two >> log"), "log"),
    Pipeline("shell: what went to stderr", {}, ("sh -c 'echo oops >&2' 2> errors",), "errors"),
    Pipeline("shell: both streams in one file", {}, ("sh -c 'echo a; echo b >&2' > both 2>&1",), "both"),
    Pipeline(
        "shell: parallel xargs", {},
        ("sh -c 'ls in/*.txt | xargs -P4 -I{} sh -c \"wc -c < {} > {}.size\"'", "sh -c 'cat in/*.size > sizes'"),
        "sizes", NUMBERED,
    ),
    Pipeline("shell: a loop with an output each", {},
             ("sh -c 'for n in 0 1 2 3; do rev in/$n.txt > $n.rev; done'", "sh -c 'cat *.rev > all'"), "all", NUMBERED),
    Pipeline("shell: edited in place", {},
             ("cp words w", "sed -i s/apple/plum/ w", "sed -i s/fig/date/ w", "sort w -o w"), "w", WORDS),
    Pipeline("shell: an edited copy, and the copy before", {},
             ("cp words w", "cp w before", "sed -i s/apple/plum/ w", "sh -c 'diff before w > d; true'"), "d", WORDS),
    Pipeline("shell: renamed within a step", {}, ("sh -c 'sort words > t && mv t done'",), "done", WORDS),
    Pipeline("shell: renamed by a step of its own", {}, ("sort words -o a", "mv a b", "sort -r b -o c"), "c", WORDS),
    Pipeline("shell: a directory is renamed", {},
             ("sh -c 'mkdir d && sort words > d/s'", "mv d e", "sort -r e/s -o f"), "f", WORDS),
    Pipeline("shell: a tree is copied", {}, ("cp -r in copy", "sh -c 'cat copy/* > all'"), "all", NUMBERED),
    Pipeline("shell: an archive and out of it again", {},
             ("tar --sort=name --mtime=@0 --owner=0 --group=0 -cf a.tar in", "sh -c 'mkdir x && tar -xf a.tar -C x'",
              "sh -c 'cat x/in/*.txt > all'"), "all", NUMBERED),
    Pipeline("shell: a script with a here document", {"s.sh": "cat > poem <<EOF\none\ntwo\nEOF\n"}, ("sh s.sh",), "poem"),
    Pipeline("shell: an executable script", {"go": "#!/bin/sh\nsort words > sorted\n"},
             (Hand("chmod +x go; git commit -qam mode"), "./go"), "sorted", WORDS),
    Pipeline("shell: awk", {"sum.awk": "{ n[$1]++ } END { for (w in n) print w, n[w] | \"sort\" }\n"},
             ("sh -c 'awk -f sum.awk words > n'",), "n", WORDS),
    Pipeline("shell: split and put together", {}, ("split -l 1 words p-", "sh -c 'cat p-* > again'"), "again", WORDS),
    Pipeline("shell: tee", {}, ("sh -c 'sort words | tee one two > three'",), "two", WORDS),
    Pipeline("shell: from a directory below", {"sub/s.sh": "sort ../words > sorted\n"},
             (Run("sh s.sh", cwd="sub"), Run("sh -c 'uniq sorted > ../unique'", cwd="sub")), "unique", WORDS),
    Pipeline(
        "shell: data behind a link", {},
        (Hand(KEEP_TMP), Hand("mv in ../data; ln -s ../data in"), "sh -c 'cat in/*.txt > all'"), "all", NUMBERED,
    ),
    Pipeline("shell: a link is followed", {}, ("ln -s words link", "sort link -o sorted"), "sorted", WORDS),
    Pipeline("shell: absolute paths by another name of the repository", {},
             (Hand('ln -s "$PWD" ../link'), 'sort "${PWD%/*}/link/words" -o "${PWD%/*}/link/a"', "sort -r a -o b"), "b", WORDS),
    Pipeline("shell: a committed link with the repository's own path", {},
             (Hand('mkdir real; ln -s "$PWD/real" link; git add -f link; git commit -qm link'), "sh -c 'sort words > link/a'",
              "sh -c 'sort -r link/a > b'"), "b", WORDS),
    Pipeline("shell: a second name for a file", {}, ("sort words -o a", "ln a b", "sort -r b -o c"), "c", WORDS),
    Pipeline("shell: files that belong together, read by a later step", {},
             ("sh -c 'mkdir d.zarr; echo {} > d.zarr/.zarray; for n in 0 1 2 3; do rev in/$n.txt > d.zarr/$n; done'",
              "sh -c 'cat d.zarr/? > all'"), "d.zarr", NUMBERED),
    Pipeline("shell: a name that is not UTF-8", {}, ("sh -c 'sort words > \"$(printf \"a\\\\377\")\"'", "sh -c 'cat a?* > b'"), "b", WORDS),
    Pipeline("shell: names that are no words", {},
             ("cp words 'a b\n\"c'", "sh -c 'for f in a*; do sort \"$f\" > \"$f-2\"; done'", "sh -c 'cat a*-2 > end'"),
             "end", WORDS),
    Pipeline("shell: an exit code that is not 0", {},
             (Run("sh -c 'grep nothing words > found; exit 3'", exit_code=3), "sh -c 'wc -c < found > size'"), "size", WORDS),
    Pipeline("shell: an empty file", {}, ("touch nothing", "sh -c 'cat nothing words > all'"), "all", WORDS),
    Pipeline("shell: a directory that was made by hand", {}, (Hand("mkdir out"), "sh -c 'sort words > out/s'"), "out/s", WORDS),
    Pipeline("shell: how words are sorted", {}, (Run("sort words -o s", env={"LC_ALL": "C"}),), "s", {"words": "a\nB\nc\n"}),
    Pipeline("shell: branches that join", {},
             ("sort words -o a", "rev words > b", "tac words > c", "sh -c 'cat a b c > d'"), "d", WORDS, ("--jobs", "4")),
    Pipeline("git: the code changed between two steps", {"s.sh": "sort words > \"$1\"\n"},
             ("sh s.sh a", Hand("echo 'sort -r a > \"$1\"' > s.sh; git commit -qam two"), "sh s.sh b"), "b", WORDS),
    Pipeline("git: what a step asks git about", {},
             (Hand("git checkout -q --detach"), "sh -c 'git branch --show-current > a; git log -1 --format=%H >> a'",
              Hand("git checkout -q -b topic/x"), "sh -c 'git status -sb --untracked-files=no | cat a - > b'"), "b"),
    Pipeline("git: uncommitted changes", {"s.sh": "sort words > a\n"},
             (Hand("echo 'sh t.sh' >> s.sh; echo '!/t.sh' >> .gitignore; echo 'rev a > b' > t.sh"),
              Run("sh s.sh", options="--allow-dirty"), Hand("git checkout -q .; rm t.sh")), "b", WORDS),
    Pipeline("git: code in a submodule", {},
             (Hand("git init -q ../lib; echo 'sort words > a' > ../lib/s.sh; git -C ../lib add -A; git -C ../lib commit -qm lib;"
                   "git submodule --quiet add -f ../lib lib; git commit -qm sub; rm -rf ../lib"), "sh lib/s.sh"), "a", WORDS),
    Pipeline("git: a commit that no branch has any more", {"s.sh": "sort words > a\n"},
             (Hand("echo '# gone' >> s.sh; git commit -qam gone"), "sh s.sh", Hand("git reset -q --hard HEAD~1")), "a", WORDS),
    Pipeline("git: a committed file edited by a step", {"notes": "old\n"},
             ("sed -i s/old/new/ notes", Run("cp notes copy", options="--allow-dirty"), Hand("git checkout -q notes")), "copy"),
    Pipeline("roar: a step run again with another option", {"s.sh": "sort ${1#*=} words > a\n"},
             ("sh s.sh --k=", "@1 --k=-r"), "a", WORDS),
    Pipeline("roar: a step's output, overwritten by a later one", {}, ("sort words -o a", "cp a b", "sort -r words -o a", "cat a b > c"),
             "c", WORDS),
]  # fmt: skip


@pytest.mark.requirement("REP-1", "REP-2", "REP-5")
@pytest.mark.parametrize("pipeline", PIPELINES, ids=str)
def test_it_comes_back(pipeline: Pipeline, comes_back: Callable[[Pipeline], None]) -> None:
    comes_back(pipeline)
