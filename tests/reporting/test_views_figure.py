"""The figure of views draws the differences of its table, the controls apart from them, and the published gains."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from mammo.reporting.views_figure import views_figure
from mammo.reporting.views_table import PUBLISHED_GAINS, views_table
from tests.reporting.test_views_table import LESIONS, SCORES

TABLE = views_table(SCORES, LESIONS)


def marks(axes: Axes, label: str) -> Line2D:
    (found,) = [line for line in axes.lines if str(line.get_label()).startswith(label)]
    return found


def row_names(axes: Axes, line: Line2D) -> list[str]:
    """What stands beside the marks of a line."""
    names = {tick: label.get_text() for tick, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True)}
    return [names[place] for place in np.asarray(line.get_ydata())]


def test_each_difference_stands_beside_its_maps_and_controls_are_marked() -> None:
    (axes,) = views_figure(TABLE, PUBLISHED_GAINS).axes
    true, wrong = (
        TABLE[TABLE["gain"].notna() & ((TABLE["context"] != "") == is_control)] for is_control in (False, True)
    )
    ours, controls = marks(axes, "this cohort"), marks(axes, "control")
    assert row_names(axes, ours) == list(true["maps"])
    np.testing.assert_allclose(np.asarray(ours.get_xdata()), true["gain"])
    assert row_names(axes, controls) == ["sal+ipsi+emb, ipsi wrong"]
    np.testing.assert_allclose(np.asarray(controls.get_xdata()), wrong["gain"])
    assert "sal+emb" not in [label.get_text() for label in axes.get_yticklabels()], "not compared with itself"
    bars = sorted(tuple(path.vertices[:, 0]) for lines in axes.collections for path in lines.get_paths())
    assert bars == sorted(zip(TABLE["gain_low"].dropna(), TABLE["gain_high"].dropna(), strict=True))


def test_published_gains_are_named_as_those_of_other_data() -> None:
    (axes,) = views_figure(TABLE[TABLE["context"] == ""], PUBLISHED_GAINS).axes
    published = marks(axes, "published, on other data")
    assert row_names(axes, published) == [gain.source for gain in PUBLISHED_GAINS]
    expected = [gain.with_context - gain.without for gain in PUBLISHED_GAINS]
    np.testing.assert_allclose(np.asarray(published.get_xdata()), expected)
    assert not [line for line in axes.lines if str(line.get_label()).startswith("control")]
