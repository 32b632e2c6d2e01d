"""Every command of mammo as a short command line on a small root, and the root that all of them together make.

COMMAND_LINES holds them in the order of a project. Each is a CommandLine: its name, its words, and what it writes.
`prepared_root` runs them in that order and gives a root with the outputs of all: the fixture `full_root` of
tests/faults/conftest.py, made once per session in about 20 s. `CommandLine.start` copies that root without the outputs
of one command, so that a test can run it there, undisturbed or not:

    root = line.start(full_root, tmp_path / "root")
    process = launch(line.words(root), root)  # tests.faults.forks: a fork takes 20 ms, a new interpreter up to 6 s
    os.kill(process.pid, signal.SIGTERM)
    end = process.wait()                      # status, standard output, standard error, seconds
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mammo.models.gmic import Gmic, GmicSizes
from mammo.models.official_gmic import FULL_FRAME, official_state_dict
from mammo.models.weight_files import write_weights
from tests.faults.forks import launch

TRAINER = ("trainer=cpu", "trainer.precision=32-true", "workers=0")
WINDOWS = ("quota={malignant: 6, benign: 6, outside: 4, negative: 4}", "windows_per_lesion={val: 2, test: 2}")
TRAIN = ("train", "root={root}", "torch.threads=1", *TRAINER, *WINDOWS, "trainer.max_epochs=2", "batch_size=6")
FLOC = (*TRAIN, "model=floc", "backbone=small")
STAGES = (
    "[{name: draw, share: 1, commands: ['mammo.phantom root={root} n_patients=3 processes=1']},"
    "{name: report, share: 1, commands: ['mammo.report {root} --lesions 1']}]"
)
QUICK = ("--box", "200,260,40,100", "--windows", "2", "--no-changes")
WHOLE_GMIC = ("official.p", "gmic.ckpt", "back.p")
STORE = ("store/[!.]*", "store/.rejections")
"""What an ingest makes anew; the key of the pseudonyms stays, so that the images have the same ids."""


@dataclass(frozen=True)
class CommandLine:
    """One command of mammo with small settings.

    Attributes:
        name: unique, for test ids.
        line: what follows `mammo`, word by word, where {root} is the root, {floc}, {context} and {fagg} are the folders
            of those runs, {image} is the id of an image, and {case} is an image.
        writes: what it makes or replaces, as patterns of paths below the root; empty if it only prints or deletes.
        keeps_old: whether the outputs of an earlier run are there when it starts.
        statuses: exit statuses of an undisturbed run.
    """

    name: str
    line: tuple[str, ...]
    writes: tuple[str, ...] = ()
    keeps_old: bool = False
    statuses: tuple[int, ...] = (0,)

    def start(self, full_root: Path, root: Path) -> Path:
        """Copy a prepared root to a new folder, without what this command writes; the folder."""
        shutil.copytree(full_root, root, copy_function=_copied)
        for path in [] if self.keeps_old else self.outputs(root):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        return root

    def outputs(self, root: Path) -> list[Path]:
        """The files and folders below a root that this command makes or replaces."""
        return sorted(path for pattern in self.writes for path in root.glob(pattern))

    def words(self, root: Path) -> list[str]:
        """What follows `mammo` on this root."""
        first = next((root / "dicom").rglob("*.dcm"), root / "none")
        names = {name: next(root.glob(f"runs/{name}-*"), root / "none") for name in ("floc", "context", "fagg")}
        image = next((line.split(",")[1] for line in _ids(root) if line.startswith("image,")), "none")
        words = []
        for word in self.line:
            for name, value in {
                **names,
                "root": root,
                "image": image,
                "case": first,
            }.items():
                word = word.replace(f"{{{name}}}", str(value))
            words.append(word)
        return words


def _copied(source: str, target: str) -> str:
    """Copy a file; the weights of a whole GMIC, 60 MB, which commands only replace, are linked."""
    if Path(source).name in WHOLE_GMIC:
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


def _ids(root: Path) -> list[str]:
    table = root / "store" / "ids.csv"
    return table.read_text(encoding="utf-8").splitlines() if table.exists() else []


COMMAND_LINES = (
    CommandLine("phantom", ("phantom", "root={root}", "seed=3", "n_patients=12", "processes=1"), ("dicom",)),
    CommandLine("ingest", ("ingest", "root={root}", "frame=eighth", "processes=1"), STORE),
    CommandLine(
        "ingest overwrite",
        ("ingest", "root={root}", "frame=eighth", "processes=1", "overwrite=true"),
        ("store",),
        keeps_old=True,
    ),
    CommandLine(
        "split",
        ("split", "root={root}", "fractions=[0.4,0.3,0.3]", "again=true", "allow_empty=true"),
        ("store",),
        keeps_old=True,
    ),
    CommandLine("verify", ("verify", "{root}", "--processes", "1"), ("verify",), statuses=(0, 3)),
    CommandLine("train context", (*TRAIN, "model=context"), ("runs/context-*",)),
    CommandLine("precompute saliency", ("precompute", "what=saliency", "root={root}", *TRAINER), ("saliency",)),
    CommandLine("train floc", FLOC, ("runs/floc-*",)),
    CommandLine(
        "precompute embeddings",
        ("precompute", "what=embeddings", "root={root}", *TRAINER, *WINDOWS, "window_epochs=1"),
        ("runs/floc-*/embeddings",),
    ),
    CommandLine("train fagg", (*TRAIN, "maps=[emb,sal]"), ("runs/fagg-*",)),
    CommandLine("train --multirun", (*FLOC, "--multirun", "seed=1,2", "group=sweep"), ("sweep", "sweeps")),
    CommandLine("sweep status", ("sweep", "status", "{root}")),
    CommandLine("sweep compare", ("sweep", "compare", "sweep", "{root}"), ("comparison",)),
    CommandLine("score", ("score", "root={root}", "n_windows=2", "n_pictures=1"), ("score",)),
    CommandLine(
        "score own_ids",
        ("score", "root={root}", "n_windows=2", "n_pictures=1", "own_ids=true", "out={root}/own"),
        ("own",),
    ),
    CommandLine(
        "bundle", ("bundle", "{fagg}", "-o", "{root}/fagg.bundle", "--sensitivity-lesions", "1"), ("fagg.bundle",)
    ),
    CommandLine(
        "predict",
        ("predict", "{root}/fagg.bundle", "{case}", "-o", "{root}/predicted", *QUICK),
        ("predicted",),
        statuses=(0, 3),
    ),
    CommandLine("compare", ("compare", "{floc}/lesions.csv", "{fagg}/lesions.csv")),
    CommandLine("report", ("report", "{root}", "--lesions", "1"), ("report",), keeps_old=True),
    CommandLine("report --only", ("report", "{root}", "--only", "table3", "roc"), ("exhibits",)),
    CommandLine("report --figure2", ("report", "{root}", "--figure2", "{image}"), ("figure2",)),
    CommandLine("demo", ("demo", "root={root}", f"stages={STAGES}"), (".stages", "dicom")),
    CommandLine("weights import", ("weights", "import-gmic", "{root}/official.p", "{root}/gmic.ckpt"), ("gmic.ckpt",)),
    CommandLine("weights export", ("weights", "export-gmic", "{root}/gmic.ckpt", "{root}/back.p"), ("back.p",)),
    CommandLine("runs", ("runs", "{root}")),
    CommandLine("runs prune", ("runs", "prune", "{root}", "--yes")),
    CommandLine(
        "benchmark",
        ("benchmark", "evaluate", "--rounds", "1", "--table", "{root}/bench.md"),
        ("bench.md",),
    ),
)
"""Every command, in the order of a project. None needs the outputs of a later one."""

ON_COPIES_ONLY = ("ingest overwrite", "demo", "runs prune", "benchmark")
"""Commands that a prepared root is made without: they would replace or delete outputs of others, or take long."""


def prepared_root(root: Path) -> Path:
    """Run the commands in a new folder, which is returned; AssertionError where one fails."""
    root.mkdir(parents=True)
    write_weights(official_state_dict(Gmic(GmicSizes(), FULL_FRAME)), root / "official.p", legacy=True)
    for line in COMMAND_LINES:
        if line.name not in ON_COPIES_ONLY:
            end = launch(line.words(root), root).wait()
            assert end.status in line.statuses, f"{line.name}: status {end.status}\n{end.out}{end.err}"
    return root
