"""Step 4: draws the loss and what the model thinks of the plane, as SVG."""

import json

import dataset
import model
import numpy as np

SIZE = 300
COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2")

weights = np.load(dataset.RESULTS / "model.npz")
losses = np.loadtxt(dataset.RESULTS / "loss.csv")
scores = json.loads((dataset.RESULTS / "scores.json").read_text())
features, classes = dataset.read("test.csv")
shapes = []

reach = np.abs(features).max() * 1.05
cells = 50
middle = (np.arange(cells) + 0.5) / cells * 2 * reach - reach
x, y = np.meshgrid(middle, middle)
kinds = model.forward(weights, np.column_stack([x.ravel(), y.ravel()]))[1].argmax(axis=1).reshape(cells, cells)
side = SIZE / cells
for row in range(cells):
    for column in range(cells):
        shapes.append(
            f'<rect x="{column * side:.1f}" y="{row * side:.1f}" width="{side:.1f}" height="{side:.1f}"'
            f' fill="{COLOURS[kinds[row, column]]}" opacity="0.25"/>'
        )
for (across, down), kind in zip((features + reach) / (2 * reach) * SIZE, classes, strict=True):
    shapes.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="2.5" fill="{COLOURS[kind]}"/>')

points = " ".join(
    f"{SIZE + 40 + i / len(losses) * SIZE:.1f},{SIZE - loss / losses.max() * (SIZE - 20):.1f}"
    for i, loss in enumerate(losses)
)
shapes.append(f'<polyline points="{points}" fill="none" stroke="#333" stroke-width="2"/>')
shapes.append(f'<text x="{SIZE + 60}" y="20" font-family="sans-serif" font-size="14">loss</text>')
shapes.append(
    f'<text x="8" y="{SIZE - 8}" font-family="sans-serif" font-size="14">accuracy {scores["accuracy"]:.1%}</text>'
)

picture = "\n".join(shapes)
(dataset.RESULTS / "plot.svg").write_text(
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * SIZE + 60} {SIZE}">\n'
    f'<rect width="100%" height="100%" fill="white"/>\n{picture}\n</svg>\n'
)
print("results/plot.svg")
