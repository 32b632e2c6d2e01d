"""How a Hydra command opens: compose the configuration, run the task, tell what is wrong in one sentence.

Every command that makes data or runs is `main = command("name")(task)`. Wrong use and wrong input end with one
sentence on standard error and exit status 2; only a defect of the program shows a traceback.
"""

import os
import sys
from collections.abc import Callable
from functools import update_wrapper
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from mammo.records import MammoError
from mammo.runs.random_search import name_in_configurations

CONF = Path(__file__).resolve().parent.parent / "conf"
"""The configuration tree at the top of the repository."""

WRONG = (MammoError, HydraException, OmegaConfBaseException)
"""What tells of wrong use or wrong input, whenever it is raised."""


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
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors reach us: Hydra would print its own tracebacks
    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(job)()
    except WRONG as error:
        sys.exit(_complain(error))
    except (ValueError, YAMLError) as error:
        if job.started:
            raise
        sys.exit(_complain(error))  # Hydra's own, while composing
    except KeyboardInterrupt:
        sys.exit(130)


def _complain(error: Exception) -> int:
    """Print the error as one sentence; the exit status for wrong use."""
    told = error.__cause__ if isinstance(error.__cause__, MammoError | ConfigKeyError | ConfigAttributeError) else error
    print(f"error: {_sentence(told)}", file=sys.stderr)
    return 2


def _sentence(error: BaseException) -> str:
    """The error in our words where Hydra's speak of its insides, else in its own, on one line."""
    words = " ".join(str(error).split()) or type(error).__name__
    match error:
        case ConfigKeyError(full_key=str(key)) | ConfigAttributeError(full_key=str(key)):
            return f"{key} is not a key of this command's configuration: --help shows them all"
        case MissingConfigException(missing_cfg_file=str(choice), options=[*options]):
            return f"{choice} does not exist: choose from {', '.join(options)}"
        case OmegaConfBaseException(full_key=str(key)):
            return f"{key}: {str(error).splitlines()[0]}"
        case OverrideParseException():
            return f"cannot read {error.override!r}: write key=value, in single quotes where there are brackets"
        case ValueError():
            return f"{words} (given: {' '.join(sys.argv[1:])})"
    return words
