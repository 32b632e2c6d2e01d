"""Writes the pictures of scored cases, under names that say nothing of the patient."""

from pathlib import Path

from mammo.inference.bundle_facts import BundleName
from mammo.inference.case_image import CaseImage
from mammo.inference.cases import Case
from mammo.inference.overlay import DPI, overlay_figure
from mammo.inference.prediction import CasePrediction
from mammo.inference.prediction_run import After
from mammo.io import atomic_write

FOLDER = "pictures"


def case_pictures(out: Path, bundle: BundleName) -> After:
    """What predict_cases calls for each scored case.

    Args:
        out: the folder of the results; the pictures are in a folder below it.
        bundle: that makes the predictions.
    """

    def draw(number: int, _: Case, prediction: CasePrediction, image: CaseImage) -> list[dict[str, str]]:
        """Draw every lesion of a case; returns what their objects in predictions.json say about it."""
        (out / FOLDER).mkdir(exist_ok=True)
        names = [f"{FOLDER}/case-{number:04}-lesion-{place}.png" for place in range(1, len(prediction.lesions) + 1)]
        for name, lesion in zip(names, prediction.lesions, strict=True):
            figure = overlay_figure(lesion, image, bundle)
            with atomic_write(out / name, durable=False) as written:
                figure.savefig(written, format="png", dpi=DPI, metadata={"Software": None})
            figure.clear()  # a cleared figure frees its images at once
        return [{"picture": name} for name in names]

    return draw
