"""A network of one hidden layer, in numpy."""

import numpy as np


def start(random, inputs, hidden, classes):
    """Random weights."""
    return {
        "w1": random.normal(0, 1, (inputs, hidden)),
        "b1": np.zeros(hidden),
        "w2": random.normal(0, 1 / np.sqrt(hidden), (hidden, classes)),
        "b2": np.zeros(classes),
    }


def forward(weights, features):
    """The hidden layer and each class's probability."""
    hidden = np.tanh(features @ weights["w1"] + weights["b1"])
    scores = hidden @ weights["w2"] + weights["b2"]
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, odds / odds.sum(axis=1, keepdims=True)


def improve(weights, features, classes, rate):
    """One step of gradient descent in place; returns the loss before it."""
    hidden, chance = forward(weights, features)
    rows = np.arange(len(classes))
    loss = -np.log(chance[rows, classes]).mean()
    wrong = chance.copy()
    wrong[rows, classes] -= 1
    wrong /= len(classes)
    back = wrong @ weights["w2"].T * (1 - hidden**2)
    for name, gradient in (
        ("w2", hidden.T @ wrong),
        ("b2", wrong.sum(0)),
        ("w1", features.T @ back),
        ("b1", back.sum(0)),
    ):
        weights[name] -= rate * gradient
    return loss
