"""roar: records what a command read and wrote, as a step of a graph that can be shown, published and reproduced."""

__version__ = "0.1.0"
