"""Small stores with lesions on both breasts, and studies of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from mammo.geometry import Box, Frame, FrameChain
from mammo.inference.bundle_facts import BundleName
from mammo.serving.studies.cases import StudyCases
from mammo.serving.studies.journal import opened_journal
from mammo.serving.studies.prepared import ANSWERS, Prepared, Scoring, prepare
from mammo.serving.studies.settings import Settings
from mammo.serving.studies.study import Study
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import chain_values, outline_values

FRAME = Frame(368, 240, 8)
SHAPE = (130, 100)
BREAST = Box(5, 125, 0, 90)
OUTLINE = Box(50, 62, 20, 30)
MASK = np.zeros((OUTLINE.height, OUTLINE.width), np.bool_)
MASK[:, :4] = MASK[-3:] = True
TWO_PARTS = np.zeros((OUTLINE.height, OUTLINE.width), np.bool_)
TWO_PARTS[:3] = TWO_PARTS[-3:] = True
SCORING = Scoring(BundleName("ab" * 32, "demo", "0.9.0", ("phantom",), "f_agg sal+emb", 2), True, 100, None)
SECRETS = ("zzlesion", "zzpatient", "zzimage", "zzexam", "malignant", "benign")
"""Parts of every id, and the labels, none of which a reader sees."""


def write_store(root: Path, n: int, n_patients: int | None = None, flags: str = "", n_parts: int = 1) -> Path:
    """A split store with a lesion on each of n images, every second of which is of a right breast, mirrored.

    The first image has the flags, and the first lesion one or two parts.
    """
    store, images, lesions, rng = ImageStore(root), [], [], np.random.default_rng(0)
    for k in range(n):
        chain = FrameChain(SHAPE, k % 2 == 1, BREAST, 1.0, (-120, 0), FRAME)
        images.append(_image(k, k % (n_patients or n), chain) | {"flags": "" if k else flags})
        lesions.append(_lesion(k))
        if n_parts == 2 and k == 0:
            lesions[0] |= outline_values(TWO_PARTS, OUTLINE)
        store.write(f"zzimage{k}", rng.integers(100, 4000, (BREAST.height, BREAST.width), dtype=np.uint16))
    Manifest.of(FRAME, images, lesions).save(root)
    return root


def _image(k: int, patient: int, chain: FrameChain) -> dict[str, Any]:
    flags = ("negative", "positive", "malignant", "benign", "breast_malignant", "breast_benign", "unplaced")
    texts = ("flags", "notes", "voi", "official_split", "elsewhere", "vendor", "density")
    return {
        "image_id": f"zzimage{k}",
        "source": "table",
        "patient_id": f"zzpatient{patient}",
        "exam_id": f"zzexam{patient}",
        "laterality": "LR"[k % 2],
        "view": ("CC", "MLO")[k % 2],
        "split": "test",
        "fold": -1,
        **dict.fromkeys(texts, ""),
        **dict.fromkeys(flags, False),
        **chain_values(chain),
        "sha256": f"{k:064x}",
        "spacing_mm": 0.5,
        "tissue": bytes(46 * 30),
    }


def _lesion(k: int) -> dict[str, Any]:
    return {
        "lesion_id": f"zzlesion{k}",
        "image_id": f"zzimage{k}",
        **dict.fromkeys(("finding_id", "finding", "birads", "pathology_type"), ""),
        "label": ("malignant", "benign")[k % 3 > 0],
        "label_source": "biopsy",
        "high_risk": False,
        **outline_values(MASK, OUTLINE),
        "gray": 2000.0,
    }


def write_study(folder: Path, store: Path, /, **changes: Any) -> Path:
    """The settings of a study of all lesions of a store, with changes; None leaves a key out."""
    values = {
        "name": "phantoms",
        "store": str(store),
        "split": "test",
        "design": "sequential",
        "seed": 7,
        "readers": "[R1, R2]",
        "output": "study",
    }
    lines = [f"{key}: {value}" for key, value in (values | changes).items() if value is not None]
    path = folder / "study.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def scores(cases: StudyCases) -> list[dict[str, Any]]:
    """Scores that follow from the number of the case."""
    threshold = {"threshold": 0.25, "below": False, "meaning": "below this: 20.0 % of biopsies avoided"}
    return [
        {"score": k / 100, "score_sd": 0.05, "probability": k / 200, "prevalence": 0.4, "thresholds": [threshold]}
        for k in range(len(cases.lesions))
    ]


def prepared_study(path: Path) -> tuple[Prepared, StudyCases]:
    """A study that has begun with these scores."""
    settings = Settings.read(path)
    cases = StudyCases.of(settings)
    return prepare(settings, cases, SCORING, lambda: scores(cases)), cases


@dataclass
class Clock:
    """A clock that is set by hand."""

    time: datetime = field(default_factory=lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.time

    def wait(self, days: float) -> None:
        self.time += timedelta(days=days)


@contextmanager
def opened(path: Path, clock: Clock | None = None) -> Iterator[Study]:
    """A study, whose journal is open within the block."""
    prepared, _ = prepared_study(path)
    with opened_journal(prepared.settings.output / ANSWERS) as journal:
        yield Study(prepared, journal, clock or Clock())
