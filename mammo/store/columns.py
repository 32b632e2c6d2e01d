"""Columns of a store's tables, images.parquet and lesions.parquet: type and meaning of each.

Boxes are half-open (row, col).
"""

from collections.abc import Mapping

import pyarrow as pa

Columns = Mapping[str, tuple[pa.DataType, str]]
"""Columns in order: by name, the type, and what a value is, with its unit and range."""

TEXT, INTEGER, FLAG, REAL, BYTES = pa.string(), pa.int64(), pa.bool_(), pa.float64(), pa.binary()

BREAST_FLAGS: Columns = {
    "negative": (FLAG, "no source knows of a finding in the breast, in any exam of the patient"),
    "positive": (FLAG, "the source knows of a finding in the breast, in any exam of the patient"),
    "malignant": (FLAG, "the source knows of a malignant finding on the image, outlined or not"),
    "benign": (FLAG, "the source knows of a benign finding on the image, outlined or not"),
    "breast_malignant": (FLAG, "the breast has a malignant finding in this exam, on any view"),
    "breast_benign": (FLAG, "the breast has a benign finding in this exam, on any view"),
    "unplaced": (FLAG, "the image has a finding whose place is unknown"),
}

IMAGE_COLUMNS: Columns = {
    "image_id": (TEXT, "pseudonym, unique"),
    "source": (TEXT, "name of the data set (data.name)"),
    "patient_id": (TEXT, "pseudonym of the patient"),
    "exam_id": (TEXT, "pseudonym of the exam"),
    "laterality": (TEXT, "L or R"),
    "view": (TEXT, "CC or MLO"),
    "split": (TEXT, "train, val or test; empty before mammo split, and with folds"),
    "official_split": (TEXT, "the data set's own split: train, val or test; empty without one"),
    "fold": (INTEGER, "number of the patient's fold, from 0; -1 without folds"),
    "flags": (TEXT, "flags of the image, joined by +; empty for most images"),
    "notes": (
        TEXT,
        "what was done to the pixels, joined by + (eight_bit, bits_13, film, ...); keeps nothing out of training",
    ),
    "voi": (TEXT, "the rule that made the presentation values"),
    **BREAST_FLAGS,
    "elsewhere": (
        TEXT,
        "findings of other sources that have the image too, beyond the outlines and labels here, as source:label "
        "joined by +; their place is as good as unknown (Manifest.labeled_images)",
    ),
    "stored_height": (INTEGER, "rows of the source file's image, px"),
    "stored_width": (INTEGER, "columns of the source file's image, px"),
    "mirrored": (FLAG, "the image was mirrored to face right"),
    "breast_row0": (INTEGER, "first row of the breast box, px of the mirrored image"),
    "breast_row1": (INTEGER, "row after the last one of the breast box"),
    "breast_col0": (INTEGER, "first column of the breast box"),
    "breast_col1": (INTEGER, "column after the last one of the breast box"),
    "scale": (REAL, "pixels of the store per pixel of the source, above 0"),
    "origin_row": (INTEGER, "first row of the network window, px of the store frame; can be negative"),
    "origin_col": (INTEGER, "first column of the network window; can be negative"),
    "sha256": (TEXT, "SHA-256 of the source file's bytes"),
    "vendor": (TEXT, "manufacturer of the unit, from a closed list, or other; empty if unknown"),
    "spacing_mm": (REAL, "mm between the pixels of the source file, 0 if unknown"),
    "density": (TEXT, "BI-RADS density A to D, empty if unknown"),
    "tissue": (BYTES, "share of breast tissue in each grid cell, row by row: one byte a cell, 255 for all of it"),
}
"""Columns of images.parquet; breast_* are in the mirrored frame, origin_* in the store frame (geometry.FrameChain)."""

LESION_COLUMNS: Columns = {
    "lesion_id": (TEXT, "pseudonym, unique"),
    "image_id": (TEXT, "the image that the lesion is on"),
    "finding_id": (
        TEXT,
        "pseudonym of the finding: the outlines of one lesion share it, in every view of the breast; empty if unknown",
    ),
    "label": (TEXT, "malignant, benign or none (a finding of neither class)"),
    "label_source": (TEXT, "biopsy, breast_level, birads_proxy, unknown, or none without a label"),
    "high_risk": (FLAG, "benign, but called high-risk by pathology"),
    "finding": (TEXT, "mass, calcification, distortion, asymmetry, other, or empty"),
    "birads": (TEXT, "BI-RADS category 0 to 6 or 4A to 4C, empty if unknown"),
    "pathology_type": (TEXT, "type of cancer or of benign lesion (store.schema.PathologyType), empty if unknown"),
    "row0": (INTEGER, "first row of the outline's box, px of the source file's image"),
    "row1": (INTEGER, "row after the last one of the box"),
    "col0": (INTEGER, "first column of the box"),
    "col1": (INTEGER, "column after the last one of the box"),
    "mask": (BYTES, "PNG of the outline's mask in its box: above 0 inside"),
    "gray": (REAL, "mean gray level inside the outline, 0 to 4095"),
}
"""Columns of lesions.parquet; box and mask are in the stored frame, the pixels of the source file as a viewer shows
them."""
