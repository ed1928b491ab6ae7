"""What processes really do is seen, by each variant of the probe: threads, rings, roots, namespaces, names of any kind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ebpf.common.ways import Compat, Fast

from roar.api.events import Blind, Kind
from roar.api.tracer import Tracer
from roar.testing.drive import Driven
from roar.testing.tracer import Ground
from roar_tracer_ptrace.tracer import PtraceTracer

pytestmark = pytest.mark.requirement("TRC-8", "TRC-10")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def odd() -> Iterator[Path]:
    """The program of common/odd.c, where everybody can execute it."""
    folder = Path(tempfile.mkdtemp(prefix="roar-odd-", dir="/var/tmp"))
    folder.chmod(0o755)
    subprocess.run(
        ["cc", "-O1", "-Wall", "-Werror", "-pthread", "-o", folder / "odd", HERE / "common/odd.c"], check=True
    )
    yield folder / "odd"
    shutil.rmtree(folder)


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """Where commands run under the tracer."""
    return Ground(Fast, tmp_path)


def _in_and_out(ground: Ground, driven: Driven) -> tuple[set[bytes], set[bytes]]:
    """What the job read and made, when all was seen and all went well."""
    assert driven.exit is not None and driven.exit.code == 0
    assert driven.blind == ()
    assert driven.coverage is not None
    assert (driven.coverage.dropped, driven.coverage.notes, driven.coverage.survivors) == (0, (), ())
    return ground.inputs(driven), ground.outputs(driven)


_LINE = """
cat in > out; cp out copied; mv copied moved; ln moved hard; ln -s in soft; cat soft >> log; rm out
mkdir d && echo 1 > d/x && mv d e; touch -d 2001-01-01 touched; truncate -s 3 cut; : > emptied; cat nonesuch; test -e in
(cd e && cat ../in ./x > ../together); dd if=in of=changed bs=1 count=1 conv=notrunc; : >> in; exec 3<> both
python3 -S -c 'import os; os.rename("e/x", "e/y"); os.utime("both", (1, 1)); open("both").read()'
python3 -S -c 'import os; os.truncate("hollow", 9); os.truncate("full", 2)'
"""


@pytest.mark.parametrize("way", [Fast, Compat], ids=["fast", "compat"])
def test_either_variant_gives_the_record_that_ptrace_gives(way: type[Tracer], tmp_path: Path) -> None:
    records = []
    for number, tracer in enumerate((way, PtraceTracer)):
        (tmp_path / str(number)).mkdir()
        ground = Ground(tracer, tmp_path / str(number))
        ground.write(
            cut="long", changed="old", emptied="old", log="old\n", both="b", hollow="", full="text", **{"in": "text\n"}
        )
        driven = ground.sh(_LINE + "true")
        files = {path: (path in driven.inputs, path in driven.outputs) for path in driven.inputs | driven.outputs}
        root = os.fsencode(ground.root)
        records.append({path.replace(root, b"$"): how for path, how in files.items() if not path.startswith(b"/proc")})
        assert _in_and_out(ground, driven)
    assert records[0] == records[1]
    assert {path for path in records[0] if path.startswith(b"$/")} >= {
        b"$/in",
        b"$/moved",
        b"$/hard",
        b"$/e/y",
        b"$/log",
    }


@pytest.mark.parametrize("way", [Fast, Compat], ids=["fast", "compat"])
def test_what_goes_through_io_uring_is_seen(way: type[Tracer], odd: Path, tmp_path: Path) -> None:
    ground = Ground(way, tmp_path)
    ground.write(changed="old", **{"in": "text"})
    inputs, outputs = _in_and_out(ground, ground.run(str(odd), "ring")[0])
    assert inputs - {b"changed"} == {b"in"}
    assert outputs == {b"whole", b"hard", b"changed"}


def test_a_file_that_another_process_hands_over_is_changed(ground: Ground, odd: Path) -> None:
    """One outside of the run, which opened it; only the write is the run's."""
    ground.write(given="old")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(ground.journal.parent / "socket"))
    server.listen()

    def give() -> None:
        client, _ = server.accept()
        with client, open(ground.root / "given", "r+b") as file:
            socket.send_fds(client, [b"x"], [file.fileno()])
            client.recv(1)

    giver = threading.Thread(target=give)
    giver.start()
    driven = ground.run(str(odd), "descriptor", str(ground.journal.parent / "socket"))[0]
    giver.join()
    server.close()
    assert _in_and_out(ground, driven)[1] == {b"given"}


