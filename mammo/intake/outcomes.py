"""Outcomes: every file of a source has exactly one, and their counts add up to the files seen."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from mammo.intake.rejections import Code


class Flag(StrEnum):
    """Doubts, as in the column `flags` of a store's images.parquet and in quarantine.csv.

    Attributes:
        reason: why the image is flagged, in one sentence.
    """

    reason: str

    def __new__(cls, value: str, reason: str = "") -> Self:
        """A member; with the value alone, the member that has it."""
        flag = str.__new__(cls, value)
        flag._value_, flag.reason = value, reason
        return flag

    BLANK = "blank", "no breast, or less than a hundredth of the image, is found"
    LATERALITY_CONFLICT = (
        "laterality_conflict",
        "two statements of laterality differ; Image Laterality (0020,0062) and the pixels agree",
    )
    IMPLANT = "implant", "a breast with an implant (0028,1300), (0054,0222)"
    PARTIAL = "partial", "a partial view (0028,1350)"
    SYNTHETIC = "synthetic", "a two-dimensional image computed from tomosynthesis (0008,0008)"
    BURNED_IN = (
        "burned_in",
        "annotations burned into the pixels, as (0028,0301) or rows of text tell: look for names before sharing",
    )
    LOSSY = "lossy", "compressed with loss (0002,0010), (0028,2110)"
    SPACING = "spacing", "a pixel spacing (0018,1164), (0028,0030) that no detector has"
    PREAMBLE = "preamble", "a preamble that is a program's; it is not copied"
    SIGNED = "signed", "signed pixels (0028,0103), which mammograms do not have"
    HIGH_BIT = "high_bit", "a High Bit (0028,0102) other than Bits Stored less one"
    PRECISION = "precision", "coded pixels that exceed Bits Stored (0028,0101); the bits above are dropped"
    WINDOW = (
        "window",
        "a window (0028,1050), (0028,1051) or table (0028,3010) that shows the breast all white or black, a window of "
        "no width, or unequally many centres and widths",
    )
    FALSE_LENGTH = "false_length", "a length field that says more than the file holds"


class Verdict(StrEnum):
    """The four outcomes."""

    ACCEPTED = "accepted"
    FLAGGED = "accepted with flags"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    Attributes:
        path: the file, relative to the source.
        image_id: its pseudonym, which stands for the path everywhere but in the quarantine table.
        verdict: which of the four.
        codes: the reason code of a refusal, or the flags.
        kept: of a duplicate, the path of the image that is kept.
    """

    path: str
    image_id: str
    verdict: Verdict
    codes: tuple[str, ...] = ()
    kept: str = ""

    @property
    def reason(self) -> str:
        """Why, in one sentence; empty for an accepted file."""
        if self.verdict is Verdict.DUPLICATE:
            return "the same image as another file of the source, which is kept"
        if self.verdict is Verdict.REJECTED:
            return Code(self.codes[0]).reason
        return "; ".join(Flag(code).reason for code in self.codes)

    @property
    def remedy(self) -> str:
        """What a person can do about it; empty for an accepted file."""
        return {
            Verdict.ACCEPTED: "",
            Verdict.FLAGGED: "look at it; list the flag under allow= to train on such images",
            Verdict.REJECTED: Code(self.codes[0]).remedy if self.verdict is Verdict.REJECTED else "",
            Verdict.DUPLICATE: "nothing to do: its lesions count for the image that is kept",
        }[self.verdict]


def counts(outcomes: Iterable[Outcome]) -> dict[Verdict, int]:
    """How many files had each outcome, in the order of Verdict; they sum to the files seen."""
    found = Counter(outcome.verdict for outcome in outcomes)
    return {verdict: found[verdict] for verdict in Verdict}
