"""Hydra commands: compose the configuration, run the task, report wrong use in one sentence.

Every command that makes data or runs is `main = command("name")(task)`. Wrong use and wrong input end with one
sentence on standard error and exit status 2; only a defect of the program shows a traceback. The configuration is
checked before Hydra creates a folder, so that a wrong value leaves nothing behind.
"""

import os
import sys
import traceback
from argparse import ArgumentError, Namespace
from collections.abc import Callable, Sequence
from functools import update_wrapper
from itertools import product
from pathlib import Path

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

import mammo.cli.config_files
import mammo.cli.resolvers  # noqa: F401  (both register what reads conf/)
from mammo.cli.arguments import is_unusable
from mammo.cli.config_check import as_typed, check_config, check_deleted, check_swept, forced, parsed
from mammo.cli.help_page import help_page
from mammo.cli.hydra_errors import WRONG, sentence
from mammo.cli.hydra_node import check_allowed, check_files, check_hydra, packages_allowed, searched_folders
from mammo.cli.keys import KEYS
from mammo.cli.time_limit import last_time_limit
from mammo.io import did_you_mean_path
from mammo.machine import ReportedError, SlurmTask
from mammo.records import MammoError, did_you_mean
from mammo.text import print_text

PACKAGE = Path(__file__).resolve().parents[1]
CONF = PACKAGE / "conf" if (PACKAGE / "conf").is_dir() else PACKAGE.parent / "conf"
"""The configuration tree: within an installed package, and at the top of the repository otherwise."""

SWEEPS = ("--multirun", "-m")
"""Hydra's flags for a sweep; a user may put them anywhere."""

PLACES = ("root", "store")
"""Keys that say where a store is."""

Task = Callable[[DictConfig], object]
Defaults = Callable[[DictConfig], list[str]]
Check = Callable[[DictConfig], object]

Shared = tuple[DictConfig, dict[str, Override]]
"""What all jobs of a sweep share, with Hydra's node, and the overrides of several values by key."""


def _no_check(_: DictConfig) -> None:
    """The check of a command whose keys need none beside their types (mammo.cli.keys)."""


def command(
    name: str, defaults: Defaults | None = None, check: Check = _no_check, is_joint: bool = False
) -> Callable[[Task], Callable[[], None]]:
    """Make a task into the command whose primary configuration is conf/<name>.yaml.

    Args:
        name: of the command.
        defaults: from the configuration that the user asked for, `hydra` node included, to overrides that complete it:
            those of its values that are missing and that a store knows. None where nothing is missing.
        check: raises MammoError where values do not fit together, after each has been checked by itself; it is called
            before anything is made, and again in every job.
        is_joint: whether the Slurm tasks of one srun run the command together, so that one of them says what is wrong.
    """

    def wrap(task: Task) -> Callable[[], None]:
        return lambda: _open(name, task, defaults, check, is_joint)

    return wrap


class _Job:
    """A task that notes that it was reached, and reports wrong use before Hydra adds lines of its own.

    Args:
        name: of the command.
        task: the task.
        check: as in `command`.
        words: the command line as the user gave it, which the task finds in sys.argv.
    """

    def __init__(self, name: str, task: Task, check: Check, words: Sequence[str]) -> None:
        update_wrapper(self, task)  # Hydra names the job after the task's module
        self.name, self.task, self.check, self.words = name, task, check, list(words)
        self.started = False

    def __call__(self, cfg: DictConfig) -> object:
        self.started = True
        sys.argv[1:] = self.words
        try:
            check_allowed(cfg, self.words)
            check_config(self.name, cfg)
            self.check(cfg)
            with last_time_limit():
                return self.task(cfg)
        except (*WRONG, OSError) as error:
            in_sweep = HydraConfig.get().mode == RunMode.MULTIRUN
            if in_sweep or (isinstance(error, OSError) and not is_unusable(error)):
                raise  # so that Hydra goes on with a sweep's other jobs
            sys.exit(_complain(error))


