"""The groups of runs that a report reads: those that are named, or all below a root that go together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mammo.io import did_you_mean_path
from mammo.records import MammoError
from mammo.reporting.reported_runs import reported_cell, reported_runs, select_trials
from mammo.training.results import Run

MAIN_GROUP = "table3"
"""The group that comes first where there are several: the paper's main experiment."""


@dataclass(frozen=True)
class ReadGroups:
    """The runs of a report.

    Attributes:
        runs: of all groups that were read; of a random search the selected trials.
        names: groups that were read, the main one first, to the number of their runs that are reported.
        left_out: groups that were left out, and why.
    """

    runs: Sequence[Run]
    names: Mapping[str, int]
    left_out: Mapping[str, str]

    def lines(self) -> list[str]:
        """Sentences on the groups that were read and left out."""
        read = ", ".join(f"{name} ({n} {'run' if n == 1 else 'runs'})" for name, n in self.names.items())
        skipped = [f"Left out {name}: {why}; --group {name} reports it." for name, why in self.left_out.items()]
        return [f"Groups: {read}.", *skipped]


def read_groups(root: Path, names: Sequence[str] = ()) -> ReadGroups:
    """The finished runs of these groups, or of the main group and of all that go together with it.

    The main group is table3, else the first with f_agg runs, else the first with f_loc runs, by name. A group goes
    together with those before it if its runs are of the same images, lesions and split, were tested on the same folds,
    and are of models that no group before it has: each row of a table then comes from one group.

    Args:
        root: the folder that holds the groups.
        names: folders below root; empty for all.

    Raises:
        MammoError: there is no finished run, a named group has none, two runs of named groups are of the same model,
            maps and seed, or a run of the main group is damaged.
    """
    if names:
        for name in names:
            _check_exists(root, name)
        read = {name: reported_runs(root / name) for name in names}
        _reject_empty(root, read)
        runs = select_trials([run for own in read.values() for run in own], reported_cell)
        return ReadGroups(runs, {name: len(own) for name, own in read.items()}, {})
    found, left_out = _readable(root)
    main, *others = sorted(found, key=lambda name: (_rank(name, found[name]), name))
    read = {main: found[main]}
    for name in others:
        if reason := _contradiction(found[name], read):
            left_out[name] = reason
        else:
            read[name] = found[name]
    runs = sorted((run for own in read.values() for run in own), key=lambda run: run.folder.name)
    return ReadGroups(runs, {name: len(own) for name, own in read.items()}, left_out)


def _check_exists(root: Path, name: str) -> None:
    if not (root / name).is_dir():
        hint = did_you_mean_path(root / name)
        raise MammoError(f"{root / name}: no such folder{hint}; --group takes folders of finished runs below {root}")


def _reject_empty(root: Path, groups: Mapping[str, Sequence[Run]]) -> None:
    for name, runs in groups.items():
        if not runs:
            raise MammoError(f"{root / name}: no finished run; train some with python -m mammo.train experiment=table3")


def _readable(root: Path) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """The groups with finished runs, and why others cannot be read; MammoError if none can, or not the main group."""
    found: dict[str, list[Run]] = {}
    damaged: dict[str, str] = {}
    for name in sorted({path.parents[1].name for path in root.glob("*/*/result.json")}):
        try:
            found[name] = reported_runs(root / name)
        except MammoError as error:
            if name == MAIN_GROUP:
                raise
            damaged[name] = str(error)
    if not found:
        raise MammoError(next(iter(damaged.values()), f"{root}: no finished run to report"))
    return found, damaged


def _rank(name: str, runs: Sequence[Run]) -> int:
    models = {run.model for run in runs if not run.is_control}
    return next(
        (rank for rank, is_it in enumerate((name == MAIN_GROUP, "fagg" in models, "floc" in models)) if is_it), 3
    )


def _contradiction(runs: Sequence[Run], read: Mapping[str, Sequence[Run]]) -> str:
    """Why these runs do not go together with those of the groups that were read; empty if they do."""
    main, *_ = read
    if {run.store for run in runs} - {run.store for run in read[main]}:
        return f"its runs were trained on other images, lesions or splits than those of {main}"
    if {run.fold for run in runs} != {run.fold for run in read[main]}:
        return f"its runs were tested on other folds than those of {main}"
    cells = {reported_cell(run): run for run in runs}
    for name, own in read.items():
        for run in own:
            if reported_cell(run) in cells:
                return f"it has runs of {run.title}, as {name} does"
    return ""
