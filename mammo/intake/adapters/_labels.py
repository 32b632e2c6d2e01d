"""BI-RADS density of a breast, as data sets write it: a letter, a number from 1 to 4, or the lexicon's words."""

import re

from mammo.records import Density

SIGN = re.compile(r"(?:(?:breast )?density|acr|bi-?rads)?[\s:_-]*([a-d]|[1-4])(?:\.0)?", re.IGNORECASE)

WORDS = {
    "fatty": Density.A,
    "entirely fat": Density.A,
    "scattered": Density.B,
    "heterogeneous": Density.C,
    "extremely": Density.D,
}
"""What the lexicon's four descriptions contain (BI-RADS, fifth edition)."""


def density_of(text: str) -> Density | None:
    """The density that a cell tells; None where it is empty or tells anything else (EMBED's 5: a man's breast)."""
    match = SIGN.fullmatch(text.strip())
    if match:
        sign = match[1].upper()
        return Density(sign) if sign.isalpha() else list(Density)[int(sign) - 1]
    return next((density for word, density in WORDS.items() if word in text.lower()), None)
