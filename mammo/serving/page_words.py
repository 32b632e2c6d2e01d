"""Sentences of the Python interface and the command line in words for a reader of the page."""

import re
from collections.abc import Mapping

from mammo.inference.case_image import REMEDIES
from mammo.intake.rejections import Code

NAME = "the image"
"""What sentences in the page call an image, whose path is left out."""

CHOOSE = "under 'What the file does not say', and open it again"
LEAVE_OUT = f"leave that out {CHOOSE}, or have the header corrected"
KEEPER = "ask the person who keeps the folder to put the file there again"

WORDS: Mapping[str, str] = {
    REMEDIES[Code.NO_LATERALITY]: f"choose the breast {CHOOSE}",
    REMEDIES[Code.NO_VIEW]: f"choose the view {CHOOSE}",
    REMEDIES[Code.NO_SPACING]: f"give its pixel spacing {CHOOSE}",
    "which data.scale=auto needs": "which the networks of this page need",
    Code.NO_LATERALITY.reason: "the file does not state the breast",
    Code.NO_VIEW.reason: "the file does not state the view",
    Code.UNREADABLE.remedy: KEEPER,
    Code.NOT_REGULAR.remedy: KEEPER,
    Code.ARCHIVE.remedy: "if it holds images, unpack it and open one of them",
    Code.FOR_PROCESSING.remedy: "open the FOR PRESENTATION image of the same exposure",
    Code.SEVERAL_SEGMENTS.remedy: "draw the outline of the lesion here",
}
"""Words of the page, by those that they replace."""

PATTERNS: Mapping[str, str] = {
    r"laterality=(\w+), but the header of the image states (\w+): .*": (
        rf"you chose the breast \1, but the header of the file states \2: {LEAVE_OUT}"
    ),
    r"view=(\w+), but the header of the image states (\w+): .*": (
        rf"you chose the view \1, but the header of the file states \2: {LEAVE_OUT}"
    ),
    r"pixel_spacing=([\d.e-]+), but the header of the image states ([\d.e-]+): .*": (
        rf"you gave a pixel spacing of \1 mm, but the header of the file states \2 mm: {LEAVE_OUT}"
    ),
    r"; scale=[\d.e-]+ would fit this breast": "",
    f"{re.escape(Code.NOT_DICOM.reason)}: .*": (
        "not a DICOM, PNG or TIFF file, or its header is damaged: choose another, or fetch it from its source again"
    ),
}
"""Likewise, by regular expressions."""

OUTLINES: Mapping[Code, str] = {
    Code.OUTLINE_EMPTY: "The outline covers no pixel of the image: draw it larger.",
    Code.OUTLINE_WHOLE: "The outline covers more than half of the image, which no lesion does: draw it around one.",
    Code.OUTLINE_BROKEN: "The outline has numbers that no image has: draw it again.",
}
"""What is wrong with an outline that was drawn."""

AWAY = (
    "The outline lies mostly outside the image, or covers all of it or only its first pixel: draw it around a lesion."
)


def in_page(sentence: str) -> str:
    """A sentence in the words of the page: it begins with a capital letter and ends with a period."""
    for ours, theirs in WORDS.items():
        sentence = sentence.replace(ours, theirs)
    for pattern, theirs in PATTERNS.items():
        sentence = re.sub(pattern, theirs, sentence)
    return sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith(".") else ".")
