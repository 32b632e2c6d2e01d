"""Renders the report folder: a self-contained report.html, the same content in report.md, tables as CSV, and figures/.

The HTML loads nothing from the network: figures and images are inlined, and the content security policy allows only
inlined images and the page's own style sheet and script, so that no text in a table can run or load anything. All text
is escaped.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from mammo import paper
from mammo.io import errors_about, file_lock
from mammo.reporting.evaluation import Evaluation
from mammo.reporting.figure_list import ReportFigure, result_tables
from mammo.reporting.paper_settings import seeds_of
from mammo.reporting.paper_tables import figure6_notes
from mammo.reporting.reported_runs import fold_numbers
from mammo.reporting.result_figures import save
from mammo.reporting.summary import result_sentence, seed_mean_sentence, tradeoff_sentence
from mammo.reporting.views_table import PUBLISHED_GAINS
from mammo.scoring.number_text import number_text, p_text, range_text, signed_text
from mammo.scoring.score_tables import safe_csv
from mammo.text import BLANKS, LINES, printable

TEMPLATES = Path(__file__).parent / "templates"

FRESH, ASIDE = ".report-", ".old-report-"
"""How the folders of an unfinished report, and of one that is being replaced, begin."""


@dataclass(frozen=True)
class Origin:
    """Origin of a report: command line, UTC time and commit, as text, and sentences on the groups that it read."""

    command: str
    time: str
    commit: str
    groups: Sequence[str] = ()


def write_report(
    folder: Path,
    evaluation: Evaluation,
    cohort: pd.DataFrame | None,
    figures: Iterable[ReportFigure],
    gallery: Mapping[str, Any] | None,
    origin: Origin,
    left_out: str = "",
) -> Path:
    """Write the whole report into a new folder and replace `folder` with it in one step.

    Args:
        folder: the report folder; an older report there is replaced.
        evaluation: of the runs.
        cohort: Table 1 (paper_tables.table1); None without an image store.
        figures: in the report's order; each is saved and cleared before the next is drawn.
        gallery: as gallery.build_gallery; None to leave it out.
        origin: of this report.
        left_out: a sentence about what the report lacks and why; empty if it is complete.

    Returns:
        The path of report.html.
    """
    with _fresh_folder(folder) as fresh:
        (fresh / "figures").mkdir()
        saved = []
        for figure in figures:
            save(figure.figure, fresh / "figures", figure.name)
            figure.figure.clear()  # frees its images at once
            saved.append(figure)
        for name, table in result_tables(evaluation, cohort).items():
            safe_csv(table, fresh / f"{name}.csv")
        values = {**_values(evaluation, cohort, origin), "figures": saved, "gallery": gallery, "left_out": left_out}
        images = {figure.name: data_uri((fresh / "figures" / f"{figure.name}.png").read_bytes()) for figure in saved}
        styles = ["report.css", *(["phantom.css"] if evaluation.data == "phantom" else [])]
        assets = {**inline_asset(*styles), **inline_asset("report.js")}
        html = render("report.html.j2", {**values, **assets, "images": images})
        (fresh / "report.html").write_text(html, encoding="utf-8")
        (fresh / "report.md").write_text(render("report.md.j2", values), encoding="utf-8")
        _replace(folder, fresh)
    return folder / "report.html"


@contextmanager
def _fresh_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside the report's, for one process at a time; what a killed one left is removed first.

    A report that was moved aside when its process was killed comes back.
    """
    with file_lock(folder.parent / ".report.lock", f"{folder}: the report"):
        for left in sorted(folder.parent.glob(f"{ASIDE}*")):
            if (left / folder.name).is_dir() and not folder.exists():
                os.replace(left / folder.name, folder)
        for left in (*folder.parent.glob(f"{FRESH}*"), *folder.parent.glob(f"{ASIDE}*")):
            shutil.rmtree(left, ignore_errors=True)
        fresh = Path(tempfile.mkdtemp(prefix=FRESH, dir=folder.parent))
        try:
            fresh.chmod(0o755)
            with errors_about(folder):
                yield fresh
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _values(evaluation: Evaluation, cohort: pd.DataFrame | None, origin: Origin) -> dict[str, Any]:
    """The values that both templates use."""
    versions = sorted({f"{name} {version}" for run in evaluation.runs for name, version in run.versions.items()})
    n_seeds = len({run.seed for run in evaluation.main_runs})
    numbers = fold_numbers(evaluation.folds)
    example, varied = evaluation.main_runs[0], seeds_of(evaluation.main_runs)
    return {
        "e": evaluation,
        "paper": paper,
        "paper_gain": paper.TABLE_3[paper.BEST][0] - paper.TABLE_3[paper.LOCAL][0],
        "result": result_sentence(
            evaluation.performance, evaluation.main, evaluation.data, n_seeds, varied, len(numbers)
        ),
        "tradeoff": tradeoff_sentence(evaluation.performance),
        "stores": sorted({run.store for run in evaluation.runs} - {""}),
        "table3": evaluation.table3.to_dict("records"),
        "context_images": evaluation.images.to_dict("records"),
        "table2": evaluation.table2.to_dict("records"),
        "findings": evaluation.findings.aucs.to_dict("records") if evaluation.findings else [],
        "finding_tnrs": evaluation.findings.tnrs.to_dict("records") if evaluation.findings else [],
        "birads": evaluation.birads.to_dict("records"),
        "figure6": evaluation.figure6.to_dict("records"),
        "figure6_notes": figure6_notes(evaluation.figure6),
        "trivial": evaluation.trivial.to_dict("records"),
        "other_models": evaluation.other_models.to_dict("records"),
        "seed_mean": seed_mean_sentence(evaluation.performance, evaluation.main, _main_row(evaluation)),
        "settings": evaluation.settings[evaluation.settings["differs"]].to_dict("records"),
        "n_settings": len(evaluation.settings),
        "views": evaluation.views.to_dict("records"),
        "published_gains": PUBLISHED_GAINS,
        "folds": evaluation.folds.to_dict("records"),
        "fold_numbers": numbers,
        "cohort": {} if cohort is None else cohort.to_dict("index"),
        "versions": versions,
        "config_of": example.name,
        "config": yaml.safe_dump(dict(example.config), sort_keys=True).replace("```", ""),
        "origin": origin,
    }


