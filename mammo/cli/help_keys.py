"""The keys of a composed configuration with values and meanings, in sections, for a command's help page."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo.cli.conf_comments import ConfFile, all_comments
from mammo.cli.value_types import shown

LAUNCHER = "hydra/launcher"
"""Hydra's only group that a user chooses from: where the jobs of a sweep run."""

LONGEST_VALUE = 60
"""Characters of a value that are shown."""

Row = tuple[str, str]
"""What to type, and what it means."""


@dataclass(frozen=True)
class Composed:
    """A composed configuration and where it comes from.

    Attributes:
        cfg: the configuration, with Hydra's node.
        parts: the files that it is made of, in the order in which later ones win: each one's path below conf/ without
            suffix, that of the file that names it, and its place in the configuration.
        files: the comments of each.
        folders: the configuration tree and the user's own one.
        launchers: all choices of LAUNCHER.
    """

    cfg: DictConfig
    parts: tuple[tuple[str, str, str], ...]
    files: Mapping[str, ConfFile]
    folders: tuple[Path, ...]
    launchers: tuple[str, ...]

    @classmethod
    def of(cls, name: str, conf: Path, overrides: Sequence[str]) -> "Composed":
        """Compose the configuration of a command.

        Args:
            name: of the command.
            conf: the configuration tree.
            overrides: those of the command line, each of one value.
        """
        with initialize_config_dir(str(conf), version_base="1.3"):
            cfg = compose(name, list(overrides), return_hydra_config=True)
            loader = GlobalHydra.instance().config_loader()
            found = loader.compute_defaults_list(name, list(overrides), RunMode.RUN).defaults
            launchers = tuple(loader.get_group_options(LAUNCHER))
        folders = (conf, *(Path(each.removeprefix("file://")) for each in cfg.hydra.searchpath))
        parts = [(each.config_path or "", each.parent or "", each.package or "") for each in found]
        parts = [part for part in parts if not part[0].startswith("hydra/") or part[0].startswith(LAUNCHER)]
        places = {path: next((place for place in _places(path, folders)), None) for path, _, _ in parts}
        files = {path: ConfFile.read(place, package) for path, _, package in parts if (place := places[path])}
        return cls(cfg, tuple(part for part in parts if part[0] in files), files, folders, launchers)

    @property
    def launcher(self) -> str:
        """The present choice of LAUNCHER."""
        return str(self.cfg.hydra.runtime.choices[LAUNCHER])


def _places(path: str, folders: Sequence[Path]) -> Iterator[Path]:
    """Yield the files of a path below conf/ without suffix, in each folder that has one."""
    yield from (place for folder in folders if (place := folder / f"{path}.yaml").is_file())


def key_sections(composed: Composed) -> Iterator[tuple[str, list[Row]]]:
    """Yield keys with values and meanings: those of the first level, untitled, then those of each part."""
    comments = all_comments(composed.files.values())
    leaves = list(_leaves(composed.cfg, ""))
    top = [leaf for leaf in leaves if "." not in leaf[0] or leaf[0].rpartition(".")[0] in _merged(leaves, comments)]
    yield "", list(_rows(top, comments))
    rest = [leaf for leaf in leaves if leaf not in top]
    for part, keys in groupby(rest, lambda leaf: leaf[0].partition(".")[0]):
        yield f"{part}: {_about(part, comments, composed)}".rstrip(": "), list(_rows(list(keys), comments))
    if composed.launcher != "basic":
        part, file = LAUNCHER.replace("/", "."), composed.files.get(f"{LAUNCHER}/{composed.launcher}")
        leaves = [leaf for leaf in _leaves(composed.cfg.hydra.launcher, part) if "_target_" not in leaf[0]]
        rows = [(_typed(key, value), comments.get(key, "")) for key, value in leaves]
        yield f"{part}: {' '.join(file.head if file else ())}".rstrip(": "), rows


def _about(part: str, comments: Mapping[str, str], composed: Composed) -> str:
    """What a part of the configuration is: the comment above it, or those of the files that were chosen."""
    group = f"{part}/"
    chosen = [path for path, parent, _ in composed.parts if path.startswith(group) and not parent.startswith(group)]
    heads = (" ".join(composed.files[path].head).rstrip(".") for path in chosen)
    return comments.get(part) or "; ".join(filter(None, heads))


def _leaves(cfg: DictConfig, place: str) -> Iterator[tuple[str, object]]:
    """Yield every key that holds no further ones, and its value; Hydra's own are left out."""
    for name in cfg:
        key = f"{place}.{name!s}".lstrip(".")
        node = cfg._get_node(name)
        if key == "hydra":
            continue
        if isinstance(node, DictConfig) and not node._is_none() and not node._is_missing() and len(node):
            yield from _leaves(node, key)
        else:
            yield key, _plain(cfg, name)


def _plain(cfg: DictConfig, name: Any) -> object:  # noqa: ANN401
    """The value of a key, with what it refers to where that is known."""
    if OmegaConf.is_missing(cfg, name):
        return "???"
    try:
        value = cfg[name]
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException:  # it depends on a value that is missing
        plain = OmegaConf.to_container(cfg, resolve=False)
        assert isinstance(plain, dict)
        return plain[name]


def _merged(leaves: Sequence[tuple[str, object]], comments: Mapping[str, str]) -> set[str]:
    """The parents whose keys stand in one row, since they share one comment."""
    shared: dict[str, list[str]] = {}
    for key, _ in leaves:
        shared.setdefault(key.rpartition(".")[0], []).append(comments.get(key, ""))
    return {parent for parent, texts in shared.items() if parent and len(texts) > 1 and len(set(texts)) == 1}


def _rows(leaves: Sequence[tuple[str, object]], comments: Mapping[str, str]) -> Iterator[Row]:
    """Yield what to type for each key, and its meaning."""
    merged = _merged(leaves, comments)
    for parent, each in groupby(leaves, lambda leaf: leaf[0].rpartition(".")[0]):
        keys = dict(each)
        meaning = comments.get(next(iter(keys)), "")
        if parent in merged:
            keys = {parent: {key.rpartition(".")[2]: value for key, value in keys.items()}}
        for key, value in keys.items():
            yield _typed(key, value), (meaning if parent in merged else comments.get(key, ""))


def _typed(key: str, value: object) -> str:
    """What to type for a key; of a long value the beginning."""
    return f"{key}={textwrap.shorten(shown(value), LONGEST_VALUE, placeholder=' ...')}"
