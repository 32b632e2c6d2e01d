"""Checks of Hydra's own part of a configuration, which Hydra builds classes from before a command begins.

Files in a --config-dir or on a searchpath may come from someone else. Hydra would call whatever they name, as a
callback, launcher, sweeper or logging handler; here each must be a class of that kind, and what changes the machine
beyond the run's folder (shell commands, variables of the environment, folders) comes from conf/ or the command line.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import yaml
from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo.cli.config_check import parsed
from mammo.cli.targets import Bases, Place, check
from mammo.cli.value_types import shown
from mammo.limits import check_yaml
from mammo.records import MammoError

PLUGINS = ("hydra", "hydra_plugins", "optuna")
"""Packages of Hydra's launchers and sweepers, and of what a sweeper is made of."""

OWN_WORD = {
    "hydra.job.env_set": None,
    "hydra.job.env_copy": None,
    "hydra.job.chdir": None,
    "hydra.run.dir": "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}",
    "hydra.sweep.dir": "multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}",
    "hydra.sweep.subdir": "${hydra.job.num}",
    "hydra.output_subdir": ".hydra",
    "hydra.launcher.setup": None,
    "hydra.launcher.python": None,
    "hydra.launcher.srun_args": None,
    "hydra.launcher.additional_parameters": None,
    "hydra.launcher.submitit_folder": "${hydra.sweep.dir}/.submitit/%j",
    "hydra.launcher.temp_folder": None,
    "overwrite": None,
    "again": None,
}
"""Keys by which a file could run commands, write anywhere or replace what is there, and Hydra's own values of them."""

HANDLERS = ("logging.StreamHandler", "logging.FileHandler", "logging.NullHandler")
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
LOG_FILE = re.compile(r"\$\{hydra\.runtime\.output_dir\}/[\w.${}-]+")
"""What a logging handler may be, and where it may write."""

MOST_FILES = 10_000
"""Most files in a folder of configurations."""


def check_hydra(cfg: DictConfig, conf: Path, overrides: Sequence[Override], allowed: Sequence[str]) -> None:
    """Check Hydra's part of a composed configuration, without building or calling anything.

    Args:
        cfg: a composed configuration, with Hydra's node.
        conf: the file of the command in conf/.
        overrides: the user's.
        allowed: packages that the command line allows (allow_targets).

    Raises:
        MammoError: a class is not of the kind that its place needs, a logging handler would call something else, or a
            file sets what only the command line may set.
    """
    packages = (*PLUGINS, *allowed)
    for key, bases, inner in (
        ("hydra.launcher", (Launcher,), ()),
        ("hydra.sweeper", (Sweeper,), _samplers()),
    ):
        check(_content(cfg, key), Place(key, bases, inner), packages)
    callbacks, ours = _content(cfg, "hydra.callbacks"), _written(OmegaConf.load(conf))
    for name, node in callbacks.items() if isinstance(callbacks, Mapping) else ():
        if node == _value(ours, f"hydra.callbacks.{name}"):
            continue  # it takes a second to import, and a wrong word is answered before
        check(node, Place(f"hydra.callbacks.{name}", (Callback,)), allowed)  # one of Hydra's own writes pickles
    for key in ("hydra.job_logging", "hydra.hydra_logging"):
        _check_logging(key, _value(_written(cfg), key))
    _check_own_word(cfg, conf, overrides)
    _check_offline(cfg, overrides)


def check_files(folders: Sequence[Path], conf: Path) -> None:
    """Check the files in folders of configurations, before Hydra reads any of them.

    Args:
        folders: given by the user; what is in them may come from someone else.
        conf: the configuration tree.

    Raises:
        MammoError: one would take long or much memory to read or resolve, or adds a folder (hydra.searchpath); or there
            are so many that it is not a folder of configurations.
    """
    paths = [Path(place) / name for folder in folders for place, _, names in _walked(folder) for name in names]
    contents = dict(_contents(path for path in paths if path.suffix == ".yaml"))
    for path, content in contents.items():
        if _value(content, "hydra.searchpath"):
            raise MammoError(
                f"{path} sets hydra.searchpath, but only the command line may: remove it there, and give "
                "hydra.searchpath=[...] yourself if you want it"
            )
    if contents:
        from mammo.cli.interpolations import check_references  # heavy: SciPy, which few command lines need

        check_references(contents, [content for _, content in _contents(conf.rglob("*.yaml"))])


def _contents(paths: Iterable[Path]) -> Iterator[tuple[Path, object]]:
    """Yield the files that are YAML, and their contents; MammoError for one that would take long or much memory."""
    for path in paths:
        try:
            check_yaml(path)
            yield path, yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        except (OSError, yaml.YAMLError):  # Hydra reports it where it is chosen
            continue
        except ValueError as error:
            raise MammoError(f"{path} cannot be read as a configuration ({error}): remove or correct it") from None


def searched_folders(config_dir: str | None, overrides: Sequence[Override]) -> list[Path]:
    """The folders of configurations that a command line names: its --config-dir, and those of hydra.searchpath."""
    given = [each.value() for each in overrides if each.key_or_group == "hydra.searchpath"]
    words = [
        str(word).removeprefix("file://") for value in given for word in (value if isinstance(value, list) else [])
    ]
    return [Path(word) for word in (*([config_dir] if config_dir else []), *words) if Path(word).is_dir()]


