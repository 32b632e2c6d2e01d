"""What a root holds after a command, disturbed or not, in a form that can be compared."""

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from mammo.store.record_files import ENTRY
from tests.faults.command_lines import WHOLE_GMIC, CommandLine
from tests.faults.forks import Ended, launch

LOCKS = (".lock", "lock", ".report.lock")
"""Names of lock files, which stay."""

PIXELS = (".tiles", ".index")
"""Suffixes of the pixel files of a store."""

VARYING = ("bench.md",)
"""Names of files whose content is of times and speeds."""

OF_TIME = ("seconds", "stamps", "files", "seal")
"""Facts of a result that follow from times, such as the digest of a checkpoint with the speed of each epoch."""

VARYING_STATE = ("row", "current_score", "seconds")
"""Keys of a checkpoint: the figures of an epoch, with its speed, one that Lightning saves and does not restore, and the
time that the training has taken."""

TIME = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d UTC")

Tree = dict[str, str]
"""Digest of each file, by its path below the root; folders, whose paths end with a slash, have none."""


def tree(root: Path) -> Tree:
    """Digest of each file below a root without its times, and its folders.

    Lock files and a logger's metrics (one more folder for each attempt of a training) are left out. The pixel files of
    a store count by the images that they hold: how many files those are follows from interruptions.
    """
    paths = {str(path.relative_to(root)) + "/" * path.is_dir(): path for path in root.rglob("*")}
    found = {
        name: _digest(path)
        for name, path in paths.items()
        if path.name not in LOCKS and path.suffix not in PIXELS and "/metrics/" not in f"/{name}"
    }
    return found | {f"{name}: images": _images(paths[name]) for name in found if name.endswith("/images/")}


def _images(folder: Path) -> str:
    """Digest of the newest record of each image in the pixel files of a store."""
    newest = {}
    for index in sorted(folder.glob("*.index")):
        records = index.with_suffix(".tiles").read_bytes()
        for key, _, offset, size, _ in np.fromfile(index, ENTRY).tolist():
            newest[key] = sha256(records[offset : offset + size]).hexdigest()
    return sha256(repr(sorted(newest.items())).encode()).hexdigest()


def _digest(path: Path) -> str:
    if path.is_dir() or path.name in (*VARYING, *WHOLE_GMIC):
        return ""
    content = path.read_bytes()
    if path.suffix == ".ckpt":
        content = repr(_plain(torch.load(path, weights_only=True))).encode()
    if path.name == "result.json" and content:
        facts = {key: value for key, value in json.loads(content).items() if key not in OF_TIME}
        content = json.dumps(facts, sort_keys=True).encode()
    if path.name == "store.json" and content:
        header = json.loads(content) | {"seal": ""}
        header["files"] = {name: file for name, file in header["files"].items() if not name.startswith("images/")}
        content = json.dumps(header, sort_keys=True).encode()
    if path.name in ("report.html", "report.md"):
        content = TIME.sub(b"", content)
    return sha256(content).hexdigest()


def _plain(value: object) -> object:
    """The content of a checkpoint without what VARYING_STATE names; bytes in place of tensors."""
    if isinstance(value, torch.Tensor):
        return value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key not in VARYING_STATE}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def differences(before: Tree, after: Tree) -> list[str]:
    """What became of files and folders: one line each for those that changed, went or came."""
    lines = [f"{name} is gone" for name in sorted(before.keys() - after.keys())]
    lines += [f"{name} is new" for name in sorted(after.keys() - before.keys())]
    return lines + [f"{name} changed" for name in sorted(before.keys() & after.keys()) if before[name] != after[name]]


class Roots:
    """The root that commands are run in, at one path, because some outputs name it.

    Args:
        full_root: with the outputs of all commands (command_lines.prepared_root).
        folder: holds the root, and beside it root.tmp, the folder of temporary files.
    """

    def __init__(self, full_root: Path, folder: Path) -> None:
        self.full_root, self.root, self.temporary = full_root, folder / "root", folder / "root.tmp"
        self._undisturbed: dict[str, tuple[Tree, Ended]] = {}

    def fresh(self, line: CommandLine) -> Path:
        """The root as it is before a command."""
        for path in (self.root, self.temporary):
            shutil.rmtree(path, ignore_errors=True)
        return line.start(self.full_root, self.root)

    def undisturbed(self, line: CommandLine) -> tuple[Tree, Ended]:
        """The root after an undisturbed run of a command, and how that ended. It replaces the root."""
        if line.name not in self._undisturbed:
            root = self.fresh(line)
            end = launch(line.words(root), root).wait()
            assert end.status in line.statuses, end.err
            self._undisturbed[line.name] = tree(root), end
        return self._undisturbed[line.name]

    def check_rerun(self, line: CommandLine) -> None:
        """Run a command again after a disturbed run: the root is as after an undisturbed one, and nothing is left.

        Where it is so already, the command may refuse to replace what is finished.
        """
        is_finished = not differences(self._undisturbed[line.name][0], tree(self.root))
        end = launch(line.words(self.root), self.root).wait()
        assert end.status in line.statuses or (is_finished and end.status == 2), (
            f"the rerun ends with {end.status}: {end.out[-500:]}{end.err[-1500:]}"
        )
        found = differences(self._undisturbed[line.name][0], tree(self.root))
        assert not found, f"after the rerun: {found[:8]}"
        left = list(self.temporary.rglob("*"))
        assert not left, f"after the rerun: temporary files {left[:8]}"
