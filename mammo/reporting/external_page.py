"""The page of an external test set: metrics and figures of one network's scores of the labeled lesions of a store."""

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mammo.io import atomic_write
from mammo.reporting.page import data_uri, inline_asset, render
from mammo.reporting.result_figures import curves_figure, operating_figure, roc_figure
from mammo.reporting.score_comparison import compare_files
from mammo.scoring.score_file import ScoreFile
from mammo.scoring.thresholds import KnownThresholds

DPI = 110


def evaluated(
    name: str, table: pd.DataFrame, validation: pd.DataFrame | Mapping[float, float] | None
) -> dict[str, Any]:
    """The metrics of one network on labeled lesions, as reporting.score_comparison.compare_files gives them for a file.

    Args:
        name: of the network.
        table: a lesion score table of malignant and benign lesions, at least one.
        validation: that of the run's validation lesions, on which thresholds are chosen, or thresholds that were chosen
            on such, by false negative rate; None to choose them here only.
    """
    where, others = f"the validation lesions of {name}", list[ScoreFile | KnownThresholds]()
    if isinstance(validation, Mapping):
        others = [KnownThresholds(where, validation)]
    elif validation is not None and validation["malignant"].any():
        others = [_score_file(where, validation)]
    found: dict[str, Any] = compare_files([_score_file(name, table)], others)["files"][0]
    return found


def write_external_page(
    page: Path,
    where: str,
    found: Mapping[str, Any],
    table: pd.DataFrame,
    facts: Mapping[str, object],
    warnings: Sequence[str],
) -> None:
    """Write the page atomically.

    Args:
        page: the HTML file.
        where: what the lesions are, for the title: "an external test set".
        found: as `evaluated`.
        table: the same lesion score table.
        facts: what was evaluated on what, by name.
        warnings: further sentences on the evaluation.
    """
    values = {
        "where": where,
        "found": found,
        "facts": facts,
        "warnings": [*warnings, *found["warnings"]],
        "figures": [(title, data_uri(_png(figure))) for title, figure in _figures(str(found["file"]), table)],
    }
    with atomic_write(page) as written:
        written.write_text(render("external.html.j2", {**values, **inline_asset("report.css")}), encoding="utf-8")


def _score_file(name: str, table: pd.DataFrame) -> ScoreFile:
    """A lesion score table as a file of scores; its subgroups are those of the columns that the report uses."""
    columns = ["lesion_id", "finding_id", "patient_id", "malignant", "score", "fold", "finding", "view", "vendor"]
    columns += ["density", "birads", "label_source", "source"]
    return ScoreFile(name, table[columns].set_axis(pd.RangeIndex(1, len(table) + 1)))


def _figures(name: str, table: pd.DataFrame) -> Iterator[tuple[str, Figure]]:
    malignant, score = table["malignant"].to_numpy(), table["score"].to_numpy(dtype=np.float64)
    yield "ROC curve", roc_figure({name: score}, malignant)
    yield (
        "True negative rate by false negative rate, beside the paper's Table 2",
        operating_figure({name: score}, malignant),
    )
    patients = table["patient_id"].to_numpy(dtype=object)
    yield "Calibration and decision curve", curves_figure(score, malignant, patients, name)


def _png(figure: Figure) -> bytes:
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    figure.clear()
    return stream.getvalue()
