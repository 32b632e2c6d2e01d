"""A temporary image store of one image and of the others of its exam that are given.

In it a single lesion is scored as the lesions of any store are.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from mammo.geometry import Frame, FrameChain
from mammo.inference.case_image import CaseImage
from mammo.inference.outlines import Drawn
from mammo.inference.training_ranges import LesionFacts
from mammo.ingestion.cohort_lesions import mean_gray
from mammo.ingestion.result_lines import SMALL
from mammo.intake.film import lies_in_air
from mammo.intake.gate import FILM
from mammo.io import errors_about
from mammo.quality.outline_checks import MAX_OF_BREAST, overlap
from mammo.records import LabelSource, Pathology
from mammo.store.columns import BREAST_FLAGS
from mammo.store.image_store import ImageStore
from mammo.store.manifest import Manifest
from mammo.store.schema import Row, chain_values, outline_values, tissue_values
from mammo.store.splits import NO_FOLD
from mammo.text import percent

IMAGE_ID = "image"
"""The id of the image in such a store."""

CUT = 1.25
"""Height or width of a breast, as a multiple of the network window's, from which its scale is doubted: single breasts
are a little larger than the window in every data set."""


class CaseStore:
    """The store of an exam of which one image is scored; its folder is removed with the object.

    Args:
        image: the image.
        frame: of the networks.
        others: other images of its exam.

    Attributes:
        images: all of them by image id.
    """

    def __init__(self, image: CaseImage, frame: Frame, others: Sequence[CaseImage] = ()) -> None:
        self.image, self.frame = image, frame
        self.images = {IMAGE_ID: image} | {f"other{number}": other for number, other in enumerate(others)}
        self._rows = [_row(image_id, one) for image_id, one in self.images.items()]
        self._folder = TemporaryDirectory(prefix="mammo-")
        with errors_about(self.path):
            for image_id, one in self.images.items():
                ImageStore(self.path).write(image_id, one.admitted.pixels)

    @property
    def path(self) -> Path:
        """The store folder."""
        return Path(self._folder.name)

    @property
    def chain(self) -> FrameChain:
        """The frames of the image."""
        return self.image.admitted.chain

    def tables(self, outlines: Sequence[Drawn] = ()) -> Manifest:
        """Write the tables of the store, with these outlines as its lesions, unlabeled, in their order."""
        lesion = {
            "image_id": IMAGE_ID,
            "label": Pathology.NONE,
            "label_source": LabelSource.NONE,
            "high_risk": False,
            **dict.fromkeys(("finding_id", "finding", "birads", "pathology_type"), ""),
            "gray": float("nan"),
        }
        lesions = [
            {"lesion_id": f"lesion-{number}", **lesion, **outline_values(one.mask, one.box)}
            for number, one in enumerate(outlines)
        ]
        manifest = Manifest.of(self.frame, self._rows, lesions)
        manifest.save(self.path)
        return manifest

    def facts(self, outline: Drawn) -> LesionFacts:
        """What is compared with the ranges of the training lesions."""
        admitted, side = self.image.admitted, max(outline.box.height, outline.box.width)
        gray = mean_gray(ImageStore(self.path), IMAGE_ID, self.chain, outline.mask, outline.box)
        sizes = side * admitted.spacing_mm, side * self.chain.scale / self.frame.fineness
        return LesionFacts(admitted.vendor, admitted.spacing_mm, gray, *sizes)

    def warnings(self, outline: Drawn) -> tuple[str, ...]:
        """Sentences on the image, and on where an outline lies."""
        found = [f"The image is flagged {flag}: {flag.reason}." for flag in self.image.admitted.flags]
        _, place = self.chain.mask_to_network(outline.mask, outline.box)
        frame = self.frame
        if place.row0 < 0 or place.col0 < 0 or place.row1 > frame.height or place.col1 > frame.width:
            found.append("The outline lies partly or wholly outside the network window, where the maps see nothing.")
        admitted = self.image.admitted
        on_store, (height, width) = place.shifted(*self.chain.origin), self.chain.store_shape
        is_beyond = on_store.row1 <= 0 or on_store.col1 <= 0 or on_store.row0 >= height or on_store.col0 >= width
        if is_beyond or lies_in_air(outline.mask, outline.box, self.chain, admitted.tissue, FILM in admitted.notes):
            found.append("The outline lies outside the breast.")
        elif (of_breast := overlap(self.chain, outline.mask, outline.box, admitted.tissue).of_breast) > MAX_OF_BREAST:
            found.append(
                f"The outline covers {percent(of_breast, 0)} of the breast: check that it is that of one lesion."
            )
        return (*found, *self._scale_warnings())

    def _scale_warnings(self) -> Iterator[str]:
        """Yield a sentence if the breast is much larger or smaller than the networks' window."""
        (height, width), frame, scale = self.chain.store_shape, self.frame, self.chain.scale
        is_cut = height > CUT * frame.height or width > CUT * frame.width
        if is_cut or height * width < SMALL * frame.height * frame.width:
            fitting = scale * min(frame.height / height, frame.width / width)
            spacing = self.image.admitted.spacing_mm / scale
            in_mm = f" ({height * spacing:.0f} x {width * spacing:.0f} mm)" if spacing else ""
            yield (
                f"The breast measures {height} x {width} px of the networks' frame{in_mm} at scale {scale:.3g}, and "
                f"their window {frame.height} x {frame.width} px: if the networks were trained on images of another "
                f"resolution, the score means nothing; scale={fitting:.2g} would fit this breast."
            )


def _row(image_id: str, image: CaseImage) -> Row:
    """The row of images.parquet of an image; all images of a case are of one exam."""
    admitted = image.admitted
    return {
        "image_id": image_id,
        **{name: name for name in ("source", "patient_id", "exam_id")},
        "laterality": image.laterality,
        "view": image.view,
        "fold": NO_FOLD,
        "flags": "+".join(admitted.flags),
        "notes": "+".join(admitted.notes),
        "voi": admitted.voi,
        "vendor": admitted.vendor,
        "spacing_mm": admitted.spacing_mm,
        "sha256": image.sha256,
        **dict.fromkeys(("split", "official_split", "elsewhere", "density"), ""),
        **dict.fromkeys(BREAST_FLAGS, False),
        **chain_values(admitted.chain),
        **tissue_values(admitted.tissue),
    }
