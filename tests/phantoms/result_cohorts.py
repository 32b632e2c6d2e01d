"""The results on phantoms: the demo's experiment on ten cohorts that nobody tuned on, twelve minutes of a core each.

    python -m tests.phantoms.result_cohorts runs/results              # run what is missing, then print the tables
    python -m tests.phantoms.result_cohorts runs/results --table      # print the tables of what has been run

The cohorts differ from the demo's in the number of test patients only, 408 instead of 210. What is stopped goes on.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from mammo.records import Floats
from mammo.scoring.intervals import Interval, Weights, aucs, bootstrap, percentile_interval, tallies
from mammo.scoring.metrics import auc
from mammo.training.results import Run, read_runs

COHORTS = range(4000, 4010)
CONTROLLED = COHORTS[:4]
"""Cohorts whose controls are trained: maps of other patients' images, one source at a time."""

STEADY = COHORTS[:3]
"""Cohorts on which six seeds of the context network are trained, and two with the settings before format 8."""

OPTIONS = ("n_patients=800", "processes=1")
FRACTIONS = "fractions=[0.4,0.09,0.51]"
BEST, ALL = ("emb", "sal"), ("emb", "sal", "ipsi", "contra")
MAPS = (("emb",), ("sal",), BEST, (*BEST, "ipsi"), (*BEST, "contra"), ALL)
CONTROLS = {"sal": BEST, "ipsi": (*BEST, "ipsi"), "contra": (*BEST, "contra")}

Row = tuple[str, str]
"""Maps joined by +, and the source of a control or empty."""

EMB, SAL, SAL_EMB, IPSI, CONTRA, EVERY = (
    (maps, "") for maps in ("emb", "sal", "sal+emb", "sal+ipsi+emb", "sal+contra+emb", "sal+ipsi+contra+emb")
)
NO_SAL, NO_IPSI, NO_CONTRA = ("sal+emb", "shuffled"), (IPSI[0], "shuffled-ipsi"), (CONTRA[0], "shuffled-contra")
ROWS = (EMB, SAL, SAL_EMB, IPSI, CONTRA, EVERY)
DIFFERENCES = (
    (SAL_EMB, EMB), (EVERY, SAL_EMB), (IPSI, SAL_EMB), (CONTRA, SAL_EMB),
    (NO_SAL, EMB), (NO_IPSI, SAL_EMB), (NO_CONTRA, SAL_EMB),
)  # fmt: skip

EARLIER = ("gmic.top_share=0.003", "gmic.map_logit=0", "trainer.max_epochs=14")

Scores = Mapping[Row, pd.DataFrame]
"""Lesion score tables, sorted by lesion_id."""


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo's experiment on ten cohorts of phantoms.")
    parser.add_argument("root", type=Path, help="folder of the cohorts")
    parser.add_argument("--table", action="store_true", help="run nothing, print the tables")
    parser.add_argument("--jobs", type=int, default=2, help="jobs at the same time, of one core each")
    given = parser.parse_args()
    if not given.table:
        with ThreadPoolExecutor(given.jobs) as pool:
            list(pool.map(lambda job: _run(*job), jobs(given.root)))
    print_tables(given.root)


def jobs(root: Path) -> Iterator[tuple[Path, Sequence[Sequence[str]]]]:
    """The folder and the commands of each job: all cohorts, then further seeds of the context network."""
    for cohort in COHORTS:
        yield root / str(cohort), [*commands(root / str(cohort), cohort)]
    for k in range(1, 8):
        for cohort in STEADY:
            yield root / str(cohort), [*steady_commands(10 * cohort + k, EARLIER if k > 5 else ())]


def commands(root: Path, cohort: int) -> Iterator[Sequence[str]]:
    """The commands of one cohort, each an argument list of python -m."""
    if not (root / "table3").exists():
        yield "mammo.phantom", f"seed={cohort}", *OPTIONS
        yield ("mammo.ingest",)
        yield "mammo.split", f"seed={cohort}", FRACTIONS
    seed = f"seed={10 * cohort}"
    yield from _context(seed)
    yield "mammo.train", "experiment=demo/floc", seed, "test=false"
    yield "mammo.train", "experiment=demo/fagg", "--multirun", seed, "maps=" + ",".join(map(_listed, MAPS))
    for source, maps in CONTROLS.items() if cohort in CONTROLLED else ():
        control = f"maps={_listed(maps)}", "context=shuffled", f"context.shuffled=[{source}]"
        yield "mammo.train", "experiment=demo/fagg", seed, *control


