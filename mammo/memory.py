"""Memory that a process frees and soon needs again: glibc may keep it instead of faulting in fresh pages each time."""

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of mallopt(3) in malloc.h."""


def keep_memory(block: int, spare: int) -> None:
    """Have this process keep what it frees, where glibc is its C library.

    Args:
        block: bytes; larger blocks still go back to the system, each for itself.
        spare: bytes that stay unused at the end of the heap at most.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, block)
        libc.mallopt(M_TRIM_THRESHOLD, spare)
