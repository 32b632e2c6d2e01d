"""Columns of the score tables of a run: type and meaning of each."""

from collections.abc import Mapping

from mammo.scoring.trivial_predictors import PREDICTORS

Columns = Mapping[str, tuple[str, str]]
"""Columns in order: by name, the type ("str", "int64" or "float64"), and what a value is, with its unit and range."""

_FOLD = ("int64", "the fold that the run tested, from 0; -1 without folds")
_SPLIT = ("str", "train, val or test; empty if the store is not split")

LESION_COLUMNS: Columns = {
    "lesion_id": ("str", "pseudonym, unique"),
    "image_id": ("str", "the image that the lesion is on"),
    "finding_id": ("str", "pseudonym of the finding, which all views of one lesion share; empty if unknown"),
    "source": ("str", "name of the data set"),
    "exam_id": ("str", "pseudonym of the exam"),
    "patient_id": ("str", "pseudonym of the patient, the unit of every interval"),
    "label": ("str", "malignant, benign or none"),
    "malignant": ("int64", "1 for a malignant lesion, else 0"),
    "label_source": ("str", "biopsy, breast_level, birads_proxy, unknown or none"),
    "high_risk": ("int64", "1 for a benign lesion that pathology calls high-risk, else 0"),
    "finding": ("str", "mass, calcification, distortion, asymmetry, other, or empty"),
    "birads": ("str", "BI-RADS category, empty if unknown"),
    "pathology_type": ("str", "type of cancer or of benign lesion, empty if unknown"),
    "laterality": ("str", "L or R"),
    "view": ("str", "CC or MLO"),
    "vendor": ("str", "manufacturer of the unit, from a closed list, or other; empty if unknown"),
    "density": ("str", "BI-RADS density A to D, empty if unknown"),
    "size_px": ("float64", "longer side of the outline's box, px of the paper's 2944 x 1920 frame, above 0"),
    "split": _SPLIT,
    "fold": _FOLD,
    "score": ("float64", "mean over the windows, in [0, 1]; higher means more likely malignant"),
    "score_sd": ("float64", "standard deviation over the windows, in [0, 0.5]"),
    "n_windows": ("int64", "crop windows that the score is the mean over, at least 1"),
    **{
        name: ("float64", f"score of a trivial predictor in [0, 1]: {what}; undefined where that is unknown")
        for name, what in PREDICTORS.items()
    },
}
"""Columns of lesions.parquet; the trivial predictors are fitted on the run's training lesions."""

WINDOW_COLUMNS: Columns = {
    "lesion_id": ("str", "the lesion"),
    "window": ("int64", "number of the crop window within its lesion, from 0"),
    "row": ("float64", "row of its center, px of the network window"),
    "col": ("float64", "column of its center"),
    "side": ("float64", "its side, px of the network window, above 0"),
    "score": ("float64", "patch score in [0, 1]"),
}
"""Columns of windows.parquet."""

IMAGE_CLASSES = ("malignant", "benign")

IMAGE_COLUMNS: Columns = {
    "image_id": ("str", "pseudonym, unique"),
    "exam_id": ("str", "pseudonym of the exam"),
    "patient_id": ("str", "pseudonym of the patient"),
    "laterality": ("str", "L or R"),
    "view": ("str", "CC or MLO"),
    "split": _SPLIT,
    "fold": _FOLD,
    "malignant": ("int64", "label that the network was tested by (labels): 1 for a malignant finding, else 0"),
    "score_malignant": ("float64", "the network's score for malignant, in [0, 1]"),
    "benign": ("int64", "1 for a benign finding, else 0"),
    "score_benign": ("float64", "the network's score for benign, in [0, 1]"),
}
"""Columns of images.parquet of a context network."""
