"""Every function of glibc that takes a name or makes a descriptor is either wrapped or has been thought about."""

from __future__ import annotations

import ctypes.util
import re
import subprocess
from pathlib import Path

import pytest

_PATH_PARAMETERS = frozenset(
    [
        "__file",
        "__filename",
        "__path",
        "__pathname",
        "__name",
        "__from",
        "__to",
        "__old",
        "__new",
        "__template",
        "__special_file",
        "__dir",
        "__from_pathname",
        "__to_pathname",
        "__wtmp_file",
        "__wtmpx_file",
        "__command",
        "__dirname",
        "__cat_name",
        "__pattern",
        "__words",
        "__special",
        "__tty",
        "__fs_name",
    ]
)
"""What glibc's headers call a parameter that is a file's name."""
_TELLING = re.compile(
    r"open|creat|exec|spawn|fork|clone|rename|unlink|link|trunc|temp|chdir|chroot|dup|pipe|socket|accept|fd$|mmap|mprotect|remap"
    r"|utime|unshare|setns|daemon|syscall|seccomp|prctl|recvmsg|recvmmsg|sendfile|splice|copy_file|pivot|mount|io_uring|dl"
)
"""What a function may be called that no header declares."""

_IGNORED = {
    # what a name is looked up for, but no content
    r"(l|f)?stat(at|fs|vfs|x)?(64)?|fstatat(64)?|statv?fs(64)?": "looks, and reads no content",
    r"(e|eu?id|f)?access(at)?|euidaccess": "looks, and reads no content",
    r"readlink(at)?|__readlink(at)?_chk|realpath|canonicalize_file_name|pathconf|ftok|basename": "names only",
    r"(l|f)?chmod(at)?|(l|f)?chown(at)?|fch(mod|own)at": "owner and permissions, no content",
    r"(l|f)?(get|set|list|remove)xattr|llistxattr|lremovexattr": "attributes, no content",
    r"(__)?mktemp|tempnam": "makes a name, and no file",
    r"mkdtemp|mkdir(at)?|rmdir|opendir|fdopendir|dirfd|scandir(at)?(64)?|n?ftw(64)?|fts(64)?_open|glob(64)?|glob_pattern_p":
        "directories are no files of a job; what is opened in them goes through open",
    r"mkfifo(at)?": "no regular file",
    r"inotify_add_watch|fanotify_mark|name_to_handle_at|quotactl|revoke": "no content goes through it",
    # names of other things than files
    r"mq_open|__mq_open_2|mq_unlink|sem_open|sem_unlink|shm_open|shm_unlink|memfd_create": "kernel objects; /dev/shm is a device",
    r"get\w*by\w+|getgrnam(_r)?|getpwnam(_r)?|gets[gp]nam(_r)?|getaddrinfo|getttynam|getfs(file|spec)|getalias\w+":
        "reads the system's own tables inside libc",
    r"(secure_)?getenv|setenv|unsetenv|envz_\w+|argz_\w+|fnmatch|re_\w+|regcomp|regexec|wordexp|pthread_\w+|__pthread_\w+":
        "no name of a file; wordexp starts a shell, which is seen",
    r"[gs]et(host|domain)name|setlogin|getlogin_r|openlog|rexec(_af)?|iconv_open|catopen|bindtextdomain":
        "the system's own files: catalogues, log, hosts",
    r"acct|updwtmpx?|utmpx?name|swapon|swapoff": "the system's accounts and swap",
    r"mount|umount2?|mount_setattr|move_mount|open_tree|fsopen|fsmount|fspick|pivot_root":
        "names that a mount changes are looked at again at the end; a namespace of its own is told by unshare, setns and clone",
    # descriptors that lead to no named file, or to one that is known
    r"__?dup2|dup[23]?|accept4?|(__)?socket|socketpair|(__)?pipe2?|eventfd|signalfd|epoll_create1?|timerfd_create|timer_create":
        "copies of known descriptors, or no files",
    r"pidfd_open|openpty|posix_openpt|svc\w+|clnt\w*|auth\w+_create\w*|xdr\w+|__libc_clntudp_bufcreate|__rpc_\w+": "no files",
    r"fdopen|_IO_fdopen|fmemopen|fopencookie|open_w?memstream": "streams over what is open already, or over memory",
    r"sendfile(64)?|copy_file_range|v?msplice|splice": "between descriptors whose opening was seen",
    r"mremap|remap_file_pages|pkey_mprotect|__mmap|__mprotect": "mappings that were seen when they were made; protection keys",
    r"vfork|__vfork": "returns twice, which no wrapper can; nothing is lost: the child's exec is seen",
    r"posix_spawnattr_\w+|posix_spawn_file_actions_(init|destroy|addclose|adddup2|addclosefrom_np|addtcsetpgrp_np)": "no file",
    # not for programs
    r"_IO_(file_f?open|link_in|un_link|popen|proc_open)|__open(64)?_nocancel|__libc_fork|__nss_\w+|__gconv_\w+|__open_catalog":
        "glibc's own, not declared anywhere",
    r"_dl_\w+|dl_iterate_phdr|dladdr1?|dlclose|dlerror|dlinfo|dlv?sym|__register_atfork|create_module": "load no file",
    r"__\w*(str|wcs)n?dup|(str|wcs)n?dup|(__)?duplocale|__libc_\w+|__netlink_\w+|__nptl_\w+|(__)?arch_prctl|__assert\w*":
        "nothing of the kind",
    r"(__)?backtrace_symbols_fd|hcreate(_r)?|(mtx|tss|thrd)_\w+": "nothing of the kind",
}  # fmt: skip


