"""What is wrong, in one sentence: wrong use and wrong input, whoever raised it."""

import sys

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from mammo.records import MammoError

WRONG = (MammoError, HydraException, OmegaConfBaseException)
"""What tells of wrong use or wrong input, whenever it is raised."""


def sentence(error: BaseException) -> str:
    """The error in our words where Hydra's speak of its insides, else in its own, on one line."""
    if isinstance(error.__cause__, MammoError | ConfigKeyError | ConfigAttributeError):
        error = error.__cause__
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
