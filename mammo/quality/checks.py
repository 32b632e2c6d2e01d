"""The quality checks: their names, what each one finds, and the issue that a check reports."""

from dataclasses import dataclass

CHECKS = {
    "file_damaged": "a file differs from what the last ingest or split wrote; ingest the source again",
    "key_twice": "an id occurs twice in a table",
    "wrong_word": "a column holds a value that is not allowed",
    "lesion_without_image": "a lesion refers to an image that is not in the store",
    "patient_in_two_splits": "the images of one patient are in different splits or folds",
    "exam_of_two_patients": "one exam belongs to two patients",
    "official_split_broken": "a patient of the data set's own test split is not in test, or another of its patients is",
    "split_lacks_class": "a split or fold has no malignant finding, or no benign one",
    "negative_with_lesion": "an image counts as negative although a lesion is outlined on its breast",
    "label_without_source": "a lesion has a label without a source, or a source without a label",
    "high_risk_not_benign": "a lesion is high-risk but not benign",
    "labels_conflict": "the only lesion of one view is malignant, and that of the breast's other view benign",
    "labels_elsewhere": "another source has a label for the image that none of its outlined lesions has",
    "exam_lacks_view": "an exam of four or more images lacks a view of a breast: a laterality or view is wrong",
    "side_against_rule": "the image faces the other way than images of its laterality do: the laterality may be wrong",
    "frame_impossible": "breast box, scale or network window do not fit the image",
    "pixels_missing": "the store has no pixels of the image",
    "pixels_damaged": "the pixels differ from those that were written (wrong checksum)",
    "pixels_of_other_size": "the pixels differ in size from the tables: they may belong to another image",
    "pixels_out_of_range": "gray values above 4095",
    "blank": "almost nothing is visible: no breast, or a single gray value",
    "few_gray_values": "fewer than 16 gray values: the image was reduced to a few bits",
    "inverted": "the background is bright and the breast dark, here or in the source",
    "outline_empty": "the outline contains no pixel",
    "outline_unreadable": "the outline's mask cannot be read, or its size differs from that of its box",
    "outline_outside_image": "the outline's box extends beyond the image",
    "outline_off_breast": "less than a fifth of the outline lies on the breast",
    "outline_too_large": "the outline covers more than half of the breast",
    "outline_unseen": "no part of the outline lies in the network window",
    "outline_twice": "two lesions of one image have the same outline",
    "same_source": "two images were made from the same file",
    "same_pixels": "two images have the same pixels",
    "near_duplicate": "two images agree in the finest details: one is a copy, compressed again or resized",
    "leak": "patients connected by an exam, a file or an image are in different splits or folds",
    "odd_brightness": "the breast is far brighter or darker than on other images",
    "vendor_drift": "the breasts of one vendor are brighter or darker than those of the others",
    "key_readable": "the pseudonym key is readable by other users",
}
"""Every check, by name, and what it finds."""


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
