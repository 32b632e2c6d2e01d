"""Runs the demo's experiment on ten cohorts of phantoms on which nothing was set: 13 minutes of a core for each.

    python -m tests.phantoms.result_cohorts runs/results   # run what is missing
    python -m tests.phantoms.result_tables runs/results    # the tables of what has been run

The ten cohorts differ from the demo's in the number of test patients only, 408 instead of 210. On three of them more
seeds of the context network are trained, and two further cohorts have a dial at 0. What is stopped goes on.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

COHORTS = range(4000, 4010)
CONTROLLED = COHORTS[:4]
"""Cohorts whose controls are trained: maps of other patients' images, one source at a time."""

STEADY = COHORTS[:3]
"""Cohorts on which six seeds of the context network are trained, and one with the settings before format 8."""

N_SEEDS = 6
EARLIER = ("gmic.top_share=0.003", "gmic.map_logit=0", "trainer.max_epochs=14")
WITHOUT = {"local": 4010, "context": 4011}
"""Dials at 0, and the cohorts that are drawn with them."""

OPTIONS = ("n_patients=800", "processes=1")
FRACTIONS = "fractions=[0.4,0.09,0.51]"
BEST = ("emb", "sal")
MAPS = (("emb",), ("sal",), BEST, (*BEST, "ipsi"), (*BEST, "contra"), (*BEST, "ipsi", "contra"))
CONTROLS = {"sal": BEST, "ipsi": (*BEST, "ipsi"), "contra": (*BEST, "contra")}

Job = tuple[Path, Sequence[Sequence[str]]]
"""A folder, and commands that are run in turn, each the arguments of python -m without the folder."""


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo's experiment on ten cohorts of phantoms.")
    parser.add_argument("root", type=Path, help="folder of the cohorts")
    parser.add_argument("--jobs", type=int, default=2, help="jobs at the same time, of one core each")
    given = parser.parse_args()
    with ThreadPoolExecutor(given.jobs) as pool:
        list(pool.map(_run, jobs(given.root)))


def jobs(root: Path) -> Iterator[Job]:
    """All cohorts, then further seeds of the context network, then the cohorts with a dial at 0."""
    for cohort in COHORTS:
        yield root / str(cohort), [*commands(root / str(cohort), cohort)]
    for k in range(1, N_SEEDS + 1):
        for cohort in STEADY:
            yield root / str(cohort), [*steady_commands(10 * cohort + k, EARLIER if k == N_SEEDS else ())]
    for dial, cohort in WITHOUT.items():
        folder = root / f"{dial}-0"
        yield folder, [*drawing_commands(folder, cohort, f"dials.{dial}=0"), *dial_commands(dial, cohort)]


def drawing_commands(folder: Path, cohort: int, *options: str) -> Iterator[Sequence[str]]:
    """The commands that draw a cohort and make its store; none once networks are trained on it."""
    if not (folder / "table3").exists():
        yield "mammo.phantom", f"seed={cohort}", *OPTIONS, *options
        yield ("mammo.ingest",)
        yield "mammo.split", f"seed={cohort}", FRACTIONS


def dial_commands(dial: str, cohort: int) -> Iterator[Sequence[str]]:
    """The commands of a cohort with a dial at 0: f_loc alone, or what saliency then adds."""
    seed = f"seed={10 * cohort}"
    if dial == "context":
        yield from _context(seed)
    yield "mammo.train", "experiment=demo/floc", seed
    if dial == "context":
        yield "mammo.train", "experiment=demo/fagg", "--multirun", seed, "maps=" + ",".join(map(_listed, MAPS[:3]))


def commands(folder: Path, cohort: int) -> Iterator[Sequence[str]]:
    """The commands of one cohort."""
    yield from drawing_commands(folder, cohort)
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


def _run(job: Job) -> None:
    """Run a job until a command fails; what its commands print goes to log.txt in the folder."""
    root, commands = job
    root.mkdir(parents=True, exist_ok=True)
    with (root / "log.txt").open("a") as log:
        for program, *arguments in commands:
            call = [sys.executable, "-m", program, f"root={root}", *arguments]
            print(shlex.join(call[1:]), file=log, flush=True)
            if subprocess.run(call, stdout=log, stderr=log, check=False).returncode:
                print(f"failed, see {log.name}: {shlex.join(call[1:])}", file=sys.stderr)
                return


if __name__ == "__main__":
    main()
