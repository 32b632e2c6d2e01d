"""What is wrong, in one sentence: wrong use and wrong input, whoever raised it."""

import re
import sys

from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
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
        case ConfigCompositionException():
            return _not_composed(error, words)
        case OmegaConfBaseException(full_key=str(key)):
            return f"{key}: {str(error).splitlines()[0]}"
        case OverrideParseException():
            return f"cannot read {error.override!r}: write key=value, in single quotes where there are brackets"
        case ValueError():
            if ours := re.match("MammoError raised while resolving interpolation: (.*)", words):
                return ours.group(1)
            is_null = words.startswith("Config group override must be a string or a list. Got NoneType")
            told = "null is no choice: name one or leave the key out" if is_null else words
            return f"{told} (given: {' '.join(sys.argv[1:])})"
    return words


def _not_composed(error: ConfigCompositionException, words: str) -> str:
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        known = f"choose from {', '.join(error.options)}" if error.options else "--help shows what can be chosen"
        return f"{error.missing_cfg_file} does not exist: {known}"
    if unused := re.match(r"Could not override '(.+?)'\. No match", words):
        return f"{unused.group(1)} cannot be chosen here: nothing that was chosen uses it; --help shows what can be"
    return words
