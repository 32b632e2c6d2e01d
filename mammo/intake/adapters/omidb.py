"""OPTIMAM OMI-DB (licensed): digital screening mammograms with boxes that are linked to lesions of the NBSS.

    data/<client>/imagedb_<client>.json                  studies, series, images and their marks
    data/<client>/nbss_<client>.json                     episodes: biopsies and surgery (intake.nbss)
    data/<client>/<study>/<SOP>.json or <SOP>.dcm.json   the DICOM header as DICOM JSON (PS3.18 F)
    images/<client>/<study>/<SOP>.dcm

What bites: file names in capitals; marks linked to several lesions or none; studies without an episode, which are
linked by date; corners in any order; nine images whose boxes are known to be flipped, which are left out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mammo.intake.folder import Folder
from mammo.intake.nbss import UNKNOWN, Episode, Finding, finding_of, finding_of_breast, is_normal
from mammo.intake.outlines import outline_of_box
from mammo.intake.refusals import Code, RefusedError, left_out, refused
from mammo.intake.stored import stored_header, stored_shape
from mammo.progress import track
from mammo.records import Cohort, ImageRecord, Laterality, LeftOut, LesionRecord, MammoError, View

UID = re.compile(r"[0-9.]+")
POSITION = re.compile(r"([LR])?(CC|MLO)")
TAGS = {"ImageLaterality": "00200062", "ViewPosition": "00185101", "PresentationIntentType": "00080068"}
FINDINGS = {
    "Mass": "mass",
    "SuspiciousCalcifications": "calcification",
    "WithCalcification": "calcification",
    "ArchitecturalDistortion": "distortion",
    "FocalAsymmetry": "focal_asymmetry",
}

FLIPPED = (
    "1882.1552598184295.155.0",
    "8725.1541832007115.79.0",
    "1708.1544221170622.213.0",
    "7588.1512129590473.9978.0",
    "1858.1540020381577.17.0",
    "8916.1512165599585.7373.0",
    "7403.0",
    "2252.1511393629935.6737.0",
    "3318.1540562694227.83.0",
)
"""Ends of the SOP Instance UIDs whose boxes are published as flipped."""


@dataclass(frozen=True)
class _Client:
    """One woman.

    Attributes:
        key: the client's name.
        folder: of its tables, relative to the root.
        studies: STUDIES of its imagedb file.
        episodes: of its nbss file.
    """

    key: str
    folder: PurePosixPath
    studies: Mapping[str, Any]
    episodes: Mapping[str, Episode]

    def episode(self, study: Mapping[str, Any]) -> Episode | None:
        """The episode of a study: by its key, else the one that was open on its day."""
        found = self.episodes.get(str(study.get("EpisodeID") or ""))
        if found is not None:
            return found
        day = _day(study.get("StudyDate"))
        for episode in self.episodes.values():
            opened, closed = _day(episode.get("EpisodeOpenedDate")), _day(episode.get("EpisodeClosedDate"))
            if day and opened and opened <= day <= (closed or "9"):
                return episode
        return None

    @property
    def is_normal(self) -> bool:
        """Whether no episode, earlier or later, led to a biopsy or a cancer."""
        return bool(self.episodes) and all(is_normal(episode) for episode in self.episodes.values())


def read(root: Path) -> Cohort:
    """Read the folder.

    Raises:
        MammoError: there is no imagedb file.
    """
    folder = Folder(root)
    tables = folder.named("imagedb_*.json")
    if not tables:
        raise MammoError(f"{root} holds no imagedb_<client>.json: name the folder of the whole share as data.source")
    files = {PurePosixPath(path).name.lower(): path for path in folder.paths}
    images: list[ImageRecord] = []
    outlines: list[LesionRecord | LeftOut] = []
    for table in track(tables, "clients", len(tables), "clients"):
        client = _client(folder, table, files)
        for study_uid, study in client.studies.items() if client else ():
            for sop, marks in _objects(study):
                image = _image(folder, client, study_uid, sop, files, bool(marks)) if client else None
                if client and image:
                    images.append(image)
                    outlines += _lesions(root, client, study, sop, image, marks)
    note = f"{len({image.patient_key for image in images})} clients, {len(images)} images, {len(outlines)} marks"
    return Cohort.ordered(images, outlines, (), [note])


def _client(folder: Folder, table: str, files: Mapping[str, str]) -> _Client | None:
    """The client of an imagedb file; None where it is damaged."""
    place = PurePosixPath(table)
    key = place.stem.split("_", 1)[1]
    content = _json(folder.root / table)
    nbss = files.get(f"nbss_{key}.json".lower())
    episodes = _json(folder.root / nbss) if nbss else {}
    studies = content.get("STUDIES")
    known = {str(number): told for number, told in episodes.items() if isinstance(told, dict)}
    return _Client(place.parent.name, place.parent, studies, known) if isinstance(studies, dict) else None


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _objects(study: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(SOP Instance UID, marks) of every image of a study."""
    for series, objects in study.items():
        if UID.fullmatch(series) and isinstance(objects, dict):
            for sop, marks in objects.items():
                yield sop, marks if isinstance(marks, dict) else {}


