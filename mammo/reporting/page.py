"""The report folder: one self-contained report.html, the same in report.md, the tables as CSV and figures/ beside them.

The HTML asks nothing of the network: figures and images are inlined, and its content security policy allows inlined
images, its own style sheet and its own script only, so that no text of a table can run or load anything. All text is
escaped.
"""

import hashlib
import json
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
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mammo import paper
from mammo.reporting.evaluation import Evaluation
from mammo.reporting.figure_list import ReportFigure, result_figures, result_tables
from mammo.reporting.result_figures import save
from mammo.reporting.summary import result_sentence, tradeoff_sentence
from mammo.scoring.table_file import safe_csv

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Origin:
    """What made this report: command line, UTC time and commit, as text."""

    command: str
    time: str
    commit: str


def write_report(
    folder: Path,
    evaluation: Evaluation,
    cohort: pd.DataFrame | None,
    pictures: Sequence[ReportFigure],
    gallery: Mapping[str, Any] | None,
    origin: Origin,
) -> Path:
    """Write the whole report to a new folder and put it in the place of folder in one step.

    Args:
        folder: where the report goes; an older report there is replaced.
        evaluation: what evaluate returns.
        cohort: as table1.table1, None where the store is not at hand.
        pictures: shown after the figures of results.
        gallery: as runs.gallery.gather, None where the store is not at hand.
        origin: what made the report.

    Returns:
        The path of report.html.
    """
    figures = [*result_figures(evaluation), *pictures]
    fresh = Path(tempfile.mkdtemp(prefix=".report-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        (fresh / "figures").mkdir()
        for figure in figures:
            save(figure.figure, fresh / "figures", figure.name)
        for name, table in result_tables(evaluation, cohort).items():
            safe_csv(table, fresh / f"{name}.csv")
        facts = {**_facts(evaluation, cohort, figures, origin), "gallery": gallery}
        images = {figure.name: _inlined(fresh / "figures" / f"{figure.name}.png") for figure in figures}
        html = render("report.html.j2", {**facts, "images": images, **own("report.css"), **own("report.js")})
        (fresh / "report.html").write_text(html, encoding="utf-8")
        (fresh / "report.md").write_text(render("report.md.j2", facts), encoding="utf-8")
        _replace(folder, fresh)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder / "report.html"


def _facts(
    evaluation: Evaluation, cohort: pd.DataFrame | None, figures: Sequence[ReportFigure], origin: Origin
) -> dict[str, Any]:
    """What both templates are filled with."""
    versions = sorted({f"{name} {version}" for run in evaluation.runs for name, version in run.versions.items()})
    rows = evaluation.table3.to_dict("records")
    n_seeds = next(int(row["n_seeds"]) for row in rows if row["maps"] == evaluation.main)
    example = next(run for run in evaluation.runs if run.maps == evaluation.main)
    return {
        "e": evaluation,
        "paper": paper,
        "paper_gain": paper.TABLE_3[paper.BEST][0] - paper.TABLE_3[paper.LOCAL][0],
        "result": result_sentence(evaluation.performance, evaluation.main, evaluation.data, n_seeds),
        "stores": sorted({run.store for run in evaluation.runs} - {""}),
        "trade": tradeoff_sentence(evaluation.performance),
        "table3": rows,
        "context_images": evaluation.images.to_dict("records"),
        "table2": evaluation.table2.to_dict("records"),
        "figure6": evaluation.figure6.to_dict("records"),
        "cohort": {} if cohort is None else cohort.to_dict("index"),
        "versions": versions,
        "config_of": example.name,
        "config": yaml.safe_dump(dict(example.config), sort_keys=True).replace("```", ""),
        "figures": figures,
        "origin": origin,
    }


def render(template: str, facts: Mapping[str, Any]) -> str:
    """A template of this package filled in; all text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=_number, signed=_signed, chance=_chance, cell=_cell, script_data=_script_data)
    return environment.get_template(template).render(facts)


def _number(value: float | None, digits: int = 3) -> str:
    known = value is not None and not math.isnan(value)
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}") if known else "undefined"


def _chance(p: float) -> str:
    """A p-value; one that would be printed as 0 is told by its bound."""
    if math.isnan(p):
        return "p undefined"
    return "p < 0.001" if p < 0.0005 else f"p = {p:.3f}"


def _signed(value: float) -> str:
    return "undefined" if math.isnan(value) else f"{value:+.3f}".replace("-", "\N{MINUS SIGN}")


def _cell(value: object) -> Markup:
    """Text as a Markdown table cell: HTML escaped, Markdown's own signs taken literally, on one line."""
    literal = re.sub(r"([\\`*_\[\]|])", r"\\\1", " ".join(str(value).split()))
    return Markup(escape(literal))


def _script_data(value: object) -> Markup:
    """A value as JSON inside a script element, where nothing but a less-than sign could end it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def own(name: str) -> dict[str, Any]:
    """A file of the templates' folder and the digest by which the page's policy knows it, as css or js."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
    kind = name.rsplit(".", 1)[-1]
    return {kind: Markup(text), f"{kind}_digest": f"sha256-{digest}"}


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
