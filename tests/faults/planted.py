"""A root that every command made from a cohort of canaries, and commands run on it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo.models.gmic import Gmic, GmicSizes
from mammo.models.official_gmic import FULL_FRAME, official_state_dict
from mammo.models.weight_files import write_weights
from tests.faults.canaries import MARK, UMLAUT, Canaries, hits, plant
from tests.faults.command_lines import COMMAND_LINES, ON_COPIES_ONLY, CommandLine
from tests.faults.forks import Ended, launch

LOGGERS = "logger=[csv,tensorboard,wandb]"


@dataclass(frozen=True)
class Planted:
    """A root made from a source of canaries.

    Attributes:
        root: the root.
        source: the source.
        canaries: all of them.
        ends: how each command ended, by its name.
    """

    root: Path
    source: Path
    canaries: Canaries
    ends: dict[str, Ended]


def planted_root(folder: Path) -> Planted:
    """Run the commands in a new folder, from a cohort of canaries whose phantoms the first command draws."""
    canaries = Canaries()
    root, source = folder / "root", folder / f"{canaries.new()} {UMLAUT}"
    root.mkdir()
    write_weights(official_state_dict(Gmic(GmicSizes(), FULL_FRAME)), root / "official.p", legacy=True)
    planted = Planted(root, source, canaries, {})
    for line in COMMAND_LINES:
        if line.name not in ON_COPIES_ONLY:
            planted.ends[line.name] = run(line, root, source)
            assert planted.ends[line.name].status in (*line.statuses, 3), planted.ends[line.name]
        if line.name == "phantom":
            plant(root / "dicom", source, canaries)
    return planted


def run(line: CommandLine, root: Path, source: Path, *words: str, data: str = "phantom") -> Ended:
    """Run a command on a root, with the source of canaries and all loggers."""
    given = [*line.words(root), *words]
    if line.line[0] == "ingest":
        given += [f"data={data}", f"data.source={source}"]
    if line.line[0] == "train":
        given.append(LOGGERS)
    return run_words(given, root)


def run_words(words: Sequence[str], root: Path) -> Ended:
    """Run a command in a root, as a user whose name is a canary, with a home folder beside the root."""
    home = root.with_name(f"{root.name}.home")
    home.mkdir(exist_ok=True)
    user = {"HOME": str(home), "USER": f"{MARK}USER", "LOGNAME": f"{MARK}USER"}
    return launch(words, root, lambda: os.environ.update(user)).wait()


def written_in(root: Path) -> tuple[Path, ...]:
    """The folders that commands on a root write in: the root, that of its temporary files, and the user's home."""
    return root, root.with_name(f"{root.name}.tmp"), root.with_name(f"{root.name}.home")


def check_nothing_written(root: Path, since_ns: int = 0) -> None:
    """Check that no canary is in what commands on a root wrote since then."""
    for folder in written_in(root):
        assert hits(folder, since_ns=since_ns) == []
