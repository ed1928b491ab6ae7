"""The system calls that Python lacks, by ctypes: seccomp(2) with a listener, pidfd_getfd(2), process_vm_readv(2), openat2(2).

Imported in the tracer's own process and by its preflight only.  Structures are those of linux/seccomp.h and linux/openat2.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Callable
from typing import Any

from roar_tracer_ptrace.calls import ROAR_ITSELF

libc = ctypes.CDLL(None, use_errno=True)


def _function(name: str, *arguments: Any, result: Any = ctypes.c_long) -> Callable[..., int]:
    function = getattr(libc, name)
    function.argtypes = arguments
    function.restype = result
    return function  # type: ignore[no-any-return]


_word = ctypes.c_long
syscall = _function("syscall", *(_word,) * 7)
prctl = _function("prctl", *(_word,) * 5, result=ctypes.c_int)
ioctl = _function("ioctl", ctypes.c_int, ctypes.c_ulong, _word, result=ctypes.c_int)
_socketpair = _function("socketpair", ctypes.c_int, ctypes.c_int, ctypes.c_int, _word, result=ctypes.c_int)
_sendmsg = _function("sendmsg", ctypes.c_int, _word, ctypes.c_int)
_recvmsg = _function("recvmsg", ctypes.c_int, _word, ctypes.c_int)
vm_readv = _function("process_vm_readv", *(_word,) * 6)

_X86_64, _AARCH64 = {"seccomp": 317, "open_by_handle_at": 304}, {"seccomp": 277, "open_by_handle_at": 265}
_NUMBERS = _AARCH64 if os.uname().machine == "aarch64" else _X86_64
_OPENAT2 = 437

_AF_UNIX, _SOCK_STREAM, _SOCK_CLOEXEC, _SOL_SOCKET, _SCM_RIGHTS, _MSG_CMSG_CLOEXEC = 1, 1, 0o2000000, 1, 1, 0x40000000
_CONTROL, _CONTROL_LENGTH, _CONTROL_SIZE = "@Niii", 20, 24
"""struct cmsghdr and a descriptor, CMSG_LEN and CMSG_SPACE of it (cmsg(3))."""

_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_SET_MODE_FILTER = 1
_SPEC_ALLOW, _NEW_LISTENER, _WAIT_KILLABLE_RECV = 4, 8, 32

NOTIF_RECV, NOTIF_SEND, NOTIF_ID_VALID, NOTIF_SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082102, 0x40082104
"""SECCOMP_IOCTL_NOTIF_…."""
SYNC_WAKE_UP = 1
"""SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (Linux 6.6): both sides stay on one CPU, which is what makes it cheap."""
FLAG_CONTINUE = 1
"""SECCOMP_USER_NOTIF_FLAG_CONTINUE."""
NOTIF_SIZE, RESPONSE_SIZE = 80, 24


def install(filter: bytes, privileged: bool, listen: bool) -> int:
    """Puts this process, and all that it will start, under a seccomp filter.

    Args:
        filter: an array of struct sock_filter.
        privileged: see `powers.keeps_set_id`; else no_new_privs is set, for good.
        listen: for SECCOMP_RET_USER_NOTIF.

    Returns:
        With `listen` the descriptor on which the calls arrive, else 0.

    Raises:
        OSError: EINVAL: the kernel is too old; EBUSY: the process has a listener already; EPERM, EACCES: forbidden here.
    """
    if not privileged and prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise _error()
    code = ctypes.create_string_buffer(filter, len(filter))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(filter) // 8, ctypes.addressof(code)))
    # nothing is confined by it: it must not slow the command down by what keeps confined programs from speculating
    flags = _SPEC_ALLOW | (_NEW_LISTENER | _WAIT_KILLABLE_RECV if listen else 0)
    done = syscall(_NUMBERS["seccomp"], _SET_MODE_FILTER, flags, ctypes.addressof(program), ROAR_ITSELF, 0, 0)
    if done < 0:
        raise _error()
    return done


def socket_pair() -> tuple[int, int]:
    """Two connected sockets.  (Importing `socket` would take as long as all the rest.)  Raises OSError."""
    pair = (ctypes.c_int * 2)()
    if _socketpair(_AF_UNIX, _SOCK_STREAM | _SOCK_CLOEXEC, 0, ctypes.addressof(pair)) < 0:
        raise _error()
    return pair[0], pair[1]


def send_descriptor(socket: int, fd: int) -> None:
    """Gives another process a copy of a descriptor (SCM_RIGHTS): pidfd_getfd(2) is forbidden in most containers."""
    message = _Message(struct.pack(_CONTROL, _CONTROL_LENGTH, _SOL_SOCKET, _SCM_RIGHTS, fd))
    if _sendmsg(socket, message.at, 0) < 0:
        raise _error()


def receive_descriptor(socket: int) -> int:
    """What `send_descriptor` gave.  Raises OSError: EBADF when nothing was."""
    message = _Message()
    if _recvmsg(socket, message.at, _MSG_CMSG_CLOEXEC) < 0:
        raise _error()
    length, level, kind, fd = struct.unpack_from(_CONTROL, message.control)
    if (length, level, kind) != (_CONTROL_LENGTH, _SOL_SOCKET, _SCM_RIGHTS):
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return int(fd)


class _Message:
    """A struct msghdr of one byte with room for a control message."""

    def __init__(self, control: bytes = b"") -> None:
        self.control = ctypes.create_string_buffer(control, _CONTROL_SIZE)
        self._byte = ctypes.create_string_buffer(1)
        self._vector = ctypes.create_string_buffer(struct.pack("@PN", ctypes.addressof(self._byte), 1))
        self._head = ctypes.create_string_buffer(
            struct.pack(
                "@PIPNPNi4x",
                *(0, 0, ctypes.addressof(self._vector), 1, ctypes.addressof(self.control), _CONTROL_SIZE, 0),
            )
        )
        self.at = ctypes.addressof(self._head)


def adopt_orphans() -> None:
    """Descendants that lose their parent become this process's children (PR_SET_CHILD_SUBREAPER)."""
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wake_synchronously(listener: int) -> None:
    """Raises OSError on a kernel before 6.6."""
    if ioctl(listener, NOTIF_SET_FLAGS, SYNC_WAKE_UP) < 0:
        raise _error()


