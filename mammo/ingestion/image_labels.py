"""Labels of whole images: whether an image shows a malignant or benign finding, and whether its breast is negative."""

from collections.abc import Mapping
from dataclasses import dataclass

from mammo.records import Cohort, ImageRecord, Laterality, Pathology


@dataclass(frozen=True)
class ImageLabels:
    """Labels of the images of a cohort, from all findings, outlined or not.

    Attributes:
        malignant: ids of the images with a malignant finding.
        benign: ids of the images with a benign finding.
        unplaced: ids of the images with a finding whose place is unknown.
        positive_breasts: exam key and laterality of the breasts that are not negative.
    """

    malignant: frozenset[str]
    benign: frozenset[str]
    unplaced: frozenset[str]
    positive_breasts: frozenset[tuple[str, Laterality | None]]

    @classmethod
    def of(cls, cohort: Cohort, image_of: Mapping[str, str]) -> "ImageLabels":
        """The labels of a cohort's images.

        Args:
            cohort: the source.
            image_of: id of the image that is kept, by path, of every accepted image and duplicate.
        """
        outlined = [(lesion.path, lesion.label) for lesion in cohort.lesions]
        without = [(finding.path, finding.label) for finding in cohort.findings]
        without += [(lesion.image, lesion.label) for lesion in cohort.left_out]
        found = [(image_of[path], label) for path, label in (*outlined, *without) if path in image_of]
        positive = {path for path, _ in (*outlined, *without)}
        return cls(
            frozenset(image_id for image_id, label in found if label is Pathology.MALIGNANT),
            frozenset(image_id for image_id, label in found if label is Pathology.BENIGN),
            frozenset(image_of[path] for path, _ in without if path in image_of),
            frozenset(
                (image.exam_key, image.laterality)
                for image in cohort.images
                if image.path in positive or image.negative is False
            ),
        )

    def columns(self, image: ImageRecord, image_id: str) -> dict[str, bool]:
        """The columns of images.parquet that these labels decide, for one image.

        A breast is negative only if none of its images has a finding in the source, also on a rejected image.
        """
        return {
            "malignant": image_id in self.malignant,
            "benign": image_id in self.benign,
            "unplaced": image_id in self.unplaced,
            "negative": (image.exam_key, image.laterality) not in self.positive_breasts,
        }
