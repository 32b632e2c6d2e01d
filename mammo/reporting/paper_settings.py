"""The settings of the reported runs beside the paper's, from their own configurations, and what their seeds vary."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mammo.paper import GMIC_SETTINGS, SETTINGS, Range, Setting
from mammo.reporting.report_columns import SETTINGS_COLUMNS
from mammo.training.results import Run

NAMES = {"floc": "f_loc", "fagg": "f_agg", "context": "context network"}


def settings_table(runs: Iterable[Run]) -> pd.DataFrame:
    """The paper's settings, or GMIC's for the context network, beside those of the runs and of the runs they read.

    Args:
        runs: finished runs; controls are left out, and so are runs that kept no configuration.

    Returns:
        Columns SETTINGS_COLUMNS, one row for each setting of each network that has a run; differs is True where one of
        its runs has another value than the paper.

    Raises:
        MammoError: a configuration or the result of a run that is read is damaged.
    """
    every = {run.folder.resolve(): run for each in runs for run in (each, *each.sources()) if not run.is_control}
    configs: dict[str, list[Mapping[str, Any]]] = {}
    for run in every.values():
        if "model" in run.config:
            configs.setdefault(run.model, []).append(run.config)
    rows = [
        _row(setting, configs[setting.network]) for setting in (*SETTINGS, *GMIC_SETTINGS) if setting.network in configs
    ]
    return pd.DataFrame(rows, columns=list(SETTINGS_COLUMNS))


def seeds_of(runs: Iterable[Run]) -> str:
    """The networks that differ between the training seeds of one model, in words, as in "f_loc and f_agg".

    Args:
        runs: of one f_loc, context network, or f_agg with one combination of maps: every seed, and with folds every
            fold.

    Returns:
        f_agg, behind the networks that it reads if these differ between its seeds, with their number where it is
        smaller than that of the seeds; empty for one seed.
    """
    by_seed: dict[int, list[Run]] = {}
    for run in sorted(runs, key=lambda run: run.fold or 0):
        by_seed.setdefault(run.seed, []).append(run)
    if len(by_seed) < 2:
        return ""
    words = []
    for network in ("floc", "context"):
        read = {tuple(_read_path(run, network) for run in own) for own in by_seed.values()}
        if len(read) > 1:
            few = f" ({len(read)} for {len(by_seed)} seeds)" if len(read) < len(by_seed) else ""
            words.append(NAMES[network] + few)
    model = NAMES[next(iter(by_seed.values()))[0].model]
    return " and ".join(filter(None, [", ".join(words), model]))


def _read_path(run: Run, network: str) -> Path | None:
    """The run folder or checkpoint of a network that a run reads; None if it reads none."""
    return (run.folder / run.reads[network]).resolve() if network in run.reads else None


def _row(setting: Setting, configs: Sequence[Mapping[str, Any]]) -> tuple[str, str, str, str, str, bool]:
    found = [[_value(config, key) for key in setting.values] for config in configs]
    differs = any(
        not _agrees(paper, value)
        for values in found
        for paper, value in zip(setting.values.values(), values, strict=True)
    )
    runs = dict.fromkeys(", ".join(map(_text, values)) for values in found)
    paper = ", ".join(map(_text, setting.values.values()))
    return NAMES[setting.network], setting.name, " ".join(setting.values), paper, " or ".join(runs), differs


def _value(config: Mapping[str, Any], key: str) -> object:
    """The value of a dotted key; None where the configuration does not have it."""
    value: object = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _agrees(paper: object, value: object) -> bool:
    """Whether a value is the paper's; of a backbone whatever the tag of its weights is, of a class if it is mammo's."""
    if isinstance(paper, Range):
        return isinstance(value, int | float) and paper.low <= value <= paper.high
    if isinstance(paper, str) and isinstance(value, str):
        return value.partition(".")[0] == paper or (value.startswith("mammo.") and value.endswith(f".{paper}"))
    return value == paper


def _text(value: object) -> str:
    """A value as in a table: classes and pipelines by their last name."""
    if isinstance(value, Mapping):
        return _text(value.get("_target_", "set"))
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return f"{value:g}"
    text = str(value)
    return text.rpartition(".")[2] if text.startswith("mammo.") else text
