"""How a Hydra command opens: compose the configuration, run the task, tell what is wrong in one sentence.

Every command that makes data or runs is `main = command("name")(task)`. Wrong use and wrong input end with one
sentence on standard error and exit status 2; only a defect of the program shows a traceback.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from mammo.records import MammoError

CONF = Path(__file__).resolve().parent.parent / "conf"
"""The configuration tree at the top of the repository."""


def command(name: str) -> Callable[[Callable[[DictConfig], object]], Callable[[], None]]:
    """Make a task into the command whose primary configuration is conf/<name>.yaml."""

    def wrap(task: Callable[[DictConfig], object]) -> Callable[[], None]:
        def main() -> None:
            os.environ["HYDRA_FULL_ERROR"] = "1"  # let errors reach us: Hydra would print its own tracebacks
            try:
                hydra.main(version_base="1.3", config_path=str(CONF), config_name=name)(task)()
            except (MammoError, HydraException, OmegaConfBaseException) as error:
                sys.exit(_complain(error))

        return main

    return wrap


def _complain(error: Exception) -> int:
    """Print the error as one sentence; the exit status for wrong use."""
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    print(f"error: {' '.join(lines) or type(error).__name__}", file=sys.stderr)
    return 2
