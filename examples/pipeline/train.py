"""Step 2: trains the model and keeps how its loss went."""

import dataset
import model
import numpy as np

params = dataset.settings()
features, classes = dataset.read("train.csv")
weights = model.start(np.random.default_rng(params["seed"]), features.shape[1], params["hidden"], params["classes"])
losses = [model.improve(weights, features, classes, params["rate"]) for _ in range(params["steps"])]

dataset.RESULTS.mkdir(exist_ok=True)
np.savez(dataset.RESULTS / "model.npz", **weights)
np.savetxt(dataset.RESULTS / "loss.csv", losses, fmt="%.6f")
print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f} in {len(losses)} steps")
