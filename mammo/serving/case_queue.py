"""The queue of a node on disk: what was received, scored, sent and failed, as plain files.

- received/images/KEY.CONTENT.dcm, received/outlines/KEY.CONTENT.dcm: objects as they came; KEY is a digest of the SOP
  Instance UID, CONTENT one of the whole file, so that damage on the disk is found before a score depends on it
- scored/CASE/NAME.CONTENT.dcm: results that wait to be sent; CASE is a digest of the content of the image and of the
  outlines, and of the bundle, so that a changed object is never taken for one that was scored
- sent/CASE.json: results that the peer has confirmed
- failed/CASE.json: why a case cannot be scored

Every step ends with one rename, so that a node that is killed repeats at most the step that it was in, with the same
results under the same identifiers. Files can be read by their owner only: they hold patient data; their names do not.
"""

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mammo.io import PARTIAL, atomic_write, file_lock, make_folder, remove_partials
from mammo.limits import read_json
from mammo.records import MammoError
from mammo.serving.received_headers import ReceivedHeaders, arrival
from mammo.serving.received_object import Kind, check_received

FOLDERS = ("received/images", "received/outlines", "scored", "sent", "failed")

KEY_CHARACTERS = 32
"""Hexadecimal digits of a key: 128 bits of a SHA-256."""


class NoRoomError(Exception):
    """The queue takes no more for now; the message says why."""


@dataclass(frozen=True)
class Limits:
    """What a queue takes.

    Attributes:
        object_bytes: largest object.
        queued: most objects and cases that wait.
        free_bytes: free space that stays on the disk.
        keep_s: seconds after which finished objects and records are removed.
    """

    object_bytes: int = 1 << 28
    queued: int = 1000
    free_bytes: int = 1 << 31
    keep_s: float = 86400.0


