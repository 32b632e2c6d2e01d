"""The quality checks: their names, what each one finds and what to do then, and the issue that a check reports."""

from dataclasses import dataclass
from typing import NamedTuple


class Check(NamedTuple):
    """A quality check."""

    finds: str
    """What is wrong where it finds something."""
    remedy: str
    """What to do then, in the imperative."""


INGEST = "ingest the source again"

CHECKS = {
    "file_damaged": Check("a file differs from what the last ingest or split wrote", INGEST),
    "key_twice": Check("an id occurs twice in a table", INGEST),
    "wrong_word": Check("a column holds a value that is not allowed", INGEST),
    "lesion_without_image": Check("a lesion refers to an image that is not in the store", INGEST),
    "patient_in_two_splits": Check(
        "the images of one patient are in different splits or folds",
        "split again; where your own column split says so, give the patient one split",
    ),
    "exam_of_two_patients": Check(
        "one exam belongs to two patients",
        "give the exam one patient in your tables or headers, then ingest and split again",
    ),
    "official_split_broken": Check(
        "a patient of the data set's own test split is not in test, or another of its patients is",
        "split with official=true, or leave it if you assign all patients yourself",
    ),
    "split_lacks_class": Check(
        "a split or fold has no malignant finding, or no benign one",
        "split with another seed or other fractions; with few patients use folds",
    ),
    "negative_with_lesion": Check("an image counts as negative although a lesion is outlined on its breast", INGEST),
    "label_without_source": Check(
        "a lesion has a label without a source, or a source without a label",
        "give label_source in the table of lesions",
    ),
    "high_risk_not_benign": Check(
        "a lesion is high-risk but not benign", "correct label or high_risk in the table of lesions"
    ),
    "labels_conflict": Check(
        "the only lesion of one view is malignant, and that of the breast's other view benign",
        "look at both views: a label or an outline may be on the wrong one",
    ),
    "finding_in_two_breasts": Check(
        "the outlines of one finding lie in two breasts or patients",
        "give each finding a finding_id of its own in the table of lesions",
    ),
    "finding_of_two_labels": Check(
        "the outlines of one finding have different labels",
        "correct label or finding_id in the table of lesions",
    ),
    "labels_elsewhere": Check(
        "another source has a label for the image that none of its outlined lesions has",
        "look at the image; ingest the source with the better outlines first",
    ),
    "exam_lacks_view": Check(
        "an exam of four or more images lacks a view of a breast: a laterality or view is wrong",
        "look at the exam: correct laterality or view in the header or in images.csv",
    ),
    "side_against_rule": Check(
        "the image faces the other way than images of its laterality do: the laterality may be wrong",
        "look at the image: correct its laterality in the header or in images.csv, or mirror it",
    ),
    "frame_impossible": Check("breast box, scale or network window do not fit the image", INGEST),
    "pixels_missing": Check("the store has no pixels of the image", INGEST),
    "pixels_damaged": Check(
        "the pixels differ from those that were written (wrong checksum)",
        "delete the file that is named, then ingest the source again",
    ),
    "pixels_of_other_size": Check(
        "the pixels differ in size from the tables: they may belong to another image", INGEST
    ),
    "pixels_out_of_range": Check("gray values above 4095", INGEST),
    "blank": Check(
        "almost nothing is visible: no breast, or a single gray value",
        "look at the image; leave it out of the source if there is no breast",
    ),
    "few_gray_values": Check(
        "fewer than 16 gray values: the image was reduced to a few bits",
        "export the image again with all its gray values",
    ),
    "inverted": Check(
        "the background is bright and the breast dark, here or in the source",
        "look at the image; if it is right, nothing to do, since it is shown turned around",
    ),
    "outline_empty": Check("the outline contains no pixel", "correct the outline in the source"),
    "outline_unreadable": Check("the outline's mask cannot be read, or its size differs from that of its box", INGEST),
    "outline_outside_image": Check(
        "the outline's box extends beyond the image",
        "look whether the outline belongs to this image and is in its pixels",
    ),
    "outline_off_breast": Check(
        "less than a fifth of the outline lies on the breast",
        "look whether the outline is in (row, col), in pixels of this image, and not mirrored",
    ),
    "outline_too_large": Check(
        "the outline covers more than half of the breast",
        "correct the outline, or give outline=none if it stands for the whole breast",
    ),
    "outline_unseen": Check(
        "no part of the outline lies in the network window",
        "ingest with another data.scale; without one, ingest prints one that fits",
    ),
    "outline_twice": Check(
        "two lesions of one image have the same outline", "remove one of the two rows, or correct its outline"
    ),
    "same_source": Check("two images were made from the same file", "remove one of the two from the source"),
    "same_pixels": Check(
        "two images have the same pixels",
        "remove one of the two from the source; if they are of two patients, correct the patient",
    ),
    "near_duplicate": Check(
        "two images agree in the finest details: one is a copy, compressed again or resized",
        "look at both; remove the copy from the source",
    ),
    "leak": Check(
        "patients connected by an exam, a file or an image are in different splits or folds",
        "split again, which keeps such patients together",
    ),
    "odd_brightness": Check(
        "the breast is far brighter or darker than on other images",
        "look at the image: its display window or its bits may be wrong",
    ),
    "vendor_drift": Check(
        "the breasts of one vendor are brighter or darker than those of the others",
        "compare the vendors' AUCs in the report; nothing to do if they agree",
    ),
    "key_readable": Check("the pseudonym key is readable by other users", "chmod 600 the file .key of the store"),
}
"""Every check by name."""


@dataclass(frozen=True)
class Issue:
    """One problem that a check found.

    Attributes:
        check: the name of the check, a key of CHECKS.
        subject: id of the image, lesion, exam or patient; otherwise the split or the file.
        detail: what was found, in a few words with the numbers that matter.
        images: ids of the images that show it.
    """

    check: str
    subject: str
    detail: str = ""
    images: tuple[str, ...] = ()
