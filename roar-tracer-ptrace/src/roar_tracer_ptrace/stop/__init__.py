"""Stopping system calls: the seccomp filter, the listener on which calls arrive, and ptrace."""