def _main_row(evaluation: Evaluation) -> Mapping[str, Any] | None:
    """The AUCs of the report's main model over its seeds (paper_tables.auc_row); None where no table has them."""
    rows: list[dict[Any, Any]] = [*evaluation.table3.to_dict("records"), *evaluation.views.to_dict("records")]
    return next((row for row in rows if row["maps"] == evaluation.main), None) or evaluation.floc


def render(template: str, values: Mapping[str, Any]) -> str:
    """Render a template of this package; all text is escaped, and all of it can be printed."""
    return environment().get_template(template).render(values)


def environment() -> Environment:
    """The settings and filters of the templates."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_shown,
    )
    numbers: dict[str, Callable[..., str]] = {"number": number_text, "signed": signed_text, "p_value": p_text}
    numbers["interval"] = range_text
    made.filters.update({name: _typeset(text) for name, text in numbers.items()})
    made.filters.update(cell=_cell, script_data=_script_data)
    return made


def _typeset(text: Callable[..., str]) -> Callable[..., str]:
    """A function that writes numbers, with a minus sign in the place of a hyphen."""
    return lambda *given: text(*given).replace("-", "\N{MINUS SIGN}")


def _shown(value: Any) -> Any:  # noqa: ANN401
    """A value of a template as it is written: what cannot be printed in text becomes an escape, also in lists."""
    if isinstance(value, dict):
        return {_shown(name): _shown(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(each) for each in value]
    return printable(value, kept=LINES + BLANKS) if isinstance(value, str) and not isinstance(value, Markup) else value


def _cell(value: object) -> Markup:
    """Text as a Markdown table cell: on one line, with HTML and Markdown's special characters escaped."""
    literal = re.sub(r"([\\`*_\[\]|])", r"\\\1", " ".join(printable(str(value), kept=LINES + BLANKS).split()))
    return Markup(escape(literal))


def _script_data(value: object) -> Markup:
    """A value as JSON for a script element, with every less-than sign escaped, so that no text can end the element."""
    text = json.dumps(_shown(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def inline_asset(*names: str) -> dict[str, Any]:
    """CSS or JavaScript files of the templates folder in one, as css or js, and its digest for the page's policy."""
    text = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)
    digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
    suffix = names[0].rsplit(".", 1)[-1]
    return {suffix: Markup(text), f"{suffix}_digest": f"sha256-{digest}"}


def data_uri(png: bytes) -> str:
    """A PNG file as an address that holds the whole picture."""
    return "data:image/png;base64," + b64encode(png).decode()


def _replace(folder: Path, fresh: Path) -> None:
    """Put fresh in the place of folder; an older folder is moved aside first, and then deleted."""
    if folder.exists():
        aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=folder.parent))
        os.replace(folder, aside / folder.name)
        os.replace(fresh, folder)
        shutil.rmtree(aside)
    else:
        os.replace(fresh, folder)
