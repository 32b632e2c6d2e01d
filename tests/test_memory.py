"""A process that keeps freed memory does not fault it in again."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from mammo.memory import keep_memory

def bytes_faulted(n_bytes, times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        bytearray(b"1") * n_bytes
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize()

keep_memory(4 << 20, 16 << 20)
print(bytes_faulted(3 << 20, 8) // (3 << 20), bytes_faulted(5 << 20, 8) // (5 << 20))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_blocks_up_to_a_size_are_kept() -> None:
    printed = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout
    kept, returned = map(int, printed.split())
    assert kept <= 2
    assert returned >= 8
