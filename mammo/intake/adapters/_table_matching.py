"""Which image a row of a user's table is about: by its file name, or by patient, side and view."""

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_words import side_of, view_of
from mammo.intake.source_folder import stem_of
from mammo.records import ImageRecord, did_you_mean

SKIP = ", or leave out such rows with data.skip_absent=true"


class ImageNames:
    """The files of a folder, found by the paths of tables.

    A path with folders is relative to the folder of its table or to the given one. A name alone means a file there,
    else the only file of this name at any depth: below the folder of the table where that holds images, else anywhere.
    The suffix can be missing, and upper and lower case are the same.
    """

    def __init__(self, root: Path, paths: Iterable[str]) -> None:
        self._root = os.path.abspath(root)
        self._paths = tuple(paths)
        self._exact = frozenset(self._paths)
        self._folders = {folder.as_posix() for path in self._paths for folder in PurePosixPath(path).parents}
        self._by_path: dict[str, list[str]] = defaultdict(list)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            own = PurePosixPath(path)
            for name in {own.name, stem_of(path)}:
                self._by_name[_folded(name)].append(path)
                self._by_path[_folded(own.with_name(name).as_posix())].append(path)
        self._first: dict[tuple[Path, str, str], Entry] = {}

    def find(self, name: str, table: Path) -> list[str]:
        """Return the files that a path in a table can mean: one if it is clear, several if not, none without any."""
        for base in dict.fromkeys((os.path.dirname(os.path.abspath(table)), self._root)):
            path = self._below_root(os.path.join(base, name))
            if path in self._exact:
                return [path]
            if found := self._by_path.get(_folded(path)):
                return _with_suffix(found, name)
        if "/" in name:
            return []
        found = self._by_name.get(_folded(name), [])
        own = self._below_root(os.path.dirname(os.path.abspath(table)))
        if own in self._folders and own != ".":
            found = [path for path in found if path.startswith(f"{own}/")]
        return _with_suffix(found, name)

    def path(self, entry: Entry, field: str) -> str:
        """Return the file that a row names, empty where there is no such file.

        Raises:
            MammoError: it could be several files, or an earlier row of the table names the file by other folders.
        """
        found = self.find(entry.path(field), entry.file)
        if len(found) > 1:
            raise entry.error(field, f"could be {found[0]} or {found[1]}: give the path below the folder")
        if not found:
            return ""
        first = self._first.setdefault((entry.file, field, found[0]), entry)
        if _folder_of(entry.path(field)) != _folder_of(first.path(field)):
            raise entry.error(
                field, f"{first.key} names {found[0]} by the path {first.path(field)!r}: write one path for one file"
            )
        return found[0]

    def guess(self, name: str) -> str:
        """Return a question that names a file of the same name but another suffix, or a similar one; else nothing."""
        same = self._by_name.get(_folded(stem_of(name)), [])
        return f" (did you mean {same[0]}?)" if same else did_you_mean(name, self._paths, cutoff=0.8)

    def _below_root(self, path: str) -> str:
        """Return an absolute path in the form of Folder.paths; one outside the folder begins with "..", as no file."""
        return PurePosixPath(os.path.relpath(path, self._root)).as_posix()


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _folder_of(path: str) -> str:
    return _folded(PurePosixPath(path).parent.as_posix())


def _with_suffix(found: Sequence[str], name: str) -> list[str]:
    """Return those files whose names have the suffix that is given too; without any, all."""
    same = [path for path in found if _folded(PurePosixPath(path).name) == _folded(PurePosixPath(name).name)]
    return same or list(found)


class HeaderKeys(NamedTuple):
    """What an image's header says for finding it, besides patient, side and view; empty where it says nothing.

    Attributes:
        uid: SOP Instance UID (0008,0018).
        date: Study Date (0008,0020), digits.
        exams: Study Instance UID, Accession Number (0008,0050) and Study ID (0020,0010).
    """

    uid: str = ""
    date: str = ""
    exams: tuple[str, ...] = ()


class ImageMatcher:
    """The images of a cohort by patient, side and view, and where needed by exam or date."""

    def __init__(self, images: Sequence[ImageRecord], keys: Mapping[str, HeaderKeys]) -> None:
        self._keys = keys
        self._patients = {image.patient_key for image in images if image.patient_key}
        self._images: dict[tuple[str, str, str], list[ImageRecord]] = defaultdict(list)
        self._n_other_views: dict[tuple[str, str], int] = defaultdict(int)
        for image in images:
            if image.laterality and image.view:
                self._images[image.patient_key, image.laterality, image.view].append(image)
            elif image.laterality:
                self._n_other_views[image.patient_key, image.laterality] += 1

    def path(self, entry: Entry) -> str:
        """Return the image of a row, accepted ones first; empty where there is none.

        Raises:
            MammoError: the row does not say enough, or several images are meant.
        """
        side, view = side_of(entry), view_of(entry)
        if not entry.get("patient") or not side or not view:
            missing = "patient" if not entry.get("patient") else "laterality" if not side else "view"
            raise entry.error(missing, "without an image, a row needs patient, laterality (L, R) and view (CC, MLO)")
        found = [image for image in self._images[entry.get("patient"), side, view] if self._is_of_exam(entry, image)]
        found = [image for image in found if not image.code] or found[:1]
        distinct = {self._keys.get(image.path, HeaderKeys()).uid or image.path: image.path for image in reversed(found)}
        if len(distinct) > 1:
            names = " and ".join(sorted(distinct.values())[:2])
            raise entry.error(
                "view",
                f"{len(distinct)} images of this patient and side have it, such as {names}: add a column exam (Study "
                "Instance UID or accession number), date (YYYY-MM-DD) or image",
            )
        return found[0].path if found else ""

    def reason(self, entry: Entry) -> str:
        """Return why a row has no image, and what to do."""
        side, view = side_of(entry), view_of(entry)
        patient, what = entry.get("patient"), f"the folder has no {side} {view} image of this patient"
        if patient not in self._patients:
            zeros = patient.lstrip("0") in {other.lstrip("0") for other in self._patients}
            what = "the folder has no image of this patient"
            what += ", but of one whose number has other leading zeros: write the column as text" if zeros else ""
        elif self._images.get((patient, side or "", view or "")):
            what += (
                " of this exam or date (exam is compared with Study Instance UID, accession number and Study ID; a "
                "date is YYYY-MM-DD)"
            )
        elif n_others := self._n_other_views.get((patient, side or ""), 0):
            what += f" ({n_others} of the breast have a view other than CC and MLO, or none)"
        return f"{what}; correct the row, or describe the image in images.csv{SKIP}"

    def _is_of_exam(self, entry: Entry, image: ImageRecord) -> bool:
        keys = self._keys.get(image.path, HeaderKeys())
        exam, date = entry.get("exam"), "".join(sign for sign in entry.get("date") if sign.isdigit())[:8]
        return (not exam or exam in (image.exam_key, *keys.exams)) and (not date or date == keys.date)
