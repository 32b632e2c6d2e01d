"""Wrong use and wrong input in one sentence, with the nearest known word for a misspelled one."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, MissingMandatoryValue, OmegaConfBaseException

from mammo.cli.arguments import about_file
from mammo.records import MammoError, did_you_mean
from mammo.text import nearest_words

WRONG = (MammoError, HydraException, OmegaConfBaseException)
"""Errors of wrong use or wrong input, whenever they are raised."""

SHOWN = 5
"""Keys that a message lists: the nearest ones."""

LAUNCHERS = (
    "choose another launcher, as in --multirun hydra/launcher=v100, whose settings are shown by "
    "hydra/launcher=v100 --help"
)
"""What to do about a setting that the present launcher lacks."""

REWORDED = (
    (r"Could not delete '(.+?)'", "~{0}: {0} cannot be left out, only changed, as in {0}=..."),
    (
        r"Ambiguous value for argument '(.+?)=(.+?)' 1\.",
        "{0}={1}: add --multirun for one job each, write '{0}=[{1}]' for one job with all, or '{0}=\"{1}\"' for one "
        "name with a comma",
    ),
    (
        r"While dereferencing interpolation '\$\{(\w+)\}': Incompatible value 'None'",
        "{0}=null: give a word or a path, or leave {0}= out",
    ),
    (r"MammoError raised while resolving interpolation: (.*)", "{0}"),
)
"""Patterns of Hydra's messages, and the sentences that replace them."""

NO_CHOICE = {
    "Config group override must be a string or a list": (
        "a choice is a name, not null, true or a number: name one or leave the key out"
    ),
    "can only concatenate str": "brackets hold names only, as in 'maps=[emb,sal]'",
}
"""How Hydra's messages on a choice that is no name begin, and what replaces them; Hydra does not say which choice."""


def sentence(error: BaseException, conf: Path | None = None) -> str:
    """The error on one line, or on those of a MammoError that is a list.

    It is reworded where Hydra's message speaks of its internals.

    Args:
        error: the error.
        conf: the configuration tree, for suggestions; None for those alone that the error itself brings.
    """
    if isinstance(error.__cause__, MammoError | ConfigKeyError | ConfigAttributeError):
        error = error.__cause__
    message = str(error) if isinstance(error, MammoError) else " ".join(str(error).split()) or type(error).__name__
    if reworded := _reworded(message, conf):
        return reworded
    match error:
        case OmegaConfBaseException(full_key=str(key)):
            return _about_key(error, key, conf)
        case MissingConfigException(missing_cfg_file=str(file)):
            ours = _options(file.rpartition("/")[0], conf)  # in folders, too, which Hydra's own list lacks
            return _unknown_choice(file, sorted({*(error.options or []), *ours}))
        case OverrideParseException():
            return (
                f"cannot read {error.override!r}: write key=value, in single quotes where there are brackets; a value "
                "with blanks or letters beyond a to z needs two pairs, as in 'root=\"runs/x y\"'"
            )
        case OSError():
            return about_file(error)
        case ValueError() | TypeError():
            plain = next((ours for theirs, ours in NO_CHOICE.items() if message.startswith(theirs)), message)
            return f"{plain} (given: {' '.join(sys.argv[1:])})"
    return message


def _reworded(message: str, conf: Path | None) -> str | None:
    """The sentence that replaces a message of Hydra's; None where it may stay."""
    if found := re.match(r"Could not override '(.+?)'\. No match", message):
        return _unused_group(found[1], conf)
    if found := re.match(r"Could not delete from config\. '(.+?)' does not exist", message):
        return _unknown_key(found[1], None, conf)
    for pattern, reworded in REWORDED:
        if found := re.match(pattern, message):
            return reworded.format(*found.groups())
    return None


def _about_key(error: OmegaConfBaseException, key: str, conf: Path | None) -> str:
    if isinstance(error, ConfigKeyError | ConfigAttributeError):
        parent = error.parent_node
        return _unknown_key(key, parent if isinstance(parent, DictConfig) else None, conf)
    if isinstance(error, MissingMandatoryValue):
        return f"{key} is needed here and has no value: give one, as in {key}=..."
    return f"{key}: {str(error).splitlines()[0]}"


def _unknown_key(key: str, parent: DictConfig | None, conf: Path | None) -> str:
    """A sentence on a key that the configuration lacks; parent is the part of it where the key was looked for."""
    place = key.rpartition(".")[0]
    content = {} if parent is None else OmegaConf.to_container(parent, resolve=False)
    assert isinstance(content, Mapping)
    known = list(_dotted({name: value for name, value in content.items() if name != "hydra"}, place))
    groups = [] if conf is None or place else [str(path.relative_to(conf)) for path in sorted(conf.rglob("*/"))]
    if key in groups:
        return _unused_group(key, conf)
    ends = [name for name in known if name.rpartition(".")[2] == key]
    known = [name for name in known if not name.endswith("_target_")]
    hint = did_you_mean(key, [*known, *groups]) or did_you_mean(key, ends, cutoff=0)
    if place == "hydra.launcher":
        return f"{key} is not a setting of the launcher that is chosen{hint}: {LAUNCHERS}"
    names = list(map(str, content)) if place else []
    if len(names) > SHOWN:
        names = [*nearest_words(key.rpartition(".")[2], names, SHOWN, cutoff=0), "..."]
    known_there = f"{place} has {', '.join(names)}; " if names else ""
    return f"{key} is not a key of this command's configuration{hint}: {known_there}--help shows them all"


def _dotted(content: Mapping[object, object], place: str) -> Iterator[str]:
    """Every key of nested mappings, as in trainer.max_epochs."""
    for name, value in content.items():
        key = f"{place}.{name}".lstrip(".")
        yield key
        if isinstance(value, Mapping):
            yield from _dotted(value, key)


def _unknown_choice(file: str, options: Sequence[str] | None) -> str:
    """A sentence on a choice such as model/flok that its group lacks."""
    group, _, name = file.rpartition("/")
    known = f"choose from {', '.join(options)}" if options else "--help shows what can be chosen"
    if group == "experiment":
        known += "; --config-dir FOLDER adds those of your own in FOLDER/experiment"
    if group == "backbone":
        known += f"; for any other network of timm: backbone=timm backbone.name={name}"
    return f"{file} does not exist{did_you_mean(name, options or [])}: {known}"


def _options(group: str, conf: Path | None) -> list[str]:
    """The choices of a group, those in folders of it as in demo/floc; none where the group's folders are groups."""
    if conf is None or not group:
        return []
    folder = conf / group
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def _unused_group(group: str, conf: Path | None) -> str:
    """A sentence on a group that exists, but not in what was chosen."""
    bringing = [] if conf is None else sorted(set(owners(group, conf)))
    reason = f"it belongs to {' or '.join(bringing)}" if bringing else "nothing that was chosen uses it"
    return f"{group} cannot be chosen here: {reason}; --help shows what can be chosen"


def owners(group: str, conf: Path) -> Iterator[str]:
    """Yield the commands and choices whose defaults list a group of the tree conf, as in model=floc."""
    for path in conf.rglob("*.yaml"):
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError):
            continue
        for entry in content.get("defaults", []) if isinstance(content, dict) else []:
            if isinstance(entry, dict) and group in (name.removeprefix("/") for name in entry):
                yield f"python -m mammo.{path.stem}" if path.parent == conf else f"{path.parent.name}={path.stem}"
