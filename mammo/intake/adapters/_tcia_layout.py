"""Files of each DICOM series in a download from TCIA, for every folder layout of its tools.

    <PatientID>/<StudyInstanceUID>/<SeriesInstanceUID>/000000.dcm                 classic
    <PatientID>/07-20-2016-DDSM-NA-74994/1.000000-ROI mask images-24515/1-1.dcm   descriptive; metadata.csv beside
    <SeriesInstanceUID>/1-1.dcm                                                   flat; also .jpg and .png

In the descriptive layout the digits at the end of a folder's name are the last five of its UID, so a series is found
without opening files.
"""

import csv
import re
from collections import defaultdict
from functools import cached_property
from pathlib import PurePosixPath

from mammo.intake.source_folder import Folder
from mammo.limits import TABLE_BYTES, check_size, limited_lines
from mammo.records import MammoError

UID = re.compile(r"\d+(?:\.\d+){2,}")
ENDING = re.compile(r".*-(\d{5})")
DICOM_ROOT = "1.2.840.10008."
"""Prefix of the UIDs that DICOM itself defines."""


class SeriesIndex:
    """Image files of a folder, by series.

    Args:
        folder: the data set's folder.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.by_uid: dict[str, list[str]] = defaultdict(list)
        self.by_ending: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        self.by_folder: dict[str, list[str]] = defaultdict(list)
        for path in folder.images:
            *above, patient, study, series = ("", "", "", *PurePosixPath(path).parent.parts)
            self.by_folder["/".join(part for part in (*above, patient, study, series) if part)].append(path)
            if UID.fullmatch(series):
                self.by_uid[series].append(path)
            elif ENDING.fullmatch(study) and ENDING.fullmatch(series):
                self.by_ending[patient, study[-5:], series[-5:]].append(path)

    def files(self, patient: str, study: str, series: str) -> list[str]:
        """Return the files of one series in the order of their names; empty if there are none.

        Args:
            patient: PatientID (0010,0020).
            study: StudyInstanceUID (0020,000D).
            series: SeriesInstanceUID (0020,000E).
        """
        listed = self.by_folder.get(self.folders.get(series, ""), [])
        return self.by_uid.get(series) or listed or self.by_ending.get((patient, study[-5:], series[-5:]), [])

    @cached_property
    def folders(self) -> dict[str, str]:
        """Folder of each series that a metadata.csv lists.

        Columns are recognized by their content: some downloads have one more comma in the rows than in the header,
        which shifts every cell against its name.
        """
        return dict(pair for path in self.folder.matching("metadata.csv") for pair in self._listed_folders(path))

    def _listed_folders(self, path: str) -> list[tuple[str, str]]:
        """Return (series UID, folder) of every row of a metadata.csv; MammoError where it cannot be read."""
        file, above = self.folder.root / path, PurePosixPath(path).parent
        found = []
        try:
            check_size(file, TABLE_BYTES)
            with file.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
                for cells in csv.reader(limited_lines(stream)):
                    uids = [cell for cell in cells if UID.fullmatch(cell) and not cell.startswith(DICOM_ROOT)]
                    folders = [cell.replace("\\", "/") for cell in cells if cell.startswith(("./", ".\\"))]
                    if uids and folders:
                        found.append((uids[0], (above / folders[0]).as_posix()))
        except (OSError, ValueError, csv.Error) as error:
            raise MammoError(f"{file} cannot be read as a table ({error}): download it again, or remove it") from None
        return found