def _open(name: str, task: Task, defaults: Defaults | None, check: Check, is_joint: bool) -> None:
    """Compose and run; all errors but defects end here."""
    slurm_task = SlurmTask.of() if is_joint else None
    words = sorted(sys.argv[1:], key=lambda word: word not in SWEEPS)  # argparse wants overrides in one piece
    sys.argv[1:] = words
    job = _Job(name, task, check, words)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors reach us: Hydra would print its own tracebacks
    try:
        sys.argv[1:] = overrides = as_typed(forced(words), KEYS.get(name, {}))
        if (asked := _asked(overrides)).help:
            print_text(help_page(name, CONF, _fixed(asked), reads_store=defaults is not None))
            return
        shared = check_request(name, overrides, check, is_whole=defaults is None)
        if defaults is not None:
            sys.argv[1:] = completed(name, overrides, defaults, shared)
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(job)()
    except WRONG as error:
        sys.exit(0 if slurm_task is not None and slurm_task.number else _complain(error))  # as ReportedError
    except (ValueError, TypeError, YAMLError, RuntimeError, OSError) as error:
        if job.started or isinstance(error, BrokenPipeError):
            raise  # a defect, or the reader of the output has gone (mammo.cli.commands.run)
        if isinstance(error, OSError) and error.filename is None:  # of a file that Hydra writes, as multirun.yaml
            error.filename = str(_unswept(_asked(sys.argv[1:]), name)[0].root)
        sys.exit(_complain(error))  # Hydra's own, while composing, or a launcher's: no Slurm here, a worker killed


def check_request(name: str, words: Sequence[str], check: Check = _no_check, is_whole: bool = False) -> Shared | None:
    """Check what a command line asks for before anything is read or made.

    Args:
        name: of the command.
        words: the user's command line.
        check: as in `command`.
        is_whole: whether no value comes from a store, so that one that is missing is an error.

    Returns:
        What was checked, for `completed`; None for a command line that asks for help only.

    Raises:
        MammoError: a value is wrong, as in check_config, check_swept or `check`.
    """
    asked = _asked(words)
    if _only_shows(asked):
        return None
    check_deleted(asked.overrides, KEYS.get(name, {}))
    cfg, swept = _unswept(asked, name)
    _check_classes(name, cfg, asked)
    check_config(name, cfg)
    check_swept(name, list(swept.values()))
    if asked.cfg or asked.info:
        return cfg, swept
    try:
        check(cfg)
    except OmegaConfBaseException:
        if is_whole and not swept:
            raise
    return cfg, swept


def _check_classes(name: str, cfg: DictConfig, asked: Namespace) -> None:
    """Check what Hydra would build, also with each choice of a sweep where files from elsewhere may be chosen."""
    overrides = parsed(asked.overrides)
    file, allowed = CONF / f"{name}.yaml", packages_allowed(overrides)
    check_hydra(cfg, file, overrides, allowed)
    if not asked.config_dir and not any(each.key_or_group == "hydra.searchpath" for each in overrides):
        return
    for swept in (each for each in overrides if each.is_sweep_override() and each.key_or_group not in KEYS[name]):
        for value in swept.sweep_string_iterator():
            words = [*_fixed(asked), f"{swept.get_key_element()}={value}"]
            check_hydra(composed(asked.config_name or name, words, hydra_too=True), file, overrides, allowed)


def _asked(words: Sequence[str]) -> Namespace:
    """Hydra's reading of a command line; MammoError where it has an option that Hydra lacks, or a folder is missing."""
    parser = get_args_parser()
    parser.exit_on_error = False
    try:
        asked, unknown = parser.parse_known_args(list(words))
    except ArgumentError as error:
        raise MammoError(f"{error}; --help explains the command") from error
    if unknown:
        hint = did_you_mean(unknown[0], parser._option_string_actions)
        raise MammoError(f"{unknown[0]} is not an option of this command{hint}; --help explains the command")
    if asked.experimental_rerun or asked.config_path:
        option = "--experimental-rerun" if asked.experimental_rerun else "--config-path"
        raise MammoError(
            f"{option} is not supported, because it bypasses the checks of a configuration: give the command "
            "again, with --config-dir for configurations of your own"
        )
    if asked.config_dir and not (folder := Path(asked.config_dir)).is_dir():
        raise MammoError(
            f"--config-dir {folder} does not exist{did_you_mean_path(folder)}: name a folder laid out as conf/"
        )
    check_files(searched_folders(asked.config_dir, parsed(asked.overrides)), CONF)
    return asked


