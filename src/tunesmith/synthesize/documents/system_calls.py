"""System calls: Linux itself refuses the network, programs and writing to this process (seccomp).

The hook of the interpreter only sees Python code; this also holds machine code that a broken file
makes a library run. Where the system has no such filter, the hook and the limits remain.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from dataclasses import dataclass

NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, JUMP_IF_ANY, JUMP_IF_AT_LEAST, RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # EPERM
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Offsets in what the filter is shown of a call, in bytes; each argument takes 8."""
OTHER_ABI = 0x40000000
"""From here on calls of x86-64 are those of its 32-bit sibling."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True, slots=True)
class Calls:
    """The numbers of one kind of processor."""

    architecture: int
    refused: tuple[int, ...]
    opening: tuple[tuple[int, int], ...]
    """Calls that open a file, each with the number of the argument that holds its flags."""


CALLS = {
    "x86_64": Calls(
        0xC000003E,
        # socket connect sendto sendmsg bind listen socketpair; fork vfork execve; truncate rename
        # mkdir rmdir creat link unlink symlink chmod chown lchown; ptrace; the same from a folder;
        # process_vm_writev renameat2 execveat io_uring_setup openat2 fchmodat2
        (41, 42, 44, 46, 49, 50, 53, 57, 58, 59, 76, 82, 83, 84, 85, 86, 87, 88, 90, 92, 94, 101,
         258, 260, 263, 264, 265, 266, 268, 311, 316, 322, 425, 437, 452),
        ((2, 1), (257, 2)),
    ),
    "aarch64": Calls(
        0xC00000B7,
        # mkdirat unlinkat symlinkat linkat renameat truncate fchmodat fchownat; ptrace; socket
        # socketpair bind listen connect sendto sendmsg; execve process_vm_writev renameat2 execveat
        # io_uring_setup openat2 fchmodat2
        (34, 35, 36, 37, 38, 45, 53, 54, 117, 198, 199, 200, 201, 203, 206, 211, 221, 271, 276,
         281, 425, 437, 452),
        ((56, 2),),
    ),
}  # fmt: skip
"""From the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic."""


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction))]


def refuse_calls() -> bool:
    """Has the system refuse, for good, what reading a document does not need.

    Returns:
        Whether it does so: not on other systems and processors, or within a container that
        forbids filters.
    """
    calls = CALLS.get(platform.machine())
    if calls is None or sys.platform != "linux" or sys.maxsize < 2**32:
        return False
    code = _filter(calls)
    program = _Program(len(code), (_Instruction * len(code))(*code))
    system = ctypes.CDLL(None, use_errno=True)
    if system.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        return False
    return system.prctl(SECCOMP, FILTER, ctypes.byref(program), 0, 0) == 0


def _filter(calls: Calls) -> list[_Instruction]:
    """Each test either goes on to the next one or returns at once."""
    code = [
        _Instruction(LOAD, 0, 0, ARCHITECTURE),
        _Instruction(JUMP_IF_EQUAL, 1, 0, calls.architecture),
        _Instruction(RETURN, 0, 0, REFUSE),
        _Instruction(LOAD, 0, 0, NUMBER),
        _Instruction(JUMP_IF_AT_LEAST, 0, 1, OTHER_ABI),
        _Instruction(RETURN, 0, 0, REFUSE),
    ]
    for number in calls.refused:
        code += [_Instruction(JUMP_IF_EQUAL, 0, 1, number), _Instruction(RETURN, 0, 0, REFUSE)]
    for number, argument in calls.opening:
        code += [
            _Instruction(JUMP_IF_EQUAL, 0, 4, number),
            _Instruction(LOAD, 0, 0, ARGUMENTS + 8 * argument),
            _Instruction(JUMP_IF_ANY, 0, 1, WRITING),
            _Instruction(RETURN, 0, 0, REFUSE),
            _Instruction(RETURN, 0, 0, ALLOW),
        ]
    return [*code, _Instruction(RETURN, 0, 0, ALLOW)]
