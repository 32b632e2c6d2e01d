"""The page of a store's examination: what every check found, with pictures of what is doubted."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mammo.io import atomic_write
from mammo.quality.audit import Examination
from mammo.quality.checks import CHECKS, Doubt
from mammo.records import FULL_SCALE, MammoError
from mammo.reporting.page import inline_asset, render
from mammo.reporting.paper_tables import table1
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest

SHOWN = 12
"""Doubts of one check that are listed with pictures."""

THUMBNAIL_PX = 220
"""Height of a picture."""

ORANGE = (0, 94, 213)
"""Colour of outlines, in OpenCV's order blue, green, red."""


@dataclass(frozen=True)
class _Section:
    """What one check found.

    Attributes:
        check: its name.
        meaning: what it finds.
        count: how many doubts.
        shown: the first of them, each with its pictures as data URIs.
    """

    check: str
    meaning: str
    count: int
    shown: Sequence[tuple[Doubt, Sequence[str]]]


def write_doubts(page: Path, store: Path, examination: Examination) -> Path:
    """Write the page of an examination, whole or not at all; returns its path."""
    manifest, doubts = examination.manifest, examination.doubts
    facts = {
        "n_images": len(manifest.images),
        "n_lesions": len(manifest.lesions),
        "n_patients": manifest.images["patient_id"].nunique(),
        "n_doubts": len(doubts),
        "sections": list(_sections(store, manifest, doubts)),
        "passed": [(check, CHECKS[check]) for check in CHECKS if check not in set(examination.counts().index)],
        "cohort": table1(manifest.images, manifest.lesions).T.to_dict("list"),
        "sources": manifest.lesions["label_source"].value_counts().to_dict(),
    }
    page.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(page) as written:
        written.write_text(render("quality.html.j2", {**facts, **inline_asset("report.css")}), encoding="utf-8")
    return page


def _sections(store: Path, manifest: Manifest, doubts: Sequence[Doubt]) -> Iterator[_Section]:
    pixels = ImageStore(store)
    for check, meaning in CHECKS.items():
        found = [doubt for doubt in doubts if doubt.check == check]
        if found:
            shown = [(doubt, list(_pictures(pixels, manifest, doubt))) for doubt in found[:SHOWN]]
            yield _Section(check, meaning, len(found), shown)


def _pictures(pixels: ImageStore, manifest: Manifest, doubt: Doubt) -> Iterator[str]:
    for image_id in doubt.images[:4]:
        try:
            shown = pixels.network(image_id, manifest.chain(image_id))
        except (MammoError, ValueError, KeyError):  # what is doubted may be what a picture needs
            continue
        scale = THUMBNAIL_PX / shown.shape[0]
        grey = (np.minimum(shown, FULL_SCALE) >> 4).astype(np.uint8)
        picture = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        for corners in _outlines(manifest, image_id):
            cv2.polylines(picture, [np.round(corners * scale).astype(np.int32)], True, ORANGE, 1, cv2.LINE_AA)
        yield "data:image/png;base64," + b64encode(cv2.imencode(".png", picture)[1].tobytes()).decode()


def _outlines(manifest: Manifest, image_id: str) -> Iterator[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """The corners [N, 2], (col, row) in the network frame, of every outline that can be drawn."""
    for lesion_id in manifest.lesions.index[manifest.lesions["image_id"] == image_id]:
        try:
            mask, box = manifest.network_outline(lesion_id)
        except Exception:  # an outline that is doubted may be no outline at all
            continue
        found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for points in found:
            yield points.reshape(-1, 2) + np.array((box.col0 + 0.5, box.row0 + 0.5))
