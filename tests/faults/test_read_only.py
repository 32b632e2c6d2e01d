"""On a root that cannot be written every command ends with one sentence, or does what needs no writing."""

import ctypes
import os
from functools import partial
from pathlib import Path

import pytest

from tests.faults.cases import check_cases
from tests.faults.command_lines import COMMAND_LINES, CommandLine
from tests.faults.forks import launch
from tests.faults.test_full_disk import check_sentence
from tests.faults.trees import Roots, tree

NEW_NAMESPACE, READ_ONLY, REMOUNT, BIND, PRIVATE, RECURSIVE = 0x20000, 1, 32, 4096, 1 << 18, 1 << 14
"""Flags of unshare and mount (Linux)."""


def mount_read_only(folder: Path) -> None:
    """Let this process alone see a folder as on a read-only disk; OSError where it may not."""
    system = ctypes.CDLL(None, use_errno=True)
    steps = [
        lambda: system.unshare(NEW_NAMESPACE),
        lambda: system.mount(b"none", b"/", None, RECURSIVE | PRIVATE, None),
        lambda: system.mount(bytes(folder), bytes(folder), None, BIND, None),
        lambda: system.mount(b"none", bytes(folder), None, REMOUNT | BIND | READ_ONLY, None),
    ]
    for step in steps:
        if step() != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def can_mount(folder: Path) -> bool:
    """Whether this process has the right to mount: as root, as in a container with that capability."""
    pid = os.fork()
    if pid == 0:
        try:
            mount_read_only(folder)
        except (OSError, AttributeError):
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def check_read_only(roots: Roots, line: CommandLine) -> None:
    root = roots.fresh(line)
    before = tree(root)
    end = launch(line.words(root), root, partial(mount_read_only, root)).wait()
    if line.writes or end.status not in line.statuses:
        check_sentence(end, root)
    assert tree(root) == before
    assert not list(roots.temporary.rglob("*"))


@pytest.mark.faults
def test_a_read_only_root_is_one_sentence(roots: Roots, tmp_path: Path) -> None:
    if not can_mount(tmp_path):
        pytest.skip("needs the right to mount a folder read-only, as root has it in most containers")
    cases = {line.name: line for line in COMMAND_LINES}
    check_cases("read-only root", cases, partial(check_read_only, roots), len(cases))
