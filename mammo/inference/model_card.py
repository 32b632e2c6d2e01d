"""The model card of a bundle, Markdown, made from its facts alone; what a run cannot know is left open, and says so."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from markupsafe import Markup

from mammo.inference.bundle_facts import parse_calibration
from mammo.inference.missing_images import WORDS
from mammo.inference.prediction import RESEARCH_USE
from mammo.maps.view_sources import KINDS
from mammo.reporting.page import render

OPEN = Markup("**open**: to be answered by the people who publish the model")
"""What stands where a run cannot answer an item."""

CHANGES = {
    "shifted_2_mm": "shifted by 2 mm",
    "shifted_5_mm": "shifted by 5 mm",
    "grown_20_percent": "grown by 20 % of its area",
    "shrunk_20_percent": "shrunk by 20 % of its area",
}
"""The kinds of change of an outline, in words."""


SCORES = np.arange(1, 10) / 10
SHARES = (0.05, 0.2)
"""Scores in [0, 1] and shares of cancers for which the card states the probability."""


def model_card(facts: Mapping[str, Any]) -> str:
    """The model card.

    Args:
        facts: the content of bundle.json (bundle_making).

    Returns:
        Markdown; values of the user's data are escaped.
    """
    words = {"open": OPEN, "changes": CHANGES, "use": RESEARCH_USE, "phantom": "phantom" in facts["trained_on"]}
    words["others"] = [WORDS[kind] for kind in KINDS if kind in facts["maps"]]
    probabilities = {"shares": SHARES, "probabilities": _probabilities(facts["calibration"])}
    card = render("model_card.md.j2", {"facts": facts, **words, **probabilities})
    return card.replace("&#39;", "'").replace("&#34;", '"')  # which neither Markdown nor HTML needs in text


def _probabilities(facts: Mapping[str, Any]) -> list[tuple[float, ...]]:
    """Each of SCORES, its probability at the share of cancers of validation, and at SHARES."""
    rule = parse_calibration(facts)
    columns = [rule.probability(SCORES, share) for share in (None, *SHARES)]
    return [tuple(map(float, row)) for row in zip(SCORES, *columns, strict=True)]