def open_by_handle(mount: int, handle: bytes) -> int:
    """open_by_handle_at(2) for the path alone.  Raises OSError."""
    buffer = ctypes.create_string_buffer(handle, len(handle))
    done = syscall(_NUMBERS["open_by_handle_at"], mount, ctypes.addressof(buffer), os.O_PATH | os.O_CLOEXEC, 0, 0, 0)
    if done < 0:
        raise _error()
    return done


def open_within(directory: int, path: bytes, resolve: int, flags: int) -> int:
    """openat2(2) for the path alone.

    Args:
        directory: where the path begins.
        path: as the program gave it.
        resolve: RESOLVE_… bits.
        flags: of open(2), beside O_PATH.

    Raises:
        OSError: there is no such file, or the bits forbid it.
    """
    name = ctypes.create_string_buffer(path)
    how = ctypes.create_string_buffer(struct.pack("=QQQ", flags | os.O_PATH | os.O_CLOEXEC, 0, resolve), 24)
    done = syscall(_OPENAT2, directory, ctypes.addressof(name), ctypes.addressof(how), 24, 0, 0)
    if done < 0:
        raise _error()
    return done


def is_open_how(how: bytes) -> bool:
    """Whether openat2(2) would take a struct open_how, as far as that can be told without a file.

    The kernel looks at it first: without a directory to begin in (EBADF) nothing else can happen.
    """
    buffer = ctypes.create_string_buffer(how, max(len(how), 1))
    name = ctypes.create_string_buffer(b"x")
    syscall(_OPENAT2, -1, ctypes.addressof(name), ctypes.addressof(buffer), len(how), 0, 0)
    return ctypes.get_errno() == errno.EBADF


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))


class Memory:
    """Reads the memory of other processes into a buffer of its own."""

    _PAGE = 4096
    _SHORT = 256

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(self._PAGE)
        self._view = memoryview(self._buffer).cast("B")
        self._local = (ctypes.c_ulonglong * 2)(ctypes.addressof(self._buffer), 0)
        self._remote = (ctypes.c_ulonglong * 2)()
        self._local_at, self._remote_at = ctypes.addressof(self._local), ctypes.addressof(self._remote)

    def string(self, pid: int, address: int, limit: int = 4096) -> bytes:
        """The bytes up to a NUL.

        Never reads across the end of a page at once: the next one may not be there.

        Args:
            pid: of any thread of the process.
            address: where the string begins.
            limit: as many bytes at most, PATH_MAX.

        Raises:
            OSError: EFAULT: nothing is there; EPERM: it may not be read; ESRCH: the process is gone.  ENAMETOOLONG.
        """
        found = b""
        size = self._SHORT
        while len(found) < limit:
            size = min(size, self._PAGE - (address & (self._PAGE - 1)))
            part = self.block(pid, address, size)
            end = part.find(b"\0")
            found += part if end < 0 else part[:end]
            if end >= 0 and len(found) < limit:
                return found
            address += len(part)
            size = self._PAGE
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))

    def block(self, pid: int, address: int, size: int) -> bytes:
        """As many bytes of up to a page as can be read.  Raises OSError when none can."""
        self._remote[0] = address
        self._remote[1] = self._local[1] = size
        got = vm_readv(pid, self._local_at, 1, self._remote_at, 1, 0)
        if got <= 0:
            raise _error()
        return bytes(self._view[:got])