def _libc() -> Path:
    maps = Path("/proc/self/maps").read_text().splitlines()
    name = ctypes.util.find_library("c") or "libc.so.6"
    return Path(next(line.split(None, 5)[5] for line in maps if line.endswith("/" + name)))


def _defined(library: Path) -> set[str]:
    listing = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
    found = (line.split() for line in listing.splitlines())
    return {words[-1].split("@")[0] for words in found if words[-2] in "TWi"}


def _declared() -> dict[str, set[str]]:
    """Function → the names of its parameters that are strings, from the headers."""
    include = [Path("/usr/include"), *Path("/usr/include").glob("*-linux-gnu")]
    names = {p.name for i in include for p in i.glob("*.h")} | {
        f"sys/{p.name}" for i in include for p in i.glob("sys/*.h")
    }
    # what any POSIX program may include; the rest of the directory belongs to other libraries
    wanted = sorted(name for name in names if name.startswith("sys/") or name in _HEADERS)
    source = "".join(f"#include <{name}>\n" for name in wanted if name not in ("sys/elf.h", "sys/vm86.h"))
    command = ["cc", "-E", "-P", "-D_GNU_SOURCE", "-x", "c", "-"]
    text = subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout
    text = re.sub(
        r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)|__asm__\s*\([^)]*\)|__extension__|__restrict", " ", text
    )
    found: dict[str, set[str]] = {}
    for name, parameters in re.findall(r"\b(\w+)\s*\(([^;{}]*?)\)\s*;", text):
        found[name] = set(re.findall(r"\bchar\s*\*\s*(\w+)", parameters))
    return found


_HEADERS = frozenset(
    [
        "dirent.h",
        "dlfcn.h",
        "fcntl.h",
        "fnmatch.h",
        "fstab.h",
        "ftw.h",
        "fts.h",
        "glob.h",
        "grp.h",
        "iconv.h",
        "libintl.h",
        "mntent.h",
        "mqueue.h",
        "netdb.h",
        "nl_types.h",
        "pthread.h",
        "pty.h",
        "pwd.h",
        "regex.h",
        "sched.h",
        "semaphore.h",
        "shadow.h",
        "spawn.h",
        "stdio.h",
        "stdlib.h",
        "string.h",
        "syslog.h",
        "time.h",
        "ttyent.h",
        "unistd.h",
        "utime.h",
        "utmp.h",
        "utmpx.h",
        "wordexp.h",
    ]
)


@pytest.mark.requirement("TRC-8", "TRC-10")
def test_each_function_of_libc_that_takes_a_name_or_makes_a_descriptor_is_wrapped_or_reviewed(
    strict_library: Path,
) -> None:
    exported, wrapped = _defined(_libc()), _defined(strict_library)
    declared = _declared()
    assert declared["open"] == {"__file"}
    candidates = {n for n in exported if _TELLING.search(n) or declared.get(n, set()) & _PATH_PARAMETERS}
    assert len(candidates) > 250
    reviewed = re.compile("|".join(f"(?:{pattern})" for pattern in _IGNORED))
    forgotten = sorted(name for name in candidates - wrapped if not reviewed.fullmatch(name))
    assert forgotten == []


def test_nothing_is_wrapped_that_libc_does_not_have(strict_library: Path) -> None:
    unknown = _defined(strict_library) - _defined(_libc())
    assert {name for name in unknown if not name.startswith("io_uring_")} == set()
