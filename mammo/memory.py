"""Memory reuse: keeps freed memory in the process, where glibc would return it and fault in fresh pages each time."""

import ctypes
from contextlib import suppress

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3), from malloc.h."""


def keep_memory(block: int, spare: int) -> None:
    """Make this process keep freed memory, if its C library is glibc.

    Args:
        block: size in bytes; larger blocks are still returned to the system.
        spare: maximum of unused bytes at the end of the heap.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, block)
        libc.mallopt(M_TRIM_THRESHOLD, spare)