def steady_commands(seed: int, options: Sequence[str]) -> Iterator[Sequence[str]]:
    """The commands of one more seed of the context network, and of f_agg on its maps."""
    yield from _context(f"seed={seed}", *options)
    yield "mammo.train", "experiment=demo/fagg", f"seed={seed}", "maps=[sal]"


def _context(seed: str, *options: str) -> Iterator[Sequence[str]]:
    yield "mammo.train", "experiment=demo/context", seed, "test=false", *options
    yield "mammo.precompute", "what=saliency", "trainer=cpu", "pairing=all", seed


def _listed(maps: Sequence[str]) -> str:
    return f"[{','.join(maps)}]"


def _run(root: Path, commands: Sequence[Sequence[str]]) -> None:
    """Run commands until one fails; what they print goes to log.txt in the folder."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / "log.txt").open("a") as log:
        for program, *arguments in commands:
            call = [sys.executable, "-m", program, f"root={root}", *arguments]
            print(shlex.join(call[1:]), file=log, flush=True)
            if subprocess.run(call, stdout=log, stderr=log, check=False).returncode:
                print(f"failed, see {log.name}: {shlex.join(call[1:])}", file=sys.stderr)
                return


def print_tables(root: Path) -> None:
    """Print AUCs, differences with their intervals, and the spread of the seeds of the context network."""
    runs = {cohort: _runs(root / str(cohort)) for cohort in COHORTS}
    found = {cohort: _scores(each, 10 * cohort) for cohort, each in runs.items()}
    print("| cohort | lesions |", " | ".join(name for name, _ in ROWS), "|")
    for cohort, scores in found.items():
        aucs = [_auc(scores[row]) if row in scores else "" for row in ROWS]
        print(f"| {cohort} | {max((len(each) for each in scores.values()), default=0)} |", " | ".join(aucs), "|")
    for first, second in DIFFERENCES:
        complete = {cohort: each for cohort, each in found.items() if {first, second} <= each.keys()}
        if complete:
            print(f"\n{_name(first)} minus {_name(second)}")
            _print_differences(complete, first, second)
    for cohort in STEADY:
        values = {seed: _auc(_scores(runs[cohort], seed)[SAL]) for seed in sorted({run.seed for run in runs[cohort]})}
        print(f"\nsal by seed, cohort {cohort}:", values)


def _print_differences(found: Mapping[int, Scores], first: Row, second: Row) -> None:
    """Print the differences of each cohort and their mean; cohorts have different patients, which are drawn apart."""
    values, draws = [], []
    for cohort, scores in found.items():
        value, drawn = _difference(scores[first], scores[second], cohort)
        values.append(value)
        draws.append(drawn)
        print(f"  {cohort}: {_text(percentile_interval(value, drawn))}")
    mean = percentile_interval(float(np.mean(values)), np.mean(draws, axis=0))
    spread = f"; SD over cohorts {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    print(f"  pooled: {_text(mean)}{spread}")


def _difference(first: pd.DataFrame, second: pd.DataFrame, seed: int) -> tuple[float, Floats]:
    """AUC of the first minus that of the second table of the same lesions, and in each resample of patients [R]."""
    tables = first, second

    def gains(weights: Weights) -> Floats:
        of_first, of_second = (aucs(tallies(each["malignant"], each["score"], weights)) for each in tables)
        return of_first - of_second

    value = auc(first["malignant"], first["score"]) - auc(second["malignant"], second["score"])
    return value, bootstrap(gains, first["patient_id"].to_numpy(), seed)


def _runs(root: Path) -> list[Run]:
    folder = root / "table3"
    return [run for run in read_runs(folder) if run.model == "fagg"] if folder.exists() else []


def _scores(runs: Sequence[Run], seed: int) -> Scores:
    return {
        (run.maps, run.context if run.is_control else ""): run.lesions().sort_values("lesion_id", ignore_index=True)
        for run in runs
        if run.seed == seed
    }


def _name(row: Row) -> str:
    return f"{row[0]} {row[1]}".strip()


def _auc(table: pd.DataFrame) -> str:
    return f"{auc(table['malignant'], table['score']):.3f}"


def _text(found: Interval) -> str:
    return f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


if __name__ == "__main__":
    main()