def _only_shows(asked: Namespace) -> bool:
    """Whether a command line asks for help only, or for something without a configuration."""
    return bool(asked.help or asked.hydra_help or asked.shell_completion)


def _unswept(asked: Namespace, name: str) -> Shared:
    """What all jobs of a sweep share.

    Args:
        asked: Hydra's reading of the command line.
        name: of the command.
    """
    cfg = composed(asked.config_name or name, _fixed(asked), hydra_too=True)
    params = [f"{key}={value}" for key, value in (cfg.hydra.sweeper.params or {}).items()]
    return cfg, {
        each.get_key_element(): each for each in parsed([*params, *asked.overrides]) if each.is_sweep_override()
    }


def _fixed(asked: Namespace) -> list[str]:
    """The overrides of one value, with the folder of the user's own configurations."""
    searched = [f"hydra.searchpath=['file://{Path(asked.config_dir).absolute()}']"] if asked.config_dir else []
    return [*(each.input_line or "" for each in parsed(asked.overrides) if not each.is_sweep_override()), *searched]


def completed(name: str, words: Sequence[str], defaults: Defaults, shared: Shared | None = None) -> list[str]:
    """The words of a command line with the overrides that complete them, before the user's, which win.

    Args:
        name: of the command.
        words: the user's command line.
        defaults: as in `command`.
        shared: what check_request has returned for these words; None to compose it.

    Raises:
        MammoError: the stores of a sweep need different overrides, or as `defaults`.
    """
    asked = _asked(words)
    if _only_shows(asked):
        return list(words)
    try:
        added = _missing(asked, name, defaults, shared or _unswept(asked, name))
    except MammoError:
        if asked.resolve or not (asked.cfg or asked.info):
            raise
        added = []  # showing a configuration needs no store
    place = words.index(asked.overrides[0]) if asked.overrides else len(words)
    return [*words[:place], *added, *words[place:]]


def _missing(asked: Namespace, name: str, defaults: Defaults, shared: Shared) -> list[str]:
    """The overrides that complete the user's, the same for every job of a sweep."""
    cfg, swept = shared
    places = [[f"{key}={value}" for value in swept[key].sweep_string_iterator()] for key in PLACES if key in swept]
    primary, fixed = asked.config_name or name, _fixed(asked)
    cfgs = [composed(primary, [*fixed, *place], hydra_too=True) for place in product(*places)] if places else [cfg]
    needs = [defaults(cfg) for cfg in cfgs]
    for need, other in zip(needs, cfgs, strict=True):
        if need != needs[0]:
            raise MammoError(
                f"{cfgs[0].store} and {other.store} differ ({' '.join(needs[0])}; {' '.join(need)}): "
                "give one command for each"
            )
    return [word for word in needs[0] if not f"{word.partition('=')[0]}.".startswith(tuple(f"{key}." for key in swept))]


def composed(
    name: str, overrides: Sequence[str], defaults: Defaults | None = None, hydra_too: bool = False
) -> DictConfig:
    """The configuration of a command.

    Args:
        name: of the command.
        overrides: the user's.
        defaults: as in `command`.
        hydra_too: whether it has Hydra's own node.
    """
    words = list(overrides) if defaults is None else completed(name, overrides, defaults)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, words, return_hydra_config=hydra_too)


def _complain(error: Exception) -> int:
    """Print the error as one sentence, after its traceback where MAMMO_TRACEBACK=1; the exit status."""
    if isinstance(error, ReportedError):
        return 0
    if os.environ.get("MAMMO_TRACEBACK") == "1":
        traceback.print_exception(error)
    print_text(f"error: {sentence(error, CONF)}", file=sys.stderr)
    return 2
