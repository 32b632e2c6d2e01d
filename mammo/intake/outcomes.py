"""Outcomes: every file of a source has exactly one, and their counts add up to the files seen."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from mammo.intake.flags import Flag
from mammo.intake.rejections import Code


class Verdict(StrEnum):
    """The four outcomes."""

    ACCEPTED = "accepted"
    FLAGGED = "accepted with flags"
    REFUSED = "refused"
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
        if self.verdict is Verdict.REFUSED:
            return Code(self.codes[0]).sentence
        return "; ".join(Flag(code).sentence for code in self.codes)

    @property
    def way_out(self) -> str:
        """What a person can do about it; empty for an accepted file."""
        return {
            Verdict.ACCEPTED: "",
            Verdict.FLAGGED: "look at it; list the flag under allow= to train on such images",
            Verdict.REFUSED: Code(self.codes[0]).way_out if self.verdict is Verdict.REFUSED else "",
            Verdict.DUPLICATE: "nothing to do: its lesions count for the image that is kept",
        }[self.verdict]


def counts(outcomes: Iterable[Outcome]) -> dict[Verdict, int]:
    """How many files had each outcome, in the order of Verdict; they sum to the files seen."""
    found = Counter(outcome.verdict for outcome in outcomes)
    return {verdict: found[verdict] for verdict in Verdict}
