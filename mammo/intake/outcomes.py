"""Flags and outcomes: every file of a source has exactly one outcome, and their counts add up to the files seen.

Flagged images are stored, but not used for training by default.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from mammo.intake.rejections import Code
from mammo.intake.source_folder import IMAGES, suffix_of


class Flag(StrEnum):
    """Flags of accepted images, as in the column flags of a store's images.parquet and in quarantine.csv.

    Attributes:
        reason: why the image is flagged, in one sentence.
    """

    reason: str

    def __new__(cls, value: str, reason: str = "") -> Self:
        """Create a member; the value alone looks up the member that has it."""
        flag = str.__new__(cls, value)
        flag._value_, flag.reason = value, reason
        return flag

    BLANK = "blank", "no breast is found, or it covers less than 1 % of the image"
    LATERALITY_CONFLICT = (
        "laterality_conflict",
        "two lateralities in the header differ; Image Laterality (0020,0062) and the pixels agree",
    )
    UPSIDE_DOWN = (
        "upside_down",
        "upside down by Patient Orientation (0020,0020): view the image, then turn it or correct the header",
    )
    CHEST_WALL = (
        "chest_wall",
        "the chest wall lies on the other side than Patient Orientation (0020,0020) says, as in an image that was "
        "mirrored or turned by 180 degrees: view it, then correct the image or the header",
    )
    IMPLANT = "implant", "a breast with an implant (0028,1300), (0054,0222)"
    PARTIAL = "partial", "a partial view (0028,1350)"
    SYNTHETIC = "synthetic", "a two-dimensional image computed from tomosynthesis (0008,0008)"
    BURNED_IN = (
        "burned_in",
        "annotations burned into the pixels, by (0028,0301) or visible rows of text: look for names before sharing",
    )
    LOSSY = "lossy", "lossy compression (0002,0010), (0028,2110)"
    SPACING = "spacing", "a pixel spacing (0018,1164), (0028,0030) that no detector has"
    PREAMBLE = "preamble", "a preamble that starts like an executable program; it is not copied"
    SIGNED = "signed", "signed pixels (0028,0103), which mammograms do not have"
    HIGH_BIT = "high_bit", "a High Bit (0028,0102) other than Bits Stored minus 1"
    PRECISION = "precision", "pixels that exceed Bits Stored (0028,0101) or data.options.bits"
    RANGE = (
        "range",
        "gray values that fill another range of bits than the header or file states; shown by the range found",
    )
    INVERTED = (
        "inverted",
        "pixels that are inverted against their header or file (the background is bright, the breast dark); shown "
        "turned around",
    )
    WINDOW = (
        "window",
        "a window (0028,1050), (0028,1051) or table (0028,3010) that shows the breast all white or black, a window of "
        "no width, or unequal numbers of centers and widths",
    )
    FALSE_LENGTH = "false_length", "a length field that exceeds the file's content"


class Verdict(StrEnum):
    """The verdicts."""

    ACCEPTED = "accepted"
    FLAGGED = "accepted with flags"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    NOT_IMAGE = "not an image"


def verdict_of(code: str, path: str) -> Verdict:
    """Return the verdict on a file with this rejection code; an archive that is not named as an image is none."""
    if code == Code.DUPLICATE:
        return Verdict.DUPLICATE
    return Verdict.NOT_IMAGE if code == Code.ARCHIVE and suffix_of(path) not in IMAGES else Verdict.REJECTED


@dataclass(frozen=True)
class Outcome:
    """The outcome of one file.

    Attributes:
        path: the file, relative to the source.
        image_id: its pseudonym, which replaces the path everywhere except in the quarantine table.
        verdict: which.
        codes: the rejection code, or the flags; of a duplicate none, or the code that says where the other image is.
        kept: of a duplicate, the path of the image that is kept.
    """

    path: str
    image_id: str
    verdict: Verdict
    codes: tuple[str, ...] = ()
    kept: str = ""

    @property
    def reason(self) -> str:
        """Return why, in one sentence; empty for an accepted file."""
        if self.verdict in (Verdict.ACCEPTED, Verdict.FLAGGED):
            return "; ".join(Flag(code).reason for code in self.codes)
        return Code(self.codes[0] if self.codes else Code.DUPLICATE).reason

    @property
    def remedy(self) -> str:
        """Return what the user can do; empty for an accepted file."""
        if self.verdict is Verdict.ACCEPTED:
            return ""
        if self.verdict is Verdict.FLAGGED:
            return "view the image; to train on such images, list the flag under allow="
        return Code(self.codes[0] if self.codes else Code.DUPLICATE).remedy


def counts(outcomes: Iterable[Outcome]) -> dict[Verdict, int]:
    """Return the number of files with each verdict, in the order of Verdict; they sum to the files seen."""
    found = Counter(outcome.verdict for outcome in outcomes)
    return {verdict: found[verdict] for verdict in Verdict}
