"""What is doubtful about an image that is accepted: flagged images are stored, but kept out of training by default."""

from enum import StrEnum


class Flag(StrEnum):
    """Doubts, as in the column `flags` of a store's images.parquet and in quarantine.csv."""

    BLANK = "blank"
    LATERALITY_CONFLICT = "laterality_conflict"
    IMPLANT = "implant"
    PARTIAL = "partial"
    SYNTHETIC = "synthetic"
    BURNED_IN = "burned_in"
    LOSSY = "lossy"
    SPACING = "spacing"
    PREAMBLE = "preamble"
    SIGNED = "signed"
    HIGH_BIT = "high_bit"
    PRECISION = "precision"
    WINDOW = "window"
    FALSE_LENGTH = "false_length"


DOUBTS = {
    Flag.BLANK: "no breast, or less than a hundredth of the image, is found",
    Flag.LATERALITY_CONFLICT: "two statements of laterality differ; Image Laterality (0020,0062) and the pixels agree",
    Flag.IMPLANT: "a breast with an implant (0028,1300), (0054,0222)",
    Flag.PARTIAL: "a partial view (0028,1350)",
    Flag.SYNTHETIC: "a two-dimensional image computed from tomosynthesis (0008,0008)",
    Flag.BURNED_IN: "annotations burned into the pixels (0028,0301): look for names before sharing",
    Flag.LOSSY: "compressed with loss (0002,0010), (0028,2110)",
    Flag.SPACING: "a pixel spacing (0018,1164), (0028,0030) that no detector has",
    Flag.PREAMBLE: "a preamble that is a program's; it is not copied",
    Flag.SIGNED: "signed pixels (0028,0103), which mammograms do not have",
    Flag.HIGH_BIT: "a High Bit (0028,0102) other than Bits Stored less one",
    Flag.PRECISION: "coded pixels that exceed Bits Stored (0028,0101); the bits above are dropped",
    Flag.WINDOW: "a window (0028,1050), (0028,1051) of no width, or unequally many centres and widths",
    Flag.FALSE_LENGTH: "a length field that says more than the file holds",
}
"""The sentence of every flag."""
