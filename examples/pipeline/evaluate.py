"""Step 3: how often the model is right about rows that it hasn't seen."""

import json

import dataset
import model
import numpy as np

features, classes = dataset.read("test.csv")
weights = np.load(dataset.RESULTS / "model.npz")
guesses = model.forward(weights, features)[1].argmax(axis=1)

confusion = np.zeros((classes.max() + 1,) * 2, dtype=int)
np.add.at(confusion, (classes, guesses), 1)
scores = {"accuracy": round(float((guesses == classes).mean()), 4), "confusion": confusion.tolist()}
(dataset.RESULTS / "scores.json").write_text(json.dumps(scores, indent=2) + "\n")
print(f"accuracy {scores['accuracy']:.1%} on {len(classes)} rows")
