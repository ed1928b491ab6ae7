"""The preload tracer of roar: a library before libc writes what a command does to files into a shared memory-mapped file."""

__version__ = "0.1.0"
