"""How a Hydra command opens: compose the configuration, run the task, tell what is wrong in one sentence.

Every command that makes data or runs is `main = command("name")(task)`. Wrong use and wrong input end with one
sentence on standard error and exit status 2; only a defect of the program shows a traceback.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import update_wrapper
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from yaml import YAMLError

from mammo.cli.hydra_errors import WRONG, sentence
from mammo.cli.resolvers import name_in_configurations
from mammo.records import MammoError

CONF = Path(__file__).resolve().parents[2] / "conf"
"""The configuration tree at the top of the repository."""

SWEEPS = ("--multirun", "-m")
"""Hydra's words for a sweep; a user may put them anywhere."""

ADDABLE = ("trainer.", "backbone.arguments.", "hydra.")
"""Where a key that conf/ lacks may be added with +: what is there is handed on whole, and refused if it is unknown."""

Task = Callable[[DictConfig], object]


def command(name: str) -> Callable[[Task], Callable[[], None]]:
    """Make a task into the command whose primary configuration is conf/<name>.yaml."""

    def wrap(task: Task) -> Callable[[], None]:
        return lambda: _open(name, _Job(task))

    return wrap


class _Job:
    """A task that remembers whether it was reached, and tells what is wrong before Hydra adds lines of its own."""

    def __init__(self, task: Task) -> None:
        update_wrapper(self, task)  # Hydra names the job after the task's module
        self.task = task
        self.started = False

    def __call__(self, cfg: DictConfig) -> object:
        self.started = True
        name_in_configurations()  # a sweep's job may run in a process of its own
        try:
            return self.task(cfg)
        except WRONG as error:
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                raise  # so that Hydra goes on with the sweep's other jobs
            sys.exit(_complain(error))


def _open(name: str, job: _Job) -> None:
    """Compose and run; every way out but a defect's ends here."""
    name_in_configurations()
    sys.argv[1:] = sorted(sys.argv[1:], key=lambda word: word not in SWEEPS)  # argparse wants overrides in one piece
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors reach us: Hydra would print its own tracebacks
    try:
        _check_added(sys.argv[1:])
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(job)()
    except WRONG as error:
        sys.exit(_complain(error))
    except (ValueError, TypeError, YAMLError, RuntimeError) as error:
        if job.started:
            raise
        sys.exit(_complain(error))  # Hydra's own, while composing, or a launcher's: no Slurm here, a worker killed
    except KeyboardInterrupt:
        sys.exit(130)


def _check_added(words: Sequence[str]) -> None:
    """Refuse a word that adds a key which nothing would read."""
    for word in words:
        key = word.lstrip("+").partition("=")[0]
        if word.startswith("+") and not f"{key}.".startswith(ADDABLE):
            raise MammoError(
                f"{word}: {key} cannot be added, nothing would read it: give keys that --help shows, without +"
            )


def _complain(error: Exception) -> int:
    """Print the error as one sentence; the exit status for wrong use."""
    print(f"error: {sentence(error)}", file=sys.stderr)
    return 2
