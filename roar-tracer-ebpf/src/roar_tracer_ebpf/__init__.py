"""The eBPF tracer of roar: sees the files of a command from inside the kernel."""

__version__ = "0.1.0"
