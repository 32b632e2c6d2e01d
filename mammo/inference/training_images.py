"""Which images a model was trained or selected on, as salted digests of their files: a check, and no list of images."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mammo.records import Split
from mammo.store.manifest import Manifest

SEEN = (
    "The image is one of those that the networks were trained or selected on: its score says nothing about new cases."
)
DIGITS = 16
"""Hexadecimal digits that are kept of each digest: among a million images one in 2 ** 44 others is taken for one."""


@dataclass(frozen=True)
class TrainingImages:
    """Digests of the training and validation images.

    Attributes:
        salt: that is put before the SHA-256 of each file, so that digests of two bundles cannot be compared.
        digests: the first DIGITS of the salted SHA-256 of each.
    """

    salt: str
    digests: frozenset[str]

    @classmethod
    def of(cls, manifest: Manifest, salt: str) -> "TrainingImages":
        """The images of a store that are in the splits train and val."""
        images = manifest.images
        used = images.loc[images["split"].isin((Split.TRAIN, Split.VAL)), "sha256"]
        return cls(salt, frozenset(_salted(salt, sha256) for sha256 in used if sha256))

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> "TrainingImages":
        """Those of JSON values; ValueError, KeyError or TypeError where they are none."""
        salt, joined = content["salt"], content["digests"]
        if not isinstance(salt, str) or not isinstance(joined, str) or len(joined) % DIGITS:
            raise ValueError("training_images: salt or digests are not texts of whole digests")
        return cls(salt, frozenset(joined[at : at + DIGITS] for at in range(0, len(joined), DIGITS)))

    def as_json(self) -> dict[str, str]:
        """The salt, and the sorted digests one after the other, which keeps a bundle of many images small."""
        return {"salt": self.salt, "digests": "".join(sorted(self.digests))}

    def knows(self, sha256: str) -> bool:
        """Whether the file with this SHA-256, as hex, is among them; another file of the same pixels is not."""
        return _salted(self.salt, sha256) in self.digests


def _salted(salt: str, sha256: str) -> str:
    return hashlib.sha256(f"{salt} {sha256}".encode()).hexdigest()[:DIGITS]
