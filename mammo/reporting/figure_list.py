"""The paper's tables and figures by name, made of an evaluation: what a report holds and `--only` asks for.

table1 table2 table3 figure6 are tables (CSV), with the paper's numbers in their last columns; table3-dots roc figure6
figure7 calibration are figures (PNG and SVG). Figures 1, 2, 3 and 5 show images and come from picture files.
"""

import re
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from mammo.reporting.evaluation import Evaluation
from mammo.reporting.result_figures import curves_figure, figure6_figure, operating_figure, roc_figure, table3_figure

PX_PER_INCH = 112


@dataclass(frozen=True, eq=False)
class ReportFigure:
    """A figure of the report: file name without suffix, what stands under it, and the figure."""

    name: str
    caption: str
    figure: Figure

    @property
    def number(self) -> str:
        """Which figure of the paper it stands for; empty where the paper has none."""
        found = re.match(r"figure(\d+)", self.name)
        return found.group(1) if found else ""

    @property
    def width_px(self) -> int:
        """How wide the page shows it, so that the text of all figures is of one size."""
        return round(float(self.figure.get_figwidth()) * PX_PER_INCH)


def result_tables(evaluation: Evaluation, cohort: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """Table name to table, as it is written to CSV.

    Args:
        evaluation: what evaluate returns.
        cohort: as table1.table1, None where the store is not at hand.
    """
    tables = {"table2": evaluation.table2, "table3": evaluation.table3}
    if cohort is not None:
        tables["table1"] = cohort.reset_index(names="split")
    if len(evaluation.figure6):
        tables["figure6"] = evaluation.figure6
    return tables


def result_figures(evaluation: Evaluation) -> list[ReportFigure]:
    """The figures of results."""
    means, malignant, main = evaluation.mean_scores, evaluation.malignant, evaluation.main
    figures = [
        ReportFigure(
            "table3-dots",
            "Test AUC for every combination of maps. Dots: mean over seeds; lines: 95 % patient-bootstrap interval of "
            "the AUC of the seed-mean score, which may lie above that mean. Diamonds: the paper's Table 3.",
            table3_figure(evaluation.table3),
        ),
        ReportFigure("roc", "ROC curves of the seed-mean lesion score.", roc_figure(means, malignant)),
        ReportFigure(
            "figure7",
            "Biopsies avoided against malignancies missed, below 5 % missed; thresholds picked on these lesions. "
            "Diamonds: the paper's Table 2.",
            operating_figure(means, malignant),
        ),
        ReportFigure(
            "calibration",
            f"The seed-mean score of {main} read as the chance of malignancy. Left: whether it is one. Right: what "
            "acting on it is worth, against biopsying all lesions or none, by how sure one wants to be. Bars and band: "
            "95 % patient bootstrap, point by point.",
            curves_figure(means[main], malignant, evaluation.facts["patient_id"].to_numpy(dtype=object), main),
        ),
    ]
    if len(evaluation.figure6):
        told = (
            "Test AUC of f_loc alone by backbone and initialisation. Bars: mean over seeds; error bars: 95 % "
            "patient-bootstrap interval of the seed-mean score. The paper prints three numbers only."
        )
        figures.insert(2, ReportFigure("figure6", told, figure6_figure(evaluation.figure6)))
    return figures