def _walked(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """The folders in a folder and their files, links followed as by Hydra."""
    n_entries = 0
    for found in os.walk(folder, followlinks=True):
        n_entries += 1 + len(found[2])
        if n_entries > MOST_FILES:
            raise MammoError(
                f"{folder} holds more than {MOST_FILES:,} files, or a link to itself: name a folder laid out as conf/"
            )
        yield found


def check_allowed(cfg: DictConfig, words: Sequence[str]) -> None:
    """Check that allow_targets, which lets a configuration build classes of more packages, is the user's own word.

    Args:
        cfg: a composed configuration.
        words: the user's command line.

    Raises:
        MammoError: allow_targets has another value than the command line gives it: it comes from a file.
    """
    given = parsed([word for word in words if word.lstrip("+").startswith("allow_targets=")])
    if list(cfg.get("allow_targets") or []) != packages_allowed(given):
        raise MammoError(
            f"allow_targets={cfg.allow_targets} comes from a file, but only the command line may allow packages: "
            "remove it there, and check what the file builds before you allow it yourself"
        )


def packages_allowed(overrides: Sequence[Override]) -> list[str]:
    """The packages that overrides of the command line allow (allow_targets); the last one counts."""
    given = [override.value() for override in overrides if override.key_or_group == "allow_targets"]
    return [str(name) for name in given[-1]] if given and isinstance(given[-1], list) else []


def _samplers() -> Bases:
    """What Optuna's sweeper is made of, where Optuna is installed."""
    if find_spec("optuna") is None:
        return ()
    from optuna.samplers import BaseSampler  # type: ignore[import-not-found, unused-ignore]

    return (BaseSampler,)


def _content(cfg: DictConfig, key: str) -> object:
    """The resolved content of a key; values that cannot be resolved yet, as the folder of a job, are left out."""
    try:
        return _resolved(OmegaConf.select(cfg, key))
    except OmegaConfBaseException:
        return None


def _resolved(node: object) -> object:
    if isinstance(node, DictConfig):
        return {str(name): value for name, value in _values(node, list(node))}
    if isinstance(node, ListConfig):
        return [value for _, value in _values(node, range(len(node)))]
    return node


def _values(node: DictConfig | ListConfig, names: Sequence[object]) -> Iterator[tuple[object, object]]:
    for name in names:
        try:
            yield name, _resolved(node[name])  # type: ignore[index]
        except OmegaConfBaseException:
            continue


def _check_logging(key: str, node: object) -> None:
    """Check a configuration of Python's logging, which may name anything that is called or opened.

    Raises:
        MammoError: it names more than handlers that write to the terminal or to the job's own log file.
    """
    if isinstance(node, list):
        for each in node:
            _check_logging(key, each)
    for name, value in node.items() if isinstance(node, Mapping) else ():
        where = f"{key}.{name}"
        is_handler = name != "class" or value in HANDLERS
        is_stream = "://" not in str(value) or value in STREAMS or isinstance(value, Mapping | list)
        is_file = name != "filename" or LOG_FILE.fullmatch(str(value)) is not None
        if name in ("()", "factory") or str(name).startswith(".") or not (is_handler and is_stream and is_file):
            raise MammoError(
                f"{where}={shown(value)} is rejected: logging may only use {', '.join(HANDLERS)}, and a file in "
                "${hydra.runtime.output_dir}: leave it out"
            )
        _check_logging(where, value)


def _check_own_word(cfg: DictConfig, conf: Path, overrides: Sequence[Override]) -> None:
    """Check that the values of OWN_WORD are those of conf/, of Hydra, or of the command line."""
    given = [f"{override.key_or_group}." for override in overrides]
    composed, ours = _written(cfg), _written(OmegaConf.load(conf))
    for key, default in OWN_WORD.items():
        value = _value(composed, key)
        is_given = any(f"{key}.".startswith(each) or each.startswith(f"{key}.") for each in given)
        if value and not is_given and value not in (default, _value(ours, key)):
            raise MammoError(
                f"{key}={shown(value)} comes from a file, but only the command line may set it: remove it there, and "
                f"give {key}=... yourself if you want it"
            )


def _check_offline(cfg: DictConfig, overrides: Sequence[Override]) -> None:
    """Check that what a run logs goes to another machine only where the command line says so."""
    loggers = _value(_written(cfg), "logger")
    given = [override.get_key_element().lstrip("+") for override in overrides]
    for name, node in loggers.items() if isinstance(loggers, Mapping) else ():
        key = f"logger.{name}.offline"
        if _value(node, "offline") not in (None, True) and not any(f"{key}.".startswith(f"{each}.") for each in given):
            raise MammoError(
                f"{key}={shown(_value(node, 'offline'))} comes from a file, but only the command line may send results "
                f"to another machine: remove it there, and give {key}=false yourself if you want it"
            )


def _written(cfg: DictConfig | ListConfig) -> dict[str, object]:
    """A configuration as it is written, with its interpolations."""
    content = OmegaConf.to_container(cfg)
    return {str(name): value for name, value in content.items()} if isinstance(content, dict) else {}


def _value(content: object, key: str) -> object:
    """The value of a dotted key; None without one."""
    for name in key.split("."):
        content = content.get(name) if isinstance(content, Mapping) else None
    return content
