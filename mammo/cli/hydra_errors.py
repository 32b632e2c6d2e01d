"""What is wrong, in one sentence: wrong use and wrong input, whoever raised it."""

import re
import sys

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from mammo.records import MammoError

WRONG = (MammoError, HydraException, OmegaConfBaseException)
"""What tells of wrong use or wrong input, whenever it is raised."""


REWORDED = (
    (
        r"Could not override '(.+?)'\. No match",
        "{0} cannot be chosen here: nothing that was chosen uses it; --help shows what can be",
    ),
    (r"Could not delete '(.+?)'", "~{0}: it cannot be left out, only chosen otherwise, as in {0}=..."),
    (
        r"Ambiguous value for argument '(.+?)=(.+?)' 1\.",
        "{0}={1}: add --multirun for one job each, or write '{0}=[{1}]' for one job with all",
    ),
    (
        r"While dereferencing interpolation '\$\{(\w+)\}': Incompatible value 'None'",
        "{0}=null: give a word or a path, or leave {0}= out",
    ),
    (r"MammoError raised while resolving interpolation: (.*)", "{0}"),
)
"""Hydra's words, and ours for what is in brackets."""

NO_CHOICE = {
    "Config group override must be a string or a list": "null is no choice: name one or leave the key out",
    "can only concatenate str": "in brackets go names, as in 'maps=[emb,sal]'",
}
"""How Hydra begins to speak of a choice that is no name, without saying which, and our words."""


def sentence(error: BaseException) -> str:
    """The error in our words where Hydra's speak of its insides, else in its own, on one line."""
    if isinstance(error.__cause__, MammoError | ConfigKeyError | ConfigAttributeError):
        error = error.__cause__
    words = " ".join(str(error).split()) or type(error).__name__
    for theirs, ours in REWORDED:
        if found := re.match(theirs, words):
            return ours.format(*found.groups())
    match error:
        case OmegaConfBaseException(full_key=str(key)):
            return _of_key(error, key)
        case MissingConfigException(missing_cfg_file=str(file)):
            known = f"choose from {', '.join(error.options)}" if error.options else "--help shows what can be chosen"
            return f"{file} does not exist: {known}"
        case OverrideParseException():
            return (
                f"cannot read {error.override!r}: write key=value, in single quotes where there are brackets; a value "
                "with blanks or letters beyond a to z needs two pairs, as in 'root=\"runs/x y\"'"
            )
        case ValueError() | TypeError():
            told = next((ours for theirs, ours in NO_CHOICE.items() if words.startswith(theirs)), words)
            return f"{told} (given: {' '.join(sys.argv[1:])})"
    return words


def _of_key(error: OmegaConfBaseException, key: str) -> str:
    if isinstance(error, ConfigKeyError | ConfigAttributeError):
        return f"{key} is not a key of this command's configuration: --help shows them all"
    if isinstance(error, MissingMandatoryValue):
        return f"{key} is needed here and has no value: give one, as in {key}=..."
    return f"{key}: {str(error).splitlines()[0]}"
