"""The report's tables and figures of results, by name, made from an evaluation.

Tables (CSV): table1, table2, table3 and figure6, with the paper's numbers in the last columns, settings beside the
paper's, and views, folds, birads, trivial, other_models, findings and findings_tnr. Figures (PNG and SVG):
table3-dots, views, roc, figure6, figure7 and calibration. Figures 1, 2, 3 and 5 show images: see cohort_figures.
"""

import re
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from mammo.reporting.evaluation import Evaluation
from mammo.reporting.paper_tables import figure6_notes
from mammo.reporting.result_figures import (
    curves_figure,
    figure6_figure,
    operating_figure,
    roc_figure,
    table3_figure,
)
from mammo.reporting.views_figure import views_figure
from mammo.reporting.views_table import PUBLISHED_GAINS

PX_PER_INCH = 112

VIEWS = (
    "Difference of the AUC from that of sal+emb, by maps of the other images of the exam: ipsi, the other view of the "
    "breast, and contra, the other breast. Both are means over the seeds that both have; lines: 95 % paired "
    "patient-bootstrap interval. A control has wrong images in place of those named: what it gains is not due to them. "
    "Triangles: the same per finding, scored by the mean over its views. "
    "Diamonds: what such context added in publications, on other data and other tasks, printed without intervals."
)
"""Caption of the figure of views."""


@dataclass(frozen=True, eq=False)
class ReportFigure:
    """A figure of the report.

    Attributes:
        name: file name without suffix.
        caption: text below the figure.
        figure: the figure itself.
    """

    name: str
    caption: str
    figure: Figure

    @property
    def number(self) -> str:
        """Number of the paper's figure that it corresponds to; empty if the paper has none."""
        found = re.match(r"figure(\d+)", self.name)
        return found.group(1) if found else ""

    @property
    def width_px(self) -> int:
        """Width on the page, so that the text of all figures has one size."""
        return round(float(self.figure.get_figwidth()) * PX_PER_INCH)


def result_tables(evaluation: Evaluation, cohort: pd.DataFrame | None) -> dict[str, pd.DataFrame]:
    """The tables to write as CSV, by name.

    Args:
        evaluation: of the runs.
        cohort: Table 1 (paper_tables.table1); None without an image store.
    """
    tables = {"table2": evaluation.table2}
    if cohort is not None:
        tables["table1"] = cohort.reset_index(names="split")
    further = {"figure6": evaluation.figure6, "folds": evaluation.folds, "birads": evaluation.birads}
    further |= {
        "table3": evaluation.table3.drop(columns="seeds_of"),
        "views": evaluation.views,
        "trivial": evaluation.trivial,
        "other_models": evaluation.other_models,
        "settings": evaluation.settings,
    }
    if evaluation.findings is not None:
        further |= {"findings": evaluation.findings.aucs, "findings_tnr": evaluation.findings.tnrs}
    for name, table in further.items():
        if len(table):
            tables[name] = table
    return tables


def result_figures(evaluation: Evaluation) -> list[ReportFigure]:
    """The figures of results, in the report's order."""
    means, malignant, main = evaluation.mean_scores, evaluation.malignant, evaluation.main
    compared = {**means, **evaluation.others}
    other = " and of other models" if evaluation.others else ""
    figures = [
        ReportFigure("roc", f"ROC curves of the seed-mean lesion score{other}.", roc_figure(compared, malignant)),
        ReportFigure(
            "figure7",
            "Biopsies avoided against malignancies missed, below 5 % missed; thresholds chosen on these test lesions. "
            "Diamonds: the paper's Table 2.",
            operating_figure(compared, malignant),
        ),
        ReportFigure(
            "calibration",
            f"The seed-mean score of {main}, which is not calibrated, held against probabilities. Left: share of "
            "malignant lesions by score; a calibrated probability would lie on the diagonal. Right: net benefit of "
            "biopsies by this score, read as if it were a probability, compared with biopsies of all lesions or of "
            "none, by threshold. Bars and band: pointwise 95 % patient bootstrap.",
            curves_figure(means[main], malignant, evaluation.lesions["patient_id"].to_numpy(dtype=object), main),
        ),
    ]
    if len(evaluation.figure6):
        caption = (
            "Test AUC of f_loc alone by backbone and initialization. Bars: mean over seeds; error bars: 95 % "
            "patient-bootstrap interval of the seed-mean score. The paper prints only three of these numbers."
        )
        caption = " ".join([caption, *figure6_notes(evaluation.figure6)])
        figures.insert(1, ReportFigure("figure6", caption, figure6_figure(evaluation.figure6)))
    if evaluation.views["gain"].notna().any():
        figures.insert(0, ReportFigure("views", VIEWS, views_figure(evaluation.views, PUBLISHED_GAINS)))
    if len(evaluation.table3):
        caption = (
            "Test AUC of every combination of maps. Dots: mean over seeds; lines: 95 % patient-bootstrap interval of "
            "the AUC of the seed-mean score, which can lie above that mean. Diamonds: the paper's Table 3."
            f"{' Squares: the AUC of other models, with its interval.' if evaluation.others else ''}"
        )
        figures.insert(
            0, ReportFigure("table3-dots", caption, table3_figure(evaluation.table3, evaluation.other_models))
        )
    return figures
