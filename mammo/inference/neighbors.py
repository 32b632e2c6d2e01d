"""The labeled lesions of a store that are most similar to another lesion, by the representation h of f_loc.

Similarity is the cosine of the angle between two mean h, whose numbers are first brought to mean 0 and standard
deviation 1 over the store's lesions: numbers of h that vary little would otherwise count little. Of an ensemble, the h
of all members stand one after the other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mammo.inference.ensemble import Ensemble
from mammo.records import Floats, MammoError, Pathology, Split
from mammo.store.manifest import Manifest

N_WINDOWS = 10
"""Windows of a lesion of the store that its mean h is taken over: labels of neighbors agree nearly as with 100."""


@dataclass(frozen=True, eq=False)
class Neighbors:
    """Labeled lesions to be searched.

    Attributes:
        store: folder of the store that they are in.
        manifest: of these lesions and all images of the store.
        center: float64 [K], the mean of h over the lesions.
        spread: float64 [K], its standard deviation, 1 where that is 0.
        directions: float64 [L, K], standardized h of each lesion, of length 1.
    """

    store: Path
    manifest: Manifest
    center: Floats
    spread: Floats
    directions: Floats

    @classmethod
    def of_store(cls, ensemble: Ensemble, store: Path) -> "Neighbors":
        """The labeled lesions of a store but those of its test split and of flagged images; h is computed.

        Args:
            ensemble: the networks of a bundle or run.
            store: an image store of the same frame, split or not.

        Raises:
            MammoError: the frames differ, no lesion is left, or the networks have no f_loc.
        """
        manifest = _searched(Manifest.current(store))
        if not len(manifest.lesions):
            raise MammoError(f"{store} has no labeled lesion outside of its test split: name another store")
        h = ensemble.representations(ensemble.datamodules(store, N_WINDOWS, manifest=manifest))
        if h is None:
            raise MammoError(f"{ensemble.name} has no f_loc, by whose h lesions are compared: leave --neighbors out")
        return cls.of_lesions(store, manifest, h.reshape(len(manifest.lesions), N_WINDOWS, -1).mean(axis=1))

    @classmethod
    def of_lesions(cls, store: Path, manifest: Manifest, h: Floats) -> "Neighbors":
        """The lesions of a manifest with their mean h [L, K]."""
        center, spread = h.mean(axis=0), h.std(axis=0)
        spread = np.where(spread > 0, spread, 1.0)
        return cls(store, manifest, center, spread, _unit((h - center) / spread))

    def nearest(self, h: Floats, left_out: Collection[str], n: int) -> list[int]:
        """Rows of the lesions that are most similar to one with mean h [K], the most similar first.

        Args:
            h: of the lesion.
            left_out: ids of patients none of whose lesions are returned.
            n: number of lesions; at most one of each patient is returned, the most similar one.
        """
        similarity = self.directions @ _unit((h - self.center) / self.spread)
        patients = self.manifest.images.loc[self.manifest.lesions["image_id"], "patient_id"].to_numpy()
        found: dict[str, int] = {}
        for row in np.argsort(-similarity, kind="stable").tolist():
            if len(found) < n and patients[row] not in left_out:
                found.setdefault(patients[row], row)
        return list(found.values())

    def scores(self, ensemble: Ensemble, rows: Sequence[int], n_windows: int) -> list[float]:
        """The scores, in [0, 1], of the lesions of these rows."""
        lesions = self.manifest.lesions.iloc[list(rows)]
        images, ids = self.manifest.images, lesions["image_id"].unique().tolist()
        exams = images[images["exam_id"].isin(images.loc[ids, "exam_id"])]  # networks can read the other images of one
        part = replace(self.manifest, images=exams, lesions=lesions)
        saliency = ensemble.saliency(self.store, part, ids)
        scored = ensemble.score(ensemble.datamodules(self.store, n_windows, manifest=part), saliency)
        found: list[float] = scored.mean.scores.score.tolist()
        return found


def _searched(manifest: Manifest) -> Manifest:
    """The labeled lesions, but those of test images, whose labels stay unknown, and of flagged ones."""
    images = manifest.images[(manifest.images["split"] != Split.TEST.value) & (manifest.images["flags"] == "")]
    lesions = manifest.lesions[manifest.lesions["label"] != Pathology.NONE.value]
    return replace(manifest, lesions=lesions[lesions["image_id"].isin(images.index)])


def _unit(h: Floats) -> Floats:
    """Vectors [..., K] of length 1; zero vectors stay zero."""
    length = np.linalg.norm(h, axis=-1, keepdims=True)
    return np.asarray(h / np.where(length > 0, length, 1.0), dtype=np.float64)
