"""From system calls to events: which file a call means, what it will do to it, and whether it did."""
