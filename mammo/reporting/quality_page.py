"""The data quality page: what every check of a store's audit found, with pictures of the images concerned."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mammo.io import atomic_write, make_folder
from mammo.quality.audit import Audit
from mammo.quality.checks import CHECKS, Check, Issue
from mammo.records import FULL_SCALE, Floats, MammoError
from mammo.reporting.page import data_uri, inline_asset, render
from mammo.reporting.paper_tables import table1
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest

MAX_SHOWN = 12
"""Issues of one check that are listed with pictures."""

THUMBNAIL_PX = 220
"""Height of a picture."""

ORANGE = (0, 94, 213)
"""Color of outlines, in OpenCV's order blue, green, red."""


@dataclass(frozen=True)
class _Section:
    """The issues of one check.

    Attributes:
        name: of the check.
        check: what it finds and what to do then.
        count: number of issues.
        shown: the first of them, each with its pictures as data URIs.
    """

    name: str
    check: Check
    count: int
    shown: Sequence[tuple[Issue, Sequence[str]]]


def write_quality_page(page: Path, store: Path, audit: Audit) -> Path:
    """Write the page of an audit atomically; returns its path."""
    manifest, issues = audit.manifest, audit.issues
    facts = {
        "n_images": len(manifest.images),
        "n_lesions": len(manifest.lesions),
        "n_patients": manifest.images["patient_id"].nunique(),
        "n_issues": len(issues),
        "sections": list(_sections(store, manifest, issues)),
        "passed": [(name, check.finds) for name, check in CHECKS.items() if name not in set(audit.counts().index)],
        "cohort": table1(manifest.labeled_images, manifest.lesions).T.to_dict("list"),
        "sources": manifest.lesions["label_source"].value_counts().to_dict(),
    }
    make_folder(page.parent)
    with atomic_write(page) as written:
        written.write_text(render("quality.html.j2", {**facts, **inline_asset("report.css")}), encoding="utf-8")
    return page


def _sections(store: Path, manifest: Manifest, issues: Sequence[Issue]) -> Iterator[_Section]:
    images = ImageStore(store)
    for name, check in CHECKS.items():
        found = [issue for issue in issues if issue.check == name]
        if found:
            shown = [(issue, list(_pictures(images, manifest, issue))) for issue in found[:MAX_SHOWN]]
            yield _Section(name, check, len(found), shown)


def _pictures(images: ImageStore, manifest: Manifest, issue: Issue) -> Iterator[str]:
    """PNG data URIs of an issue's first images with their outlines; images that cannot be drawn are left out."""
    for image_id in issue.images[:4]:
        try:
            pixels = images.network(image_id, manifest.chain(image_id))
        except (MammoError, ValueError, KeyError):  # the issue may be in what the picture needs
            continue
        scale = THUMBNAIL_PX / pixels.shape[0]
        gray = (np.minimum(pixels, FULL_SCALE) >> 4).astype(np.uint8)
        picture = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
        for corners in _outlines(manifest, image_id):
            cv2.polylines(picture, [np.round(corners * scale).astype(np.int32)], True, ORANGE, 1, cv2.LINE_AA)
        yield data_uri(cv2.imencode(".png", picture)[1].tobytes())


def _outlines(manifest: Manifest, image_id: str) -> Iterator[Floats]:
    """The corners [N, 2], (col, row) in the network frame, of every outline that can be drawn."""
    for lesion_id in manifest.lesions.index[manifest.lesions["image_id"] == image_id]:
        try:
            mask, box = manifest.network_outline(lesion_id)
        except Exception:  # an invalid outline can raise anything
            continue
        found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for points in found:
            yield points.reshape(-1, 2) + np.array((box.col0 + 0.5, box.row0 + 0.5))
