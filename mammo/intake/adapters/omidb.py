"""OPTIMAM OMI-DB (licensed): digital screening mammograms with boxes linked to lesions of the NBSS.

    data/<client>/imagedb_<client>.json                  studies, series, images and their marks
    data/<client>/nbss_<client>.json                     episodes: biopsies and surgery (_omidb_nbss)
    data/<client>/<study>/<SOP>.json or <SOP>.dcm.json   the DICOM header as DICOM JSON (PS3.18 F)
    images/<client>/<study>/<SOP>.dcm

Marks of one breast that are linked to the same lesions of an episode are one finding.

Pitfalls: file names in capitals; marks linked to several lesions or none; studies without an episode, which are linked
by date; corners in any order, or (0, 0) if unset; nine images whose boxes are known to be flipped, which are left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

from mammo.intake.adapters._labels import UNKNOWN_LABEL, LesionLabel
from mammo.intake.adapters._omidb_nbss import Episode, breast_label, episode_on, is_normal, lesions_label
from mammo.intake.outlines import outline_of_box
from mammo.intake.rejections import Code, RejectedError, left_out, rejected
from mammo.intake.sandbox import DEFAULT_WORKERS, Workers, isolated
from mammo.intake.source_folder import Folder
from mammo.intake.stored_shape import Shape, stored_header, stored_shape
from mammo.limits import read_json
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

UNSET_CORNER = (0, 0)
"""(x, y) of an unset corner: no lesion starts in the corner of an image."""


@dataclass(frozen=True)
class _Client:
    """One client of the screening service.

    Attributes:
        key: the client's name.
        folder: folder of the client's tables, relative to the root.
        studies: STUDIES of the imagedb file.
        episodes: episodes of the nbss file.
    """

    key: str
    folder: PurePosixPath
    studies: Mapping[str, Any]
    episodes: Mapping[str, Episode]

    def episode(self, study: Mapping[str, Any]) -> tuple[str, Episode | None]:
        """Return key and episode of a study: by its key, else by its date; an empty key and None without one."""
        found = self.episodes.get(str(study.get("EpisodeID") or ""))
        found = found or episode_on(self.episodes.values(), study.get("StudyDate"))
        return next((key for key, episode in self.episodes.items() if episode is found), ""), found

    @property
    def is_normal(self) -> bool:
        """Whether no episode, earlier or later, led to a biopsy or a cancer."""
        return bool(self.episodes) and all(is_normal(episode) for episode in self.episodes.values())


@dataclass(frozen=True)
class _ClientImage:
    """One image of a client.

    Attributes:
        client: the client.
        study: Study Instance UID.
        sop: SOP Instance UID.
        marks: marks by key.
        files: paths of the image and of its JSON header, empty if missing, and whether the image has marks.
    """

    client: _Client
    study: str
    sop: str
    marks: Mapping[str, Any]
    files: tuple[str, str, bool]


_Header = tuple[dict[str, str], Shape]
"""The values of TAGS in capitals, and the shape of an image that has marks."""


def read(root: Path, workers: Workers = DEFAULT_WORKERS) -> Cohort:
    """Read the folder.

    Args:
        root: the data set's folder.
        workers: how files are read in child processes.

    Raises:
        MammoError: there is no imagedb file.
    """
    folder = Folder(root)
    tables = folder.matching("imagedb_*.json")
    if not tables:
        raise MammoError(f"{root} has no file imagedb_<client>.json: set data.source to the folder of the whole share")
    files = {PurePosixPath(path).name.lower(): path for path in folder.paths}
    clients = (_client(folder, table, files) for table in track(tables, "clients", len(tables), "clients"))
    listed = [image for client in clients if client for image in _client_images(client, files)]
    results = isolated(partial(_header, root), [image.files for image in listed], workers, itemgetter(0))
    headers = track(results, "headers", len(listed))
    images: list[ImageRecord] = []
    outlines: list[LesionRecord | LeftOut] = []
    for image, header in zip(listed, headers, strict=True):
        images.append(_image(image, header))
        outlines += _lesions(image, images[-1], header)
    note = f"{len({image.patient_key for image in images})} clients, {len(images)} images, {len(outlines)} marks"
    return Cohort.ordered(images, outlines, (), [note])


def _client(folder: Folder, table: str, files: Mapping[str, str]) -> _Client | None:
    """Return the client of an imagedb file; None if the file is damaged."""
    path = PurePosixPath(table)
    key = path.stem.split("_", 1)[1]
    content = _json(folder.root / table)
    nbss = files.get(f"nbss_{key}.json".lower())
    episodes = _json(folder.root / nbss) if nbss else {}
    studies = content.get("STUDIES")
    valid = {str(number): episode for number, episode in episodes.items() if isinstance(episode, dict)}
    return _Client(path.parent.name, path.parent, studies, valid) if isinstance(studies, dict) else None


def _json(file: Path) -> dict[str, Any]:
    try:
        content = read_json(file, encoding="utf-8-sig")
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _client_images(client: _Client, files: Mapping[str, str]) -> Iterator[_ClientImage]:
    """Yield every image of every study of a client."""
    for uid, study in client.studies.items():
        for series, objects in study.items() if isinstance(study, dict) else ():
            if UID.fullmatch(series) and isinstance(objects, dict):
                for sop, content in objects.items():
                    marks = content if isinstance(content, dict) else {}
                    header = files.get(f"{sop}.json".lower()) or files.get(f"{sop}.dcm.json".lower(), "")
                    image = files.get(f"{sop}.dcm".lower()) or files.get(sop.lower(), "")
                    yield _ClientImage(client, uid, sop, marks, (image, header, bool(marks)))


def _image(image: _ClientImage, header: _Header | Code) -> ImageRecord:
    client, (path, _, marked) = image.client, image.files
    record = ImageRecord(
        path or f"images/{client.key}/{image.study}/{image.sop}.dcm",
        client.key,
        image.study,
        None,
        None,
        by_table=True,
        negative=client.is_normal and not marked,
    )
    if isinstance(header, Code):
        return rejected(record, header)
    tags, _ = header
    position = POSITION.fullmatch(tags["ViewPosition"])
    side = tags["ImageLaterality"] or (position[1] if position else "")
    laterality = Laterality(side) if side in [*Laterality] else None
    record = replace(record, laterality=laterality, view=View(position[2]) if position else None)
    if tags["PresentationIntentType"] not in ("", "FOR PRESENTATION"):
        return rejected(record, Code.FOR_PROCESSING)
    if position is None:
        return rejected(record, Code.OTHER_VIEW)
    return record if laterality else rejected(record, Code.NO_LATERALITY)


def _header(root: Path, item: tuple[str, str, bool]) -> _Header:
    """Return TAGS of an image, from its JSON header or else from the image itself, and its shape if it has marks.

    Raises:
        RejectedError: the image is missing or cannot be read.
    """
    path, header_path, marked = item
    if not path:
        raise RejectedError(Code.MISSING)
    content = _json(root / header_path) if header_path else {}
    if content:
        tags = {name: _first_value(content.get(tag)) for name, tag in TAGS.items()}
    else:
        header = stored_header(root, path, *TAGS)
        tags = {name: str(header.get(name) or "").strip().upper() for name in TAGS}
    return tags, stored_shape(root, path) if marked else (0, 0)


def _first_value(element: object) -> str:
    """Return the first value of a DICOM JSON element in capitals, empty if there is none."""
    values = element.get("Value") if isinstance(element, dict) else None
    return str(values[0]).strip().upper() if isinstance(values, list) and values else ""


def _lesions(image: _ClientImage, record: ImageRecord, header: _Header | Code) -> Iterator[LesionRecord | LeftOut]:
    client, sop, study = image.client, image.sop, image.client.studies[image.study]
    episode_key, episode = client.episode(study)
    for key, mark in image.marks.items():
        label, source, high_risk, kind = _label(episode, record.laterality, mark)
        try:
            if isinstance(header, Code) or record.code or record.laterality is None:
                raise RejectedError(Code.OUTLINE_UNLINKED)
            if sop.endswith(FLIPPED):
                raise RejectedError(Code.KNOWN_DEFECT)
            x1, y1, x2, y2 = (float(mark[corner]) for corner in ("X1", "Y1", "X2", "Y2"))
            if UNSET_CORNER in ((x1, y1), (x2, y2)):
                raise RejectedError(Code.OUTLINE_BROKEN)
            mask, box = outline_of_box((y1, y2, x1, x2), header[1])
        except (KeyError, TypeError, ValueError):
            yield left_out(record.path, Code.OUTLINE_BROKEN, record.path, label)
        except RejectedError as error:
            yield left_out(record.path, error.code, record.path, label)
        else:
            finding = next((word for flag, word in FINDINGS.items() if mark.get(flag)), "")
            facts = (f"{sop}_{key}", record.path, label, source, box, mask, high_risk, finding)
            lesions = "+".join(_linked(mark)) if episode else ""
            finding_key = f"{client.key}_{episode_key}_{record.laterality}_{lesions}" if lesions else ""
            yield LesionRecord(*facts, pathology_type=kind, finding_key=finding_key)


def _linked(mark: Mapping[str, Any]) -> list[str]:
    """Return the numbers of the lesions that a mark is linked to, in order, without leading zeros."""
    numbers = re.findall(r"\d+", str(mark.get("LinkedNBSSLesionNumber") or ""))
    return sorted({number.lstrip("0") for number in numbers})


def _label(episode: Episode | None, laterality: Laterality | None, mark: object) -> LesionLabel:
    if episode is None or laterality is None or not isinstance(mark, dict):
        return UNKNOWN_LABEL
    numbers = _linked(mark)
    return lesions_label(episode, laterality, numbers) if numbers else breast_label(episode, laterality)
