"""Writes the report of a root's finished runs: the whole page, or single tables and figures by name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from mammo.records import MammoError
from mammo.reporting.cohort_figures import cohort_figures
from mammo.reporting.evaluation import Evaluation, evaluate
from mammo.reporting.figure_list import ReportFigure, result_figures, result_tables
from mammo.reporting.gallery import build_gallery
from mammo.reporting.other_models import other_models_table, read_other_scores
from mammo.reporting.page import Origin, write_report
from mammo.reporting.paper_tables import table1
from mammo.reporting.report_groups import ReadGroups
from mammo.reporting.result_figures import save
from mammo.scoring.score_tables import safe_csv
from mammo.store.manifest import Manifest
from mammo.store.store_header import patient_warning, read_store_header
from mammo.training.run_dir import commit


@dataclass(frozen=True)
class Report:
    """The report of the finished runs of a root.

    Attributes:
        root: the folder that holds the runs, and the image store in root/store.
        groups: the runs that are reported.
        scores: score files of other models of the same test lesions.
    """

    root: Path
    groups: ReadGroups
    scores: Sequence[Path] = ()

    @property
    def store(self) -> Path | None:
        """The image store, None if root has none."""
        store = self.root / "store"
        return store if store.is_dir() else None

    def write(self, n_lesions: int) -> Path:
        """Write <root>/report and return the path of its page.

        Without an image store, Table 1, the figures of images and the gallery are left out, and the report says so.

        Args:
            n_lesions: most lesions in the gallery.

        Raises:
            MammoError: no run is finished, or as evaluate.
        """
        evaluation = self._evaluation()
        gallery, left_out = None, ""
        if self.store is None:
            left_out = (
                f"The image store {self.root / 'store'} is missing, so Table 1, the figures of images and the gallery "
                "are left out."
            )
        elif n_lesions:
            gallery = build_gallery(evaluation, self.root, self.store, n_lesions)
        origin = Origin(self._command(), f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", commit()[:10], self.groups.lines())
        figures = self._figures(evaluation)
        return write_report(self.root / "report", evaluation, self._cohort(), figures, gallery, origin, left_out)

    def _command(self) -> str:
        """The command line of this report."""
        words = ["python -m mammo.report", str(self.root), "--group", *self.groups.names]
        return " ".join([*words, *(["--scores", *map(str, self.scores)] if self.scores else [])])

    def write_selected(self, names: Sequence[str]) -> list[Path]:
        """Write these tables (CSV) and figures (PNG and SVG) into <root>/exhibits; return the CSV and PNG paths.

        Raises:
            MammoError: a name is unknown or not available for these runs; or as write.
        """
        evaluation, folder = self._evaluation(), self.root / "exhibits"
        tables = result_tables(evaluation, self._cohort())
        figures = {figure.name: figure for figure in self._figures(evaluation)}
        unknown = [name for name in names if name not in tables and name not in figures]
        if unknown:
            known = ", ".join(sorted({*tables, *figures}))
            hint = "" if self.store else f"; table1 and figures of images need the image store {self.root / 'store'}"
            raise MammoError(f"{unknown[0]} is not a table or figure of these runs: choose from {known}{hint}")
        folder.mkdir(exist_ok=True)
        for name in names:
            if name in tables:
                safe_csv(tables[name], folder / f"{name}.csv")
            if name in figures:
                save(figures[name].figure, folder, name)
        paths = [folder / f"{name}.{suffix}" for name in names for suffix in ("csv", "png")]
        return [path for path in paths if path.stem in (tables if path.suffix == ".csv" else figures)]

    def _evaluation(self) -> Evaluation:
        evaluation = evaluate(self.groups.runs)
        others = read_other_scores(self.scores, evaluation.lesions)
        table = other_models_table(evaluation.mean_scores[evaluation.main], others, evaluation.lesions)
        warning = patient_warning(read_store_header(self.store).sources) if self.store else ""
        return replace(
            evaluation,
            others=others,
            other_models=table,
            warnings=[*([warning] if warning else []), *evaluation.warnings],
        )

    def _cohort(self) -> pd.DataFrame | None:
        """Table 1; None without an image store."""
        if self.store is None:
            return None
        manifest = Manifest.current(self.store)
        return table1(manifest.labeled_images, manifest.lesions)

    def _figures(self, evaluation: Evaluation) -> Iterator[ReportFigure]:
        """The figures of results, then, with an image store, those of images."""
        yield from result_figures(evaluation)
        if self.store is not None:
            first = evaluation.runs[0]
            yield from cohort_figures(self.store, first.folder, first.fold)
