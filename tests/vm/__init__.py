"""Other kernels: Debian's, downloaded and not installed, booted in QEMU on this machine's own files.

``python -m vm KERNEL -- COMMAND`` in this directory's parent; docs/how-to-test-other-kernels.md.
"""
