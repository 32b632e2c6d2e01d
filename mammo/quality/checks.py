"""What is doubtful about a store: the checks and what each of them means."""

from dataclasses import dataclass

CHECKS = {
    "file_damaged": "a file of the store is not as the last ingest or split left it; ingest the source again",
    "key_twice": "an id stands twice in a table",
    "wrong_word": "a column holds a word that it must not hold",
    "lesion_without_image": "a lesion lies on an image that the store does not have",
    "patient_in_two_splits": "images of one patient are in different splits",
    "exam_of_two_patients": "an exam belongs to two patients",
    "official_split_broken": "a patient of the data set's own test split is not in test, or one of its training is",
    "split_lacks_class": "a split has no malignant or no benign lesion",
    "negative_with_lesion": "an image counts as negative although a lesion is outlined on its breast",
    "label_without_source": "a label has no source, or a source no label",
    "high_risk_not_benign": "a lesion is high-risk but not benign",
    "labels_conflict": "the only lesion of one view is malignant, and that of the other view of the breast benign",
    "exam_lacks_view": "an exam of four or more images lacks a view of a breast: a side or view is wrong",
    "side_against_rule": "the image faces the other way than images of its side do: its side may be wrong",
    "frame_impossible": "breast box, scale or network window do not fit the image",
    "pixels_missing": "the image has no pixels in the store",
    "pixels_damaged": "the pixels are not those that were written (checksum)",
    "pixels_of_other_size": "the pixels have another size than the tables say: they may be another image's",
    "pixels_out_of_range": "grey values above 4095",
    "blank": "next to nothing is shown: no breast, or one grey value",
    "few_greys": "fewer than 16 grey values: the image was cut down to a few bits",
    "inverted": "what surrounds the breast is brighter than the breast",
    "outline_empty": "the outline holds no pixel",
    "outline_unreadable": "the outline's mask cannot be read, or is not of its box's size",
    "outline_outside_image": "the outline's box leaves the image",
    "outline_off_breast": "less than a fifth of the outline lies on the breast",
    "outline_too_large": "the outline covers more than half of the breast",
    "outline_unseen": "nothing of the outline lies in the network window",
    "outline_twice": "two lesions of one image have the same outline",
    "same_source": "two images were made from the same file",
    "same_pixels": "two images have the same pixels",
    "near_duplicate": "two images look alike to the last detail: a copy, compressed again or resized",
    "leak": "patients that an exam, a file or a picture connects are in different splits",
    "odd_brightness": "the breast is far brighter or darker than on other images",
    "vendor_drift": "the breasts of one vendor are brighter or darker than the others'",
    "key_readable": "others than its owner can read the key of the pseudonyms",
}
"""Every check, by name, and what it finds."""


@dataclass(frozen=True)
class Doubt:
    """One thing that a check found.

    Attributes:
        check: its name in CHECKS.
        subject: id of the image, lesion, exam or patient; the split or file for others.
        told: what was found, in a few words with the numbers that matter.
        images: ids of the images that show it.
    """

    check: str
    subject: str
    told: str = ""
    images: tuple[str, ...] = ()
