"""Hydra commands: compose the configuration, run the task, report wrong use in one sentence.

Every command that makes data or runs is `main = command("name")(task)`. Wrong use and wrong input end with one
sentence on standard error and exit status 2; only a defect of the program shows a traceback.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import update_wrapper
from itertools import product
from pathlib import Path

import hydra
from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig
from yaml import YAMLError

import mammo.cli.resolvers  # noqa: F401  (registers the resolvers that conf/ uses)
from mammo.cli.hydra_errors import WRONG, sentence
from mammo.records import MammoError

CONF = Path(__file__).resolve().parents[2] / "conf"
"""The configuration tree at the top of the repository."""

SWEEPS = ("--multirun", "-m")
"""Hydra's flags for a sweep; a user may put them anywhere."""

ADDABLE = ("model.", "callbacks.", "logger.", "intensity.", "trainer.", "backbone.arguments.", "hydra.")
"""Where a key that conf/ lacks may be added with +: all keys there are passed on, and unknown ones are rejected."""

PLACES = ("root", "store")
"""Keys that say where a store is."""

Task = Callable[[DictConfig], object]
Defaults = Callable[[DictConfig], list[str]]


def command(name: str, defaults: Defaults | None = None) -> Callable[[Task], Callable[[], None]]:
    """Make a task into the command whose primary configuration is conf/<name>.yaml.

    Args:
        name: of the command.
        defaults: from the configuration that the user asked for, `hydra` node included, to overrides that complete it:
            those of its values that are missing and that a store knows. None where nothing is missing.
    """

    def wrap(task: Task) -> Callable[[], None]:
        return lambda: _open(name, task, defaults)

    return wrap


class _Job:
    """A task that notes that it was reached, and reports wrong use before Hydra adds lines of its own.

    Args:
        task: the task.
        words: the command line as the user gave it, which the task finds in sys.argv.
    """

    def __init__(self, task: Task, words: Sequence[str]) -> None:
        update_wrapper(self, task)  # Hydra names the job after the task's module
        self.task, self.words = task, list(words)
        self.started = False

    def __call__(self, cfg: DictConfig) -> object:
        self.started = True
        sys.argv[1:] = self.words
        try:
            check_allowed(cfg, self.words)
            return self.task(cfg)
        except WRONG as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise  # so that Hydra goes on with the sweep's other jobs
            sys.exit(_complain(error))


def _open(name: str, task: Task, defaults: Defaults | None) -> None:
    """Compose and run; all errors but defects end here."""
    words = sorted(sys.argv[1:], key=lambda word: word not in SWEEPS)  # argparse wants overrides in one piece
    sys.argv[1:] = words
    job = _Job(task, words)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors reach us: Hydra would print its own tracebacks
    try:
        sys.argv[1:] = overrides = forced(words)
        if defaults is not None:
            sys.argv[1:] = completed(name, overrides, defaults)
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(job)()
    except WRONG as error:
        sys.exit(_complain(error))
    except (ValueError, TypeError, YAMLError, RuntimeError) as error:
        if job.started:
            raise
        sys.exit(_complain(error))  # Hydra's own, while composing, or a launcher's: no Slurm here, a worker killed
    except KeyboardInterrupt:
        sys.exit(130)


def completed(name: str, words: Sequence[str], defaults: Defaults) -> list[str]:
    """The words of a command line with the overrides that complete them, before the user's, which win.

    Args:
        name: of the command.
        words: the user's command line.
        defaults: as in `command`.

    Raises:
        MammoError: the stores of a sweep need different overrides, or as `defaults`.
    """
    asked = get_args_parser().parse_args(list(words))
    if asked.help or asked.hydra_help or asked.shell_completion or asked.experimental_rerun:
        return list(words)
    searched = [f"hydra.searchpath=['file://{Path(asked.config_dir).absolute()}']"] if asked.config_dir else []
    try:
        added = _missing(asked.config_name or name, asked.overrides, searched, defaults)
    except MammoError:
        if asked.resolve or not (asked.cfg or asked.info):
            raise
        added = []  # showing a configuration needs no store
    place = words.index(asked.overrides[0]) if asked.overrides else len(words)
    return [*words[:place], *added, *words[place:]]


def _missing(name: str, overrides: Sequence[str], searched: Sequence[str], defaults: Defaults) -> list[str]:
    """The overrides that complete the user's, the same for every job of a sweep."""
    fixed = [*(each.input_line or "" for each in _parsed(overrides) if not each.is_sweep_override()), *searched]
    cfg = composed(name, fixed, hydra_too=True)
    params = [f"{key}={value}" for key, value in (cfg.hydra.sweeper.params or {}).items()]
    swept = {each.get_key_element(): each for each in _parsed([*params, *overrides]) if each.is_sweep_override()}
    places = [[f"{key}={value}" for value in swept[key].sweep_string_iterator()] for key in PLACES if key in swept]
    cfgs = [composed(name, [*fixed, *place], hydra_too=True) for place in product(*places)] if places else [cfg]
    needs = [defaults(cfg) for cfg in cfgs]
    for need, other in zip(needs, cfgs, strict=True):
        if need != needs[0]:
            raise MammoError(
                f"{cfgs[0].store} and {other.store} differ ({' '.join(needs[0])}; {' '.join(need)}): "
                "give one command for each"
            )
    return [word for word in needs[0] if not f"{word.partition('=')[0]}.".startswith(tuple(f"{key}." for key in swept))]


def _parsed(overrides: Sequence[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(list(overrides))


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


def forced(words: Sequence[str]) -> list[str]:
    """A command line whose +key=value also sets a key that exists already; MammoError for a key that nothing reads."""
    result = []
    for word in words:
        bare = word.lstrip("+")
        key = bare.partition("=")[0]
        if word.startswith("+") and not f"{key}.".startswith(ADDABLE):
            raise MammoError(
                f"{word}: {key} cannot be added, nothing would read it: give keys that --help shows, without +"
            )
        result.append(f"++{bare}" if word.startswith("+") else word)
    return result


def check_allowed(cfg: DictConfig, words: Sequence[str]) -> None:
    """Check that allow_targets, which lets a configuration build classes of more packages, is the user's own word.

    Args:
        cfg: a composed configuration.
        words: the user's command line.

    Raises:
        MammoError: allow_targets has another value than the command line gives it: it comes from a file.
    """
    given = _parsed([word for word in words if word.lstrip("+").startswith("allow_targets=")])
    asked = [override.value() for override in given]
    if (cfg.get("allow_targets") or []) != (asked[-1] if asked else []):
        raise MammoError(
            f"allow_targets={cfg.allow_targets} comes from a file, but only the command line may allow packages: "
            "remove it there, and check what the file builds before you allow it yourself"
        )


def _complain(error: Exception) -> int:
    """Print the error as one sentence; the exit status for wrong use."""
    print(f"error: {sentence(error, CONF)}", file=sys.stderr)
    return 2
