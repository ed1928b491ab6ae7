"""Reading the pipeline's tables and settings; every step imports it."""

import json
from pathlib import Path

import numpy as np

DATA = Path("data")
RESULTS = Path("results")


def settings():
    """The settings of params.json."""
    return json.loads(Path("params.json").read_text())


def read(name):
    """Features (rows x columns, float) and classes (rows, int) of a table."""
    table = np.loadtxt(DATA / name, delimiter=",", skiprows=1)
    return table[:, :-1], table[:, -1].astype(int)


def write(path, rows):
    """Writes features and classes as a table."""
    names = ",".join(f"x{i}" for i in range(rows.shape[1] - 1))
    np.savetxt(path, rows, delimiter=",", fmt="%.6f", header=f"{names},class", comments="")
