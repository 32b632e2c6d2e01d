"""Checks of a command's configuration before anything is read or made: every key's type and range, and keys together.

YAML and Hydra accept seed=abc, data.scale=-1 and official=maybe, which would fail much later, or not at all.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo.cli.keys import KEYS
from mammo.cli.overrides import parsed
from mammo.cli.value_types import ValueType, shown
from mammo.geometry import Frame
from mammo.records import MammoError

ABSENT = object()
"""Stands for a key that a configuration lacks, whose value is missing (???), or depends on one that is."""


def check_config(name: str, cfg: DictConfig) -> None:
    """Check every value of a command's configuration that is there; values that are missing are left out.

    Args:
        name: of the command.
        cfg: its composed configuration.

    Raises:
        MammoError: values have the wrong type, are out of range or contradict one another; all that do are named, with
            key, value and what to give instead.
    """
    problems = list(_problems(cfg, KEYS.get(name, {}))) or list(_contradictions(cfg))
    if problems:
        raise MammoError("; ".join(problems))


def check_swept(name: str, swept: Sequence[Override]) -> None:
    """Check the values of a sweep's keys, as check_config does.

    Args:
        name: of the command.
        swept: overrides with several values.

    Raises:
        MammoError: as check_config.
    """
    types = KEYS.get(name, {})
    for override in swept:
        key = override.get_key_element().lstrip("+")
        if key in types:
            for text in override.sweep_string_iterator():
                value = parsed([f"{key}={text}"])[0].value()
                if problem := types[key].problem(key, value):
                    raise MammoError(problem)


def undeclared(cfg: DictConfig, types: Mapping[str, ValueType], place: str = "") -> Iterator[str]:
    """Yield the keys of a configuration that KEYS does not list, `hydra` and keys below a free one left out."""
    for name in cfg:
        key = f"{place}.{name!s}".lstrip(".")
        if name == "hydra" or key in types:
            continue
        node = cfg._get_node(name)
        if isinstance(node, DictConfig) and not node._is_none() and any(each.startswith(f"{key}.") for each in types):
            yield from undeclared(node, types, key)
        else:
            yield key


def _problems(cfg: DictConfig, types: Mapping[str, ValueType]) -> Iterator[str]:
    """Yield what is wrong with each value by itself."""
    broken: set[str] = set()
    for key, value_type in types.items():
        parts = key.split(".")
        for place in (".".join(parts[:count]) for count in range(1, len(parts))):
            value = _value(cfg, place)
            if place not in types and not isinstance(value, dict) and value is not ABSENT and place not in broken:
                broken.add(place)
                yield f"{place}={shown(value)}: {place} holds other keys: set those, as in {key}=..."
        value = _value(cfg, key)
        if value is not ABSENT and (problem := value_type.problem(key, value)):
            yield problem


def _value(cfg: DictConfig, key: str) -> Any:  # noqa: ANN401
    """The plain value of a key, or ABSENT."""
    try:
        value = OmegaConf.select(cfg, key, default=ABSENT)
        return OmegaConf.to_container(value, resolve=OmegaConf.is_list(value)) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException:  # it refers to a value that is missing or wrong itself
        return ABSENT


def _contradictions(cfg: DictConfig) -> Iterator[str]:
    """Yield what is wrong with values together."""
    sizes = [_value(cfg, f"frame.{name}") for name in ("height", "width", "cell_px")]
    if ABSENT not in sizes:
        try:
            Frame(*sizes)
        except ValueError:
            yield (
                f"frame.cell_px={sizes[2]} does not divide frame.height={sizes[0]} and frame.width={sizes[1]}: give a "
                "height and a width that are whole numbers of cells"
            )
    shard, shards = _value(cfg, "shard"), _value(cfg, "shards")
    if isinstance(shard, int) and isinstance(shards, int) and shard >= shards:
        yield f"shard={shard}: give a whole number from 0 to {shards - 1}, because shards={shards}"
