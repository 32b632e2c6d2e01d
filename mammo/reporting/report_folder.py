"""Reports of a root's finished runs: the whole page, or single tables and figures of the paper by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
from omegaconf.errors import OmegaConfBaseException

from mammo.records import MammoError
from mammo.reporting.cohort_figures import draw_cohort
from mammo.reporting.evaluation import Evaluation, evaluate
from mammo.reporting.figure_list import ReportFigure, result_figures, result_tables
from mammo.reporting.gallery_data import gather
from mammo.reporting.page import Origin, write_report
from mammo.reporting.paper_tables import table1
from mammo.reporting.picture_file import read_picture
from mammo.reporting.result_figures import save
from mammo.reporting.run_selection import reported_runs
from mammo.scoring.table_file import safe_csv
from mammo.store.manifest import Manifest
from mammo.training.run_dir import commit


@dataclass(frozen=True)
class Reported:
    """What is reported.

    Attributes:
        root: the folder that holds the runs, and the store.
        group: the folder below root whose runs are reported.
    """

    root: Path
    group: str

    @property
    def store(self) -> Path | None:
        """The image store, where it is at hand."""
        store = self.root / "store"
        return store if store.is_dir() else None

    def write(self, n_lesions: int) -> Path:
        """Write <root>/report, with at most n_lesions in its gallery; the path of its page.

        Raises:
            MammoError: there is no finished run, or as evaluate.
        """
        evaluation = self._evaluation()
        gallery = None
        if self.store is not None and n_lesions:
            gallery = gather(evaluation, self.root, self.store, n_lesions)
        command = f"python -m mammo.report {self.root} --group {self.group}"
        origin = Origin(command, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", commit()[:10])
        pictures = self._pictures(evaluation)
        return write_report(self.root / "report", evaluation, self._cohort(), pictures, gallery, origin)

    def write_only(self, names: Sequence[str]) -> list[Path]:
        """Write these tables (CSV) and figures (PNG and SVG) into <root>/exhibits; the paths of the CSV and PNG files.

        Raises:
            MammoError: a name is unknown or cannot be made of these runs, or as write.
        """
        evaluation, folder = self._evaluation(), self.root / "exhibits"
        tables = result_tables(evaluation, self._cohort())
        figures = {figure.name: figure for figure in [*result_figures(evaluation), *self._pictures(evaluation)]}
        unknown = [name for name in names if name not in tables and name not in figures]
        if unknown:
            known = ", ".join(sorted({*tables, *figures}))
            raise MammoError(f"{unknown[0]} is none of the tables and figures of these runs: choose from {known}")
        folder.mkdir(exist_ok=True)
        for name in names:
            if name in tables:
                safe_csv(tables[name], folder / f"{name}.csv")
            if name in figures:
                save(figures[name].figure, folder, name)
        made = [folder / f"{name}.{suffix}" for name in names for suffix in ("csv", "png")]
        return [path for path in made if path.stem in (tables if path.suffix == ".csv" else figures)]

    def _evaluation(self) -> Evaluation:
        runs = reported_runs(self.root / self.group)
        if not runs:
            raise MammoError(
                f"{self.root / self.group}: no finished run is there; make some with python -m mammo.train "
                "experiment=table3"
            )
        return evaluate(runs)

    def _cohort(self) -> pd.DataFrame | None:
        if self.store is None:
            return None
        manifest = Manifest.load(self.store)
        return table1(manifest.images, manifest.lesions)

    def _pictures(self, evaluation: Evaluation) -> list[ReportFigure]:
        """What shows images, newly drawn where the store is at hand."""
        if self.store is not None:
            run = evaluation.runs[0].folder
            try:
                draw_cohort(self.root / "pictures", self.store, run)
            except OmegaConfBaseException as error:
                told = str(error).splitlines()[0]
                raise MammoError(f"{run / 'config.yaml'}: of another version of mammo ({told}); run it anew") from error
        return [ReportFigure(path.stem, *read_picture(path)) for path in sorted((self.root / "pictures").glob("*.npz"))]
