"""The report folder: one self-contained report.html, the same in report.md, table3.csv and figures/ beside them.

The HTML asks nothing of the network: figures are inlined, and its content security policy allows inlined images and
its own style sheet only, so that no text of a table can run or load anything. All text is escaped.
"""

import hashlib
import math
import os
import re
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from mammo.reporting import paper
from mammo.reporting.evaluation import BEST, LOCAL, Evaluation
from mammo.reporting.figures import operating_figure, roc_figure, save, table3_figure
from mammo.scoring.table_file import safe_csv

TEMPLATES = Path(__file__).parent / "templates"
PX_PER_INCH = 112


@dataclass(frozen=True, eq=False)
class Exhibit:
    """A figure of the report: file name without suffix, what stands under it, and the figure."""

    name: str
    caption: str
    figure: Figure

    @property
    def width_px(self) -> int:
        """How wide the page shows it, so that the text of all figures is of one size."""
        return round(float(self.figure.get_figwidth()) * PX_PER_INCH)


@dataclass(frozen=True)
class Origin:
    """What made this report: command line, UTC time and commit, as text."""

    command: str
    time: str
    commit: str


def result_exhibits(evaluation: Evaluation) -> list[Exhibit]:
    """The three figures of results."""
    means, malignant = evaluation.mean_scores, evaluation.malignant
    return [
        Exhibit(
            "table3",
            "Test AUC for every combination of maps. Dots: mean over seeds; lines: 95 % patient-bootstrap interval of "
            "the AUC of the seed-mean score. Diamonds: the paper's Table 3.",
            table3_figure(evaluation.table3),
        ),
        Exhibit("roc", "ROC curves of the seed-mean lesion score.", roc_figure(means, malignant)),
        Exhibit(
            "operating",
            "Biopsies avoided against malignancies missed, below 5 % missed (the paper's Figure 7); diamonds: the "
            "paper's Table 2.",
            operating_figure(means, malignant),
        ),
    ]


def write_report(
    folder: Path, evaluation: Evaluation, cohort: pd.DataFrame | None, pictures: Sequence[Exhibit], origin: Origin
) -> Path:
    """Write the whole report to a new folder and put it in the place of folder in one step.

    Args:
        folder: where the report goes; an older report there is replaced.
        evaluation: what evaluate returns.
        cohort: as table1.table1, None where the store is not at hand.
        pictures: shown after the figures of results.
        origin: what made the report.

    Returns:
        The path of report.html.
    """
    exhibits = [*result_exhibits(evaluation), *pictures]
    fresh = Path(tempfile.mkdtemp(prefix=".report-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        (fresh / "figures").mkdir()
        for exhibit in exhibits:
            save(exhibit.figure, fresh / "figures", exhibit.name)
        safe_csv(evaluation.table3, fresh / "table3.csv")
        facts = _facts(evaluation, cohort, exhibits, origin)
        inlined = {exhibit.name: _inlined(fresh / "figures" / f"{exhibit.name}.png") for exhibit in exhibits}
        style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
        digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
        html = _render("report.html.j2", {**facts, "images": inlined, "style": Markup(style), "style_digest": digest})
        (fresh / "report.html").write_text(html, encoding="utf-8")
        (fresh / "report.md").write_text(_render("report.md.j2", facts), encoding="utf-8")
        _replace(folder, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder / "report.html"


def _facts(
    evaluation: Evaluation, cohort: pd.DataFrame | None, exhibits: Sequence[Exhibit], origin: Origin
) -> dict[str, Any]:
    """What both templates are filled with."""
    difference = evaluation.difference
    gain = paper.TABLE_3[BEST][0] - paper.TABLE_3[LOCAL][0]
    versions = sorted({f"{name} {version}" for run in evaluation.runs for name, version in run.versions.items()})
    return {
        "e": evaluation,
        "paper": paper,
        "paper_gain": gain,
        "difference": difference,
        "table3": evaluation.table3.to_dict("records"),
        "context_images": evaluation.images.to_dict("records"),
        "table2": [] if evaluation.table2 is None else evaluation.table2.to_dict("records"),
        "errors": evaluation.errors.to_dict("records"),
        "cohort": {} if cohort is None else cohort.T.to_dict("list"),
        "versions": versions,
        "exhibits": exhibits,
        "origin": origin,
    }


def _render(template: str, facts: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=_number, signed=_signed, cell=_cell)
    return environment.get_template(template).render(facts)


def _number(value: float, digits: int = 3) -> str:
    return "undefined" if math.isnan(value) else f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _cell(value: object) -> Markup:
    """Text as a Markdown table cell: HTML escaped, Markdown's own signs taken literally, on one line."""
    literal = re.sub(r"([\\`*_\[\]|])", r"\\\1", " ".join(str(value).split()))
    return Markup(escape(literal))


def _inlined(png: Path) -> str:
    return "data:image/png;base64," + b64encode(png.read_bytes()).decode()


def _replace(folder: Path, fresh: Path) -> None:
    """Put fresh in the place of folder; the older one is set aside first and then removed."""
    if folder.exists():
        aside = Path(tempfile.mkdtemp(prefix=".report-old-", dir=folder.parent))
        os.replace(folder, aside / folder.name)
        os.replace(fresh, folder)
        shutil.rmtree(aside)
    else:
        os.replace(fresh, folder)