@dataclass(frozen=True)
class Case:
    """An image with a segmentation of it, to be scored by one bundle.

    Attributes:
        name: of the case in the queue.
        image: file of the mammogram.
        outlines: file of the segmentation.
        others: files of the other mammograms of its study that came so far, in order of arrival; with whole_studies.
    """

    name: str
    image: Path
    outlines: Path
    others: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that its scores depend on."""
        return self.image, self.outlines, *self.others


def digest_name(*parts: str) -> str:
    """The name of files that belong to identifiers: a digest, from which nothing can be read."""
    return _content_digest(json.dumps(parts).encode())


def _content_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:KEY_CHARACTERS]


def _key(received: Path) -> str:
    return received.name.partition(".")[0]


def _is_intact(path: Path) -> bool:
    """Whether a file has the content that its name states."""
    return path.name.split(".")[-2] == _content_digest(path.read_bytes())


class CaseQueue:
    """The queue in a folder, which one node at a time may hold (`held`).

    Args:
        folder: made where it is missing.
        limits: what it takes.
        whole_studies: whether scores depend on the other images of a study, which are then files of a case.
    """

    def __init__(self, folder: Path, limits: Limits | None = None, whole_studies: bool = False) -> None:
        self.folder, self.limits, self.whole_studies = folder, limits or Limits(), whole_studies
        self._receiving = threading.Lock()
        self._headers = ReceivedHeaders()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the queue, with what a killed node left half done removed.

        Raises:
            MammoError: another node holds it.
        """
        make_folder(self.folder, 0o700)
        with file_lock(self.folder / ".lock", "mammo serve", wait=False):
            for name in FOLDERS:
                make_folder(self.folder / name, 0o700)
                remove_partials(self.folder / name) if name != "scored" else None
            for half in self._scored.glob(f".*{PARTIAL}"):
                shutil.rmtree(half)
            for path in self._scored.iterdir():
                if self._record("sent", path.name).exists():
                    shutil.rmtree(path)
            yield

    @cached_property
    def _scored(self) -> Path:
        return self.folder / "scored"

    def _received(self, kind: Kind) -> Path:
        return self.folder / "received" / kind

    def _record(self, state: str, case: str) -> Path:
        return self.folder / state / f"{case}.json"

    def receive(self, content: bytes, uid: str) -> str:
        """Keep an object; once this returns, it survives a loss of power.

        The same object again changes nothing.

        Args:
            content: the whole DICOM file.
            uid: SOP Instance UID that the sender announced.

        Returns:
            The name of its file, without folder.

        Raises:
            MammoError: it is too large, damaged, another kind of object, or differs from one of the same identifier.
            NoRoomError: the queue or the disk is full.
        """
        if len(content) > self.limits.object_bytes:
            raise MammoError(f"it has {len(content):,} bytes, of which at most {self.limits.object_bytes:,} are taken")
        found = check_received(content, uid)
        key = digest_name(found.uid)
        path = self._received(found.kind) / f"{key}.{_content_digest(content)}.dcm"
        with self._receiving:
            if any(other != path for other in path.parent.glob(f"{key}.*.dcm")):
                raise MammoError("another object of the same SOP Instance UID is queued: send it under a new one")
            if path.exists() and _is_intact(path):
                return path.name
            self._check_room(len(content))
            with atomic_write(path, mode=0o600) as partial:
                partial.write_bytes(content)
            self._forgive(key)
        return path.name

    def _forgive(self, key: str) -> None:
        """Let the cases that failed because an object was damaged here be scored, now that it has come again."""
        for path in (self.folder / "failed").glob("*.json"):
            with suppress(OSError, ValueError, TypeError):
                if read_json(path).get("damaged") == key:
                    path.unlink()

    def _check_room(self, n_bytes: int) -> None:
        waiting = sum(1 for kind in Kind for _ in self._received(kind).glob("*.dcm")) + len(self.scored())
        if waiting >= self.limits.queued:
            raise NoRoomError(f"{waiting} objects and cases wait, the most that are taken: send it again later")
        free = shutil.disk_usage(self.folder).free
        if free - n_bytes < self.limits.free_bytes:
            raise NoRoomError(f"the disk has {free:,} bytes left, of which {self.limits.free_bytes:,} stay free")

    def complete(self, bundle: str) -> list[Case]:
        """The cases that can be scored and are not yet: images with outlines that name them, in order of arrival.

        Args:
            bundle: digest of the bundle that scores.
        """
        return [case for case in self._cases(bundle) if not self._is_decided(case.name)]

    def _cases(self, bundle: str) -> list[Case]:
        """All images with outlines that name them, in order of arrival of the outlines."""
        images = {_key(path): path for path in self._received(Kind.IMAGE).glob("*.dcm")}
        outlines = sorted(self._received(Kind.OUTLINES).glob("*.dcm"), key=arrival)
        named = [(digest_name(uid), path) for path in outlines for uid in self._headers.named_by(path)]
        pairs = [(images[key], path) for key, path in named if key in images]
        others = self._headers.others_of(images.values()) if self.whole_studies else {}
        return [Case(digest_name(own.name, path.name, bundle), own, path, others.get(own, ())) for own, path in pairs]

    def _is_decided(self, case: str) -> bool:
        return self._has_record(case) or (self._scored / case).exists()

    def _has_record(self, case: str) -> bool:
        return any(self._record(state, case).exists() for state in ("sent", "failed"))

    def keep_results(self, case: str, write: Callable[[Path], object]) -> None:
        """Keep the results of a case to be sent.

        Args:
            case: its name.
            write: writes them into a folder, with durable files.
        """
        half = self._scored / f".{case}{PARTIAL}"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        write(half)
        for path in half.glob("*.dcm"):
            path.rename(path.with_suffix(f".{_content_digest(path.read_bytes())}.dcm"))
        half.rename(self._scored / case)  # not waited for: after a loss of power they are made again, as they were

    def fail(self, case: str, reason: str, damaged: Path | None = None) -> None:
        """Record that a case cannot be scored.

        Args:
            case: its name.
            reason: a sentence without patient data.
            damaged: the received file that was damaged on this disk; the case is tried again once it has come again.
        """
        content = {"reason": reason} | ({"damaged": _key(damaged)} if damaged else {})
        with atomic_write(self._record("failed", case)) as path:
            path.write_text(json.dumps(content) + "\n", encoding="utf-8")

    def damaged(self, case: Case) -> Path | None:
        """The first file of a case that is no longer what was received; None if all are."""
        return next((path for path in case.files if not _is_intact(path)), None)

    def scored(self) -> list[str]:
        """The names of the cases whose results wait to be sent."""
        if not self._scored.is_dir():
            return []
        return sorted(path.name for path in self._scored.iterdir() if not path.name.startswith("."))

    def results(self, case: str) -> list[Path]:
        """The files of a case's results."""
        return sorted((self._scored / case).glob("*.dcm"))

    def drop_damaged_results(self, case: str) -> bool:
        """Remove the results of a case if one is no longer what was written; it is scored again. Whether it was so."""
        found = not all(map(_is_intact, self.results(case)))
        if found:
            shutil.rmtree(self._scored / case)
        return found

    def mark_sent(self, case: str) -> None:
        """Record that the peer has confirmed all results of a case, and remove them here."""
        with atomic_write(self._record("sent", case)) as path:
            path.write_text(json.dumps({"objects": len(self.results(case))}) + "\n", encoding="utf-8")
        shutil.rmtree(self._scored / case)

    def remove_old(self, bundle: str) -> int:
        """Remove objects that wait for nothing, and records, all older than the limit; returns how many.

        A case that is not scored or sent keeps its objects for as long as it takes.
        """
        before = 1e9 * (time.time() - self.limits.keep_s)
        unsent = [case for case in self._cases(bundle) if not self._has_record(case.name)]
        waiting = {path for case in unsent for path in case.files}
        files = [path for kind in Kind for path in self._received(kind).glob("*.dcm") if path not in waiting]
        files += [path for state in ("sent", "failed") for path in (self.folder / state).glob("*.json")]
        old = [path for path in files if arrival(path) < before]
        for path in old:
            path.unlink()
            self._headers.forget(path)
        return len(old)

    def status(self) -> dict[str, int]:
        """The number of objects and cases in every state; also of a queue that a node holds.

        Raises:
            MammoError: the folder is not a queue.
        """
        if missing := [name for name in FOLDERS if not (self.folder / name).is_dir()]:
            raise MammoError(f"{self.folder} is not a queue (no folder {missing[0]}): name the folder of --queue")
        found = {name: self.folder / name for name in FOLDERS}
        return {name: sum(not path.name.startswith(".") for path in each.iterdir()) for name, each in found.items()}

    def failures(self) -> dict[str, str]:
        """Why cases failed, by name."""
        reasons = {}
        for path in sorted((self.folder / "failed").iterdir()):
            with suppress(OSError, ValueError, KeyError, TypeError):
                reasons[path.stem] = str(read_json(path)["reason"])
        return reasons
