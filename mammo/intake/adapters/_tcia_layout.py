"""Where the files of a DICOM series lie in a download from TCIA, in each of the layouts that its tools make.

    <PatientID>/<StudyInstanceUID>/<SeriesInstanceUID>/000000.dcm                 classic
    <PatientID>/07-20-2016-DDSM-NA-74994/1.000000-ROI mask images-24515/1-1.dcm   descriptive; metadata.csv beside
    <SeriesInstanceUID>/1-1.dcm                                                   flat; also .jpg and .png

In the descriptive layout the digits at the end of a folder are the last five of its UID, so that no file needs to be
opened to find a series.
"""

import csv
import re
from collections import defaultdict
from functools import cached_property
from pathlib import PurePosixPath

from mammo.intake.source_folder import Folder

UID = re.compile(r"\d+(?:\.\d+){2,}")
ENDING = re.compile(r".*-(\d{5})")
DICOM_ROOT = "1.2.840.10008."
"""What the UIDs of DICOM's own classes start with."""


class Series:
    """The image files of a folder, by series.

    Args:
        folder: the data set's folder.
    """

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.by_uid: dict[str, list[str]] = defaultdict(list)
        self.by_ending: dict[tuple[str, str, str], list[str]] = defaultdict(list)
        self.by_place: dict[str, list[str]] = defaultdict(list)
        for path in folder.images:
            *above, patient, study, series = ("", "", "", *PurePosixPath(path).parent.parts)
            self.by_place["/".join(part for part in (*above, patient, study, series) if part)].append(path)
            if UID.fullmatch(series):
                self.by_uid[series].append(path)
            elif (ends := (ENDING.fullmatch(study), ENDING.fullmatch(series))) and all(ends):
                self.by_ending[patient, study[-5:], series[-5:]].append(path)

    def files(self, patient: str, study: str, series: str) -> list[str]:
        """The files of one series, in the order of their names; none where it is not there.

        Args:
            patient: PatientID (0010,0020).
            study: StudyInstanceUID (0020,000D).
            series: SeriesInstanceUID (0020,000E).
        """
        listed = self.by_place.get(self.places.get(series, ""), [])
        return self.by_uid.get(series) or listed or self.by_ending.get((patient, study[-5:], series[-5:]), [])

    @cached_property
    def places(self) -> dict[str, str]:
        """The folder of each series that a metadata.csv names.

        Columns are told by what their cells look like: some downloads have one comma more in the rows than in the
        header, which shifts every cell against its name.
        """
        return dict(place for path in self.folder.named("metadata.csv") for place in self._places(path))

    def _places(self, path: str) -> list[tuple[str, str]]:
        above = PurePosixPath(path).parent
        found = []
        with (self.folder.root / path).open(newline="", encoding="utf-8-sig", errors="replace") as stream:
            for cells in csv.reader(stream):
                uids = [cell for cell in cells if UID.fullmatch(cell) and not cell.startswith(DICOM_ROOT)]
                places = [cell.replace("\\", "/") for cell in cells if cell.startswith(("./", ".\\"))]
                if uids and places:
                    found.append((uids[0], (above / places[0]).as_posix()))
        return found
