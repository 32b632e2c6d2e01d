"""Checks of a command line and of its configuration before anything is read or made: overrides, keys, types and ranges.

Hydra reads root=2024_11_28 as the number 20241128, and cannot read root=a(1): the text of a key that takes a name or a
path is put into quotes first, so that it stays what it is. YAML and Hydra accept seed=abc, data.scale=-1 and
official=maybe, which would fail much later, or not at all: every value is checked by itself, and keys together.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mammo.cli.keys import KEYS
from mammo.cli.value_types import ValueType, normalized_path, shown
from mammo.geometry import Frame
from mammo.records import MammoError

ADDABLE = ("model.", "callbacks.", "logger.", "intensity.", "trainer.", "backbone.arguments.", "hydra.")
"""Where a key that conf/ lacks may be added with +: all keys there are passed on, and unknown ones are rejected."""

FUNCTION = re.compile(r"(bool|choice|extend_list|float|glob|int|interval|json_str|range|shuffle|sort|str|tag)\(.*\)")
"""Hydra's functions of values and sweeps."""

WORD = re.compile(r"(?P<key>\+{0,2}[\w./@:-]+)=(?P<value>.*)", re.DOTALL)

ABSENT = object()
"""Stands for a key that a configuration lacks, whose value is missing (???), or depends on one that is."""


def parsed(words: Sequence[str]) -> list[Override]:
    """Hydra's reading of overrides; its OverrideParseException where it cannot read one."""
    return OverridesParser.create().parse_overrides(list(words))


def as_typed(words: Sequence[str], types: Mapping[str, ValueType]) -> list[str]:
    """A command line on which names and paths are quoted, as they are typed, and paths are normalized.

    Text in brackets or braces, with an interpolation, or of one of Hydra's functions stays as it is, and null is null;
    commas separate the values of a sweep, unless quotes of the user's own keep them.

    Args:
        words: the command line.
        types: what the keys take.
    """
    return [_quoted(word, types) for word in words]


def _quoted(word: str, types: Mapping[str, ValueType]) -> str:
    found = WORD.fullmatch(word)
    value_type = types.get(found["key"].lstrip("+")) if found else None
    if found is None or value_type is None or not value_type.is_text:
        return word
    value = found["value"].strip()
    if value == "null" or value[:1] in ("", "[", "{") or "${" in value or "???" in value or FUNCTION.fullmatch(value):
        return word
    if value[0] in "'\"":
        given = parsed([word])[0]
        if given.is_sweep_override():
            return word
        texts = [str(given.value())]
    else:
        texts = [text.strip() for text in value.split(",")]
    texts = [normalized_path(text) if value_type.is_path else text for text in texts]
    return f"{found['key']}={','.join(QuotedString(text, Quote.single).with_quotes() for text in texts)}"


def forced(words: Sequence[str]) -> list[str]:
    """A command line whose +key=value also sets a key that exists already; MammoError for a key that nothing reads."""
    result = []
    for word in words:
        bare = word.lstrip("+")
        key = bare.partition("=")[0]
        if word.startswith("+") and not f"{key}.".startswith(ADDABLE):
            raise MammoError(
                f"{word}: {key} cannot be added, nothing would read it: give keys that --help shows, without +"
            )
        result.append(f"++{bare}" if word.startswith("+") else word)
    return result


def check_deleted(words: Sequence[str], types: Mapping[str, ValueType]) -> None:
    """Check that no key that the command needs is left out, as in ~seed.

    Raises:
        MammoError: one is.
    """
    for word in words:
        key = word.removeprefix("~").partition("=")[0]
        needed = key in types or any(name.startswith(f"{key}.") for name in types)
        if word.startswith("~") and needed and key not in ("callbacks", "logger"):
            raise MammoError(f"~{key}: {key} cannot be left out, only changed, as in {key}=...")


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
    seen: set[str] = set(types)
    for key, value_type in types.items():
        parts = key.split(".")
        for place in (".".join(parts[:count]) for count in range(1, len(parts))):
            if place in seen:  # reading a group costs more than all its values
                continue
            seen.add(place)
            value = _value(cfg, place)
            if not isinstance(value, dict) and value is not ABSENT:
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
        region = _value(cfg, "gmic.region_cells")
        if isinstance(region, int) and region > min(sizes[:2]) // sizes[2]:
            yield (
                f"gmic.region_cells={region}: a region of {region} x {region} cells does not fit into the window of "
                f"{sizes[0] // sizes[2]} x {sizes[1] // sizes[2]} cells; give at most {min(sizes[:2]) // sizes[2]}"
            )
    shard, shards = _value(cfg, "shard"), _value(cfg, "shards")
    if isinstance(shard, int) and isinstance(shards, int) and shard >= shards:
        yield f"shard={shard}: give a whole number from 0 to {shards - 1}, because shards={shards}"
