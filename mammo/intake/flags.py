"""What is doubtful about an image that is accepted: flagged images are stored, but kept out of training by default."""

from enum import StrEnum
from typing import Self


class Flag(StrEnum):
    """Doubts, as in the column `flags` of a store's images.parquet and in quarantine.csv.

    Attributes:
        sentence: what is doubtful.
    """

    sentence: str

    def __new__(cls, value: str, sentence: str = "") -> Self:
        """A member; with the value alone, the member that has it."""
        flag = str.__new__(cls, value)
        flag._value_, flag.sentence = value, sentence
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