def test_another_root_is_seen_through(ground: Ground, odd: Path) -> None:
    (ground.root / "jail/sub").mkdir(parents=True)
    (ground.root / "jail/in").write_text("x")
    driven = ground.run(str(odd), "jail")[0]
    assert _in_and_out(ground, driven) == ({b"jail/in"}, {b"jail/moved"})


def test_files_of_another_mount_namespace_are_told_by_their_names_here(ground: Ground, odd: Path) -> None:
    for name in ("real", "seen"):
        (ground.root / name).mkdir()
    (ground.root / "real/in").write_text("x")
    (ground.root / "seen/in").write_text("not this")
    driven = ground.run(str(odd), "namespace")[0]
    assert _in_and_out(ground, driven) == ({b"real/in"}, {b"real/made"})


def test_a_file_that_is_only_in_another_namespace_is_told(ground: Ground) -> None:
    line = "mount -t tmpfs none inner && echo x > inner/made && cat inner/made"
    (ground.root / "inner").mkdir()
    driven = ground.run("unshare", "-m", "sh", "-c", line)[0]
    assert driven.exit is not None and driven.exit.code == 0
    assert Blind.NAMESPACE in {reason for reason, _ in driven.blind}


def test_an_exec_by_a_thread_that_does_not_lead_is_the_process_s(ground: Ground, odd: Path) -> None:
    ground.write(**{"in": "text"})
    driven, out, _ = ground.run(str(odd), "thread", "in")
    assert out == b"text"
    assert _in_and_out(ground, driven) == ({b"in"}, set())
    executed = [event for event in driven.events if event.kind == Kind.EXEC]
    assert [os.path.basename(event.path) for event in executed] == [b"odd", b"cat"]
    assert {event.pid for event in executed} == {driven.pid}


def test_what_many_threads_do_at_a_time_is_seen(ground: Ground, odd: Path) -> None:
    driven = ground.run(str(odd), "threads")[0]
    assert _in_and_out(ground, driven)[1] == {b"t%d-%d" % (n, m) for n in range(16) for m in range(20)}


# ---- names

_NAMES = [
    b"n" * 255,
    b"new\nline",
    b"\xff\xfe",
    b"tab\tand \\ and 'quotes' and $HOME",
    b"-rf",
    b"\x01",
    "ü".encode() * 127,
]


def test_names_are_bytes_of_any_kind_and_length(ground: Ground) -> None:
    folder = os.fsencode(ground.root)
    for name in _NAMES:
        with open(folder + b"/" + name, "wb") as file:
            file.write(b"x")
    code = """
import os
for name in os.listdir(b"."):
    open(name).read()
    new = b"-" + name[1:]
    with open(new + b"~" if len(new) < 255 else new, "wb") as file: file.write(b"y")
    os.rename(name, name[:-1] + b"+")
"""
    driven = ground.run("/usr/bin/python3", "-S", "-c", code)[0]
    inputs, outputs = _in_and_out(ground, driven)
    assert inputs == set(_NAMES)
    written = {b"-" + name[1:] + (b"~" if len(name) < 255 else b"") for name in _NAMES}
    assert written <= outputs
    assert outputs - written <= {name[:-1] + b"+" for name in _NAMES}


def test_a_path_of_nearly_4096_bytes_is_seen_whole(ground: Ground, odd: Path) -> None:
    room = 4095 - len(os.fsencode(ground.root)) - len("/bottom")
    driven = ground.run(str(odd), "deep", str(room // 201), "200")[0]
    assert _in_and_out(ground, driven)[1] == {b"/".join([b"d" * 200] * (room // 201) + [b"bottom"])}


@pytest.mark.parametrize(("count", "length"), [(130, 1), (60, 255)], ids=["130 directories", "15 000 bytes"])
def test_a_path_that_is_too_deep_or_long_for_the_probe_is_told(
    count: int, length: int, ground: Ground, odd: Path
) -> None:
    try:
        driven = ground.run(str(odd), "deep", str(count), str(length))[0]
        assert driven.exit is not None and driven.exit.code == 0
        assert Blind.PATH in {reason for reason, _ in driven.blind}
    finally:
        subprocess.run(["rm", "-rf", ground.root / ("d" * length)], check=True)  # shutil gives up


def test_root_and_user_are_of_no_matter_to_what_is_seen(ground: Ground) -> None:
    """A change of the user in the middle."""
    os.chmod(ground.root, 0o777)
    ground.write(**{"in": "x"})
    parts = (ground.root, *ground.root.parents)
    for folder in parts:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o711)
    line = "setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'cat in > made'"
    assert _in_and_out(ground, ground.sh(line)) == ({b"in"}, {b"made"})
