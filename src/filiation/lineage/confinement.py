"""A process that keeps to itself: it gets no socket, and so reaches no network, whatever it is asked to do.

The store's own code answers ``SERVICE`` by calling the server that it names, and has no switch against that. What is
refused by its words (``sparql``) is thus also made impossible: by a filter of system calls that a process puts on
itself, which needs no privilege and cannot be taken off (``Documentation/userspace-api/seccomp_filter.rst`` of Linux).
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from typing import Final

_NO_NEW_PRIVILEGES: Final = 38
_SECCOMP: Final = 22
_FILTER: Final = 2

# struct seccomp_data: the number of the call stands first, then the architecture.
_NUMBER, _ARCHITECTURE = 0, 4
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EACCES
_OTHER_TABLE: Final = 0x40000000
"""From this number on, x86-64 has another table of calls (x32)."""
_IO_URING: Final = 425
_CALLS: Final = {"x86_64": (0xC000003E, (41, 53, _IO_URING)), "aarch64": (0xC00000B7, (198, 199, _IO_URING))}
"""For each machine its number, and those of ``socket``, ``socketpair`` and ``io_uring_setup``."""


def give_up_the_network() -> bool:
    """Let this process, and all that it starts, have no socket from now on.

    Returns
    -------
    Whether that is so: it is not where the system has no such filters, or another machine's.
    """
    if sys.platform != "linux" or platform.machine() not in _CALLS:
        return False
    architecture, refused = _CALLS[platform.machine()]
    program = _program(architecture, refused)
    buffer = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong]
    if prctl(_NO_NEW_PRIVILEGES, 1, None, 0, 0) != 0:
        return False
    return bool(prctl(_SECCOMP, _FILTER, ctypes.create_string_buffer(filters, len(filters)), 0, 0) == 0)


def _program(architecture: int, refused: tuple[int, ...]) -> bytes:
    """Return the filter: each line is a code, where to go on if it holds and if not, and a number."""
    tests = [(_AT_LEAST, _OTHER_TABLE), *((_EQUAL, number) for number in refused)]
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, len(tests) + 2, architecture),
        (_LOAD, 0, 0, _NUMBER),
        *((code, len(tests) - place, 0, number) for place, (code, number) in enumerate(tests)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in lines)
