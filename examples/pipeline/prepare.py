"""Step 1: draws noisy spirals, has them standardised by a C program, splits them for training and test."""

import subprocess

import dataset
import numpy as np

params = dataset.settings()
random = np.random.default_rng(params["seed"])
dataset.DATA.mkdir(exist_ok=True)

kind = random.integers(params["classes"], size=params["rows"])
radius = random.uniform(0.1, 1, size=params["rows"])
angle = 2 * np.pi * (kind / params["classes"] + 0.8 * radius) + random.normal(0, 0.15, size=params["rows"])
raw = dataset.DATA / "raw.csv"
dataset.write(raw, np.column_stack([radius * np.cos(angle), radius * np.sin(angle), kind]))

standard = dataset.DATA / "standard.csv"
subprocess.run(["./standardise", raw, standard], check=True)

features, classes = dataset.read("standard.csv")
table = np.column_stack([features, classes])
cut = len(table) * 3 // 4
dataset.write(dataset.DATA / "train.csv", table[:cut])
dataset.write(dataset.DATA / "test.csv", table[cut:])
print(f"{cut} rows to train with, {len(table) - cut} to test with")
