"""Files below a root that nothing needs any more: checkpoints to resume from, unused caches, failed runs, leftovers.

Of runs that are not done only those are listed, as a whole, that failed before their first checkpoint. Nothing is that
training, scoring or reporting of a finished run reads: its best.ckpt, tables and result.json stay, and so do the
saliency maps that an f_agg was trained on.
"""

import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from mammo.io import file_lock, is_locked
from mammo.records import MammoError
from mammo.training.results import finished_run
from mammo.training.run_dir import ERROR
from mammo.training.run_files import RESULT
from mammo.training.run_list import ListedRun, list_runs, size_of
from mammo.training.sweep_state import Sweep

LEFTOVER_AGE_S = 3600.0
"""Age of a half-written file or folder from which on no process can still be writing it."""

PARTIAL_FILE = re.compile(r"\..+\.\d+\.partial|.+\.[0-9a-f]{8}\.partial")
"""Names of half-written files: those of io.atomic_write and of a store's key."""

FRESH_REPORT = ".report-*"
"""Names of the folders that a report is written into before it replaces the last one."""

CACHE_OF_RUN = re.compile(r"(.+-[0-9a-f]{8})-[0-9a-f]{16}")
"""Name of the saliency maps of a context run: the run folder's name, and the digest of the weights."""


@dataclass(frozen=True)
class Unneeded:
    """A file or folder that can be deleted.

    Attributes:
        path: the file or folder.
        reason: why nothing needs it.
        n_bytes: its size.
        run: the finished run in whose folder it is, or the failed run whose folder it is; None elsewhere.
    """

    path: Path
    reason: str
    n_bytes: int
    run: Path | None = None

    def delete(self) -> bool:
        """Delete it; False if its run is in use, no longer intact, or has begun since, so that it is kept."""
        try:
            with self._lock():
                if not self._is_unneeded():
                    return False
                if self.path.is_dir():
                    shutil.rmtree(self.path)
                else:
                    self.path.unlink(missing_ok=True)
        except MammoError:  # another process holds the run
            return False
        return True

    def _is_unneeded(self) -> bool:
        """Whether its run is still what it was when this was listed."""
        if self.run is None:
            return True
        if self.run == self.path:
            return _has_failed_early(self.run)
        return finished_run(self.run, trusting=False) is not None

    def _lock(self) -> AbstractContextManager[None]:
        return nullcontext() if self.run is None else file_lock(self.run / "lock", self.run.name, wait=False)


def unneeded_files(root: Path) -> list[Unneeded]:
    """Everything below a root that can be deleted; nothing is.

    Links, and what they lead to outside of the root, are left out.

    Raises:
        MammoError: as list_runs, or a sweep's list of jobs is damaged.
    """
    runs = list_runs(root)
    found = [*_last_checkpoints(root, runs), *_failed(runs), *_saliency(root, runs), *_leftovers(root, runs)]
    if not open_sweeps(root):
        found += _embeddings(runs)
    return sorted((each for each in found if _lies_in(each.path, root)), key=lambda each: each.path)


def _lies_in(path: Path, root: Path) -> bool:
    """Whether a path is in a folder itself, and not through a link out of it."""
    return not path.is_symlink() and path.resolve().is_relative_to(root.resolve())


def open_sweeps(root: Path) -> list[str]:
    """Names of the sweeps with jobs that are not done, which may read any cache; MammoError as Sweep.below."""
    sweeps = Sweep.below(root) if any((root / "sweeps").glob("*/jobs.json")) else []
    return [sweep.folder.name for sweep in sweeps if not all(job.is_settled for job in sweep.state())]


def _free(runs: Sequence[ListedRun]) -> list[ListedRun]:
    """The finished runs that no process is using."""
    return [run for run in runs if run.state == "done" and not is_locked(run.folder / "lock")]


def _last_checkpoints(root: Path, runs: Sequence[ListedRun]) -> Iterator[Unneeded]:
    """last.ckpt of finished runs, but for those that the configuration of a run names, which it needs to be found."""
    texts = [_configuration(run) for run in runs]
    for run in _free(runs):
        file = run.folder / "last.ckpt"
        if file.is_file() and not any(f"{run.folder.name}/{file.name}" in text for text in texts):
            yield Unneeded(file, "the run is done and resumes no more", size_of(file), run.folder)


def _failed(runs: Sequence[ListedRun]) -> Iterator[Unneeded]:
    """Folders of runs that failed before there was anything to resume from."""
    for run in runs:
        if run.state == "failed" and _has_failed_early(run.folder):
            yield Unneeded(
                run.folder, f"the run failed before its first checkpoint: {run.error}", run.n_bytes, run.folder
            )


def _has_failed_early(run: Path) -> bool:
    return (run / ERROR).is_file() and not (run / RESULT).exists() and not any(run.glob("*.ckpt"))


def _configuration(run: ListedRun) -> str:
    path = run.folder / "config.yaml"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _embeddings(runs: Sequence[ListedRun]) -> Iterator[Unneeded]:
    """Cached h of f_loc runs that f_agg runs have read, all of which are done."""
    unfinished = [run for run in runs if run.state != "done"]
    if any(run.reads is None for run in unfinished):
        return
    read = {run.reads["floc"] for run in runs if run.reads and "floc" in run.reads}
    needed = {run.reads["floc"] for run in unfinished if run.reads and "floc" in run.reads}
    for run in _free(runs):
        if run.folder.name.rsplit("-", 1)[-1] in read - needed:
            for file in sorted((run.folder / "embeddings").glob("*.npz")):
                yield Unneeded(file, "h of windows; every f_agg that read it is done", size_of(file), run.folder)


def _saliency(root: Path, runs: Sequence[ListedRun]) -> Iterator[Unneeded]:
    """Saliency maps of context runs that no longer exist, which no run has read."""
    if any(run.reads is None for run in runs):
        return
    read = {run.reads["context"] for run in runs if run.reads and "context" in run.reads}
    names = {run.folder.name for run in runs}
    for folder in sorted((root / "saliency").glob("*/")):
        made_by = CACHE_OF_RUN.fullmatch(folder.name)
        locked = any(is_locked(lock) for lock in folder.glob("*.lock"))
        if made_by and made_by[1] not in names and folder.name.rsplit("-", 1)[-1] not in read and not locked:
            yield Unneeded(folder, f"{made_by[1]} does not exist any more", size_of(folder))


def _leftovers(root: Path, runs: Sequence[ListedRun]) -> Iterator[Unneeded]:
    """Half-written files and folders of processes that have ended, outside runs that are not done."""
    done = {run.folder for run in _free(runs)}
    busy = {run.folder for run in runs} - done
    old = time.time() - LEFTOVER_AGE_S
    for path in (*root.rglob("*.partial"), *root.glob(FRESH_REPORT)):
        is_file = bool(PARTIAL_FILE.fullmatch(path.name)) and path.is_file()
        if not (is_file or (path.is_dir() and path.parent == root)) or busy & {*path.parents}:
            continue
        if path.lstat().st_mtime < old:
            run = next((folder for folder in path.parents if folder in done), None)
            yield Unneeded(path, "left behind by a process that has ended", size_of(path), run)