def _image(
    folder: Folder, client: _Client, study: str, sop: str, files: Mapping[str, str], marked: bool
) -> ImageRecord:
    path = files.get(f"{sop}.dcm".lower())
    told = path or f"images/{client.key}/{study}/{sop}.dcm"
    record = ImageRecord(told, client.key, study, None, None, by_table=True, negative=client.is_normal and not marked)
    if path is None:
        return refused(record, Code.MISSING)
    try:
        header = _header(folder, path, files.get(f"{sop}.json".lower()) or files.get(f"{sop}.dcm.json".lower()))
    except RefusedError as error:
        return refused(record, error.code)
    position = POSITION.fullmatch(header["ViewPosition"])
    side = header["ImageLaterality"] or (position[1] if position else "")
    laterality = Laterality(side) if side in [*Laterality] else None
    view = View(position[2]) if position else None
    record = ImageRecord(told, client.key, study, laterality, view, by_table=True, negative=record.negative)
    if header["PresentationIntentType"] not in ("", "FOR PRESENTATION"):
        return refused(record, Code.FOR_PROCESSING)
    if view is None:
        return refused(record, Code.OTHER_VIEW)
    return record if laterality else refused(record, Code.NO_LATERALITY)


def _header(folder: Folder, path: str, beside: str | None) -> dict[str, str]:
    """TAGS of an image, from the JSON file beside it, else from the image itself."""
    content = _json(folder.root / beside) if beside else {}
    if not content:
        header = stored_header(folder.root, path, *TAGS)
        return {name: str(header.get(name) or "").strip().upper() for name in TAGS}
    values = {name: (content.get(tag) or {}).get("Value") or [""] for name, tag in TAGS.items()}
    return {name: str(value[0]).strip().upper() for name, value in values.items()}


def _lesions(
    root: Path, client: _Client, study: Mapping[str, Any], sop: str, image: ImageRecord, marks: Mapping[str, Any]
) -> Iterator[LesionRecord | LeftOut]:
    for key, mark in marks.items():
        try:
            if image.code or image.laterality is None:
                raise RefusedError(Code.OUTLINE_UNLINKED)
            if sop.endswith(FLIPPED):
                raise RefusedError(Code.KNOWN_DEFECT)
            x1, y1, x2, y2 = (float(mark[corner]) for corner in ("X1", "Y1", "X2", "Y2"))
            mask, box = outline_of_box((y1, y2, x1, x2), stored_shape(root, image.path))
        except (KeyError, TypeError, ValueError):
            yield left_out(image.path, RefusedError(Code.OUTLINE_BROKEN))
        except RefusedError as error:
            yield left_out(image.path, error)
        else:
            label, source, high_risk = _finding(client.episode(study), image.laterality, mark)
            kind = next((word for flag, word in FINDINGS.items() if mark.get(flag)), "")
            yield LesionRecord(f"{sop}_{key}", image.path, label, source, box, mask, high_risk, kind)


def _finding(episode: Episode | None, laterality: Laterality, mark: Mapping[str, Any]) -> Finding:
    if episode is None:
        return UNKNOWN
    numbers = re.findall(r"\d+", str(mark.get("LinkedNBSSLesionNumber") or ""))
    return finding_of(episode, laterality, numbers) if numbers else finding_of_breast(episode, laterality)


def _day(text: object) -> str:
    """YYYYMMDD of either way in which dates are written."""
    return str(text or "").replace("-", "")[:8]
