"""The built-in filters pass the contract that anyone's must."""

from __future__ import annotations

import os

import pytest

from roar.filters.environment import PackageFiles, SystemReads
from roar.filters.internals import Bytecode, RoarAndGit, SystemFiles
from roar.filters.scratch import ModelCaches, TempFiles
from roar.filters.trackers import ExperimentTrackers
from roar.testing import FilterContract

pytestmark = pytest.mark.requirement("PLUG-4", "FILTER-1", "FILTER-3")

OUTSIDE_DATA = (
    b"/data/train.csv",
    b"/home/someone/datasets/x.npy",
    b"/mnt/share/library/a.bin",
    b"/opt/ml/input/data/x.csv",
)


class TestRoarAndGit(FilterContract):
    filter = RoarAndGit()
    drops = (b"ROOT/.git/HEAD", b"ROOT/.roar/roar.db", b"ROOT/vendor/lib/.git", b"/home/other/repo/.git/config")
    keeps = (b"ROOT/.gitignore", b"ROOT/git/HEAD", b"ROOT/.roarrc", *OUTSIDE_DATA)


class TestSystemFiles(FilterContract):
    filter = SystemFiles()
    drops = (
        b"/dev/null",
        b"/dev/nvidia0",
        b"/proc/self/maps",
        b"/sys/kernel/x",
        b"/run/user/0/bus",
        b"pipe:[123]",
        b"/memfd:x",
    )
    keeps = (b"/dev/shm/x", b"/devices/x", *OUTSIDE_DATA)


class TestBytecode(FilterContract):
    filter = Bytecode()
    drops = (b"ROOT/a.pyc", b"ROOT/__pycache__/a.cpython-311.pyc", b"/usr/lib/python3/__pycache__/x.nbi")
    keeps = (b"ROOT/a.py", b"ROOT/pycache/x", *OUTSIDE_DATA)


class TestPackageFiles(FilterContract):
    filter = PackageFiles()
    drops = (
        b"ROOT/.venv/lib/python3.11/site-packages/numpy/x.so",
        b"ROOT/venv/bin/activate",
        b"ROOT/.venv/pyvenv.cfg",
        b"ROOT/node_modules/a/index.js",
        b"/usr/lib/python3/dist-packages/x.py",
        b"/home/x/.cache/pip/http/a",
        b"/home/x/envs/ml/conda-meta/history",
        b"/home/x/R/x86_64-pc-linux-gnu-library/4.2/dplyr/R/dplyr",
        b"ROOT/src/ours.egg-info/PKG-INFO",
    )
    keeps = (b"ROOT/bin/tool", b"ROOT/lib/x.py", b"ROOT/packages/x.py", b"/usr/lib/libm.so.6", *OUTSIDE_DATA)


class TestModelCaches(FilterContract):
    filter = ModelCaches()
    drops = (
        b"/home/x/.cache/huggingface/hub/models--a/blobs/1",
        b"/home/y/.cache/torch/hub/checkpoints/r.pth",
        b"/tmp/torchinductor_x/a/b.py",
        b"/home/x/.triton/cache/k",
    )
    keeps = (b"ROOT/torch/cache.py", b"ROOT/huggingface/x", *OUTSIDE_DATA)


class TestExperimentTrackers(FilterContract):
    filter = ExperimentTrackers()
    drops = (
        b"ROOT/wandb/run-20260101_000000-abc/files/x",
        b"ROOT/wandb/debug.log",
        b"ROOT/mlruns/0/meta.yaml",
        b"ROOT/logs/events.out.tfevents.1700000000.host",
        b"/data/exp/wandb/x",
    )
    keeps = (b"ROOT/wandb.py", b"ROOT/mlruns.csv", b"ROOT/events/out", *OUTSIDE_DATA)


class TestSystemReads(FilterContract):
    filter = SystemReads()
    drops = (
        b"/usr/lib/x86_64-linux-gnu/libc.so.6",
        b"/lib/ld-linux.so",
        b"/etc/localtime",
        b"/bin/sh",
        b"/usr/share/fonts/x.ttf",
        b"/nix/store/abc/bin/x",
        b"/home/other/.config/matplotlib/matplotlibrc",
        os.path.expanduser(b"~/.bashrc"),
        b"/home/x/miniconda3/lib/python3.11/os.py",
        b"/opt/conda/lib/libx.so.1",
        b"/somewhere/libfoo.so.1.2",
    )
    keeps = (
        b"ROOT/lib/libfoo.so",
        b"ROOT/usr/x",
        b"/usr/lib/python3/dist-packages/x.py",
        b"/home/x/.cache/huggingface/hub/x",
        b"/srv/lib/data.csv",
        b"/data/mail.sorted",
        b"/data/anaconda_study/x.csv",
        *OUTSIDE_DATA,
    )


class TestTempFiles(FilterContract):
    filter = TempFiles()
    drops = (b"/tmp/x", b"/var/tmp/a/b", b"/dev/shm/psm_1")
    keeps = (b"ROOT/tmp/x", b"/tmpdata/x", *OUTSIDE_DATA)
