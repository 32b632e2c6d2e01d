"""The cores of a container or a Slurm job are counted, not those of the machine; freed memory is kept for reuse."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from mammo.machine import usable_cores

MACHINE = 16
"""Cores of the machine in these tests."""

FAULTS = """
import resource
from mammo.machine import keep_memory

def bytes_faulted(n_bytes, times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        bytearray(b"1") * n_bytes
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize()

keep_memory(4 << 20, 16 << 20)
print(bytes_faulted(3 << 20, 8) // (3 << 20), bytes_faulted(5 << 20, 8) // (5 << 20))
"""
"""Prints how many times blocks of 3 and of 5 MiB are faulted in, of 8 times that they are used."""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a machine of 16 cores, whose process may run on all of them."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(MACHINE)), raising=False)
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, MACHINE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, MACHINE),
        ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000\n"}, 2),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
                "sys/fs/cgroup/a/cpu.max": "300000 100000\n",
            },
            3,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "6400000 100000\n"}, MACHINE),
        (
            {
                "proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/docker/7\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "400000\n",  # a container sees its own group as the root
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/memory/x/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/memory/x/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            MACHINE,
        ),
        ({"proc/self/cgroup": "nonsense\n\n0::/\n", "sys/fs/cgroup/cpu.max": "broken\n"}, MACHINE),
    ],
)
def test_the_quota_of_a_control_group_counts(files: dict[str, str], expected: int, machine: Path) -> None:
    write(machine, files)
    assert usable_cores(machine, {}) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"SLURM_CPUS_PER_TASK": "4", "SLURM_CPUS_ON_NODE": "8"}, 4),
        ({"SLURM_CPUS_ON_NODE": "8"}, 8),
        ({"SLURM_CPUS_ON_NODE": "8", "SLURM_STEP_TASKS_PER_NODE": "4(x2)", "SLURM_PROCID": "5"}, 2),
        ({"SLURM_CPUS_PER_TASK": "", "SLURM_CPUS_ON_NODE": "8(x2)"}, MACHINE),
        ({"SLURM_CPUS_PER_TASK": "64"}, MACHINE),
        ({"SLURM_CPUS_PER_TASK": "0"}, 1),
    ],
)
def test_a_slurm_task_has_its_own_cores(environ: dict[str, str], expected: int, machine: Path) -> None:
    assert usable_cores(machine, environ) == expected


def test_affinity_counts(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)
    assert usable_cores(machine, {}) == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores(machine, {}) == 1


def test_this_process_has_at_least_one_core() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_blocks_up_to_a_size_are_kept() -> None:
    printed = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout
    kept, returned = map(int, printed.split())
    assert kept <= 2
    assert returned >= 8


def test_children_outlive_ctrl_c_and_their_parent_receives_it() -> None:
    program = (
        "import os, signal, subprocess\n"
        "from mammo.machine import without_interrupts\n"
        "received = []\n"
        "signal.signal(signal.SIGINT, lambda *_: received.append('parent'))\n"
        "with without_interrupts():\n"
        "    child = subprocess.Popen(['sleep', '0.5'])\n"
        "    os.killpg(0, signal.SIGINT)\n"
        "    assert not received\n"
        "print(received, child.wait())\n"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, check=False, process_group=0)
    assert (done.stdout, done.stderr) == ("['parent'] 0\n", "")
