"""Which image a row of a user's table is about: by its file name, or by patient, side and view."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from mammo.intake.adapters._table_columns import Entry
from mammo.intake.adapters._table_words import side_of, view_of
from mammo.intake.source_folder import stem_of
from mammo.records import ImageRecord, did_you_mean

SKIP = ", or leave out such rows with data.skip_absent=true"


class ImageNames:
    """The files of a folder, found by a path that can lack folders at its start and the suffix at its end."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(paths)
        self._exact = frozenset(self._paths)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in self._paths:
            for name in {_folded(PurePosixPath(path).name), _folded(stem_of(path))}:
                self._by_name[name].append(path)

    def find(self, name: str) -> list[str]:
        """Return the files that a path can mean: one if it is clear, several if it is not, none if there is no such."""
        if name in self._exact:
            return [name]
        found = self._by_name.get(_folded(PurePosixPath(name).name), [])
        matching = [path for path in found if _same_folders(path, name)]
        same_name = [
            path for path in matching if _folded(PurePosixPath(path).name) == _folded(PurePosixPath(name).name)
        ]
        return same_name or matching

    def path(self, entry: Entry, field: str) -> str:
        """Return the file that a row names, empty where there is no such file.

        Raises:
            MammoError: it could be several files.
        """
        found = self.find(entry.path(field))
        if len(found) > 1:
            raise entry.error(field, f"could be {found[0]} or {found[1]}: give the path below the folder")
        return found[0] if found else ""

    def guess(self, name: str) -> str:
        """Return a question that names a file of the same name but another suffix, or a similar one; else nothing."""
        same = self._by_name.get(_folded(stem_of(name)), [])
        return f" (did you mean {same[0]}?)" if same else did_you_mean(name, self._paths, cutoff=0.8)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _same_folders(path: str, name: str) -> bool:
    """Return whether the folders of two paths agree as far as both name them, from the file upwards."""
    one, other = (PurePosixPath(_folded(text)).parts[-2::-1] for text in (path, name))
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


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
