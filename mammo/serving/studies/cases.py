"""The cases of a study: outlined lesions of a store, and how each is shown.

A case is shown by the pixels of the store: the presentation values of its breast box, brought to the store's scale.
What lies beyond, such as a name that was burnt into the background, is in no store.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from mammo.dicom_out.polygon import ring_around
from mammo.geometry import Box
from mammo.inference.case_reading import packed
from mammo.inference.outlines import Drawn
from mammo.records import MammoError, Pathology, Pixels, Split
from mammo.serving.studies.order import drawn
from mammo.serving.studies.settings import Settings
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.open_store import OpenStore

CHANGES = {"lesion_id": "lesion", "digest": "image or outline", "patient_id": "patient", "malignant": "label"}
"""What has changed of a case, by the field of Recorded."""

LABELED = (Pathology.MALIGNANT, Pathology.BENIGN)


class Recorded(NamedTuple):
    """What a study records of a case when it begins: all that an export needs of the store."""

    lesion_id: str
    digest: str
    """Of the source of its image, of the frame and of its outline."""
    patient_id: str
    malignant: int
    """1 malignant, 0 benign."""

    def changed(self, other: "Recorded") -> str:
        """What another record of the case has otherwise, of CHANGES; empty where they are equal."""
        return next((CHANGES[name] for name, value in self._asdict().items() if value != getattr(other, name)), "")


@dataclass(frozen=True)
class StudyCases:
    """The cases of a study, in the order of the store or of the list.

    Attributes:
        store: opened.
        lesions: their ids.
    """

    store: OpenStore
    lesions: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> "StudyCases":
        """The cases that the settings name.

        Raises:
            MammoError: as OpenStore, a listed lesion is not in the store or has no label, or there are too few.
        """
        if settings.split is None:
            found = cls.listed(settings.store, settings.lesions)
        else:
            store = _opened(settings.store)
            found = cls(store, _of_split(store, settings.split))
        return found if settings.cases is None else found.drawn(settings.cases, settings.seed)

    @classmethod
    def listed(cls, path: Path, lesions: Sequence[str]) -> "StudyCases":
        """These lesions of a store; MammoError where one is not in it, or has no label."""
        store = _opened(path)
        labels = store.manifest.lesions["label"]
        for lesion in lesions:
            if lesion not in labels.index:
                raise MammoError(f"lesion {lesion!r} of the study is not in {path}: give ids of its lesions.parquet")
            if labels[lesion] not in LABELED:
                raise MammoError(f"lesion {lesion!r} of the study has no label in {path}: leave it out")
        return cls(store, tuple(lesions))

    def drawn(self, n: int, seed: int) -> "StudyCases":
        """N of these cases, each of another patient; MammoError where there are fewer patients."""
        numbers = drawn([self.patient(lesion) for lesion in self.lesions], n, seed)
        if len(numbers) < n:
            raise MammoError(
                f"cases is {n}, but {self.store.path} has labeled lesions of {len(numbers)} patients there: give a "
                "smaller number, or leave cases out to read all lesions"
            )
        return replace(self, lesions=tuple(self.lesions[number] for number in numbers))

    @cached_property
    def manifest(self) -> Manifest:
        """The tables of the store with the cases only, and all images of their exams, which a score may depend on."""
        whole = self.store.manifest
        exams = whole.images.loc[list(self.image_ids), "exam_id"]
        images = whole.images[whole.images["exam_id"].isin(exams)]
        return replace(whole, images=images, lesions=whole.lesions.loc[list(self.lesions)])

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The images that the cases are on, in order, each once."""
        return tuple(dict.fromkeys(self._image(lesion) for lesion in self.lesions))

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """By case, a digest of the source of its image, of the frame and of its outline."""
        manifest, images = self.manifest, self.manifest.image_digests()
        found = []
        for lesion in self.lesions:
            mask, box = manifest.outline(lesion)
            parts = (images[self._image(lesion)], repr(box), sha256(mask.tobytes()).hexdigest())
            found.append(sha256("\n".join(parts).encode()).hexdigest()[:16])
        return tuple(found)

    @cached_property
    def recorded(self) -> tuple[Recorded, ...]:
        """By case, what a study records of it."""
        return tuple(
            Recorded(lesion, digest, self.patient(lesion), int(self.malignant(lesion)))
            for lesion, digest in zip(self.lesions, self.digests, strict=True)
        )

    def malignant(self, lesion: str) -> bool:
        """Whether a case is malignant; it is benign otherwise."""
        return bool(self.store.manifest.lesions.at[lesion, "label"] == Pathology.MALIGNANT)

    def patient(self, lesion: str) -> str:
        """The patient of a case."""
        return str(self.store.manifest.images.at[self._image(lesion), "patient_id"])

    def is_drawn_whole(self, lesion: str) -> bool:
        """Whether the polygon that readers see encloses exactly the outline of a case: it has one part and no holes."""
        mask, box = self.store.manifest.outline(lesion)
        return ring_around(Drawn(mask, box, clipped=False)).exact

    def shown(self, case: int) -> "ShownCase":
        """How a case is shown; MammoError where its pixels are damaged."""
        lesion = self.lesions[case]
        image_id = self._image(lesion)
        (row,) = self.store.manifest.images.loc[[image_id]].to_dict("records")
        chain = self.store.manifest.chain(image_id)
        height, width = chain.store_shape
        pixels = ImageStore(self.store.path).read(image_id, Box(0, height, 0, width))
        (mask, box) = next((one.mask, one.box) for one in self.store.lesions_on(image_id, chain) if one.id == lesion)
        if chain.mirrored:
            pixels, mask = pixels[:, ::-1], mask[:, ::-1]
            box = Box(box.row0, box.row1, width - box.col1, width - box.col0)
        points = ring_around(Drawn(mask, box, clipped=False)).points[:-1]
        spacing = float(row["spacing_mm"]) / chain.scale
        return ShownCase(pixels, points.tolist(), spacing, str(row["laterality"]), str(row["view"]), chain.mirrored)

    def _image(self, lesion: str) -> str:
        return str(self.store.manifest.lesions.at[lesion, "image_id"])


@dataclass(frozen=True, eq=False)
class ShownCase:
    """What a reader sees of a case, as the file has it: not mirrored.

    Attributes:
        values: uint16 [rows, cols], 0 to 4095.
        outline: corners [N, 2] of the polygon around the lesion, (row, col), px.
        spacing_mm: between pixels; 0 if unknown.
        laterality: L or R.
        view: CC or MLO.
        faces_left: whether the chest wall is at the right edge.
    """

    values: Pixels
    outline: Sequence[Sequence[float]]
    spacing_mm: float
    laterality: str
    view: str
    faces_left: bool

    def packed(self) -> bytes:
        """The values for a viewer (case_reading.packed)."""
        return packed(self.values)


def _opened(path: Path) -> OpenStore:
    """The store of a study; MammoError, with the key that names it, where there is none."""
    if not path.is_dir():
        raise MammoError(f"{path}, the store of the study, is no folder: correct the key store in its YAML file")
    return OpenStore(path)


def _of_split(store: OpenStore, split: Split) -> tuple[str, ...]:
    """Ids of the labeled lesions of a split; MammoError where there are fewer than two."""
    part = store.manifest.of_split(split).lesions
    found = tuple(str(one) for one in part.index[part["label"].isin(LABELED)])
    if len(found) < 2:
        raise MammoError(f"split {split} of {store.path} has fewer than two labeled lesions: give another")
    return found
