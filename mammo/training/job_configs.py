"""Configurations of a sweep's jobs, composed once for all jobs that differ in numbers and words only.

Hydra composes a configuration in a quarter of a second of computing, most of it for reading and merging files. These
depend on the choices of groups, not on values such as seed=3, which Hydra sets at the end.
"""

import copy
from collections.abc import Sequence
from functools import cache

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict, read_write


class JobConfigs:
    """The configurations of a sweep's jobs.

    Args:
        loader: Hydra's.
        config: of the sweep.
    """

    def __init__(self, loader: ConfigLoader, config: DictConfig) -> None:
        self.loader, self.config = loader, config
        self.composed: dict[tuple[str, ...], DictConfig] = {}
        self.groups: set[str] = set()

    def of(self, overrides: Sequence[str]) -> DictConfig:
        """A job's configuration as Hydra composes it, without Hydra's own node; a copy of its own.

        Raises:
            HydraException: as Hydra's, where it cannot be composed.
        """
        values, shared = self._parts(overrides)
        if shared not in self.composed:
            cfg = self._compose(overrides)
            values, shared = self._parts(overrides)  # it may have shown that a key is a group
            self.composed[shared] = cfg
        cfg = copy.deepcopy(self.composed[shared])
        for key, value in values.items():
            OmegaConf.update(cfg, key, value)
        return cfg

    def _parts(self, overrides: Sequence[str]) -> tuple[dict[str, object], tuple[str, ...]]:
        """The values that are set last, by key, and the overrides without them."""
        values = {
            key: one for key, one in _values([_parsed(each) for each in overrides]).items() if key not in self.groups
        }
        shared = [f"{key}=" if (key := each.partition("=")[0]) in values else each for each in overrides]
        return values, tuple(shared)

    def _compose(self, overrides: Sequence[str]) -> DictConfig:
        """What Hydra composes; the groups of which it chooses files are kept."""
        cfg = self.loader.load_sweep_config(self.config, list(overrides))
        self.groups.update(map(str, cfg.hydra.runtime.choices))
        with read_write(cfg), open_dict(cfg):
            del cfg["hydra"]
        return cfg


def _values(overrides: Sequence[Override]) -> dict[str, object]:
    """The new values by key: of the overrides whose effect depends on no other one, and that set a single value."""
    keys = [each.key_or_group for each in overrides]
    return {
        each.key_or_group: each.value()
        for each in overrides
        if each.type == OverrideType.CHANGE
        and each.package is None
        and not each.is_hydra_override()
        and not isinstance(each.value(), dict | list)
        and sum(_overlap(each.key_or_group, key) for key in keys) == 1
    }


def _overlap(key: str, other: str) -> bool:
    """Whether one of two keys is, or lies below, the other."""
    return f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")


@cache
def _parsed(text: str) -> Override:
    parsed: Override = OverridesParser.create().parse_override(text)
    return parsed
