"""The model card of a bundle, Markdown, made from its facts alone; what a run cannot know is left open, and says so."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from mammo.inference.prediction import RESEARCH_USE
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


def model_card(facts: Mapping[str, Any]) -> str:
    """The model card.

    Args:
        facts: the content of bundle.json (bundle_making).

    Returns:
        Markdown; values of the user's data are escaped.
    """
    words = {"open": OPEN, "changes": CHANGES, "use": RESEARCH_USE, "phantom": "phantom" in facts["trained_on"]}
    return render("model_card.md.j2", {"facts": facts, **words})
