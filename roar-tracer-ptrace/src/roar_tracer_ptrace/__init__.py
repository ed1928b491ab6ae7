"""The ptrace tracer of roar: the kernel tells it of each call that names a file, whatever the program is made of."""

__version__ = "0.1.0"
