"""Making an artifact again: the steps that led to it, in a new directory, and what comes of them compared by digest."""
